/*
 * Whose signatures the edges believe, as the record has it: each trust.json
 * with the signed bundle that brings it to edges that have the one before.
 */
#ifndef EDGECTL_PUBLISH_TRUST_STORE_H
#define EDGECTL_PUBLISH_TRUST_STORE_H

#include "common/bundle/bundle_trust.h"
#include "edgectl/publish/record.h"
#include "edgectl/publish/signing.h"

/* The newest; -ENOENT when no key was ever made. */
EDGE_MUST int trust_store_load(struct record *r, struct bundle_trust *out,
	struct why *why);
/* The first: no bundle, it is carried by hand. -EEXIST. */
EDGE_MUST int trust_store_first(struct record *r,
	const struct bundle_trust *trust, struct why *why);
/* The next one: signed by enough keys of the old and of the new.
 * EDGE_EFORGED: too few signers; why says how many of which. */
EDGE_MUST int trust_store_next(struct record *r, uint32_t epoch,
	const struct bundle_trust *old, const struct bundle_trust *next,
	const struct signing *signing, const char *publisher,
	struct why *why);
/* The bundle that leads from serial to the next; -ENOENT. Freed by
 * bundle_bytes_fini. */
EDGE_MUST int trust_store_bundle(struct record *r, uint64_t serial,
	struct bundle_bytes *out, struct bundle_version *version,
	struct why *why);

/* Do these signers suffice for what the edges want? A reason that says what
 * is missing. EDGE_ECONFIG. */
EDGE_MUST int trust_store_suffices(const struct bundle_trust *trust,
	const struct signing *signing, struct why *why);
/* A random UUID. */
void trust_store_uuid(char out[static BUNDLE_UUID_LEN]);

#endif
