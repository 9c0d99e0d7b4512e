/*
 * Carrying out a plan of `edgectl init`: files, keys with the right owners,
 * the first generation.
 */
#ifndef EDGECTL_INIT_WRITE_H
#define EDGECTL_INIT_WRITE_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "edgectl/init_plan.h"

#define INIT_PEERS_MAX 16

struct init_result {
	json_t *files; /* paths written, in order; the caller's */
	char conf_path[PATH_MAX];
	char generation[32];
};

/* Nothing is in the way of the files, or force says it does not matter.
 * Needs no answer but the directory. -EEXIST. */
EDGE_MUST int init_look_first(const struct init_plan *plan, bool force,
	struct why *why);

/* peers: names of inside servers that get a lab certificate. Looks for
 * files in the way, and whether the topology keeps the rules, before it
 * writes the first one. */
EDGE_MUST int init_write(const struct init_plan *plan, const char *const *peers,
	size_t peer_count, bool force, struct init_result *result,
	struct why *why);

#endif
