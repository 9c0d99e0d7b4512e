/*
 * SIP load for soak runs and comparisons: both ends of a proxy in one
 * process. Outside, N clients over TLS register, call and hang up, or do one
 * of the two; inside, a next hop over mutual TLS answers, keeps the Path and
 * calls back every second time. No policy, no timers but one deadline for
 * each cycle.
 *
 * Prints one JSON object: cycles, failed, seconds, messages.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/rand.h"
#include "common/net/listener.h"
#include "common/net/stream.h"
#include "common/run/loop.h"
#include "common/sip/sip_build.h"
#include "common/sip/sip_edit.h"
#include "common/sip/sip_frame.h"
#include "common/sip/sip_msg.h"
#include "common/sip/sip_reply.h"

#define CYCLE_MS   20000
#define CLIENT_MAX 20000

struct load;

/* One SIP connection: a client's outside, or the proxy's inside. */
struct leg {
	struct load *load;
	struct stream *stream;
	struct sip_frame frame;
	struct client *client; /* NULL: an inside leg */
	struct leg *next;      /* inside legs */
};

enum step {
	STEP_CONNECT,
	STEP_REGISTER,
	STEP_CALL,   /* INVITE is out, in either direction */
	STEP_HANGUP, /* BYE is out */
};

/* What a cycle is made of. */
enum shape {
	SHAPE_BOTH,
	SHAPE_REGISTER,
	SHAPE_CALL, /* one REGISTER when it connects */
};

struct client {
	unsigned number;
	struct leg leg;
	enum step step;
	bool from_inside; /* this cycle's direction */
	char path[256];   /* what the inside learned by REGISTER */
	char contact[192];
	char call_id[40];
	uint32_t cseq;
	struct mono since;
};

struct load {
	struct loop *loop;
	struct tls_ctx *outside;
	struct tls_ctx *inside;
	struct listener *listener;
	struct leg *legs; /* inside legs, newest first */
	struct addr edge;
	struct addr bind;
	const char *name; /* of the proxy outside */
	const char *domain;
	struct addr hop;
	char hop_contact[96];
	bool reconnect;
	bool one_way;
	enum shape shape;
	unsigned long want;
	unsigned long started;
	unsigned long done;
	unsigned long failed;
	unsigned long messages;
	struct client *clients;
	unsigned client_count;
	struct loop_timer *tick;
	unsigned rotate; /* source addresses taken in turn */
	unsigned bind_count;
};

static void cycle_start(struct client *c);

static void send_bytes(struct leg *leg, char *text, size_t len)
{
	leg->load->messages++;
	(void)stream_send(leg->stream, text, len);
	free(text);
}

static void request(struct leg *leg, struct sip_request *r)
{
	char branch[SIP_BRANCH_LEN];
	char *text;
	size_t len;

	r->branch = sip_branch(branch);
	r->via_params = ";rport";
	if (sip_build(r, &text, &len) == 0)
		send_bytes(leg, text, len);
}

static void answer(struct leg *leg, const struct sip_msg *m, unsigned status,
	const char *contact)
{
	struct sip_field field = {"Contact", str_of(contact)};
	struct sip_reply reply = {
		.status = status,
		.fields = &field,
		.field_count = contact != NULL ? 1 : 0,
		.keep_record_route = status < 300,
	};
	char *text;
	size_t len;

	if (sip_reply_print(m, &reply, &text, &len) == 0)
		send_bytes(leg, text, len);
}

static const char SDP[] =
	"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n"
	"t=0 0\r\nm=audio 50000 RTP/SAVP 0 8 101\r\n"
	"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
	"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
	"a=sendrecv\r\n";

/* ---- cycles ------------------------------------------------------------ */

static void cycle_end(struct client *c, bool good)
{
	struct load *load = c->leg.load;

	if (good)
		load->done++;
	else
		load->failed++;
	if (load->done + load->failed >= load->want) {
		loop_stop(load->loop);
		return;
	}
	if (load->started < load->want)
		cycle_start(c);
}

static void send_register(struct client *c)
{
	char aor[96];
	char from[128];
	char to[128];
	char uri[80];
	char via[ADDR_TEXT_LEN];
	struct sip_field fields[] = {
		{"Expires", STR_LIT("300")},
		{"Supported", STR_LIT("path, outbound")},
	};
	struct sip_request r = {
		.method = "REGISTER",
		.uri = uri,
		.via_host = addr_text(stream_local(c->leg.stream), via),
		.from = from,
		.to = to,
		.call_id = c->call_id,
		.cseq = ++c->cseq,
		.contact = c->contact,
		.fields = fields,
		.field_count = ARRAY_COUNT(fields),
	};

	snprintf(uri, sizeof(uri), "sip:%.64s", c->leg.load->domain);
	snprintf(aor, sizeof(aor), "<sip:u%u@%.64s>", c->number,
		c->leg.load->domain);
	snprintf(from, sizeof(from), "%s;tag=r%u", aor, c->number);
	snprintf(to, sizeof(to), "%s", aor);
	snprintf(c->contact, sizeof(c->contact),
		"<sip:u%u@%s;transport=tls;ob>;reg-id=1;+sip.instance="
		"\"<urn:uuid:00000000-0000-0000-0000-%012u>\"",
		c->number, via, c->number);
	c->step = STEP_REGISTER;
	request(&c->leg, &r);
}

/* From the client, or from the inside over the newest connection. */
static void send_invite(struct client *c)
{
	struct load *load = c->leg.load;
	struct leg *leg = c->from_inside ? load->legs : &c->leg;
	const char *route = c->path;
	char uri[160];
	char from[128];
	char to[128];
	char via[ADDR_TEXT_LEN];
	struct sip_request r = {
		.method = "INVITE",
		.uri = uri,
		.from = from,
		.to = to,
		.call_id = c->call_id,
		.cseq = 1,
		.contact = c->contact,
		.content_type = "application/sdp",
		.body = STR_LIT(SDP),
	};

	if (leg == NULL) {
		cycle_end(c, false);
		return;
	}
	rand_token(c->call_id, 24);
	r.via_host = addr_text(stream_local(leg->stream), via);
	if (c->from_inside) {
		snprintf(uri, sizeof(uri), "sip:u%u@%.64s;transport=tls",
			c->number, load->domain);
		snprintf(from, sizeof(from), "<sip:in%u@%.64s>;tag=i",
			c->number, load->domain);
		snprintf(to, sizeof(to), "<sip:u%u@%.64s>", c->number,
			load->domain);
		r.routes = &route;
		r.route_count = c->path[0] != '\0';
		r.contact = load->hop_contact;
	} else {
		snprintf(uri, sizeof(uri), "sip:in%u@%.64s", c->number,
			load->domain);
		snprintf(from, sizeof(from), "<sip:u%u@%.64s>;tag=o",
			c->number, load->domain);
		snprintf(to, sizeof(to), "<sip:in%u@%.64s>", c->number,
			load->domain);
	}
	c->step = STEP_CALL;
	request(leg, &r);
}

/* ACK, and BYE right after it, along the route set of the 200. */
static void send_ack_and_bye(struct leg *leg, struct client *c,
	struct sip_msg *ok)
{
	struct sip_addr target;
	char via[ADDR_TEXT_LEN];
	char **routes = NULL;
	size_t count = 0;
	char *from = str_dup(ok->from.text);
	char *to = str_dup(ok->to.text);
	char *uri = NULL;
	struct sip_request r = {
		.method = "ACK",
		.via_host = addr_text(stream_local(leg->stream), via),
		.from = from,
		.to = to,
		.call_id = c->call_id,
		.cseq = 1,
	};

	if (sip_msg_addr(ok, SIP_HEADER_CONTACT, 0, &target) != 0 ||
		sip_routes_from(ok, true, &routes, &count) != 0 ||
		from == NULL || to == NULL)
		goto out;
	uri = str_dup(target.uri.text);
	if (uri == NULL)
		goto out;
	r.uri = uri;
	r.routes = (const char *const *)routes;
	r.route_count = count;
	request(leg, &r);
	r.method = "BYE";
	r.cseq = 2;
	c->step = STEP_HANGUP;
	request(leg, &r);
out:
	sip_routes_free(routes, count);
	free(uri);
	free(from);
	free(to);
}

/* ---- messages ---------------------------------------------------------- */

static struct client *client_of(struct load *load, struct str user)
{
	uint32_t n;

	if (user.n < 2 || str_to_u32(str_skip(user, user.p[0] == 'u' ? 1 : 2),
		    &n) != 0 || n >= load->client_count)
		return NULL;
	return &load->clients[n];
}

static void on_inside_request(struct leg *leg, struct sip_msg *m)
{
	struct client *c = client_of(leg->load, m->from.uri.user);
	struct sip_addr path;

	if (m->method_id == SIP_ACK)
		return;
	if (m->method_id == SIP_REGISTER && c != NULL &&
		sip_msg_addr(m, SIP_HEADER_PATH, 0, &path) == 0 &&
		str_copy(path.text, c->path, sizeof(c->path)) != 0)
		c->path[0] = '\0';
	answer(leg, m, 200,
		m->method_id == SIP_INVITE ?
			leg->load->hop_contact :
			NULL);
}

static void on_outside_request(struct leg *leg, struct sip_msg *m)
{
	struct client *c = leg->client;

	if (m->method_id == SIP_ACK)
		return;
	answer(leg, m, 200, m->method_id == SIP_INVITE ? c->contact : NULL);
}

/* The side that called gets these. */
static void on_response(struct leg *leg, struct client *c, struct sip_msg *m)
{
	if (m->status < 200 || c == NULL)
		return;
	if (m->status != 200) {
		log_limited(LOG_LEVEL_WARNING, 20, "load.refused",
			"status=%u step=%d", m->status, (int)c->step);
		cycle_end(c, false);
		return;
	}
	if (m->method_id == SIP_REGISTER && c->step == STEP_REGISTER &&
		leg->load->shape == SHAPE_REGISTER)
		cycle_end(c, true);
	else if (m->method_id == SIP_REGISTER && c->step == STEP_REGISTER)
		send_invite(c);
	else if (m->method_id == SIP_INVITE && c->step == STEP_CALL)
		send_ack_and_bye(leg, c, m);
	else if (m->method_id == SIP_BYE && c->step == STEP_HANGUP)
		cycle_end(c, true);
}

static void on_message(struct leg *leg, struct str text)
{
	struct load *load = leg->load;
	struct sip_fault fault;
	struct sip_msg *m = NULL;
	int err = sip_msg_parse(&m, text, &fault);

	load->messages++;
	if (err != 0)
		log_limited(LOG_LEVEL_WARNING, 20, "load.bad", "cause=%s",
			fault.cause);
	else if (!m->is_request && leg->client != NULL)
		on_response(leg, leg->client, m);
	else if (!m->is_request)
		on_response(leg, client_of(load, m->to.uri.user), m);
	else if (leg->client != NULL)
		on_outside_request(leg, m);
	else
		on_inside_request(leg, m);
	sip_msg_free(m);
}

/* ---- connections ------------------------------------------------------- */

static const struct sip_frame_limits LIMITS = {65536, 8192, 128, 131072};

static void on_data(struct stream *s, const uint8_t *data, size_t len,
	void *arg)
{
	struct leg *leg = arg;
	struct str rest = {(const char *)data, len};
	struct sip_frame_item item;

	while (leg->stream == s && sip_frame_next(&leg->frame, &rest, &item) ==
		0 && item.kind != SIP_FRAME_NONE && item.kind != SIP_FRAME_BAD)
		if (item.kind == SIP_FRAME_MESSAGE)
			on_message(leg, item.message);
}

static void on_ready(struct stream *s, void *arg)
{
	struct leg *leg = arg;

	(void)s;
	if (leg->client != NULL)
		send_register(leg->client);
}

static void on_end(struct stream *s, enum stream_end end, const char *detail,
	void *arg)
{
	struct leg *leg = arg;
	struct load *load = leg->load;
	struct leg **at = &load->legs;

	(void)s;
	sip_frame_fini(&leg->frame);
	if (leg->client != NULL) {
		if (leg->stream == NULL)
			return;
		leg->stream = NULL;
		log_limited(LOG_LEVEL_WARNING, 20, "load.closed",
			"end=%s detail=%s", stream_end_name(end),
			log_qz(detail));
		cycle_end(leg->client, false);
		return;
	}
	while (*at != NULL && *at != leg)
		at = &(*at)->next;
	if (*at != NULL)
		*at = leg->next;
	free(leg);
}

static const struct stream_ops OPS = {
	.on_ready = on_ready,
	.on_data = on_data,
	.on_end = on_end,
};

static void on_accept(int fd, const struct addr *remote, void *arg)
{
	struct load *load = arg;
	struct leg *leg = calloc(1, sizeof(*leg));

	if (leg == NULL)
		abort();
	leg->load = load;
	sip_frame_init(&leg->frame, &LIMITS);
	if (stream_accept(&leg->stream, load->loop, fd, remote, load->inside,
		    NULL, &OPS, leg) != 0) {
		free(leg);
		return;
	}
	leg->next = load->legs;
	load->legs = leg;
}

static void client_connect(struct client *c)
{
	struct load *load = c->leg.load;
	struct stream_target target = {
		.local = load->bind,
		.remote = load->edge,
		.name = load->name,
	};

	target.local.port = 0;
	if (load->bind_count > 1)
		target.local.ip[15] = (uint8_t)(target.local.ip[15] +
			load->rotate++ % load->bind_count);
	sip_frame_init(&c->leg.frame, &LIMITS);
	c->step = STEP_CONNECT;
	if (stream_connect(&c->leg.stream, load->loop, &target, load->outside,
		    NULL, &OPS, &c->leg) != 0) {
		c->leg.stream = NULL;
		cycle_end(c, false);
	}
}

static void on_reconnect(void *arg)
{
	client_connect(arg);
}

static void cycle_start(struct client *c)
{
	struct load *load = c->leg.load;

	load->started++;
	c->since = loop_now(load->loop);
	c->from_inside = !load->one_way && (load->started & 1) == 0;
	rand_token(c->call_id, 24);
	if (c->leg.stream != NULL && !load->reconnect) {
		if (load->shape == SHAPE_CALL)
			send_invite(c);
		else
			send_register(c);
		return;
	}
	if (c->leg.stream != NULL) {
		struct stream *old = c->leg.stream;

		c->leg.stream = NULL;
		stream_free(old);
		sip_frame_fini(&c->leg.frame);
	}
	if (loop_defer(load->loop, on_reconnect, c) != 0)
		abort();
}

static void on_tick(void *arg)
{
	struct load *load = arg;
	struct mono now = loop_now(load->loop);
	unsigned i;

	for (i = 0; i < load->client_count; i++) {
		struct client *c = &load->clients[i];

		if (load->started <= i)
			break;
		if (mono_since_ms(c->since, now) > CYCLE_MS &&
			load->done + load->failed < load->want) {
			log_limited(LOG_LEVEL_WARNING, 20, "load.late",
				"step=%d", (int)c->step);
			c->since = now;
			cycle_end(c, false);
		}
	}
	loop_timer_start(load->tick, 1000);
}

/* ---- start ------------------------------------------------------------- */

static const char USAGE[] =
	"usage: sip_load --edge ADDR:PORT --name NAME --ca FILE\n"
	"  --inside ADDR:PORT --cert FILE --key FILE --inside-ca FILE\n"
	"  [--domain D] [--bind ADDR] [--bind-count N] [--clients N]\n"
	"  [--cycles N] [--reconnect] [--one-way]\n"
	"  [--only register|call]\n";

static int need_addr(const char *text, struct addr *out)
{
	if (addr_parse(str_of(text), out) == 0)
		return 0;
	fprintf(stderr, "sip_load: %s is no address\n", text);
	return -1;
}

static int prepare(struct load *load, const struct tls_spec *outside,
	const struct tls_spec *inside)
{
	struct listener_spec listen = {.address = load->hop};
	struct why why = {""};
	char text[ADDR_TEXT_LEN];
	unsigned i;

	snprintf(load->hop_contact, sizeof(load->hop_contact),
		"<sip:in@%s;transport=tls>", addr_text(&load->hop, text));
	if (loop_new(&load->loop) != 0 ||
		tls_ctx_new(&load->outside, outside, &why) != 0 ||
		tls_ctx_new(&load->inside, inside, &why) != 0 ||
		listener_new(&load->listener, &listen, &why) != 0 ||
		listener_start(load->listener, load->loop, on_accept, load) !=
			0 ||
		loop_timer_new(&load->tick, load->loop, on_tick, load) != 0) {
		fprintf(stderr, "sip_load: %s\n", why.text);
		return -1;
	}
	load->clients = calloc(load->client_count, sizeof(*load->clients));
	if (load->clients == NULL)
		return -1;
	for (i = 0; i < load->client_count; i++) {
		load->clients[i].number = i;
		load->clients[i].leg.load = load;
		load->clients[i].leg.client = &load->clients[i];
	}
	return 0;
}

static const struct option OPTIONS[] = {
	{"edge", required_argument, NULL, 'e'},
	{"name", required_argument, NULL, 'n'},
	{"ca", required_argument, NULL, 'a'},
	{"inside", required_argument, NULL, 'i'},
	{"cert", required_argument, NULL, 'c'},
	{"key", required_argument, NULL, 'k'},
	{"inside-ca", required_argument, NULL, 'A'},
	{"domain", required_argument, NULL, 'd'},
	{"bind", required_argument, NULL, 'b'},
	{"bind-count", required_argument, NULL, 'B'},
	{"clients", required_argument, NULL, 'N'},
	{"cycles", required_argument, NULL, 'C'},
	{"reconnect", no_argument, NULL, 'r'},
	{"one-way", no_argument, NULL, 'o'},
	{"only", required_argument, NULL, 'O'},
	{NULL, 0, NULL, 0},
};

struct job {
	struct load load;
	struct tls_spec outside;
	struct tls_spec inside;
};

static int take_shape(enum shape *out)
{
	static const char *const names[] = {
		[SHAPE_REGISTER] = "register", [SHAPE_CALL] = "call"};

	for (size_t i = SHAPE_REGISTER; i < ARRAY_COUNT(names); i++) {
		if (strcmp(optarg, names[i]) != 0)
			continue;
		*out = (enum shape)i;
		return 0;
	}
	return -1;
}

static int take_option(struct job *job, int c)
{
	struct load *load = &job->load;

	switch (c) {
	case 'e':
		return need_addr(optarg, &load->edge);
	case 'i':
		return need_addr(optarg, &load->hop);
	case 'b':
		return need_addr(optarg, &load->bind);
	case 'n':
		load->name = optarg;
		return 0;
	case 'a':
		job->outside.trust_path = optarg;
		return 0;
	case 'A':
		job->inside.trust_path = optarg;
		return 0;
	case 'c':
		job->inside.chain_path = optarg;
		return 0;
	case 'k':
		job->inside.key_path = optarg;
		return 0;
	case 'd':
		load->domain = optarg;
		return 0;
	case 'B':
		return str_to_u32(str_of(optarg), &load->bind_count);
	case 'N':
		return str_to_u32(str_of(optarg), &load->client_count);
	case 'C':
		load->want = strtoul(optarg, NULL, 10);
		return 0;
	case 'r':
		load->reconnect = true;
		return 0;
	case 'o':
		load->one_way = true;
		return 0;
	case 'O':
		return take_shape(&load->shape);
	}
	return -1;
}

static int take_options(struct job *job, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1)
		if (take_option(job, c) != 0)
			return -1;
	if (job->load.name == NULL || job->inside.chain_path == NULL ||
		job->load.client_count == 0 ||
		job->load.client_count > CLIENT_MAX)
		return -1;
	return 0;
}

int main(int argc, char **argv)
{
	struct job job = {
		.load = {.domain = "contoso.test", .client_count = 8,
			.want = 1000, .bind_count = 1},
		.outside = {.role = TLS_ROLE_CLIENT,
			.verify = TLS_VERIFY_REQUIRE},
		.inside = {.role = TLS_ROLE_SERVER, .verify = TLS_VERIFY_ASK},
	};
	struct load *load = &job.load;
	struct mono begin;

	if (take_options(&job, argc, argv) != 0) {
		fputs(USAGE, stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	log_init("sip_load", LOG_LEVEL_NOTICE, false);
	if (prepare(load, &job.outside, &job.inside) != 0)
		return 2;
	loop_timer_start(load->tick, 1000);
	loop_turn(load->loop, 0);
	begin = mono_now();
	for (unsigned i = 0;
		i < load->client_count && load->started < load->want; i++)
		cycle_start(&load->clients[i]);
	loop_run(load->loop);
	printf("{\"cycles\": %lu, \"failed\": %lu, \"seconds\": %.3f, "
	       "\"messages\": %lu}\n",
		load->done, load->failed,
		(double)mono_since_ms(begin, mono_now()) / 1000.0,
		load->messages);
	return load->failed == 0 ? 0 : 1;
}
