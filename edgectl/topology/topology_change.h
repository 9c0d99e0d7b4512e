/*
 * A change of the topology as a command: the plan told, made so, and what
 * every daemon said to it. `edgectl topology apply` and whatever else
 * changes one thing of the topology end here.
 */
#ifndef EDGECTL_TOPOLOGY_CHANGE_H
#define EDGECTL_TOPOLOGY_CHANGE_H

#include <jansson.h>

#include "edgectl/cmd.h"
#include "edgectl/topology/topology_apply.h"
#include "edgectl/topology/topology_plan.h"

/* Make the plan so and print what came of it; returns the exit status. verb
 * and what are for the history: "apply", "topology.yaml". */
int topology_change_make(struct cmd_call *call, const struct conf *conf,
	const struct topology_plan *plan, const char *verb,
	const char *what);
/* Print a change that was made; object is taken. */
int topology_change_tell(struct cmd_call *call, json_t *object,
	struct topology_apply *result);
/* Nobody but a publisher may change this machine's topology, unless the call
 * says --override: true when it may go on, else the user was told. */
bool topology_change_is_allowed(struct cmd_call *call,
	const struct conf *conf);

#endif
