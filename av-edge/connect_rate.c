/*
 * A table of fixed size, so that users take no memory: two of them may share
 * a place, and which ones is drawn at start. What a user has used up
 * outlives its allocations; ending one and making another helps nobody.
 */
#include "av-edge/connect_rate.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/rand.h"

#define PLACES    4096u
#define MINUTE_MS 60000

/* In 1/60000 of a connection, so that a minute's rate has no remainder. */
struct place {
	int64_t used; /* 0 = all of the minute's are left */
	int64_t last_ms;
};

struct connect_rate {
	pthread_mutex_t lock;
	uint64_t key[2];
	struct place places[PLACES];
};

int connect_rate_new(struct connect_rate **out)
{
	struct connect_rate *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	rand_bytes(r->key, sizeof(r->key));
	pthread_mutex_init(&r->lock, NULL);
	*out = r;
	return 0;
}

void connect_rate_free(struct connect_rate *r)
{
	if (r == NULL)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static bool take_locked(struct place *p, uint32_t per_minute, int64_t now_ms)
{
	int64_t back = (now_ms - p->last_ms) * per_minute;

	p->used = p->used > back ? p->used - back : 0;
	p->last_ms = now_ms;
	if (p->used + MINUTE_MS > (int64_t)per_minute * MINUTE_MS)
		return false;
	p->used += MINUTE_MS;
	return true;
}

bool connect_rate_take(struct connect_rate *r,
	const uint8_t client_id[static AV_CRED_CLIENT_ID_LEN],
	uint32_t per_minute, struct mono now)
{
	uint64_t hash = siphash24(r->key, client_id, AV_CRED_CLIENT_ID_LEN);
	bool may;

	pthread_mutex_lock(&r->lock);
	may = take_locked(&r->places[hash % PLACES], per_minute, now.ms);
	pthread_mutex_unlock(&r->lock);
	return may;
}
