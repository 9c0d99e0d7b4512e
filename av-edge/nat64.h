/*
 * Prefixes under which a translator of the operator's makes IPv4 addresses
 * reachable over IPv6 (RFC 6052 2.2): what a packet to such an address
 * reaches is an IPv4 host, inside or special, however the address looks
 * (threat T3). The well-known prefix is common/base/addr's affair.
 */
#ifndef AV_EDGE_NAT64_H
#define AV_EDGE_NAT64_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/setting.h"

#define NAT64_MAX 16

struct nat64 {
	struct {
		struct addr first; /* the prefix, the rest 0 */
		unsigned bits;
	} prefixes[NAT64_MAX];
	size_t count;
};

/* From the setting nat64_prefixes. EDGE_ECONFIG: one has a length that
 * RFC 6052 does not know, or is of IPv4. */
EDGE_MUST int nat64_read(struct nat64 *out, const struct setting_set *set,
	struct why *why);
/* "2001:db8:64::/96". EDGE_EMALFORMED; -ENOSPC. */
EDGE_MUST int nat64_add(struct nat64 *n, struct str prefix);
/* The IPv4 address that a means under prefix i, if it lies there. */
bool nat64_embedded(const struct nat64 *n, size_t i, const struct addr *a,
	struct addr *out);

#endif
