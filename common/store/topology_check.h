/*
 * Semantic checks of a generation (topology-model.md B4): one table row per
 * rule, each with the text a person reads. Run by plan, apply, the agent
 * and every daemon's dry run.
 */
#ifndef STORE_TOPOLOGY_CHECK_H
#define STORE_TOPOLOGY_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/why.h"

#define TOPOLOGY_AT_LEN 600 /* two names and the keys before them */

struct sqlite3;

struct topology_finding {
	const char *rule; /* "port-clash" */
	bool is_error;    /* else a warning */
	char text[WHY_LEN];
	/* Where it is in topology.yaml, by keys: "servers/fe.int.example";
	 * "" when nobody knows. topology_yaml_place() finds the line. */
	char at[TOPOLOGY_AT_LEN];
};

/* All findings, errors first; *out on the heap, caller frees. Returns 0
 * also when there are findings; < 0 when the check itself failed. */
EDGE_MUST int topology_check(struct sqlite3 *db,
	struct topology_finding **out, size_t *count, struct why *why);

#endif
