/*
 * What users hold and carry, over all shards. A user is the client id of a
 * credential: the same for one identity, however many credentials it was
 * given; each credential has a limit of its own. A user's bandwidth is one
 * budget for all its allocations, drawn on without a lock.
 */
#ifndef AV_EDGE_QUOTA_H
#define AV_EDGE_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/cred/av_cred.h"

#define QUOTA_CREDENTIAL_LEN 32

/* Bandwidth is counted by direction. */
enum quota_way {
	QUOTA_UP,   /* client to peer */
	QUOTA_DOWN,
	QUOTA_WAY_COUNT,
};

struct quota;

/* Who takes, and how much such a one may hold. */
struct quota_claim {
	const uint8_t *client_id;  /* AV_CRED_CLIENT_ID_LEN */
	const uint8_t *credential; /* QUOTA_CREDENTIAL_LEN: hash of its name */
	uint32_t per_user;
	uint32_t per_credential;
};

/* One unit taken, by number; to be kept and given back. */
struct quota_place {
	uint32_t user;
	uint32_t credential;
};

EDGE_MUST int quota_new(struct quota **out);
void quota_free(struct quota *q); /* accepts NULL */
/* Any thread. EDGE_EBUSY when user or credential hold that much already,
 * -ENOMEM. */
EDGE_MUST int quota_take(struct quota *q, const struct quota_claim *claim,
	struct quota_place *out);
void quota_give(struct quota *q, struct quota_place place);
/* May the user of this place carry so many bytes more? Then they are
 * counted. kbps kilobit a second, one second's worth at once. */
bool quota_may_carry(struct quota *q, struct quota_place place,
	enum quota_way way, size_t len, uint32_t kbps, struct mono now);
/* Users that hold something, units they hold. */
size_t quota_user_count(struct quota *q);
size_t quota_held(struct quota *q);

/*
 * The rule of a bandwidth budget, for users and ports alike: *spent_us is
 * the moment up to which all budget is used, a second ahead at most; who is
 * not there yet gets all that it asks for. False: it is left as it was.
 */
static inline bool quota_spend(int64_t *spent_us, size_t len, uint32_t kbps,
	struct mono now)
{
	const int64_t now_us = now.ms * 1000;
	int64_t from_us = *spent_us > now_us ? *spent_us : now_us;

	if (from_us - now_us >= 1000000)
		return false;
	*spent_us = from_us + (int64_t)(len * 8000 / kbps);
	return true;
}

#endif
