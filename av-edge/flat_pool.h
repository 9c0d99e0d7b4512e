/*
 * Records of one size in large chunks, named by number. Records hold no
 * pointers, only numbers of other records, so that all state of a shard can
 * be handed to a successor process or copied into a kernel map as it is.
 */
#ifndef AV_EDGE_FLAT_POOL_H
#define AV_EDGE_FLAT_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

#define FLAT_NONE        UINT32_MAX
#define FLAT_CHUNK_SHIFT 8
#define FLAT_CHUNK       (1u << FLAT_CHUNK_SHIFT)

struct flat_pool {
	uint8_t **chunks; /* owned, each of FLAT_CHUNK records */
	size_t size;      /* of a record, multiple of 8 */
	uint32_t max;
	uint32_t fresh;   /* numbers from here on were never used */
	uint32_t free;    /* first of the list of given back ones */
	uint32_t live;
};

/* size must be a multiple of 8. */
EDGE_MUST int flat_pool_init(struct flat_pool *pool, size_t size,
	uint32_t max);
void flat_pool_fini(struct flat_pool *pool); /* accepts a zeroed one */
/* A zeroed record; FLAT_NONE when max is reached or memory is out. */
EDGE_MUST uint32_t flat_pool_take(struct flat_pool *pool);
void flat_pool_give(struct flat_pool *pool, uint32_t number);

/* number must have come from flat_pool_take(). */
static inline void *flat_pool_at(const struct flat_pool *pool, uint32_t number)
{
	return pool->chunks[number >> FLAT_CHUNK_SHIFT] +
	    (number & (FLAT_CHUNK - 1)) * pool->size;
}

#endif
