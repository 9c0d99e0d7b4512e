/*
 * The first trust and the first topology of an edge, carried by hand
 * (docs/protocol/replication.md 8).
 */
#ifndef EDGECTL_REPLICATION_BOOTSTRAP_H
#define EDGECTL_REPLICATION_BOOTSTRAP_H

#include <jansson.h>
#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/conf.h"

struct replication_bootstrap {
	const char *trust_path;
	const char *bundle_path; /* NULL = trust alone */
	bool may_replace;        /* trust of another deployment is there */
};

/* Believe trust_path, and bring the bundle into force when its signatures
 * hold. *out: what to compare with the inside; the caller's.
 * EDGE_EFORGED, EDGE_EREFUSED, -EEXIST and others, told in why. */
EDGE_MUST int replication_bootstrap(json_t **out,
	const struct replication_bootstrap *what, const struct conf *conf,
	struct why *why);

#endif
