/*
 * Memory of connections that are gone goes back to the system. The allocator
 * would keep it: the tops of its arenas up to a bound that grows by itself,
 * and whole pages below whatever is still in use.
 */
#ifndef AV_EDGE_HEAP_H
#define AV_EDGE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct heap {
	uint64_t peak; /* of connections since the last time */
	uint64_t last; /* when it was asked before */
};

/* Once, before there are any. */
void heap_init(struct heap *h);

/* Asked every few seconds with the connections there are: true when a crowd
 * has gone and no more go, so that giving back is worth its while. */
bool heap_is_slack(struct heap *h, uint64_t connections);

/* Walks all arenas, which takes milliseconds: not for a shard's thread. */
void heap_give_back(void);

#endif
