/*
 * A shard's control state under any order of events: users with all forms
 * of credentials on eight addresses allocate (pairs and families too),
 * permit, bind, refresh, send in both dialects, let time pass, repeat what
 * they said, and sockets fail to open. After each event everything is owned
 * exactly once (threats T9, T10, T14; requirement R4). The input is a string
 * of events, one byte what, the next ones how.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "av-edge/demux_udp.h"
#include "tests/unit/av-edge/lab_ms.h"

#define PORT_COUNT 6
#define USER_LIMIT 4
#ifndef EVENTS_MAX
#define EVENTS_MAX 200
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const clients[] = {
	"203.0.113.1:1000", "203.0.113.1:1001", "203.0.113.2:1000",
	"203.0.113.2:1001", "203.0.113.3:1000", "203.0.113.3:1001",
	"[2001:db8::1]:1000", "[2001:db8::1]:1001",
};
static const char *const peers[] = {
	"8.8.8.8:1", "8.8.8.8:2", "8.8.4.4:1", LAB_RELAY ":50000",
	LAB_RELAY ":50001", "10.0.0.1:1", "127.0.0.1:1", "[2a00::1]:1",
};
#define SECRET "north-sea-lighthouse-keeps-burning-7411"

static struct lab lab;
/* Two of av-auth, and two that an application made. */
static struct lab_cred users[4];
static uint8_t token[RESERVATION_TOKEN_LEN];
static struct wall issued;
static struct ms_client ms_clients[ARRAY_COUNT(clients)][2];
static struct ms_ask last; /* of MS-TURN */
static unsigned events_done, made_total; /* of the last input */

static uint8_t next(struct rbuf *r)
{
	return rbuf_u8(r);
}

static void write_something(struct lab_ask *ask, struct rbuf *r)
{
	static const enum stun_attr attrs[] = {
		STUN_LIFETIME, STUN_REQUESTED_FAMILY, STUN_CHANNEL_NUMBER,
		STUN_REQUESTED_TRANSPORT, STUN_ADDITIONAL_FAMILY,
	};
	uint8_t what = next(r), how = next(r);
	struct addr a;

	if (what < 64) {
		stun_write_number(&ask->w, attrs[what % ARRAY_COUNT(attrs)],
			(uint32_t)how << (what & 32 ? 24 : 16));
	} else if (what < 128) {
		a = lab_addr(peers[how % ARRAY_COUNT(peers)]);
		stun_write_addr(&ask->w, STUN_PEER_ADDRESS, &a);
	} else if (what < 160) {
		stun_write_bytes(&ask->w, STUN_EVEN_PORT, &how, 1);
	} else if (what < 164) {
		stun_write_bytes(&ask->w, STUN_RESERVATION_TOKEN, token,
			sizeof(token));
	} else if (what < 176) {
		wbuf_u16(&ask->w.w, what);
		wbuf_u16(&ask->w.w, 0);
	}
}

static void keep_token(const struct lab_ask *ask)
{
	struct str value;

	if (ask->out.answer_len == 0)
		return;
	value = stun_bytes(&ask->m, STUN_RESERVATION_TOKEN);
	if (value.n == sizeof(token))
		memcpy(token, value.p, sizeof(token));
}

/* One that is more than a port: a pair, a reserved one, two families. */
static void allocate_more(struct rbuf *r, const char *client,
	const struct lab_cred *user)
{
	struct lab_ask ask;
	uint8_t how = next(r);

	lab_begin(&ask, &lab, client, STUN_ALLOCATE, how >> 4);
	lab_write_transport(&ask, 17);
	switch (how & 3) {
	case 0:
		stun_write_bytes(&ask.w, STUN_EVEN_PORT, "\x80", 1);
		break;
	case 1:
		stun_write_bytes(&ask.w, STUN_RESERVATION_TOKEN, token,
			sizeof(token));
		break;
	case 2:
		stun_write_number(&ask.w, STUN_ADDITIONAL_FAMILY, 2u << 24);
		break;
	default:
		stun_write_number(&ask.w, STUN_REQUESTED_FAMILY,
			(1u + (how >> 2 & 1)) << 24);
		break;
	}
	lab_sign(&ask, user);
	lab_send(&ask);
	keep_token(&ask);
}

/* RFC 6062: what a client over TCP may want, and one over UDP may not. */
static void tcp_event(struct rbuf *r, const char *client,
	const struct lab_cred *user, const char *peer)
{
	static const int results[] = {0, -EEXIST, EDGE_EBUSY, -ECONNREFUSED};
	const struct alloc *a = lab_alloc(&lab, client);
	struct addr to = lab_addr(peer);
	struct lab_ask ask;
	uint8_t how = next(r);
	bool was_over_tcp = lab.over_tcp;

	switch (how & 3) {
	case 0:
		lab_begin(&ask, &lab, client, STUN_ALLOCATE, how >> 4);
		lab_write_transport(&ask, 6);
		break;
	case 1:
		lab.connect_result = results[how >> 2 & 3];
		lab_begin(&ask, &lab, client, STUN_CONNECT, how >> 4);
		stun_write_addr(&ask.w, STUN_PEER_ADDRESS, &to);
		break;
	case 2: /* a connection of this client's waits */
		lab.waiting = how;
		lab.waits_for = a != NULL ? a->id : 0;
		return;
	default:
		/* from where it has an allocation, or from elsewhere */
		lab.over_tcp = (how & 4) != 0;
		lab_begin(&ask, &lab, clients[how >> 5],
			STUN_CONNECTION_BIND, how);
		stun_write_number(&ask.w, STUN_CONNECTION_ID, how & 8 ?
			lab.waiting : how);
		break;
	}
	lab_sign(&ask, user);
	lab_send(&ask);
	lab_must(ask.out.bound == 0 || (ask.out.bound == lab.waiting &&
		lab.over_tcp), "bound to what was not to be had");
	lab.over_tcp = was_over_tcp;
}

static void odd_request(struct rbuf *r, const char *client,
	const struct lab_cred *user)
{
	static const uint16_t methods[] = {
		STUN_BINDING, STUN_ALLOCATE, STUN_REFRESH, STUN_SEND,
		STUN_CREATE_PERMISSION, STUN_CHANNEL_BIND, STUN_CONNECT,
		STUN_CONNECTION_BIND,
	};
	struct lab_ask ask;
	uint8_t how = next(r), count;

	lab_begin(&ask, &lab, client, methods[how % ARRAY_COUNT(methods)],
		how >> 4);
	for (count = next(r) % 5; count > 0; count--)
		write_something(&ask, r);
	if (how & 8)
		lab_sign(&ask, user);
	if (how & 128)
		write_something(&ask, r);
	if (stun_write_end(&ask.w) > 0)
		lab_send(&ask);
	keep_token(&ask);
}

static void raw(struct rbuf *r, const char *client)
{
	struct lab_ask ask;
	size_t len = next(r);
	const uint8_t *data;

	if (len > rbuf_left(r))
		len = rbuf_left(r);
	data = rbuf_take(r, len);
	lab_begin(&ask, &lab, client, STUN_BINDING, 1);
	if (data == NULL)
		return;
	if (stun_is_rfc(data, len))
		lab_hear(&ask, data, len);
	if (stun_ms_is_control(data, len))
		ms_hear(&last, data, len);
}

/* ---- MS-TURN ----------------------------------------------------------- */

static void write_ms(struct ms_ask *ask, struct rbuf *r)
{
	static const enum stun_attr attrs[] = {
		STUN_LIFETIME, STUN_REQUESTED_FAMILY, STUN_MS_VERSION,
		STUN_BANDWIDTH, STUN_BWM_ADMISSION,
	};
	uint8_t what = next(r), how = next(r);
	struct addr a;

	if (what < 64) {
		stun_write_number(&ask->w, attrs[what % ARRAY_COUNT(attrs)],
			(uint32_t)how << (what & 32 ? 24 : 0));
	} else if (what < 128) {
		a = lab_addr(peers[how % ARRAY_COUNT(peers)]);
		stun_write_addr(&ask->w, STUN_DESTINATION, &a);
	} else if (what < 192) {
		stun_write_bytes(&ask->w, STUN_PAYLOAD, ask->bytes, how % 20);
	} else {
		wbuf_u16(&ask->w.w, (uint16_t)(what & 1 ? 0x8000 | how :
							   how));
		wbuf_u16(&ask->w.w, what & 2);
		wbuf_bytes(&ask->w.w, "ab", what & 2);
	}
}

static void odd_ms_request(struct rbuf *r, struct ms_client *c)
{
	static const enum stun_ms_type types[] = {
		STUN_MS_ALLOCATE, STUN_MS_SEND, STUN_MS_SET_DESTINATION,
		STUN_MS_DATA,
	};
	uint8_t how = next(r), count;

	ms_begin(&last, c, types[how & 3], how >> 5);
	for (count = next(r) % 5; count > 0; count--)
		write_ms(&last, r);
	if (how & 4)
		ms_sign_fully(&last);
	else if (how & 8)
		ms_sign(&last);
	if (how & 16)
		write_ms(&last, r);
	if (stun_write_end(&last.w) > 0)
		ms_send(&last);
}

/* Numbers that jump, that are another's, that are not there. */
static void confuse_numbers(struct ms_client *c, uint8_t how)
{
	c->counts = how & 1;
	c->number.number += how & 2 ? how : -(uint32_t)how;
	if (how & 4)
		c->number = ms_clients[how >> 5][how >> 4 & 1].number;
}

static void ms_event(struct rbuf *r, uint8_t what, struct ms_client *c,
	const char *peer)
{
	struct str nonce;

	switch (what & 7) {
	case 0:
	case 1:
		if (ms_allocate_for(&last, c, what >> 6, what & 16 ?
			UINT32_MAX : (what >> 5) * 100u) != 438)
			break;
		nonce = stun_bytes(&last.m, STUN_NONCE);
		if (str_copy(nonce, c->nonce, sizeof(c->nonce)) == 0)
			ms_make_key(c, false);
		break;
	case 2:
		ms_data(&last, c, what >> 3, peer, what & 16 ? "data" : "");
		break;
	case 3:
		ms_aim(&last, c, what >> 4, what & 8 ? peer : NULL);
		break;
	case 4:
		odd_ms_request(r, c);
		break;
	case 5:
		confuse_numbers(c, next(r));
		break;
	default:
		if (last.len > 0)
			ms_again(&last);
		break;
	}
}

static void event(struct rbuf *r)
{
	uint8_t what = next(r), how = next(r);
	const char *client = clients[how % 8];
	const char *peer = peers[how >> 3 & 7];
	const struct lab_cred *user = &users[how >> 6 & 3];
	struct lab_ask ask;

	if (how & 128 && what & 1) {
		ms_event(r, what >> 1, &ms_clients[how % 8][how >> 6 & 1],
			peer);
		return;
	}
	switch (what % 13) {
	case 0:
	case 1:
		lab_allocate(&ask, &lab, client, user, what >> 6);
		break;
	case 2:
		lab_refresh(&ask, &lab, client, user,
			what & 128 ? 0 : 60u * what);
		break;
	case 3:
		lab_permit(&ask, &lab, client, user, peer);
		break;
	case 4:
		lab_bind(&ask, &lab, client, user, 0x4000u + (what >> 5),
			peer);
		break;
	case 5:
		lab_data(&ask, &lab, client, peer);
		break;
	case 6:
		lab_advance(&lab, 1 + (int64_t)how * how * 20);
		break;
	case 7:
		lab.fail_opens = how % 4;
		lab.fail_with = how & 16 ? -EADDRINUSE : -EMFILE;
		break;
	case 8:
		odd_request(r, client, user);
		break;
	case 9:
		allocate_more(r, client, user);
		break;
	case 10:
		tcp_event(r, client, user, peer);
		break;
	case 11:
		lab.over_tcp = how & 1;
		break;
	default:
		raw(r, client);
		break;
	}
}

/* Of each user, in whatever form it came. */
static void check_quota(void)
{
	uint32_t i, k, held;

	for (i = 0; i < alloc_table_end(&lab.turn.allocs); i++) {
		const struct alloc *a = alloc_at(&lab.turn.allocs, i), *b;

		if (a == NULL)
			continue;
		for (held = k = 0; k < alloc_table_end(&lab.turn.allocs);
		     k++) {
			b = alloc_at(&lab.turn.allocs, k);
			held += b != NULL && memcmp(a->client_id,
				b->client_id, sizeof(a->client_id)) == 0;
		}
		lab_must(held <= USER_LIMIT, "quota");
	}
}

static void ms_issue(void)
{
	struct ms_client *c;
	size_t i;

	ms_client_init(&ms_clients[0][0], &lab, clients[0],
		"sip:a@contoso.test");
	ms_client_init(&ms_clients[0][1], &lab, clients[0],
		"sip:b@contoso.test");
	for (i = 0; i < 2 * ARRAY_COUNT(clients); i++) {
		c = &ms_clients[i / 2][i % 2];
		*c = ms_clients[0][i % 2];
		c->at = lab_addr(clients[i / 2]);
		nonce_make(&lab.shared.secret, &c->at, lab.turn.now,
			c->nonce);
		ms_make_key(c, false);
	}
}

/* What a web application hands out. */
static struct lab_cred rest_user(const char *name)
{
	const struct rest_secret *s = &lab.rules->rest.secrets[0];
	struct lab_cred c;

	snprintf(c.user, sizeof(c.user), "%lld:%s",
		(long long)(wall_now().s + 3600), name);
	rest_password(s, str_of(c.user), c.password);
	stun_key(str_of(c.user), STR_LIT(LAB_REALM), str_of(c.password),
		c.key);
	return c;
}

/* Everybody gets a new credential: the old ones are about to end. */
static void issue(void)
{
	issued = wall_now();
	users[0] = lab_user(&lab, "sip:a@contoso.test");
	users[1] = lab_user(&lab, "sip:b@contoso.test");
	users[2] = rest_user("a");
	users[3] = rest_user("b");
	ms_issue();
	memset(&last, 0, sizeof(last));
	last.c = &ms_clients[0][0];
}

static void set_up_users(void)
{
	struct rest_secret *s = &lab.rules->rest.secrets[0];

	s->len = strlen(SECRET);
	memcpy(s->bytes, SECRET, s->len);
	lab.rules->rest.count = 1;
	memset(token, 0, sizeof(token));
	issue();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rbuf r = rbuf_of(data, size);
	unsigned events;

	lab_init(&lab, PORT_COUNT);
	lab.rules->allocations_per_user = USER_LIMIT;
	lab_add_v6(&lab);
	set_up_users();
	for (events = 0; events < EVENTS_MAX && rbuf_left(&r) > 1; events++) {
		if (wall_now().s - issued.s > 3000)
			issue();
		event(&r);
		lab_check(&lab);
		check_quota();
		if (events % 1000 == 999)
			lab_must(port_pool_is_sound(
				lab.shared.ports[RULES_V4]), "R4");
	}
	lab_must(port_pool_is_sound(lab.shared.ports[RULES_V4]), "R4");
	events_done = events;
	made_total = (unsigned)stats_get(&lab.turn.stats, AV_MADE_EXTERNAL);
	lab_fini(&lab);
	return 0;
}
