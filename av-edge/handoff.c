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

struct piece {
	uint64_t owner;
	struct addr from;
	uint16_t len; /* of the whole datagram, this piece's and those after */
	uint8_t data[HANDOFF_PIECE];
};

struct handoff {
	/* Each in a cache line of its own: they belong to two threads. */
	alignas(CACHE_LINE) _Atomic uint32_t written;
	alignas(CACHE_LINE) _Atomic uint32_t dropped;
	alignas(CACHE_LINE) struct piece pieces[HANDOFF_ITEMS];
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

/* An empty datagram takes a place as well. */
static unsigned places_of(size_t len)
{
	return len == 0 ? 1 : (unsigned)((len + HANDOFF_PIECE - 1) /
		HANDOFF_PIECE);
}

static size_t piece_len(size_t left)
{
	return left < HANDOFF_PIECE ? left : HANDOFF_PIECE;
}

bool handoff_push(struct handoff *h, uint64_t owner, const struct addr *from,
	const void *data, size_t len)
{
	uint32_t written = atomic_load_explicit(&h->written,
		memory_order_relaxed);
	uint32_t dropped = atomic_load_explicit(&h->dropped,
		memory_order_acquire);
	unsigned places = places_of(len), i;
	size_t at = 0;

	if (len > UINT16_MAX || written - dropped + places > HANDOFF_ITEMS)
		return false;
	for (i = 0; i < places; i++) {
		struct piece *p = &h->pieces[(written + i) % HANDOFF_ITEMS];

		p->owner = owner;
		p->from = *from;
		p->len = (uint16_t)(len - at);
		memcpy(p->data, (const uint8_t *)data + at, piece_len(len -
			at));
		at += piece_len(len - at);
	}
	/* The reader sees all of it or nothing. */
	atomic_store_explicit(&h->written, written + places,
		memory_order_release);
	return true;
}

static void put_together(const struct handoff *h, uint32_t first,
	uint8_t *room, const struct handoff_datagram *out)
{
	size_t at = 0;
	unsigned i;

	for (i = 0; i < out->places; i++) {
		const struct piece *p =
		    &h->pieces[(first + i) % HANDOFF_ITEMS];

		memcpy(room + at, p->data, piece_len(p->len));
		at += piece_len(p->len);
	}
}

bool handoff_peek(const struct handoff *h, unsigned skip,
	uint8_t room[static UINT16_MAX], struct handoff_datagram *out)
{
	uint32_t written = atomic_load_explicit(&h->written,
		memory_order_acquire);
	uint32_t first = atomic_load_explicit(&h->dropped,
		memory_order_relaxed) + skip;
	const struct piece *p = &h->pieces[first % HANDOFF_ITEMS];

	if (first == written)
		return false;
	*out = (struct handoff_datagram){
		.owner = p->owner,
		.from = p->from,
		.data = p->data,
		.len = p->len,
		.places = places_of(p->len),
	};
	if (out->places == 1)
		return true;
	put_together(h, first, room, out);
	out->data = room;
	return true;
}

void handoff_drop(struct handoff *h, unsigned places)
{
	uint32_t dropped = atomic_load_explicit(&h->dropped,
		memory_order_relaxed);

	atomic_store_explicit(&h->dropped, dropped + places,
		memory_order_release);
}
