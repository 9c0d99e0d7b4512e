/*
 * Hot records: one per channel (and, in the other dialect, per active
 * destination), all the data path needs of it in two cache lines. Found by
 * (listener, client, channel) from the client's side, and from the
 * allocation's chain by the peer's address from the other.
 */
#ifndef AV_EDGE_HOT_H
#define AV_EDGE_HOT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/clock.h"
#include "av-edge/alloc.h"
#include "av-edge/peer_policy.h"

#define HOT_LIFETIME_MS 600000 /* RFC 8656 section 12 */
#define HOT_PER_ALLOC   32
/* In place of a channel: the active destination of [MS-TURN], of which an
 * allocation has one at most and then nothing else here. */
#define HOT_DESTINATION 0

/* A plain record without pointers, 128 bytes. */
struct hot {
	struct addr client;
	uint16_t channel; /* host order; or HOT_DESTINATION */
	uint8_t listener;
	bool is_hairpin; /* the peer is one of our own relay addresses */
	uint32_t alloc;  /* number */
	struct addr peer;
	int32_t relay_fd;
	uint32_t next;   /* channel of the same allocation */
	uint8_t head[4]; /* of ChannelData to the client, length left 0 */
	uint32_t zero;

	int64_t until_ms;      /* of the channel */
	int64_t perm_until_ms; /* of the permission for this peer */
	uint64_t up_packets;
	uint64_t up_bytes;
	uint64_t down_packets;
	uint64_t down_bytes;
	uint64_t spare[2];
};

struct hot_table {
	struct flat_pool pool;
	struct flat_index by_client;
	uint64_t seed;
};

EDGE_MUST int hot_table_init(struct hot_table *t);
void hot_table_fini(struct hot_table *t); /* accepts a zeroed one */

/* The record, over or not; NULL when there is none. Borrowed. */
struct hot *hot_find(const struct hot_table *t, uint8_t listener,
	const struct addr *client, uint16_t channel);
struct hot *hot_of_peer(const struct hot_table *t, const struct alloc *a,
	const struct addr *peer);

/*
 * Bind or refresh (RFC 8656 section 12.2): EDGE_EREFUSED when channel or
 * peer are bound otherwise and not over, EDGE_EBUSY when the allocation has
 * too many. Grants the permission in the record, not in the perm table.
 */
EDGE_MUST int hot_bind(struct hot **out, struct hot_table *t,
	struct alloc *a, uint16_t channel, const struct addr *peer,
	struct mono now);
/* Free this channel of a, if it is over. False: it is live. */
bool hot_make_room(struct hot_table *t, struct alloc *a, uint16_t channel,
	struct mono now);
/* Make peer the active destination in place of the one there was; its
 * permission is the caller's. EDGE_EBUSY: all is as before. */
EDGE_MUST int hot_aim(struct hot **out, struct hot_table *t, struct alloc *a,
	const struct addr *peer);
/* The permission for this address was granted anew. */
void hot_permit(const struct hot_table *t, const struct alloc *a,
	const struct addr *peer, struct mono now);
/* End the permission of those that the policy forbids now. */
void hot_withdraw(const struct hot_table *t, const struct alloc *a,
	const struct peer_policy *policy);
/* Fold the counters into the allocation and free them all. */
void hot_drop_all(struct hot_table *t, struct alloc *a);
/* What the channels carried so far, added to what is in *sum. */
void hot_add_traffic(const struct hot_table *t, const struct alloc *a,
	struct alloc *sum);

static inline bool hot_is_live(const struct hot *h, struct mono now)
{
	return h->until_ms > now.ms && h->perm_until_ms > now.ms;
}

#endif
