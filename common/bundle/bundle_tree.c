/*
 * The tree level by level: a node is the hash of two, and the last of an odd
 * level goes up as it is, which gives the tree of RFC 9162 section 2.1.1.
 * What leaves stand for is bundle_part.c's.
 */
#include "common/bundle/bundle_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* They keep a leaf from being taken for a node (RFC 9162 section 2.1.1). */
#define LEAF_MARK 0x00
#define NODE_MARK 0x01

struct bundle_tree {
	struct bundle_hash *levels[BUNDLE_PATH_MAX + 1]; /* [0] = leaves */
	size_t counts[BUNDLE_PATH_MAX + 1];
	size_t height; /* of the root */
	struct bundle_hash *nodes; /* owned: all levels */
};

struct bundle_hash bundle_tree_leaf(const void *p, size_t len)
{
	static const uint8_t MARK = LEAF_MARK;
	const struct digest_part parts[] = {{&MARK, 1}, {p, len}};
	struct bundle_hash hash;

	digest_sha256(parts, 2, hash.bytes);
	return hash;
}

static struct bundle_hash node_of(const uint8_t *left, const uint8_t *right)
{
	static const uint8_t MARK = NODE_MARK;
	const struct digest_part parts[] = {{&MARK, 1},
		{left, DIGEST_SHA256_LEN}, {right, DIGEST_SHA256_LEN}};
	struct bundle_hash hash;

	digest_sha256(parts, 3, hash.bytes);
	return hash;
}

/* On all levels together. */
static size_t nodes_of(size_t count)
{
	size_t sum = count;

	while (count > 1) {
		count = (count + 1) / 2;
		sum += count;
	}
	return sum;
}

static void grow_level(struct bundle_tree *t, size_t from)
{
	const struct bundle_hash *below = t->levels[from];
	struct bundle_hash *above = t->levels[from] + t->counts[from];
	const size_t count = t->counts[from];

	for (size_t i = 0; i < count; i += 2)
		above[i / 2] = i + 1 < count ?
			node_of(below[i].bytes, below[i + 1].bytes) :
			below[i];
	t->levels[from + 1] = above;
	t->counts[from + 1] = (count + 1) / 2;
}

int bundle_tree_make(struct bundle_tree **out,
	const struct bundle_hash *leaves, size_t count)
{
	struct bundle_tree *t;

	if (count == 0 || count > UINT32_MAX)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->nodes = calloc(nodes_of(count), sizeof(*t->nodes));
	if (t->nodes == NULL) {
		free(t);
		return -ENOMEM;
	}
	memcpy(t->nodes, leaves, count * sizeof(*leaves));
	t->levels[0] = t->nodes;
	t->counts[0] = count;
	for (; t->counts[t->height] > 1; t->height++)
		grow_level(t, t->height);
	*out = t;
	return 0;
}

void bundle_tree_free(struct bundle_tree *t)
{
	if (t == NULL)
		return;
	free(t->nodes);
	free(t);
}

struct bundle_hash bundle_tree_root(const struct bundle_tree *t)
{
	return t->levels[t->height][0];
}

size_t bundle_tree_path(const struct bundle_tree *t, size_t at,
	struct bundle_hash path[static BUNDLE_PATH_MAX])
{
	size_t n = 0;

	for (size_t level = 0; level < t->height; level++, at /= 2)
		if ((at ^ 1) < t->counts[level])
			path[n++] = t->levels[level][at ^ 1];
	return n;
}

bool bundle_tree_holds(const struct bundle_hash *root, uint64_t count,
	uint64_t at, struct bundle_hash leaf, const uint8_t *path,
	size_t path_count)
{
	struct bundle_hash hash = leaf;
	size_t used = 0;

	if (at >= count)
		return false;
	for (; count > 1; count = (count + 1) / 2, at /= 2) {
		const uint8_t *other;

		if ((at ^ 1) >= count)
			continue; /* the odd one goes up as it is */
		if (used == path_count)
			return false;
		other = path + used++ * DIGEST_SHA256_LEN;
		hash = (at & 1) != 0 ? node_of(other, hash.bytes) :
				       node_of(hash.bytes, other);
	}
	return used == path_count &&
		digest_eq(hash.bytes, root->bytes, sizeof(root->bytes));
}
