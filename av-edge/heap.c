/*
 * When and how the allocator gives back. Lives here: its settings, and the
 * decision. Does not live here: who asks, and how often (av_edge.c).
 */
#include "av-edge/heap.h"

#include <malloc.h>
#include <string.h>

/* Kept at the top of each arena. Said once it no longer follows the largest
 * block that was ever freed. */
#define TRIM_BYTES (1 << 20)
/* A TLS handshake that hangs holds 25 kB: this many are worth a walk. */
#define CROWD 1000

void heap_init(struct heap *h)
{
	memset(h, 0, sizeof(*h));
	mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
}

bool heap_is_slack(struct heap *h, uint64_t connections)
{
	bool is_falling = connections < h->last;

	h->last = connections;
	if (connections > h->peak)
		h->peak = connections;
	if (is_falling || h->peak < CROWD || connections > h->peak / 2)
		return false;
	h->peak = connections;
	return true;
}

void heap_give_back(void)
{
	malloc_trim(0);
}
