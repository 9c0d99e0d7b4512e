/*
 * Two ends of a multiplexed connection, joined by pipes in memory, with a
 * relay at each end of each channel as the edge and the connector have them:
 * order, no cross-talk, credit, fairness, last words, what breaks one
 * channel and what breaks all.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/net/relay.h"
#include "common/wce/channel.h"
#include "common/wce/mux.h"
#include "tests/unit/net/ends.h"
#include "tests/unit/wce/vector.h"

#define PIPE_CAP   (16u << 20)
#define PIPE_HIGH  262144u
#define EARS       40
#define HEARD_KEPT 65536u

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

static int send_to_pipe(void *arg, const void *data, size_t len)
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

static void take(struct half *h, const uint8_t *data, size_t len)
{
	struct str rest = {(const char *)data, len};
	struct wce_frame frame;

	while (h->err == 0 &&
		(h->err = wce_reader_next(&h->reader, &rest, &frame)) == 1)
		h->err = mux_take(h->mux, &frame);
}

/* Up to len bytes from one end to the other. */
static size_t carry(struct half *from, struct half *to, size_t len)
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
static void settle(void)
{
	size_t moved;

	do {
		moved = carry(&t.edge, &t.server, 10000);
		moved += carry(&t.server, &t.edge, 10000);
		loop_turn(t.loop, 0);
	} while (moved > 0);
}

/* ---- ears ---------------------------------------------------------------- */

static uint8_t sound(uint64_t seed, uint64_t at)
{
	uint64_t x = (seed + 1) * 0x9e3779b97f4a7c15u + (at >> 3);

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return (uint8_t)(x >> (8 * (at & 7)));
}

static void ear_join(void *leg, struct relay_side *side)
{
	((struct ear *)leg)->side = side;
}

static int ear_send(void *leg, const void *data, size_t len)
{
	const uint8_t *p = data;
	struct ear *e = leg;

	for (size_t i = 0; i < len; i++)
		ck_assert_uint_eq(p[i], sound(e->seed_heard, e->heard + i));
	e->heard += len;
	if (!e->is_deaf)
		return 0;
	e->piled += len;
	e->is_above = e->piled > RELAY_QUEUE_MAX / 2;
	return e->is_above;
}

static void ear_pause(void *leg)
{
	((struct ear *)leg)->is_mute = true;
}

static void ear_resume(void *leg)
{
	((struct ear *)leg)->is_mute = false;
}

static void ear_shut(void *leg)
{
	((struct ear *)leg)->heard_eof = true;
}

static bool ear_is_shut(const void *leg)
{
	return ((const struct ear *)leg)->heard_eof;
}

static void on_ear_closed(void *arg)
{
	struct ear *e = arg;

	relay_side_end(e->side, STREAM_END_LOCAL, "");
}

static void ear_close(void *leg)
{
	ck_assert_int_eq(loop_defer(t.loop, on_ear_closed, leg), 0);
}

static void ear_abort(void *leg)
{
	((struct ear *)leg)->was_aborted = true;
}

static void ear_free(void *leg)
{
	loop_undefer(t.loop, on_ear_closed, leg);
}

static size_t ear_queued(const void *leg)
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

static void on_relay_end(struct relay *r, enum relay_end end,
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

static void join(struct ear *e, struct channel *ch)
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

static void say(struct ear *e, size_t len)
{
	uint8_t room[65536];

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
static void say_while_allowed(struct ear *e, uint64_t most)
{
	while (!e->is_mute && e->said < most)
		say(e, most - e->said < 40000 ? most - e->said : 40000);
}

/* ---- both ends ----------------------------------------------------------- */

static void on_accept(struct channel *ch, void *arg)
{
	struct ear *e = arg;

	t.edge.accepted++;
	join(e, ch);
}

static void on_edge_end(struct channel *ch, enum wce_code code, void *arg)
{
	(void)ch;
	(void)arg;
	t.edge.ended++;
	t.edge.code = code;
}

static void on_server_end(struct channel *ch, enum wce_code code, void *arg)
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

static void on_open(struct channel *ch, const struct wce_fields *fields,
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

static void on_gone(void *arg)
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

static void half_init(struct half *h, bool is_opener)
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

static void setup(void)
{
	memset(&t, 0, sizeof(t));
	t.channels_max = EARS;
	ck_assert_int_eq(loop_new(&t.loop), 0);
	half_init(&t.edge, true);
	half_init(&t.server, false);
}

static void half_fini(struct half *h)
{
	mux_free(h->mux);
	wce_reader_fini(&h->reader);
	free(h->out.data);
}

static void teardown(void)
{
	half_fini(&t.edge);
	half_fini(&t.server);
	loop_free(t.loop);
}

static size_t open_fields(uint8_t *out, size_t cap)
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
	ck_assert(wbuf_ok(&w));
	return w.len;
}

static int try_open(int i)
{
	uint8_t fields[512];
	size_t len = open_fields(fields, sizeof(fields));

	return channel_open(&t.edge.opened[i], t.edge.mux, fields, len,
		&EDGE_OPS, &t.edge.ears[i]);
}

static void open_some(int count)
{
	for (int i = 0; i < count; i++)
		ck_assert_int_eq(try_open(i), 0);
	settle();
	ck_assert_int_eq(t.edge.accepted, t.is_slow ? 0 : count);
}

/* A frame out of nowhere, to one of the ends. */
static void forge(struct half *to, enum wce_type type, uint32_t channel,
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

/* ---- what it is for ------------------------------------------------------ */

START_TEST(test_bytes_cross_on_many_channels)
{
	open_some(EARS);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < EARS; i++) {
			say(&t.edge.ears[i], (size_t)(i * 37 + round) % 5000);
			say(&t.server.ears[i], (size_t)(i * 91) % 3000);
		}
		settle();
	}
	for (int i = 0; i < EARS; i++) {
		ck_assert_uint_eq(t.edge.ears[i].said,
			t.server.ears[i].heard);
		ck_assert_uint_eq(t.server.ears[i].said,
			t.edge.ears[i].heard);
	}
	ck_assert_int_eq(t.edge.err, 0);
	ck_assert_int_eq(t.server.err, 0);
}
END_TEST

START_TEST(test_much_passes_the_window_many_times)
{
	const uint64_t much = 20 * (uint64_t)MUX_WINDOW;

	open_some(1);
	while (t.server.ears[0].heard < much) {
		uint64_t before = t.server.ears[0].heard;

		say_while_allowed(&t.edge.ears[0], much);
		settle();
		ck_assert_uint_gt(t.server.ears[0].heard, before);
	}
	ck_assert_uint_eq(t.server.ears[0].heard, much);
}
END_TEST

/* B9.8: what one does not read holds up nobody else, and has a bound. */
START_TEST(test_one_stalled_channel_stops_no_other)
{
	const uint64_t much = 8 * (uint64_t)MUX_WINDOW;
	struct ear *stuck = &t.server.ears[0];

	open_some(2);
	stuck->is_deaf = true;
	for (int i = 0; i < 1000 && t.server.ears[1].heard < much; i++) {
		say_while_allowed(&t.edge.ears[0], 100 * much);
		say_while_allowed(&t.edge.ears[1], much);
		settle();
	}
	ck_assert_uint_eq(t.server.ears[1].heard, much);
	/* its pile, and what waits at the sender */
	ck_assert(t.edge.ears[0].is_mute);
	ck_assert_uint_le(stuck->piled, RELAY_QUEUE_MAX);
	ck_assert_uint_le(t.edge.ears[0].said,
		RELAY_QUEUE_MAX + 262144 + 65536);
	/* and it goes on where it was */
	stuck->is_deaf = false;
	stuck->piled = 0;
	relay_side_drained(stuck->side);
	settle();
	ck_assert(!t.edge.ears[0].is_mute);
	ck_assert_uint_eq(stuck->heard, t.edge.ears[0].said);
}
END_TEST

START_TEST(test_channels_take_turns)
{
	size_t shares[4];

	open_some(4);
	/* The connection is full: everyone waits. */
	t.edge.out.is_above = true;
	for (int i = 0; i < 4; i++)
		say(&t.edge.ears[i], 250000);
	for (int i = 0; i < 30; i++)
		carry(&t.edge, &t.server, 20000);
	for (int i = 0; i < 4; i++)
		shares[i] = t.server.ears[i].heard;
	for (int i = 0; i < 4; i++) {
		ck_assert_uint_gt(shares[i], 50000);
		ck_assert_uint_le(shares[0], shares[i] + 100000);
		ck_assert_uint_le(shares[i], shares[0] + 100000);
	}
}
END_TEST

START_TEST(test_control_goes_ahead_of_data)
{
	open_some(2);
	say(&t.edge.ears[0], 2 * MUX_WINDOW); /* waits for credit */
	relay_free(t.edge.ears[1].relay);     /* CH_RESET */
	t.edge.ears[1].relay = NULL;
	/* Behind what is in the connection, before what waits in channels. */
	while (!t.server.ears[1].is_over)
		ck_assert_uint_gt(carry(&t.edge, &t.server, 4096), 0);
	ck_assert_uint_lt(t.server.ears[0].heard, 2 * MUX_WINDOW);
}
END_TEST

/* ---- the end of one ------------------------------------------------------ */

START_TEST(test_last_words_pass_each_way)
{
	struct ear *left = &t.edge.ears[0];
	struct ear *right = &t.server.ears[0];

	open_some(2);
	say(left, 300000);
	relay_side_eof(left->side);
	settle();
	ck_assert(right->heard_eof);
	ck_assert_uint_eq(right->heard, 300000);
	say(right, 1000);
	settle();
	ck_assert_uint_eq(left->heard, 1000);
	relay_side_eof(right->side);
	settle();
	settle();
	ck_assert(left->is_over && right->is_over);
	ck_assert_int_eq(left->end, RELAY_END_BOTH);
	ck_assert_int_eq(right->end, RELAY_END_BOTH);
	ck_assert_uint_eq(mux_count(t.edge.mux), 1);
	ck_assert_uint_eq(mux_count(t.server.mux), 1);
	ck_assert_int_eq(t.edge.gone, 1);
}
END_TEST

START_TEST(test_a_broken_side_breaks_the_other)
{
	open_some(2);
	relay_side_end(t.server.ears[0].side, STREAM_END_RESET, "");
	settle();
	ck_assert(t.edge.ears[0].is_over && t.edge.ears[0].was_aborted);
	ck_assert_int_eq(t.edge.ears[0].end, RELAY_END_RIGHT);
	ck_assert(!t.edge.ears[1].is_over);
	say(&t.edge.ears[1], 10);
	settle();
	ck_assert_uint_eq(t.server.ears[1].heard, 10);
}
END_TEST

START_TEST(test_a_cut_says_all_and_ends_within_its_time)
{
	open_some(1);
	say(&t.edge.ears[0], 200000);
	relay_cut(t.edge.ears[0].relay);
	settle();
	ck_assert(t.server.ears[0].heard_eof);
	ck_assert_uint_eq(t.server.ears[0].heard, 200000);
	/* The target does not answer with its own last word. */
	TURN_UNTIL(t.loop, t.edge.ears[0].is_over);
	settle();
	ck_assert(t.server.ears[0].is_over);
	ck_assert_uint_eq(mux_count(t.server.mux), 0);
}
END_TEST

START_TEST(test_a_refusal_has_its_code)
{
	t.refuses = true;
	ck_assert_int_eq(try_open(0), 0);
	settle();
	ck_assert_int_eq(t.edge.ended, 1);
	ck_assert_int_eq(t.edge.code, WCE_E_TICKET);
	ck_assert_uint_eq(mux_count(t.edge.mux), 0);
}
END_TEST

START_TEST(test_who_leaves_before_the_answer_is_forgotten)
{
	t.is_slow = true;
	open_some(2);
	channel_reset(t.edge.opened[0], WCE_E_TIMEOUT);
	settle();
	ck_assert_int_eq(t.server.ended, 1);
	ck_assert_int_eq(t.server.code, WCE_E_TIMEOUT);
	/* An answer that crossed the reset reaches nobody. */
	forge(&t.edge, WCE_CH_ACCEPT, 1, "\0\x70\0\4\0\0\1\0", 8);
	forge(&t.edge, WCE_CH_DATA, 1, "late", 4);
	ck_assert_int_eq(t.edge.err, 0);
	ck_assert_int_eq(t.edge.accepted, 0);
	channel_accept(t.server.opened[1]);
	join(&t.server.ears[1], t.server.opened[1]);
	settle();
	ck_assert_int_eq(t.edge.accepted, 1);
}
END_TEST

START_TEST(test_a_lost_connection_ends_all)
{
	t.is_slow = true;
	open_some(3);
	channel_accept(t.server.opened[0]);
	join(&t.server.ears[0], t.server.opened[0]);
	settle();
	t.edge.out.is_cut = true;
	mux_free(t.edge.mux);
	t.edge.mux = NULL;
	ck_assert(t.edge.ears[0].is_over && t.edge.ears[0].was_aborted);
	ck_assert_int_eq(t.edge.ended, 2);
	ck_assert_int_eq(t.edge.code, WCE_E_NONE);
}
END_TEST

/* ---- rules --------------------------------------------------------------- */

START_TEST(test_more_than_the_window_ends_that_channel)
{
	struct ear *e = &t.server.ears[0];
	uint8_t piece[WCE_DATA_MAX];

	open_some(2);
	e->is_deaf = true;
	for (int i = 0; i < 40 && !e->is_over; i++) {
		for (size_t k = 0; k < sizeof(piece); k++)
			piece[k] = sound(e->seed_heard, e->heard + k);
		forge(&t.server, WCE_CH_DATA, 1, piece, sizeof(piece));
	}
	ck_assert(e->is_over);
	ck_assert_uint_le(e->heard, RELAY_QUEUE_MAX);
	ck_assert(!t.server.ears[1].is_over);
	ck_assert_int_eq(t.server.err, 0);
	settle();
	ck_assert(t.edge.ears[0].is_over);
	ck_assert(!t.edge.ears[1].is_over);
}
END_TEST

static const struct {
	const char *what;
	bool to_edge;
	bool is_open; /* else: no answer yet */
	uint8_t type;
	const char *payload;
	size_t len;
} FAULTS[] = {
	{"data before the answer", true, false, WCE_CH_DATA, "x", 1},
	{"data before our answer", false, false, WCE_CH_DATA, "x", 1},
	{"a last word before the answer", true, false, WCE_CH_EOF, "", 0},
	{"credit before the answer", true, false, WCE_CH_CREDIT,
		"\0\0\0\1", 4},
	{"a second answer", true, true, WCE_CH_ACCEPT,
		"\0\x70\0\4\0\4\0\0", 8},
	{"an answer from who asked", false, true, WCE_CH_ACCEPT,
		"\0\x70\0\4\0\4\0\0", 8},
	{"credit over all bounds", false, true, WCE_CH_CREDIT,
		"\x7f\xff\xff\xff", 4},
	{"no credit", false, true, WCE_CH_CREDIT, "\0\0\0\0", 4},
	{"credit over all bounds at once", true, false, WCE_CH_ACCEPT,
		"\0\x70\0\4\xff\xff\xff\xff", 8},
};

START_TEST(test_what_a_channel_does_wrong_ends_it_alone)
{
	struct half *to = FAULTS[_i].to_edge ? &t.edge : &t.server;
	size_t before;

	t.is_slow = true;
	open_some(2);
	if (FAULTS[_i].is_open) {
		channel_accept(t.server.opened[0]);
		join(&t.server.ears[0], t.server.opened[0]);
		settle();
	}
	before = mux_count(to->mux);
	forge(to, FAULTS[_i].type, 1, FAULTS[_i].payload, FAULTS[_i].len);
	ck_assert_int_eq(to->err, 0);
	ck_assert_uint_eq(mux_count(to->mux), before - 1);
	settle();
	ck_assert_uint_eq(mux_count(t.edge.mux), 1);
	ck_assert_uint_eq(mux_count(t.server.mux), 1);
}
END_TEST

START_TEST(test_a_word_after_the_last_ends_the_channel)
{
	open_some(1);
	relay_side_eof(t.edge.ears[0].side);
	settle();
	forge(&t.server, WCE_CH_DATA, 1, "more", 4);
	ck_assert(t.server.ears[0].is_over);
	ck_assert_int_eq(t.server.err, 0);
}
END_TEST

static const struct {
	const char *what;
	bool to_edge;
	uint8_t type;
	uint32_t channel;
	size_t len;
} STRANGERS[] = {
	{"the edge is opened to", true, WCE_CH_OPEN, 3, 300},
	{"an even number", false, WCE_CH_DATA, 2, 1},
	{"a number not yet used", false, WCE_CH_DATA, 5, 1},
	{"the connection itself", false, WCE_CH_DATA, 0, 1},
	{"an open without fields", false, WCE_CH_OPEN, 3, 0},
	{"an open with a used number", false, WCE_CH_OPEN, 1, 300},
	{"no data", false, WCE_CH_DATA, 1, 0},
	{"too much data", false, WCE_CH_DATA, 1, WCE_DATA_MAX + 1},
	{"short credit", false, WCE_CH_CREDIT, 1, 3},
	{"a long last word", false, WCE_CH_EOF, 1, 1},
	{"a reset without code", false, WCE_CH_RESET, 1, 0},
	{"a frame of another kind", false, WCE_PAIR, 1, 0},
	{"an answer without credit", true, WCE_CH_ACCEPT, 1, 0},
};

START_TEST(test_what_no_channel_says_ends_the_connection)
{
	static const uint8_t zeros[WCE_DATA_MAX + 1];
	struct half *to = STRANGERS[_i].to_edge ? &t.edge : &t.server;

	t.is_slow = true;
	open_some(1);
	wce_reader_fini(&to->reader);
	wce_reader_init(&to->reader, WCE_PAYLOAD_MAX);
	forge(to, STRANGERS[_i].type, STRANGERS[_i].channel, zeros,
		STRANGERS[_i].len);
	ck_assert_int_eq(to->err, EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_channels_have_a_bound_on_both_ends)
{
	uint8_t fields[512];
	size_t len = open_fields(fields, sizeof(fields));

	open_some(EARS);
	ck_assert(!mux_has_room(t.edge.mux));
	ck_assert_int_eq(try_open(0), EDGE_ETOOBIG);
	/* One that opens more all the same is told no, the rest lives. */
	forge(&t.server, WCE_CH_OPEN, 2 * EARS + 1, fields, len);
	ck_assert_int_eq(t.server.err, 0);
	ck_assert_uint_eq(mux_count(t.server.mux), EARS);
	settle();
	ck_assert_int_eq(t.edge.err, EDGE_EMALFORMED); /* it never asked */
}
END_TEST

START_TEST(test_a_full_connection_takes_no_new_client)
{
	open_some(1);
	t.edge.out.is_above = true;
	say(&t.edge.ears[0], 20000);
	ck_assert(!mux_has_room(t.edge.mux));
	settle();
	ck_assert(mux_has_room(t.edge.mux));
}
END_TEST

/* ---- the vectors of docs/protocol/webconf.md 10 -------------------------- */

static void expect_out(struct half *h, const char *hex)
{
	char text[512] = "";

	ck_assert_uint_lt(h->out.to - h->out.from, 250);
	str_hex(h->out.data + h->out.from, h->out.to - h->out.from, text);
	ck_assert_str_eq(text, hex);
}

START_TEST(test_vectors)
{
	static const uint8_t hello[] = "hello";

	ck_assert_int_eq(try_open(0), 0);
	ck_assert_uint_eq(t.edge.out.to, 12 + 20 + 213 + 8 + 6);
	carry(&t.edge, &t.server, 1000);
	expect_out(&t.server, "57450121000000010000000800700004"
		"00040000");
	carry(&t.server, &t.edge, 1000);
	relay_side_data(t.edge.ears[0].side, hello, 5);
	expect_out(&t.edge, "57450122000000010000000568656c6c6f");
	t.edge.out.to = 0;
	relay_side_eof(t.edge.ears[0].side);
	expect_out(&t.edge, "574501240000000100000000");
	t.edge.out.to = 0;
	relay_free(t.edge.ears[0].relay);
	t.edge.ears[0].relay = NULL;
	expect_out(&t.edge, "5745012500000001000000020206");
	t.edge.out.to = 0;
}
END_TEST

START_TEST(test_vector_of_credit)
{
	open_some(1);
	say(&t.edge.ears[0], MUX_WINDOW / 2);
	while (carry(&t.edge, &t.server, 16000) > 0)
		;
	expect_out(&t.server, "57450123000000010000000400020000");
}
END_TEST

/* ---- anything at any time ------------------------------------------------ */

static void random_step(unsigned *seed)
{
	int i = (int)(rand_r(seed) % EARS);
	struct half *h = rand_r(seed) % 2 ? &t.edge : &t.server;
	struct ear *e = &h->ears[i];
	size_t len = rand_r(seed) % 70000;

	switch (rand_r(seed) % 12) {
	case 0:
		if (t.edge.opened[i] == NULL && i == t.next &&
			mux_has_room(t.edge.mux) && try_open(i) == 0)
			settle();
		break;
	case 1:
		if (e->relay != NULL && !e->heard_eof && rand_r(seed) % 8 == 0)
			relay_cut(e->relay);
		break;
	case 2:
		if (e->relay != NULL && rand_r(seed) % 8 == 0) {
			relay_free(e->relay);
			e->relay = NULL;
			e->is_over = true;
		}
		break;
	case 3:
		e->is_deaf = !e->is_deaf;
		if (!e->is_deaf && e->relay != NULL) {
			e->piled = 0;
			relay_side_drained(e->side);
		}
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		if (e->relay != NULL && !e->is_mute)
			say(e, len);
		break;
	default:
		carry(&t.edge, &t.server, len);
		carry(&t.server, &t.edge, rand_r(seed) % 70000);
		loop_turn(t.loop, 0);
		break;
	}
}

/* Every byte that is heard is checked by ear_send(): cross-talk can't be. */
START_TEST(test_random_lives_never_cross)
{
	unsigned seed = (unsigned)_i * 7919 + 1;

	for (int i = 0; i < 3000; i++)
		random_step(&seed);
	ck_assert_int_eq(t.edge.err, 0);
	ck_assert_int_eq(t.server.err, 0);
	for (int i = 0; i < EARS; i++)
		ck_assert_uint_le(t.server.ears[i].heard,
			t.edge.ears[i].said);
	for (int i = 0; i < EARS; i++) {
		relay_free(t.edge.ears[i].relay);
		relay_free(t.server.ears[i].relay);
	}
	settle();
	ck_assert_uint_eq(mux_count(t.edge.mux), 0);
	ck_assert_uint_eq(mux_count(t.server.mux), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("mux");
	TCase *tc = tcase_create("mux");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_bytes_cross_on_many_channels);
	tcase_add_test(tc, test_much_passes_the_window_many_times);
	tcase_add_test(tc, test_one_stalled_channel_stops_no_other);
	tcase_add_test(tc, test_channels_take_turns);
	tcase_add_test(tc, test_control_goes_ahead_of_data);
	tcase_add_test(tc, test_last_words_pass_each_way);
	tcase_add_test(tc, test_a_broken_side_breaks_the_other);
	tcase_add_test(tc, test_a_cut_says_all_and_ends_within_its_time);
	tcase_add_test(tc, test_a_refusal_has_its_code);
	tcase_add_test(tc, test_who_leaves_before_the_answer_is_forgotten);
	tcase_add_test(tc, test_a_lost_connection_ends_all);
	tcase_add_test(tc, test_more_than_the_window_ends_that_channel);
	tcase_add_loop_test(tc, test_what_a_channel_does_wrong_ends_it_alone,
		0, (int)ARRAY_COUNT(FAULTS));
	tcase_add_test(tc, test_a_word_after_the_last_ends_the_channel);
	tcase_add_loop_test(tc, test_what_no_channel_says_ends_the_connection,
		0, (int)ARRAY_COUNT(STRANGERS));
	tcase_add_test(tc, test_channels_have_a_bound_on_both_ends);
	tcase_add_test(tc, test_a_full_connection_takes_no_new_client);
	tcase_add_test(tc, test_vectors);
	tcase_add_test(tc, test_vector_of_credit);
	tcase_add_loop_test(tc, test_random_lives_never_cross, 0, 20);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
