/*
 * ICE connectivity checks (RFC 8445 section 7) between two relay
 * candidates: the request, the answer, and their integrity. Pure.
 */
#ifndef EDGECTL_PROBE_ICE_H
#define EDGECTL_PROBE_ICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/stun/stun_msg.h"
#include "edgectl/probe/probe_sdp.h"

#define PROBE_ICE_ROOM 256

struct probe_ice {
	const struct probe_sdp *local; /* borrowed */
	const struct probe_sdp *remote;
	bool is_controlling;
	uint8_t tid[STUN_TID_LEN];
	bool is_answered;   /* our check came through, the answer is genuine */
	bool was_checked;   /* the peer's check came to us */
	struct addr mapped; /* as the peer saw us */
};

void probe_ice_init(struct probe_ice *ice, const struct probe_sdp *local,
	const struct probe_sdp *remote, bool is_controlling);
/* Our check; length or a negative code. */
EDGE_MUST int probe_ice_check(struct probe_ice *ice,
	uint8_t room[static PROBE_ICE_ROOM]);
/* A STUN message that came from this address through the relay. > 0: an
 * answer of that length is in room; 0: nothing to send; < 0: refused. */
EDGE_MUST int probe_ice_take(struct probe_ice *ice, const uint8_t *data,
	size_t len, const struct addr *from,
	uint8_t room[static PROBE_ICE_ROOM]);

#endif
