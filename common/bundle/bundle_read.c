/*
 * The reading half of the .edgb codec: bytes to struct, struct to rows. The
 * order is that of every wire format here: lengths, then shape, then hashes;
 * nothing is uncompressed before a caller has looked at the signatures.
 */
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/bundle/bundle.h"
#include "common/bundle/bundle_layout.h"
#include "common/bundle/bundle_pack.h"
#include "common/run/file.h"
#include "common/store/generation.h"

const uint8_t BUNDLE_MAGIC[BUNDLE_MAGIC_LEN] = {'E', 'D', 'G', 'B', 0x00,
	0x01, 0x0d, 0x0a};

void bundle_sha_of(const void *p, size_t len, char out[static BUNDLE_SHA_LEN])
{
	const struct digest_part part = {p, len};
	uint8_t hash[DIGEST_SHA256_LEN];

	digest_sha256(&part, 1, hash);
	str_hex(hash, sizeof(hash), out);
}

/* ---- the file ----------------------------------------------------------- */

void bundle_input_of(const void *manifest, size_t len,
	uint8_t out[static BUNDLE_INPUT_LEN])
{
	static const char CONTEXT[] = "edge-bundle-v1"; /* and its NUL */
	const struct digest_part part = {manifest, len};

	memcpy(out, CONTEXT, sizeof(CONTEXT));
	digest_sha256(&part, 1, out + sizeof(CONTEXT));
}

/* 0 = it is none of ours. */
static unsigned read_format(struct rbuf *r)
{
	const uint8_t *magic = rbuf_take(r, BUNDLE_MAGIC_LEN);
	uint8_t plain[BUNDLE_MAGIC_LEN];
	unsigned format;

	if (magic == NULL)
		return 0;
	memcpy(plain, magic, sizeof(plain));
	format = plain[BUNDLE_FORMAT_AT];
	plain[BUNDLE_FORMAT_AT] = BUNDLE_MAGIC[BUNDLE_FORMAT_AT];
	return memcmp(plain, BUNDLE_MAGIC, sizeof(plain)) == 0 ? format : 0;
}

static int read_manifest(struct bundle *b, struct rbuf *r, unsigned *format,
	struct why *why)
{
	uint32_t len;
	const uint8_t *text;

	*format = read_format(r);
	len = rbuf_u32(r);
	if (*format != BUNDLE_FORMAT_WHOLE && *format != BUNDLE_FORMAT_PARTS)
		return why_set(why, EDGE_EMALFORMED,
			"this is no bundle, or it was damaged on the way (a "
			"transfer as text does that)");
	if (len > BUNDLE_MANIFEST_MAX)
		return why_set(why, EDGE_ETOOBIG,
			"manifest: more than %u bytes", BUNDLE_MANIFEST_MAX);
	text = rbuf_take(r, len);
	if (text == NULL)
		return why_set(why, EDGE_EMALFORMED,
			"manifest: its end is missing");
	bundle_sha_of(text, len, b->sha256);
	bundle_input_of(text, len, b->input);
	return bundle_manifest_read(&b->manifest,
		(struct str){(const char *)text, len}, why);
}

static int read_signature(struct bundle *b, struct rbuf *r, struct why *why)
{
	struct bundle_signature *s = &b->signatures[b->signature_count];
	struct rbuf sub = rbuf_sub(r, BUNDLE_SIGNATURE_ROW_LEN);
	const uint8_t *id = rbuf_take(&sub, BUNDLE_KEY_ID_LEN);
	uint8_t alg = rbuf_u8(&sub);
	uint8_t reserved = rbuf_u8(&sub);
	const uint8_t *bytes = rbuf_take(&sub, BUNDLE_SIGNATURE_LEN);

	if (!rbuf_ok(&sub) || id == NULL || bytes == NULL ||
		alg != BUNDLE_ALG_ED25519 || reserved != 0)
		return why_set(why, EDGE_EMALFORMED,
			"signature %zu: not of a kind we know",
			b->signature_count + 1);
	for (size_t i = 0; i < b->signature_count; i++)
		if (memcmp(b->signatures[i].key_id, id, BUNDLE_KEY_ID_LEN) ==
			0)
			return why_set(why, EDGE_EMALFORMED,
				"signature %zu: the same key again",
				b->signature_count + 1);
	memcpy(s->key_id, id, BUNDLE_KEY_ID_LEN);
	memcpy(s->bytes, bytes, BUNDLE_SIGNATURE_LEN);
	b->signature_count++;
	return 0;
}

static int read_signatures(struct bundle *b, struct rbuf *r, struct why *why)
{
	uint8_t count = rbuf_u8(r);

	if (count == 0 || count > BUNDLE_SIGNERS_MAX)
		return why_set(why, EDGE_EMALFORMED,
			"signatures: not 1 to %u", BUNDLE_SIGNERS_MAX);
	for (uint8_t i = 0; i < count; i++) {
		int err = read_signature(b, r, why);

		if (err < 0)
			return err;
	}
	return 0;
}

static int check_limits(uint64_t raw_len, uint64_t rows, size_t len,
	struct why *why)
{
	if (raw_len > BUNDLE_RAW_MAX || rows > BUNDLE_ROWS_MAX ||
		raw_len / BUNDLE_RATIO_MAX > len)
		return why_set(why, EDGE_ETOOBIG,
			"payload: more than %u MiB, %u rows, or %u times its "
			"size", BUNDLE_RAW_MAX >> 20, BUNDLE_ROWS_MAX,
			BUNDLE_RATIO_MAX);
	return 0;
}

static int check_codec(const struct bundle_manifest *m, struct why *why)
{
	if (m->codec == BUNDLE_PLAIN &&
		(m->raw_len != m->payload_len ||
			strcmp(m->raw_sha256, m->payload_sha256) != 0))
		return why_set(why, EDGE_EMALFORMED,
			"payload: uncompressed, and yet not itself");
	if (m->type == BUNDLE_TRUST && m->codec != BUNDLE_PLAIN)
		return why_set(why, EDGE_EMALFORMED,
			"codec: a trust bundle is not compressed");
	return 0;
}

static int read_payload(struct bundle *b, struct rbuf *r, struct why *why)
{
	const struct bundle_manifest *m = &b->manifest;
	uint64_t len = rbuf_u64(r);
	char sha[BUNDLE_SHA_LEN];
	int err;

	if (!rbuf_ok(r) || len != rbuf_left(r))
		return why_set(why, EDGE_EMALFORMED,
			"payload: not of the length it gives");
	if (m->type == BUNDLE_HEAD)
		return len == 0 ? 0 :
				  why_set(why, EDGE_EMALFORMED,
					  "payload: a head has none");
	if (len != m->payload_len)
		return why_set(why, EDGE_EMALFORMED,
			"payload: not of the length in the manifest");
	b->payload_len = (size_t)len;
	b->payload = rbuf_take(r, b->payload_len);
	bundle_sha_of(b->payload, b->payload_len, sha);
	if (strcmp(sha, m->payload_sha256) != 0)
		return why_set(why, EDGE_EFORGED,
			"payload: its hash is not the one in the manifest");
	b->rows = m->rows;
	err = check_limits(m->raw_len, m->rows, b->payload_len, why);
	return err == 0 ? check_codec(m, why) : err;
}

static int read_part(struct bundle *b, struct rbuf *r, uint64_t *raw_len,
	struct why *why)
{
	struct bundle_part *part = &b->parts[b->part_count];
	int err = bundle_part_read(part, r, &b->manifest,
		b->part_count > 0 ? (int64_t)part[-1].at : -1, why);

	if (err < 0)
		return err;
	b->part_count++;
	b->rows += part->rows;
	*raw_len += part->raw_len;
	err = check_limits(part->raw_len, part->rows, part->payload_len, why);
	return err == 0 ? check_limits(*raw_len, b->rows, BUNDLE_MAX, why) :
			  err;
}

static int read_parts(struct bundle *b, struct rbuf *r, struct why *why)
{
	const uint16_t count = rbuf_u16(r);
	uint64_t raw_len = 0;
	int err = 0;

	if (b->manifest.parts == 0)
		return why_set(why, EDGE_EMALFORMED,
			"parts: the manifest knows of none");
	if (count == 0 || count > BUNDLE_PARTS_MAX)
		return why_set(why, EDGE_EMALFORMED, "parts: not 1 to %u",
			BUNDLE_PARTS_MAX);
	for (uint16_t i = 0; i < count && err == 0; i++)
		err = read_part(b, r, &raw_len, why);
	if (err == 0 && rbuf_left(r) > 0)
		err = why_set(why, EDGE_EMALFORMED,
			"parts: something follows them");
	return err;
}

int bundle_read(struct bundle *out, const void *bytes, size_t len,
	struct why *why)
{
	struct rbuf r = rbuf_of(bytes, len);
	struct bundle b = {.payload = NULL};
	unsigned format = 0;
	int err;

	if (len > BUNDLE_MAX)
		return why_set(why, EDGE_ETOOBIG, "more than %u MiB",
			BUNDLE_MAX >> 20);
	err = read_manifest(&b, &r, &format, why);
	if (err == 0)
		err = read_signatures(&b, &r, why);
	if (err == 0)
		err = format == BUNDLE_FORMAT_PARTS ?
			read_parts(&b, &r, why) : read_payload(&b, &r, why);
	if (err < 0) {
		bundle_fini(&b);
		return why_prefix(why, err, "bundle");
	}
	*out = b;
	return 0;
}

void bundle_fini(struct bundle *b)
{
	bundle_manifest_fini(&b->manifest);
}

/* ---- the rows ----------------------------------------------------------- */

static size_t raw_len_of(const struct bundle *b)
{
	size_t len = 0;

	if (b->part_count == 0)
		return (size_t)b->manifest.raw_len;
	for (size_t i = 0; i < b->part_count; i++)
		len += b->parts[i].raw_len;
	return len;
}

static int unpack_whole(struct bundle_rows *rows, const struct bundle *b,
	struct why *why)
{
	const struct bundle_manifest *m = &b->manifest;
	char sha[BUNDLE_SHA_LEN];
	int err = bundle_unpack_to(rows->text, rows->len, m->codec,
		b->payload, b->payload_len, why);

	if (err < 0)
		return err;
	bundle_sha_of(rows->text, rows->len, sha);
	if (strcmp(sha, m->raw_sha256) != 0)
		return why_set(why, EDGE_EFORGED,
			"payload: not the rows that were signed");
	return 0;
}

/* What each was pressed into was signed, so it is what comes out. */
static int unpack_parts(struct bundle_rows *rows, const struct bundle *b,
	struct why *why)
{
	char *to = rows->text;
	int err = 0;

	for (size_t i = 0; i < b->part_count && err == 0; i++) {
		const struct bundle_part *part = &b->parts[i];

		err = bundle_unpack_to(to, part->raw_len, part->codec,
			part->payload, part->payload_len, why);
		to += part->raw_len;
	}
	return err == 0 ? bundle_rows_sort(rows, why) : err;
}

int bundle_unpack(struct bundle_rows *out, const struct bundle *b,
	struct why *why)
{
	struct bundle_rows rows = {.len = raw_len_of(b), .count = b->rows};
	int err;

	if (b->manifest.type != BUNDLE_TOPOLOGY)
		return why_set(why, EDGE_EMALFORMED, "a %s bundle has no rows",
			bundle_type_name(b->manifest.type));
	rows.text = malloc(rows.len + 1);
	if (rows.text == NULL)
		return why_set(why, -ENOMEM, "%s", err_text(-ENOMEM));
	rows.text[rows.len] = '\0';
	err = b->part_count > 0 ? unpack_parts(&rows, b, why) :
				  unpack_whole(&rows, b, why);
	if (err < 0)
		bundle_rows_fini(&rows);
	else
		*out = rows;
	return err;
}

int bundle_fill(struct sqlite3 *db, const struct bundle *b, struct why *why)
{
	struct bundle_rows rows;
	uint64_t count = 0;
	int err;

	if (b->manifest.schema != GENERATION_SCHEMA)
		return why_set(why, EDGE_EUNKNOWN,
			"made for schema %" PRIu32 ", this version knows "
			"schema %d: update the older side",
			b->manifest.schema, GENERATION_SCHEMA);
	err = bundle_unpack(&rows, b, why);
	if (err < 0)
		return err;
	err = bundle_rows_load(db, (struct str){rows.text, rows.len}, &count,
		why);
	bundle_rows_fini(&rows);
	if (err == 0 && count != b->rows)
		err = why_set(why, EDGE_EMALFORMED,
			"%" PRIu64 " rows, the manifest says %" PRIu64, count,
			b->rows);
	return err;
}

static int fill_scratch(struct sqlite3 *db, void *bundle, struct why *why)
{
	return bundle_fill(db, bundle, why);
}

int bundle_scratch(struct sqlite3 **out, const struct bundle *b,
	struct why *why)
{
	struct bundle copy = *b; /* borrowed all through */
	struct sqlite3 *db = NULL;
	int err = generation_scratch(&db, why);

	if (err == 0)
		err = generation_fill(db, fill_scratch, &copy, why);
	if (err < 0) {
		sqlite3_close(db);
		return err;
	}
	*out = db;
	return 0;
}

/* ---- files -------------------------------------------------------------- */

int bundle_load_file(struct bundle_bytes *out, const char *path,
	struct why *why)
{
	char *p = NULL;
	size_t len = 0;
	int err = file_load(&p, &len, path, BUNDLE_MAX, why);

	if (err == 0)
		*out = (struct bundle_bytes){.p = (uint8_t *)p, .len = len};
	return err;
}
