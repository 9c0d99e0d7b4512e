/*
 * The way to one edge. Lives here: resolving, dialling, registering, the
 * load, back-off. Does not live here: the connections that wait for clients
 * (warm.c), tickets (mint.c).
 */
#include "webconf-edge/connector/upstream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/rand.h"
#include "common/net/stream.h"
#include "common/wce/wce_frame.h"
#include "webconf-edge/connector/session.h"
#include "webconf-edge/connector/warm.h"

#define BACKOFF_MIN_MS 500
#define BACKOFF_MAX_MS 30000
#define REGISTER_MS    10000
#define LOAD_EVERY_S   5
#define FRAME_MAX      1024
#define REVOKE_BATCH   256u

enum upstream_state {
	UPSTREAM_DOWN, /* the timer dials again */
	UPSTREAM_RESOLVING,
	UPSTREAM_DIALLING,
	UPSTREAM_REGISTERING,
	UPSTREAM_UP,
};

struct upstream {
	struct connector *connector; /* borrowed */
	char name[256];
	uint16_t port;
	enum upstream_state state;
	struct resolve_query *query; /* owned */
	struct stream *stream;       /* owned */
	struct loop_timer *timer;    /* owned: back-off, registration */
	struct wce_reader reader;
	struct addr address;
	unsigned failures;
	char audience[256]; /* as the edge said */
	uint16_t public_port;
	uint32_t warm_min;
	bool can_multiplex;
	int64_t silence_ms; /* four heartbeats */
	bool is_draining; /* the edge's word */
	struct warm warm;
	size_t session_count;
	uint64_t seconds;
	uint32_t load_told;
	char why[160]; /* it is down; "" = not yet tried */
};

static const char *state_name(enum upstream_state state)
{
	static const char *const names[] = {
		[UPSTREAM_DOWN] = "down",
		[UPSTREAM_RESOLVING] = "resolving",
		[UPSTREAM_DIALLING] = "connecting",
		[UPSTREAM_REGISTERING] = "registering",
		[UPSTREAM_UP] = "up",
	};

	return names[state];
}

static void set_state(struct upstream *u, enum upstream_state state)
{
	log_debug("edge.changed", "edge=%s from=%s to=%s", log_qz(u->name),
		state_name(u->state), state_name(state));
	u->state = state;
	if (state == UPSTREAM_REGISTERING)
		loop_timer_start(u->timer, REGISTER_MS);
	else if (state != UPSTREAM_DOWN)
		loop_timer_stop(u->timer);
}

/* ---- down ---------------------------------------------------------------- */

static int64_t backoff_ms(const struct upstream *u)
{
	int64_t delay_ms = BACKOFF_MIN_MS;

	for (unsigned i = 1; i < u->failures && delay_ms < BACKOFF_MAX_MS; i++)
		delay_ms *= 2;
	if (delay_ms > BACKOFF_MAX_MS)
		delay_ms = BACKOFF_MAX_MS;
	return rand_jitter_ms(delay_ms, 25);
}

static void go_down(struct upstream *u, const char *reason)
{
	int64_t delay_ms;

	if (u->state == UPSTREAM_UP || u->failures == 0)
		log_warning("edge.lost", "edge=%s state=%s reason=%s",
			log_qz(u->name), state_name(u->state),
			log_qz(reason));
	snprintf(u->why, sizeof(u->why), "%s", reason);
	u->failures = u->state == UPSTREAM_UP ? 1 : u->failures + 1;
	set_state(u, UPSTREAM_DOWN);
	wce_reader_fini(&u->reader);
	/* Relays live on; what waits is of no use to the edge without us. */
	warm_retire(&u->warm, true);
	delay_ms = backoff_ms(u);
	loop_timer_start(u->timer, delay_ms);
}

static void drop(struct upstream *u, const char *reason)
{
	struct stream *stream = u->stream;

	u->stream = NULL;
	go_down(u, reason);
	stream_free(stream);
}

/* ---- what the edge says -------------------------------------------------- */

static void take_registered(struct upstream *u, const struct wce_fields *f)
{
	u->is_draining = false;
	if (str_copy(wce_bytes(f, WCE_EXTERNAL_FQDN), u->audience,
		    sizeof(u->audience)) < 0) {
		drop(u, "the edge has no name outside");
		return;
	}
	u->public_port = (uint16_t)wce_number(f, WCE_EXTERNAL_PORT);
	u->warm_min = (uint32_t)wce_number(f, WCE_WARM);
	u->can_multiplex = (wce_number(f, WCE_EDGE_CAPABILITIES) &
		WCE_CAN_MULTIPLEX) != 0;
	u->silence_ms = (int64_t)wce_number(f, WCE_HEARTBEAT_S) * 4000;
	stream_set_idle_ms(u->stream, u->silence_ms);
	if (u->state == UPSTREAM_UP) {
		warm_begin(&u->warm); /* it takes clients again */
		return;
	}
	u->failures = 0;
	u->why[0] = '\0';
	set_state(u, UPSTREAM_UP);
	log_notice("edge.connected", "edge=%s outside=%s cipher=%s",
		log_qz(u->name), log_qz(u->audience),
		log_qz(stream_cipher(u->stream)));
	if (u->connector->is_draining)
		upstream_drain(u, 0);
	warm_begin(&u->warm);
}

static void take_frame(struct upstream *u, const struct wce_frame *frame)
{
	uint8_t reply[WCE_SHORT_MAX];
	struct wce_fields f;
	char text[64];

	if (frame->type >= 0x80)
		return;
	if (frame->type == WCE_PING && frame->len == WCE_PING_LEN) {
		(void)stream_send(u->stream, reply, wce_ping(reply, WCE_PONG,
			frame->payload));
		return;
	}
	if (frame->type == WCE_PONG)
		return;
	if (wce_fields_read(&f, frame) < 0) {
		drop(u, "the edge sent what WCE/1 does not know");
		return;
	}
	if (frame->type == WCE_SRV_REGISTERED) {
		take_registered(u, &f);
	} else if (frame->type == WCE_DRAIN && u->state == UPSTREAM_UP) {
		u->is_draining = true;
		log_notice("edge.drained", "edge=%s grace_s=%" PRIu64,
			log_qz(u->name), wce_number(&f, WCE_GRACE_S));
		warm_retire(&u->warm, false);
	} else if (frame->type == WCE_ERROR || frame->type == WCE_GOODBYE) {
		snprintf(text, sizeof(text), "the edge says: %s",
			wce_code_name((unsigned)wce_number(&f, WCE_CODE)));
		drop(u, text);
	} else {
		drop(u, "the edge sent a frame that does not belong here");
	}
}

static void on_data(struct stream *stream, const uint8_t *data, size_t len,
	void *arg)
{
	struct str rest = {(const char *)data, len};
	struct upstream *u = arg;
	struct wce_frame frame;
	int rc = 1;

	while (u->stream == stream &&
		(rc = wce_reader_next(&u->reader, &rest, &frame)) == 1)
		take_frame(u, &frame);
	if (rc < 0 && u->stream == stream)
		drop(u, "the edge does not speak WCE/1");
}

/* ---- dialling ------------------------------------------------------------ */

static void send_register(struct upstream *u)
{
	const struct connector *c = u->connector;
	uint8_t key[3 + TICKET_PUBLIC_MAX];
	uint8_t frame[FRAME_MAX];
	struct wbuf w = wbuf_of(frame, sizeof(frame));
	size_t at = wce_begin(&w, WCE_SRV_REGISTER);
	size_t len = ticket_key_public(c->mint.key, key + 3);

	buf_store_u16(key, ticket_key_id(c->mint.key));
	key[2] = (uint8_t)ticket_key_alg(c->mint.key);
	wce_put(&w, WCE_SERVER, c->mint.server, sizeof(c->mint.server));
	wce_put_text(&w, WCE_POOL, c->conf->pool);
	wce_put_u32(&w, WCE_CAPABILITIES,
		c->conf->trunks > 0 ? WCE_CAN_MULTIPLEX : 0);
	wce_put(&w, WCE_KEY, key, len + 3);
	wce_put_u32(&w, WCE_SESSIONS_MAX, c->conf->sessions_max);
	wce_put_u64(&w, WCE_EPOCH, c->epoch);
	wce_end(&w, at);
	(void)stream_send(u->stream, frame, w.len);
}

static void on_ready(struct stream *stream, void *arg)
{
	struct upstream *u = arg;

	(void)stream;
	set_state(u, UPSTREAM_REGISTERING);
	send_register(u);
}

static void on_end(struct stream *stream, enum stream_end end,
	const char *detail, void *arg)
{
	struct upstream *u = arg;
	char text[160];

	(void)stream;
	u->stream = NULL;
	snprintf(text, sizeof(text), "%s%s%s", stream_end_name(end),
		detail[0] != '\0' ? ": " : "", detail);
	go_down(u, text);
}

static const struct stream_ops OPS = {
	.on_ready = on_ready,
	.on_data = on_data,
	.on_end = on_end,
};

static void dial(struct upstream *u)
{
	struct connector *c = u->connector;
	const struct stream_limits limits = {
		.is_tls_server = c->conf->is_tls_server,
	};
	const struct stream_target target = {
		.remote = u->address,
		.name = u->name,
	};
	struct tls_ctx *tls = tls_watch_get(c->tls_edge);
	int err;

	set_state(u, UPSTREAM_DIALLING);
	wce_reader_init(&u->reader, WCE_HELLO_MAX);
	err = stream_connect(&u->stream, c->loop, &target, tls, &limits, &OPS,
		u);
	tls_ctx_unref(tls);
	if (err < 0)
		go_down(u, err_text(err));
}

static void on_resolved(int err, const struct addr *addrs, size_t count,
	const char *detail, void *arg)
{
	struct upstream *u = arg;

	u->query = NULL;
	if (err < 0) {
		go_down(u, detail[0] != '\0' ? detail : err_text(err));
		return;
	}
	/* One after the other when some do not answer. */
	u->address = addrs[u->failures % count];
	dial(u);
}

static void begin(struct upstream *u)
{
	int err;

	set_state(u, UPSTREAM_RESOLVING);
	err = resolve_host(&u->query, u->connector->resolver, u->name,
		u->port, RESOLVE_INSIDE, on_resolved, u);
	if (err < 0)
		go_down(u, err_text(err));
}

static void on_timer(void *arg)
{
	struct upstream *u = arg;

	if (u->state == UPSTREAM_DOWN)
		begin(u);
	else if (u->state == UPSTREAM_REGISTERING)
		drop(u, "no answer to the registration");
}

/* ---- each second --------------------------------------------------------- */

static void send_load(struct upstream *u)
{
	const struct connector *c = u->connector;
	uint8_t frame[WCE_SHORT_MAX];
	struct wbuf w = wbuf_of(frame, sizeof(frame));
	size_t at = wce_begin(&w, WCE_LOAD);

	u->load_told = (uint32_t)c->session_count;
	wce_put_u32(&w, WCE_SESSIONS, u->load_told);
	wce_put_u8(&w, WCE_ACCEPTS, !c->is_draining &&
		c->session_count < c->conf->sessions_max);
	wce_end(&w, at);
	(void)stream_send(u->stream, frame, w.len);
}

void upstream_tick(struct upstream *u)
{
	u->seconds++;
	warm_tick(&u->warm);
	if (u->state != UPSTREAM_UP)
		return;
	if (u->load_told != u->connector->session_count ||
		u->seconds % LOAD_EVERY_S == 0)
		send_load(u);
}

void upstream_drain(struct upstream *u, uint32_t grace_s)
{
	uint8_t frame[WCE_SHORT_MAX];
	struct wbuf w = wbuf_of(frame, sizeof(frame));
	size_t at = wce_begin(&w, WCE_DRAIN);

	wce_put_u32(&w, WCE_GRACE_S, grace_s);
	wce_end(&w, at);
	if (u->state == UPSTREAM_UP)
		(void)stream_send(u->stream, frame, w.len);
	warm_retire(&u->warm, true);
}

void upstream_restart(struct upstream *u)
{
	if (u->stream != NULL)
		drop(u, "restarted");
	u->failures = 0;
	if (u->state == UPSTREAM_DOWN)
		loop_timer_start(u->timer, 0);
}

void upstream_revoke(struct upstream *u, const uint8_t *ids, size_t count)
{
	uint8_t frame[WCE_HEAD_LEN + 4 + REVOKE_BATCH * WCE_ID_LEN];

	for (size_t i = 0; i < count && u->state == UPSTREAM_UP;
		i += REVOKE_BATCH) {
		size_t n = count - i < REVOKE_BATCH ? count - i :
			REVOKE_BATCH;
		struct wbuf w = wbuf_of(frame, sizeof(frame));
		size_t at = wce_begin(&w, WCE_REVOKE);

		wce_put(&w, WCE_TICKET_IDS, ids + i * WCE_ID_LEN,
			n * WCE_ID_LEN);
		wce_end(&w, at);
		(void)stream_send(u->stream, frame, w.len);
	}
}

/* ---- life ---------------------------------------------------------------- */

int upstream_new(struct upstream **out, struct connector *c,
	const struct connector_edge *edge)
{
	struct upstream *u = calloc(1, sizeof(*u));
	int err;

	if (u == NULL)
		return -ENOMEM;
	u->connector = c;
	memcpy(u->name, edge->name, sizeof(u->name));
	u->port = edge->port;
	warm_init(&u->warm, u);
	wce_reader_init(&u->reader, WCE_HELLO_MAX);
	err = loop_timer_new(&u->timer, c->loop, on_timer, u);
	if (err < 0) {
		free(u);
		return err;
	}
	loop_timer_start(u->timer, 0);
	*out = u;
	return 0;
}

void upstream_free(struct upstream *u)
{
	if (u == NULL)
		return;
	u->state = UPSTREAM_DOWN; /* nothing is filled up any more */
	resolve_cancel(u->query);
	stream_free(u->stream);
	warm_fini(&u->warm);
	sessions_free(u->connector, u);
	loop_timer_free(u->timer);
	wce_reader_fini(&u->reader);
	free(u);
}

bool upstream_is_up(const struct upstream *u)
{
	return u->state == UPSTREAM_UP;
}

bool upstream_is_serving(const struct upstream *u)
{
	return u->state == UPSTREAM_UP && !u->is_draining &&
		!u->connector->is_draining;
}

const char *upstream_audience(const struct upstream *u)
{
	return u->audience;
}

uint16_t upstream_public_port(const struct upstream *u)
{
	return u->public_port;
}

size_t upstream_ready_count(const struct upstream *u)
{
	return u->warm.ready_count;
}

uint32_t upstream_warm_min(const struct upstream *u)
{
	return u->warm_min;
}

size_t upstream_trunks_wanted(const struct upstream *u)
{
	return u->can_multiplex ? u->connector->conf->trunks : 0;
}

void upstream_count_session(struct upstream *u, int more)
{
	u->session_count += (size_t)more;
}

struct connector *upstream_connector(const struct upstream *u)
{
	return u->connector;
}

const struct addr *upstream_address(const struct upstream *u)
{
	return &u->address;
}

const char *upstream_name(const struct upstream *u)
{
	return u->name;
}

int64_t upstream_silence_ms(const struct upstream *u)
{
	return u->silence_ms;
}

json_t *upstream_json(const struct upstream *u)
{
	char at[ADDR_TEXT_LEN] = "";

	if (addr_is_set(&u->address))
		addr_text(&u->address, at);
	return json_pack("{s:s, s:i, s:s, s:s, s:b, s:s, s:i, s:I, s:I, s:I, "
			 "s:I, s:s}",
		"edge", u->name, "port", (int)u->port, "address", at, "state",
		state_name(u->state), "draining", u->is_draining, "outside",
		u->audience, "outside_port", (int)u->public_port, "warm",
		(json_int_t)u->warm.ready_count, "wanted",
		(json_int_t)warm_wanted(&u->warm), "trunks",
		(json_int_t)u->warm.trunk_count, "sessions",
		(json_int_t)u->session_count, "reason", u->why);
}
