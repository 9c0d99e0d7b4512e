/*
 * The control bus of a daemon: HTTP/1.1 and JSON over two Unix sockets,
 * evhttp underneath. The socket's mode admits, SO_PEERCRED and
 * SO_PEERGROUPS decide by the table of routes (threat S18).
 */
#ifndef BUS_SERVER_H
#define BUS_SERVER_H

#include <stddef.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/bus/bus_route.h"
#include "common/run/loop.h"

struct bus_server;

/* The server is made after the change of user: it takes the effective user
 * for the daemon's own. */
struct bus_server_spec {
	int read_fd;  /* listening Unix sockets, taken */
	int admin_fd;
	gid_t read_group;   /* (gid_t)-1 = none but our own user and root */
	gid_t admin_group;
	uid_t agent_uid;    /* may BUS_CHECK only; (uid_t)-1 = none */
	const struct bus_route *const *tables; /* searched in order */
	const size_t *table_counts;
	size_t table_count;
	void *const *states; /* given to handlers: one for each table */
};

EDGE_MUST int bus_server_new(struct bus_server **out, struct loop *loop,
	const struct bus_server_spec *spec, struct why *why);
void bus_server_free(struct bus_server *server); /* accepts NULL */

/* Make and bind one listening socket: mode 0660, given group (or -1). Used
 * by the supervisor and by daemons started by hand. Returns fd or < 0. */
EDGE_MUST int bus_listen(const char *path, gid_t group, struct why *why);

#endif
