/*
 * One slot. Lives here: READY towards the edge, the check of what PAIR
 * brings, dialling the target, then the relay. Does not live here: how many
 * slots there are (upstream.c), what makes a ticket good (mint.c).
 */
#include "webconf-edge/connector/slot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/net/relay.h"
#include "common/wce/wce_frame.h"

#define TARGET_MS     3000 /* the edge waits 5 s for our answer */
#define HALF_CLOSE_MS 60000

enum slot_state {
	SLOT_OPENING,
	SLOT_READY,
	SLOT_DIALLING, /* PAIR came; the target is being asked */
	SLOT_RELAY,
	SLOT_OVER,
};

struct slot {
	struct list node; /* upstream_slots() */
	struct upstream *upstream; /* borrowed */
	struct connector *connector; /* borrowed */
	uint64_t id;
	enum slot_state state;
	struct stream *stream; /* owned until SLOT_RELAY */
	struct stream *target; /* owned in SLOT_DIALLING */
	struct relay *relay;   /* owned in SLOT_RELAY */
	struct wce_reader reader;
	uint8_t session[WCE_ID_LEN];
	struct ticket ticket;
	struct mono began;
	bool *is_gone; /* borrowed: told by who holds us on the stack */
};

struct slot *slot_of(struct list *at)
{
	return container_of(at, struct slot, node);
}

bool slot_is_session(const struct slot *s)
{
	return s->state == SLOT_DIALLING || s->state == SLOT_RELAY;
}

/* Out of the list; the upstream hears of it. */
static void leave(struct slot *s)
{
	enum slot_state state = s->state;

	s->state = SLOT_OVER;
	list_remove(&s->node);
	if (state == SLOT_OPENING)
		upstream_slot_event(s->upstream, UPSTREAM_SLOT_FAILED);
	else if (state == SLOT_READY)
		upstream_slot_event(s->upstream, UPSTREAM_SLOT_LOST);
	if (state == SLOT_DIALLING || state == SLOT_RELAY) {
		s->connector->session_count--;
		counter_sub(&s->connector->counters, CONNECTOR_SESSIONS_OPEN,
			1);
	}
}

static void destroy(struct slot *s)
{
	if (s->is_gone != NULL)
		*s->is_gone = true;
	wce_reader_fini(&s->reader);
	free(s);
}

void slot_free(struct slot *s)
{
	leave(s);
	stream_free(s->stream);
	stream_free(s->target);
	relay_free(s->relay);
	destroy(s);
}

void slot_retire(struct slot *s)
{
	if (s->state == SLOT_OPENING || s->state == SLOT_READY)
		slot_free(s);
}

/* ---- the relay ----------------------------------------------------------- */

static void on_relay_end(struct relay *r, enum relay_end end,
	enum stream_end stream_end, const char *detail, void *arg)
{
	struct slot *s = arg;
	struct counters *counters = &s->connector->counters;
	char id[2 * WCE_ID_LEN + 1];

	str_hex(s->session, sizeof(s->session), id);
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
	s->relay = NULL;
	leave(s);
	destroy(s);
}

static void reject(struct slot *s, enum wce_code code)
{
	uint8_t frame[WCE_SHORT_MAX];
	struct wbuf w = wbuf_of(frame, sizeof(frame));
	size_t at = wce_begin(&w, WCE_PAIR_REJECT);

	wce_put(&w, WCE_SESSION, s->session, sizeof(s->session));
	wce_put_u16(&w, WCE_CODE, (uint16_t)code);
	wce_end(&w, at);
	(void)stream_send(s->stream, frame, w.len);
}

/* The target can't be reached: the client may try again. */
static void give_up(struct slot *s, const char *reason)
{
	char id[2 * WCE_ID_LEN + 1];

	str_hex(s->session, sizeof(s->session), id);
	log_limited(LOG_LEVEL_WARNING, 60, "session.failed",
		"session=%s target=%s:%u reason=%s", id,
		log_qz(s->connector->conf->target_host),
		s->connector->conf->target_port, log_qz(reason));
	counter_add(&s->connector->counters, CONNECTOR_REJECTED_TARGET, 1);
	counter_sub(&s->connector->counters, CONNECTOR_SESSIONS_OPEN, 1);
	s->connector->session_count--;
	mint_give_back(&s->connector->mint, &s->ticket);
	/* Ready again, as one more that was opened. */
	s->state = SLOT_READY;
	upstream_slot_event(s->upstream, UPSTREAM_SLOT_RETURNED);
	reject(s, WCE_E_SERVER);
}

static void join(struct slot *s)
{
	const struct relay_spec spec = {
		.loop = s->connector->loop,
		.left = s->stream,
		.right = s->target,
		.half_close_ms = HALF_CLOSE_MS,
		.on_end = on_relay_end,
		.arg = s,
	};
	uint8_t frame[WCE_SHORT_MAX];
	struct wbuf w = wbuf_of(frame, sizeof(frame));
	size_t at = wce_begin(&w, WCE_PAIR_OK);

	wce_put(&w, WCE_SESSION, s->session, sizeof(s->session));
	wce_end(&w, at);
	(void)stream_send(s->stream, frame, w.len);
	if (relay_new(&s->relay, &spec) < 0) {
		slot_free(s);
		return;
	}
	s->stream = NULL;
	s->target = NULL;
	s->state = SLOT_RELAY;
	wce_reader_fini(&s->reader);
	counter_add(&s->connector->counters, CONNECTOR_SESSIONS, 1);
}

/* ---- the target ---------------------------------------------------------- */

static void on_target_ready(struct stream *stream, void *arg)
{
	(void)stream;
	join(arg);
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
	struct slot *s = arg;

	(void)stream;
	s->target = NULL;
	give_up(s, detail[0] != '\0' ? detail : stream_end_name(end));
}

static const struct stream_ops TARGET_OPS = {
	.on_ready = on_target_ready,
	.on_data = on_target_data,
	.on_end = on_target_end,
};

static void dial_target(struct slot *s)
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
	if (err < 0)
		give_up(s, addr_is_set(&c->target) ? err_text(err) :
			"its name is not resolved");
}

/* ---- PAIR ---------------------------------------------------------------- */

static void log_rejected(const struct slot *s, const char *reason)
{
	char id[2 * WCE_ID_LEN + 1];

	str_hex(s->session, sizeof(s->session), id);
	log_limited(LOG_LEVEL_WARNING, 60, "ticket.rejected",
		"session=%s edge=%s reason=%s", id,
		log_qz(upstream_name(s->upstream)), reason);
}

/* The edge has checked it. It may have been broken into: check again. */
static void take_pair(struct slot *s, const struct wce_fields *f)
{
	struct connector *c = s->connector;
	const char *verdict;

	wce_copy(f, WCE_SESSION, s->session, sizeof(s->session));
	if (c->is_draining || c->session_count >= c->conf->sessions_max) {
		counter_add(&c->counters, CONNECTOR_REJECTED_FULL, 1);
		reject(s, WCE_E_SERVER_FULL);
		return;
	}
	verdict = mint_check(&c->mint, wce_bytes(f, WCE_TICKET),
		upstream_audience(s->upstream), wall_now(), &s->ticket);
	if (strcmp(verdict, "ok") != 0) {
		counter_add(&c->counters, CONNECTOR_REJECTED_TICKET, 1);
		log_rejected(s, verdict);
		reject(s, WCE_E_TICKET);
		return;
	}
	s->state = SLOT_DIALLING;
	s->began = loop_now(c->loop);
	c->session_count++;
	counter_add(&c->counters, CONNECTOR_SESSIONS_OPEN, 1);
	upstream_slot_event(s->upstream, UPSTREAM_SLOT_TAKEN);
	dial_target(s);
}

static void take_frame(struct slot *s, const struct wce_frame *frame)
{
	uint8_t reply[WCE_SHORT_MAX];
	struct wce_fields f;

	if (frame->type >= 0x80 || frame->type == WCE_PONG)
		return;
	if (frame->type == WCE_PING && frame->len == WCE_PING_LEN) {
		(void)stream_send(s->stream, reply, wce_ping(reply, WCE_PONG,
			frame->payload));
		return;
	}
	if (wce_fields_read(&f, frame) == 0 && frame->type == WCE_PAIR &&
		s->state == SLOT_READY) {
		take_pair(s, &f);
		return;
	}
	/* ERROR, GOODBYE, or what does not belong here. */
	slot_free(s);
}

static void on_data(struct stream *stream, const uint8_t *data, size_t len,
	void *arg)
{
	struct str rest = {(const char *)data, len};
	struct slot *s = arg;
	struct wce_frame frame;
	bool is_gone = false;
	int rc;

	(void)stream;
	s->is_gone = &is_gone;
	while ((rc = wce_reader_next(&s->reader, &rest, &frame)) == 1) {
		take_frame(s, &frame);
		if (is_gone)
			return;
	}
	s->is_gone = NULL;
	if (rc < 0)
		slot_free(s);
}

/* ---- towards the edge ---------------------------------------------------- */

static void on_ready(struct stream *stream, void *arg)
{
	struct slot *s = arg;
	struct connector *c = s->connector;
	uint8_t frame[128];
	struct wbuf w = wbuf_of(frame, sizeof(frame));
	size_t at = wce_begin(&w, WCE_SRV_READY);

	wce_put(&w, WCE_SERVER, c->mint.server, sizeof(c->mint.server));
	wce_put_u64(&w, WCE_EPOCH, c->epoch);
	wce_put_u64(&w, WCE_SLOT, s->id);
	wce_end(&w, at);
	(void)stream_send(stream, frame, w.len);
	stream_forget_peer(stream);
	s->state = SLOT_READY;
	upstream_slot_event(s->upstream, UPSTREAM_SLOT_READY);
}

static void on_end(struct stream *stream, enum stream_end end,
	const char *detail, void *arg)
{
	struct slot *s = arg;

	(void)stream;
	log_debug("slot.ended", "edge=%s reason=%s detail=%s",
		log_qz(upstream_name(s->upstream)), stream_end_name(end),
		log_qz(detail));
	s->stream = NULL;
	slot_free(s);
}

static const struct stream_ops OPS = {
	.on_ready = on_ready,
	.on_data = on_data,
	.on_end = on_end,
};

int slot_new(struct upstream *u, uint64_t id)
{
	struct connector *c = upstream_connector(u);
	const struct stream_limits limits = {
		.idle_ms = upstream_silence_ms(u),
		.queue_max = RELAY_QUEUE_MAX,
		.is_tls_server = c->conf->is_tls_server,
	};
	const struct stream_target target = {
		.remote = *upstream_address(u),
		.name = upstream_name(u),
	};
	struct slot *s = calloc(1, sizeof(*s));
	struct tls_ctx *tls;
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->upstream = u;
	s->connector = c;
	s->id = id;
	wce_reader_init(&s->reader, WCE_HELLO_MAX);
	tls = tls_watch_get(c->tls_edge);
	err = stream_connect(&s->stream, c->loop, &target, tls, &limits, &OPS,
		s);
	tls_ctx_unref(tls);
	if (err < 0) {
		destroy(s);
		return err;
	}
	list_push_back(upstream_slots(u), &s->node);
	return 0;
}
