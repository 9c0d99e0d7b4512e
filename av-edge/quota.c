/*
 * One record per user and per credential that holds an allocation, under one
 * lock: taken once when an allocation is made and once when it ends, never
 * per packet. Bandwidth is drawn from a user's record without it: records
 * stay where they are, and whoever draws holds a place there. What a user has
 * drawn outlives its record, in a table of fixed size: ending all allocations
 * and making others brings no new budget (threat T9).
 */
#include "av-edge/quota.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/map.h"
#include "av-edge/flat_pool.h"

#define RECORDS_MAX    (1u << 22)
#define NAME_MAX_LEN   QUOTA_CREDENTIAL_LEN
#define DEBTS          4096u

static_assert(AV_CRED_CLIENT_ID_LEN <= NAME_MAX_LEN, "names do not fit");

/* A user or a credential, as long as it holds something. */
struct holder {
	struct map_node node;
	uint8_t name[NAME_MAX_LEN];
	uint32_t number;
	uint32_t held;
};

struct user {
	struct holder holder; /* first, so that both have one address */
	/* As in quota_spend(). */
	_Atomic int64_t spent_us[QUOTA_WAY_COUNT];
};

/* Of a user without a record. Another one may take the place; a moment that
 * is past is no debt. */
struct debt {
	uint64_t hash; /* of the user's name */
	int64_t spent_us[QUOTA_WAY_COUNT];
};

struct holders {
	struct flat_pool pool; /* of records that begin with a holder */
	struct map by_name;
	size_t name_len;
};

struct quota {
	pthread_mutex_t lock;
	struct holders users;
	struct holders credentials;
	size_t held;
	struct debt debts[DEBTS]; /* by hash */
};

/* ---- holders ----------------------------------------------------------- */

static int holders_init(struct holders *all, size_t record_size,
	size_t name_len)
{
	int err = flat_pool_init(&all->pool, record_size, RECORDS_MAX);

	all->name_len = name_len;
	return err < 0 ? err : map_init(&all->by_name);
}

static void holders_fini(struct holders *all)
{
	map_fini(&all->by_name);
	flat_pool_fini(&all->pool);
}

struct sought {
	const uint8_t *name;
	size_t len;
};

static bool has_name(const struct map_node *node, const void *key)
{
	const struct holder *h = container_of(node, struct holder, node);
	const struct sought *s = key;

	return memcmp(h->name, s->name, s->len) == 0;
}

static struct holder *find(struct holders *all, const uint8_t *name)
{
	const struct sought s = {name, all->name_len};
	uint64_t hash = map_hash(&all->by_name, name, all->name_len);
	struct map_node *node = map_find(&all->by_name, hash, has_name, &s);

	return node != NULL ? container_of(node, struct holder, node) : NULL;
}

static struct holder *add(struct holders *all, const uint8_t *name)
{
	uint32_t number = flat_pool_take(&all->pool);
	struct holder *h;

	if (number == FLAT_NONE)
		return NULL;
	h = flat_pool_at(&all->pool, number);
	h->number = number;
	memcpy(h->name, name, all->name_len);
	map_insert(&all->by_name, &h->node,
		map_hash(&all->by_name, name, all->name_len));
	return h;
}

static void forget_idle(struct holders *all, struct holder *h)
{
	if (h->held > 0)
		return;
	map_remove(&all->by_name, &h->node);
	flat_pool_give(&all->pool, h->number);
}

/* ---- what users have drawn --------------------------------------------- */

static struct debt *debt_of(struct quota *q, const struct user *u,
	uint64_t *hash)
{
	*hash = map_hash(&q->users.by_name, u->holder.name,
		q->users.name_len);
	return &q->debts[*hash % DEBTS];
}

static void remember_debt(struct quota *q, struct user *u)
{
	uint64_t hash;
	struct debt *debt = debt_of(q, u, &hash);
	size_t way;

	debt->hash = hash;
	for (way = 0; way < QUOTA_WAY_COUNT; way++)
		debt->spent_us[way] = atomic_load(&u->spent_us[way]);
}

static void recall_debt(struct quota *q, struct user *u)
{
	uint64_t hash;
	const struct debt *debt = debt_of(q, u, &hash);
	size_t way;

	if (debt->hash != hash)
		return;
	for (way = 0; way < QUOTA_WAY_COUNT; way++)
		atomic_store(&u->spent_us[way], debt->spent_us[way]);
}

static struct holder *add_user(struct quota *q, const uint8_t *name)
{
	struct holder *h = add(&q->users, name);

	if (h != NULL)
		recall_debt(q, (struct user *)(void *)h);
	return h;
}

/* ---- life -------------------------------------------------------------- */

int quota_new(struct quota **out)
{
	struct quota *q = calloc(1, sizeof(*q));
	int err;

	if (q == NULL)
		return -ENOMEM;
	pthread_mutex_init(&q->lock, NULL);
	err = holders_init(&q->users, sizeof(struct user),
		AV_CRED_CLIENT_ID_LEN);
	if (err == 0)
		err = holders_init(&q->credentials, sizeof(struct holder),
			QUOTA_CREDENTIAL_LEN);
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
	holders_fini(&q->credentials);
	holders_fini(&q->users);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

/* ---- taking and giving ------------------------------------------------- */

static int take_locked(struct quota *q, const struct quota_claim *claim,
	struct quota_place *out)
{
	struct holder *u = find(&q->users, claim->client_id);
	struct holder *c = find(&q->credentials, claim->credential);

	if ((u != NULL && u->held >= claim->per_user) ||
	    (c != NULL && c->held >= claim->per_credential))
		return EDGE_EBUSY;
	if (u == NULL)
		u = add_user(q, claim->client_id);
	if (u == NULL)
		return -ENOMEM;
	if (c == NULL)
		c = add(&q->credentials, claim->credential);
	if (c == NULL) {
		forget_idle(&q->users, u);
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

static void give_one(struct holders *all, uint32_t number)
{
	struct holder *h = flat_pool_at(&all->pool, number);

	h->held--;
	forget_idle(all, h);
}

void quota_give(struct quota *q, struct quota_place place)
{
	pthread_mutex_lock(&q->lock);
	q->held--;
	remember_debt(q, flat_pool_at(&q->users.pool, place.user));
	give_one(&q->users, place.user);
	give_one(&q->credentials, place.credential);
	pthread_mutex_unlock(&q->lock);
}

bool quota_may_carry(struct quota *q, struct quota_place place,
	enum quota_way way, size_t len, uint32_t kbps, struct mono now)
{
	struct user *u = flat_pool_at(&q->users.pool, place.user);
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
	return read_locked(q, &q->users.by_name.count);
}

size_t quota_held(struct quota *q)
{
	return read_locked(q, &q->held);
}
