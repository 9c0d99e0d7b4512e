/*
 * The .edgb file (docs/protocol/replication.md 3): manifest, signatures, and
 * a topology, whole or in parts. Reading checks shape, limits and hashes;
 * whether to believe it is bundle_trust.h's, whether to want it
 * bundle_version.h's.
 */
#ifndef BUNDLE_BUNDLE_H
#define BUNDLE_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/bundle/bundle_key.h"
#include "common/bundle/bundle_manifest.h"
#include "common/bundle/bundle_part.h"
#include "common/bundle/bundle_rows.h"

#define BUNDLE_MAX        (16u << 20) /* bytes of a whole file */
#define BUNDLE_RATIO_MAX  200u        /* raw / payload */
#define BUNDLE_SIGNERS_MAX 8u
#define BUNDLE_PARTS_MAX  64u /* in one file */

struct sqlite3;

struct bundle_signature {
	uint8_t key_id[BUNDLE_KEY_ID_LEN];
	uint8_t bytes[BUNDLE_SIGNATURE_LEN];
};

struct bundle {
	struct bundle_manifest manifest;
	char sha256[BUNDLE_SHA_LEN]; /* of the manifest: the bundle's name */
	uint8_t input[BUNDLE_INPUT_LEN]; /* what was signed */
	struct bundle_signature signatures[BUNDLE_SIGNERS_MAX];
	size_t signature_count;
	const uint8_t *payload; /* borrowed from the bytes read */
	size_t payload_len;
	/* Or, instead of a payload, some parts of it. */
	struct bundle_part parts[BUNDLE_PARTS_MAX];
	size_t part_count;
	uint64_t rows; /* in payload or parts */
};

/* ---- reading ------------------------------------------------------------ */

/* bytes must outlive out. EDGE_EMALFORMED, EDGE_ETOOBIG, EDGE_EFORGED (a
 * hash does not hold), -ENOMEM. Signatures are not looked at here. */
EDGE_MUST int bundle_read(struct bundle *out, const void *bytes, size_t len,
	struct why *why);
void bundle_fini(struct bundle *b);

/* The rows it brings, uncompressed under the ceilings, checked against what
 * was signed. EDGE_ETOOBIG (bomb), EDGE_EMALFORMED, EDGE_EFORGED, -ENOMEM. */
EDGE_MUST int bundle_unpack(struct bundle_rows *out, const struct bundle *b,
	struct why *why);
/* The rows into an empty schema, inside the caller's transaction. Schema
 * unknown: EDGE_EUNKNOWN. */
EDGE_MUST int bundle_fill(struct sqlite3 *db, const struct bundle *b,
	struct why *why);
/* As bundle_fill in memory, to look at or compare. sqlite3_close(). */
EDGE_MUST int bundle_scratch(struct sqlite3 **out, const struct bundle *b,
	struct why *why);

/* ---- making ------------------------------------------------------------- */

struct bundle_bytes {
	uint8_t *p; /* owned */
	size_t len;
	char sha256[BUNDLE_SHA_LEN]; /* of the manifest */
};
void bundle_bytes_fini(struct bundle_bytes *b);

/* Each takes what the caller filled into m (type is set here), completes
 * it (rows, raw_*, payload_*, codec, schema) and signs. signers 1..8, no key
 * twice. EDGE_ETOOBIG, EDGE_EMALFORMED, EDGE_EFORGED (a signer's answer
 * does not verify), or what the signer said. */
EDGE_MUST int bundle_make_topology(struct bundle_bytes *out,
	struct bundle_manifest *m, const struct bundle_rows *rows,
	const struct bundle_signer *signers, size_t signer_count,
	struct why *why);
struct bundle_trust;
/* m->version.serial must be next->serial; signers of old and new keys. */
EDGE_MUST int bundle_make_trust(struct bundle_bytes *out,
	struct bundle_manifest *m, const struct bundle_trust *next,
	const struct bundle_signer *signers, size_t signer_count,
	struct why *why);
/* m->of and m->version say which topology bundle. */
EDGE_MUST int bundle_make_head(struct bundle_bytes *out,
	struct bundle_manifest *m, const struct bundle_signer *signers,
	size_t signer_count, struct why *why);

/* ---- files -------------------------------------------------------------- */

/* A whole file, BUNDLE_MAX at most; sha256 stays "". */
EDGE_MUST int bundle_load_file(struct bundle_bytes *out, const char *path,
	struct why *why);

#endif
