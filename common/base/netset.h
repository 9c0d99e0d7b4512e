/*
 * A set of address prefixes, compared as 128-bit numbers (threat T4), and
 * the table of special ranges that no relay may talk to.
 */
#ifndef BASE_NETSET_H
#define BASE_NETSET_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/addr.h"
#include "common/base/str.h"

struct net_prefix {
	uint8_t low[16];  /* first address, IPv4 as mapped */
	uint8_t high[16]; /* last address */
};

struct netset {
	struct net_prefix *nets; /* owned */
	size_t count;
	size_t cap;
};

/* "10.0.0.0/8", "2001:db8::/32", or a bare address. Host bits must be 0. */
EDGE_MUST int net_prefix_parse(struct str text, struct net_prefix *out);
struct net_prefix net_prefix_of(const struct addr *a, unsigned bits);
bool net_prefix_has(const struct net_prefix *net, const struct addr *a);

void netset_init(struct netset *set);
void netset_fini(struct netset *set);
EDGE_MUST int netset_add(struct netset *set, const struct net_prefix *net);
EDGE_MUST int netset_add_text(struct netset *set, struct str text);
/* The address is canonicalised first, and looked up in both forms. */
bool netset_has(const struct netset *set, const struct addr *a);

/* The special ranges of the IANA registries (threats 3d): name of the range
 * a lies in, e.g. "loopback", or NULL when a is ordinary. */
const char *netset_special(const struct addr *a);

#endif
