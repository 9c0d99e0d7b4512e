/*
 * One connection of a client. Lives here: its life, and what the server asks
 * of it. Does not live here: its own requests (probe_sip_txn.c); framing,
 * parsing and printing are common/sip's, bytes common/net's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/sip/sip_reply.h"
#include "edgectl/probe/probe_sip_priv.h"

#define CONNECT_MS 10000

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

int probe_sip_send_text(struct probe_sip *s, const char *text, size_t len)
{
	if (s->stream == NULL || stream_send(s->stream, text, len) < 0)
		return -ENOTCONN;
	return 0;
}

int probe_sip_lost(const struct probe_sip *s, const char *method,
	struct why *why)
{
	return why_set(why, EDGE_EPEER, "%s: the connection to %s ended: %s",
		method, s->server_label, s->end_text);
}

/* ---- receiving ---- */

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
		probe_sip_take_response(s, &m);
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

/* ---- answers of ours, and what came ---- */

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
	err = probe_sip_send_text(s, text, len);
	free(text);
	return err != 0 ? probe_sip_lost(s, "answer", why) : 0;
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
