/* The methods of RFC 8656, without sockets. */
#include <check.h>
#include <errno.h>

#include "common/base/buf.h"
#include "common/base/rand.h"
#include "tests/unit/av-edge/lab.h"

#define ALICE "203.0.113.7:4000"
#define BOB   "203.0.113.8:4000"
#define PEER  "8.8.8.8:9000"

static struct lab lab;
static struct lab_ask ask;
static struct lab_cred alice, bob;

static void setup(void)
{
	lab_init(&lab, 64);
	alice = lab_user(&lab, "sip:alice@contoso.test");
	bob = lab_user(&lab, "sip:bob@contoso.test");
}

static void teardown(void)
{
	lab_check(&lab);
	lab_fini(&lab);
}

static uint32_t lifetime(void)
{
	uint32_t s = UINT32_MAX;

	ck_assert_int_eq(stun_number(&ask.m, STUN_LIFETIME, &s), 0);
	return s;
}

static uint64_t count(enum av_counter id)
{
	return stats_get(&lab.turn.stats, id);
}

START_TEST(test_binding_tells_the_reflexive_address)
{
	struct addr a;
	char text[ADDR_TEXT_LEN];

	lab_begin(&ask, &lab, ALICE, STUN_BINDING, 1);
	ck_assert_uint_eq(lab_send(&ask), 0);
	ck_assert_int_eq(stun_addr(&ask.m, STUN_XOR_MAPPED_ADDRESS, &a), 0);
	ck_assert_str_eq(addr_text(&a, text), ALICE);
	ck_assert(!stun_has(&ask.m, STUN_SOFTWARE));
	ck_assert(!stun_has(&ask.m, STUN_FINGERPRINT));
}
END_TEST

START_TEST(test_fingerprint_is_answered_with_a_fingerprint)
{
	lab_begin(&ask, &lab, ALICE, STUN_BINDING, 1);
	stun_write_fingerprint(&ask.w);
	ck_assert_uint_eq(lab_send(&ask), 0);
	ck_assert(stun_has(&ask.m, STUN_FINGERPRINT));
}
END_TEST

START_TEST(test_first_allocate_is_challenged_with_realm_and_nonce)
{
	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 1);
	lab_write_transport(&ask, 17);
	ck_assert_uint_eq(lab_send(&ask), 401);
	ck_assert(str_eq_z(stun_bytes(&ask.m, STUN_REALM), LAB_REALM));
	ck_assert_uint_eq(stun_bytes(&ask.m, STUN_NONCE).n, NONCE_OFFER_LEN);
	ck_assert(!stun_has(&ask.m, STUN_INTEGRITY));
	ck_assert_uint_eq(count(AV_AUTH_CHALLENGED), 1);
}
END_TEST

START_TEST(test_allocate_gives_a_port_of_the_range_and_signs)
{
	struct addr a;

	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	ck_assert_int_eq(stun_check_integrity(&ask.m, alice.key,
				 sizeof(alice.key)), 0);
	ck_assert_int_eq(stun_addr(&ask.m, STUN_RELAYED_ADDRESS, &a), 0);
	ck_assert(a.port >= LAB_PORTS && a.port < LAB_PORTS + 64);
	ck_assert_uint_eq(lifetime(), 600);
	ck_assert_int_eq(stun_addr(&ask.m, STUN_XOR_MAPPED_ADDRESS, &a), 0);
	ck_assert_uint_eq(lab.open, 1);
}
END_TEST

START_TEST(test_public_address_is_shown_behind_a_nat)
{
	struct addr a;
	char text[ADDR_TEXT_LEN];

	lab.rules->media[RULES_V4].shown = lab_addr("192.0.2.55");
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	ck_assert_int_eq(stun_addr(&ask.m, STUN_RELAYED_ADDRESS, &a), 0);
	ck_assert_str_eq(addr_ip_text(&a, text), "192.0.2.55");
}
END_TEST

START_TEST(test_sha256_integrity_is_answered_in_kind)
{
	char nonce[NONCE_LEN + 1];

	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 1);
	lab_write_transport(&ask, 17);
	nonce_make(&lab.shared.secret, &ask.client, lab.turn.now, nonce);
	stun_write_text(&ask.w, STUN_USERNAME, str_of(alice.user));
	stun_write_text(&ask.w, STUN_REALM, STR_LIT(LAB_REALM));
	stun_write_text(&ask.w, STUN_NONCE, str_of(nonce));
	stun_write_integrity_sha256(&ask.w, alice.key, sizeof(alice.key));
	ck_assert_uint_eq(lab_send(&ask), 0);
	ck_assert(stun_has(&ask.m, STUN_INTEGRITY_SHA256));
	ck_assert(!stun_has(&ask.m, STUN_INTEGRITY));
}
END_TEST

START_TEST(test_retransmitted_allocate_gets_the_same_answer)
{
	uint8_t first[TURN_ANSWER_MAX];
	size_t len;

	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 5), 0);
	len = ask.out.answer_len;
	memcpy(first, ask.answer, len);
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 5), 0);
	ck_assert_uint_eq(ask.out.answer_len, len);
	ck_assert_mem_eq(ask.answer, first, len);
	ck_assert_uint_eq(lab.open, 1);
}
END_TEST

START_TEST(test_second_allocate_is_a_mismatch)
{
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 5), 0);
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 6), 437);
	ck_assert(stun_has(&ask.m, STUN_INTEGRITY));
}
END_TEST

/* Numbers as they stand in the attribute; 0 = leave it out. */
static unsigned allocate_with(uint32_t transport, uint32_t family,
	uint32_t second, const char *even, const char *token)
{
	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 1);
	if (transport != 0)
		stun_write_number(&ask.w, STUN_REQUESTED_TRANSPORT,
			transport << 24);
	if (family != 0)
		stun_write_number(&ask.w, STUN_REQUESTED_FAMILY,
			family << 24);
	if (second != 0)
		stun_write_number(&ask.w, STUN_ADDITIONAL_FAMILY,
			second << 24);
	if (even != NULL)
		stun_write_bytes(&ask.w, STUN_EVEN_PORT, even, 1);
	if (token != NULL)
		stun_write_bytes(&ask.w, STUN_RESERVATION_TOKEN, token, 8);
	lab_sign(&ask, &alice);
	return lab_send(&ask);
}

START_TEST(test_allocate_refuses_what_it_must)
{
	static const char token[] = "12345678";

	ck_assert_uint_eq(allocate_with(0, 0, 0, NULL, NULL), 400);
	ck_assert_uint_eq(allocate_with(6, 0, 0, NULL, NULL), 400);
	ck_assert_uint_eq(allocate_with(1, 0, 0, NULL, NULL), 442);
	ck_assert_uint_eq(allocate_with(17, 3, 0, NULL, NULL), 440);
	ck_assert_uint_eq(allocate_with(17, 2, 0, NULL, NULL), 440);
	ck_assert_uint_eq(allocate_with(17, 1, 2, NULL, NULL), 400);
	ck_assert_uint_eq(allocate_with(17, 0, 1, NULL, NULL), 400);
	ck_assert_uint_eq(allocate_with(17, 0, 2, "\x80", NULL), 400);
	ck_assert_uint_eq(allocate_with(17, 0, 2, NULL, token), 400);
	ck_assert_uint_eq(allocate_with(17, 1, 0, NULL, token), 400);
	ck_assert_uint_eq(allocate_with(17, 0, 0, "\0", token), 400);
	ck_assert_uint_eq(allocate_with(17, 0, 0, NULL, token), 508);
	ck_assert_uint_eq(lab.open, 0);
}
END_TEST

START_TEST(test_even_port_is_even)
{
	struct addr a;
	char client[32];
	unsigned i;

	for (i = 0; i < 20; i++) {
		snprintf(client, sizeof(client), "203.0.113.9:%u", 2000 + i);
		lab_begin(&ask, &lab, client, STUN_ALLOCATE, i);
		lab_write_transport(&ask, 17);
		stun_write_bytes(&ask.w, STUN_EVEN_PORT, "\0", 1);
		lab_sign(&ask, &alice);
		ck_assert_uint_eq(lab_send(&ask), 0);
		ck_assert_int_eq(stun_addr(&ask.m, STUN_RELAYED_ADDRESS, &a),
			0);
		ck_assert_uint_eq(a.port % 2, 0);
	}
}
END_TEST

START_TEST(test_second_family_is_refused_beside_the_first)
{
	struct str value;

	ck_assert_uint_eq(allocate_with(17, 0, 2, NULL, NULL), 0);
	value = stun_bytes(&ask.m, STUN_ADDRESS_ERROR_CODE);
	ck_assert_uint_gt(value.n, 4);
	ck_assert_int_eq(value.p[0], 2);
	ck_assert_int_eq(value.p[2] * 100 + value.p[3], 440);
}
END_TEST

/* R17: what is asked for is what is granted, and peers are of that kind. */
START_TEST(test_R17_family_matrix)
{
	static const struct {
		const char *client;
		uint32_t asked; /* 0 = nothing */
		unsigned code;
		uint8_t family;
	} rows[] = {
		{"203.0.113.7:1", 0, 0, 4}, {"203.0.113.7:2", 1, 0, 4},
		{"203.0.113.7:3", 2, 0, 6}, {"[2001:db8::7]:1", 0, 0, 4},
		{"[2001:db8::7]:2", 1, 0, 4}, {"[2001:db8::7]:3", 2, 0, 6},
	};
	struct addr a;
	size_t i;

	lab_add_v6(&lab);
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		bool is_v6 = rows[i].family == 6;

		lab_begin(&ask, &lab, rows[i].client, STUN_ALLOCATE, 1);
		lab_write_transport(&ask, 17);
		if (rows[i].asked != 0)
			stun_write_number(&ask.w, STUN_REQUESTED_FAMILY,
				rows[i].asked << 24);
		lab_sign(&ask, &alice);
		ck_assert_uint_eq(lab_send(&ask), rows[i].code);
		ck_assert_int_eq(stun_addr(&ask.m, STUN_RELAYED_ADDRESS, &a),
			0);
		ck_assert_uint_eq(a.family, rows[i].family);
		ck_assert_int_eq(stun_addr(&ask.m, STUN_XOR_MAPPED_ADDRESS,
					 &a), 0);
		ck_assert_uint_eq(a.family,
			rows[i].client[0] == '[' ? 6 : 4);
		ck_assert_uint_eq(lab_permit(&ask, &lab, rows[i].client,
					  &alice, "8.8.8.8:1"),
			is_v6 ? 443 : 0);
		ck_assert_uint_eq(lab_permit(&ask, &lab, rows[i].client,
					  &alice, "[2a01::1]:1"),
			is_v6 ? 0 : 443);
		ck_assert_uint_eq(lab_bind(&ask, &lab, rows[i].client, &alice,
					  0x4000, is_v6 ? "[2a01::1]:5" :
							  "8.8.8.8:5"), 0);
		ck_assert(!lab_data(&ask, &lab, rows[i].client,
			is_v6 ? "8.8.8.8:1" : "[2a01::1]:1"));
	}
	lab_check(&lab);
}
END_TEST

START_TEST(test_unknown_required_attribute_is_420_for_known_users_only)
{
	static const uint8_t odd[] = {0x7f, 0xfe, 0, 0};

	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 1);
	wbuf_bytes(&ask.w.w, odd, sizeof(odd));
	lab_sign(&ask, &alice);
	ck_assert_uint_eq(lab_send(&ask), 420);
	ck_assert_uint_eq(stun_bytes(&ask.m, STUN_UNKNOWN_ATTRIBUTES).n, 2);
	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 1);
	wbuf_bytes(&ask.w.w, odd, sizeof(odd));
	ck_assert_uint_eq(lab_send(&ask), 401);
}
END_TEST

START_TEST(test_lifetime_is_between_default_and_maximum)
{
	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 1);
	lab_write_transport(&ask, 17);
	stun_write_number(&ask.w, STUN_LIFETIME, 1);
	lab_sign(&ask, &alice);
	ck_assert_uint_eq(lab_send(&ask), 0);
	ck_assert_uint_eq(lifetime(), 600);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 100000), 0);
	ck_assert_uint_eq(lifetime(), 3600);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 700), 0);
	ck_assert_uint_eq(lifetime(), 700);
}
END_TEST

START_TEST(test_allocation_expires_at_its_lifetime)
{
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	lab_advance(&lab, 599000);
	ck_assert_ptr_nonnull(lab_alloc(&lab, ALICE));
	lab_advance(&lab, 2001);
	ck_assert_ptr_null(lab_alloc(&lab, ALICE));
	ck_assert_uint_eq(lab.open, 0);
	ck_assert_uint_eq(count(AV_ENDED_EXPIRED), 1);
}
END_TEST

START_TEST(test_refresh_keeps_an_allocation_until_its_absolute_end)
{
	unsigned i;

	lab.rules->allocation_lifetime_s = 3600;
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	for (i = 0; i < 7; i++) {
		lab_advance(&lab, 500000);
		ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 600),
			0);
	}
	ck_assert_uint_eq(lifetime(), 100);
	lab_advance(&lab, 102000);
	ck_assert_ptr_null(lab_alloc(&lab, ALICE));
	ck_assert_uint_eq(count(AV_ENDED_TOO_OLD), 1);
}
END_TEST

START_TEST(test_refresh_0_ends_at_once_and_the_tuple_is_free)
{
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 0), 0);
	ck_assert_uint_eq(lifetime(), 0);
	ck_assert_uint_eq(lab.open, 0);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 0), 437);
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 2), 0);
}
END_TEST

START_TEST(test_refresh_of_another_family_is_443)
{
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	lab_begin(&ask, &lab, ALICE, STUN_REFRESH, 2);
	stun_write_number(&ask.w, STUN_REQUESTED_FAMILY, 2u << 24);
	lab_sign(&ask, &alice);
	ck_assert_uint_eq(lab_send(&ask), 443);
}
END_TEST

/* T11: nobody touches another user's allocation. */
START_TEST(test_T11_another_user_is_told_441)
{
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &bob, 0), 441);
	ck_assert_uint_eq(lab_permit(&ask, &lab, ALICE, &bob, PEER), 441);
	ck_assert_ptr_nonnull(lab_alloc(&lab, ALICE));
	ck_assert_uint_eq(count(AV_AUTH_WRONG_USER), 2);
	/* an Allocate is told about the 5-tuple, even with the same id */
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &bob, 1), 437);
}
END_TEST

START_TEST(test_requests_without_allocation_are_437)
{
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 600), 437);
	ck_assert_uint_eq(lab_permit(&ask, &lab, ALICE, &alice, PEER), 437);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4000, PEER),
		437);
	ck_assert(!lab_data(&ask, &lab, ALICE, PEER));
	ck_assert_uint_eq(count(AV_DROP_NO_ALLOCATION), 1);
}
END_TEST

START_TEST(test_send_needs_a_permission_which_lasts_five_minutes)
{
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	ck_assert(!lab_data(&ask, &lab, ALICE, PEER));
	ck_assert_uint_eq(lab_permit(&ask, &lab, ALICE, &alice, PEER), 0);
	ck_assert(lab_data(&ask, &lab, ALICE, PEER));
	ck_assert(str_eq_z(ask.out.payload, "data"));
	ck_assert(lab_data(&ask, &lab, ALICE, "8.8.8.8:1")); /* by IP */
	ck_assert(!lab_data(&ask, &lab, ALICE, "8.8.8.9:9000"));
	lab_advance(&lab, 299999);
	ck_assert(lab_data(&ask, &lab, ALICE, PEER));
	lab_advance(&lab, 1);
	ck_assert(!lab_data(&ask, &lab, ALICE, PEER));
}
END_TEST

START_TEST(test_create_permission_takes_all_or_none)
{
	static const char *const peers[] = {
		"8.8.8.8:1", "8.8.4.4:1", "10.0.0.1:1",
	};
	struct addr a;
	size_t i;

	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	lab_begin(&ask, &lab, ALICE, STUN_CREATE_PERMISSION, 2);
	for (i = 0; i < ARRAY_COUNT(peers); i++) {
		a = lab_addr(peers[i]);
		stun_write_addr(&ask.w, STUN_PEER_ADDRESS, &a);
	}
	lab_sign(&ask, &alice);
	ck_assert_uint_eq(lab_send(&ask), 403);
	ck_assert(!lab_data(&ask, &lab, ALICE, "8.8.8.8:1"));
	lab_begin(&ask, &lab, ALICE, STUN_CREATE_PERMISSION, 3);
	lab_sign(&ask, &alice);
	ck_assert_uint_eq(lab_send(&ask), 400);
	ck_assert_uint_eq(lab_permit(&ask, &lab, ALICE, &alice,
				  "[2001:db8::1]:1"), 443);
}
END_TEST

/* The setting denied_peers: drop. Nothing but the answer is different. */
START_TEST(test_T1_feigned_permissions_carry_nothing)
{
	struct addr good = lab_addr(PEER), bad = lab_addr("10.0.0.1:1");
	const struct alloc *a;

	lab.rules->feigns_peers = true;
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	a = alloc_at(&lab.turn.allocs, 0);
	ck_assert_uint_eq(lab_permit(&ask, &lab, ALICE, &alice, "10.0.0.1:1"),
		0);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4000,
		"10.0.0.1:1"), 0);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4001,
		"127.0.0.1:1"), 0);
	ck_assert(!lab_data(&ask, &lab, ALICE, "10.0.0.1:1"));
	ck_assert(!lab_data(&ask, &lab, ALICE, "127.0.0.1:1"));
	ck_assert_uint_eq(a->perm_count, 0);
	ck_assert_uint_eq(a->hot_count, 0);
	ck_assert_uint_eq(count(AV_PEER_SUITE + PEER_PRIVATE - PEER_SUITE),
		2);
	/* Of several those that may be are permitted. */
	lab_begin(&ask, &lab, ALICE, STUN_CREATE_PERMISSION, 2);
	stun_write_addr(&ask.w, STUN_PEER_ADDRESS, &bad);
	stun_write_addr(&ask.w, STUN_PEER_ADDRESS, &good);
	lab_sign(&ask, &alice);
	ck_assert_uint_eq(lab_send(&ask), 0);
	ck_assert_uint_eq(a->perm_count, 1);
	ck_assert(lab_data(&ask, &lab, ALICE, PEER));
	ck_assert(!lab_data(&ask, &lab, ALICE, "10.0.0.1:1"));
	/* A channel that carries is not promised to another one. */
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4000, PEER),
		0);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4000,
		"10.0.0.1:1"), 400);
}
END_TEST

START_TEST(test_permissions_are_bounded_and_old_ones_make_room)
{
	char peer[32];
	unsigned i;

	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	for (i = 0; i < PERM_PER_ALLOC; i++) {
		snprintf(peer, sizeof(peer), "8.8.1.%u:1", i);
		ck_assert_uint_eq(lab_permit(&ask, &lab, ALICE, &alice, peer),
			0);
	}
	ck_assert_uint_eq(lab_permit(&ask, &lab, ALICE, &alice, PEER), 508);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4000, PEER),
		508);
	lab_check(&lab);
	lab_advance(&lab, 300001);
	ck_assert_uint_eq(lab_permit(&ask, &lab, ALICE, &alice, PEER), 0);
}
END_TEST

START_TEST(test_channel_bind_follows_the_rules)
{
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x3fff, PEER),
		400);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x8000, PEER),
		400);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4000,
				  "8.8.8.8:0"), 400);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4000, PEER),
		0);
	/* again: refresh */
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4000, PEER),
		0);
	/* same channel, other peer; same peer, other channel */
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4000,
				  "8.8.8.8:9001"), 400);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4001, PEER),
		400);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4001,
				  "8.8.8.8:9001"), 0);
	ck_assert_uint_eq(lab_alloc(&lab, ALICE)->hot_count, 2);
	/* it installs the permission */
	ck_assert(lab_data(&ask, &lab, ALICE, PEER));
}
END_TEST

START_TEST(test_channel_lives_ten_minutes_its_permission_five)
{
	struct addr client = lab_addr(ALICE);
	struct hot *h;

	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 3600), 0);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4000, PEER),
		0);
	h = hot_find(&lab.turn.hots, 0, &client, 0x4000);
	ck_assert_ptr_nonnull(h);
	ck_assert(hot_is_live(h, lab.turn.now));
	lab_advance(&lab, 300000);
	ck_assert(!hot_is_live(h, lab.turn.now));
	ck_assert_uint_eq(lab_permit(&ask, &lab, ALICE, &alice, PEER), 0);
	ck_assert(hot_is_live(h, lab.turn.now));
	lab_advance(&lab, 299000);
	ck_assert(hot_is_live(h, lab.turn.now));
	lab_advance(&lab, 1000);
	ck_assert(!hot_is_live(h, lab.turn.now));
	/* over: the channel is free for another peer */
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4000,
				  "8.8.4.4:5"), 0);
}
END_TEST

START_TEST(test_own_relay_address_is_bound_as_hairpin)
{
	struct addr client = lab_addr(ALICE);

	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4000,
				  LAB_RELAY ":50001"), 0);
	ck_assert(hot_find(&lab.turn.hots, 0, &client, 0x4000)->is_hairpin);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4001, PEER),
		0);
	ck_assert(!hot_find(&lab.turn.hots, 0, &client, 0x4001)->is_hairpin);
}
END_TEST

/* T12 at the server: what follows the integrity changes nothing. */
START_TEST(test_T12_lifetime_after_integrity_does_not_end_it)
{
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	lab_begin(&ask, &lab, ALICE, STUN_REFRESH, 2);
	lab_sign(&ask, &alice);
	stun_write_number(&ask.w, STUN_LIFETIME, 0);
	stun_write_fingerprint(&ask.w);
	ck_assert_uint_eq(lab_send(&ask), 0);
	ck_assert_uint_eq(lifetime(), 600);
	ck_assert_ptr_nonnull(lab_alloc(&lab, ALICE));
}
END_TEST

START_TEST(test_answers_indications_and_unknown_methods_are_not_answered)
{
	static const uint8_t tid[STUN_TID_LEN] = {0x21, 0x12, 0xa4, 0x42};
	static const struct {
		enum stun_class class;
		uint16_t method;
	} rows[] = {
		{STUN_SUCCESS, STUN_BINDING}, {STUN_ERROR, STUN_ALLOCATE},
		{STUN_INDICATION, STUN_BINDING}, {STUN_INDICATION, STUN_DATA},
		{STUN_REQUEST, STUN_SEND}, {STUN_INDICATION, STUN_CONNECT},
		{STUN_REQUEST, 0x7ff},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		lab_begin(&ask, &lab, ALICE, STUN_BINDING, 1);
		stun_write_begin(&ask.w, &stun_rfc, ask.bytes,
			sizeof(ask.bytes), rows[i].class, rows[i].method,
			tid);
		ck_assert_uint_eq(lab_send(&ask), 999);
	}
}
END_TEST

/* T21: garbage never costs an allocation. */
START_TEST(test_T21_garbage_on_the_tuple_changes_nothing)
{
	uint8_t junk[200];
	unsigned i;

	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	for (i = 0; i < 20000; i++) {
		rand_bytes(junk, sizeof(junk));
		junk[0] &= 0x01;
		buf_store_u16(junk + 2, 180);
		buf_store_u32(junk + 4, STUN_COOKIE);
		lab_hear(&ask, junk, sizeof(junk));
	}
	ck_assert_ptr_nonnull(lab_alloc(&lab, ALICE));
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 600), 0);
}
END_TEST

START_TEST(test_T5_rules_that_forbid_a_peer_end_permission_and_channel)
{
	const struct addr client = lab_addr(ALICE);
	const struct hot *h;
	struct rules *strict;

	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4000, PEER),
		0);
	strict = lab_rules(64, &lab.rules->keys);
	peer_policy_add_suite(&strict->peers, &(struct addr){0});
	turn_set_rules(&lab.turn, rules_ref(strict));
	ck_assert(lab_data(&ask, &lab, ALICE, PEER));
	h = hot_find(&lab.turn.hots, 0, &client, 0x4000);
	ck_assert(hot_is_live(h, lab.turn.now));
	rules_unref(strict);
	strict = lab_rules(64, &lab.rules->keys);
	peer_policy_add_suite(&strict->peers,
		&(struct addr){.family = 4, .ip = {[10] = 255, 255, 8, 8, 8,
			8}});
	turn_set_rules(&lab.turn, strict);
	ck_assert(!lab_data(&ask, &lab, ALICE, PEER));
	ck_assert(!hot_is_live(h, lab.turn.now));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("turn_rfc");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failures;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_binding_tells_the_reflexive_address);
	tcase_add_test(t, test_fingerprint_is_answered_with_a_fingerprint);
	tcase_add_test(t,
		test_first_allocate_is_challenged_with_realm_and_nonce);
	tcase_add_test(t, test_allocate_gives_a_port_of_the_range_and_signs);
	tcase_add_test(t, test_public_address_is_shown_behind_a_nat);
	tcase_add_test(t, test_sha256_integrity_is_answered_in_kind);
	tcase_add_test(t, test_retransmitted_allocate_gets_the_same_answer);
	tcase_add_test(t, test_second_allocate_is_a_mismatch);
	tcase_add_test(t, test_allocate_refuses_what_it_must);
	tcase_add_test(t, test_even_port_is_even);
	tcase_add_test(t, test_second_family_is_refused_beside_the_first);
	tcase_add_test(t, test_R17_family_matrix);
	tcase_add_test(t,
		test_unknown_required_attribute_is_420_for_known_users_only);
	tcase_add_test(t, test_lifetime_is_between_default_and_maximum);
	tcase_add_test(t, test_allocation_expires_at_its_lifetime);
	tcase_add_test(t,
		test_refresh_keeps_an_allocation_until_its_absolute_end);
	tcase_add_test(t,
		test_refresh_0_ends_at_once_and_the_tuple_is_free);
	tcase_add_test(t, test_refresh_of_another_family_is_443);
	tcase_add_test(t, test_T11_another_user_is_told_441);
	tcase_add_test(t, test_requests_without_allocation_are_437);
	tcase_add_test(t,
		test_send_needs_a_permission_which_lasts_five_minutes);
	tcase_add_test(t, test_create_permission_takes_all_or_none);
	tcase_add_test(t, test_T1_feigned_permissions_carry_nothing);
	tcase_add_test(t,
		test_permissions_are_bounded_and_old_ones_make_room);
	tcase_add_test(t, test_channel_bind_follows_the_rules);
	tcase_add_test(t,
		test_channel_lives_ten_minutes_its_permission_five);
	tcase_add_test(t, test_own_relay_address_is_bound_as_hairpin);
	tcase_add_test(t, test_T12_lifetime_after_integrity_does_not_end_it);
	tcase_add_test(t,
		test_answers_indications_and_unknown_methods_are_not_answered);
	tcase_add_test(t, test_T21_garbage_on_the_tuple_changes_nothing);
	tcase_add_test(t,
		test_T5_rules_that_forbid_a_peer_end_permission_and_channel);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}
