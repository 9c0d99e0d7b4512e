/*
 * Bytes waiting to leave through a stream: a list of chunks, so that an
 * idle connection keeps none. For streams, and channels inside them.
 */
#ifndef NET_SENDQ_H
#define NET_SENDQ_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

struct sendq_chunk;

struct sendq {
	struct sendq_chunk *first; /* owned */
	struct sendq_chunk *last;
	size_t len; /* bytes in all chunks */
};

void sendq_init(struct sendq *q);
void sendq_fini(struct sendq *q);
/* Copy to the end; -ENOMEM changes nothing. */
EDGE_MUST int sendq_push(struct sendq *q, const void *data, size_t len);
/* Oldest bytes in one piece, borrowed; NULL when empty. A retry after
 * sendq_push sees the same bytes, perhaps more of them. */
const uint8_t *sendq_peek(const struct sendq *q, size_t *len);
/* n of the bytes that sendq_peek showed are gone. */
void sendq_drop(struct sendq *q, size_t n);

#endif
