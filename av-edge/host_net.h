/*
 * What this host's network looks like, for the peer policy: its own
 * addresses, and the networks it reaches through the inside device. Read
 * from the kernel, and watched, because addresses and routes come later too
 * (threat T5).
 */
#ifndef AV_EDGE_HOST_NET_H
#define AV_EDGE_HOST_NET_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/netset.h"

struct host_net {
	struct addr *locals; /* owned */
	size_t local_count;
	size_t local_cap;
	struct netset inside; /* the default route is not among them */
};

/* inside_device "" = none: no network counts as inside. */
EDGE_MUST int host_net_read(struct host_net *out, const char *inside_device);
void host_net_fini(struct host_net *host); /* accepts a zeroed one */
bool host_net_is_local(const struct host_net *host, const struct addr *a);

/* A nonblocking descriptor that turns readable when addresses or routes
 * change, or < 0. The caller closes it. */
EDGE_MUST int host_net_watch_open(void);
/* Read what it has; true when host_net_read() should be called anew. */
bool host_net_watch_drain(int fd);

#endif
