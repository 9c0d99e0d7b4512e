/*
 * An index over numbered records by open addressing: hash to number, eight
 * bytes an entry. It knows no keys: who looks up compares the records.
 *
 *	for (n = flat_index_first(ix, hash, &at); n != FLAT_NONE;
 *	     n = flat_index_next(ix, hash, &at))
 *		if (record n has the key)
 *			...
 */
#ifndef AV_EDGE_FLAT_INDEX_H
#define AV_EDGE_FLAT_INDEX_H

#include <stdint.h>

#include "common/base/attr.h"
#include "av-edge/flat_pool.h"

struct flat_entry {
	uint32_t hash;
	uint32_t number; /* FLAT_NONE = free */
};

struct flat_index {
	struct flat_entry *entries; /* owned */
	uint32_t mask; /* entries are mask + 1, a power of two */
	uint32_t count;
};

EDGE_MUST int flat_index_init(struct flat_index *ix);
void flat_index_fini(struct flat_index *ix); /* accepts a zeroed one */
/* -ENOMEM leaves everything as it was. */
EDGE_MUST int flat_index_put(struct flat_index *ix, uint32_t hash,
	uint32_t number);
void flat_index_remove(struct flat_index *ix, uint32_t hash, uint32_t number);

static inline uint32_t flat_index_next(const struct flat_index *ix,
	uint32_t hash, uint32_t *at)
{
	const struct flat_entry *e;

	for (;;) {
		e = &ix->entries[*at & ix->mask];
		(*at)++;
		if (e->number == FLAT_NONE || e->hash == hash)
			return e->number;
	}
}

static inline uint32_t flat_index_first(const struct flat_index *ix,
	uint32_t hash, uint32_t *at)
{
	*at = hash;
	return flat_index_next(ix, hash, at);
}

#endif
