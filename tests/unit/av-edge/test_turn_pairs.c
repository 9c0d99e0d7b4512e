/*
 * Allocations that are more than one port: EVEN-PORT with the next one put
 * aside, two families at once, and being sent to another relay (RFC 8656
 * 7.2, RFC 8489 10). Threats T9, T10, T11; requirements R4, R16, R17.
 */
#include <errno.h>

#include "tests/unit/av-edge/lab_ms.h"
#include "tests/unit/av-edge/suite.h"

#define ALICE "203.0.113.7:4000"
#define BOB   "203.0.113.8:4000"
#define V4    "8.8.8.8:9000"
#define V6    "[2a01::8]:9000"

static struct lab lab;
static struct lab_ask ask;
static struct lab_cred alice, bob;
static uint8_t token[RESERVATION_TOKEN_LEN];

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

static unsigned relayed_port(void)
{
	struct addr a;

	ck_assert_int_eq(stun_addr(&ask.m, STUN_RELAYED_ADDRESS, &a), 0);
	return a.port;
}

static unsigned free_ports(void)
{
	return port_pool_count(lab.shared.ports[RULES_V4]).free;
}

/* ---- reservations ------------------------------------------------------- */

static unsigned allocate_pair(const char *client, const struct lab_cred *cred,
	unsigned tid)
{
	struct str value;

	lab_begin(&ask, &lab, client, STUN_ALLOCATE, tid);
	lab_write_transport(&ask, 17);
	stun_write_bytes(&ask.w, STUN_EVEN_PORT, "\x80", 1);
	lab_sign(&ask, cred);
	if (lab_send(&ask) != 0)
		return ask.code;
	value = stun_bytes(&ask.m, STUN_RESERVATION_TOKEN);
	if (value.n == sizeof(token))
		memcpy(token, value.p, sizeof(token));
	return 0;
}

static unsigned allocate_token(const char *client,
	const struct lab_cred *cred)
{
	lab_begin(&ask, &lab, client, STUN_ALLOCATE, 9);
	lab_write_transport(&ask, 17);
	stun_write_bytes(&ask.w, STUN_RESERVATION_TOKEN, token,
		sizeof(token));
	lab_sign(&ask, cred);
	return lab_send(&ask);
}

START_TEST(test_pair_is_even_and_its_neighbour_comes_by_token)
{
	unsigned first, before = free_ports();

	ck_assert_uint_eq(allocate_pair(ALICE, &alice, 1), 0);
	first = relayed_port();
	ck_assert_uint_eq(first % 2, 0);
	ck_assert(stun_has(&ask.m, STUN_RESERVATION_TOKEN));
	ck_assert_uint_eq(free_ports(), before - 2);
	lab_check(&lab);
	ck_assert_uint_eq(allocate_token("203.0.113.7:4001", &alice), 0);
	ck_assert_uint_eq(relayed_port(), first + 1);
	ck_assert_uint_eq(free_ports(), before - 2);
	ck_assert_uint_eq(allocate_token("203.0.113.7:4002", &alice), 508);
	lab_advance(&lab, 31000); /* nothing is given back twice */
	ck_assert_uint_eq(free_ports(), before - 2);
}
END_TEST

/* Who has a port put aside and may not use it now keeps none of it. */
START_TEST(test_T9_refused_for_its_rate_loses_no_reserved_port)
{
	unsigned before = free_ports();

	lab.rules->allocations_per_minute = 1;
	ck_assert_uint_eq(allocate_pair(ALICE, &alice, 1), 0);
	ck_assert_uint_eq(free_ports(), before - 2);
	ck_assert_uint_eq(allocate_token("203.0.113.7:4001", &alice), 486);
	ck_assert_uint_eq(free_ports(), before - 1);
}
END_TEST

START_TEST(test_lost_answer_carries_the_same_token)
{
	uint8_t first[RESERVATION_TOKEN_LEN];

	ck_assert_uint_eq(allocate_pair(ALICE, &alice, 1), 0);
	memcpy(first, token, sizeof(first));
	ck_assert_uint_eq(allocate_pair(ALICE, &alice, 1), 0);
	ck_assert_mem_eq(token, first, sizeof(first));
	ck_assert_uint_eq(reservation_count(lab.shared.reservations), 1);
}
END_TEST

START_TEST(test_T10_reservation_that_nobody_wants_comes_back)
{
	unsigned before = free_ports();

	ck_assert_uint_eq(allocate_pair(ALICE, &alice, 1), 0);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 0), 0);
	ck_assert_uint_eq(free_ports(), before - 1);
	lab_advance(&lab, 29000);
	ck_assert_uint_eq(free_ports(), before - 1);
	lab_advance(&lab, 1001);
	ck_assert_uint_eq(free_ports(), before);
	ck_assert_uint_eq(allocate_token(ALICE, &alice), 508);
	ck_assert(port_pool_is_sound(lab.shared.ports[RULES_V4]));
}
END_TEST

START_TEST(test_T11_token_of_another_user_is_worth_nothing)
{
	ck_assert_uint_eq(allocate_pair(ALICE, &alice, 1), 0);
	ck_assert_uint_eq(allocate_token(BOB, &bob), 508);
	ck_assert_uint_eq(allocate_token("203.0.113.7:4001", &alice), 0);
}
END_TEST

/* What is put aside counts: else it were a way round the quota. */
START_TEST(test_T9_reservations_count_for_the_quota)
{
	unsigned i;
	char client[32];

	lab.rules->allocations_per_user = 3;
	ck_assert_uint_eq(allocate_pair(ALICE, &alice, 1), 0);
	ck_assert_uint_eq(allocate_pair("203.0.113.7:4001", &alice, 2), 486);
	ck_assert_uint_eq(lab_allocate(&ask, &lab, "203.0.113.7:4002", &alice,
		3), 0);
	/* full, but its own token it may claim */
	ck_assert_uint_eq(lab_allocate(&ask, &lab, "203.0.113.7:4003", &alice,
		4), 486);
	ck_assert_uint_eq(allocate_token("203.0.113.7:4003", &alice), 0);
	for (i = 0; i < 100; i++) {
		snprintf(client, sizeof(client), "203.0.113.9:%u", 1000 + i);
		ck_assert_uint_eq(allocate_pair(client, &alice, i), 486);
	}
	ck_assert_uint_eq(quota_held(lab.shared.quota), 3);
}
END_TEST

START_TEST(test_pairs_are_used_to_the_last_one)
{
	char client[32];
	unsigned i;

	lab.rules->allocations_per_user = 1000;
	for (i = 0; i < 32; i++) {
		snprintf(client, sizeof(client), "203.0.113.9:%u", 1000 + i);
		ck_assert_uint_eq(allocate_pair(client, &alice, i), 0);
	}
	ck_assert_uint_eq(free_ports(), 0);
	ck_assert_uint_eq(allocate_pair(ALICE, &alice, 1), 508);
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 2), 508);
	lab_advance(&lab, 30001);
	/* The odd half is free again, and has no pairs in it. */
	ck_assert_uint_eq(free_ports(), 32);
	ck_assert_uint_eq(allocate_pair(ALICE, &alice, 1), 508);
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 2), 0);
}
END_TEST

START_TEST(test_reserved_port_that_will_not_bind_is_given_back)
{
	unsigned before = free_ports();

	ck_assert_uint_eq(allocate_pair(ALICE, &alice, 1), 0);
	lab.fail_opens = 1;
	lab.fail_with = -EADDRINUSE;
	ck_assert_uint_eq(allocate_token(BOB, &alice), 508);
	ck_assert_uint_eq(free_ports(), before - 1);
	lab_check(&lab);
	lab.fail_opens = 3;
	ck_assert_uint_eq(allocate_pair(BOB, &alice, 2), 0);
	lab_check(&lab);
	lab.fail_opens = 1;
	lab.fail_with = -EMFILE;
	ck_assert_uint_eq(allocate_pair("203.0.113.9:1", &alice, 2), 508);
}
END_TEST

/* ---- two families ------------------------------------------------------- */

static unsigned allocate_both(const char *client, unsigned tid)
{
	lab_begin(&ask, &lab, client, STUN_ALLOCATE, tid);
	lab_write_transport(&ask, 17);
	stun_write_number(&ask.w, STUN_ADDITIONAL_FAMILY, 2u << 24);
	lab_sign(&ask, &alice);
	return lab_send(&ask);
}

static void assert_families(bool has_v4, bool has_v6)
{
	unsigned families = 0;
	struct addr a;
	size_t n;

	for (n = 0; stun_addr_nth(&ask.m, STUN_RELAYED_ADDRESS, n, &a) == 0;
	     n++)
		families += a.family;
	ck_assert_uint_eq(families, (has_v4 ? 4 : 0) + (has_v6 ? 6 : 0));
	ck_assert_uint_eq(n, (size_t)has_v4 + has_v6);
}

/* The family and code of ADDRESS-ERROR-CODE as one number: 2440. */
static unsigned address_error(void)
{
	struct str v = stun_bytes(&ask.m, STUN_ADDRESS_ERROR_CODE);

	return v.n < 4 ? 0 : (unsigned)(v.p[0] * 1000 + v.p[2] * 100 +
		v.p[3]);
}

static unsigned refresh_family(unsigned family, uint32_t lifetime_s)
{
	lab_begin(&ask, &lab, ALICE, STUN_REFRESH, 5);
	stun_write_number(&ask.w, STUN_LIFETIME, lifetime_s);
	stun_write_number(&ask.w, STUN_REQUESTED_FAMILY, family << 24);
	lab_sign(&ask, &alice);
	return lab_send(&ask);
}

START_TEST(test_R17_both_families_at_once)
{
	lab_add_v6(&lab);
	ck_assert_uint_eq(allocate_both(ALICE, 1), 0);
	assert_families(true, true);
	ck_assert_uint_eq(address_error(), 0);
	ck_assert_uint_eq(lab.open, 2);
	lab_check(&lab);
	/* The answer was lost. */
	ck_assert_uint_eq(allocate_both(ALICE, 1), 0);
	assert_families(true, true);
	ck_assert_uint_eq(lab.open, 2);
	ck_assert_uint_eq(allocate_both(ALICE, 2), 437);
	/* Peers of either. */
	ck_assert_uint_eq(lab_permit(&ask, &lab, ALICE, &alice, V4), 0);
	ck_assert_uint_eq(lab_permit(&ask, &lab, ALICE, &alice, V6), 0);
	ck_assert(lab_data(&ask, &lab, ALICE, V4));
	ck_assert_uint_eq(ask.out.from->family, 4);
	ck_assert(lab_data(&ask, &lab, ALICE, V6));
	ck_assert_uint_eq(ask.out.from->family, 6);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 0), 0);
	ck_assert_uint_eq(lab.open, 0);
}
END_TEST

START_TEST(test_one_family_of_two_is_better_than_none)
{
	ck_assert_uint_eq(allocate_both(ALICE, 1), 0);
	assert_families(true, false);
	ck_assert_uint_eq(address_error(), 2440);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 0), 0);
	lab_add_v6(&lab);
	lab.fail_opens = 1;
	lab.fail_with = -EMFILE;
	ck_assert_uint_eq(allocate_both(ALICE, 2), 0);
	assert_families(false, true);
	ck_assert_uint_eq(address_error(), 1508);
	lab_check(&lab);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 0), 0);
	memset(&lab.rules->media[RULES_V4].bind, 0, sizeof(struct addr));
	ck_assert_uint_eq(allocate_both(ALICE, 3), 0);
	assert_families(false, true);
	ck_assert_uint_eq(address_error(), 1440);
	lab.fail_opens = 2;
	ck_assert_uint_eq(allocate_both(BOB, 4), 508);
}
END_TEST

START_TEST(test_families_are_refreshed_and_ended_one_by_one)
{
	lab_add_v6(&lab);
	ck_assert_uint_eq(allocate_both(ALICE, 1), 0);
	ck_assert_uint_eq(refresh_family(2, 1200), 0);
	lab_advance(&lab, 601000);
	lab_check(&lab);
	ck_assert_uint_eq(lab.open, 1); /* the other one expired */
	ck_assert_uint_eq(refresh_family(1, 600), 443);
	ck_assert_uint_eq(lab_permit(&ask, &lab, ALICE, &alice, V4), 443);
	ck_assert_uint_eq(lab_permit(&ask, &lab, ALICE, &alice, V6), 0);
	ck_assert_uint_eq(refresh_family(2, 0), 0);
	ck_assert_uint_eq(allocate_both(ALICE, 2), 0);
	ck_assert_uint_eq(refresh_family(2, 0), 0);
	lab_check(&lab);
	ck_assert_uint_eq(refresh_family(3, 600), 443);
	ck_assert_uint_eq(lab_permit(&ask, &lab, ALICE, &alice, V4), 0);
}
END_TEST

START_TEST(test_channels_are_one_space_over_both_families)
{
	lab_add_v6(&lab);
	ck_assert_uint_eq(allocate_both(ALICE, 1), 0);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4000, V4), 0);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4000, V6),
		400);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4001, V6), 0);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4001, V4),
		400);
	/* Over: the number is free for the other family. */
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 3600), 0);
	lab_advance(&lab, 601000);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4000, V6), 0);
	ck_assert_uint_eq(lab_bind(&ask, &lab, ALICE, &alice, 0x4001, V4), 0);
}
END_TEST

START_TEST(test_T9_each_family_counts_for_the_quota)
{
	lab_add_v6(&lab);
	lab.rules->allocations_per_user = 3;
	ck_assert_uint_eq(allocate_both(ALICE, 1), 0);
	ck_assert_uint_eq(allocate_both(BOB, 1), 0);
	assert_families(true, false);
	ck_assert_uint_eq(allocate_both("203.0.113.9:1", 1), 486);
}
END_TEST

/* ---- other relays ------------------------------------------------------- */

static void add_alternate(const char *address)
{
	struct alternates *all = &lab.rules->alternates;

	all->list[TOPOLOGY_EXTERNAL][all->count[TOPOLOGY_EXTERNAL]++] =
	    lab_addr(address);
}

START_TEST(test_who_can_not_be_served_is_told_where_else)
{
	char text[ADDR_TEXT_LEN];
	struct addr other;

	lab.rules->is_draining = true;
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 508);
	add_alternate("198.51.100.31");
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 300);
	ck_assert(stun_has(&ask.m, STUN_INTEGRITY));
	ck_assert_int_eq(stun_addr(&ask.m, STUN_ALTERNATE_SERVER, &other), 0);
	ck_assert_str_eq(addr_text(&other, text), "198.51.100.31:3478");
	/* 14.15: of the client's own family */
	ck_assert_uint_eq(lab_allocate(&ask, &lab, "[2a01::1]:5", &alice, 1),
		508);
	/* Other refusals are the same everywhere. */
	lab.rules->is_draining = false;
	lab.rules->allocations_per_user = 1;
	ck_assert_uint_eq(lab_allocate(&ask, &lab, BOB, &alice, 1), 0);
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 486);
}
END_TEST

START_TEST(test_strangers_are_not_redirected)
{
	lab.rules->is_draining = true;
	add_alternate("198.51.100.31");
	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 1);
	lab_write_transport(&ask, 17);
	ck_assert_uint_eq(lab_send(&ask), 401);
	ck_assert(!stun_has(&ask.m, STUN_ALTERNATE_SERVER));
}
END_TEST

START_TEST(test_ms_clients_are_sent_on_too)
{
	struct ms_client c;
	struct ms_ask ms;
	char text[ADDR_TEXT_LEN];
	struct addr other;

	ms_client_init(&c, &lab, ALICE, "sip:alice@contoso.test");
	lab.rules->is_draining = true;
	ck_assert_uint_eq(ms_allocate(&ms, &c, 1), 500);
	add_alternate("198.51.100.31");
	ck_assert_uint_eq(ms_allocate(&ms, &c, 2), 300);
	ck_assert(ms.is_signed);
	ck_assert_int_eq(stun_addr(&ms.m, STUN_ALTERNATE_SERVER, &other), 0);
	ck_assert_str_eq(addr_text(&other, text), "198.51.100.31:3478");
}
END_TEST

/* [MS-TURN] 2.2.2.7: by default nothing, in a pool its own address. */
START_TEST(test_edge_of_a_pool_names_itself_in_the_challenge)
{
	struct ms_client c;
	struct ms_ask ms;
	char text[ADDR_TEXT_LEN];
	struct addr here;

	ms_client_init(&c, &lab, ALICE, "sip:alice@contoso.test");
	ms_begin(&ms, &c, STUN_MS_ALLOCATE, 1);
	ck_assert_uint_eq(ms_send(&ms), 401);
	ck_assert(!stun_has(&ms.m, STUN_ALTERNATE_SERVER));
	lab.rules->names_itself = true;
	lab.rules->media[RULES_V4].shown = lab_addr("192.0.2.55");
	ms_begin(&ms, &c, STUN_MS_ALLOCATE, 2);
	ck_assert_uint_eq(ms_send(&ms), 401);
	ck_assert_int_eq(stun_addr(&ms.m, STUN_ALTERNATE_SERVER, &here), 0);
	ck_assert_str_eq(addr_text(&here, text), "192.0.2.55:3478");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_pair_is_even_and_its_neighbour_comes_by_token,
		test_T9_refused_for_its_rate_loses_no_reserved_port,
		test_lost_answer_carries_the_same_token,
		test_T10_reservation_that_nobody_wants_comes_back,
		test_T11_token_of_another_user_is_worth_nothing,
		test_T9_reservations_count_for_the_quota,
		test_pairs_are_used_to_the_last_one,
		test_reserved_port_that_will_not_bind_is_given_back,
		test_R17_both_families_at_once,
		test_one_family_of_two_is_better_than_none,
		test_families_are_refreshed_and_ended_one_by_one,
		test_channels_are_one_space_over_both_families,
		test_T9_each_family_counts_for_the_quota,
		test_who_can_not_be_served_is_told_where_else,
		test_strangers_are_not_redirected,
		test_ms_clients_are_sent_on_too,
		test_edge_of_a_pool_names_itself_in_the_challenge,
	};

	return suite_run("turn_pairs", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
