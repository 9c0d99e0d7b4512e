/*
 * Which user and groups a daemon runs with, and who may talk to its bus:
 * one look-up for the daemons and for `edgectl up`, so that both agree on
 * hosts with and without installed users.
 */
#ifndef RUN_RIGHTS_H
#define RUN_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/conf.h"

#define RIGHTS_NO_ID ((uid_t)-1)

/* Used as root on a host without installed users (demo, tests). */
#define RIGHTS_UID_BASE 61184u
#define RIGHTS_GID_BASE 61190u

enum rights_group {
	RIGHTS_READ,  /* "sallyport": reads store and bus */
	RIGHTS_ADMIN, /* "sallyport-admin": changes */
	RIGHTS_TLS,   /* "sallyport-tls": reads the internal use's key */
	RIGHTS_AV,    /* "sallyport-av": reads the pool key */
	RIGHTS_GROUP_COUNT,
};

#define RIGHTS_MEMBERSHIPS_MAX 32

struct rights {
	bool is_root; /* the caller is: then the user is to be changed */
	uid_t uid;    /* the daemon's; the caller's own unless is_root */
	gid_t gid;
	/* Supplementary groups of the daemon; empty unless is_root. */
	gid_t memberships[RIGHTS_MEMBERSHIPS_MAX];
	size_t membership_count;
	/* By name; RIGHTS_NO_ID = no such group, and not root. */
	gid_t groups[RIGHTS_GROUP_COUNT];
	/* The replication agent's user, RIGHTS_NO_ID = none of its own. */
	uid_t agent_uid;
};

/* users: as conf->users. EDGE_ECONFIG when a user that edge.yaml names does
 * not exist or is root. */
EDGE_MUST int rights_find(struct rights *out, enum conf_daemon daemon,
	char *const users[CONF_DAEMON_COUNT], struct why *why);

/* "sallyport-admin" */
const char *rights_group_name(enum rights_group group);
/* May members of this group be found in this daemon's memberships? */
bool rights_has_group(enum conf_daemon daemon, enum rights_group group);

#endif
