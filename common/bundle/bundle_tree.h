/*
 * A Merkle tree over the parts of a topology (RFC 9162 section 2.1): one
 * hash that is signed, and for each part a short path that proves it.
 */
#ifndef BUNDLE_BUNDLE_TREE_H
#define BUNDLE_BUNDLE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/digest.h"

#define BUNDLE_PATH_MAX 32u /* hashes: of 2^32 leaves */

struct bundle_hash {
	uint8_t bytes[DIGEST_SHA256_LEN];
};

/* Of a leaf: SHA-256 of 00 and the octets it stands for. */

struct bundle_hash bundle_tree_leaf(const void *p, size_t len);

struct bundle_tree;

/* Takes leaves, count of them. -EINVAL: none, or more than 2^32-1. -ENOMEM. */
EDGE_MUST int bundle_tree_make(struct bundle_tree **out,
	const struct bundle_hash *leaves, size_t count);
void bundle_tree_free(struct bundle_tree *t); /* accepts NULL */
struct bundle_hash bundle_tree_root(const struct bundle_tree *t);
/* What leaf number `at` is to be hashed with on the way to the root, lowest
 * first; how many. */
size_t bundle_tree_path(const struct bundle_tree *t, size_t at,
	struct bundle_hash path[static BUNDLE_PATH_MAX]);

/* Is `leaf` number `at` of `count` below this root? The path is as long as
 * it must be, or the answer is no. */
bool bundle_tree_holds(const struct bundle_hash *root, uint64_t count,
	uint64_t at, struct bundle_hash leaf, const uint8_t *path,
	size_t path_count);

#endif
