/*
 * A shard's control state without sockets: rules, keys, credentials, and
 * requests made the way a client makes them. For unit tests and the fuzzer.
 */
#ifndef TESTS_AV_EDGE_LAB_H
#define TESTS_AV_EDGE_LAB_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "av-edge/turn.h"
#include "av-edge/turn_rfc.h"

#define LAB_REALM "contoso.test"
#define LAB_RELAY "198.51.100.30"
#define LAB_RELAY_V6 "2a00:9::30"
#define LAB_PORTS 50000

struct lab {
	struct turn_shared shared;
	struct rules *rules;
	struct turn turn;
	int next_fd;
	unsigned open;     /* relay sockets */
	int fail_opens;    /* this many opens fail ... */
	int fail_with;     /* ... with this */
	bool over_tcp; /* clients come so now */
	/* TCP relays: what was asked of the sockets, what they say */
	unsigned listens;
	unsigned withdraws;
	unsigned connects;
	struct addr connected_to;
	struct turn_receipt receipt;
	int connect_result;
	uint32_t waiting;   /* id of a connection that can be bound */
	uint64_t waits_for; /* the allocation it belongs to */
};

struct lab_cred {
	char user[AV_CRED_USER_TEXT];
	char password[AV_CRED_PASSWORD_TEXT];
	uint8_t key[STUN_KEY_LEN];
};

/* A request under construction, and what came back. */
struct lab_ask {
	struct lab *lab;
	struct addr client;
	uint8_t bytes[2048];
	struct stun_writer w;
	uint8_t answer[TURN_ANSWER_MAX];
	struct turn_out out;
	struct stun_msg m; /* of the answer */
	unsigned code;     /* 0 = success, 999 = no answer */
};

static inline void lab_must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "lab: %s\n", what);
	abort();
}

static inline struct addr lab_addr(const char *text)
{
	struct addr a;

	lab_must(addr_parse(str_of(text), &a) == 0, text);
	return a;
}

static inline int lab_open(void *arg, struct alloc *a,
	const struct rules_media *media)
{
	struct lab *lab = arg;

	(void)media;
	if (lab->fail_opens > 0) {
		lab->fail_opens--;
		return lab->fail_with;
	}
	a->relay_fd = lab->next_fd++;
	lab->open++;
	return 0;
}

static inline void lab_close(void *arg, struct alloc *a)
{
	struct lab *lab = arg;

	lab_must(a->relay_fd >= 0, "closed twice");
	a->relay_fd = -1;
	lab->open--;
}

static inline void lab_listen(void *arg, struct alloc *a)
{
	struct lab *lab = arg;

	lab_must(alloc_relays_tcp(a), "UDP ports do not listen");
	lab->listens++;
}

static inline void lab_withdraw(void *arg, struct alloc *a)
{
	struct lab *lab = arg;

	lab_must(alloc_relays_tcp(a), "UDP ports have no connections");
	lab->withdraws++;
}

static inline int lab_connect(void *arg, struct alloc *a,
	const struct addr *peer, const struct turn_receipt *receipt)
{
	struct lab *lab = arg;

	lab_must(alloc_relays_tcp(a), "UDP ports do not connect");
	lab->connects++;
	lab->connected_to = *peer;
	lab->receipt = *receipt;
	return lab->connect_result;
}

/* The one connection that waits, if any. */
static inline struct alloc *lab_owner(void *arg, uint32_t connection)
{
	const struct lab *lab = arg;

	return connection == lab->waiting && connection != 0 ?
		alloc_by_id(&lab->turn.allocs, lab->waits_for) : NULL;
}

static const struct turn_io lab_io = {
	.open = lab_open,
	.close = lab_close,
	.listen = lab_listen,
	.withdraw = lab_withdraw,
	.connect = lab_connect,
	.owner = lab_owner,
};

static inline struct rules *lab_rules(uint32_t port_count,
	const struct av_key_ring *keys)
{
	struct rules *r = NULL;

	lab_must(rules_new(&r) == 0, "rules_new");
	snprintf(r->realm, sizeof(r->realm), LAB_REALM);
	r->stranger_rate = 1000000;
	r->allocations_per_credential = 100000;
	r->allocations_per_minute = 10000000;
	r->media[RULES_V4].bind = lab_addr(LAB_RELAY);
	r->media[RULES_V4].shown = lab_addr(LAB_RELAY);
	r->media[RULES_V4].port = LAB_PORTS;
	r->media[RULES_V4].port_count = port_count;
	peer_policy_add_own(&r->peers, &r->media[RULES_V4].bind);
	if (keys != NULL)
		r->keys = *keys;
	return r;
}

/* An IPv6 relay address beside the other one. */
static inline void lab_add_v6(struct lab *lab)
{
	struct rules_media *m = &lab->rules->media[RULES_V6];

	m->bind = lab_addr(LAB_RELAY_V6);
	m->shown = m->bind;
	m->port = LAB_PORTS;
	m->port_count = 16;
	peer_policy_add_own(&lab->rules->peers, &m->bind);
	lab_must(turn_shared_apply(&lab->shared, lab->rules) == 0, "apply");
}

/* The clock is frozen; lab_advance() moves it. */
static inline void lab_init(struct lab *lab, uint32_t port_count)
{
	struct av_key_ring ring = {.count = 0};
	const struct mono now = {1000000};

	memset(lab, 0, sizeof(*lab));
	log_set_level(LOG_LEVEL_ERROR);
	clock_fake(now.ms, INT64_C(1900000000) * 1000);
	av_key_ring_rotate(&ring, wall_now());
	lab->rules = lab_rules(port_count, &ring);
	lab_must(turn_shared_init(&lab->shared, 1000000) == 0, "shared");
	lab_must(turn_shared_apply(&lab->shared, lab->rules) == 0, "apply");
	lab_must(turn_init(&lab->turn, 3, &lab->shared, lab->rules, now) == 0,
		"turn_init");
	lab->turn.io = &lab_io;
	lab->turn.io_arg = lab;
	lab->next_fd = 100;
}

static inline void lab_fini(struct lab *lab)
{
	turn_fini(&lab->turn);
	lab_must(lab->open == 0, "relay sockets left open");
	turn_shared_fini(&lab->shared);
	rules_unref(lab->rules);
	clock_real();
}

static inline void lab_advance(struct lab *lab, int64_t ms)
{
	clock_fake_advance(ms);
	lab->turn.now = mono_now();
	lab->turn.wall = wall_now();
	turn_tick(&lab->turn);
}

static inline struct lab_cred lab_cred_for(const struct av_key_ring *keys,
	const char *identity, int64_t lives_s)
{
	struct wall end = {wall_now().s + lives_s};
	struct lab_cred out;
	struct av_cred c;

	lab_must(av_cred_mint(&c, keys, AV_CRED_V2, str_of(identity), end) ==
		0, "mint");
	av_cred_user_text(&c, out.user);
	av_cred_password_text(&c, out.password);
	stun_key(str_of(out.user), STR_LIT(LAB_REALM), str_of(out.password),
		out.key);
	return out;
}

static inline struct lab_cred lab_user(const struct lab *lab,
	const char *identity)
{
	return lab_cred_for(&lab->rules->keys, identity, 28800);
}

/* ---- asking ------------------------------------------------------------ */

static inline void lab_begin(struct lab_ask *ask, struct lab *lab,
	const char *client, uint16_t method, unsigned tid)
{
	uint8_t bytes[STUN_TID_LEN] = {0x21, 0x12, 0xa4, 0x42};

	memset(ask, 0, sizeof(*ask));
	ask->lab = lab;
	ask->client = lab_addr(client);
	buf_store_u32(bytes + 4, tid);
	stun_write_begin(&ask->w, &stun_rfc, ask->bytes, sizeof(ask->bytes),
		method == STUN_SEND ? STUN_INDICATION : STUN_REQUEST, method,
		bytes);
}

static inline void lab_sign_with(struct lab_ask *ask,
	const struct lab_cred *cred, const char *realm, const char *nonce)
{
	stun_write_text(&ask->w, STUN_USERNAME, str_of(cred->user));
	stun_write_text(&ask->w, STUN_REALM, str_of(realm));
	stun_write_text(&ask->w, STUN_NONCE, str_of(nonce));
	stun_write_integrity(&ask->w, cred->key, sizeof(cred->key));
}

/* With a nonce as the server would have given it. */
static inline void lab_sign(struct lab_ask *ask, const struct lab_cred *cred)
{
	char nonce[NONCE_LEN + 1];

	nonce_make(&ask->lab->shared.secret, &ask->client,
		ask->lab->turn.now, nonce);
	lab_sign_with(ask, cred, LAB_REALM, nonce);
}

static inline uint8_t lab_listener(const struct lab *lab)
{
	return lab->over_tcp ? ALLOC_TCP : 0;
}

static inline void lab_hear(struct lab_ask *ask, const uint8_t *data,
	size_t len)
{
	const struct addr local = lab_addr(LAB_RELAY ":3478");
	const struct turn_in in = {
		.data = data,
		.len = len,
		.client = &ask->client,
		.local = &local,
		.listener = lab_listener(ask->lab),
		.side = TOPOLOGY_EXTERNAL,
		.is_stream = ask->lab->over_tcp,
	};

	ask->out = (struct turn_out){.answer = ask->answer};
	ask->code = 999;
	turn_rfc_handle(&ask->lab->turn, &in, &ask->out);
	if (ask->out.answer_len == 0)
		return;
	lab_must(stun_parse(&ask->m, &stun_rfc, ask->answer,
		ask->out.answer_len) == 0, "answer can't be read");
	lab_must(!ask->m.is_malformed, "answer is malformed");
	ask->code = 0;
	if (ask->m.class == STUN_ERROR)
		lab_must(stun_error(&ask->m, &ask->code, NULL) == 0,
			"error without code");
}

static inline unsigned lab_send(struct lab_ask *ask)
{
	int len = stun_write_end(&ask->w);

	lab_must(len > 0, "request too long");
	lab_hear(ask, ask->bytes, (size_t)len);
	return ask->code;
}

static inline void lab_write_transport(struct lab_ask *ask, unsigned protocol)
{
	stun_write_number(&ask->w, STUN_REQUESTED_TRANSPORT, protocol << 24);
}

/* Whole requests. */
static inline unsigned lab_allocate(struct lab_ask *ask, struct lab *lab,
	const char *client, const struct lab_cred *cred, unsigned tid)
{
	lab_begin(ask, lab, client, STUN_ALLOCATE, tid);
	lab_write_transport(ask, 17);
	lab_sign(ask, cred);
	return lab_send(ask);
}

static inline unsigned lab_refresh(struct lab_ask *ask, struct lab *lab,
	const char *client, const struct lab_cred *cred, uint32_t lifetime_s)
{
	lab_begin(ask, lab, client, STUN_REFRESH, 77);
	stun_write_number(&ask->w, STUN_LIFETIME, lifetime_s);
	lab_sign(ask, cred);
	return lab_send(ask);
}

static inline unsigned lab_permit(struct lab_ask *ask, struct lab *lab,
	const char *client, const struct lab_cred *cred, const char *peer)
{
	struct addr a = lab_addr(peer);

	lab_begin(ask, lab, client, STUN_CREATE_PERMISSION, 78);
	stun_write_addr(&ask->w, STUN_PEER_ADDRESS, &a);
	lab_sign(ask, cred);
	return lab_send(ask);
}

static inline unsigned lab_bind(struct lab_ask *ask, struct lab *lab,
	const char *client, const struct lab_cred *cred, unsigned channel,
	const char *peer)
{
	struct addr a = lab_addr(peer);

	lab_begin(ask, lab, client, STUN_CHANNEL_BIND, 79);
	stun_write_number(&ask->w, STUN_CHANNEL_NUMBER, channel << 16);
	stun_write_addr(&ask->w, STUN_PEER_ADDRESS, &a);
	lab_sign(ask, cred);
	return lab_send(ask);
}

/* True when the relay would send it on. */
static inline bool lab_data(struct lab_ask *ask, struct lab *lab,
	const char *client, const char *peer)
{
	struct addr a = lab_addr(peer);

	lab_begin(ask, lab, client, STUN_SEND, 80);
	stun_write_addr(&ask->w, STUN_PEER_ADDRESS, &a);
	stun_write_text(&ask->w, STUN_PAYLOAD, STR_LIT("data"));
	lab_must(lab_send(ask) == 999, "an indication was answered");
	return ask->out.from != NULL;
}

static inline struct alloc *lab_alloc(const struct lab *lab,
	const char *client)
{
	struct addr a = lab_addr(client);

	return alloc_find(&lab->turn.allocs, lab_listener(lab), &a);
}

/* Requirement R4 and threats T9, T10: all that is owned is owned once. */
static inline void lab_check(struct lab *lab)
{
	struct port_count v4 = port_pool_count(lab->shared.ports[RULES_V4]);
	struct port_count v6 = port_pool_count(lab->shared.ports[RULES_V6]);
	const struct turn *t = &lab->turn;
	uint32_t i, allocs = 0, perms = 0, hots = 0, states = 0, seconds = 0;
	size_t aside = reservation_count(lab->shared.reservations);

	for (i = 0; i < alloc_table_end(&t->allocs); i++) {
		const struct alloc *a = alloc_at(&t->allocs, i);

		if (a == NULL)
			continue;
		allocs++;
		perms += a->perm_count;
		hots += a->hot_count;
		states += a->ms != FLAT_NONE;
		lab_must(!a->has_tcp_relay || alloc_is_tcp(a),
			"a TCP relay port for a client over UDP");
		lab_must(a->dialect != ALLOC_MS || alloc_is_tcp(a) ==
			a->has_tcp_relay, "transport of MS-TURN");
		lab_must((a->dialect == ALLOC_MS) == (a->ms != FLAT_NONE),
			"dialect");
		lab_must(a->dialect != ALLOC_MS || a->hot_count <= 1,
			"one active destination");
		lab_must(alloc_find(&t->allocs, a->listener, &a->client) ==
			(a->is_second ? alloc_twin(&t->allocs, a) : a),
			"not in the index");
		seconds += a->is_second;
		lab_must(a->twin == FLAT_NONE || alloc_twin(&t->allocs,
			alloc_twin(&t->allocs, a)) == a, "twins");
		lab_must(port_pool_owner(lab->shared.ports[a->family == 6],
			a->relay_port) == a->id, "port owned otherwise");
	}
	lab_must(allocs == alloc_table_count(&t->allocs), "allocations");
	lab_must(allocs + aside == quota_held(lab->shared.quota), "quota");
	lab_must(allocs == lab->open, "sockets");
	lab_must(allocs + aside == v4.used + v4.outside + v6.used +
		v6.outside, "ports");
	lab_must(perms == t->perms.pool.live, "permissions");
	lab_must(perms == t->perms.by_peer.count, "permission index");
	lab_must(hots == t->hots.pool.live, "channels");
	lab_must(states == t->ms_states.live, "states of MS-TURN");
	lab_must(hots == t->hots.by_client.count, "channel index");
	lab_must(allocs - seconds == t->allocs.by_client.count,
		"allocation index");
}

#endif
