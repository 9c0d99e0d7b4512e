/*
 * The inside stand-in: a registrar and proxy over TLS, for the demo and the
 * tests, where a Front End or Kamailio would be. Lives here: options,
 * connections, the trace. Where requests go: inside_proxy.c; REGISTER:
 * inside_registrar.c. See tests/mock/README.md.
 */
#include "tests/mock/inside.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/sip/sip_reply.h"

#define HEAD_MAX  65536
#define LINE_MAX_ 8192
#define LINES_MAX 128
#define BODY_MAX  ((size_t)5 << 20)

/* ---- the trace ----------------------------------------------------------- */

static void trace_line(const char *from, const char *to,
	const struct sip_msg *m)
{
	char *text;
	struct timespec now;
	json_t *line;

	clock_gettime(CLOCK_REALTIME, &now);
	line = json_pack("{s:I, s:s, s:s, s:s%, s:s%, s:i}", "time_us",
		(json_int_t)now.tv_sec * 1000000 + now.tv_nsec / 1000, "from",
		from, "to", to, "method", m->method.p, m->method.n,
		"call_id", m->call_id.p, m->call_id.n, "cseq", (int)m->cseq);

	if (line == NULL)
		return; /* bytes that are no UTF-8 */
	if (!m->is_request) {
		json_object_set_new(line, "status",
			json_integer(m->status));
		json_object_set_new(line, "reason",
			json_stringn_nocheck(m->reason.p, m->reason.n));
	}
	text = json_dumps(line, JSON_COMPACT);
	if (text != NULL)
		puts(text);
	free(text);
	json_decref(line);
}

/* What we made ourselves has to be read to be traced. */
static void trace_text(struct peer *to, const char *text, size_t len)
{
	struct sip_fault fault;
	struct sip_msg *m = NULL;
	struct str all = { text, len };

	if (to->in->trace && sip_msg_parse(&m, all, &fault) == 0)
		trace_line("inside", to->name, m);
	sip_msg_free(m);
}

/* ---- sending ------------------------------------------------------------- */

void inside_send_text(struct peer *to, char *text, size_t len)
{
	trace_text(to, text, len);
	if (stream_send(to->stream, text, len) < 0)
		log_info("message.lost", "to=%s", log_qz(to->name));
	free(text);
}

void inside_send(struct peer *to, const struct sip_msg *m)
{
	char *text;
	size_t len;

	if (sip_msg_print(m, &text, &len) == 0)
		inside_send_text(to, text, len);
}

void inside_answer(struct peer *to, const struct sip_msg *request,
	unsigned status, const char *reason)
{
	struct sip_reply reply = { .status = status, .reason = reason };
	char *text;
	size_t len;

	if (sip_reply_print(request, &reply, &text, &len) == 0)
		inside_send_text(to, text, len);
}

/* ---- connections --------------------------------------------------------- */

struct peer *inside_peer_find(struct inside *in, uint32_t id)
{
	struct list *it;

	list_for_each(it, &in->peers) {
		struct peer *p = container_of(it, struct peer, node);

		if (p->id == id)
			return p;
	}
	return NULL;
}

struct peer *inside_peer_at(struct inside *in, const struct addr *remote)
{
	struct list *it;

	list_for_each(it, &in->peers) {
		struct peer *p = container_of(it, struct peer, node);

		if (addr_eq(stream_remote(p->stream), remote))
			return p;
	}
	return NULL;
}

static void peer_free(struct peer *p)
{
	list_remove(&p->node);
	bindings_drop_peer(&p->in->bindings, p->id);
	if (p->hop != NULL)
		p->hop->peer = NULL;
	else
		listener_gone(p->in->listener, stream_remote(p->stream));
	sip_frame_fini(&p->frame);
	free(p);
}

static void on_ready(struct stream *s, void *arg)
{
	struct peer *p = arg;
	const struct tls_peer *cert = stream_peer(s);
	const struct hop *edge = &p->in->edge;

	if (p->hop == NULL && edge->name != NULL &&
		tls_peer_has_name(cert, edge->name))
		snprintf(p->name, sizeof(p->name), "%s", edge->label);
	else if (p->hop == NULL && cert->name_count > 0)
		snprintf(p->name, sizeof(p->name), "%s", cert->names[0]);
	log_info("connection.opened", "peer=%s cipher=\"%s\"", log_qz(p->name),
		stream_cipher(s));
}

static void on_end(struct stream *s, enum stream_end end, const char *detail,
	void *arg)
{
	struct peer *p = arg;

	(void)s;
	log_info("connection.closed", "peer=%s reason=%s detail=%s",
		log_qz(p->name), stream_end_name(end), log_qz(detail));
	peer_free(p);
}

static void on_message(struct peer *p, struct str text)
{
	struct sip_msg *m = NULL;
	struct sip_fault fault;
	int err = sip_msg_parse(&m, text, &fault);

	if (err < 0) {
		log_info("message.refused", "peer=%s cause=%s",
			log_qz(p->name), err == EDGE_EMALFORMED ?
			log_qz(fault.cause) : err_name(err));
		if (m != NULL && fault.status != 0)
			inside_answer(p, m, fault.status, fault.reason);
	} else {
		if (p->in->trace)
			trace_line(p->name, "inside", m);
		if (m->is_request)
			inside_request(p, m);
		else
			inside_response(p, m);
	}
	sip_msg_free(m);
}

static void on_data(struct stream *s, const uint8_t *data, size_t len,
	void *arg)
{
	struct peer *p = arg;
	struct str rest = { (const char *)data, len };
	struct sip_frame_item item;

	do {
		if (sip_frame_next(&p->frame, &rest, &item) < 0) {
			stream_close(s);
			return;
		}
		if (item.kind == SIP_FRAME_MESSAGE)
			on_message(p, item.message);
		else if (item.kind == SIP_FRAME_PING)
			(void)stream_send(s, "\r\n", 2);
		else if (item.kind == SIP_FRAME_BAD)
			stream_close(s);
	} while (item.kind == SIP_FRAME_MESSAGE ||
		item.kind == SIP_FRAME_PING);
}

static const struct stream_ops ops = {
	.on_ready = on_ready,
	.on_data = on_data,
	.on_end = on_end,
};

static struct peer *peer_new(struct inside *in, const struct addr *remote)
{
	static const struct sip_frame_limits limits = { HEAD_MAX, LINE_MAX_,
		LINES_MAX, BODY_MAX };
	struct peer *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->in = in;
	p->id = ++in->last_id;
	addr_text(remote, p->name);
	sip_frame_init(&p->frame, &limits);
	list_init(&p->node);
	return p;
}

static void on_connection(int fd, const struct addr *remote, void *arg)
{
	struct inside *in = arg;
	struct stream_limits limits = { .queue_max = 2 * BODY_MAX };
	struct peer *p = peer_new(in, remote);

	if (p == NULL || stream_accept(&p->stream, in->loop, fd, remote,
		    in->server_tls, &limits, &ops, p) < 0) {
		listener_gone(in->listener, remote);
		free(p);
		return;
	}
	list_push_back(&in->peers, &p->node);
}

struct peer *inside_hop_peer(struct inside *in, struct hop *hop)
{
	struct stream_target target = { .remote = hop->at,
		.name = hop->name };
	struct stream_limits limits = { .handshake_ms = 5000,
		.queue_max = 2 * BODY_MAX };
	struct peer *p;

	if (hop->peer != NULL)
		return hop->peer;
	p = peer_new(in, &hop->at);
	if (p == NULL)
		return NULL;
	p->hop = hop;
	snprintf(p->name, sizeof(p->name), "%s", hop->label);
	target.local = addr_with_port(&in->at, 0);
	if (stream_connect(&p->stream, in->loop, &target, in->client_tls,
		    &limits, &ops, p) < 0) {
		free(p);
		return NULL;
	}
	hop->peer = p;
	list_push_back(&in->peers, &p->node);
	return p;
}

/* ---- the program --------------------------------------------------------- */

struct options {
	const char *listen;
	const char *name;
	const char *cert;
	const char *key;
	const char *ca;
	const char *domain;
	const char *edge;
	const char *av_auth;
	bool trace;
};

static const char usage[] =
	"Usage: inside --listen ADDR:PORT --cert FILE --key FILE --ca FILE\n"
	"              --domain DOMAIN [--edge NAME=ADDR:PORT]\n"
	"              [--av-auth NAME=ADDR:PORT] [--name NAME] [--trace]\n"
	"A small SIP registrar and proxy over TLS: the inside of a demo.\n"
	"  --listen ADDR:PORT   where clients and the edge connect\n"
	"  --cert, --key        our certificate; mutual TLS towards the edge\n"
	"  --ca                 who signed the edge's internal certificate\n"
	"  --domain             the SIP domain whose users register here\n"
	"  --edge               the edge's internal name and access address\n"
	"  --av-auth            the same of av-auth, for SERVICE\n"
	"  --name               our name, if not the first of the certificate\n"
	"  --trace              each message as a line of JSON on stdout\n";

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "name", required_argument, NULL, 'n' },
		{ "cert", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'k' },
		{ "ca", required_argument, NULL, 'a' },
		{ "domain", required_argument, NULL, 'd' },
		{ "edge", required_argument, NULL, 'e' },
		{ "av-auth", required_argument, NULL, 'v' },
		{ "trace", no_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (c) {
		case 'l': o->listen = optarg; break;
		case 'n': o->name = optarg; break;
		case 'c': o->cert = optarg; break;
		case 'k': o->key = optarg; break;
		case 'a': o->ca = optarg; break;
		case 'd': o->domain = optarg; break;
		case 'e': o->edge = optarg; break;
		case 'v': o->av_auth = optarg; break;
		case 't': o->trace = true; break;
		default: return -EINVAL;
		}
	}
	if (optind != argc || o->listen == NULL || o->cert == NULL ||
		o->key == NULL || o->ca == NULL || o->domain == NULL)
		return -EINVAL;
	return 0;
}

/* "NAME=ADDR:PORT" */
static int parse_hop(const char *text, struct hop *hop, struct why *why)
{
	const char *eq = text != NULL ? strchr(text, '=') : NULL;

	if (text == NULL)
		return 0;
	if (eq == NULL || eq == text ||
		addr_parse(str_of(eq + 1), &hop->at) < 0 || hop->at.port == 0)
		return why_set(why, -EINVAL,
			"%s: NAME=ADDR:PORT is expected", text);
	hop->name = strndup(text, (size_t)(eq - text));
	return hop->name != NULL ? 0 : -ENOMEM;
}

static int set_name(struct inside *in, const struct options *o,
	struct why *why)
{
	struct tls_cert_info info;
	int err;

	if (o->name != NULL) {
		snprintf(in->name, sizeof(in->name), "%s", o->name);
		return 0;
	}
	err = tls_cert_info_load(o->cert, &info, why);
	if (err < 0)
		return err;
	if (info.name_count == 0)
		return why_set(why, EDGE_ECONFIG,
			"certificate %s has no name; use --name", o->cert);
	snprintf(in->name, sizeof(in->name), "%s", info.names[0]);
	return 0;
}

static int make_tls(struct inside *in, const struct options *o,
	struct why *why)
{
	struct tls_spec spec = { .role = TLS_ROLE_SERVER,
		.verify = TLS_VERIFY_ASK, .chain_path = o->cert,
		.key_path = o->key, .trust_path = o->ca };
	int err;

	err = tls_ctx_new(&in->server_tls, &spec, why);
	if (err < 0)
		return err;
	spec.role = TLS_ROLE_CLIENT;
	spec.verify = TLS_VERIFY_REQUIRE;
	return tls_ctx_new(&in->client_tls, &spec, why);
}

static int inside_start(struct inside *in, const struct options *o,
	struct why *why)
{
	struct listener_spec spec = { .max_open = 20000 };
	char at[ADDR_TEXT_LEN];
	int err;

	in->domain = o->domain;
	in->edge.label = "access-edge";
	in->av_auth.label = "av-auth";
	in->trace = o->trace;
	if (addr_parse(str_of(o->listen), &in->at) < 0)
		return why_set(why, -EINVAL, "%s: ADDR:PORT is expected",
			o->listen);
	err = parse_hop(o->edge, &in->edge, why);
	if (err == 0)
		err = parse_hop(o->av_auth, &in->av_auth, why);
	if (err == 0)
		err = set_name(in, o, why);
	if (err == 0)
		err = make_tls(in, o, why);
	if (err < 0)
		return err;
	spec.address = in->at;
	err = listener_new(&in->listener, &spec, why);
	if (err < 0)
		return err;
	in->at = *listener_address(in->listener);
	err = listener_start(in->listener, in->loop, on_connection, in);
	if (err < 0)
		return why_set(why, err, "%s: %s", o->listen, err_text(err));
	log_notice("inside.ready", "address=%s name=%s domain=%s",
		addr_text(&in->at, at), log_qz(in->name), log_qz(in->domain));
	return 0;
}

static void inside_stop(struct inside *in)
{
	struct list *it;

	while ((it = list_first(&in->peers)) != NULL) {
		struct peer *p = container_of(it, struct peer, node);
		struct stream *s = p->stream;

		peer_free(p);
		stream_free(s);
	}
	listener_free(in->listener);
	bindings_fini(&in->bindings);
	tls_ctx_unref(in->server_tls);
	tls_ctx_unref(in->client_tls);
	free(in->edge.name);
	free(in->av_auth.name);
}

static void on_signal(void *arg)
{
	loop_stop(arg);
}

static int run(const struct options *o)
{
	struct inside in = { .last_id = 0 };
	struct loop_signal *term = NULL;
	struct loop_signal *intr = NULL;
	struct why why = { "" };
	int err;

	list_init(&in.peers);
	bindings_init(&in.bindings);
	err = loop_new(&in.loop);
	if (err == 0)
		err = loop_signal_new(&term, in.loop, SIGTERM, on_signal,
			in.loop);
	if (err == 0)
		err = loop_signal_new(&intr, in.loop, SIGINT, on_signal,
			in.loop);
	if (err == 0)
		err = inside_start(&in, o, &why);
	if (err == 0)
		loop_run(in.loop);
	else
		log_error("inside.failed", "reason=%s",
			log_qz(why_text(&why, err)));
	inside_stop(&in);
	loop_signal_free(term);
	loop_signal_free(intr);
	if (in.loop != NULL)
		loop_free(in.loop);
	return err == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct options o = { .listen = NULL };

	if (parse_options(argc, argv, &o) < 0) {
		fputs(usage, stderr);
		return 2;
	}
	log_init("inside", LOG_LEVEL_INFO, false);
	setvbuf(stdout, NULL, _IOLBF, 0);
	return run(&o);
}
