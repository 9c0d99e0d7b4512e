/*
 * Servers by name: look-ups, and the addresses they give. A failed look-up
 * keeps the addresses we have; an address that is no longer in the answers
 * gets no new requests. What names from outside lead to must be outside
 * (threat S12).
 */
#include "access-edge/peer_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/netset.h"
#include "access-edge/counters.h"

#define RESOLVE_MS       60000
#define RESOLVE_AGAIN_MS 5000
#define UNUSED_MS        300000 /* a partner nobody has asked for */
#define PEERS_MAX        4096   /* partners' servers known at a time */

static struct mono now_of(const struct peer *peer)
{
	return loop_now(peer->pool->spec.loop);
}

/* The first of those that nobody uses makes room. */
static bool make_room(const struct peer_pool *pool)
{
	struct list *it, *next;
	size_t n = 0;

	list_for_each_safe(it, next, &pool->peers) {
		struct peer *peer = container_of(it, struct peer, node);

		n++;
		if (n >= PEERS_MAX && peer_is_unused(peer)) {
			peer_free(peer);
			n--;
		}
	}
	return n < PEERS_MAX;
}

struct peer *peer_get(struct peer_pool *pool, const char *name,
	uint16_t port)
{
	struct peer *peer;
	struct list *it;

	list_for_each(it, &pool->peers) {
		peer = container_of(it, struct peer, node);
		if (peer->port == port && strcasecmp(peer->name, name) == 0)
			return peer;
	}
	if (peer_is_outside(pool) && !make_room(pool))
		return NULL;
	peer = calloc(1, sizeof(*peer));
	if (peer == NULL)
		return NULL;
	snprintf(peer->name, sizeof(peer->name), "%s", name);
	peer->port = port;
	peer->pool = pool;
	list_init(&peer->targets);
	list_push_back(&pool->peers, &peer->node);
	peer_resolve(peer);
	return peer;
}

void peer_free(struct peer *peer)
{
	struct list *it;

	resolve_cancel(peer->query);
	while ((it = list_first(&peer->targets)) != NULL)
		target_free(container_of(it, struct peer_target, node));
	list_remove(&peer->node);
	free(peer);
}

static struct peer_target *find_target(const struct peer *peer,
	const struct addr *a)
{
	struct list *it;

	list_for_each(it, &peer->targets) {
		struct peer_target *t = container_of(it, struct peer_target,
			node);

		if (addr_eq(&t->addr, a))
			return t;
	}
	return NULL;
}

/* No partner's name leads us to special addresses, to the inside or to
 * ourselves, unless the configuration says so. */
static bool may_go_to(const struct peer_pool *pool, const struct addr *a)
{
	const struct policy *p = pool->policy;

	if (!peer_is_outside(pool) || policy_allows_target(p, a))
		return true;
	return netset_special(a) == NULL && !topology_is_own(p->topology, a);
}

static void add_target(struct peer *peer, const struct addr *a)
{
	struct peer_target *t = find_target(peer, a);

	if (t != NULL) {
		t->is_gone = false;
		return;
	}
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return;
	t->peer = peer;
	t->addr = *a;
	list_init(&t->links);
	list_init(&t->waiting);
	list_push_back(&peer->targets, &t->node);
	if (peer_is_outside(peer->pool))
		target_adopt(t);
}

static void tick_targets(struct peer *peer)
{
	struct list *it, *next;

	list_for_each_safe(it, next, &peer->targets)
		target_tick(container_of(it, struct peer_target, node));
}

static void take_address(struct peer *peer, const struct addr *a)
{
	char text[ADDR_TEXT_LEN];

	if (may_go_to(peer->pool, a)) {
		add_target(peer, a);
		return;
	}
	peer->fault = PEER_FAULT_ADDRESS;
	snprintf(peer->detail, sizeof(peer->detail), "%s is not an address "
		"outside", addr_text(a, text));
	counter_add(peer->pool->spec.counters,
		COUNTER_PARTNER_ADDRESSES_REFUSED, 1);
	log_limited(LOG_LEVEL_WARNING, 6, "partner.address_refused",
		"name=%s address=%s", log_qz(peer->name), text);
}

static void on_resolved(int err, const struct addr *addrs, size_t count,
	const char *detail, void *arg)
{
	struct peer *peer = arg;
	struct list *it;

	peer->query = NULL;
	peer->fault = err != 0 ? PEER_FAULT_NAME : PEER_FAULT_NONE;
	snprintf(peer->detail, sizeof(peer->detail), "%s", detail);
	if (err != 0) {
		log_limited(LOG_LEVEL_WARNING, 6, peer_is_outside(
			peer->pool) ? "partner.unresolved" :
			"next_hop.unresolved", "name=%s detail=%s",
			log_qz(peer->name), log_qz(detail));
		peer->resolve_at = mono_after_ms(now_of(peer),
			RESOLVE_AGAIN_MS);
	} else {
		list_for_each(it, &peer->targets)
			container_of(it, struct peer_target,
				node)->is_gone = true;
		for (size_t i = 0; i < count; i++)
			take_address(peer, &addrs[i]);
		tick_targets(peer);
	}
	/* Those who waited for this name look for a server again. */
	peer_replace_waiting(peer->pool, &peer->pool->waiting,
		peer->detail[0] != '\0' ? peer->detail :
		"the name of the server can't be resolved");
}

void peer_resolve(struct peer *peer)
{
	const struct peer_pool_spec *spec = &peer->pool->spec;

	if (peer->query != NULL)
		return;
	peer->resolve_at = mono_after_ms(now_of(peer), RESOLVE_MS);
	if (resolve_host(&peer->query, spec->resolver, peer->name,
		peer->port, peer_is_outside(peer->pool) ? RESOLVE_OUTSIDE :
		RESOLVE_INSIDE, on_resolved, peer) != 0)
		peer->query = NULL;
}

/* Next hops are looked up again and again, other servers when somebody asks
 * for them. */
void peer_refresh(struct peer *peer)
{
	if (mono_is_past(peer->resolve_at, now_of(peer)))
		peer_resolve(peer);
}

static void tick_peer(struct peer *peer)
{
	if (peer->is_hop)
		peer_refresh(peer);
	tick_targets(peer);
}

bool peer_is_unused(const struct peer *peer)
{
	const struct list *it;

	if (!peer_is_outside(peer->pool) || peer->query != NULL ||
		mono_since_ms(peer->last_used, now_of(peer)) < UNUSED_MS)
		return false;
	list_for_each(it, &peer->targets) {
		const struct peer_target *t = container_of(it,
			const struct peer_target, node);

		if (!list_is_empty(&t->links) || !list_is_empty(&t->waiting))
			return false;
	}
	return true;
}

void peer_pool_tick(struct peer_pool *pool)
{
	struct list *it, *next;

	list_for_each_safe(it, next, &pool->peers) {
		struct peer *peer = container_of(it, struct peer, node);

		tick_peer(peer);
		if (peer_is_unused(peer))
			peer_free(peer);
	}
	peer_expire(pool, &pool->waiting, "no next hop could be reached");
}

static void on_wake(void *arg)
{
	struct peer_pool *pool = arg;

	pool->is_woken = false;
	peer_expire(pool, &pool->waiting, "no next hop could be reached");
}

void peer_wake(struct peer_pool *pool)
{
	if (pool->is_woken)
		return;
	/* Without memory for this the next tick does it. */
	pool->is_woken = loop_defer(pool->spec.loop, on_wake, pool) == 0;
}
