/*
 * Permissions (RFC 8656 section 9): the peer addresses an allocation may
 * exchange data with, by IP address, each for five minutes; in [MS-TURN],
 * which knows no such time, until the allocation ends.
 */
#ifndef AV_EDGE_PERM_H
#define AV_EDGE_PERM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/clock.h"
#include "av-edge/alloc.h"
#include "av-edge/peer_policy.h"

#define PERM_LIFETIME_MS 300000
#define PERM_PER_ALLOC   64

struct perm {
	uint32_t next;  /* of the same allocation */
	uint32_t alloc; /* number */
	uint8_t ip[16];
	int64_t until_ms;
};

struct perm_table {
	struct flat_pool pool;
	struct flat_index by_peer;
	uint64_t seed;
};

/* Until when a permission of this allocation is good that is granted now. */
static inline int64_t perm_until_ms(const struct alloc *a, struct mono now)
{
	return a->dialect == ALLOC_MS ? INT64_MAX :
					now.ms + PERM_LIFETIME_MS;
}

EDGE_MUST int perm_table_init(struct perm_table *t);
void perm_table_fini(struct perm_table *t); /* accepts a zeroed one */

/* Room for so many new peers, once what is over is swept out? */
bool perm_has_room(struct perm_table *t, struct alloc *a, size_t count,
	struct mono now);
/* Install or refresh. EDGE_EBUSY when the allocation has too many. */
EDGE_MUST int perm_grant(struct perm_table *t, struct alloc *a,
	const struct addr *peer, struct mono now);
/* May a exchange data with peer, whatever its port? */
bool perm_has(const struct perm_table *t, const struct alloc *a,
	const struct addr *peer, struct mono now);
/* End those that the policy forbids now. */
void perm_withdraw(const struct perm_table *t, const struct alloc *a,
	const struct peer_policy *policy);
void perm_drop_all(struct perm_table *t, struct alloc *a);

#endif
