/*
 * How allocations begin and end, and the state they hang on. Everything an
 * allocation owns is taken in turn_begin() and given back in turn_end(),
 * nowhere else: record, quota, relay port, relay socket, permissions,
 * channels (threats T9, T10; requirement R4).
 */
#include "av-edge/turn.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "av-edge/remember.h"
#include "av-edge/turn_port.h"

/* Lines about allocations that were there for less than a second. */
#define SHORT_PER_MINUTE 600

const char *alloc_id_text(uint64_t id, char out[static ALLOC_ID_TEXT_LEN])
{
	snprintf(out, ALLOC_ID_TEXT_LEN, "%016" PRIx64, id);
	return out;
}

/* ---- what all shards share --------------------------------------------- */

int turn_shared_init(struct turn_shared *shared, uint32_t stranger_rate)
{
	size_t i;
	int err;

	memset(shared, 0, sizeof(*shared));
	nonce_secret_new(&shared->secret);
	err = quota_new(&shared->quota);
	if (err == 0)
		err = strangers_new(&shared->strangers, stranger_rate);
	if (err == 0)
		err = user_rate_new(&shared->connects);
	if (err == 0)
		err = user_rate_new(&shared->begins);
	if (err == 0)
		err = reservations_new(&shared->reservations);
	for (i = 0; i < RULES_FAMILY_COUNT && err == 0; i++)
		err = port_pool_new(&shared->ports[i]);
	if (err < 0)
		turn_shared_fini(shared);
	return err;
}

void turn_shared_fini(struct turn_shared *shared)
{
	size_t i;

	for (i = 0; i < RULES_FAMILY_COUNT; i++)
		port_pool_free(shared->ports[i]);
	user_rate_free(shared->begins);
	user_rate_free(shared->connects);
	reservations_free(shared->reservations);
	strangers_free(shared->strangers);
	quota_free(shared->quota);
	explicit_bzero(shared, sizeof(*shared));
}

int turn_shared_apply(struct turn_shared *shared, const struct rules *rules)
{
	struct port_count now;
	size_t i;
	int err;

	for (i = 0; i < RULES_FAMILY_COUNT; i++) {
		const struct rules_media *m = &rules->media[i];

		if (!addr_is_set(&m->bind))
			continue;
		now = port_pool_count(shared->ports[i]);
		if (now.range == m->port_count && now.first == m->port)
			continue;
		err = port_pool_set_range(shared->ports[i], m->port,
			m->port_count);
		if (err < 0)
			return err;
	}
	return strangers_set_rate(shared->strangers, rules->stranger_rate);
}

/* ---- one shard --------------------------------------------------------- */

int turn_init(struct turn *t, unsigned shard, struct turn_shared *shared,
	struct rules *rules, struct mono now)
{
	int err;

	memset(t, 0, sizeof(*t));
	err = alloc_table_init(&t->allocs, shard, now);
	if (err == 0)
		err = hot_table_init(&t->hots);
	if (err == 0)
		err = perm_table_init(&t->perms);
	if (err == 0)
		err = flat_pool_init(&t->ms_states, sizeof(struct ms_state),
			ALLOC_MAX);
	if (err < 0) {
		alloc_table_fini(&t->allocs);
		hot_table_fini(&t->hots);
		perm_table_fini(&t->perms);
		return err;
	}
	t->shared = shared;
	t->rules = rules_ref(rules);
	t->now = now;
	t->wall = wall_now();
	return 0;
}

void turn_end_all(struct turn *t, enum alloc_end why)
{
	struct alloc *a;
	uint32_t i;

	for (i = 0; i < alloc_table_end(&t->allocs); i++) {
		a = alloc_at(&t->allocs, i);
		if (a != NULL)
			turn_end(t, a, why);
	}
}

void turn_fini(struct turn *t)
{
	if (t->shared == NULL)
		return;
	turn_end_all(t, ALLOC_END_STOPPED);
	flat_pool_fini(&t->ms_states);
	perm_table_fini(&t->perms);
	hot_table_fini(&t->hots);
	alloc_table_fini(&t->allocs);
	rules_unref(t->rules);
	memset(t, 0, sizeof(*t));
}

void turn_set_rules(struct turn *t, struct rules *rules)
{
	struct alloc *a;
	uint32_t i;

	rules_unref(t->rules);
	t->rules = rules;
	for (i = 0; i < alloc_table_end(&t->allocs); i++) {
		a = alloc_at(&t->allocs, i);
		if (a == NULL)
			continue;
		perm_withdraw(&t->perms, a, &rules->peers);
		hot_withdraw(&t->hots, a, &rules->peers);
		if (alloc_relays_tcp(a))
			t->io->withdraw(t->io_arg, a);
	}
}

void turn_tick(struct turn *t)
{
	struct alloc *a;

	turn_port_tick(t);
	while ((a = alloc_next_due(&t->allocs, t->now)) != NULL)
		turn_end(t, a, a->deadline_ms <= t->now.ms ?
			ALLOC_END_TOO_OLD : ALLOC_END_EXPIRED);
}

static enum av_counter live_of(const struct alloc *a)
{
	return a->side == TOPOLOGY_INTERNAL ? AV_LIVE_INTERNAL :
					      AV_LIVE_EXTERNAL;
}

/* ---- beginning --------------------------------------------------------- */

uint32_t turn_grant_lifetime(const struct turn *t, const struct alloc *a,
	const struct stun_msg *m, uint32_t least_s)
{
	const struct rules *r = t->rules;
	int64_t left_s = a != NULL ? (a->deadline_ms - t->now.ms) / 1000 :
				     r->allocation_lifetime_s;
	uint32_t s;

	if (stun_number(m, STUN_LIFETIME, &s) < 0)
		s = r->default_lifetime_s;
	if (s < least_s)
		s = least_s;
	if (s > r->max_lifetime_s)
		s = r->max_lifetime_s;
	if (s > left_s)
		s = left_s > 0 ? (uint32_t)left_s : 1;
	return s;
}

/* The record, and the one beside it. */
static int take_records(struct turn *t, const struct turn_wish *wish,
	struct alloc **out)
{
	int err = wish->first != NULL ?
	    alloc_new_twin(out, &t->allocs, wish->first) :
	    alloc_new(out, &t->allocs, wish->listener, wish->client);

	if (err < 0)
		return err;
	(*out)->has_tcp_relay = wish->wants_tcp;
	if (wish->dialect != ALLOC_MS)
		return 0;
	(*out)->dialect = ALLOC_MS;
	(*out)->ms = flat_pool_take(&t->ms_states);
	if ((*out)->ms != FLAT_NONE)
		return 0;
	alloc_free(&t->allocs, *out);
	return -ENOMEM;
}

static void give_records(struct turn *t, struct alloc *a)
{
	if (a->ms != FLAT_NONE)
		flat_pool_give(&t->ms_states, a->ms);
	alloc_free(&t->allocs, a);
}

static void fill_in(struct turn *t, struct alloc *a,
	const struct turn_wish *wish)
{
	const struct rules_media *media = &t->rules->media[wish->family];

	a->family = wish->family == RULES_V6 ? 6 : 4;
	a->side = (uint8_t)wish->side;
	a->burst = 1;
	a->lifetime_s = wish->lifetime_s;
	a->created_ms = t->now.ms;
	a->deadline_ms = t->now.ms +
	    (int64_t)t->rules->allocation_lifetime_s * 1000;
	a->relayed = addr_with_port(&media->shown, a->relay_port);
	memcpy(a->tid, wish->tid, sizeof(a->tid));
	memcpy(a->key, wish->proof->key, sizeof(a->key));
	a->key_len = wish->proof->key_len;
	memcpy(a->client_id, wish->proof->client_id, sizeof(a->client_id));
	memcpy(a->credential, wish->proof->credential,
		sizeof(a->credential));
}

int turn_take_place(struct turn *t, const struct auth_proof *proof,
	struct quota_place *out)
{
	const struct quota_claim claim = {
		.client_id = proof->client_id,
		.credential = proof->credential,
		.per_user = t->rules->allocations_per_user,
		.per_credential = t->rules->allocations_per_credential,
	};

	return quota_take(t->shared->quota, &claim, out);
}

/* A reservation has its place already, as it has its port. */
static int take_place(struct turn *t, const struct turn_wish *wish,
	struct quota_place *out)
{
	if (wish->port != TURN_PORT_RESERVED)
		return turn_take_place(t, wish->proof, out);
	*out = wish->place;
	return 0;
}

/* To hold few at a time helps little against who makes and ends them. */
static int check_rate(struct turn *t, const struct turn_wish *wish)
{
	if (user_rate_take(t->shared->begins, wish->proof->client_id,
		    t->rules->allocations_per_minute, t->now))
		return 0;
	stats_add(&t->stats, AV_BEGUN_TOO_FAST, 1);
	return EDGE_EBUSY;
}

/* Nothing is taken when this fails, but for what a reservation had. */
static int take_all(struct turn *t, const struct turn_wish *wish,
	struct alloc **out)
{
	int err = check_rate(t, wish);

	if (err == 0)
		err = take_records(t, wish, out);

	if (err < 0 && wish->port == TURN_PORT_RESERVED)
		port_pool_give(t->shared->ports[wish->family],
			wish->reserved_port);
	if (err < 0)
		return err;
	err = turn_port_open(t, *out, wish);
	if (err < 0)
		give_records(t, *out);
	return err;
}

int turn_begin(struct turn *t, const struct turn_wish *wish,
	struct alloc **out)
{
	struct quota_place place;
	struct alloc *a;
	int err;

	err = take_place(t, wish, &place);
	if (err < 0)
		return err;
	err = take_all(t, wish, &a);
	if (err < 0) {
		quota_give(t->shared->quota, place);
		return err;
	}
	a->place = place;
	fill_in(t, a, wish);
	alloc_set_expiry(&t->allocs, a,
		mono_after_ms(t->now, (int64_t)wish->lifetime_s * 1000));
	stats_add(&t->stats, live_of(a), 1);
	stats_add(&t->stats, wish->side == TOPOLOGY_INTERNAL ?
		AV_MADE_INTERNAL : AV_MADE_EXTERNAL, 1);
	remember_begin(t, a);
	*out = a;
	return 0;
}

/* ---- ending ------------------------------------------------------------ */

/* To hold allocations for a second the quota is in the way. Without, a user
 * could fill the log with them, and hold up the threads that write it. */
static unsigned lines_per_minute(const struct turn *t, const struct alloc *a)
{
	return t->now.ms - a->created_ms < 1000 ? SHORT_PER_MINUTE : UINT_MAX;
}

static void say_end(const struct turn *t, const struct alloc *a,
	enum alloc_end why)
{
	char id[ALLOC_ID_TEXT_LEN], client[ADDR_TEXT_LEN],
	    relayed[ADDR_TEXT_LEN], dropped[ALLOC_DROPS_TEXT_LEN];

	if (log_get_level() < LOG_LEVEL_INFO)
		return;
	log_limited(LOG_LEVEL_INFO, lines_per_minute(t, a), "alloc.ended",
		"alloc=%s reason=%s dialect=%s side=%s transport=%s client=%s "
		"relayed=%s "
		"duration_s=%" PRId64 " up_packets=%" PRIu64
		" up_bytes=%" PRIu64 " down_packets=%" PRIu64
		" down_bytes=%" PRIu64 " drops=%" PRIu64 " dropped=%s",
		alloc_id_text(a->id, id), alloc_end_name(why),
		alloc_dialect_name(a->dialect),
		topology_side_name(a->side), alloc_transport_name(a),
		addr_text(&a->client, client), addr_text(&a->relayed, relayed),
		(t->now.ms - a->created_ms) / 1000, a->up_packets,
		a->up_bytes, a->down_packets, a->down_bytes, a->drops,
		alloc_drops_text(a, dropped));
}

void turn_end(struct turn *t, struct alloc *a, enum alloc_end why)
{
	hot_drop_all(&t->hots, a);
	perm_drop_all(&t->perms, a);
	say_end(t, a, why);
	remember_end(t, a, why);
	t->io->close(t->io_arg, a);
	turn_port_give(t, a);
	quota_give(t->shared->quota, a->place);
	stats_add(&t->stats, live_of(a), (uint64_t)-1);
	stats_add(&t->stats, AV_ENDED_REFRESH + (size_t)why, 1);
	give_records(t, a);
}

/* ---- peers ------------------------------------------------------------- */

enum peer_verdict turn_judge_peer(struct turn *t, const struct addr *peer,
	const struct addr *client)
{
	enum peer_verdict v = peer_policy_judge(&t->rules->peers, peer);
	char from[ADDR_TEXT_LEN], to[ADDR_TEXT_LEN];

	if (peer_verdict_is_yes(v))
		return v;
	stats_add(&t->stats, AV_PEER_SUITE + (size_t)(v - PEER_SUITE), 1);
	/* Private candidates are offered in every call (R14). */
	log_limited(v == PEER_PRIVATE ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, 10,
		"peer.refused", "rule=%s peer=%s client=%s",
		peer_verdict_name(v), addr_ip_text(peer, to),
		addr_text(client, from));
	remember_peer(t, peer, client, v);
	return v;
}

bool turn_may_connect(struct turn *t, const struct alloc *a)
{
	enum av_counter why = AV_CONNECT_TOO_MANY;

	if (a->peer_conns < t->rules->peer_connections) {
		if (user_rate_take(t->shared->connects, a->client_id,
			    t->rules->connects_per_minute, t->now))
			return true;
		why = AV_CONNECT_TOO_FAST;
	}
	stats_add(&t->stats, why, 1);
	return false;
}

int turn_permit(struct turn *t, struct alloc *a, const struct addr *peer)
{
	int err = perm_grant(&t->perms, a, peer, t->now);

	if (err < 0)
		return err;
	hot_permit(&t->hots, a, peer, t->now);
	if (alloc_relays_tcp(a))
		t->io->listen(t->io_arg, a);
	return 0;
}
