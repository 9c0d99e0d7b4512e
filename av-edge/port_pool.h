/*
 * Relay ports of one address: which are free, and which allocation owns the
 * others. Shared by all shards; owners can be looked up without the lock.
 */
#ifndef AV_EDGE_PORT_POOL_H
#define AV_EDGE_PORT_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"

/* Owner of a port that is put aside: no allocation has this id, because no
 * shard has this number. */
#define PORT_POOL_ASIDE UINT64_MAX

struct port_pool;

struct port_count {
	uint32_t first; /* port of the range */
	uint32_t range; /* ports in it */
	uint32_t free;
	uint32_t used;    /* owned, inside the range */
	uint32_t outside; /* owned, of a range that was in force before */
};

EDGE_MUST int port_pool_new(struct port_pool **out);
void port_pool_free(struct port_pool *pool); /* accepts NULL */
/* The range from now on, shuffled anew; ports that are owned stay owned.
 * -EINVAL when it does not fit below 65536, -ENOMEM. */
EDGE_MUST int port_pool_set_range(struct port_pool *pool, uint16_t first,
	uint32_t count);

/* Take the port at the head of the list for `owner` (an allocation's id,
 * not 0). 0 when none is free. even: RFC 8656 18.7. */
EDGE_MUST uint16_t port_pool_take(struct port_pool *pool, uint64_t owner,
	bool even);
/* The same with an even port whose neighbour, the next higher one, is free
 * too: that one is put aside. 0 when there is no such pair. */
EDGE_MUST uint16_t port_pool_take_pair(struct port_pool *pool,
	uint64_t owner);
/* A port that was put aside gets its owner. */
void port_pool_pass(struct port_pool *pool, uint16_t port, uint64_t owner);
/* To the end of the list, whether it was used or would not bind. */
void port_pool_give(struct port_pool *pool, uint16_t port);
/* The owner's id or 0. Any thread, no lock. */
uint64_t port_pool_owner(const struct port_pool *pool, uint16_t port);

struct port_count port_pool_count(struct port_pool *pool);
/* Requirement R4: free + used = range, and nothing is both. Walks all. */
bool port_pool_is_sound(struct port_pool *pool);

#endif
