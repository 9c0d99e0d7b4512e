/* The listening ports of both sides, as the topology asks for them. */
#ifndef WEBCONF_EDGE_PORT_H
#define WEBCONF_EDGE_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/net/listener.h"
#include "common/run/loop.h"
#include "common/store/topology.h"
#include "webconf-edge/limits.h"

/* Twice what a topology can ask for: old and new ones at a change. */
#define PORTS_MAX 16

struct port {
	struct ports *ports;       /* borrowed: for the listener's callback */
	struct listener *listener; /* owned, NULL = this row is free */
	struct addr asked;         /* as the topology says */
	enum topology_usage usage;
	uint32_t id;               /* never used twice */
	bool is_wanted;
	bool is_fresh;
};

/* fd is the callee's. */
typedef void(port_accept_fn)(void *arg, const struct port *port, int fd,
	const struct addr *remote);

struct ports {
	struct loop *loop; /* borrowed */
	const struct limits *limits; /* borrowed */
	port_accept_fn *on_accept;
	void *arg;
	struct port rows[PORTS_MAX];
	uint32_t last_id;
	bool is_accepting;
};

/* Does this daemon own listeners of this usage? */
bool port_is_ours(enum topology_usage usage);
/* Bind what this snapshot asks for and close what it does not; on failure
 * all is as before. New ports accept at once when others do. */
EDGE_MUST int ports_listen(struct ports *p, const struct topology *t,
	struct why *why);
EDGE_MUST int ports_start(struct ports *p, struct why *why);
/* A connection of this port no longer counts against its limits. */
void ports_gone(struct ports *p, uint32_t port_id, const struct addr *remote);
void ports_close(struct ports *p);

#endif
