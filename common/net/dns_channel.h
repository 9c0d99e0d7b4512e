/*
 * One c-ares channel turned by our loop: its descriptors, its timer, its
 * name servers. Private to common/net.
 */
#ifndef NET_DNS_CHANNEL_H
#define NET_DNS_CHANNEL_H

#include <ares.h>
#include <stddef.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/loop.h"

struct dns_channel;

struct dns_channel_spec {
	const struct addr *servers; /* port 0 = 53 */
	size_t server_count;
	const struct addr *local; /* leave from here; NULL or unset = any */
	bool use_hosts_file;      /* /etc/hosts before the servers */
};

EDGE_MUST int dns_channel_new(struct dns_channel **out, struct loop *loop,
	const struct dns_channel_spec *spec, struct why *why);
/* Queries under way are called back with ARES_EDESTRUCTION. NULL is ok. */
void dns_channel_free(struct dns_channel *c);
ares_channel dns_channel_ares(struct dns_channel *c); /* borrowed */
/* After each query: its first deadline may be the next one. */
void dns_channel_arm(struct dns_channel *c);

#endif
