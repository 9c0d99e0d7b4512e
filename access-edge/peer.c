/*
 * Choosing and failing over. Servers in the order of the topology; of one
 * server's addresses the one that the user's hash ranks first (rendezvous
 * hashing: an address that goes moves only its own users). What can't be
 * reached is left out for a while. Connections are peer_link.c's affair,
 * names peer_name.c's.
 */
#include "access-edge/peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access-edge/counters.h"
#include "access-edge/peer_priv.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/rand.h"

#define WAIT_MS     18000 /* the client's own transaction lasts 32 s */
#define WAITING_MAX 256   /* for one partner's address (requirement R23) */

int peer_pool_new(struct peer_pool **out, const struct peer_pool_spec *spec,
	const struct policy *p)
{
	struct peer_pool *pool = calloc(1, sizeof(*pool));
	int err;

	if (pool == NULL)
		return -ENOMEM;
	pool->spec = *spec;
	list_init(&pool->peers);
	list_init(&pool->waiting);
	rand_bytes(pool->hash_key, sizeof(pool->hash_key));
	err = peer_pool_apply(pool, p);
	if (err != 0) {
		peer_pool_free(pool);
		return err;
	}
	*out = pool;
	return 0;
}

void peer_pool_free(struct peer_pool *pool)
{
	struct list *it;

	if (pool == NULL)
		return;
	while ((it = list_first(&pool->peers)) != NULL)
		peer_free(container_of(it, struct peer, node));
	free(pool);
}

void peer_pool_set_tls(struct peer_pool *pool, struct tls_watch *tls)
{
	pool->spec.tls = tls;
}

int peer_pool_apply(struct peer_pool *pool, const struct policy *p)
{
	const struct topology *t = p->topology;
	struct list *it;
	int err = 0;

	pool->policy = p;
	if (peer_is_outside(pool))
		return 0; /* whoever is asked for */
	list_for_each(it, &pool->peers)
		container_of(it, struct peer, node)->is_hop = false;
	for (size_t i = 0; i < t->hop_count && err == 0; i++) {
		struct peer *peer = peer_get(pool, t->hops[i].fqdn,
			t->hops[i].port);

		if (peer == NULL) {
			err = -ENOMEM;
			break;
		}
		peer->is_hop = true;
		peer->order = (unsigned)i;
	}
	return err;
}

/* ---- choosing ------------------------------------------------------------ */

static bool was_tried(const struct peer_wait *w, const struct addr *a)
{
	for (size_t i = 0; i < w->tried_count; i++) {
		if (addr_eq(&w->tried[i], a))
			return true;
	}
	return w->tried_count == PEER_TRIED_MAX;
}

static uint64_t rank(const struct peer_pool *pool, uint64_t hash,
	const struct addr *a)
{
	uint8_t key[sizeof(hash) + sizeof(a->ip) + sizeof(a->port)];

	memcpy(key, &hash, sizeof(hash));
	memcpy(key + sizeof(hash), a->ip, sizeof(a->ip));
	memcpy(key + sizeof(hash) + sizeof(a->ip), &a->port,
		sizeof(a->port));
	return siphash24(pool->hash_key, key, sizeof(key));
}

static bool is_wanted(const struct peer *peer, const struct peer_wait *w)
{
	if (w->server[0] == '\0')
		return peer->is_hop;
	return peer->port == w->port && strcasecmp(peer->name,
		w->server) == 0;
}

/* Is a a better choice than b? Up before down, then the topology's order,
 * then the hash. */
static bool is_better(const struct peer_pool *pool,
	const struct peer_target *a, const struct peer_target *b,
	uint64_t hash)
{
	if (b == NULL)
		return true;
	if (target_is_down(a) != target_is_down(b))
		return target_is_down(b);
	if (a->peer->order != b->peer->order)
		return a->peer->order < b->peer->order;
	return rank(pool, hash, &a->addr) > rank(pool, hash, &b->addr);
}

static void note_fault(struct peer_wait *w, enum peer_fault fault)
{
	if (fault != PEER_FAULT_NONE)
		w->fault = fault;
}

static struct peer_target *choose(const struct peer_pool *pool,
	struct peer_wait *w)
{
	struct peer_target *best = NULL;
	struct list *it, *jt;

	list_for_each(it, &pool->peers) {
		struct peer *peer = container_of(it, struct peer, node);

		if (!is_wanted(peer, w))
			continue;
		list_for_each(jt, &peer->targets) {
			struct peer_target *t = container_of(jt,
				struct peer_target, node);

			if (t->is_gone || was_tried(w, &t->addr))
				continue;
			if (peer_is_outside(pool) && target_is_down(t)) {
				/* Nobody waits for what was not there a
				 * moment ago (requirement R23). */
				note_fault(w, t->fault);
				continue;
			}
			if (is_better(pool, t, best, w->hash))
				best = t;
		}
	}
	return best;
}

/* Is a name still being looked up that could bring a server for w? */
static bool is_resolving(const struct peer_pool *pool,
	const struct peer_wait *w)
{
	struct list *it;

	list_for_each(it, &pool->peers) {
		struct peer *peer = container_of(it, struct peer, node);

		if (is_wanted(peer, w) && peer->query != NULL &&
			list_is_empty(&peer->targets))
			return true;
	}
	return false;
}

/* ---- waiting ------------------------------------------------------------- */

void peer_wait_init(struct peer_wait *w, peer_wait_cb *cb)
{
	memset(w, 0, sizeof(*w));
	list_init(&w->node);
	w->cb = cb;
}

void peer_cancel(struct peer_wait *w)
{
	list_remove(&w->node);
	if (w->target != NULL)
		w->target->waiting_count--;
	w->target = NULL;
}

static void hold(struct list *where, struct peer_wait *w,
	struct peer_target *t)
{
	peer_cancel(w);
	w->target = t;
	if (t != NULL)
		t->waiting_count++;
	list_push_back(where, &w->node);
}

static void give_up(struct peer_wait *w, const char *detail)
{
	peer_cancel(w);
	w->cb(w, NULL, detail);
}

/* The connection to use, or NULL: then *waits says whether one is on its
 * way. */
static struct peer_link *link_for(struct peer_target *t, struct peer_wait *w,
	bool *waits)
{
	bool is_outside = peer_is_outside(t->peer->pool);
	const struct peer_link *mine;

	*waits = false;
	if (!is_outside) {
		struct peer_link *any = target_ready_link(t);

		*waits = any == NULL && (t->connecting > 0 ||
			target_dial(t, 0) == 0);
		return any;
	}
	w->slot = (unsigned)(w->hash %
		t->peer->pool->policy->federation.tls_count);
	mine = target_slot(t, w->slot);
	if (mine != NULL && mine->is_ready)
		return mine->session->link;
	if (t->waiting_count >= WAITING_MAX) {
		note_fault(w, PEER_FAULT_BUSY);
		return NULL;
	}
	*waits = mine != NULL || target_dial(t, w->slot) == 0;
	return *waits ? NULL : target_ready_link(t);
}

/* A ready connection at once, or w is put where it will be found. False:
 * there is no server left. */
static bool place(struct peer_pool *pool, struct peer_wait *w,
	struct session **now)
{
	struct peer_target *t;

	*now = NULL;
	for (;;) {
		struct peer_link *link;
		bool waits;

		t = choose(pool, w);
		if (t == NULL)
			break;
		link = link_for(t, w, &waits);
		if (link != NULL) {
			peer_cancel(w);
			t->requests++;
			*now = link->session;
			target_maybe_grow(t);
			return true;
		}
		if (waits) {
			hold(&t->waiting, w, t);
			return true;
		}
		note_fault(w, t->fault);
		w->tried[w->tried_count++] = t->addr;
	}
	if (!is_resolving(pool, w))
		return false;
	hold(&pool->waiting, w, NULL);
	return true;
}

/* Nothing to be had: say so from the loop, as promised. */
static void hold_hopeless(struct peer_pool *pool, struct peer_wait *w)
{
	w->deadline = loop_now(pool->spec.loop);
	hold(&pool->waiting, w, NULL);
	peer_wake(pool);
}

struct session *peer_request(struct peer_pool *pool, struct peer_wait *w)
{
	struct session *now;

	w->deadline = mono_after_ms(loop_now(pool->spec.loop), WAIT_MS);
	w->tried_count = 0;
	w->fault = PEER_FAULT_NONE;
	if (w->server[0] != '\0') {
		struct peer *peer = peer_get(pool, w->server, w->port);

		if (peer == NULL) {
			hold_hopeless(pool, w);
			return NULL;
		}
		peer->last_used = loop_now(pool->spec.loop);
		peer_refresh(peer);
		if (list_is_empty(&peer->targets))
			note_fault(w, peer->fault);
	}
	if (!place(pool, w, &now))
		hold_hopeless(pool, w);
	return now;
}

/* Its name led nowhere. */
static void note_no_address(const struct peer_pool *pool,
	struct peer_wait *w)
{
	struct list *it;

	list_for_each(it, &pool->peers) {
		const struct peer *peer = container_of(it, struct peer, node);

		if (is_wanted(peer, w) && list_is_empty(&peer->targets))
			note_fault(w, peer->fault);
	}
}

/* Everybody in this list again: another server, or the end. */
void peer_replace_waiting(struct peer_pool *pool, struct list *waiting,
	const char *detail)
{
	struct mono now = loop_now(pool->spec.loop);
	struct list moved;
	struct list *it;

	list_init(&moved);
	list_move_all(waiting, &moved);
	while ((it = list_first(&moved)) != NULL) {
		struct peer_wait *w = container_of(it, struct peer_wait,
			node);
		struct session *s = NULL;

		if (w->target != NULL) {
			note_fault(w, w->target->fault);
			if (w->tried_count < PEER_TRIED_MAX)
				w->tried[w->tried_count++] = w->target->addr;
		}
		peer_cancel(w);
		note_no_address(pool, w);
		if (mono_is_past(w->deadline, now) || !place(pool, w, &s))
			give_up(w, detail);
		else if (s != NULL)
			w->cb(w, s, "");
	}
}

void peer_serve_waiting(struct peer_target *t, struct session *s,
	const unsigned *slot)
{
	struct list moved;
	struct list *it;

	list_init(&moved);
	list_move_all(&t->waiting, &moved);
	while ((it = list_first(&moved)) != NULL) {
		struct peer_wait *w = container_of(it, struct peer_wait,
			node);

		if (s->is_closing || (slot != NULL && w->slot != *slot)) {
			list_remove(it);
			list_push_back(&t->waiting, it);
			continue;
		}
		peer_cancel(w);
		t->requests++;
		w->cb(w, s, "");
	}
}

/* Those whose time is up; the rest of the list stays. */
void peer_expire(struct peer_pool *pool, struct list *waiting,
	const char *detail)
{
	struct mono now = loop_now(pool->spec.loop);
	struct list late;
	struct list *it, *next;

	list_init(&late);
	list_for_each_safe(it, next, waiting) {
		struct peer_wait *w = container_of(it, struct peer_wait,
			node);

		if (!mono_is_past(w->deadline, now))
			continue;
		list_remove(it); /* still counts as waiting */
		list_push_back(&late, it);
	}
	while ((it = list_first(&late)) != NULL)
		give_up(container_of(it, struct peer_wait, node), detail);
}

/* ---- facts --------------------------------------------------------------- */

const char *peer_server_at(const struct peer_pool *pool,
	const struct addr *a)
{
	struct list *it, *jt;

	list_for_each(it, &pool->peers) {
		struct peer *peer = container_of(it, struct peer, node);

		list_for_each(jt, &peer->targets) {
			struct peer_target *t = container_of(jt,
				struct peer_target, node);

			if (!t->is_gone && addr_eq(&t->addr, a))
				return peer->name;
		}
	}
	return NULL;
}

size_t peer_pool_list(const struct peer_pool *pool, struct peer_info *out,
	size_t cap)
{
	size_t n = 0;
	struct list *it, *jt;

	list_for_each(it, &pool->peers) {
		struct peer *peer = container_of(it, struct peer, node);

		list_for_each(jt, &peer->targets) {
			struct peer_target *t = container_of(jt,
				struct peer_target, node);

			if (n == cap)
				return n;
			out[n++] = target_info(t);
		}
	}
	return n;
}

bool peer_pool_is_up(const struct peer_pool *pool)
{
	struct peer_info infos[64];
	size_t n = peer_pool_list(pool, infos, ARRAY_COUNT(infos));

	for (size_t i = 0; i < n; i++) {
		if (infos[i].connections > 0)
			return true;
	}
	return false;
}
