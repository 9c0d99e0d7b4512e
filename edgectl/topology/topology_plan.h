/*
 * What a topology.yaml would change on this machine, and whether it could
 * run: read, compared with the current generation, checked. Nothing is
 * written.
 */
#ifndef EDGECTL_TOPOLOGY_PLAN_H
#define EDGECTL_TOPOLOGY_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/conf.h"
#include "common/store/generation.h"
#include "common/store/topology_check.h"
#include "common/store/topology_diff.h"
#include "common/store/topology_yaml.h"

struct topology_plan {
	struct topology_yaml *yaml; /* owned */
	struct topology_diff diff;
	struct topology_finding *findings; /* owned */
	size_t finding_count;
	bool has_errors;
	bool has_current; /* a generation is there to compare with */
	char current[GENERATION_VERSION_LEN]; /* "" = none */
};

/* topology_plan_fini also after a failure. A current generation that can't
 * be read counts as none and is a warning among the findings. */
EDGE_MUST int topology_plan_make(struct topology_plan *plan,
	const struct conf *conf, const char *file, struct why *why);
/* The same of a topology that was read or made elsewhere; taken. */
EDGE_MUST int topology_plan_take(struct topology_plan *plan,
	const struct conf *conf, struct topology_yaml *yaml,
	struct why *why);
void topology_plan_fini(struct topology_plan *plan);
/* Changes and findings as "changes" and "findings". */
EDGE_MUST int topology_plan_tell(const struct topology_plan *plan,
	json_t *object);
/* The same two for people. */
void topology_plan_print(FILE *to, const json_t *object);

#endif
