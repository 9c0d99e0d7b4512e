/*
 * The newest publication as files that any web server hands out, for edges
 * that fetch (docs/protocol/replication.md 7). A folder of ours: what is in
 * its bundles/ under a bundle's name is replaced and removed.
 */
#ifndef EDGECTL_PUBLISH_MIRROR_H
#define EDGECTL_PUBLISH_MIRROR_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/bundle/bundle.h"

/* How long what is not newest stays for those who are fetching it. */
#define MIRROR_KEEP_S 3600

/* Is it there, and ours to write? EDGE_ECONFIG. */
EDGE_MUST int mirror_check(const char *dir, struct why *why);
/* bundles/<sha256>.edgb: all of it. A negated errno, as below. */
EDGE_MUST int mirror_put_whole(const char *dir, const char *sha256,
	const void *p, size_t len, struct why *why);
/* bundles/<sha256>/<machine>.edgb: what one machine gets of it. */
EDGE_MUST int mirror_put_own(const char *dir, const char *sha256,
	const char *machine, const void *p, size_t len, struct why *why);
/* head.edgb: after everything that it names. */
EDGE_MUST int mirror_put_head(const char *dir, const void *p, size_t len,
	struct why *why);
/* What is of neither this bundle nor younger than MIRROR_KEEP_S goes;
 * other people's files stay. */
void mirror_sweep(const char *dir, const char *sha256);

#endif
