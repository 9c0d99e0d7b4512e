/*
 * The manifest of a bundle: JSON in canonical form (RFC 8785: sorted keys,
 * no white space, integers only), so that its hash names the bundle.
 */
#ifndef BUNDLE_BUNDLE_MANIFEST_H
#define BUNDLE_BUNDLE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/str.h"
#include "common/base/why.h"
#include "common/bundle/bundle_version.h"

#define BUNDLE_MANIFEST_MAX 65536u
#define BUNDLE_TARGETS_MAX  512u /* pools; none = all */

enum bundle_type {
	BUNDLE_TOPOLOGY, /* canonical rows */
	BUNDLE_TRUST,    /* the next trust.json; its serials count apart */
	BUNDLE_HEAD,     /* no payload: what is newest, and until when */
};

enum bundle_codec {
	BUNDLE_PLAIN, /* "none" */
	BUNDLE_ZSTD,
};

struct bundle_manifest {
	enum bundle_type type;
	char deployment[BUNDLE_UUID_LEN]; /* UUID, lower case */
	struct bundle_version version;
	struct wall created;
	struct wall expires;
	uint32_t schema;                  /* GENERATION_SCHEMA of its rows */
	char prev_sha256[BUNDLE_SHA_LEN]; /* "" = the first of its chain */
	char publisher[256];              /* no control characters */
	char reason[512];                 /* the same */
	bool is_rollback;
	struct bundle_version rollback_of; /* whose content this is again */
	char min_agent[32];                /* "" = any */
	char (*targets)[256];              /* owned; pool FQDNs, lower case */
	size_t target_count;
	/* BUNDLE_TOPOLOGY alone, and only where it can be cut: how many parts
	 * (bundle_cut.h), and the root of the tree over them. */
	uint32_t parts; /* 0 = none */
	char parts_sha256[BUNDLE_SHA_LEN];
	/* BUNDLE_HEAD alone: manifest hash of the newest topology bundle,
	 * whose version it repeats. */
	char of[BUNDLE_SHA_LEN];
	/* Filled in by bundle_make_*; not in a head. */
	uint64_t rows;
	uint64_t raw_len; /* bytes, uncompressed */
	uint64_t payload_len;
	char raw_sha256[BUNDLE_SHA_LEN];
	char payload_sha256[BUNDLE_SHA_LEN];
	enum bundle_codec codec;
};

/* Bytes to struct. EDGE_EMALFORMED (also: not canonical, unknown field),
 * EDGE_ETOOBIG, -ENOMEM. Free with bundle_manifest_fini. */
EDGE_MUST int bundle_manifest_read(struct bundle_manifest *out,
	struct str text, struct why *why);
/* Canonical text on the heap, caller frees; the same errors. */
EDGE_MUST int bundle_manifest_print(const struct bundle_manifest *m,
	char **text, struct why *why);
void bundle_manifest_fini(struct bundle_manifest *m);

/* Is this pool among the targets (or are there none)? */
bool bundle_manifest_is_for(const struct bundle_manifest *m,
	const char *pool);

const char *bundle_type_name(enum bundle_type type); /* "topology" ... */

#endif
