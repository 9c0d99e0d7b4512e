/*
 * A stream as the end of a relay. Lives here: nothing but who calls whom.
 * Does not live here: what the relay makes of it (relay.c), other kinds of
 * ends (common/wce/channel.c).
 */
#include "common/net/leg.h"

/* ---- the stream tells the relay ------------------------------------------ */

static void on_data(struct stream *s, const uint8_t *data, size_t len,
	void *arg)
{
	(void)s;
	relay_side_data(arg, data, len);
}

static void on_drained(struct stream *s, void *arg)
{
	(void)s;
	relay_side_drained(arg);
}

static void on_eof(struct stream *s, void *arg)
{
	(void)s;
	relay_side_eof(arg);
}

static void on_end(struct stream *s, enum stream_end end, const char *detail,
	void *arg)
{
	(void)s;
	relay_side_end(arg, end, detail);
}

static const struct stream_ops STREAM_OPS = {
	.on_data = on_data,
	.on_drained = on_drained,
	.on_eof = on_eof,
	.on_end = on_end,
};

/* ---- the relay tells the stream ------------------------------------------ */

static void join_stream(void *leg, struct relay_side *side)
{
	stream_hand_over(leg, &STREAM_OPS, side);
	stream_set_idle_ms(leg, 0);
	stream_forget_peer(leg);
	stream_expect_bulk(leg);
}

static int send_stream(void *leg, const void *data, size_t len)
{
	return stream_send(leg, data, len);
}

static void pause_stream(void *leg)
{
	stream_pause(leg);
}

static void resume_stream(void *leg)
{
	stream_resume(leg);
}

static void shut_stream(void *leg)
{
	stream_shut(leg);
}

static bool is_stream_shut(const void *leg)
{
	return stream_is_shut(leg);
}

static void close_stream(void *leg)
{
	stream_close(leg);
}

static void abort_stream(void *leg)
{
	stream_abort(leg);
}

static void free_stream(void *leg)
{
	stream_free(leg);
}

static size_t queued_stream(const void *leg)
{
	return stream_queued(leg);
}

static const struct leg_ops STREAM_LEG = {
	.join = join_stream,
	.send = send_stream,
	.pause = pause_stream,
	.resume = resume_stream,
	.shut = shut_stream,
	.is_shut = is_stream_shut,
	.close = close_stream,
	.abort = abort_stream,
	.free = free_stream,
	.queued = queued_stream,
};

struct leg leg_of_stream(struct stream *s)
{
	return (struct leg){&STREAM_LEG, s};
}
