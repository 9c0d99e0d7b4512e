/*
 * Datagrams on their way from one shard to another (the short cut between
 * two allocations that live in different threads): a bounded queue with one
 * writer and one reader, without a lock. What does not fit is dropped.
 */
#ifndef AV_EDGE_HANDOFF_H
#define AV_EDGE_HANDOFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"

#define HANDOFF_ITEMS 256
/* What one place of the queue holds; a longer datagram takes several. */
#define HANDOFF_PIECE 2000

struct handoff_datagram {
	uint64_t owner;   /* id of the allocation it is for */
	struct addr from; /* relayed address of the sender */
	const uint8_t *data; /* in the queue, or in the reader's room */
	size_t len;
	unsigned places; /* of the queue */
};

struct handoff;

EDGE_MUST int handoff_new(struct handoff **out);
void handoff_free(struct handoff *h); /* accepts NULL */
/* The writer: copies. False when there is no room for all of it. */
bool handoff_push(struct handoff *h, uint64_t owner, const struct addr *from,
	const void *data, size_t len);
/* The reader: the datagram `skip` places on; false when none waits there.
 * One of several pieces is put together in room. Both stay where they are
 * until handoff_drop() of so many places, room until it is used again. */
bool handoff_peek(const struct handoff *h, unsigned skip,
	uint8_t room[static UINT16_MAX], struct handoff_datagram *out);
void handoff_drop(struct handoff *h, unsigned places);

#endif
