/*
 * One connection, one transaction of a client at a time. Framing, parsing
 * and printing are common/sip's, bytes common/net's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/digest.h"
#include "common/base/rand.h"
#include "common/net/stream.h"
#include "common/sip/sip_frame.h"
#include "common/sip/sip_reply.h"
#include "edgectl/probe_digest.h"
#include "edgectl/probe_sip.h"

#define CONNECT_MS 10000
#define ANSWER_MS  12000
#define URI_LEN    320

struct transaction {
	const struct probe_sip_ask *ask; /* NULL = none under way */
	char branch[SIP_BRANCH_LEN];
	char *credentials;            /* owned; header value */
	const char *credentials_name; /* its header */
	bool was_challenged;
	bool is_done;
	struct probe_sip_msg reply; /* owned */
};

struct probe_sip {
	struct probe *probe;
	char label[32];
	char server_label[32];
	char aor[URI_LEN];
	char domain[URI_LEN];
	char user[128];
	char password[128];
	bool has_password;
	char route[URI_LEN];
	char contact[2 * URI_LEN];
	char via[ADDR_TEXT_LEN];
	char cipher[96];
	char server_name[256];
	struct addr local;
	struct addr server;
	bool is_outbound;
	struct tls_ctx *tls;   /* owned */
	struct stream *stream; /* owned until on_end */
	struct sip_frame frame;
	bool is_ready;
	char end_text[256];
	struct transaction txn;
	struct probe_sip_msg invite; /* owned */
	bool has_ack;
	bool has_bye;
};

static const struct sip_frame_limits LIMITS = {
	.head_max = 65536,
	.line_max = 8192,
	.lines_max = 128,
	.body_max = 131072,
};

void probe_sip_msg_free(struct probe_sip_msg *m)
{
	sip_msg_free(m->msg);
	free(m->text);
	m->msg = NULL;
	m->text = NULL;
}

/* ---- sending ---- */

static int send_text(struct probe_sip *s, const char *text, size_t len)
{
	if (s->stream == NULL || stream_send(s->stream, text, len) < 0)
		return -ENOTCONN;
	return 0;
}

static int send_request(struct probe_sip *s, const struct probe_sip_ask *ask,
	const char *branch, uint32_t cseq, const char *credentials_name,
	const char *credentials)
{
	const char *const proxy[] = {s->route};
	struct sip_field fields[8];
	struct sip_request request = {
		.method = ask->method,
		.uri = ask->uri,
		.via_host = s->via,
		.branch = branch,
		.via_params = ";rport",
		.routes = ask->routes != NULL ? ask->routes : proxy,
		.route_count = ask->routes != NULL ? ask->route_count :
			s->route[0] != '\0'        ? 1 :
						     0,
		.from = ask->from,
		.to = ask->to,
		.call_id = ask->call_id,
		.cseq = cseq,
		.contact = ask->contact,
		.fields = fields,
		.content_type = ask->content_type,
		.body = ask->body,
	};
	char *text;
	size_t len;
	int err;

	for (size_t i = 0; i < ask->field_count && i < 6; i++)
		fields[request.field_count++] = ask->fields[i];
	if (credentials != NULL)
		fields[request.field_count++] =
			(struct sip_field){credentials_name,
				str_of(credentials)};
	fields[request.field_count++] = (struct sip_field){"User-Agent",
		STR_LIT("sallyport-edgectl/" EDGE_VERSION)};
	err = sip_build(&request, &text, &len);
	if (err != 0)
		return err;
	probe_trace(s->probe, s->label, s->server_label, "%s", ask->method);
	err = send_text(s, text, len);
	free(text);
	return err;
}

/* A non-2xx answer to INVITE is acknowledged in its own transaction (RFC
 * 3261 section 17.1.1.3). */
static int acknowledge(struct probe_sip *s, const struct sip_msg *reply)
{
	const struct probe_sip_ask *ask = s->txn.ask;
	char to[2 * URI_LEN];
	struct probe_sip_ask ack = *ask;

	snprintf(to, sizeof(to), "%.*s", STR_ARG(sip_msg_header(reply, "To")));
	ack.method = "ACK";
	ack.to = to;
	ack.contact = NULL;
	ack.field_count = 0;
	ack.content_type = NULL;
	ack.body = (struct str){"", 0};
	return send_request(s, &ack, s->txn.branch, *ask->cseq, NULL, NULL);
}

static int send_again(struct probe_sip *s)
{
	(*s->txn.ask->cseq)++;
	sip_branch(s->txn.branch);
	return send_request(s, s->txn.ask, s->txn.branch, *s->txn.ask->cseq,
		s->txn.credentials_name, s->txn.credentials);
}

/* ---- receiving ---- */

/* The first challenge whose scheme we know, answered. */
static bool answer_challenge(struct probe_sip *s, const struct sip_msg *m)
{
	const bool is_proxy = m->status == 407;
	const char *name = is_proxy ? "Proxy-Authenticate" : "WWW-Authenticate";
	char cnonce[17];

	rand_token(cnonce, sizeof(cnonce) - 1);
	for (size_t i = 0; i < m->line_count; i++) {
		const struct probe_digest d = {
			.challenge = m->lines[i].value,
			.user = s->user,
			.password = s->password,
			.method = s->txn.ask->method,
			.uri = s->txn.ask->uri,
			.cnonce = cnonce,
		};

		if (!str_ieq_z(m->lines[i].name, name) ||
			probe_digest_answer(&d, &s->txn.credentials) != 0)
			continue;
		s->txn.credentials_name =
			is_proxy ? "Proxy-Authorization" : "Authorization";
		return true;
	}
	return false;
}

static void on_response(struct probe_sip *s, struct probe_sip_msg *m)
{
	const struct sip_msg *msg = m->msg;
	struct transaction *t = &s->txn;

	probe_trace(s->probe, s->server_label, s->label, "%u %.*s (%.*s)",
		msg->status, STR_ARG(msg->reason), STR_ARG(msg->method));
	if (t->ask == NULL || t->is_done || msg->status < 200 ||
		!str_eq_z(msg->via.branch, t->branch) ||
		!str_eq_z(msg->method, t->ask->method))
		return;
	if (msg->status >= 300 && strcmp(t->ask->method, "INVITE") == 0 &&
		acknowledge(s, msg) != 0)
		return;
	if ((msg->status == 401 || msg->status == 407) && s->has_password &&
		!t->was_challenged && answer_challenge(s, msg)) {
		t->was_challenged = true;
		if (send_again(s) == 0)
			return;
	}
	t->reply = *m;
	t->is_done = true;
	m->msg = NULL;
	m->text = NULL;
}

static void auto_reply(struct probe_sip *s, const struct sip_msg *m,
	unsigned status)
{
	struct why why;

	/* The peer repeats or times out when this is lost with the
	 * connection; whoever waits sees that it ended. */
	if (probe_sip_reply(s, m, &(struct sip_reply){.status = status},
		    &why) != 0)
		return;
}

static void on_request(struct probe_sip *s, struct probe_sip_msg *m)
{
	const struct sip_msg *msg = m->msg;

	probe_trace(s->probe, s->server_label, s->label, "%.*s",
		STR_ARG(msg->method));
	switch (msg->method_id) {
	case SIP_ACK:
		s->has_ack = true;
		return;
	case SIP_INVITE:
		if (s->invite.msg != NULL) {
			auto_reply(s, msg, 486);
			return;
		}
		s->invite = *m;
		m->msg = NULL;
		m->text = NULL;
		return;
	case SIP_BYE:
		s->has_bye = true;
		auto_reply(s, msg, 200);
		return;
	default:
		auto_reply(s, msg,
			msg->method_id == SIP_OPTIONS ||
					msg->method_id == SIP_NOTIFY ?
				200 :
				405);
	}
}

static void take_message(struct probe_sip *s, struct str text)
{
	struct probe_sip_msg m = {.text = str_dup(text)};
	struct sip_fault fault;

	if (m.text == NULL ||
		sip_msg_parse(&m.msg, (struct str){m.text, text.n}, &fault) !=
			0) {
		probe_trace(s->probe, s->server_label, s->label,
			"a message that can't be read");
		probe_sip_msg_free(&m);
		return;
	}
	if (m.msg->is_request)
		on_request(s, &m);
	else
		on_response(s, &m);
	probe_sip_msg_free(&m);
}

static void on_ready(struct stream *stream, void *arg)
{
	struct probe_sip *s = arg;
	const char *extra = s->is_outbound ? ";ob" : "";

	s->is_ready = true;
	addr_text(stream_local(stream), s->via);
	snprintf(s->contact, sizeof(s->contact), "<sip:%s@%s;transport=tls%s>",
		s->user, s->via, extra);
	snprintf(s->cipher, sizeof(s->cipher), "%s", stream_cipher(stream));
}

static void on_data(struct stream *stream, const uint8_t *bytes, size_t len,
	void *arg)
{
	struct probe_sip *s = arg;
	struct str data = {(const char *)bytes, len};
	struct sip_frame_item item;

	while (sip_frame_next(&s->frame, &data, &item) == 0) {
		switch (item.kind) {
		case SIP_FRAME_NONE:
			return;
		case SIP_FRAME_MESSAGE:
			take_message(s, item.message);
			break;
		case SIP_FRAME_PING:
			stream_send(stream, "\r\n", 2);
			break;
		case SIP_FRAME_BAD:
			stream_close(stream);
			return;
		}
	}
}

static void on_end(struct stream *stream, enum stream_end end,
	const char *detail, void *arg)
{
	struct probe_sip *s = arg;

	(void)stream;
	s->stream = NULL;
	snprintf(s->end_text, sizeof(s->end_text), "%s%s%s",
		stream_end_name(end), detail[0] != '\0' ? ": " : "", detail);
}

static const struct stream_ops OPS = {
	.on_ready = on_ready,
	.on_data = on_data,
	.on_end = on_end,
};

/* ---- life ---- */

/* "sip:alice@example.com" into user and domain. */
static int take_aor(struct probe_sip *s, const char *aor, struct why *why)
{
	const char *at = strchr(aor, '@');

	if (strncmp(aor, "sip:", 4) != 0 || at == NULL || at == aor + 4 ||
		at[1] == '\0' || strlen(aor) >= sizeof(s->aor) ||
		strpbrk(aor, " \t\r\n<>\";") != NULL)
		return why_set(why, EDGE_ECONFIG,
			"%s: not an address such "
			"as sip:alice@example.com",
			aor);
	snprintf(s->aor, sizeof(s->aor), "%s", aor);
	snprintf(s->domain, sizeof(s->domain), "%s", at + 1);
	return str_copy((struct str){aor + 4, (size_t)(at - aor - 4)}, s->user,
		sizeof(s->user));
}

int probe_sip_new(struct probe_sip **out, struct probe *probe,
	const struct probe_sip_spec *spec, struct why *why)
{
	struct probe_sip *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->probe = probe;
	s->local = spec->local;
	s->server = spec->server;
	s->is_outbound = spec->is_outbound;
	sip_frame_init(&s->frame, &LIMITS);
	snprintf(s->label, sizeof(s->label), "%s", spec->label);
	snprintf(s->server_label, sizeof(s->server_label), "%s",
		spec->server_label);
	snprintf(s->server_name, sizeof(s->server_name), "%s",
		spec->server_name);
	if (spec->route != NULL)
		snprintf(s->route, sizeof(s->route), "%s", spec->route);
	if (spec->password != NULL) {
		s->has_password = true;
		snprintf(s->password, sizeof(s->password), "%s",
			spec->password);
	}
	err = take_aor(s, spec->aor, why);
	if (err == 0)
		err = tls_ctx_new(&s->tls,
			&(struct tls_spec){
				.role = TLS_ROLE_CLIENT,
				.verify = TLS_VERIFY_REQUIRE,
				.trust_path = spec->trust_path,
			},
			why);
	if (err != 0) {
		probe_sip_free(s);
		return err;
	}
	*out = s;
	return 0;
}

void probe_sip_free(struct probe_sip *s)
{
	if (s == NULL)
		return;
	stream_free(s->stream);
	tls_ctx_unref(s->tls);
	sip_frame_fini(&s->frame);
	probe_sip_msg_free(&s->invite);
	probe_sip_msg_free(&s->txn.reply);
	free(s->txn.credentials);
	digest_wipe(s->password, sizeof(s->password));
	free(s);
}

static bool is_connected(void *arg)
{
	const struct probe_sip *s = arg;

	return s->is_ready || s->stream == NULL;
}

int probe_sip_connect(struct probe_sip *s, struct why *why)
{
	const struct stream_target target = {
		.local = s->local,
		.remote = s->server,
		.name = s->server_name,
	};
	const struct stream_limits limits = {.handshake_ms = CONNECT_MS};
	char where[ADDR_TEXT_LEN];
	int err;

	addr_text(&s->server, where);
	err = stream_connect(&s->stream, s->probe->loop, &target, s->tls,
		&limits, &OPS, s);
	if (err != 0)
		return why_set(why, err, "can't connect to %s: %s", where,
			err_text(err));
	err = probe_wait(s->probe, CONNECT_MS, is_connected, s);
	if (err == 0 && s->is_ready) {
		probe_trace(s->probe, s->label, s->server_label,
			"%.*s handshake", (int)strcspn(s->cipher, " "),
			s->cipher);
		return 0;
	}
	if (err == 0)
		err = EDGE_EPEER;
	return why_set(why, err, "can't connect to %s (%s): %s", where,
		s->server_name,
		s->end_text[0] != '\0' ?
			s->end_text :
			"no answer in time; is the port open, does a "
			"firewall drop "
			"it?");
}

const char *probe_sip_aor(const struct probe_sip *s)
{
	return s->aor;
}

const char *probe_sip_domain(const struct probe_sip *s)
{
	return s->domain;
}

const char *probe_sip_contact(const struct probe_sip *s)
{
	return s->contact;
}

const char *probe_sip_cipher(const struct probe_sip *s)
{
	return s->cipher;
}

struct probe *probe_sip_probe(struct probe_sip *s)
{
	return s->probe;
}

/* ---- transactions ---- */

static int lost(const struct probe_sip *s, const char *method, struct why *why)
{
	return why_set(why, EDGE_EPEER, "%s: the connection to %s ended: %s",
		method, s->server_label, s->end_text);
}

int probe_sip_begin(struct probe_sip *s, const struct probe_sip_ask *ask,
	struct why *why)
{
	int err;

	probe_sip_msg_free(&s->txn.reply);
	free(s->txn.credentials);
	s->txn = (struct transaction){.ask = ask};
	err = send_again(s);
	if (err == -ENOTCONN)
		return lost(s, ask->method, why);
	if (err != 0)
		return why_set(why, err, "%s can't be built: %s", ask->method,
			err_text(err));
	return 0;
}

bool probe_sip_is_answered(const struct probe_sip *s)
{
	return s->txn.is_done || s->stream == NULL;
}

static bool is_answered(void *arg)
{
	return probe_sip_is_answered(arg);
}

/* "403 Forbidden (1008 \"...\")": what administrators look for. */
static int refused(const struct probe_sip *s, const char *method,
	struct why *why)
{
	const struct sip_msg *m = s->txn.reply.msg;
	struct str detail = sip_msg_header(m, "ms-diagnostics");

	if (detail.n == 0)
		detail = sip_msg_header(m, "ms-diagnostics-public");
	if (detail.n == 0)
		detail = sip_msg_header(m, "Warning");
	if ((m->status == 401 || m->status == 407) && !s->has_password)
		detail = STR_LIT("a password is needed");
	else if (m->status == 401 || m->status == 407)
		detail = STR_LIT("wrong user or password, or no scheme that "
				 "we know");
	return why_set(why, EDGE_EREFUSED, "%s: answered %u %.*s%s%.*s%s",
		method, m->status, STR_ARG(m->reason), detail.n > 0 ? " (" : "",
		STR_ARG(detail), detail.n > 0 ? ")" : "");
}

int probe_sip_finish(struct probe_sip *s, struct why *why,
	struct probe_sip_msg *reply)
{
	const char *method = s->txn.ask->method;
	int err = probe_wait(s->probe, ANSWER_MS, is_answered, s);

	s->txn.ask = NULL;
	if (err != 0)
		return why_set(why, err, "%s: no final answer from %s in %d s",
			method, s->server_label, ANSWER_MS / 1000);
	if (!s->txn.is_done)
		return lost(s, method, why);
	if (s->txn.reply.msg->status >= 300)
		return refused(s, method, why);
	if (reply != NULL) {
		*reply = s->txn.reply;
		memset(&s->txn.reply, 0, sizeof(s->txn.reply));
	}
	return 0;
}

int probe_sip_ask(struct probe_sip *s, const struct probe_sip_ask *ask,
	struct probe_sip_msg *reply, struct why *why)
{
	int err = probe_sip_begin(s, ask, why);

	return err != 0 ? err : probe_sip_finish(s, why, reply);
}

int probe_sip_tell(struct probe_sip *s, const struct probe_sip_ask *ask,
	struct why *why)
{
	char branch[SIP_BRANCH_LEN];
	int err = send_request(s, ask, sip_branch(branch), *ask->cseq, NULL,
		NULL);

	if (err == -ENOTCONN)
		return lost(s, ask->method, why);
	return err != 0 ? why_set(why, err, "%s can't be built: %s",
				  ask->method, err_text(err)) :
			  0;
}

int probe_sip_reply(struct probe_sip *s, const struct sip_msg *request,
	const struct sip_reply *reply, struct why *why)
{
	char *text;
	size_t len;
	int err = sip_reply_print(request, reply, &text, &len);

	if (err != 0)
		return why_set(why, err, "the answer %u can't be built: %s",
			reply->status, err_text(err));
	probe_trace(s->probe, s->label, s->server_label, "%u %s (%.*s)",
		reply->status, sip_reason_text(reply->status),
		STR_ARG(request->method));
	err = send_text(s, text, len);
	free(text);
	return err != 0 ? lost(s, "answer", why) : 0;
}

bool probe_sip_has_invite(const struct probe_sip *s)
{
	return s->invite.msg != NULL;
}

bool probe_sip_has_ack(const struct probe_sip *s)
{
	return s->has_ack;
}

bool probe_sip_has_bye(const struct probe_sip *s)
{
	return s->has_bye;
}

bool probe_sip_is_ended(const struct probe_sip *s)
{
	return s->stream == NULL;
}

const char *probe_sip_end_text(const struct probe_sip *s)
{
	return s->end_text;
}

struct probe_sip_msg probe_sip_take_invite(struct probe_sip *s)
{
	struct probe_sip_msg m = s->invite;

	memset(&s->invite, 0, sizeof(s->invite));
	return m;
}
