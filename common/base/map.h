/*
 * Intrusive hash table with chained buckets and a random SipHash-2-4 key per
 * table, so that peers can't choose colliding keys. Grows by doubling.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

struct map_node {
	struct map_node *next;
	uint64_t hash;
};

struct map {
	struct map_node **buckets; /* owned */
	size_t bucket_count;       /* power of two */
	size_t count;
	uint64_t key[2];
};

/* True when the object that embeds node has this key. */
typedef bool(map_eq_fn)(const struct map_node *node, const void *key);

EDGE_MUST int map_init(struct map *m);
void map_fini(struct map *m); /* nodes are their owners' affair */

uint64_t map_hash(const struct map *m, const void *key, size_t len);
/* Never fails: when growing fails the chains get longer. */
void map_insert(struct map *m, struct map_node *node, uint64_t hash);
void map_remove(struct map *m, struct map_node *node);
struct map_node *map_find(const struct map *m, uint64_t hash, map_eq_fn *eq,
	const void *key);
/* Walk in no order: start with NULL, ends with NULL. The node handed out
 * may be removed before the next step only through map_for_each. */
struct map_node *map_next(const struct map *m, const struct map_node *at);

/* Walk; in the body `it` itself, and no other, may be removed. */
#define map_for_each(it, tmp, m)                                        \
	for ((it) = map_next((m), NULL);                                \
		(it) != NULL && ((tmp) = map_next((m), (it)), true);    \
		(it) = (tmp))

uint64_t siphash24(const uint64_t key[2], const void *data, size_t len);

#endif
