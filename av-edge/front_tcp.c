/*
 * From a connection's bytes to the handlers that UDP has too: a frame is
 * handled like a datagram, its answer goes into the stream. What is no
 * whole frame waits, one frame at most; where no frame can begin the
 * connection ends (threat T13).
 */
#include "av-edge/front_tcp.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "av-edge/frame_tcp.h"
#include "av-edge/relay_udp.h"
#include "av-edge/shard.h"
#include "av-edge/tcp_conn.h"

static void take_message(struct tcp_conn *c, const struct frame *f)
{
	struct shard *s = c->shard;
	uint8_t answer[TURN_ANSWER_MAX];
	const struct turn_in in = {
		.data = f->data,
		.len = f->len,
		.client = &c->client,
		.listener = c->port->number,
		.side = c->port->side,
		.is_closing = atomic_load(&c->port->is_closing),
		.is_stream = true,
	};
	struct turn_out out = {.answer = answer};

	if (!stun_is_rfc(f->data, f->len)) {
		stats_add(&s->turn.stats, AV_DROP_NOT_STUN, 1);
		return;
	}
	s->asking = c;
	turn_rfc_handle(&s->turn, &in, &out);
	s->asking = NULL;
	if (out.answer_len > 0)
		tcp_conn_answer(c, answer, out.answer_len);
	if (out.from != NULL)
		relay_from_send(s, out.from, &out.peer, out.payload);
}

/* How many of the bytes are done with; < 0: there is no going on. */
static ssize_t take_frames(struct tcp_conn *c, const uint8_t *bytes,
	size_t len)
{
	struct frame f;
	size_t at = 0;
	int err;

	while (at < len && !c->is_paused) {
		err = frame_rfc_next(bytes + at, len - at, &f);
		if (err == EDGE_ESHORT)
			break;
		if (err < 0)
			return err;
		if (f.kind != FRAME_DATA)
			take_message(c, &f);
		else if (!relay_from_channel(c->shard, c->port->number,
				&c->client, f.data, f.len))
			stats_add(&c->shard->turn.stats, AV_DROP_NO_CHANNEL,
				1);
		c->shard->packets++;
		at += f.whole_len;
	}
	return (ssize_t)at;
}

/* The bytes go behind those that wait already. -ENOMEM. */
static int append(struct tcp_conn *c, const uint8_t *data, size_t len)
{
	uint8_t *grown = realloc(c->tail, c->tail_len + len);

	if (grown == NULL)
		return -ENOMEM;
	memcpy(grown + c->tail_len, data, len);
	c->tail = grown;
	c->tail_len += len;
	return 0;
}

static void forget(struct tcp_conn *c, size_t done)
{
	c->tail_len -= done;
	if (c->tail_len > 0) {
		memmove(c->tail, c->tail + done, c->tail_len);
		return;
	}
	free(c->tail);
	c->tail = NULL;
}

void front_tcp_read(struct tcp_conn *c, const uint8_t *data, size_t len)
{
	struct shard *s = c->shard;
	bool waits = c->tail_len > 0;
	ssize_t done;
	int err = 0;

	s->turn.now = loop_now(s->loop);
	if (waits && len > 0)
		err = append(c, data, len);
	if (err == 0) {
		done = waits ? take_frames(c, c->tail, c->tail_len) :
			       take_frames(c, data, len);
		err = done < 0 ? (int)done : 0;
	}
	/* What is queued for peers points into these bytes. */
	shard_flush(s);
	if (err == 0 && waits)
		forget(c, (size_t)done);
	else if (err == 0 && (size_t)done < len)
		err = append(c, data + done, len - (size_t)done);
	if (err == 0)
		return;
	stats_add(&s->turn.stats, AV_CONN_BROKEN, 1);
	tcp_conn_close(c);
}
