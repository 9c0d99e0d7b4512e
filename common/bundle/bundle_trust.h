/*
 * trust.json: whose signatures an edge believes, how many it wants, and
 * which certificate names may connect before there is a topology.
 */
#ifndef BUNDLE_BUNDLE_TRUST_H
#define BUNDLE_BUNDLE_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"
#include "common/bundle/bundle.h"

#define BUNDLE_TRUST_KEYS_MAX       8u
#define BUNDLE_TRUST_PUBLISHERS_MAX 16u
#define BUNDLE_TRUST_TEXT_MAX       16384u

struct bundle_trust_key {
	uint8_t public_key[BUNDLE_KEY_LEN];
	uint8_t id[BUNDLE_KEY_ID_LEN]; /* SHA-256 of it; checked on parse */
	char name[64];
};

struct bundle_trust {
	char deployment[BUNDLE_UUID_LEN];
	uint64_t serial;
	unsigned threshold; /* 1..key_count */
	struct bundle_trust_key keys[BUNDLE_TRUST_KEYS_MAX];
	size_t key_count;
	char publishers[BUNDLE_TRUST_PUBLISHERS_MAX][256]; /* lower case */
	size_t publisher_count;
};

/* EDGE_EMALFORMED, EDGE_ETOOBIG. Any white space will do: people carry and
 * look at this file. */
EDGE_MUST int bundle_trust_parse(struct bundle_trust *out, struct str json,
	struct why *why);
EDGE_MUST int bundle_trust_load(struct bundle_trust *out, const char *path,
	struct why *why);
/* Canonical text on the heap, caller frees. */
EDGE_MUST int bundle_trust_print(const struct bundle_trust *t, char **json,
	struct why *why);

/* Signed by at least threshold of these keys, and of this deployment?
 * EDGE_EFORGED, EDGE_EREFUSED (another deployment). */
EDGE_MUST int bundle_trust_verify(const struct bundle_trust *t,
	const struct bundle *b, struct why *why);
/* A trust bundle that may follow `old`: believed by the old keys and by the
 * new ones, serial higher. Out is `next`. EDGE_EFORGED, EDGE_EREFUSED,
 * EDGE_EMALFORMED. */
EDGE_MUST int bundle_trust_follow(const struct bundle_trust *old,
	const struct bundle *b, struct bundle_trust *next, struct why *why);
bool bundle_trust_is_publisher(const struct bundle_trust *t,
	const char *name);

#endif
