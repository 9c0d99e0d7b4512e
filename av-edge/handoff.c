/*
 * A ring with two counters that only rise: the writer publishes with
 * release, the reader sees with acquire, and the other way round for room.
 */
#include "av-edge/handoff.h"

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64

struct handoff {
	/* Each in a cache line of its own: they belong to two threads. */
	alignas(CACHE_LINE) _Atomic uint32_t written;
	alignas(CACHE_LINE) _Atomic uint32_t dropped;
	alignas(CACHE_LINE) struct handoff_item items[HANDOFF_ITEMS];
};

int handoff_new(struct handoff **out)
{
	struct handoff *h = aligned_alloc(CACHE_LINE, sizeof(*h));

	if (h == NULL)
		return -ENOMEM;
	/* Items are written before they are read, and most never. */
	atomic_init(&h->written, 0);
	atomic_init(&h->dropped, 0);
	*out = h;
	return 0;
}

void handoff_free(struct handoff *h)
{
	free(h);
}

bool handoff_push(struct handoff *h, uint64_t owner, const struct addr *from,
	const void *data, size_t len)
{
	uint32_t written = atomic_load_explicit(&h->written,
		memory_order_relaxed);
	uint32_t dropped = atomic_load_explicit(&h->dropped,
		memory_order_acquire);
	struct handoff_item *item = &h->items[written % HANDOFF_ITEMS];

	if (written - dropped == HANDOFF_ITEMS || len > HANDOFF_DATA_MAX)
		return false;
	item->owner = owner;
	item->from = *from;
	item->len = (uint16_t)len;
	memcpy(item->data, data, len);
	atomic_store_explicit(&h->written, written + 1, memory_order_release);
	return true;
}

const struct handoff_item *handoff_peek(const struct handoff *h, unsigned n)
{
	uint32_t written = atomic_load_explicit(&h->written,
		memory_order_acquire);
	uint32_t dropped = atomic_load_explicit(&h->dropped,
		memory_order_relaxed);

	if (written - dropped <= n)
		return NULL;
	return &h->items[(dropped + n) % HANDOFF_ITEMS];
}

void handoff_drop(struct handoff *h, unsigned n)
{
	uint32_t dropped = atomic_load_explicit(&h->dropped,
		memory_order_relaxed);

	atomic_store_explicit(&h->dropped, dropped + n, memory_order_release);
}
