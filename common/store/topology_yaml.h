/*
 * topology.yaml (docs/man/topology.yaml.5): text to rows of a generation
 * and back. Reading is strict; writing gives the same shape, sorted,
 * without defaults, so that applying what was dumped changes nothing.
 */
#ifndef STORE_TOPOLOGY_YAML_H
#define STORE_TOPOLOGY_YAML_H

#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"

struct sqlite3;
struct topology_yaml; /* a parsed file */

EDGE_MUST int topology_yaml_load(struct topology_yaml **out,
	const char *path, struct why *why);
EDGE_MUST int topology_yaml_parse(struct topology_yaml **out,
	const char *name, struct str text, struct why *why);
void topology_yaml_free(struct topology_yaml *y); /* accepts NULL */

/* Insert everything into an empty schema; for generation_stage_new. */
EDGE_MUST int topology_yaml_fill(struct sqlite3 *db, void *yaml,
	struct why *why);

/* The file's rows in a schema in memory, for plan. sqlite3_close(). */
EDGE_MUST int topology_yaml_scratch(struct sqlite3 **out,
	struct topology_yaml *y, struct why *why);

/* text with "file:line:column: " of what keys lead to in front, into why;
 * of the nearest there is above it; text alone when there is none. */
void topology_yaml_place(const struct topology_yaml *y, const char *keys,
	const char *text, struct why *why);

/* The generation as YAML text on the heap; caller frees. */
EDGE_MUST int topology_yaml_dump(struct sqlite3 *db, char **text,
	struct why *why);

#endif
