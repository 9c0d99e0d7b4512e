/* What comes before a peer's data on its way to a client without channel:
 * the Data indication of either dialect. */
#ifndef AV_EDGE_INDICATION_H
#define AV_EDGE_INDICATION_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/net/udp_batch.h"
#include "av-edge/alloc.h"

struct shard;

/* The head for len bytes of this peer; *pad zeros follow them. Its length,
 * or EDGE_ETOOBIG. */
EDGE_MUST int indication_head(struct shard *s, const struct alloc *a,
	const struct addr *peer, size_t len,
	uint8_t head[static UDP_HEAD_MAX], size_t *pad);

#endif
