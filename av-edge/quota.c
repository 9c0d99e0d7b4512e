/*
 * One counter per user that holds an allocation, under one lock: taken once
 * when an allocation is made and once when it ends, never per packet.
 */
#include "av-edge/quota.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/map.h"

struct quota {
	pthread_mutex_t lock;
	struct map users;
};

struct user {
	struct map_node node;
	uint8_t client_id[AV_CRED_CLIENT_ID_LEN];
	uint32_t held;
};

int quota_new(struct quota **out)
{
	struct quota *q = calloc(1, sizeof(*q));
	int err;

	if (q == NULL)
		return -ENOMEM;
	err = map_init(&q->users);
	if (err < 0) {
		free(q);
		return err;
	}
	pthread_mutex_init(&q->lock, NULL);
	*out = q;
	return 0;
}

void quota_free(struct quota *q)
{
	struct map_node *node;

	if (q == NULL)
		return;
	while ((node = map_next(&q->users, NULL)) != NULL) {
		map_remove(&q->users, node);
		free(container_of(node, struct user, node));
	}
	map_fini(&q->users);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static bool is_user(const struct map_node *node, const void *client_id)
{
	const struct user *u =
	    (const struct user *)(const void *)node;

	return memcmp(u->client_id, client_id, sizeof(u->client_id)) == 0;
}

static struct user *find(struct quota *q, const uint8_t *client_id)
{
	uint64_t hash = map_hash(&q->users, client_id, AV_CRED_CLIENT_ID_LEN);
	struct map_node *node = map_find(&q->users, hash, is_user, client_id);

	return node != NULL ? container_of(node, struct user, node) : NULL;
}

static struct user *add(struct quota *q, const uint8_t *client_id)
{
	struct user *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return NULL;
	memcpy(u->client_id, client_id, sizeof(u->client_id));
	map_insert(&q->users, &u->node,
		map_hash(&q->users, client_id, AV_CRED_CLIENT_ID_LEN));
	return u;
}

static int take_locked(struct quota *q, const uint8_t *client_id,
	uint32_t limit)
{
	struct user *u = find(q, client_id);

	if (u != NULL && u->held >= limit)
		return EDGE_EBUSY;
	if (u == NULL)
		u = add(q, client_id);
	if (u == NULL)
		return -ENOMEM;
	u->held++;
	return 0;
}

int quota_take(struct quota *q,
	const uint8_t client_id[static AV_CRED_CLIENT_ID_LEN], uint32_t limit)
{
	int err;

	pthread_mutex_lock(&q->lock);
	err = take_locked(q, client_id, limit);
	pthread_mutex_unlock(&q->lock);
	return err;
}

void quota_give(struct quota *q,
	const uint8_t client_id[static AV_CRED_CLIENT_ID_LEN])
{
	struct user *u;

	pthread_mutex_lock(&q->lock);
	u = find(q, client_id);
	if (u != NULL && --u->held == 0) {
		map_remove(&q->users, &u->node);
		free(u);
	}
	pthread_mutex_unlock(&q->lock);
}

size_t quota_user_count(struct quota *q)
{
	size_t n;

	pthread_mutex_lock(&q->lock);
	n = q->users.count;
	pthread_mutex_unlock(&q->lock);
	return n;
}
