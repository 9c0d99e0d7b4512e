/* How all machines are, from the record, as one object for `publish status`. */
#ifndef EDGECTL_PUBLISH_FLEET_STATUS_H
#define EDGECTL_PUBLISH_FLEET_STATUS_H

#include <jansson.h>
#include <stdio.h>

#include "edgectl/publish/record.h"

/* {"publication": {...}|null, "publisher": {...}, "replicas": [...],
 * "behind": n}: behind = longer than REPLICA_BEHIND_S. */
EDGE_MUST int fleet_status(struct record *r, json_t **out, struct why *why);
void fleet_status_print(FILE *to, const json_t *object);
/* Machines by state, and how the newest publication is; for progress. */
EDGE_MUST int fleet_status_line(struct record *r,
	struct bundle_version version, char *line, size_t cap,
	char state[16], char note[WHY_LEN], bool *is_settled,
	struct why *why);

#endif
