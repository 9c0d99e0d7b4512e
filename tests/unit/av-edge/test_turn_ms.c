/* Allocate of [MS-TURN], and who may ask, without sockets. */
#include <check.h>
#include <errno.h>

#include "common/base/buf.h"
#include "common/base/rand.h"
#include "tests/unit/av-edge/lab_ms_two.h"
#include "tests/unit/av-edge/suite.h"

static uint32_t lifetime(void)
{
	uint32_t s = UINT32_MAX;

	ck_assert_int_eq(stun_number(&ask.m, STUN_LIFETIME, &s), 0);
	return s;
}

/* ---- Allocate ---------------------------------------------------------- */

START_TEST(test_first_allocate_is_challenged_unsigned)
{
	uint32_t version = 0;

	ms_begin(&ask, &alice, STUN_MS_ALLOCATE, 1);
	stun_write_number(&ask.w, STUN_MS_VERSION, 1);
	ck_assert_uint_eq(ms_send(&ask), 401);
	ck_assert(!ask.is_signed);
	ck_assert_int_eq(stun_ms_type(&ask.m), STUN_MS_ALLOCATE_ERROR);
	ck_assert(str_eq_z(stun_bytes(&ask.m, STUN_REALM), LAB_REALM));
	ck_assert_uint_eq(stun_bytes(&ask.m, STUN_NONCE).n % 4, 0);
	ck_assert_int_eq(stun_number(&ask.m, STUN_MS_VERSION, &version), 0);
	ck_assert_uint_eq(version, 2);
	ck_assert(!stun_has(&ask.m, STUN_ALTERNATE_SERVER));
	ck_assert_ptr_null(ms_alloc(&alice));
	ck_assert_uint_eq(count(AV_AUTH_CHALLENGED), 1);
}
END_TEST

START_TEST(test_T7_the_challenge_is_no_amplifier)
{
	/* the smallest Allocate there is: header and cookie */
	ms_begin(&ask, &alice, STUN_MS_ALLOCATE, 1);
	ck_assert_uint_eq(ms_send(&ask), 401);
	ck_assert_uint_le(ask.out.answer_len + 28, 3 * (ask.len + 28));
	/* a realm that would make it one: silence */
	memset(lab.rules->realm, 'r', 128);
	ms_begin(&ask, &alice, STUN_MS_ALLOCATE, 1);
	ck_assert_uint_eq(ms_send(&ask), 999);
	ck_assert_uint_eq(count(AV_STRANGER_TOO_LONG), 1);
}
END_TEST

START_TEST(test_R18_strangers_share_one_budget_over_both_dialects)
{
	static struct lab_ask rfc;
	unsigned answered = 0, i;

	ck_assert_int_eq(strangers_set_rate(lab.shared.strangers, 10), 0);
	for (i = 0; i < 20; i++) {
		ms_begin(&ask, &alice, STUN_MS_ALLOCATE, i);
		answered += ms_send(&ask) == 401;
		lab_begin(&rfc, &lab, ALICE, STUN_BINDING, i);
		answered += lab_send(&rfc) == 0;
	}
	ck_assert_uint_le(answered, 11);
	ck_assert_uint_ge(answered, 9);
}
END_TEST

START_TEST(test_allocate_says_all_that_a_client_needs)
{
	struct stun_ms_number number;
	char text[ADDR_TEXT_LEN];
	struct addr a;

	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	ck_assert(ask.is_signed);
	ck_assert_int_eq(stun_ms_type(&ask.m), STUN_MS_ALLOCATED);
	ck_assert_int_eq(stun_addr(&ask.m, STUN_RELAYED_ADDRESS, &a), 0);
	ck_assert_str_eq(addr_ip_text(&a, text), LAB_RELAY);
	ck_assert(a.port >= LAB_PORTS && a.port < LAB_PORTS + 64);
	ck_assert_int_eq(stun_addr(&ask.m, STUN_XOR_MAPPED_ADDRESS, &a), 0);
	ck_assert_str_eq(addr_text(&a, text), ALICE);
	ck_assert_uint_eq(lifetime(), 600);
	ck_assert_int_eq(stun_ms_number(&ask.m, &number), 0);
	ck_assert_uint_eq(number.number, 0);
	ck_assert(stun_has(&ask.m, STUN_MS_VERSION));
	ck_assert_uint_eq(lab.open, 1);
	ck_assert_uint_eq(count(AV_REQ_MS_ALLOCATE), 1);
	/* for a client that pads: all is a multiple of 4 */
	ck_assert_uint_eq(ask.out.answer_len % 4, 0);
}
END_TEST

START_TEST(test_public_address_is_shown_behind_a_nat)
{
	struct addr a;
	char text[ADDR_TEXT_LEN];

	lab.rules->media[RULES_V4].shown = lab_addr("192.0.2.55");
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	ck_assert_int_eq(stun_addr(&ask.m, STUN_RELAYED_ADDRESS, &a), 0);
	ck_assert_str_eq(addr_ip_text(&a, text), "192.0.2.55");
}
END_TEST

START_TEST(test_retransmitted_allocate_is_answered_alike)
{
	uint8_t first[TURN_ANSWER_MAX];
	size_t len;

	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	len = ask.out.answer_len;
	memcpy(first, ask.answer, len);
	ck_assert_uint_eq(ms_again(&ask), 0);
	ck_assert_uint_eq(ask.out.answer_len, len);
	ck_assert_mem_eq(ask.answer, first, len);
	ck_assert_uint_eq(lab.open, 1);
}
END_TEST

START_TEST(test_refresh_without_a_number_keeps_the_port)
{
	struct stun_ms_number number;
	struct addr before, after;

	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	ck_assert_int_eq(stun_addr(&ask.m, STUN_RELAYED_ADDRESS, &before), 0);
	ck_assert(ms_data(&ask, &alice, 2, PEER, "x"));
	lab_advance(&lab, 540000);
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 3), 0);
	ck_assert_int_eq(stun_addr(&ask.m, STUN_RELAYED_ADDRESS, &after), 0);
	ck_assert(addr_eq(&before, &after));
	/* what would make the client begin at 1 again is not there */
	ck_assert_int_eq(stun_ms_number(&ask.m, &number), -ENOENT);
	lab_advance(&lab, 599000);
	ck_assert_ptr_nonnull(ms_alloc(&alice));
	lab_advance(&lab, 3000);
	ck_assert_ptr_null(ms_alloc(&alice));
}
END_TEST

START_TEST(test_refresh_with_a_number_is_echoed)
{
	struct stun_ms_number number;

	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	ms_begin(&ask, &alice, STUN_MS_ALLOCATE, 2);
	alice.number.number++;
	stun_ms_write_number(&ask.w, &alice.number);
	ms_sign_fully(&ask);
	ck_assert_uint_eq(ms_send(&ask), 0);
	ck_assert_int_eq(stun_ms_number(&ask.m, &number), 0);
	ck_assert_uint_eq(number.number, 1);
	/* lost on the way, and asked again */
	ck_assert_uint_eq(ms_again(&ask), 0);
	ck_assert_uint_eq(lifetime(), 600);
}
END_TEST

START_TEST(test_lifetime_is_granted_within_bounds)
{
	static const uint32_t cases[][2] = {
		{1, 60}, {60, 60}, {61, 61}, {600, 600}, {3600, 3600},
		{3601, 3600}, {UINT32_MAX - 1, 3600},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		ck_assert_uint_eq(ms_allocate_for(&ask, &alice,
			(unsigned)i, cases[i][0]), 0);
		ck_assert_uint_eq(lifetime(), cases[i][1]);
	}
}
END_TEST

START_TEST(test_lifetime_0_ends_and_a_second_time_there_is_no_binding)
{
	ck_assert_uint_eq(ms_allocate_for(&ask, &alice, 1, 0), 437);
	ck_assert(ask.is_signed);
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 2), 0);
	ck_assert_uint_eq(ms_aim(&ask, &alice, 3, PEER), 0);
	ck_assert_uint_eq(ms_allocate_for(&ask, &alice, 4, 0), 0);
	ck_assert_uint_eq(lifetime(), 0);
	ck_assert_ptr_null(ms_alloc(&alice));
	ck_assert_uint_eq(lab.open, 0);
	ck_assert_uint_eq(ms_allocate_for(&ask, &alice, 5, 0), 437);
	ck_assert_uint_eq(count(AV_ENDED_REFRESH), 1);
}
END_TEST

START_TEST(test_traffic_and_requests_restart_the_timer)
{
	unsigned i;

	ck_assert_uint_eq(ms_allocate_for(&ask, &alice, 1, 60), 0);
	for (i = 0; i < 5; i++) {
		lab_advance(&lab, 50000);
		ck_assert(ms_data(&ask, &alice, 2 + i, PEER, "x"));
	}
	for (i = 0; i < 5; i++) {
		lab_advance(&lab, 50000);
		alloc_touch(ms_alloc(&alice), lab.turn.now);
	}
	/* a replay does not */
	ck_assert(ms_data(&ask, &alice, 20, PEER, "x"));
	lab_advance(&lab, 50000);
	ck_assert_uint_eq(ms_again(&ask), 999);
	lab_advance(&lab, 12000);
	ck_assert_ptr_null(ms_alloc(&alice));
}
END_TEST

START_TEST(test_nothing_outlives_the_absolute_end)
{
	unsigned i;

	lab.rules->allocation_lifetime_s = 1000;
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	for (i = 0; i < 4; i++) {
		lab_advance(&lab, 249000);
		alloc_touch(ms_alloc(&alice), lab.turn.now);
	}
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 2), 0);
	ck_assert_uint_le(lifetime(), 4);
	lab_advance(&lab, 6000);
	ck_assert_ptr_null(ms_alloc(&alice));
	ck_assert_uint_eq(count(AV_ENDED_TOO_OLD), 1);
}
END_TEST

START_TEST(test_T22_credential_may_end_in_mid_call_but_not_begin_one)
{
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	lab_advance(&lab, 500000);
	clock_fake_advance(INT64_C(28800) * 1000 - 400000);
	lab.turn.wall = wall_now();
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 2), 0);
	ck_assert(ms_data(&ask, &alice, 3, PEER, "x"));
	ck_assert_uint_eq(ms_aim(&ask, &alice, 4, PEER), 0);
	nonce_make(&lab.shared.secret, &bob.at, lab.turn.now, bob.nonce);
	ck_assert_uint_eq(ms_allocate(&ask, &bob, 5), 436);
	ck_assert_uint_eq(count(AV_AUTH_EXPIRED), 1);
}
END_TEST

START_TEST(test_own_nonce_is_good_as_long_as_the_allocation)
{
	unsigned i;

	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	for (i = 0; i < 4; i++) {
		lab_advance(&lab, 500000);
		ck_assert_uint_eq(ms_allocate(&ask, &alice, 2 + i), 0);
	}
	/* but of nobody else */
	memcpy(bob.nonce, alice.nonce, sizeof(bob.nonce));
	ck_assert_uint_eq(ms_allocate(&ask, &bob, 9), 438);
}
END_TEST

START_TEST(test_stale_nonce_is_438_with_a_fresh_one)
{
	lab_advance(&lab, 901000);
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 438);
	ck_assert(!ask.is_signed);
	ck_assert_int_eq(str_copy(stun_bytes(&ask.m, STUN_NONCE), alice.nonce,
				 sizeof(alice.nonce)), 0);
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 2), 0);
	ck_assert_uint_eq(count(AV_AUTH_STALE_NONCE), 1);
}
END_TEST

START_TEST(test_foreign_realm_is_taken_and_hashed)
{
	char longest[129];

	memset(longest, 'q', 128);
	longest[128] = '\0';
	alice.realm = "sip.fabrikam.ex";  /* 15 bytes, unpadded */
	ms_make_key(&alice, false);
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	/* and without it afterwards, as Microsoft's clients do */
	alice.realm = NULL;
	ck_assert(ms_data(&ask, &alice, 2, PEER, "x"));
	bob.realm = longest;
	ms_make_key(&bob, false);
	ck_assert_uint_eq(ms_allocate(&ask, &bob, 3), 0);
	/* another one with the refresh: the key follows */
	alice.realm = "other.test";
	ms_make_key(&alice, false);
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 4), 0);
	alice.realm = NULL;
	ck_assert(ms_data(&ask, &alice, 5, PEER, "x"));
}
END_TEST

START_TEST(test_realm_above_its_bound_is_missing)
{
	char longest[130];

	memset(longest, 'q', 129);
	longest[129] = '\0';
	ms_begin(&ask, &alice, STUN_MS_ALLOCATE, 1);
	wbuf_u16(&ask.w.w, 0x0015);
	wbuf_u16(&ask.w.w, 129);
	wbuf_bytes(&ask.w.w, longest, 129);
	stun_write_text(&ask.w, STUN_NONCE, str_of(alice.nonce));
	ms_write_user(&ask);
	stun_ms_write_integrity(&ask.w, &alice.key);
	ck_assert_uint_eq(ms_send(&ask), 434);
}
END_TEST

/* [MS-TURN] 3.3.5.1: the order of the checks. */
START_TEST(test_checks_come_in_their_order)
{
	static const struct {
		bool user, is_forged, realm, nonce, is_stale, integrity;
		unsigned code;
	} cases[] = {
		{0, 0, 0, 0, 0, 0, 401},
		{1, 1, 0, 0, 0, 0, 401}, /* no integrity: nothing counts */
		{0, 0, 1, 1, 1, 1, 432},
		{1, 1, 0, 0, 0, 1, 436},
		{1, 1, 1, 1, 1, 1, 436},
		{1, 0, 0, 1, 1, 1, 434},
		{1, 0, 1, 0, 0, 1, 435},
		{1, 0, 1, 1, 1, 1, 438},
		{1, 0, 1, 1, 0, 1, 0},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		struct ms_client c = alice;

		c.cred.user[20] ^= cases[i].is_forged;
		c.nonce[5] ^= cases[i].is_stale;
		ms_begin(&ask, &c, STUN_MS_ALLOCATE, (unsigned)i);
		if (cases[i].user)
			ms_write_user(&ask);
		if (cases[i].realm)
			stun_write_text(&ask.w, STUN_REALM,
				str_of(c.realm));
		if (cases[i].nonce)
			stun_write_text(&ask.w, STUN_NONCE, str_of(c.nonce));
		if (cases[i].integrity)
			stun_ms_write_integrity(&ask.w, &c.key);
		ck_assert_msg(ms_send(&ask) == cases[i].code,
			"case %zu: %u", i, ask.code);
		ck_assert(cases[i].code == 0 || !ask.is_signed);
	}
}
END_TEST

START_TEST(test_wrong_integrity_is_met_with_silence)
{
	alice.key.bytes[3] ^= 1;
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 999);
	ck_assert_uint_eq(count(AV_AUTH_BAD_INTEGRITY), 1);
	ck_assert_ptr_null(ms_alloc(&alice));
	/* each bit of it counts; so does each of the text */
	alice.key.bytes[3] ^= 1;
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 2), 0);
	ask.bytes[30] ^= 1;
	ck_assert_uint_eq(ms_again(&ask), 999);
}
END_TEST

START_TEST(test_no_pool_key_is_500)
{
	lab.rules->keys.count = 0;
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 500);
	ck_assert_uint_eq(count(AV_AUTH_NO_KEY), 1);
	lab.rules->keys.count = 1;
}
END_TEST

/* The pool key that made a credential may be dropped in mid-call. */
START_TEST(test_refresh_needs_no_pool_key)
{
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	lab.rules->keys.count = 0;
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 2), 0);
	lab.rules->keys.count = 1;
}
END_TEST

START_TEST(test_T11_allocation_of_another_user_is_441)
{
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	bob.at = alice.at;
	memcpy(bob.nonce, alice.nonce, sizeof(bob.nonce));
	bob.number = alice.number;
	ck_assert_uint_eq(ms_allocate_for(&ask, &bob, 2, 0), 441);
	ck_assert(ask.is_signed);
	ck_assert_uint_eq(ms_aim(&ask, &bob, 3, PEER), 441);
	ck_assert(!ms_data(&ask, &bob, 4, PEER, "x"));
	ck_assert_ptr_nonnull(ms_alloc(&alice));
	ck_assert_ptr_null(destination());
	ck_assert(!is_permitted(PEER));
}
END_TEST

START_TEST(test_unknown_attribute_is_420_and_listed)
{
	struct str list;

	ms_begin(&ask, &alice, STUN_MS_ALLOCATE, 1);
	wbuf_u16(&ask.w.w, 0x0022);
	wbuf_u16(&ask.w.w, 1);
	wbuf_u8(&ask.w.w, 7);
	ms_sign_fully(&ask);
	ck_assert_uint_eq(ms_send(&ask), 420);
	ck_assert(ask.is_signed);
	list = stun_bytes(&ask.m, STUN_UNKNOWN_ATTRIBUTES);
	ck_assert_uint_eq(list.n, 2);
	ck_assert_uint_eq(buf_load_u16((const uint8_t *)list.p), 0x0022);
	ck_assert_ptr_null(ms_alloc(&alice));
	/* from 0x8000 on they are passed over; TURNBWM is among them */
	ms_begin(&ask, &alice, STUN_MS_ALLOCATE, 2);
	wbuf_u16(&ask.w.w, 0x8006);
	wbuf_u16(&ask.w.w, 3);
	wbuf_bytes(&ask.w.w, "abc", 3);
	stun_write_bytes(&ask.w, STUN_BWM_ADMISSION, "\0\0\0", 4);
	stun_write_bytes(&ask.w, STUN_BWM_AMOUNT, "????????????????", 16);
	ms_sign_fully(&ask);
	ck_assert_uint_eq(ms_send(&ask), 0);
	ck_assert(!stun_has(&ask.m, STUN_BWM_LOCAL_SITE_ANSWER));
}
END_TEST

/* [MS-TURNBWM] 3.2.5.1: twelve bytes for each site that is asked about. */
static void assert_granted(enum stun_attr attr, bool is_there)
{
	static const uint8_t value[] = {0x80, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0,
		200};
	struct str v = stun_bytes(&ask.m, attr);

	ck_assert_uint_eq(v.n, is_there ? sizeof(value) : 0);
	if (is_there)
		ck_assert_mem_eq(v.p, value, sizeof(value));
}

static unsigned reserve(unsigned n, const char *message, bool with_relay)
{
	static const uint8_t amount[16] = {[3] = 100, [7] = 10, [11] = 200,
		[15] = 20};

	ms_begin(&ask, &alice, STUN_MS_ALLOCATE, n);
	stun_write_bytes(&ask.w, STUN_BWM_ADMISSION, message, 4);
	stun_write_bytes(&ask.w, STUN_BWM_AMOUNT, amount, sizeof(amount));
	if (with_relay)
		stun_write_bytes(&ask.w, STUN_BWM_LOCAL_RELAY, amount, 8);
	ms_sign_fully(&ask);
	return ms_send(&ask);
}

START_TEST(test_bandwidth_is_granted_when_it_is_to_be)
{
	lab.rules->grants_bandwidth = true;
	ck_assert_uint_eq(reserve(1, "\0\0\0", false), 0);
	assert_granted(STUN_BWM_REMOTE_SITE_ANSWER, true);
	assert_granted(STUN_BWM_LOCAL_SITE_ANSWER, true);
	assert_granted(STUN_BWM_REMOTE_RELAY_ANSWER, false);
	assert_granted(STUN_BWM_LOCAL_RELAY_ANSWER, false);
	ck_assert_uint_eq(reserve(2, "\0\0\0", true), 0);
	assert_granted(STUN_BWM_LOCAL_RELAY_ANSWER, true);
	/* Commit and Update are plain Allocates. */
	ck_assert_uint_eq(reserve(3, "\0\0\0\1", true), 0);
	assert_granted(STUN_BWM_LOCAL_SITE_ANSWER, false);
	lab.rules->grants_bandwidth = false;
	ck_assert_uint_eq(reserve(4, "\0\0\0", true), 0);
	assert_granted(STUN_BWM_LOCAL_SITE_ANSWER, false);
}
END_TEST

START_TEST(test_malformed_is_400_signed)
{
	ms_begin(&ask, &alice, STUN_MS_ALLOCATE, 1);
	wbuf_u16(&ask.w.w, 0x000d);
	wbuf_u16(&ask.w.w, 2);
	wbuf_u16(&ask.w.w, 600);
	ms_sign_fully(&ask);
	ck_assert_uint_eq(ms_send(&ask), 400);
	ck_assert(ask.is_signed);
}
END_TEST

START_TEST(test_T9_allocations_begun_are_bounded_by_the_minute)
{
	static struct ms_client more[3];
	unsigned i;
	char at[32];

	lab.rules->allocations_per_minute = 2;
	for (i = 0; i < 3; i++) {
		snprintf(at, sizeof(at), "203.0.113.20:%u", 1000 + i);
		ms_client_init(&more[i], &lab, at, "sip:carol@contoso.test");
		ck_assert_uint_eq(ms_allocate(&ask, &more[i], i),
			i < 2 ? 0 : 486);
	}
	ck_assert_uint_eq(count(AV_BEGUN_TOO_FAST), 1);
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 9), 0);
}
END_TEST

START_TEST(test_quota_is_486_and_capacity_500)
{
	static struct ms_client more[3];
	unsigned i;
	char at[32];

	lab.rules->allocations_per_user = 2;
	for (i = 0; i < 3; i++) {
		snprintf(at, sizeof(at), "203.0.113.20:%u", 1000 + i);
		ms_client_init(&more[i], &lab, at, "sip:carol@contoso.test");
		ck_assert_uint_eq(ms_allocate(&ask, &more[i], i),
			i < 2 ? 0 : 486);
		ck_assert(ask.is_signed);
	}
	lab.fail_opens = 1;
	lab.fail_with = -EMFILE;
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 9), 500);
	lab.rules->is_draining = true;
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 10), 500);
	lab.rules->is_draining = false;
	ck_assert_uint_eq(count(AV_REFUSED_QUOTA), 1);
	ck_assert_uint_eq(count(AV_REFUSED_CAPACITY), 2);
}
END_TEST

START_TEST(test_draining_lets_refreshes_through)
{
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	lab.rules->is_draining = true;
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 2), 0);
	ck_assert_uint_eq(ms_allocate(&ask, &bob, 3), 500);
}
END_TEST

START_TEST(test_family_that_is_not_served_is_500)
{
	ms_begin(&ask, &alice, STUN_MS_ALLOCATE, 1);
	stun_write_number(&ask.w, STUN_REQUESTED_FAMILY, 2u << 24);
	ms_sign_fully(&ask);
	ck_assert_uint_eq(ms_send(&ask), 500);
	ms_begin(&ask, &alice, STUN_MS_ALLOCATE, 2);
	stun_write_number(&ask.w, STUN_REQUESTED_FAMILY, 1u << 24);
	ms_sign_fully(&ask);
	ck_assert_uint_eq(ms_send(&ask), 0);
}
END_TEST

/* ---- versions ---------------------------------------------------------- */

static uint32_t told_version(void)
{
	uint32_t version = 0;

	ck_assert_int_eq(stun_number(&ask.m, STUN_MS_VERSION, &version), 0);
	return version;
}

START_TEST(test_sha256_is_offered_only_by_setting_and_to_version_3)
{
	alice.version = 6;
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 0);
	ck_assert_uint_eq(told_version(), 2);
	lab.rules->turn_sha256 = true;
	ck_assert_uint_eq(ms_allocate(&ask, &bob, 2), 0);
	ck_assert_uint_eq(told_version(), 2);
	ms_begin(&ask, &bob, STUN_MS_ALLOCATE, 3);
	stun_write_number(&ask.w, STUN_MS_VERSION, 6);
	bob.at.port++;
	ck_assert_uint_eq(ms_send(&ask), 401);
	ck_assert_uint_eq(told_version(), 3);
}
END_TEST

START_TEST(test_sha256_signs_the_whole_exchange)
{
	lab.rules->turn_sha256 = true;
	alice.version = 3;
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 1), 999); /* SHA-1 */
	ms_make_key(&alice, true);
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 2), 0);
	ck_assert(stun_has(&ask.m, STUN_INTEGRITY_SHA256));
	ck_assert_uint_eq(told_version(), 3);
	ck_assert(ms_data(&ask, &alice, 3, PEER, "x"));
	ck_assert_uint_eq(ms_aim(&ask, &alice, 4, PEER), 0);
	/* the allocation keeps its algorithm, whatever the setting says */
	lab.rules->turn_sha256 = false;
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 5), 0);
	ck_assert_uint_eq(told_version(), 3);
	/* a fresh nonce makes another key, for what follows too */
	lab_advance(&lab, 5000);
	nonce_make(&lab.shared.secret, &alice.at, lab.turn.now, alice.nonce);
	ms_make_key(&alice, true);
	ck_assert_uint_eq(ms_allocate(&ask, &alice, 6), 0);
	ck_assert(ms_data(&ask, &alice, 7, PEER, "x"));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_first_allocate_is_challenged_unsigned,
		test_T7_the_challenge_is_no_amplifier,
		test_R18_strangers_share_one_budget_over_both_dialects,
		test_allocate_says_all_that_a_client_needs,
		test_public_address_is_shown_behind_a_nat,
		test_retransmitted_allocate_is_answered_alike,
		test_refresh_without_a_number_keeps_the_port,
		test_refresh_with_a_number_is_echoed,
		test_lifetime_is_granted_within_bounds,
		test_lifetime_0_ends_and_a_second_time_there_is_no_binding,
		test_traffic_and_requests_restart_the_timer,
		test_nothing_outlives_the_absolute_end,
		test_T22_credential_may_end_in_mid_call_but_not_begin_one,
		test_own_nonce_is_good_as_long_as_the_allocation,
		test_stale_nonce_is_438_with_a_fresh_one,
		test_foreign_realm_is_taken_and_hashed,
		test_realm_above_its_bound_is_missing,
		test_checks_come_in_their_order,
		test_wrong_integrity_is_met_with_silence,
		test_no_pool_key_is_500,
		test_refresh_needs_no_pool_key,
		test_T11_allocation_of_another_user_is_441,
		test_unknown_attribute_is_420_and_listed,
		test_bandwidth_is_granted_when_it_is_to_be,
		test_malformed_is_400_signed,
		test_T9_allocations_begun_are_bounded_by_the_minute,
		test_quota_is_486_and_capacity_500,
		test_draining_lets_refreshes_through,
		test_family_that_is_not_served_is_500,
		test_sha256_is_offered_only_by_setting_and_to_version_3,
		test_sha256_signs_the_whole_exchange,
	};

	return suite_run("turn_ms", tests, ARRAY_COUNT(tests), two_begin,
		two_end);
}
