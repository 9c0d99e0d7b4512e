/*
 * The listeners of access-edge: clients outside, servers inside. Opens
 * what the topology asks for, drains what it no longer has.
 */
#ifndef ACCESS_EDGE_FRONT_H
#define ACCESS_EDGE_FRONT_H

#include <stdbool.h>
#include <stddef.h>

#include "access-edge/edge.h"
#include "common/base/why.h"
#include "common/daemon/daemon.h"

struct front;

struct front_tls {
	struct tls_watch *client; /* external certificate, asks for none */
	struct tls_watch *server; /* internal, certificate required */
};

/* Bind every listener of the topology; nothing is accepted yet. */
EDGE_MUST int front_new(struct front **out, const struct topology *t,
	const struct front_tls *tls, struct why *why);
/* Stops accepting; connections must be gone before. Accepts NULL. */
void front_free(struct front *front);
EDGE_MUST int front_start(struct front *front, struct edge *edge,
	struct why *why);
/* Open what is new in t, stop what it lacks. On failure nothing changed. */
EDGE_MUST int front_apply(struct front *front, const struct topology *t,
	struct why *why);
/* Stop accepting, or begin again. */
int front_drain(struct front *front, bool on, struct why *why);
size_t front_ports(const struct front *front, struct daemon_port *out,
	size_t cap);

#endif
