/*
 * How many allocations each user holds, over all shards. A user is the
 * client id of a credential: the same for one identity, however many
 * credentials it was given.
 */
#ifndef AV_EDGE_QUOTA_H
#define AV_EDGE_QUOTA_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/cred/av_cred.h"

struct quota;

EDGE_MUST int quota_new(struct quota **out);
void quota_free(struct quota *q); /* accepts NULL */
/* Any thread. EDGE_EBUSY when the user holds `limit` already, -ENOMEM. */
EDGE_MUST int quota_take(struct quota *q,
	const uint8_t client_id[static AV_CRED_CLIENT_ID_LEN], uint32_t limit);
void quota_give(struct quota *q,
	const uint8_t client_id[static AV_CRED_CLIENT_ID_LEN]);
/* Users that hold something. */
size_t quota_user_count(struct quota *q);

#endif
