/*
 * How often each user may do something in a minute, over all shards: connect
 * to peers, for a relay must be no tool for looking at other people's ports
 * (threat T6), and begin allocations, which cost a socket and a port each
 * however few of them it holds at a time (threat T9).
 */
#ifndef AV_EDGE_USER_RATE_H
#define AV_EDGE_USER_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/cred/av_cred.h"

struct user_rate;

EDGE_MUST int user_rate_new(struct user_rate **out);
void user_rate_free(struct user_rate *r); /* accepts NULL */
/* Any thread. One more for this user? Nothing is taken when not. A minute's
 * worth may come at once. */
bool user_rate_take(struct user_rate *r,
	const uint8_t client_id[static AV_CRED_CLIENT_ID_LEN],
	uint32_t per_minute, struct mono now);

#endif
