/*
 * A generation as administrators of the original know it: the flat view of
 * Get-CsService -EdgeServer, machine addresses, settings in force.
 */
#ifndef EDGECTL_TOPOLOGY_SHOW_H
#define EDGECTL_TOPOLOGY_SHOW_H

#include <jansson.h>
#include <stdio.h>

#include "common/base/attr.h"
#include "common/base/why.h"

struct sqlite3;
struct topology;

/* {"pools": [...], "machine": name, "settings": [...]}; settings are those
 * of the machine that t was loaded for. *out is the caller's. */
EDGE_MUST int topology_show(json_t **out, struct sqlite3 *db,
	const struct topology *t, struct why *why);
/* all: settings that have their default, too. */
void topology_show_print(FILE *to, const json_t *object, bool all);

#endif
