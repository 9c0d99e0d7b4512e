/*
 * A part of a topology in a bundle that is not whole: what concerns one
 * scope (bundle_rows.h), and the path that proves that it belongs to the
 * topology that was signed (docs/protocol/replication.md 3).
 */
#ifndef BUNDLE_BUNDLE_PART_H
#define BUNDLE_BUNDLE_PART_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/base/why.h"
#include "common/bundle/bundle_manifest.h"
#include "common/bundle/bundle_tree.h"

struct bundle_part {
	uint32_t at; /* its number: parts are sorted by scope */
	struct str scope;
	enum bundle_codec codec;
	uint32_t rows;
	uint32_t raw_len; /* bytes, uncompressed */
	const uint8_t *payload; /* borrowed, as scope is */
	size_t payload_len;
};

/* What the tree has a leaf of. Length, and the octets into p, which has room
 * for so many. */
size_t bundle_part_len(const struct bundle_part *part);
void bundle_part_print(const struct bundle_part *part, uint8_t *p);

/* In a file: number, path, then the octets of its leaf. */
size_t bundle_part_file_len(const struct bundle_part *part,
	size_t path_count);
void bundle_part_write(struct wbuf *w, const struct bundle_part *part,
	const struct bundle_hash *path, size_t path_count);
/* The next one; last_at is the number of the one before, or -1.
 * EDGE_EMALFORMED, EDGE_EFORGED (not below the root that m signs). */
EDGE_MUST int bundle_part_read(struct bundle_part *out, struct rbuf *r,
	const struct bundle_manifest *m, int64_t last_at, struct why *why);

#endif
