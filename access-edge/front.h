/*
 * The listeners of access-edge: clients and partners outside, servers
 * inside. Opens what the topology asks for, drains what it no longer has.
 */
#ifndef ACCESS_EDGE_FRONT_H
#define ACCESS_EDGE_FRONT_H

#include <stdbool.h>
#include <stddef.h>

#include "access-edge/edge.h"
#include "common/base/why.h"
#include "common/daemon/daemon.h"

struct front;

/* By door. Those of partners may be NULL while there is no federation. */
struct front_tls {
	struct tls_watch *of[ORIGIN_DOOR_COUNT];
};

/* Bind every listener of the topology; nothing is accepted yet. */
EDGE_MUST int front_new(struct front **out, const struct topology *t,
	const struct front_tls *tls, struct why *why);
/* Stops accepting; connections must be gone before. Accepts NULL. */
void front_free(struct front *front);
EDGE_MUST int front_start(struct front *front, struct edge *edge,
	struct why *why);
/* What new connections use from now on. */
void front_set_tls(struct front *front, const struct front_tls *tls);
/* Open what is new in t, stop what it lacks. On failure nothing changed. */
EDGE_MUST int front_apply(struct front *front, const struct topology *t,
	struct why *why);
/* Stop accepting, or begin again. */
int front_drain(struct front *front, bool on, struct why *why);
size_t front_ports(const struct front *front, struct daemon_port *out,
	size_t cap);

#endif
