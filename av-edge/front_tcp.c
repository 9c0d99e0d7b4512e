/*
 * From a connection's bytes to the handlers that UDP has too: a frame is
 * handled like a datagram, its answer goes into the stream. What is no
 * whole frame waits, one frame at most; where no frame can begin the
 * connection ends (threat T13).
 */
#include "av-edge/front_tcp.h"

#include <errno.h>
#include <stdbool.h>

#include "common/base/err.h"
#include "common/stun/frame_tcp.h"
#include "common/stun/stun_ms.h"
#include "av-edge/data_conn.h"
#include "av-edge/relay_udp.h"
#include "av-edge/rfc_tcp.h"
#include "av-edge/shard.h"
#include "av-edge/tcp_conn.h"
#include "av-edge/tcp_move.h"
#include "av-edge/turn_ms.h"

#define TAIL_STRANGER 4096

typedef void(handler)(struct turn *t, const struct turn_in *in,
	struct turn_out *out);

static void take_message(struct tcp_conn *c, const struct frame *f,
	handler *handle)
{
	struct shard *s = c->shard;
	uint8_t answer[TURN_ANSWER_MAX];
	const struct turn_in in = {
		.data = f->data,
		.len = f->len,
		.client = &c->client,
		.local = &c->port->address,
		.listener = c->port->number,
		.side = c->port->side,
		.is_closing = atomic_load(&c->port->is_closing),
		.is_stream = true,
	};
	struct turn_out out = {.answer = answer};

	s->asking = c;
	handle(&s->turn, &in, &out);
	s->asking = NULL;
	if (out.answer_len > 0)
		tcp_conn_answer(c, answer, out.answer_len);
	if (out.from != NULL)
		relay_from_send(s, &out);
	if (out.bound != 0)
		data_conn_bind(s, out.bound, c);
}

static void drop(struct tcp_conn *c, enum av_counter reason)
{
	stats_add(&c->shard->turn.stats, reason, 1);
}

/* ---- RFC 8656 ---------------------------------------------------------- */

/* A connection that another shard's peer is to be bound to: that shard
 * handles this message, and has the connection from now on. */
static bool moves(struct tcp_conn *c, const struct frame *f)
{
	uint32_t id;

	return rfc_tcp_is_bind(f->data, f->len, &id) &&
	    data_conn_shard_of(id) != c->shard->number &&
	    tcp_move(c, data_conn_shard_of(id));
}

static int take_rfc(struct tcp_conn *c, const struct frame *f)
{
	if (f->kind == FRAME_DATA) {
		if (!relay_from_channel(c->shard, c->port->number, &c->client,
			f->data, f->len))
			drop(c, AV_DROP_NO_CHANNEL);
	} else if (!stun_is_rfc(f->data, f->len)) {
		drop(c, AV_DROP_NOT_STUN);
	} else if (moves(c, f)) {
		return -EAGAIN;
	} else {
		take_message(c, f, turn_rfc_handle);
	}
	return 0;
}

/* ---- [MS-TURN] --------------------------------------------------------- */

/* Control that is none leaves no doubt that the stream is out of step. */
static int take_ms(struct tcp_conn *c, const struct frame *f)
{
	struct alloc *a;

	if (f->kind != FRAME_DATA) {
		if (!stun_ms_is_control(f->data, f->len))
			return EDGE_EMALFORMED;
		take_message(c, f, turn_ms_handle);
		return 0;
	}
	a = alloc_find(&c->shard->turn.allocs, c->port->number, &c->client);
	if (a == NULL)
		drop(c, AV_DROP_NO_ALLOCATION);
	else
		relay_from_bare(c->shard, a, f->data, f->len);
	return 0;
}

/* ---- frames ------------------------------------------------------------ */

static const struct {
	int (*next)(const uint8_t *bytes, size_t len, struct frame *out);
	int (*take)(struct tcp_conn *c, const struct frame *f);
} dialects[] = {
	[TCP_CONN_RFC] = {frame_rfc_next, take_rfc},
	[TCP_CONN_MS] = {frame_ms_next, take_ms},
};

/* Bytes of a peer are nobody's frames. */
static size_t pass_on(struct tcp_conn *c, const uint8_t *bytes, size_t len)
{
	if (c->data != NULL && len > 0)
		data_conn_from_client(c->data, bytes, len);
	return len;
}

/* How many of the bytes are done with; < 0: there is no going on. */
static ssize_t take_frames(struct tcp_conn *c, const uint8_t *bytes,
	size_t len)
{
	struct frame f;
	size_t at = 0;
	int err;

	while (at < len && c->pauses == 0) {
		if (c->mode == TCP_CONN_DATA)
			return (ssize_t)(at + pass_on(c, bytes + at,
				len - at));
		err = dialects[c->mode].next(bytes + at, len - at, &f);
		if (err == 0)
			err = dialects[c->mode].take(c, &f);
		if (err == EDGE_ESHORT || err == -EAGAIN)
			break;
		if (err < 0)
			return err;
		c->shard->packets++;
		at += f.whole_len;
	}
	return (ssize_t)at;
}

/* Of somebody without an allocation nothing is kept that is longer than a
 * request can be: neither what is begun nor what waits (threat T8). */
static bool keeps_too_much(const struct tcp_conn *c)
{
	return c->tail.len > TAIL_STRANGER && c->mode != TCP_CONN_DATA &&
	    (c->pauses & TCP_PAUSE_MOVE) == 0 &&
	    alloc_find(&c->shard->turn.allocs, c->port->number, &c->client) ==
		NULL;
}

void front_tcp_read(struct tcp_conn *c, const uint8_t *data, size_t len)
{
	struct shard *s = c->shard;
	bool waits = c->tail.len > 0;
	ssize_t done;
	int err = 0;

	s->turn.now = loop_now(s->loop);
	if (waits)
		err = tail_add(&c->tail, data, len);
	if (err == 0) {
		done = waits ? take_frames(c, c->tail.bytes, c->tail.len) :
			       take_frames(c, data, len);
		err = done < 0 ? (int)done : 0;
	}
	/* What is queued for peers points into these bytes. */
	shard_flush(s);
	if (err == 0 && waits)
		tail_cut(&c->tail, (size_t)done);
	else if (err == 0 && (size_t)done < len)
		err = tail_add(&c->tail, data + done, len - (size_t)done);
	if (err == 0 && keeps_too_much(c))
		err = EDGE_EMALFORMED;
	if (err == 0)
		return;
	stats_add(&s->turn.stats, AV_CONN_BROKEN, 1);
	tcp_conn_close(c);
}
