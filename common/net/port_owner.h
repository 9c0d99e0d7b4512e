/* Which process holds a port, for people who must find it. */
#ifndef NET_PORT_OWNER_H
#define NET_PORT_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/addr.h"
#include "common/base/attr.h"

struct port_owner {
	pid_t pid;     /* 0 = could not be seen */
	char name[64]; /* of the process, "" = could not be seen */
	uid_t uid;     /* of the socket */
};

/* Look for a listening TCP or bound UDP socket on this address, or on the
 * wildcard with its port. -ENOENT when there is none. Other users'
 * processes are seen by root alone. */
EDGE_MUST int port_owner_find(const struct addr *address, bool is_udp,
	struct port_owner *out);

/* "pid 812 (nginx)", "a process of uid 33" or "". Returns out. */
const char *port_owner_text(const struct port_owner *owner, char *out,
	size_t cap);

#endif
