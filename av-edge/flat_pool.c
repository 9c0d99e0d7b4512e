/*
 * Records by number. Chunks are made on demand and kept until the end; a
 * record given back carries the number of the next free one.
 */
#include "av-edge/flat_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64

int flat_pool_init(struct flat_pool *pool, size_t size, uint32_t max)
{
	size_t count = ((size_t)max + FLAT_CHUNK - 1) >> FLAT_CHUNK_SHIFT;

	memset(pool, 0, sizeof(*pool));
	pool->chunks = calloc(count, sizeof(*pool->chunks));
	if (pool->chunks == NULL)
		return -ENOMEM;
	pool->size = size;
	pool->max = max;
	pool->free = FLAT_NONE;
	return 0;
}

void flat_pool_fini(struct flat_pool *pool)
{
	uint32_t i;

	if (pool->chunks == NULL)
		return;
	for (i = 0; i < pool->fresh; i += FLAT_CHUNK)
		free(pool->chunks[i >> FLAT_CHUNK_SHIFT]);
	free(pool->chunks);
	memset(pool, 0, sizeof(*pool));
}

static uint32_t take_fresh(struct flat_pool *pool)
{
	uint8_t **chunk;

	if (pool->fresh == pool->max)
		return FLAT_NONE;
	chunk = &pool->chunks[pool->fresh >> FLAT_CHUNK_SHIFT];
	if ((pool->fresh & (FLAT_CHUNK - 1)) == 0) {
		*chunk = aligned_alloc(CACHE_LINE, FLAT_CHUNK * pool->size);
		if (*chunk == NULL)
			return FLAT_NONE;
	}
	return pool->fresh++;
}

uint32_t flat_pool_take(struct flat_pool *pool)
{
	uint32_t number = pool->free;

	if (number != FLAT_NONE)
		memcpy(&pool->free, flat_pool_at(pool, number),
			sizeof(pool->free));
	else
		number = take_fresh(pool);
	if (number == FLAT_NONE)
		return FLAT_NONE;
	memset(flat_pool_at(pool, number), 0, pool->size);
	pool->live++;
	return number;
}

void flat_pool_give(struct flat_pool *pool, uint32_t number)
{
	uint8_t *record = flat_pool_at(pool, number);

	/* Keys lie in records: nothing of an old one may stay. */
	explicit_bzero(record, pool->size);
	memcpy(record, &pool->free, sizeof(pool->free));
	pool->free = number;
	pool->live--;
}
