/*
 * The codec of a part. Its proof is checked as it is read, so that nothing
 * of it is looked at that was not signed.
 */
#include "common/bundle/bundle_part.h"

#include <string.h>

#include "common/base/err.h"
#include "common/bundle/bundle.h"

#define HEAD_LEN     15u /* without the scope */
#define WRAPPING_LEN 5u  /* number, and length of the path */

size_t bundle_part_len(const struct bundle_part *part)
{
	return HEAD_LEN + part->scope.n + part->payload_len;
}

static void write_leaf(struct wbuf *w, const struct bundle_part *part)
{
	wbuf_u16(w, (uint16_t)part->scope.n);
	wbuf_bytes(w, part->scope.p, part->scope.n);
	wbuf_u8(w, (uint8_t)part->codec);
	wbuf_u32(w, part->rows);
	wbuf_u32(w, part->raw_len);
	wbuf_u32(w, (uint32_t)part->payload_len);
	wbuf_bytes(w, part->payload, part->payload_len);
}

void bundle_part_print(const struct bundle_part *part, uint8_t *p)
{
	struct wbuf w = wbuf_of(p, bundle_part_len(part));

	write_leaf(&w, part);
}

size_t bundle_part_file_len(const struct bundle_part *part, size_t path_count)
{
	return WRAPPING_LEN + path_count * sizeof(struct bundle_hash) +
		bundle_part_len(part);
}

void bundle_part_write(struct wbuf *w, const struct bundle_part *part,
	const struct bundle_hash *path, size_t path_count)
{
	wbuf_u32(w, part->at);
	wbuf_u8(w, (uint8_t)path_count);
	for (size_t i = 0; i < path_count; i++)
		wbuf_bytes(w, path[i].bytes, sizeof(path[i].bytes));
	write_leaf(w, part);
}

/* ---- reading ------------------------------------------------------------ */

static int read_leaf(struct bundle_part *part, struct rbuf *r,
	struct why *why)
{
	uint8_t codec;

	part->scope.n = rbuf_u16(r);
	part->scope.p = (const char *)rbuf_take(r, part->scope.n);
	codec = rbuf_u8(r);
	part->rows = rbuf_u32(r);
	part->raw_len = rbuf_u32(r);
	part->payload_len = rbuf_u32(r);
	part->payload = rbuf_take(r, part->payload_len);
	if (!rbuf_ok(r) || part->scope.n == 0 || codec > BUNDLE_ZSTD)
		return why_set(why, EDGE_EMALFORMED,
			"part %u: its end is missing, or it is of a kind "
			"that we do not know", (unsigned)part->at);
	part->codec = (enum bundle_codec)codec;
	return 0;
}

static int check_place(const struct bundle_part *part, int64_t last_at,
	struct why *why)
{
	/* What all edges need can't be left out. */
	if (last_at < 0 && (part->at != 0 ||
				   !str_eq_z(part->scope, BUNDLE_ALL)))
		return why_set(why, EDGE_EMALFORMED,
			"parts: the first one is not " BUNDLE_ALL);
	if (part->at <= last_at)
		return why_set(why, EDGE_EMALFORMED,
			"part %u: not in order", (unsigned)part->at);
	return 0;
}

static int check_proof(const struct bundle_part *part, const uint8_t *leaf,
	size_t len, const uint8_t *path, size_t path_count,
	const struct bundle_manifest *m, struct why *why)
{
	struct bundle_hash root;
	size_t n = 0;

	if (str_unhex(str_of(m->parts_sha256), root.bytes,
		    sizeof(root.bytes), &n) < 0 || n != sizeof(root.bytes) ||
		!bundle_tree_holds(&root, m->parts, part->at,
			bundle_tree_leaf(leaf, len), path, path_count))
		return why_set(why, EDGE_EFORGED,
			"part %u: not of the topology in the manifest",
			(unsigned)part->at);
	return 0;
}

int bundle_part_read(struct bundle_part *out, struct rbuf *r,
	const struct bundle_manifest *m, int64_t last_at, struct why *why)
{
	struct bundle_part part = {.at = rbuf_u32(r)};
	const size_t path_count = rbuf_u8(r);
	const uint8_t *path = rbuf_take(r,
		path_count * sizeof(struct bundle_hash));
	const uint8_t *leaf = r->p + r->pos;
	int err = read_leaf(&part, r, why);

	if (err == 0)
		err = check_place(&part, last_at, why);
	if (err == 0)
		err = check_proof(&part, leaf, bundle_part_len(&part), path,
			path_count, m, why);
	if (err == 0)
		*out = part;
	return err;
}
