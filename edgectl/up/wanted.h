/* Which daemons the topology in force asks for on this machine. */
#ifndef UP_WANTED_H
#define UP_WANTED_H

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/conf.h"

/* What it asks for becomes true in wanted, the rest stays. -ENOENT: there is
 * none yet. */
EDGE_MUST int wanted_by_topology(const struct conf *conf,
	bool wanted[CONF_DAEMON_COUNT], struct why *why);

#endif
