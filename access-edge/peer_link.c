/*
 * Connections to one address of a server: dial with back-off, leave out for
 * a while what can't be reached; inside, probe with OPTIONS, and end a
 * connection that takes requests and says nothing (requirement R28). A
 * connection that a server opened to us is used too, when its certificate
 * names the server we want (requirement R27, RFC 5923).
 */
#include "access-edge/peer_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access-edge/counters.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/rand.h"

#define BACK_OFF_FIRST_MS 1000
#define BACK_OFF_MAX_MS   30000
#define SILENT_MS         4000 /* then ask whether anyone is there */
#define PROBE_WAIT_MS     5000 /* and this long for the answer */
#define GROW_QUEUED       65536
#define UNACKNOWLEDGED_MS 20000 /* a partner that has gone away */

static struct mono now_of(const struct peer_target *t)
{
	return loop_now(t->peer->pool->spec.loop);
}

bool target_is_down(const struct peer_target *t)
{
	if (t->is_deaf)
		return true;
	return t->down_until.ms != 0 &&
		!mono_is_past(t->down_until, now_of(t));
}

/* The ready one with the least to send. */
struct peer_link *target_ready_link(const struct peer_target *t)
{
	struct peer_link *best = NULL;
	struct list *it;
	size_t least = SIZE_MAX;

	list_for_each(it, &t->links) {
		struct peer_link *l = container_of(it, struct peer_link,
			node);
		size_t queued;

		if (!l->is_ready || l->session->is_closing)
			continue;
		queued = stream_queued(l->session->stream);
		if (queued < least) {
			best = l;
			least = queued;
		}
	}
	return best;
}

static struct peer_link *link_new(struct peer_target *t, struct session *s)
{
	struct peer_link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->target = t;
	l->session = s;
	s->link = l;
	list_push_back(&t->links, &l->node);
	return l;
}

static void link_free(struct peer_link *l)
{
	if (l->is_ready)
		l->target->ready--;
	else
		l->target->connecting--;
	l->session->link = NULL;
	list_remove(&l->node);
	free(l);
}

static void note_failure(struct peer_target *t, enum peer_fault fault,
	const char *detail)
{
	const struct peer_pool *pool = t->peer->pool;
	const struct policy *p = pool->policy;
	struct mono now = now_of(t);

	t->failures++;
	t->fault = fault;
	snprintf(t->last_error, sizeof(t->last_error), "%s", detail);
	t->back_off_ms = t->back_off_ms == 0 ? BACK_OFF_FIRST_MS :
		t->back_off_ms * 2;
	if (t->back_off_ms > BACK_OFF_MAX_MS)
		t->back_off_ms = BACK_OFF_MAX_MS;
	t->next_dial = mono_after_ms(now, rand_jitter_ms(t->back_off_ms,
		20));
	t->down_until = mono_after_ms(now, (int64_t)p->down_s * 1000);
	counter_add(pool->spec.counters, peer_is_outside(pool) ?
		COUNTER_PARTNER_FAILURES : COUNTER_NEXT_HOP_FAILURES, 1);
}

/* The address that we leave from: each side from its own. */
static const struct policy_side *side_of(const struct peer_pool *pool)
{
	return peer_is_outside(pool) ? &pool->policy->partners :
		&pool->policy->inside;
}

int target_dial(struct peer_target *t, unsigned slot)
{
	const struct peer_pool *pool = t->peer->pool;
	const struct policy *p = pool->policy;
	struct stream_target to = {
		.local = addr_with_port(&side_of(pool)->address, 0),
		.remote = t->addr,
		.name = t->peer->name,
		.bind_device = pool->spec.bind_device,
		/* Which name counts depends on the domain. */
		.checks_name = peer_is_outside(pool),
	};
	struct session *s = NULL;
	int err;

	if (pool->spec.tls == NULL)
		return -ENOTCONN;
	if (to.local.family != t->addr.family)
		memset(&to.local, 0, sizeof(to.local));
	err = session_connect(&s, pool->spec.sessions, &to,
		pool->spec.door, pool->spec.tls, p);
	if (err == 0 && link_new(t, s) == NULL) {
		session_close(s, "memory");
		return -ENOMEM;
	}
	if (err != 0) {
		note_failure(t, PEER_FAULT_CONNECT, err_text(err));
		return err;
	}
	s->link->is_dialled = true;
	s->link->slot = slot;
	t->connecting++;
	return 0;
}

void target_maybe_grow(struct peer_target *t)
{
	const struct peer_link *l = target_ready_link(t);

	if (l == NULL || t->connecting > 0 || peer_is_outside(
		t->peer->pool) ||
		t->ready >= t->peer->pool->policy->tls_count)
		return;
	if (stream_queued(l->session->stream) > GROW_QUEUED &&
		target_dial(t, 0) != 0)
		return; /* noted; the connections there are go on */
}

/* ---- events of sessions -------------------------------------------------- */

static void send_probe(struct peer_link *l);

static void became_ready(struct peer_link *l)
{
	struct peer_target *t = l->target;
	const struct policy *p = t->peer->pool->policy;
	bool is_outside = peer_is_outside(t->peer->pool);
	char text[ADDR_TEXT_LEN];

	l->is_ready = true;
	t->fault = PEER_FAULT_NONE;
	t->ready++;
	t->back_off_ms = 0;
	t->down_until.ms = 0;
	t->last_error[0] = '\0';
	l->probe_next = mono_after_ms(now_of(t),
		rand_jitter_ms((int64_t)p->probe_s * 1000, 10));
	/* It could be reached the last time too; now it must speak first. */
	if (t->is_deaf)
		send_probe(l);
	if (is_outside)
		stream_set_user_timeout_ms(l->session->stream,
			UNACKNOWLEDGED_MS);
	log_notice(is_outside ? "partner.connected" : "next_hop.connected",
		"name=%s address=%s session=%s", log_qz(t->peer->name),
		addr_text(&t->addr, text), l->session->origin.cid_text);
	peer_serve_waiting(t, l->session, is_outside ? &l->slot : NULL);
}

/* A server dialled us: is it the one that we would dial here? */
static bool may_adopt(const struct peer_target *t, const struct session *s)
{
	const struct tls_peer *few = stream_peer(s->stream);
	const char *name = t->peer->name;

	if (t->is_gone || !addr_ip_eq(&t->addr, &s->origin.remote))
		return false;
	if (peer_is_outside(t->peer->pool))
		return s->names != NULL && tls_names_has_host(s->names,
			str_of(name), false);
	return few != NULL && few->is_verified &&
		tls_peer_has_name(few, name);
}

/* Outside, in a place that is free. */
static bool adopt_into(struct peer_target *t, struct session *s)
{
	const struct peer_pool *pool = t->peer->pool;
	unsigned slot = 0;
	struct peer_link *l;

	while (peer_is_outside(pool) && target_slot(t, slot) != NULL)
		slot++;
	if (peer_is_outside(pool) &&
		slot >= pool->policy->federation.tls_count)
		return false;
	l = link_new(t, s);
	if (l == NULL)
		return false;
	l->slot = slot;
	became_ready(l);
	return true;
}

static void adopt(struct peer_pool *pool, struct session *s)
{
	struct list *it, *jt;

	list_for_each(it, &pool->peers) {
		struct peer *peer = container_of(it, struct peer, node);

		list_for_each(jt, &peer->targets) {
			struct peer_target *t = container_of(jt,
				struct peer_target, node);

			if (may_adopt(t, s) && adopt_into(t, s))
				return;
		}
	}
}

void target_adopt(struct peer_target *t)
{
	const struct session_table *all = t->peer->pool->spec.sessions;
	struct list *it;

	list_for_each(it, &all->all) {
		struct session *s = container_of(it, struct session,
			in_table);

		if (s->origin.role == ORIGIN_PARTNER && s->is_ready &&
			!s->is_closing && s->link == NULL &&
			may_adopt(t, s) && !adopt_into(t, s))
			return;
	}
}

const struct peer_link *target_slot(const struct peer_target *t,
	unsigned slot)
{
	const struct list *it;

	list_for_each(it, &t->links) {
		const struct peer_link *l = container_of(it,
			const struct peer_link, node);

		if (l->slot == slot && !l->session->is_closing)
			return l;
	}
	return NULL;
}

void peer_on_ready(struct peer_pool *pool, struct session *s)
{
	if (s->link == NULL) {
		adopt(pool, s);
		return;
	}
	s->link->target->connecting--;
	became_ready(s->link);
}

void peer_on_end(struct peer_pool *pool, struct session *s,
	enum stream_end end, const char *detail)
{
	struct peer_link *l = s->link;
	const struct peer_link *other;
	struct peer_target *t;
	char text[ADDR_TEXT_LEN], why[128];
	bool was_ready;

	if (l == NULL)
		return;
	t = l->target;
	was_ready = l->is_ready;
	snprintf(why, sizeof(why), "%s%s%s", stream_end_name(end),
		detail[0] != '\0' ? ": " : "", detail);
	link_free(l);
	if (peer_is_outside(pool))
		log_limited(was_ready ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING,
			12, was_ready ? "partner.disconnected" :
			"partner.unreachable", "name=%s address=%s reason=%s",
			log_qz(t->peer->name), addr_text(&t->addr, text),
			log_qz(why));
	else
		log_limited(was_ready ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING,
			12, was_ready ? "next_hop.disconnected" :
			"next_hop.unreachable", "name=%s address=%s reason=%s",
			log_qz(t->peer->name), addr_text(&t->addr, text),
			log_qz(why));
	if (was_ready)
		return; /* target_tick dials again, or who has to say more */
	note_failure(t, end == STREAM_END_TLS || end == STREAM_END_NAME ?
		PEER_FAULT_TLS : PEER_FAULT_CONNECT, why);
	other = target_ready_link(t);
	if (other == NULL)
		peer_replace_waiting(pool, &t->waiting, t->last_error);
	else if (peer_is_outside(pool))
		peer_serve_waiting(t, other->session, NULL);
}

void peer_on_sent(struct peer_pool *pool, struct session *s)
{
	if (s->link != NULL && s->link->silent_since.ms == 0)
		s->link->silent_since = loop_now(pool->spec.loop);
}

bool peer_on_response(struct peer_pool *pool, struct session *s,
	const struct sip_msg *m)
{
	struct peer_link *l = s->link;

	(void)pool;
	if (l == NULL || l->probe[0] == '\0' ||
		!str_eq_z(m->via.branch, l->probe))
		return false;
	l->probe[0] = '\0';
	l->target->is_deaf = false;
	return true;
}

/* ---- watching ------------------------------------------------------------ */

static void send_probe(struct peer_link *l)
{
	const struct peer *peer = l->target->peer;
	const struct policy *p = peer->pool->policy;
	char uri[300], from[300], call_id[64], random[25];
	char *text = NULL;
	size_t len = 0;
	struct sip_request r = {
		.method = "OPTIONS",
		.uri = uri,
		.via_host = p->inside.host_port,
		.branch = sip_branch(l->probe),
		.from = from,
		.to = uri,
		.call_id = call_id,
		.cseq = ++l->probe_cseq,
	};

	rand_token(random, 24);
	snprintf(call_id, sizeof(call_id), "%s", random);
	snprintf(uri, sizeof(uri), "sip:%s:%u;transport=tls", peer->name,
		peer->port);
	snprintf(from, sizeof(from), "<sip:%s>;tag=%.8s", p->inside.fqdn,
		random);
	l->probe_sent = now_of(l->target);
	l->probe_next = mono_after_ms(l->probe_sent,
		rand_jitter_ms((int64_t)p->probe_s * 1000, 10));
	if (sip_build(&r, &text, &len) != 0 ||
		session_send(l->session, text, len) != 0)
		l->probe[0] = '\0';
	free(text);
}

static void watch_link(struct peer_link *l)
{
	struct mono now = now_of(l->target);
	struct session *s = l->session;
	bool has_heard = l->silent_since.ms != 0 &&
		mono_since_ms(l->silent_since, s->last_in) > 0;

	if (has_heard)
		l->silent_since.ms = 0;
	if (l->probe[0] != '\0') {
		if (mono_since_ms(l->probe_sent, now) < PROBE_WAIT_MS)
			return;
		l->target->deaf++;
		/* Others get its requests until it has answered. */
		l->target->is_deaf = true;
		note_failure(l->target, PEER_FAULT_CONNECT,
			"no answer to OPTIONS");
		counter_add(l->target->peer->pool->spec.counters,
			COUNTER_NEXT_HOP_DEAF, 1);
		log_warning("next_hop.deaf", "name=%s session=%s",
			log_qz(l->target->peer->name),
			s->origin.cid_text);
		l->probe[0] = '\0';
		l->silent_since.ms = 0;
		session_close(s, "deaf");
		return;
	}
	if (mono_is_past(l->probe_next, now) || (l->silent_since.ms != 0 &&
		mono_since_ms(l->silent_since, now) > SILENT_MS))
		send_probe(l);
}

void target_tick(struct peer_target *t)
{
	struct mono now = now_of(t);
	struct list *it, *next;

	list_for_each_safe(it, next, &t->links) {
		struct peer_link *l = container_of(it, struct peer_link,
			node);

		if (l->is_ready && !l->session->is_closing &&
			!peer_is_outside(t->peer->pool))
			watch_link(l);
	}
	peer_expire(t->peer->pool, &t->waiting,
		"no next hop could be reached in time");
	if (t->is_gone || !t->peer->is_hop) {
		if (list_is_empty(&t->links) && list_is_empty(&t->waiting) &&
			t->is_gone)
			target_free(t);
		return;
	}
	/* Keep one up: the next request should not wait for a handshake. */
	if (t->ready == 0 && t->connecting == 0 &&
		mono_is_past(t->next_dial, now) && target_dial(t, 0) != 0)
		return;
}

void target_free(struct peer_target *t)
{
	struct list *it;

	while ((it = list_first(&t->links)) != NULL)
		link_free(container_of(it, struct peer_link, node));
	while ((it = list_first(&t->waiting)) != NULL)
		peer_cancel(container_of(it, struct peer_wait, node));
	list_remove(&t->node);
	free(t);
}

struct peer_info target_info(const struct peer_target *t)
{
	bool is_down = target_is_down(t);

	return (struct peer_info){
		.name = t->peer->name,
		.addr = t->addr,
		.is_down = is_down,
		.down_ms = is_down ? mono_since_ms(now_of(t),
			t->down_until) : 0,
		.connections = t->ready,
		.connecting = t->connecting,
		.requests = t->requests,
		.failures = t->failures,
		.deaf = t->deaf,
		.last_error = t->last_error,
	};
}
