/*
 * How many connections to peers each user may begin in a minute, over all
 * shards: a relay that connects for its clients must be no tool for looking
 * at other people's ports (threat T6).
 */
#ifndef AV_EDGE_CONNECT_RATE_H
#define AV_EDGE_CONNECT_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/cred/av_cred.h"

struct connect_rate;

EDGE_MUST int connect_rate_new(struct connect_rate **out);
void connect_rate_free(struct connect_rate *r); /* accepts NULL */
/* Any thread. One more for this user? Nothing is taken when not. */
bool connect_rate_take(struct connect_rate *r,
	const uint8_t client_id[static AV_CRED_CLIENT_ID_LEN],
	uint32_t per_minute, struct mono now);

#endif
