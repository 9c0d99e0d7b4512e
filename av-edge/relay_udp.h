/*
 * The data path: client to peer, peer to client, and the short cut between
 * two allocations of this edge. It parses no STUN, answers nothing, logs
 * nothing and allocates nothing.
 */
#ifndef AV_EDGE_RELAY_UDP_H
#define AV_EDGE_RELAY_UDP_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/str.h"
#include "av-edge/shard.h"

/* ChannelData from a client; data must stay until the flush. False: it has
 * no such channel, and nothing happened. */
bool relay_from_channel(struct shard *s, uint8_t listener,
	const struct addr *client, const uint8_t *data, size_t len);
/* Bare data of an [MS-TURN] client, for its active destination. */
void relay_from_bare(struct shard *s, struct alloc *a, const uint8_t *data,
	size_t len);
/* The payload of a Send indication whose permission was checked. */
void relay_from_send(struct shard *s, const struct turn_out *out);
/* Anything for the client of a, over whatever it uses; stays until the
 * flush. False: it does not read, this is dropped and counted. */
bool relay_to_client(struct shard *s, struct alloc *a,
	const struct udp_out *out);
/* The relay socket of this allocation is readable. Returns datagrams. */
uint32_t relay_from_peers(struct shard *s, struct alloc *a);
/* What other shards handed over. True when more waits. */
bool relay_from_inbox(struct shard *s);

#endif
