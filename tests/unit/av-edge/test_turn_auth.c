/* Who may ask: each cause by itself (R9, R10), and what expiry does. */
#include <check.h>

#include "tests/unit/av-edge/lab.h"

#define ALICE "203.0.113.7:4000"

static struct lab lab;
static struct lab_ask ask;
static struct lab_cred alice;

static void setup(void)
{
	lab_init(&lab, 16);
	alice = lab_user(&lab, "sip:alice@contoso.test");
}

static void teardown(void)
{
	lab_check(&lab);
	lab_fini(&lab);
}

/* Exactly this cause was counted, so often. */
static void assert_causes(enum av_counter id, uint64_t times)
{
	int i;

	for (i = AV_AUTH_CHALLENGED; i <= AV_AUTH_NO_KEY; i++)
		ck_assert_uint_eq(stats_get(&lab.turn.stats, (size_t)i),
			i == (int)id ? times : 0);
}

static void assert_cause(enum av_counter id)
{
	assert_causes(id, 1);
}

static unsigned allocate_as(const struct lab_cred *cred, const char *realm,
	const char *nonce)
{
	char fresh[NONCE_LEN + 1];

	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 1);
	lab_write_transport(&ask, 17);
	nonce_make(&lab.shared.secret, &ask.client, lab.turn.now, fresh);
	lab_sign_with(&ask, cred, realm, nonce != NULL ? nonce : fresh);
	return lab_send(&ask);
}

START_TEST(test_wrong_password_is_401_bad_integrity)
{
	alice.key[3] ^= 1;
	ck_assert_uint_eq(allocate_as(&alice, LAB_REALM, NULL), 401);
	ck_assert(stun_has(&ask.m, STUN_NONCE));
	ck_assert(!stun_has(&ask.m, STUN_INTEGRITY));
	assert_cause(AV_AUTH_BAD_INTEGRITY);
}
END_TEST

START_TEST(test_wrong_realm_has_a_cause_of_its_own)
{
	stun_key(str_of(alice.user), STR_LIT("other.test"),
		str_of(alice.password), alice.key);
	ck_assert_uint_eq(allocate_as(&alice, "other.test", NULL), 401);
	ck_assert(str_eq_z(stun_bytes(&ask.m, STUN_REALM), LAB_REALM));
	assert_cause(AV_AUTH_WRONG_REALM);
}
END_TEST

START_TEST(test_user_of_no_shape_is_unknown)
{
	snprintf(alice.user, sizeof(alice.user), "alice");
	ck_assert_uint_eq(allocate_as(&alice, LAB_REALM, NULL), 401);
	assert_cause(AV_AUTH_UNKNOWN_USER);
}
END_TEST

START_TEST(test_user_of_another_pool_is_forged)
{
	struct av_key_ring other = {.count = 0};

	av_key_ring_rotate(&other, wall_now());
	alice = lab_cred_for(&other, "sip:alice@contoso.test", 100);
	ck_assert_uint_eq(allocate_as(&alice, LAB_REALM, NULL), 401);
	assert_cause(AV_AUTH_FORGED);
}
END_TEST

/* T22: over at its second, and one before it is not. */
START_TEST(test_T22_credential_ends_at_its_time_plus_skew)
{
	alice = lab_cred_for(&lab.rules->keys, "sip:alice@contoso.test", 100);
	lab_advance(&lab, 99000);
	ck_assert_uint_eq(allocate_as(&alice, LAB_REALM, NULL), 0);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 0), 0);
	lab_advance(&lab, 2000);
	ck_assert_uint_eq(allocate_as(&alice, LAB_REALM, NULL), 401);
	assert_cause(AV_AUTH_EXPIRED);
	lab.rules->credential_skew_s = 60;
	ck_assert_uint_eq(allocate_as(&alice, LAB_REALM, NULL), 0);
}
END_TEST

START_TEST(test_credential_that_ends_in_mid_call_does_not_end_the_call)
{
	alice = lab_cred_for(&lab.rules->keys, "sip:alice@contoso.test", 100);
	ck_assert_uint_eq(lab_allocate(&ask, &lab, ALICE, &alice, 1), 0);
	lab_advance(&lab, 300000);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 600), 0);
	ck_assert_uint_eq(lab_allocate(&ask, &lab, "203.0.113.7:4001", &alice,
				  2), 401);
}
END_TEST

START_TEST(test_old_key_is_taken_while_it_is_in_the_ring)
{
	av_key_ring_rotate(&lab.rules->keys, wall_now());
	ck_assert_uint_eq(allocate_as(&alice, LAB_REALM, NULL), 0);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 0), 0);
	lab.rules->keys.count = 1;
	ck_assert_uint_eq(allocate_as(&alice, LAB_REALM, NULL), 401);
	assert_cause(AV_AUTH_FORGED);
}
END_TEST

START_TEST(test_without_a_key_nothing_is_granted)
{
	lab.rules->keys.count = 0;
	ck_assert_uint_eq(allocate_as(&alice, LAB_REALM, NULL), 500);
	assert_cause(AV_AUTH_NO_KEY);
}
END_TEST

START_TEST(test_stale_nonce_is_438_with_a_fresh_one)
{
	struct addr client = lab_addr(ALICE);
	char nonce[NONCE_LEN + 1];

	nonce_make(&lab.shared.secret, &client, lab.turn.now, nonce);
	lab_advance(&lab, 900000);
	ck_assert_uint_eq(allocate_as(&alice, LAB_REALM, nonce), 0);
	ck_assert_uint_eq(lab_refresh(&ask, &lab, ALICE, &alice, 0), 0);
	lab_advance(&lab, 2000);
	ck_assert_uint_eq(allocate_as(&alice, LAB_REALM, nonce), 438);
	ck_assert(stun_has(&ask.m, STUN_REALM));
	ck_assert(!str_eq_z(stun_bytes(&ask.m, STUN_NONCE), nonce));
	assert_cause(AV_AUTH_STALE_NONCE);
}
END_TEST

/* T17: a nonce is worth nothing elsewhere. */
START_TEST(test_T17_nonce_of_another_source_is_438)
{
	struct addr other = lab_addr("203.0.113.7:4001");
	char nonce[NONCE_LEN + 1];

	nonce_make(&lab.shared.secret, &other, lab.turn.now, nonce);
	ck_assert_uint_eq(allocate_as(&alice, LAB_REALM, nonce), 438);
	assert_cause(AV_AUTH_FOREIGN_NONCE);
}
END_TEST

/* RFC 8489 9.2.4: wrong password counts before a stale nonce. */
START_TEST(test_wrong_password_with_a_bad_nonce_is_401)
{
	alice.key[0] ^= 1;
	ck_assert_uint_eq(allocate_as(&alice, LAB_REALM, "x"), 401);
}
END_TEST

START_TEST(test_integrity_without_its_companions_is_400)
{
	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 1);
	stun_write_text(&ask.w, STUN_USERNAME, str_of(alice.user));
	stun_write_text(&ask.w, STUN_REALM, STR_LIT(LAB_REALM));
	stun_write_integrity(&ask.w, alice.key, sizeof(alice.key));
	ck_assert_uint_eq(lab_send(&ask), 400);
	assert_cause(AV_AUTH_INCOMPLETE);
}
END_TEST

START_TEST(test_userhash_is_401)
{
	static const uint8_t hash[32];

	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 1);
	stun_write_bytes(&ask.w, STUN_USERHASH, hash, sizeof(hash));
	stun_write_text(&ask.w, STUN_REALM, STR_LIT(LAB_REALM));
	stun_write_text(&ask.w, STUN_NONCE, STR_LIT("x"));
	stun_write_integrity(&ask.w, alice.key, sizeof(alice.key));
	ck_assert_uint_eq(lab_send(&ask), 401);
	assert_cause(AV_AUTH_UNKNOWN_USER);
}
END_TEST

/* The code, for a user name of any bytes. */
static unsigned allocate_named(const void *user, size_t len)
{
	char nonce[NONCE_LEN + 1];

	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 1);
	lab_write_transport(&ask, 17);
	nonce_make(&lab.shared.secret, &ask.client, lab.turn.now, nonce);
	wbuf_u16(&ask.w.w, 0x0006); /* also where it is too long */
	wbuf_u16(&ask.w.w, (uint16_t)len);
	wbuf_bytes(&ask.w.w, user, len);
	wbuf_zero(&ask.w.w, (4 - len % 4) % 4);
	stun_write_text(&ask.w, STUN_REALM, STR_LIT(LAB_REALM));
	stun_write_text(&ask.w, STUN_NONCE, str_of(nonce));
	stun_write_integrity(&ask.w, alice.key, sizeof(alice.key));
	return lab_send(&ask);
}

/* T16: what the network writes stays data. */
START_TEST(test_T16_odd_user_names_are_only_refused)
{
	static const struct {
		const char *user;
		size_t len;
	} cases[] = {
		{"%n%n%s%1000000d", 15}, {"'; DROP TABLE x; --", 19},
		{"a\r\nlevel=info event=x", 22}, {"\"", 1}, {"", 0},
		{"a\0b", 3}, {"\xff\xfe\x80", 3},
	};
	static const uint8_t long_one[1500];
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++)
		ck_assert_msg(allocate_named(cases[i].user, cases[i].len) ==
			401, "case %zu: %u", i, ask.code);
	assert_causes(AV_AUTH_UNKNOWN_USER, ARRAY_COUNT(cases));
	ck_assert_uint_eq(allocate_named(long_one, STUN_USERNAME_MAX), 401);
	ck_assert_uint_eq(allocate_named(long_one, STUN_USERNAME_MAX + 1),
		400);
	ck_assert_uint_eq(allocate_named(long_one, sizeof(long_one)), 400);
	ck_assert_uint_eq(lab.open, 0);
}
END_TEST

/* T14: there is no OAuth, so nothing of a token is ever decoded. */
START_TEST(test_T14_access_token_is_an_unknown_attribute)
{
	char nonce[NONCE_LEN + 1];

	lab_begin(&ask, &lab, ALICE, STUN_ALLOCATE, 1);
	lab_write_transport(&ask, 17);
	wbuf_u16(&ask.w.w, 0x001b); /* ACCESS-TOKEN, RFC 7635 6.2 */
	wbuf_u16(&ask.w.w, 4);
	wbuf_u32(&ask.w.w, 0xffff0000); /* its nonce has 65535 bytes */
	nonce_make(&lab.shared.secret, &ask.client, lab.turn.now, nonce);
	lab_sign_with(&ask, &alice, LAB_REALM, nonce);
	ck_assert_uint_eq(lab_send(&ask), 420);
	ck_assert(!stun_has(&ask.m, STUN_REALM));
	ck_assert_uint_eq(lab.open, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("turn_auth");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failures;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_wrong_password_is_401_bad_integrity);
	tcase_add_test(t, test_wrong_realm_has_a_cause_of_its_own);
	tcase_add_test(t, test_user_of_no_shape_is_unknown);
	tcase_add_test(t, test_user_of_another_pool_is_forged);
	tcase_add_test(t, test_T22_credential_ends_at_its_time_plus_skew);
	tcase_add_test(t,
		test_credential_that_ends_in_mid_call_does_not_end_the_call);
	tcase_add_test(t, test_old_key_is_taken_while_it_is_in_the_ring);
	tcase_add_test(t, test_without_a_key_nothing_is_granted);
	tcase_add_test(t, test_stale_nonce_is_438_with_a_fresh_one);
	tcase_add_test(t, test_T17_nonce_of_another_source_is_438);
	tcase_add_test(t, test_wrong_password_with_a_bad_nonce_is_401);
	tcase_add_test(t, test_integrity_without_its_companions_is_400);
	tcase_add_test(t, test_userhash_is_401);
	tcase_add_test(t, test_T16_odd_user_names_are_only_refused);
	tcase_add_test(t, test_T14_access_token_is_an_unknown_attribute);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}
