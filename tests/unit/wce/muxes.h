/*
 * Two ends of a multiplexed connection, joined by pipes in memory, with a
 * relay at each end of each channel as the edge and the connector have them.
 * Every byte an ear hears is checked: cross-talk can't go unseen.
 */
#ifndef TESTS_WCE_MUXES_H
#define TESTS_WCE_MUXES_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/net/relay.h"
#include "common/wce/channel.h"
#include "common/wce/mux.h"
#include "tests/unit/wce/vector.h"

#define PIPE_CAP   (16u << 20)
#define PIPE_HIGH  262144u
#define EARS       40
/* What open_fields() prints. */
#define OPEN_LEN   (20u + 213u + 8u + 6u)

/* ---- a connection in memory ---------------------------------------------- */

struct pipe {
	uint8_t *data;
	size_t from;
	size_t to;
	bool is_above;
	bool is_cut; /* nothing more is taken */
};

/* What stands for a client, or for the target. */
struct ear {
	struct relay *relay;
	struct relay_side *side;
	uint64_t said; /* bytes */
	uint64_t heard;
	uint64_t seed_said; /* what the sound of each byte follows from */
	uint64_t seed_heard;
	bool is_deaf; /* what it hears piles up */
	size_t piled;
	bool is_above;
	bool is_mute; /* told to wait */
	bool heard_eof;
	bool was_aborted;
	bool is_over;
	enum relay_end end;
	enum stream_end stream_end;
};

struct half {
	struct mux *mux;
	struct pipe out;
	struct wce_reader reader;
	struct ear ears[EARS];
	struct channel *opened[EARS];
	int accepted;
	int ended;
	int gone;
	enum wce_code code; /* of the last end */
	int err;
};

static struct {
	struct loop *loop;
	struct half edge;
	struct half server;
	int next; /* ear of the channel that comes */
	bool refuses;
	bool is_slow; /* the server answers later */
	uint32_t channels_max;
} t;

static inline int send_to_pipe(void *arg, const void *data, size_t len)
{
	struct pipe *p = &((struct half *)arg)->out;

	if (p->is_cut)
		return -ENOTCONN;
	ck_assert_uint_le(p->to + len, PIPE_CAP);
	memcpy(p->data + p->to, data, len);
	p->to += len;
	p->is_above = p->is_above || p->to - p->from > PIPE_HIGH;
	return p->is_above;
}

static inline void take(struct half *h, const uint8_t *data, size_t len)
{
	struct str rest = {(const char *)data, len};
	struct wce_frame frame;

	while (h->err == 0 &&
		(h->err = wce_reader_next(&h->reader, &rest, &frame)) == 1)
		h->err = mux_take(h->mux, &frame);
}

/* Up to len bytes from one end to the other. */
static inline size_t carry(struct half *from, struct half *to, size_t len)
{
	struct pipe *p = &from->out;
	uint8_t *copy;

	if (len > p->to - p->from)
		len = p->to - p->from;
	if (len == 0)
		return 0;
	copy = malloc(len);
	memcpy(copy, p->data + p->from, len);
	p->from += len;
	if (p->from == p->to) {
		p->from = 0;
		p->to = 0;
	}
	take(to, copy, len);
	free(copy);
	if (p->is_above && p->to - p->from <= PIPE_HIGH / 2) {
		p->is_above = false;
		mux_writable(from->mux);
	}
	return len;
}

/* Until nothing moves. */
static inline void settle(void)
{
	size_t moved;

	do {
		moved = carry(&t.edge, &t.server, 10000);
		moved += carry(&t.server, &t.edge, 10000);
		loop_turn(t.loop, 0);
	} while (moved > 0);
}

/* ---- ears ---------------------------------------------------------------- */

static inline uint8_t sound(uint64_t seed, uint64_t at)
{
	uint64_t x = (seed + 1) * 0x9e3779b97f4a7c15u + (at >> 3);

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return (uint8_t)(x >> (8 * (at & 7)));
}

static inline void ear_join(void *leg, struct relay_side *side)
{
	((struct ear *)leg)->side = side;
}

static inline int ear_send(void *leg, const void *data, size_t len)
{
	const uint8_t *p = data;
	struct ear *e = leg;

	/* An assertion for each byte would take more time than all else. */
	for (size_t i = 0; i < len; i++)
		if (p[i] != sound(e->seed_heard, e->heard + i))
			ck_abort_msg("somebody else's byte");
	e->heard += len;
	if (!e->is_deaf)
		return 0;
	e->piled += len;
	e->is_above = e->piled > RELAY_QUEUE_MAX / 2;
	return e->is_above;
}

static inline void ear_pause(void *leg)
{
	((struct ear *)leg)->is_mute = true;
}

static inline void ear_resume(void *leg)
{
	((struct ear *)leg)->is_mute = false;
}

static inline void ear_shut(void *leg)
{
	((struct ear *)leg)->heard_eof = true;
}

static inline bool ear_is_shut(const void *leg)
{
	return ((const struct ear *)leg)->heard_eof;
}

static inline void on_ear_closed(void *arg)
{
	struct ear *e = arg;

	relay_side_end(e->side, STREAM_END_LOCAL, "");
}

static inline void ear_close(void *leg)
{
	ck_assert_int_eq(loop_defer(t.loop, on_ear_closed, leg), 0);
}

static inline void ear_abort(void *leg)
{
	((struct ear *)leg)->was_aborted = true;
}

static inline void ear_free(void *leg)
{
	loop_undefer(t.loop, on_ear_closed, leg);
}

static inline size_t ear_queued(const void *leg)
{
	return ((const struct ear *)leg)->piled;
}

static const struct leg_ops EAR_OPS = {
	.join = ear_join,
	.send = ear_send,
	.pause = ear_pause,
	.resume = ear_resume,
	.shut = ear_shut,
	.is_shut = ear_is_shut,
	.close = ear_close,
	.abort = ear_abort,
	.free = ear_free,
	.queued = ear_queued,
};

static inline void on_relay_end(struct relay *r, enum relay_end end,
	enum stream_end stream_end, const char *detail, void *arg)
{
	struct ear *e = arg;

	(void)r;
	(void)detail;
	e->relay = NULL;
	e->is_over = true;
	e->end = end;
	e->stream_end = stream_end;
}

static inline void join(struct ear *e, struct channel *ch)
{
	const struct relay_spec spec = {
		.loop = t.loop,
		.left_leg = {&EAR_OPS, e},
		.right_leg = channel_leg(ch),
		.half_close_ms = 60000,
		.on_end = on_relay_end,
		.arg = e,
	};

	ck_assert_int_eq(relay_new(&e->relay, &spec), 0);
}

static inline void say(struct ear *e, size_t len)
{
	uint8_t room[65536];

	ck_assert(!e->is_over);
	while (len > 0) {
		size_t n = len < sizeof(room) ? len : sizeof(room);

		for (size_t i = 0; i < n; i++)
			room[i] = sound(e->seed_said, e->said + i);
		e->said += n;
		len -= n;
		relay_side_data(e->side, room, n);
	}
}

/* As a program that says all it has whenever it may. */
static inline void say_while_allowed(struct ear *e, uint64_t most)
{
	while (!e->is_mute && e->said < most)
		say(e, most - e->said < 40000 ? most - e->said : 40000);
}

/* ---- both ends ----------------------------------------------------------- */

static inline void on_accept(struct channel *ch, void *arg)
{
	struct ear *e = arg;

	t.edge.accepted++;
	join(e, ch);
}

static inline void on_edge_end(struct channel *ch, enum wce_code code,
	void *arg)
{
	(void)ch;
	(void)arg;
	t.edge.ended++;
	t.edge.code = code;
}

static inline void on_server_end(struct channel *ch, enum wce_code code,
	void *arg)
{
	(void)ch;
	(void)arg;
	t.server.ended++;
	t.server.code = code;
}

static const struct channel_ops EDGE_OPS = {
	.on_accept = on_accept,
	.on_end = on_edge_end,
};

static const struct channel_ops SERVER_OPS = {.on_end = on_server_end};

static inline void on_open(struct channel *ch, const struct wce_fields *fields,
	void *arg)
{
	int i = t.next++;

	(void)arg;
	ck_assert_uint_eq(wce_bytes(fields, WCE_SESSION).n, WCE_ID_LEN);
	if (t.refuses) {
		channel_reset(ch, WCE_E_TICKET);
		return;
	}
	channel_own(ch, &SERVER_OPS, NULL);
	if (t.is_slow) {
		t.server.opened[i] = ch;
		return;
	}
	channel_accept(ch);
	join(&t.server.ears[i], ch);
}

static inline void on_gone(void *arg)
{
	((struct half *)arg)->gone++;
}

static const struct mux_ops EDGE_MUX = {
	.send = send_to_pipe,
	.on_gone = on_gone,
};

static const struct mux_ops SERVER_MUX = {
	.send = send_to_pipe,
	.on_open = on_open,
	.on_gone = on_gone,
};

static inline void half_init(struct half *h, bool is_opener)
{
	const struct mux_spec spec = {
		.loop = t.loop,
		.channels_max = t.channels_max,
		.is_opener = is_opener,
		.ops = is_opener ? &EDGE_MUX : &SERVER_MUX,
		.arg = h,
	};

	h->out.data = malloc(PIPE_CAP);
	wce_reader_init(&h->reader, WCE_DATA_MAX);
	ck_assert_int_eq(mux_new(&h->mux, &spec), 0);
	for (uint64_t i = 0; i < EARS; i++) {
		h->ears[i].seed_said = 2 * i + is_opener;
		h->ears[i].seed_heard = 2 * i + !is_opener;
	}
}

static inline void setup(void)
{
	memset(&t, 0, sizeof(t));
	t.channels_max = EARS;
	ck_assert_int_eq(loop_new(&t.loop), 0);
	half_init(&t.edge, true);
	half_init(&t.server, false);
}

static inline void half_fini(struct half *h)
{
	mux_free(h->mux);
	wce_reader_fini(&h->reader);
	free(h->out.data);
}

static inline void teardown(void)
{
	half_fini(&t.edge);
	half_fini(&t.server);
	loop_free(t.loop);
}

static inline size_t open_fields(uint8_t *out, size_t cap)
{
	struct wbuf w = wbuf_of(out, cap);
	uint8_t room[TICKET_MAX_LEN];
	struct str ticket = vector_bytes(room);
	uint8_t session[WCE_ID_LEN];

	vector_run(session, sizeof(session), 0x50);
	wce_put(&w, WCE_SESSION, session, sizeof(session));
	wce_put(&w, WCE_TICKET, ticket.p, ticket.n);
	wce_put(&w, WCE_CLIENT_ADDRESS, "\xc0\0\2\1", 4);
	wce_put_u16(&w, WCE_CLIENT_PORT, 50000);
	ck_assert_uint_eq(w.len, OPEN_LEN);
	return w.len;
}

static inline int try_open(int i)
{
	uint8_t fields[512];
	size_t len = open_fields(fields, sizeof(fields));

	return channel_open(&t.edge.opened[i], t.edge.mux, fields, len,
		&EDGE_OPS, &t.edge.ears[i]);
}

static inline void open_some(int count)
{
	for (int i = 0; i < count; i++)
		ck_assert_int_eq(try_open(i), 0);
	settle();
	ck_assert_int_eq(t.edge.accepted, t.is_slow ? 0 : count);
	for (int i = 0; t.is_slow && i < count; i++)
		ck_assert_ptr_nonnull(t.server.opened[i]);
}

/* A frame out of nowhere, to one of the ends. */
static inline void forge(struct half *to, enum wce_type type, uint32_t channel,
	const void *payload, size_t len)
{
	uint8_t frame[WCE_HEAD_LEN + 20000];
	struct wbuf w = wbuf_of(frame, sizeof(frame));

	(void)wce_begin_on(&w, type, channel);
	wbuf_bytes(&w, payload, len);
	buf_store_u32(frame + 8, (uint32_t)len);
	ck_assert(wbuf_ok(&w));
	take(to, frame, w.len);
}

#endif
