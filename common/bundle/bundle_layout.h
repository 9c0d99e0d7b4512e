/* The .edgb layout as both halves of its codec see it; this room only. */
#ifndef BUNDLE_BUNDLE_LAYOUT_H
#define BUNDLE_BUNDLE_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/bundle/bundle_key.h"
#include "common/bundle/bundle_version.h"

#define BUNDLE_MAGIC_LEN         8u
#define BUNDLE_FORMAT_AT         5u /* in the magic */
#define BUNDLE_FORMAT_WHOLE      1u
#define BUNDLE_FORMAT_PARTS      2u
#define BUNDLE_ALG_ED25519       1u
#define BUNDLE_SIGNATURE_ROW_LEN 98u

/* Of a whole one. */
extern const uint8_t BUNDLE_MAGIC[BUNDLE_MAGIC_LEN];

struct bundle_signature;
struct wbuf;

/* Everything before the payload or the parts. */
size_t bundle_envelope_len(struct str manifest, size_t signature_count);
void bundle_write_envelope(struct wbuf *w, unsigned format,
	struct str manifest, const struct bundle_signature *signatures,
	size_t count);
/* SHA-256 in hex. */
void bundle_sha_of(const void *p, size_t len,
	char out[static BUNDLE_SHA_LEN]);
/* What is signed of a manifest. */
void bundle_input_of(const void *manifest, size_t len,
	uint8_t out[static BUNDLE_INPUT_LEN]);

#endif
