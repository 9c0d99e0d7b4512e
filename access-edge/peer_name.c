/*
 * Inside servers by name: look-ups, and the addresses they give. A failed
 * look-up keeps the addresses we have; an address that is no longer in the
 * answers gets no new requests.
 */
#include "access-edge/peer_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"

#define RESOLVE_MS       60000
#define RESOLVE_AGAIN_MS 5000

static struct mono now_of(const struct peer *peer)
{
	return loop_now(peer->pool->spec.loop);
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
}

static void tick_targets(struct peer *peer)
{
	struct list *it, *next;

	list_for_each_safe(it, next, &peer->targets)
		target_tick(container_of(it, struct peer_target, node));
}

static void on_resolved(int err, const struct addr *addrs, size_t count,
	const char *detail, void *arg)
{
	struct peer *peer = arg;
	struct list *it;

	peer->query = NULL;
	if (err != 0) {
		log_limited(LOG_LEVEL_WARNING, 6, "next_hop.unresolved",
			"name=%s detail=%s", log_qz(peer->name),
			log_qz(detail));
		peer->resolve_at = mono_after_ms(now_of(peer),
			RESOLVE_AGAIN_MS);
	} else {
		list_for_each(it, &peer->targets)
			container_of(it, struct peer_target,
				node)->is_gone = true;
		for (size_t i = 0; i < count; i++)
			add_target(peer, &addrs[i]);
		tick_targets(peer);
	}
	/* Those who waited for this name look for a server again. */
	peer_replace_waiting(peer->pool, &peer->pool->waiting,
		"the name of the next hop can't be resolved");
}

void peer_resolve(struct peer *peer)
{
	const struct peer_pool_spec *spec = &peer->pool->spec;

	if (peer->query != NULL)
		return;
	peer->resolve_at = mono_after_ms(now_of(peer), RESOLVE_MS);
	if (resolve_host(&peer->query, spec->resolver, peer->name,
		peer->port, RESOLVE_INSIDE, on_resolved, peer) != 0)
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

void peer_pool_tick(struct peer_pool *pool)
{
	struct list *it;

	list_for_each(it, &pool->peers)
		tick_peer(container_of(it, struct peer, node));
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
