/*
 * Handing over: out of one shard's loop and lists, a message, into the
 * other's. In between nobody else knows the connection. Anybody can ask for
 * it, with no proof, so a connection may do it a few times and no more.
 */
#include "av-edge/tcp_move.h"

#include "av-edge/shard.h"
#include "av-edge/tcp_conn.h"

#define MOVES_MAX 4

/* In the thread of the new shard. */
static void arrive(struct shard *s, void *arg)
{
	struct tcp_conn *c = arg;
	int err = tcp_conn_enter(s, c);

	stats_add(&s->turn.stats, AV_CONN_MOVED, 1);
	if (err == 0)
		err = stream_join(c->stream, s->loop);
	if (err < 0) {
		tcp_conn_end(c);
		return;
	}
	/* Moving takes none of its time and gives it none. */
	loop_timer_start(c->timer, mono_since_ms(loop_now(s->loop), c->until));
	tcp_conn_resume(c, TCP_PAUSE_MOVE);
}

/* Not inside the stream's own callback. */
static void leave(void *arg)
{
	struct tcp_conn *c = arg;
	struct shard *from = c->shard, *to = from->peers[c->goal];
	enum av_counter gauge = tcp_conn_gauge(c);

	stream_leave(c->stream);
	loop_timer_free(c->timer);
	c->timer = NULL;
	list_remove(&c->node);
	if (shard_post(to, arrive, c) < 0)
		tcp_conn_end(c);
	else /* the gauge is a sum over all shards */
		stats_add(&from->turn.stats, gauge, (uint64_t)-1);
}

void tcp_move_forget(struct tcp_conn *c)
{
	if ((c->pauses & TCP_PAUSE_MOVE) != 0)
		loop_undefer(c->shard->loop, leave, c);
}

bool tcp_move(struct tcp_conn *c, unsigned shard)
{
	const struct turn *t = &c->shard->turn;

	if (shard >= c->shard->peer_count || c->moves == MOVES_MAX ||
	    alloc_find(&t->allocs, c->port->number, &c->client) != NULL)
		return false;
	c->goal = shard;
	if (loop_defer(c->shard->loop, leave, c) < 0)
		return false;
	c->moves++;
	tcp_conn_pause(c, TCP_PAUSE_MOVE);
	return true;
}
