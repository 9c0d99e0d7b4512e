/*
 * edgectl test replica: could a publisher reach this edge, and would it be
 * let in? One object with a row for each step.
 */
#ifndef EDGECTL_PROBE_REPLICA_H
#define EDGECTL_PROBE_REPLICA_H

#include <jansson.h>
#include <stdio.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/conf.h"

/* *report: {"ok", "steps": [{"step", "result", "text"}]}; the caller's. An
 * error only when nothing could be tried. */
EDGE_MUST int probe_replica(json_t **report, const struct conf *conf,
	struct why *why);
void probe_replica_text(FILE *to, const json_t *report);

#endif
