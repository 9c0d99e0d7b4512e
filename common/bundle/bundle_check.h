/*
 * A bundle into a generation, with the semantic checks that every generation
 * has to pass: what agent and bootstrap both fill a stage with.
 */
#ifndef BUNDLE_BUNDLE_CHECK_H
#define BUNDLE_BUNDLE_CHECK_H

#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/bundle/bundle.h"
#include "common/store/generation.h"
#include "common/store/topology_check.h"

struct bundle_filling {
	const struct bundle *bundle;
	struct topology_finding *findings; /* owned, errors first */
	size_t count;
};

/* Stage it (generation_stage_make): meta from the manifest, rows from the
 * payload, checked. EDGE_EREFUSED: findings has errors, why the first one.
 * Free the findings in any case. */
EDGE_MUST int bundle_stage(struct generation_stage **out,
	const char *state_dir, struct bundle_filling *filling,
	struct why *why);
void bundle_filling_fini(struct bundle_filling *filling);

#endif
