/*
 * One record per user and per credential that holds an allocation, under one
 * lock: taken once when an allocation is made and once when it ends, never
 * per packet. Bandwidth is drawn from a user's record without it: records
 * stay where they are, and whoever draws holds a place there.
 */
#include "av-edge/quota.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/map.h"
#include "av-edge/flat_pool.h"

#define RECORDS_MAX (1u << 22)

struct quota {
	pthread_mutex_t lock;
	struct flat_pool users;
	struct flat_pool credentials;
	struct map by_client_id;
	struct map by_credential;
	size_t held;
};

struct user {
	struct map_node node;
	uint8_t client_id[AV_CRED_CLIENT_ID_LEN];
	uint32_t number;
	uint32_t held;
	/* As in quota_spend(). */
	_Atomic int64_t spent_us[QUOTA_WAY_COUNT];
};

struct credential {
	struct map_node node;
	uint8_t name[QUOTA_CREDENTIAL_LEN];
	uint32_t number;
	uint32_t held;
};

int quota_new(struct quota **out)
{
	struct quota *q = calloc(1, sizeof(*q));
	int err;

	if (q == NULL)
		return -ENOMEM;
	pthread_mutex_init(&q->lock, NULL);
	err = flat_pool_init(&q->users, sizeof(struct user), RECORDS_MAX);
	if (err == 0)
		err = flat_pool_init(&q->credentials,
			sizeof(struct credential), RECORDS_MAX);
	if (err == 0)
		err = map_init(&q->by_client_id);
	if (err == 0)
		err = map_init(&q->by_credential);
	if (err < 0) {
		quota_free(q);
		return err;
	}
	*out = q;
	return 0;
}

void quota_free(struct quota *q)
{
	if (q == NULL)
		return;
	map_fini(&q->by_credential);
	map_fini(&q->by_client_id);
	flat_pool_fini(&q->credentials);
	flat_pool_fini(&q->users);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

/* ---- users ------------------------------------------------------------- */

static bool is_user(const struct map_node *node, const void *client_id)
{
	const struct user *u =
	    (const struct user *)(const void *)node;

	return memcmp(u->client_id, client_id, sizeof(u->client_id)) == 0;
}

static struct user *find_user(struct quota *q, const uint8_t *client_id)
{
	uint64_t hash = map_hash(&q->by_client_id, client_id,
		AV_CRED_CLIENT_ID_LEN);
	struct map_node *node = map_find(&q->by_client_id, hash, is_user,
		client_id);

	return node != NULL ? container_of(node, struct user, node) : NULL;
}

static struct user *add_user(struct quota *q, const uint8_t *client_id)
{
	uint32_t number = flat_pool_take(&q->users);
	struct user *u;

	if (number == FLAT_NONE)
		return NULL;
	u = flat_pool_at(&q->users, number);
	u->number = number;
	memcpy(u->client_id, client_id, sizeof(u->client_id));
	map_insert(&q->by_client_id, &u->node, map_hash(&q->by_client_id,
		client_id, AV_CRED_CLIENT_ID_LEN));
	return u;
}

static void let_go_user(struct quota *q, struct user *u)
{
	if (u->held > 0)
		return;
	map_remove(&q->by_client_id, &u->node);
	flat_pool_give(&q->users, u->number);
}

/* ---- credentials ------------------------------------------------------- */

static bool is_credential(const struct map_node *node, const void *name)
{
	const struct credential *c =
	    (const struct credential *)(const void *)node;

	return memcmp(c->name, name, sizeof(c->name)) == 0;
}

static struct credential *find_credential(struct quota *q,
	const uint8_t *name)
{
	uint64_t hash = map_hash(&q->by_credential, name,
		QUOTA_CREDENTIAL_LEN);
	struct map_node *node = map_find(&q->by_credential, hash,
		is_credential, name);

	return node != NULL ? container_of(node, struct credential, node) :
			      NULL;
}

static struct credential *add_credential(struct quota *q,
	const uint8_t *name)
{
	uint32_t number = flat_pool_take(&q->credentials);
	struct credential *c;

	if (number == FLAT_NONE)
		return NULL;
	c = flat_pool_at(&q->credentials, number);
	c->number = number;
	memcpy(c->name, name, sizeof(c->name));
	map_insert(&q->by_credential, &c->node, map_hash(&q->by_credential,
		name, QUOTA_CREDENTIAL_LEN));
	return c;
}

static void let_go_credential(struct quota *q, struct credential *c)
{
	if (c->held > 0)
		return;
	map_remove(&q->by_credential, &c->node);
	flat_pool_give(&q->credentials, c->number);
}

/* ---- taking and giving ------------------------------------------------- */

static int take_locked(struct quota *q, const struct quota_claim *claim,
	struct quota_place *out)
{
	struct credential *c = find_credential(q, claim->credential);
	struct user *u = find_user(q, claim->client_id);

	if ((u != NULL && u->held >= claim->per_user) ||
	    (c != NULL && c->held >= claim->per_credential))
		return EDGE_EBUSY;
	if (u == NULL)
		u = add_user(q, claim->client_id);
	if (u == NULL)
		return -ENOMEM;
	if (c == NULL)
		c = add_credential(q, claim->credential);
	if (c == NULL) {
		let_go_user(q, u);
		return -ENOMEM;
	}
	u->held++;
	c->held++;
	q->held++;
	*out = (struct quota_place){u->number, c->number};
	return 0;
}

int quota_take(struct quota *q, const struct quota_claim *claim,
	struct quota_place *out)
{
	int err;

	pthread_mutex_lock(&q->lock);
	err = take_locked(q, claim, out);
	pthread_mutex_unlock(&q->lock);
	return err;
}

void quota_give(struct quota *q, struct quota_place place)
{
	struct credential *c;
	struct user *u;

	pthread_mutex_lock(&q->lock);
	u = flat_pool_at(&q->users, place.user);
	c = flat_pool_at(&q->credentials, place.credential);
	u->held--;
	c->held--;
	q->held--;
	let_go_user(q, u);
	let_go_credential(q, c);
	pthread_mutex_unlock(&q->lock);
}

bool quota_may_carry(struct quota *q, struct quota_place place,
	enum quota_way way, size_t len, uint32_t kbps, struct mono now)
{
	struct user *u = flat_pool_at(&q->users, place.user);
	int64_t seen_us = atomic_load_explicit(&u->spent_us[way],
		memory_order_relaxed);
	int64_t spent_us;

	do {
		spent_us = seen_us;
		if (!quota_spend(&spent_us, len, kbps, now))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&u->spent_us[way],
		&seen_us, spent_us, memory_order_relaxed,
		memory_order_relaxed));
	return true;
}

static size_t read_locked(struct quota *q, const size_t *figure)
{
	size_t n;

	pthread_mutex_lock(&q->lock);
	n = *figure;
	pthread_mutex_unlock(&q->lock);
	return n;
}

size_t quota_user_count(struct quota *q)
{
	return read_locked(q, &q->by_client_id.count);
}

size_t quota_held(struct quota *q)
{
	return read_locked(q, &q->held);
}
