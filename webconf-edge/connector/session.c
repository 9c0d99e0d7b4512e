/*
 * One client. Lives here: the last word on its ticket, dialling the target,
 * the relay and the line about its end. Does not live here: what the edge
 * is told (slot.c, trunk.c), what makes a ticket good (mint.c).
 */
#include "webconf-edge/connector/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/net/relay.h"

#define TARGET_MS     3000 /* the edge waits 5 s for our answer */
#define HALF_CLOSE_MS 60000

struct session {
	struct list node; /* connector->sessions */
	struct connector *connector; /* borrowed */
	struct upstream *upstream;   /* borrowed */
	struct stream *target;       /* owned until joined */
	struct relay *relay;         /* owned once joined */
	uint8_t id[WCE_ID_LEN];
	struct ticket ticket;
	struct mono began;
	const struct session_ops *ops;
	void *arg;
};

/* Out of all counts, and freed. */
static void forget(struct session *s)
{
	struct connector *c = s->connector;

	list_remove(&s->node);
	c->session_count--;
	counter_sub(&c->counters, CONNECTOR_SESSIONS_OPEN, 1);
	upstream_count_session(s->upstream, -1);
	free(s);
}

void session_free(struct session *s)
{
	stream_free(s->target);
	relay_free(s->relay);
	forget(s);
}

void sessions_free(struct connector *c, const struct upstream *u)
{
	struct list *at, *next;

	list_for_each_safe(at, next, &c->sessions) {
		struct session *s = container_of(at, struct session, node);

		if (s->upstream == u)
			session_free(s);
	}
}

/* ---- the relay ----------------------------------------------------------- */

static void on_relay_end(struct relay *r, enum relay_end end,
	enum stream_end stream_end, const char *detail, void *arg)
{
	struct session *s = arg;
	struct counters *counters = &s->connector->counters;
	char id[2 * WCE_ID_LEN + 1];

	str_hex(s->id, sizeof(s->id), id);
	counter_add(counters, CONNECTOR_BYTES_IN, relay_bytes(r, RELAY_LEFT));
	counter_add(counters, CONNECTOR_BYTES_OUT,
		relay_bytes(r, RELAY_RIGHT));
	log_info("session.ended", "session=%s edge=%s bytes_in=%" PRIu64
		" bytes_out=%" PRIu64 " duration_s=%" PRId64
		" reason=%s stream=%s detail=%s", id,
		log_qz(upstream_name(s->upstream)),
		relay_bytes(r, RELAY_LEFT), relay_bytes(r, RELAY_RIGHT),
		mono_since_ms(s->began, loop_now(s->connector->loop)) / 1000,
		relay_end_name(end), stream_end_name(stream_end),
		log_qz(detail));
	forget(s);
}

void session_join(struct session *s, struct leg edge)
{
	const struct relay_spec spec = {
		.loop = s->connector->loop,
		.left_leg = edge,
		.right = s->target,
		.half_close_ms = HALF_CLOSE_MS,
		.on_end = on_relay_end,
		.arg = s,
	};

	if (relay_new(&s->relay, &spec) < 0) {
		edge.ops->abort(edge.self);
		session_free(s);
		return;
	}
	s->target = NULL;
	counter_add(&s->connector->counters, CONNECTOR_SESSIONS, 1);
}

/* ---- the target ---------------------------------------------------------- */

/* The client may try again. */
static void unreachable(struct session *s, const char *reason)
{
	struct connector *c = s->connector;
	char id[2 * WCE_ID_LEN + 1];

	str_hex(s->id, sizeof(s->id), id);
	log_limited(LOG_LEVEL_WARNING, 60, "session.failed",
		"session=%s target=%s:%u reason=%s", id,
		log_qz(c->conf->target_host), c->conf->target_port,
		log_qz(reason));
	counter_add(&c->counters, CONNECTOR_REJECTED_TARGET, 1);
	mint_give_back(&c->mint, &s->ticket);
	forget(s);
}

static void on_target_ready(struct stream *stream, void *arg)
{
	struct session *s = arg;

	(void)stream;
	mint_use_up(&s->connector->mint, &s->ticket, wall_now());
	s->ops->on_ready(s, s->arg);
}

static void on_target_data(struct stream *stream, const uint8_t *data,
	size_t len, void *arg)
{
	(void)data;
	(void)len;
	(void)arg;
	/* Joined before the first byte is read: this can't be. */
	stream_close(stream);
}

static void on_target_end(struct stream *stream, enum stream_end end,
	const char *detail, void *arg)
{
	struct session *s = arg;
	const struct session_ops *ops = s->ops;
	void *owner = s->arg;

	(void)stream;
	s->target = NULL;
	unreachable(s, detail[0] != '\0' ? detail : stream_end_name(end));
	ops->on_refused(WCE_E_SERVER, owner);
}

static const struct stream_ops TARGET_OPS = {
	.on_ready = on_target_ready,
	.on_data = on_target_data,
	.on_end = on_target_end,
};

static int dial_target(struct session *s)
{
	struct connector *c = s->connector;
	const struct connector_conf *conf = c->conf;
	const struct stream_limits limits = {
		.handshake_ms = TARGET_MS,
		.queue_max = RELAY_QUEUE_MAX,
	};
	const struct stream_target target = {
		.remote = c->target,
		.name = conf->target_tls ? (conf->target_name[0] != '\0' ?
			conf->target_name : conf->target_host) : NULL,
	};
	struct tls_ctx *tls = c->tls_target != NULL ?
		tls_watch_get(c->tls_target) : NULL;
	int err = -EHOSTUNREACH;

	if (addr_is_set(&c->target))
		err = stream_connect(&s->target, c->loop, &target, tls,
			&limits, &TARGET_OPS, s);
	tls_ctx_unref(tls);
	return err;
}

/* ---- may it come? -------------------------------------------------------- */

/* The edge has checked the ticket. It may have been broken into: check it
 * again. */
static enum wce_code judge(struct session *s, const struct wce_fields *f)
{
	struct connector *c = s->connector;
	char id[2 * WCE_ID_LEN + 1];
	const char *verdict;

	if (c->is_draining || c->session_count >= c->conf->sessions_max) {
		counter_add(&c->counters, CONNECTOR_REJECTED_FULL, 1);
		return WCE_E_SERVER_FULL;
	}
	verdict = mint_check(&c->mint, wce_bytes(f, WCE_TICKET),
		upstream_audience(s->upstream), wall_now(), &s->ticket);
	if (strcmp(verdict, "ok") == 0)
		return WCE_E_NONE;
	str_hex(s->id, sizeof(s->id), id);
	counter_add(&c->counters, CONNECTOR_REJECTED_TICKET, 1);
	log_limited(LOG_LEVEL_WARNING, 60, "ticket.rejected",
		"session=%s edge=%s reason=%s", id,
		log_qz(upstream_name(s->upstream)), verdict);
	return WCE_E_TICKET;
}

enum wce_code session_new(struct session **out, struct upstream *u,
	const struct wce_fields *fields, const struct session_ops *ops,
	void *arg)
{
	struct connector *c = upstream_connector(u);
	struct session *s = calloc(1, sizeof(*s));
	enum wce_code code;
	int err;

	if (s == NULL)
		return WCE_E_INTERNAL;
	s->connector = c;
	s->upstream = u;
	s->ops = ops;
	s->arg = arg;
	wce_copy(fields, WCE_SESSION, s->id, sizeof(s->id));
	code = judge(s, fields);
	if (code != WCE_E_NONE) {
		free(s);
		return code;
	}
	s->began = loop_now(c->loop);
	list_push_back(&c->sessions, &s->node);
	c->session_count++;
	counter_add(&c->counters, CONNECTOR_SESSIONS_OPEN, 1);
	upstream_count_session(u, 1);
	err = dial_target(s);
	if (err < 0) {
		unreachable(s, addr_is_set(&c->target) ? err_text(err) :
			"its name is not resolved");
		return WCE_E_SERVER;
	}
	*out = s;
	return WCE_E_NONE;
}
