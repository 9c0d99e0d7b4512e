/*
 * A table of fixed size, so that users take no memory. One that finds all
 * places of its set taken shares the emptiest one: who that is with is drawn
 * at start. What a user has used up outlives its allocations; ending one and
 * making another helps nobody.
 */
#include "av-edge/user_rate.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/rand.h"

#define SETS      1024u
#define WAYS      4u
#define MINUTE_MS 60000

/* In 1/60000 of one, so that a minute's rate has no remainder. */
struct place {
	uint64_t user; /* hash of who had it last */
	int64_t used; /* 0 = all of the minute's are left */
	int64_t last_ms;
};

struct user_rate {
	pthread_mutex_t lock;
	uint64_t key[2];
	struct place places[SETS][WAYS];
};

int user_rate_new(struct user_rate **out)
{
	struct user_rate *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	rand_bytes(r->key, sizeof(r->key));
	pthread_mutex_init(&r->lock, NULL);
	*out = r;
	return 0;
}

void user_rate_free(struct user_rate *r)
{
	if (r == NULL)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static void give_back(struct place *p, uint32_t per_minute, int64_t now_ms)
{
	int64_t back = (now_ms - p->last_ms) * per_minute;

	p->used = p->used > back ? p->used - back : 0;
	p->last_ms = now_ms;
}

/* Its own, or the emptiest one, with what is used of it. */
static struct place *find(struct place set[static WAYS], uint64_t user,
	uint32_t per_minute, int64_t now_ms)
{
	struct place *best = NULL;
	unsigned i;

	for (i = 0; i < WAYS; i++) {
		give_back(&set[i], per_minute, now_ms);
		if (set[i].user == user)
			return &set[i];
		if (best == NULL || set[i].used < best->used)
			best = &set[i];
	}
	return best;
}

static bool take_locked(struct place *p, uint64_t user, uint32_t per_minute)
{
	if (p->used + MINUTE_MS > (int64_t)per_minute * MINUTE_MS)
		return false;
	p->user = user;
	p->used += MINUTE_MS;
	return true;
}

bool user_rate_take(struct user_rate *r,
	const uint8_t client_id[static AV_CRED_CLIENT_ID_LEN],
	uint32_t per_minute, struct mono now)
{
	uint64_t user = siphash24(r->key, client_id, AV_CRED_CLIENT_ID_LEN);
	bool may;

	pthread_mutex_lock(&r->lock);
	may = take_locked(find(r->places[user % SETS], user, per_minute,
		now.ms), user, per_minute);
	pthread_mutex_unlock(&r->lock);
	return may;
}
