/*
 * The bus routes of access-edge: connections, transactions, next hops, the
 * live ladder, flow keys (docs/protocol/control-bus.md).
 */
#ifndef ACCESS_EDGE_CTL_H
#define ACCESS_EDGE_CTL_H

#include <stddef.h>

#include "access-edge/edge.h"
#include "access-edge/front.h"
#include "common/bus/bus_route.h"
#include "common/net/resolve.h"

/* The daemon's state: what its hooks and handlers are given. */
struct access_edge {
	struct daemon *daemon; /* borrowed */
	struct resolver *resolver;
	struct front *front;
	struct edge *edge;
	struct front_tls tls;           /* the daemon's */
	struct tls_watch *tls_next_hop;
	struct tls_watch *tls_partner;  /* NULL while there is no federation */
};

extern const struct bus_route access_edge_routes[];
extern const size_t access_edge_route_count;

/* Own facts for GET /v1/status. */
void ctl_status(const struct access_edge *state, json_t *status);

/* A peer's bytes as a JSON string: those that are no UTF-8 must not make the
 * whole answer fail. */
json_t *ctl_text(struct str s);

#endif
