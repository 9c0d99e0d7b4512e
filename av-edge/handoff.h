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

#define HANDOFF_ITEMS    256
#define HANDOFF_DATA_MAX 2000

struct handoff_item {
	uint64_t owner; /* id of the allocation it is for */
	struct addr from; /* relayed address of the sender */
	uint16_t len;
	uint8_t data[HANDOFF_DATA_MAX];
};

struct handoff;

EDGE_MUST int handoff_new(struct handoff **out);
void handoff_free(struct handoff *h); /* accepts NULL */
/* The writer: copies. False when it is full or the datagram too long. */
bool handoff_push(struct handoff *h, uint64_t owner, const struct addr *from,
	const void *data, size_t len);
/* The reader: the n-th that waits, NULL when there are not so many. Stays
 * where it is until handoff_drop(). */
const struct handoff_item *handoff_peek(const struct handoff *h, unsigned n);
void handoff_drop(struct handoff *h, unsigned n);

#endif
