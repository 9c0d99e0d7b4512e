/*
 * Two streams joined. Lives here: who is read when, last words, the rate
 * cap, the end of both. Does not live here: how they came to stand, who
 * admitted them, idle limits (their owner looks at relay_heard()).
 */
#include "common/net/relay.h"

#include <errno.h>
#include <stdlib.h>

/* Why a side is not read; it is when no reason is left. */
#define PAUSE_QUEUE 1u /* the other side's queue is full */
#define PAUSE_RATE  2u /* said more than its rate */

/* At least what one turn of the loop may read. */
#define BURST_MIN 65536
/* Each waits for itself, but one timer serves both. */
#define RATE_WAIT_MAX_MS 500

struct relay_side {
	struct relay *relay;
	struct leg leg; /* owned, self NULL = ended */
	unsigned pauses;
	bool is_eof;
	int64_t credit; /* bytes it may say; below 0 = must wait */
	struct mono credit_at;
	uint64_t bytes;
};

struct relay {
	struct loop *loop;
	struct relay_side sides[2];
	int64_t rate; /* bytes a second, 0 = no cap */
	int64_t half_close_ms;
	struct loop_timer *half_timer; /* owned, NULL until needed */
	struct loop_timer *rate_timer; /* owned, NULL without a cap */
	struct mono heard;
	relay_end_cb *on_end;
	void *arg;
	bool is_closing;
	enum relay_end end;
};

const char *relay_end_name(enum relay_end end)
{
	static const char *const names[] = {
		[RELAY_END_BOTH] = "both",
		[RELAY_END_HALF] = "half_close",
		[RELAY_END_LEFT] = "left",
		[RELAY_END_RIGHT] = "right",
		[RELAY_END_CUT] = "cut",
	};

	return names[end];
}

static struct relay_side *other(struct relay_side *s)
{
	struct relay *r = s->relay;

	return s == &r->sides[RELAY_LEFT] ? &r->sides[RELAY_RIGHT] :
		&r->sides[RELAY_LEFT];
}

static void pause_side(struct relay_side *s, unsigned reason)
{
	s->pauses |= reason;
	if (s->leg.self != NULL)
		s->leg.ops->pause(s->leg.self);
}

static void resume_side(struct relay_side *s, unsigned reason)
{
	s->pauses &= ~reason;
	if (s->pauses == 0 && s->leg.self != NULL)
		s->leg.ops->resume(s->leg.self);
}

/* ---- the end ------------------------------------------------------------- */

void relay_free(struct relay *r)
{
	if (r == NULL)
		return;
	loop_timer_free(r->half_timer);
	loop_timer_free(r->rate_timer);
	for (size_t i = 0; i < 2; i++)
		if (r->sides[i].leg.self != NULL)
			r->sides[i].leg.ops->free(r->sides[i].leg.self);
	free(r);
}

static void finish(struct relay *r, enum stream_end end, const char *detail)
{
	r->on_end(r, r->end, end, detail, r->arg);
	relay_free(r);
}

/* Each side is told and flushed; the last on_end finishes. */
static void close_both(struct relay *r, enum relay_end end)
{
	if (r->is_closing)
		return;
	r->is_closing = true;
	r->end = end;
	for (size_t i = 0; i < 2; i++)
		if (r->sides[i].leg.self != NULL)
			r->sides[i].leg.ops->close(r->sides[i].leg.self);
}

void relay_cut(struct relay *r)
{
	close_both(r, RELAY_END_CUT);
}

static void close_if_done(struct relay *r)
{
	for (size_t i = 0; i < 2; i++) {
		const struct relay_side *s = &r->sides[i];

		if (!s->is_eof || s->leg.self == NULL ||
			!s->leg.ops->is_shut(s->leg.self))
			return;
	}
	close_both(r, RELAY_END_BOTH);
}

static void on_half_over(void *arg)
{
	close_both(arg, RELAY_END_HALF);
}

void relay_side_end(struct relay_side *s, enum stream_end end,
	const char *detail)
{
	struct relay_side *peer = other(s);
	struct relay *r = s->relay;

	s->leg.self = NULL;
	if (r->is_closing) {
		if (peer->leg.self == NULL)
			finish(r, STREAM_END_LOCAL, "");
		return;
	}
	/* One broke: the other must not take that for an orderly end. */
	r->end = s == &r->sides[RELAY_LEFT] ? RELAY_END_LEFT :
		RELAY_END_RIGHT;
	peer->leg.ops->abort(peer->leg.self);
	peer->leg.self = NULL;
	finish(r, end, detail);
}

/* ---- bytes --------------------------------------------------------------- */

static int64_t burst(const struct relay *r)
{
	return r->rate > BURST_MIN ? r->rate : BURST_MIN;
}

static void refill(struct relay_side *s, struct mono now)
{
	const struct relay *r = s->relay;
	int64_t elapsed_ms = mono_since_ms(s->credit_at, now);

	/* Long silence must not overflow: a minute fills any bucket. */
	if (elapsed_ms > 60000)
		elapsed_ms = 60000;
	s->credit += r->rate * elapsed_ms / 1000;
	if (s->credit > burst(r))
		s->credit = burst(r);
	s->credit_at = now;
}

static int64_t debt_ms(const struct relay_side *s)
{
	int64_t wait_ms = -s->credit * 1000 / s->relay->rate + 1;

	return wait_ms < RATE_WAIT_MAX_MS ? wait_ms : RATE_WAIT_MAX_MS;
}

static void spend(struct relay_side *s, size_t len)
{
	struct relay *r = s->relay;

	if (r->rate == 0)
		return;
	refill(s, loop_now(r->loop));
	s->credit -= (int64_t)len;
	if (s->credit >= 0)
		return;
	pause_side(s, PAUSE_RATE);
	if (!loop_timer_is_running(r->rate_timer))
		loop_timer_start(r->rate_timer, debt_ms(s));
}

static void on_rate(void *arg)
{
	struct relay *r = arg;
	int64_t wait_ms = 0;

	for (size_t i = 0; i < 2; i++) {
		struct relay_side *s = &r->sides[i];

		if ((s->pauses & PAUSE_RATE) == 0)
			continue;
		refill(s, loop_now(r->loop));
		if (s->credit >= 0) {
			resume_side(s, PAUSE_RATE);
			continue;
		}
		if (wait_ms == 0 || debt_ms(s) < wait_ms)
			wait_ms = debt_ms(s);
	}
	if (wait_ms > 0)
		loop_timer_start(r->rate_timer, wait_ms);
}

static void take(struct relay_side *s, const void *data, size_t len)
{
	struct relay_side *peer = other(s);
	struct relay *r = s->relay;

	s->bytes += len;
	r->heard = loop_now(r->loop);
	/* A peer that is ending says so by its on_end. */
	if (peer->leg.self != NULL &&
		peer->leg.ops->send(peer->leg.self, data, len) > 0)
		pause_side(s, PAUSE_QUEUE);
	spend(s, len);
}

void relay_side_data(struct relay_side *s, const uint8_t *data, size_t len)
{
	take(s, data, len);
}

void relay_inject(struct relay *r, enum relay_side_id side, const void *data,
	size_t len)
{
	if (len > 0)
		take(&r->sides[side], data, len);
}

void relay_side_drained(struct relay_side *s)
{
	resume_side(other(s), PAUSE_QUEUE);
	close_if_done(s->relay);
}

void relay_side_eof(struct relay_side *s)
{
	struct relay_side *peer = other(s);
	struct relay *r = s->relay;

	s->is_eof = true;
	if (peer->leg.self != NULL)
		peer->leg.ops->shut(peer->leg.self);
	if (r->half_timer == NULL && loop_timer_new(&r->half_timer, r->loop,
			on_half_over, r) < 0) {
		close_both(r, RELAY_END_HALF);
		return;
	}
	if (!loop_timer_is_running(r->half_timer))
		loop_timer_start(r->half_timer, r->half_close_ms);
	close_if_done(r);
}

/* ---- life ---------------------------------------------------------------- */

static void join(struct relay *r, enum relay_side_id side, struct leg leg)
{
	struct relay_side *s = &r->sides[side];

	s->relay = r;
	s->leg = leg;
	s->credit = burst(r);
	s->credit_at = r->heard;
	leg.ops->join(leg.self, s);
}

/* A stream unless another kind of leg is given. */
static struct leg leg_of(struct stream *stream, struct leg leg)
{
	return leg.self != NULL ? leg : leg_of_stream(stream);
}

int relay_new(struct relay **out, const struct relay_spec *spec)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->loop = spec->loop;
	r->rate = (int64_t)spec->rate_kib_s * 1024;
	r->half_close_ms = spec->half_close_ms;
	r->on_end = spec->on_end;
	r->arg = spec->arg;
	r->heard = loop_now(spec->loop);
	if (r->rate > 0 && loop_timer_new(&r->rate_timer, r->loop, on_rate,
			r) < 0) {
		free(r);
		return -ENOMEM;
	}
	join(r, RELAY_LEFT, leg_of(spec->left, spec->left_leg));
	join(r, RELAY_RIGHT, leg_of(spec->right, spec->right_leg));
	resume_side(&r->sides[RELAY_LEFT], 0);
	resume_side(&r->sides[RELAY_RIGHT], 0);
	*out = r;
	return 0;
}

uint64_t relay_bytes(const struct relay *r, enum relay_side_id side)
{
	return r->sides[side].bytes;
}

size_t relay_queued(const struct relay *r)
{
	size_t queued = 0;

	for (size_t i = 0; i < 2; i++)
		if (r->sides[i].leg.self != NULL)
			queued += r->sides[i].leg.ops->queued(
				r->sides[i].leg.self);
	return queued;
}

struct mono relay_heard(const struct relay *r)
{
	return r->heard;
}
