/*
 * How long the supervisor waits before it starts a daemon again: a pure
 * decision over how often it ended young (requirement R29: a daemon that
 * can't live must not burn the host).
 */
#ifndef EDGECTL_BACKOFF_H
#define EDGECTL_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

/* A daemon that lived this long was healthy: the count starts anew. */
#define BACKOFF_HEALTHY_MS 10000

struct backoff {
	unsigned streak; /* ends in a row, each younger than healthy */
};

/* The daemon ended after uptime_ms: how long to wait. The first few times
 * well below a second, then longer, at most half a minute. */
int64_t backoff_delay_ms(struct backoff *b, int64_t uptime_ms);
/* It ends faster than it is started: worth an error line. */
bool backoff_is_open(const struct backoff *b);

#endif
