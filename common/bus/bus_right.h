/*
 * Who sits at the other end of a Unix socket, and what that user may ask
 * (threat S18). The kernel's word alone counts; nothing in the request does.
 */
#ifndef BUS_RIGHT_H
#define BUS_RIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/bus/bus_route.h"

struct bus_peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* owned */
	size_t group_count;
};

/* As they were when the peer connected. */
EDGE_MUST int bus_peer_init(struct bus_peer *peer, int fd);
void bus_peer_fini(struct bus_peer *peer);

struct bus_policy {
	uid_t own_uid;
	gid_t read_group;  /* (gid_t)-1 = none */
	gid_t admin_group; /* (gid_t)-1 = none: our own user may change */
	uid_t agent_uid;   /* (uid_t)-1 = none */
};

/* is_admin: asked on the changing socket. */
bool bus_may(const struct bus_policy *policy, const struct bus_peer *peer,
	bool is_admin, enum bus_right right);

#endif
