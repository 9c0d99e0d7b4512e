/* Waiting before a restart: a table of steps, no clock, no process. */
#include "common/base/attr.h"
#include "edgectl/up/backoff.h"

static const int64_t STEPS_MS[] = {
	50,
	200,
	400,
	700,
	3000,
	10000,
	30000,
};
/* Steps below a second; after them the breaker counts as open. */
#define QUICK_STEPS 4

int64_t backoff_delay_ms(struct backoff *b, int64_t uptime_ms)
{
	unsigned step;

	if (uptime_ms >= BACKOFF_HEALTHY_MS)
		b->streak = 0;
	step = b->streak;
	if (step >= ARRAY_COUNT(STEPS_MS))
		step = ARRAY_COUNT(STEPS_MS) - 1;
	b->streak++;
	return STEPS_MS[step];
}

bool backoff_is_open(const struct backoff *b)
{
	return b->streak > QUICK_STEPS;
}
