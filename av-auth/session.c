/*
 * A connection of an inside server: TLS is done when it begins to count,
 * the certificate's name must have the right av-auth, then messages are cut
 * out of the stream and answered one by one. Deadlines: a message that is
 * begun must be finished soon, silence ends a connection after half an hour.
 */
#include "av-auth/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "av-auth/counters.h"
#include "av-auth/remember.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/net/stream.h"
#include "common/net/stream_review.h"
#include "common/sip/sip_frame.h"
#include "common/store/trusted.h"

#define IDLE_MS       1800000
#define UNFINISHED_MS 30000

/* Bodies over 256 KiB are answered with a reasonPhrase, so some more must
 * get through; over this the connection ends. */
static const struct sip_frame_limits LIMITS = {
	.head_max = 64u << 10,
	.line_max = 8u << 10,
	.lines_max = 128,
	.body_max = 1u << 20,
};

struct session {
	struct list link;
	struct server *server; /* borrowed */
	struct stream *stream; /* owned */
	struct sip_frame frame;
	struct addr remote;
	uint32_t port_id;
	char id[24];
	char name[256]; /* of the server; "" = not admitted (yet) */
	struct wall since;
	struct mono begun; /* when the message that comes in did begin */
	bool is_begun;
	uint64_t requests;
	bool is_to_be_reviewed; /* others are trusted by now */
	bool is_over; /* closing; what still comes in is not read */
};

struct session *session_of(struct list *at)
{
	return container_of(at, struct session, link);
}

void session_free(struct session *s)
{
	struct server *server = s->server;

	if (s->name[0] != '\0')
		counter_sub(server->counters, COUNT_CONNECTIONS_OPEN, 1);
	server_gone(server, s->port_id, &s->remote);
	server->session_count--;
	list_remove(&s->link);
	sip_frame_fini(&s->frame);
	stream_free(s->stream);
	free(s);
}

static void close_session(struct session *s)
{
	s->is_over = true;
	stream_close(s->stream);
}

static struct remember_peer peer_of(const struct session *s, const char *name)
{
	return (struct remember_peer){s->id, name, &s->remote};
}

/* ---- admission ---------------------------------------------------------- */

static void refuse_peer(struct session *s, const char *cause)
{
	const struct tls_peer *peer = stream_peer(s->stream);
	const char *name = peer->name_count > 0 ? peer->names[0] : "";
	const struct remember_peer who = peer_of(s, name);
	char remote[ADDR_TEXT_LEN];

	remember_stranger(s->server->service->recall, &who, cause);
	counter_add(s->server->counters, COUNT_REFUSED_UNTRUSTED, 1);
	log_limited(LOG_LEVEL_WARNING, 60, "session.refused",
		"session=%s remote=%s name=%s reason=\"%s\"", s->id,
		addr_text(&s->remote, remote),
		log_qz(name), cause);
	close_session(s);
}

static bool is_still_trusted(struct session *s)
{
	struct tls_ctx *ctx = tls_watch_get(s->server->tls);
	bool is_trusted = stream_review(s->stream, ctx);

	tls_ctx_unref(ctx);
	s->is_to_be_reviewed = false;
	return is_trusted;
}

static void on_ready(struct stream *stream, void *arg)
{
	struct session *s = arg;
	const struct topology_trust *row;
	char remote[ADDR_TEXT_LEN];
	const char *cause;

	if (s->is_to_be_reviewed && !is_still_trusted(s)) {
		refuse_peer(s, "no trusted authority stands behind its "
			"certificate");
		return;
	}
	row = trusted_find(s->server->topology, TOPOLOGY_GRANT_AV_AUTH,
		stream_peer(stream), &cause);
	if (row == NULL) {
		refuse_peer(s, cause);
		return;
	}
	memcpy(s->name, row->fqdn, sizeof(s->name));
	stream_set_idle_ms(stream, IDLE_MS);
	counter_add(s->server->counters, COUNT_CONNECTIONS, 1);
	counter_add(s->server->counters, COUNT_CONNECTIONS_OPEN, 1);
	log_info("session.opened", "session=%s server=%s remote=%s cipher=%s",
		s->id, log_qz(s->name), addr_text(&s->remote, remote),
		log_qz(stream_cipher(stream)));
}

void session_review(struct session *s, const struct topology *t)
{
	const char *cause;

	if (s->name[0] == '\0' || s->is_over ||
		trusted_find(t, TOPOLOGY_GRANT_AV_AUTH,
			stream_peer(s->stream), &cause) != NULL)
		return;
	log_notice("session.revoked", "session=%s server=%s reason=\"%s\"",
		s->id, log_qz(s->name), cause);
	close_session(s);
}

/* Who is still shaking hands is looked at when it has. */
void session_review_chain(struct session *s, struct tls_ctx *ctx)
{
	s->is_to_be_reviewed = s->name[0] == '\0';
	if (s->is_to_be_reviewed || s->is_over ||
		stream_review(s->stream, ctx))
		return;
	log_notice("session.revoked", "session=%s server=%s reason=\"no "
		"trusted authority stands behind its certificate\"", s->id,
		log_qz(s->name));
	close_session(s);
}

void session_retire(struct session *s)
{
	if (!s->is_over && sip_frame_is_idle(&s->frame))
		close_session(s);
}

/* ---- messages ----------------------------------------------------------- */

/* A peer that asks and does not read is not read from either. */
static void send_text(struct session *s, struct str text)
{
	if (str_is_empty(text) || s->is_over)
		return;
	if (stream_send(s->stream, text.p, text.n) > 0)
		stream_pause(s->stream);
}

static void on_drained(struct stream *stream, void *arg)
{
	(void)arg;
	stream_resume(stream);
}

static struct service_from from_of(const struct session *s)
{
	return (struct service_from){.server = s->name,
		.session = s->id,
		.remote = &s->remote,
		.now = loop_now(s->server->loop),
		.wall = wall_now()};
}

/* m is what could be read of it, perhaps NULL; status 0 = no answer. */
static void tell_refused(const struct session *s, const struct sip_msg *m,
	unsigned status, const char *cause)
{
	const struct service_from from = from_of(s);

	log_limited(LOG_LEVEL_WARNING, 60, "message.refused",
		"session=%s server=%s reason=\"%s\"", s->id, log_qz(s->name),
		cause);
	remember_refusal(s->server->service->recall, m, &from, status, cause);
}

static int answer(struct session *s, struct str text, struct str *reply)
{
	const struct service_from from = from_of(s);
	struct sip_fault fault = {.cause = ""};
	struct service *service = s->server->service;
	struct sip_msg *m;
	int err;

	err = sip_msg_parse(&m, text, &fault);
	if (err == 0) {
		err = service_answer(service, m, &from, reply);
	} else if (m != NULL) {
		tell_refused(s, m, fault.status, fault.cause);
		err = service_refuse(service, m, fault.status, fault.reason,
			reply);
	}
	sip_msg_free(m);
	return err;
}

static void take_message(struct session *s, struct str text)
{
	struct str reply = {NULL, 0};
	int err;

	s->requests++;
	err = answer(s, text, &reply);
	if (err < 0)
		log_limited(LOG_LEVEL_ERROR, 6, "message.dropped",
			"session=%s reason=\"%s\"", s->id, err_text(err));
	send_text(s, reply);
}

/* The position in the stream is lost: say so when that can be done, end. */
static void take_garbage(struct session *s, const struct sip_frame_item *item)
{
	struct str reply = {NULL, 0};
	struct sip_fault fault;
	struct sip_msg *m = NULL;

	if (item->status != 0 && !str_is_empty(item->head))
		(void)!sip_msg_parse(&m, item->head, &fault);
	tell_refused(s, m, (unsigned)item->status, item->cause);
	if (m != NULL && m->is_request)
		(void)!service_refuse(s->server->service, m,
			(unsigned)item->status, NULL, &reply);
	else
		counter_add(s->server->counters, COUNT_BAD_SIP, 1);
	send_text(s, reply);
	sip_msg_free(m);
	close_session(s);
}

static void take_item(struct session *s, const struct sip_frame_item *item)
{
	switch (item->kind) {
	case SIP_FRAME_MESSAGE:
		take_message(s, item->message);
		break;
	case SIP_FRAME_PING:
		counter_add(s->server->counters, COUNT_KEEPALIVES, 1);
		send_text(s, STR_LIT("\r\n"));
		break;
	case SIP_FRAME_BAD:
		take_garbage(s, item);
		break;
	case SIP_FRAME_NONE:
		break;
	}
}

/* Silence is the stream's to notice; a byte now and then is not (threat
 * S8). */
static void await_rest(struct session *s)
{
	struct mono now = loop_now(s->server->loop);

	if (!s->is_begun) {
		s->is_begun = true;
		s->begun = now;
		stream_set_idle_ms(s->stream, UNFINISHED_MS);
	} else if (mono_since_ms(s->begun, now) >= UNFINISHED_MS) {
		tell_refused(s, NULL, 0, "not finished in time");
		counter_add(s->server->counters, COUNT_BAD_SIP, 1);
		close_session(s);
	}
}

static void on_data(struct stream *stream, const uint8_t *data, size_t len,
	void *arg)
{
	struct str rest = {(const char *)data, len};
	struct session *s = arg;
	struct sip_frame_item item;

	do {
		if (s->is_over)
			return;
		if (sip_frame_next(&s->frame, &rest, &item) < 0) {
			close_session(s);
			return;
		}
		if (item.kind != SIP_FRAME_NONE)
			s->is_begun = false;
		take_item(s, &item);
	} while (item.kind != SIP_FRAME_NONE);
	if (!sip_frame_is_idle(&s->frame))
		await_rest(s);
	else if (s->server->is_draining)
		close_session(s);
	else
		stream_set_idle_ms(stream, IDLE_MS);
}

static void on_end(struct stream *stream, enum stream_end end,
	const char *detail, void *arg)
{
	struct session *s = arg;
	const struct remember_peer who = peer_of(s, s->name);
	struct recall *recall = s->server->service->recall;
	char remote[ADDR_TEXT_LEN];

	(void)stream;
	addr_text(&s->remote, remote);
	if (s->name[0] != '\0') {
		remember_end(recall, &who, stream_end_name(end), detail);
		log_info("session.closed",
			"session=%s server=%s requests=%" PRIu64
			" reason=%s detail=%s",
			s->id, log_qz(s->name), s->requests,
			stream_end_name(end), log_qz(detail));
	} else if (!s->is_over) {
		counter_add(s->server->counters, COUNT_REFUSED_TLS, 1);
		remember_stranger(recall, &who, detail);
		log_limited(LOG_LEVEL_WARNING, 60, "session.refused",
			"session=%s remote=%s name=\"\" reason=%s", s->id,
			remote, log_qz(detail));
	}
	s->stream = NULL;
	session_free(s);
}

/* ---- life --------------------------------------------------------------- */

static const struct stream_ops OPS = {
	.on_ready = on_ready,
	.on_data = on_data,
	.on_drained = on_drained,
	.on_end = on_end,
};

int session_new(struct server *server, const struct server_port *port,
	int fd, const struct addr *remote)
{
	const struct stream_limits limits = {.idle_ms = UNFINISHED_MS};
	struct session *s = calloc(1, sizeof(*s));
	struct tls_ctx *tls;
	int err;

	if (s == NULL) {
		close(fd);
		return -ENOMEM;
	}
	s->server = server;
	s->remote = *remote;
	s->port_id = port->id;
	s->since = wall_now();
	snprintf(s->id, sizeof(s->id), "a%" PRIu64, ++server->last_session_id);
	sip_frame_init(&s->frame, &LIMITS);
	tls = tls_watch_get(server->tls);
	err = stream_accept(&s->stream, server->loop, fd, remote, tls, &limits,
		&OPS, s);
	tls_ctx_unref(tls);
	if (err < 0) {
		free(s);
		return err;
	}
	list_push_back(&server->sessions, &s->link);
	server->session_count++;
	return 0;
}

json_t *session_json(const struct session *s)
{
	char remote[ADDR_TEXT_LEN];
	char since[WALL_TEXT_LEN];

	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "id", s->id,
		"server", s->name, "remote", addr_text(&s->remote, remote),
		"since", wall_text(s->since, since), "requests",
		(json_int_t)s->requests, "cipher", stream_cipher(s->stream));
}
