/*
 * Versions of a publication and the rule of what may follow what
 * (docs/protocol/replication.md 4). The epoch is a fencing token: it grows
 * whenever another publisher takes over; the pair is what counts.
 */
#ifndef BUNDLE_BUNDLE_VERSION_H
#define BUNDLE_BUNDLE_VERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"

#define BUNDLE_SHA_LEN  65 /* SHA-256 in lower-case hex, with NUL */
#define BUNDLE_UUID_LEN 37

struct bundle_version {
	uint32_t epoch; /* 1 at least: 0 is for a host's own generations */
	uint64_t serial;
};

/* < 0, 0, > 0: epoch first, then serial. */
int bundle_version_compare(struct bundle_version a, struct bundle_version b);
/* "3.66", decimal: header Edge-Version, and what people read. */
#define BUNDLE_VERSION_LEN 33
const char *bundle_version_text(struct bundle_version v,
	char out[static BUNDLE_VERSION_LEN]);
/* EDGE_EMALFORMED, EDGE_ETOOBIG */
EDGE_MUST int bundle_version_parse(struct str text,
	struct bundle_version *out);

/* The newest that was ever accepted; never goes down. */
struct bundle_mark {
	struct bundle_version version; /* 0.0 = nothing yet */
	char sha256[BUNDLE_SHA_LEN];   /* of its manifest, hex */
};

enum bundle_verdict {
	BUNDLE_NEWER,    /* accept */
	BUNDLE_KNOWN,    /* the same version with the same hash: no work */
	BUNDLE_OLDER,    /* a replay, or a publisher that lost its office */
	BUNDLE_CONFLICT, /* the same version with another hash: alarm */
};

enum bundle_verdict bundle_judge(const struct bundle_mark *mark,
	struct bundle_version version, const char *sha256);

#endif
