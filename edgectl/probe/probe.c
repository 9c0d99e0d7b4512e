/* Turning the loop with a deadline, and the trace. Knows no protocol. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "edgectl/call/ladder.h"
#include "edgectl/probe/probe.h"

#define TURN_MS 20

int probe_init(struct probe *p, int64_t limit_ms)
{
	memset(p, 0, sizeof(*p));
	p->start = mono_now();
	p->start_us = mono_now_us();
	p->start_wall_us = wall_now_us();
	p->deadline = mono_after_ms(p->start, limit_ms);
	p->trace = json_array();
	if (p->trace == NULL)
		return -ENOMEM;
	return loop_new(&p->loop);
}

void probe_fini(struct probe *p)
{
	loop_free(p->loop);
	json_decref(p->trace);
	memset(p, 0, sizeof(*p));
}

int probe_wait(struct probe *p, int64_t limit_ms, probe_done_fn *done,
	void *arg)
{
	struct mono end = mono_after_ms(mono_now(), limit_ms);

	if (mono_since_ms(end, p->deadline) < 0)
		end = p->deadline;
	while (!done(arg)) {
		const int64_t left_ms = mono_since_ms(mono_now(), end);

		if (left_ms <= 0)
			return -ETIMEDOUT;
		loop_turn(p->loop, left_ms < TURN_MS ? (int)left_ms : TURN_MS);
	}
	return 0;
}

int64_t probe_elapsed_ms(const struct probe *p)
{
	return mono_since_ms(p->start, mono_now());
}

void probe_trace(struct probe *p, const char *from, const char *to,
	const char *fmt, ...)
{
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	ladder_add(p->trace, (double)(mono_now_us() - p->start_us) / 1000.0,
		from, to, what);
}
