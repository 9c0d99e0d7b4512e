/*
 * Bringing a generation into force on this machine: every running daemon
 * is asked first, then the switch, then every daemon takes it; whoever
 * refuses, nothing changes.
 */
#ifndef EDGECTL_TOPOLOGY_APPLY_H
#define EDGECTL_TOPOLOGY_APPLY_H

#include <jansson.h>
#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/conf.h"
#include "common/store/generation.h"
#include "edgectl/topology/topology_plan.h"

struct topology_apply {
	struct generation_info made; /* what is in force after success */
	json_t *daemons; /* array of reports; the caller decrefs it */
};

/* The plan as a new generation, source for its history. The plan has no
 * errors. EDGE_EREFUSED: a daemon will not take it. */
EDGE_MUST int topology_apply(struct topology_apply *out,
	const struct topology_plan *plan, const struct conf *conf,
	const char *source, struct why *why);
/* A bundle that was found good, under its own version. */
struct bundle;
EDGE_MUST int topology_apply_bundle(struct topology_apply *out,
	const struct bundle *bundle, const struct conf *conf,
	struct why *why);
/* Back to the previous generation, the same way. */
EDGE_MUST int topology_apply_rollback(struct topology_apply *out,
	const struct conf *conf, struct why *why);

/* Do keys of a publisher rule here? */
bool topology_apply_is_published(const struct conf *conf);

#endif
