/*
 * A text as it travels: pressed, or as it is when it presses better than
 * edges allow. For this room only.
 */
#ifndef BUNDLE_BUNDLE_PACK_H
#define BUNDLE_BUNDLE_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"
#include "common/bundle/bundle_manifest.h"

struct bundle_packed {
	enum bundle_codec codec;
	uint8_t *p; /* owned */
	size_t len;
};

/* -ENOMEM, EDGE_EMALFORMED. */
EDGE_MUST int bundle_pack(struct bundle_packed *out, struct str raw,
	struct why *why);
void bundle_packed_fini(struct bundle_packed *p);
/* Into to[raw_len], which must be what comes out: the length was signed,
 * whatever the bytes say of themselves. EDGE_EMALFORMED. */
EDGE_MUST int bundle_unpack_to(char *to, size_t raw_len,
	enum bundle_codec codec, const uint8_t *p, size_t len,
	struct why *why);

#endif
