/*
 * The table of hot records. Binding rules are those of RFC 8656 section
 * 12.2: one channel per peer and the reverse. A record whose channel is over
 * stays until its channel, its peer or its room is wanted again.
 */
#include "av-edge/hot.h"

#include <assert.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/rand.h"
#include "av-edge/perm.h"

#define HOT_MAX (1u << 24)

static_assert(sizeof(struct hot) == 128, "two cache lines");
static_assert(offsetof(struct hot, until_ms) == 64, "key in the first one");

int hot_table_init(struct hot_table *t)
{
	int err;

	memset(t, 0, sizeof(*t));
	err = flat_pool_init(&t->pool, sizeof(struct hot), HOT_MAX);
	if (err == 0)
		err = flat_index_init(&t->by_client);
	if (err < 0)
		hot_table_fini(t);
	t->seed = rand_u64();
	return err;
}

void hot_table_fini(struct hot_table *t)
{
	flat_index_fini(&t->by_client);
	flat_pool_fini(&t->pool);
}

static uint32_t hash_of(const struct hot_table *t, uint8_t listener,
	const struct addr *client, uint16_t channel)
{
	return (uint32_t)addr_hash(client,
		t->seed + ((uint64_t)listener << 16 | channel));
}

struct hot *hot_find(const struct hot_table *t, uint8_t listener,
	const struct addr *client, uint16_t channel)
{
	uint32_t hash = hash_of(t, listener, client, channel), at, n;
	struct hot *h;

	for (n = flat_index_first(&t->by_client, hash, &at); n != FLAT_NONE;
	     n = flat_index_next(&t->by_client, hash, &at)) {
		h = flat_pool_at(&t->pool, n);
		if (h->channel == channel && h->listener == listener &&
		    addr_eq(&h->client, client))
			return h;
	}
	return NULL;
}

struct hot *hot_of_peer(const struct hot_table *t, const struct alloc *a,
	const struct addr *peer)
{
	uint32_t n = a->first_hot;
	struct hot *h;

	for (; n != FLAT_NONE; n = h->next) {
		h = flat_pool_at(&t->pool, n);
		if (addr_eq(&h->peer, peer))
			return h;
	}
	return NULL;
}

static void fold(struct alloc *into, const struct hot *h)
{
	into->up_packets += h->up_packets;
	into->up_bytes += h->up_bytes;
	into->down_packets += h->down_packets;
	into->down_bytes += h->down_bytes;
}

/* Take the record at *link off its allocation. */
static void drop_at(struct hot_table *t, struct alloc *a, uint32_t *link)
{
	uint32_t number = *link;
	struct hot *h = flat_pool_at(&t->pool, number);

	fold(a, h);
	*link = h->next;
	flat_index_remove(&t->by_client,
		hash_of(t, h->listener, &h->client, h->channel), number);
	flat_pool_give(&t->pool, number);
	a->hot_count--;
}

/* Free what is over; also a live record that `channel` and `peer` name both
 * stays. False when either is bound to something else and not over. */
static bool make_way(struct hot_table *t, struct alloc *a, uint16_t channel,
	const struct addr *peer, struct mono now)
{
	uint32_t *link = &a->first_hot;
	bool is_free = true;
	struct hot *h;

	while (*link != FLAT_NONE) {
		h = flat_pool_at(&t->pool, *link);
		if (h->until_ms <= now.ms) {
			drop_at(t, a, link);
			continue;
		}
		if ((h->channel == channel) != addr_eq(&h->peer, peer))
			is_free = false;
		link = &h->next;
	}
	return is_free;
}

static int add(struct hot **out, struct hot_table *t, struct alloc *a,
	uint16_t channel, const struct addr *peer)
{
	uint32_t number;
	struct hot *h;
	int err;

	if (a->hot_count >= HOT_PER_ALLOC)
		return EDGE_EBUSY;
	number = flat_pool_take(&t->pool);
	if (number == FLAT_NONE)
		return EDGE_EBUSY;
	err = flat_index_put(&t->by_client,
		hash_of(t, a->listener, &a->client, channel), number);
	if (err < 0) {
		flat_pool_give(&t->pool, number);
		return EDGE_EBUSY;
	}
	h = flat_pool_at(&t->pool, number);
	h->client = a->client;
	h->channel = channel;
	h->listener = a->listener;
	h->alloc = alloc_number_of_id(a->id);
	h->peer = *peer;
	h->relay_fd = a->relay_fd;
	h->next = a->first_hot;
	buf_store_u16(h->head, channel);
	a->first_hot = number;
	a->hot_count++;
	*out = h;
	return 0;
}

int hot_bind(struct hot **out, struct hot_table *t, struct alloc *a,
	uint16_t channel, const struct addr *peer, struct mono now)
{
	struct hot *h;
	int err;

	if (!make_way(t, a, channel, peer, now))
		return EDGE_EREFUSED;
	h = hot_of_peer(t, a, peer);
	if (h == NULL) {
		err = add(&h, t, a, channel, peer);
		if (err < 0)
			return err;
	}
	h->until_ms = now.ms + HOT_LIFETIME_MS;
	*out = h;
	return 0;
}

static uint32_t *next_of(const struct hot_table *t, uint32_t number)
{
	struct hot *h = flat_pool_at(&t->pool, number);

	return &h->next;
}

bool hot_make_room(struct hot_table *t, struct alloc *a, uint16_t channel,
	struct mono now)
{
	uint32_t *link = &a->first_hot;
	const struct hot *h;

	for (; *link != FLAT_NONE; link = next_of(t, *link)) {
		h = flat_pool_at(&t->pool, *link);
		if (h->channel != channel)
			continue;
		if (h->until_ms > now.ms)
			return false;
		drop_at(t, a, link);
		break;
	}
	return true;
}

int hot_aim(struct hot **out, struct hot_table *t, struct alloc *a,
	const struct addr *peer)
{
	struct hot *h;
	int err;

	if (a->first_hot == FLAT_NONE) {
		err = add(&h, t, a, HOT_DESTINATION, peer);
		if (err < 0)
			return err;
		h->until_ms = INT64_MAX; /* goes with the allocation */
	} else {
		h = flat_pool_at(&t->pool, a->first_hot);
		h->peer = *peer;
		h->perm_until_ms = 0;
	}
	*out = h;
	return 0;
}

void hot_permit(const struct hot_table *t, const struct alloc *a,
	const struct addr *peer, struct mono now)
{
	uint32_t n = a->first_hot;
	struct hot *h;

	for (; n != FLAT_NONE; n = h->next) {
		h = flat_pool_at(&t->pool, n);
		if (addr_ip_eq(&h->peer, peer))
			h->perm_until_ms = perm_until_ms(a, now);
	}
}

void hot_withdraw(const struct hot_table *t, const struct alloc *a,
	const struct peer_policy *policy)
{
	uint32_t n = a->first_hot;
	struct hot *h;

	for (; n != FLAT_NONE; n = h->next) {
		h = flat_pool_at(&t->pool, n);
		if (!peer_verdict_is_yes(
			    peer_policy_judge(policy, &h->peer)))
			h->perm_until_ms = 0;
	}
}

void hot_drop_all(struct hot_table *t, struct alloc *a)
{
	while (a->first_hot != FLAT_NONE)
		drop_at(t, a, &a->first_hot);
}

void hot_add_traffic(const struct hot_table *t, const struct alloc *a,
	struct alloc *sum)
{
	uint32_t n = a->first_hot;
	const struct hot *h;

	for (; n != FLAT_NONE; n = h->next) {
		h = flat_pool_at(&t->pool, n);
		fold(sum, h);
	}
}
