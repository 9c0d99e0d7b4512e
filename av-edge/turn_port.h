/*
 * How an allocation gets its relay port: any, an even one, a pair of which
 * the second is put aside, or one that was put aside before.
 */
#ifndef AV_EDGE_TURN_PORT_H
#define AV_EDGE_TURN_PORT_H

#include "common/base/attr.h"
#include "av-edge/turn.h"

/* Open a socket on a port as wish has it; a->relay_port is set. Nothing is
 * taken when it fails: -EADDRNOTAVAIL, EDGE_EBUSY (no quota for the second
 * of a pair). */
EDGE_MUST int turn_port_open(struct turn *t, struct alloc *a,
	const struct turn_wish *wish);
/* Give the port back; its socket is closed. */
void turn_port_give(struct turn *t, const struct alloc *a);

/* What wish->token stands for, with its port and its place in the quota.
 * False: nothing that this user may have. */
bool turn_port_claim(struct turn *t, const struct turn_wish *wish,
	struct reservation *out);
/* Give back what a reservation holds. */
void turn_port_release(struct turn *t, const struct reservation *r);
/* Those whose time is over. */
void turn_port_tick(struct turn *t);

#endif
