/* The part of connector.yaml that follows from the topology. */
#ifndef EDGECTL_TOPOLOGY_CONNECTOR_H
#define EDGECTL_TOPOLOGY_CONNECTOR_H

#include <sqlite3.h>

#include "common/base/attr.h"
#include "common/base/why.h"

/* `edges` and `hosts` as YAML on the heap. EDGE_EUNKNOWN when no edge has a
 * port for conferencing servers. */
EDGE_MUST int topology_connector_yaml(struct sqlite3 *db, char **text,
	struct why *why);

#endif
