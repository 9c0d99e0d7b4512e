/*
 * Parts behind a good proof: the input is the octets of leaves, one after the
 * other, and root and paths are made to fit, so that their rows are unpacked
 * and brought in whatever they are. A publisher may err, too.
 */
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/bundle/bundle.h"
#include "common/bundle/bundle_layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LEAVES_MAX 5u
#define RAW_MAX    65536u /* uncompressed, or it is slow */
#define ROOM       (BUNDLE_MANIFEST_MAX + 65536u)

struct leaf {
	const uint8_t *p;
	size_t len;
};

/* As long as it says; else it is all that is left. */
static size_t leaf_len(struct rbuf r)
{
	const size_t all = rbuf_left(&r);
	size_t scope = rbuf_u16(&r);
	uint64_t len;

	rbuf_skip(&r, scope + 9);
	len = 15 + scope + (uint64_t)rbuf_u32(&r);
	return rbuf_ok(&r) && len < all ? (size_t)len : all;
}

static size_t split(struct leaf leaves[static LEAVES_MAX], const uint8_t *data,
	size_t size)
{
	struct rbuf r = rbuf_of(data, size);
	size_t count = 0;

	while (count < LEAVES_MAX && rbuf_left(&r) > 0) {
		const size_t len = leaf_len(r);

		leaves[count++] = (struct leaf){rbuf_take(&r, len), len};
	}
	return count;
}

/* The signature is not what this is about: the row has the right shape. */
static void write_envelope(struct wbuf *w, const struct bundle_tree *tree,
	size_t count)
{
	static const struct bundle_signature SIGNATURE;
	const struct bundle_hash root = bundle_tree_root(tree);
	struct bundle_manifest m = {
		.type = BUNDLE_TOPOLOGY,
		.deployment = "00000000-0000-0000-0000-000000000001",
		.version = {1, 1},
		.expires = {1},
		.schema = 1,
		.parts = (uint32_t)count,
	};
	char *text = NULL;

	str_hex(root.bytes, sizeof(root.bytes), m.parts_sha256);
	memcpy(m.raw_sha256, m.parts_sha256, sizeof(m.raw_sha256));
	memcpy(m.payload_sha256, m.parts_sha256, sizeof(m.payload_sha256));
	if (bundle_manifest_print(&m, &text, NULL) < 0)
		abort();
	bundle_write_envelope(w, BUNDLE_FORMAT_PARTS, str_of(text),
		&SIGNATURE, 1);
	free(text);
}

static size_t assemble(uint8_t *room, size_t cap, const struct leaf *leaves,
	size_t count)
{
	struct bundle_hash hashes[LEAVES_MAX];
	struct bundle_hash path[BUNDLE_PATH_MAX];
	struct wbuf w = wbuf_of(room, cap);
	struct bundle_tree *tree = NULL;

	for (size_t i = 0; i < count; i++)
		hashes[i] = bundle_tree_leaf(leaves[i].p, leaves[i].len);
	if (bundle_tree_make(&tree, hashes, count) < 0)
		abort();
	write_envelope(&w, tree, count);
	wbuf_u16(&w, (uint16_t)count);
	for (size_t i = 0; i < count; i++) {
		const size_t n = bundle_tree_path(tree, i, path);

		wbuf_u32(&w, (uint32_t)i);
		wbuf_u8(&w, (uint8_t)n);
		wbuf_bytes(&w, path, n * sizeof(path[0]));
		wbuf_bytes(&w, leaves[i].p, leaves[i].len);
	}
	bundle_tree_free(tree);
	return wbuf_ok(&w) ? w.len : 0;
}

static void take_in(const struct bundle *b)
{
	struct sqlite3 *db = NULL;
	uint64_t raw_len = 0;

	for (size_t i = 0; i < b->part_count; i++)
		raw_len += b->parts[i].raw_len;
	if (raw_len <= RAW_MAX && bundle_scratch(&db, b, NULL) == 0)
		sqlite3_close(db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct leaf leaves[LEAVES_MAX];
	const size_t count = split(leaves, data, size);
	const size_t cap = size + ROOM;
	uint8_t *room;
	struct bundle b;
	size_t len;

	if (count == 0)
		return 0;
	room = malloc(cap);
	if (room == NULL)
		return 0;
	len = assemble(room, cap, leaves, count);
	if (len > 0 && bundle_read(&b, room, len, NULL) == 0) {
		take_in(&b);
		bundle_fini(&b);
	}
	free(room);
	return 0;
}
