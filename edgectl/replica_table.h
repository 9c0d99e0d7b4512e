/*
 * How edges are with their replication, in the original's words and ours:
 * on the publisher from its record, on an edge from its own agent.
 */
#ifndef EDGECTL_REPLICA_TABLE_H
#define EDGECTL_REPLICA_TABLE_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/clock.h"

/* Behind for so long is bad news (exit status 1). */
#define REPLICA_BEHIND_S 600

/* What an agent says of itself (docs/protocol/replication.md, Status) as a
 * row: UpToDate, ReplicaFqdn, LastStatusReport, LastUpdateCreation,
 * ProductVersion, and pool, epoch, serial, pinned, stale, error, daemons.
 * status NULL or of another shape gives a row without facts. */
json_t *replica_table_row(const char *fqdn, const json_t *status);

/* The array "replicas" of an object, and what else a reader needs. */
void replica_table_print(FILE *to, const json_t *object);

#endif
