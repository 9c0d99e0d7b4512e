/*
 * Verified bundles kept for rollback and rebuild: bundles/<sha256>.edgb in
 * the agent's folder, the last VAULT_KEEP of them.
 */
#ifndef AGENT_VAULT_H
#define AGENT_VAULT_H

#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/bundle/bundle.h"
#include "common/bundle/bundle_trust.h"

#define VAULT_KEEP 8u

/* dir: the agent's folder. sha256 names the manifest. */
EDGE_MUST int vault_make(const char *dir, struct why *why);
EDGE_MUST int vault_put(const char *dir, const char *sha256,
	const void *bytes, size_t len, struct why *why);
/* -ENOENT when it is not there. */
EDGE_MUST int vault_get(const char *dir, const char *sha256,
	struct bundle_bytes *out, struct why *why);
/* The newest topology bundle that these keys vouch for, and nothing newer
 * than max when that is not 0.0. -ENOENT. */
EDGE_MUST int vault_newest(const char *dir, const struct bundle_trust *trust,
	struct bundle_version max, struct bundle_bytes *out,
	struct why *why);

#endif
