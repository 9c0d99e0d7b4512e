/*
 * Rights on the bus: SO_PEERCRED and SO_PEERGROUPS against the policy.
 * bus_may() is pure; it is asked for every request, also on a connection
 * that was kept.
 */
#include "common/bus/bus_right.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

#define NO_ID ((uid_t)-1)

/* Asked twice: the first answer is how many there are. */
static int read_groups(struct bus_peer *peer, int fd)
{
	socklen_t len = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0)
		return 0; /* none */
	if (errno != ERANGE || len > NGROUPS_MAX * sizeof(gid_t))
		return -errno;
	peer->groups = malloc(len);
	if (peer->groups == NULL)
		return -ENOMEM;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &len) < 0)
		return -errno;
	peer->group_count = len / sizeof(gid_t);
	return 0;
}

int bus_peer_init(struct bus_peer *peer, int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int err;

	*peer = (struct bus_peer){.uid = NO_ID, .gid = NO_ID};
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	peer->pid = cred.pid;
	peer->uid = cred.uid;
	peer->gid = cred.gid;
	err = read_groups(peer, fd);
	if (err < 0)
		bus_peer_fini(peer);
	return err;
}

void bus_peer_fini(struct bus_peer *peer)
{
	free(peer->groups);
	peer->groups = NULL;
	peer->group_count = 0;
}

static bool is_member(const struct bus_peer *peer, gid_t group)
{
	if (group == NO_ID)
		return false;
	if (peer->gid == group)
		return true;
	for (size_t i = 0; i < peer->group_count; i++) {
		if (peer->groups[i] == group)
			return true;
	}
	return false;
}

/* A daemon's own user counts only on a host without our groups (somebody
 * tries it out under one account): elsewhere a daemon has no business with
 * its own admin socket. */
static bool may_change(const struct bus_policy *policy,
	const struct bus_peer *peer)
{
	return peer->uid == 0 || is_member(peer, policy->admin_group) ||
		(policy->admin_group == NO_ID && peer->uid == policy->own_uid);
}

bool bus_may(const struct bus_policy *policy, const struct bus_peer *peer,
	bool is_admin, enum bus_right right)
{
	/* (uid_t)-1 is what a credential outside our user namespace, or none
	 * at all, could look like. */
	const bool is_agent = peer->uid != NO_ID && peer->uid != 0 &&
		peer->uid == policy->agent_uid;

	if (peer->uid == NO_ID)
		return false;
	switch (right) {
	case BUS_READ:
		return may_change(policy, peer) || is_agent ||
			peer->uid == policy->own_uid ||
			is_member(peer, policy->read_group);
	case BUS_CHECK:
		return is_admin && (is_agent || may_change(policy, peer));
	case BUS_CHANGE:
		/* The agent is in the admin group, to reach the socket. */
		return is_admin && !is_agent && may_change(policy, peer);
	}
	return false;
}
