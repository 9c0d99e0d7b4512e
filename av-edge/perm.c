/*
 * Permissions of a shard's allocations: one small record each, an index by
 * (allocation, IP address) for the data path, and a chain per allocation.
 * What is over stays until the allocation ends or its room is needed.
 */
#include "av-edge/perm.h"

#include <string.h>

#include "common/base/err.h"
#include "common/base/rand.h"

#define PERM_MAX (1u << 24)

int perm_table_init(struct perm_table *t)
{
	int err;

	memset(t, 0, sizeof(*t));
	err = flat_pool_init(&t->pool, sizeof(struct perm), PERM_MAX);
	if (err == 0)
		err = flat_index_init(&t->by_peer);
	if (err < 0)
		perm_table_fini(t);
	t->seed = rand_u64();
	return err;
}

void perm_table_fini(struct perm_table *t)
{
	flat_index_fini(&t->by_peer);
	flat_pool_fini(&t->pool);
}

static uint32_t hash_of(const struct perm_table *t, uint32_t alloc,
	const uint8_t ip[16])
{
	struct addr key = {.family = 6};

	memcpy(key.ip, ip, sizeof(key.ip));
	return (uint32_t)addr_hash(&key, t->seed + alloc);
}

static struct perm *find(const struct perm_table *t, uint32_t alloc,
	const uint8_t ip[16])
{
	uint32_t hash = hash_of(t, alloc, ip), at, n;
	struct perm *p;

	for (n = flat_index_first(&t->by_peer, hash, &at); n != FLAT_NONE;
	     n = flat_index_next(&t->by_peer, hash, &at)) {
		p = flat_pool_at(&t->pool, n);
		if (p->alloc == alloc && memcmp(p->ip, ip, 16) == 0)
			return p;
	}
	return NULL;
}

static void drop(struct perm_table *t, uint32_t number)
{
	const struct perm *p = flat_pool_at(&t->pool, number);

	flat_index_remove(&t->by_peer, hash_of(t, p->alloc, p->ip), number);
	flat_pool_give(&t->pool, number);
}

static void sweep(struct perm_table *t, struct alloc *a, struct mono now)
{
	uint32_t *link = &a->first_perm, number;
	struct perm *p;

	while ((number = *link) != FLAT_NONE) {
		p = flat_pool_at(&t->pool, number);
		if (p->until_ms > now.ms) {
			link = &p->next;
			continue;
		}
		*link = p->next;
		drop(t, number);
		a->perm_count--;
	}
}

bool perm_has_room(struct perm_table *t, struct alloc *a, size_t count,
	struct mono now)
{
	if (a->perm_count + count > PERM_PER_ALLOC)
		sweep(t, a, now);
	return a->perm_count + count <= PERM_PER_ALLOC;
}

int perm_grant(struct perm_table *t, struct alloc *a, const struct addr *peer,
	struct mono now)
{
	uint32_t alloc = alloc_number_of_id(a->id);
	struct perm *p = find(t, alloc, peer->ip);
	uint32_t number;
	int err;

	if (p != NULL) {
		p->until_ms = perm_until_ms(a, now);
		return 0;
	}
	if (!perm_has_room(t, a, 1, now))
		return EDGE_EBUSY;
	number = flat_pool_take(&t->pool);
	if (number == FLAT_NONE)
		return EDGE_EBUSY;
	err = flat_index_put(&t->by_peer, hash_of(t, alloc, peer->ip),
		number);
	if (err < 0) {
		flat_pool_give(&t->pool, number);
		return err;
	}
	p = flat_pool_at(&t->pool, number);
	p->alloc = alloc;
	memcpy(p->ip, peer->ip, sizeof(p->ip));
	p->until_ms = perm_until_ms(a, now);
	p->next = a->first_perm;
	a->first_perm = number;
	a->perm_count++;
	return 0;
}

bool perm_has(const struct perm_table *t, const struct alloc *a,
	const struct addr *peer, struct mono now)
{
	const struct perm *p = find(t, alloc_number_of_id(a->id), peer->ip);

	return p != NULL && p->until_ms > now.ms;
}

void perm_withdraw(const struct perm_table *t, const struct alloc *a,
	const struct peer_policy *policy)
{
	struct addr peer = {.family = a->family};
	uint32_t number = a->first_perm;
	struct perm *p;

	for (; number != FLAT_NONE; number = p->next) {
		p = flat_pool_at(&t->pool, number);
		memcpy(peer.ip, p->ip, sizeof(peer.ip));
		if (!peer_verdict_is_yes(peer_policy_judge(policy, &peer)))
			p->until_ms = 0;
	}
}

void perm_drop_all(struct perm_table *t, struct alloc *a)
{
	uint32_t number = a->first_perm, next;

	while (number != FLAT_NONE) {
		const struct perm *p = flat_pool_at(&t->pool, number);

		next = p->next;
		drop(t, number);
		number = next;
	}
	a->first_perm = FLAT_NONE;
	a->perm_count = 0;
}
