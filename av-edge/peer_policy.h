/*
 * Which peers an allocation may talk to: a pure decision over an address,
 * first match wins (threats T1 to T5, requirement R13).
 */
#ifndef AV_EDGE_PEER_POLICY_H
#define AV_EDGE_PEER_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/addr.h"
#include "common/base/netset.h"
#include "av-edge/host_net.h"
#include "av-edge/nat64.h"

#define PEER_OWN_MAX   4  /* relay addresses: bound and public, v4 and v6 */
#define PEER_SUITE_MAX 64

enum peer_verdict {
	PEER_OK,
	PEER_HAIRPIN, /* own relay address: delivered inside, or not at all */
	PEER_SUITE,   /* another address of this edge */
	PEER_INSIDE,  /* in a network routed to the inside device */
	PEER_LOCAL,   /* an address of this host */
	PEER_PRIVATE, /* private or link-local: a client's host candidate */
	PEER_SPECIAL, /* another special range */
	PEER_VERDICT_COUNT,
};

struct peer_policy {
	struct addr own[PEER_OWN_MAX];
	size_t own_count;
	struct addr suite[PEER_SUITE_MAX];
	size_t suite_count;
	struct netset allow;  /* owned: setting allow_peers */
	struct nat64 nat64;   /* setting nat64_prefixes */
	struct host_net host; /* owned */
};

void peer_policy_init(struct peer_policy *p);
void peer_policy_fini(struct peer_policy *p);
void peer_policy_add_own(struct peer_policy *p, const struct addr *a);
void peer_policy_add_suite(struct peer_policy *p, const struct addr *a);

/* Is this, as it is written, a relay address of ours? */
bool peer_policy_is_own(const struct peer_policy *p, const struct addr *a);

enum peer_verdict peer_policy_judge(const struct peer_policy *p,
	const struct addr *peer);
static inline bool peer_verdict_is_yes(enum peer_verdict v)
{
	return v == PEER_OK || v == PEER_HAIRPIN;
}

/* "own-address", "inside-network" ... for logs and counters. */
const char *peer_verdict_name(enum peer_verdict v);

#endif
