/* `edgectl topology import`: what it found out, as one JSON object. */
#ifndef EDGECTL_TOPOLOGY_IMPORT_H
#define EDGECTL_TOPOLOGY_IMPORT_H

#include <jansson.h>
#include <stdio.h>

#include "common/base/attr.h"
#include "common/base/why.h"

/* "ok", "form", "notes", and "yaml" when there are no errors. < 0 when the
 * file could not be read at all. */
EDGE_MUST int topology_import(json_t **object, const char *file,
	struct why *why);
/* The YAML, or the errors. */
void topology_import_print(FILE *to, const json_t *object);

#endif
