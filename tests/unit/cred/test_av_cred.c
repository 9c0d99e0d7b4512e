/* The A/V credential against the published vectors, and its properties. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/rand.h"
#include "common/cred/av_cred.h"

static const char ALICE[] = "sip:alice@contoso.example";
/* 2030-01-01T08:00:00Z */
static const struct wall EXPIRY = {1893484800};

/* The keys of the vectors have 20 bytes; HMAC fills up with zeros, so they
 * are the same keys in 32. */
static struct av_key_ring vector_ring(void)
{
	struct av_key_ring ring = {.count = 1};

	ring.keys[0].id = 7;
	for (uint8_t i = 0; i < 20; i++) {
		ring.keys[0].sk0[i] = 0x50 + i;
		ring.keys[0].sk1[i] = 0x10 + i;
		ring.keys[0].sk2[i] = 0x30 + i;
	}
	return ring;
}

static struct av_key_ring random_ring(void)
{
	struct av_key_ring ring = {.count = 0};

	av_key_ring_rotate(&ring, (struct wall){1000});
	return ring;
}

static void assert_hex(const void *data, size_t len, const char *want)
{
	char hex[256];

	str_hex(data, len, hex);
	ck_assert_str_eq(hex, want);
}

START_TEST(test_version_1_reproduces_the_vector)
{
	struct av_key_ring ring = vector_ring();
	char text[AV_CRED_USER_TEXT];
	struct av_cred c;

	ck_assert_int_eq(av_cred_mint(&c, &ring, AV_CRED_V1, str_of(ALICE),
				 EXPIRY), 0);
	ck_assert_uint_eq(c.user_len, 52);
	assert_hex(c.client_id, 20, "96be5f01231458a2eba48b513d972b3ac6a9a4bf");
	assert_hex(c.user, c.user_len,
		"01000020ae29000001e0f70396be5f01231458a2eba48b513d972b3ac6a9"
		"a4bfc7d2d5711955514210ab36c4600c70ccff73e3e9");
	assert_hex(c.password, 20, "a74ee87411318e856896cc91bf999c4b74a111e7");
	av_cred_user_text(&c, text);
	ck_assert_str_eq(text, "AQAAIK4pAAAB4PcDlr5fASMUWKLrpItRPZcrOsappL/H0t"
			       "VxGVVRQhCrNsRgDHDM/3Pj6Q==");
	av_cred_password_text(&c, text);
	ck_assert_str_eq(text, "p07odBExjoVolsyRv5mcS3ShEec=");
}
END_TEST

START_TEST(test_version_2_reproduces_the_vector)
{
	struct av_key_ring ring = vector_ring();
	char text[AV_CRED_USER_TEXT];
	struct av_cred c;

	ck_assert_int_eq(av_cred_mint(&c, &ring, AV_CRED_V2, str_of(ALICE),
				 EXPIRY), 0);
	ck_assert_uint_eq(c.user_len, 56);
	assert_hex(c.user, c.user_len,
		"02000024ae29000001e0f70396be5f01231458a2eba48b513d972b3ac6a9"
		"a4bf00000000adeccea6db2dbf1bf504e6add06d09349fe69b4b");
	assert_hex(c.password, 20, "d53d5cd6a6c7bf41321fa441806241305a099afd");
	av_cred_user_text(&c, text);
	ck_assert_str_eq(text, "AgAAJK4pAAAB4PcDlr5fASMUWKLrpItRPZcrOsappL8AAA"
			       "AArezOptstvxv1BOat0G0JNJ/mm0s=");
	av_cred_password_text(&c, text);
	ck_assert_str_eq(text, "1T1c1qbHv0EyH6RBgGJBMFoJmv0=");
}
END_TEST

/* The vector's user name ends in '"': valid for us, useless for libnice. */
START_TEST(test_trim_hazard_vector_checks_but_is_told_apart)
{
	static const char HEX[] =
		"02000024ae29000001e0f70396be5f01231458a2eba48b513d972b3ac6a9"
		"a4bf000000e78cb70a99fc41286118220a74a7ff68d1a350c822";
	struct av_key_ring ring = vector_ring();
	uint8_t user[AV_CRED_USER_MAX];
	struct av_cred c;
	size_t len;

	ck_assert_int_eq(str_unhex(str_of(HEX), user, sizeof(user), &len), 0);
	ck_assert_int_eq(av_cred_check(&c, &ring, user, len,
				 (struct wall){1893484799}, 0), 0);
	assert_hex(c.password, 20, "e3dcba3c97dfda462cf2e3f4be109defcb07d40b");
	ck_assert(!av_cred_survives_trimming(&c));
}
END_TEST

START_TEST(test_trimming_eats_quotes_and_zeros_at_the_named_places_only)
{
	struct av_cred base = {.user_len = 52};
	struct av_cred c;

	memset(base.user, 'x', sizeof(base.user));
	memset(base.password, 'x', sizeof(base.password));
	ck_assert(av_cred_survives_trimming(&base));
	c = base;
	c.user[51] = '"';
	ck_assert(!av_cred_survives_trimming(&c));
	c.user[51] = 0;
	ck_assert(!av_cred_survives_trimming(&c));
	c = base;
	c.password[0] = '"';
	ck_assert(!av_cred_survives_trimming(&c));
	c.password[0] = 0; /* a leading NUL stays */
	ck_assert(av_cred_survives_trimming(&c));
	c = base;
	c.password[19] = '"';
	ck_assert(!av_cred_survives_trimming(&c));
	c.password[19] = 0;
	ck_assert(!av_cred_survives_trimming(&c));
}
END_TEST

/* 2000 random users: each credential survives trimming, checks, gives the
 * same password, and both text forms lead back. Some were rolled on. */
START_TEST(test_minted_credentials_check_and_survive_trimming)
{
	enum av_cred_version version = _i == 0 ? AV_CRED_V1 : AV_CRED_V2;
	struct av_key_ring ring = random_ring();
	unsigned rolled = 0;

	for (unsigned n = 0; n < 2000; n++) {
		uint8_t user[AV_CRED_USER_MAX];
		char text[AV_CRED_USER_TEXT];
		struct av_cred c, back;
		char name[17];
		size_t len;

		rand_token(name, 16);
		ck_assert_int_eq(av_cred_mint(&c, &ring, version, str_of(name),
					 EXPIRY), 0);
		ck_assert(av_cred_survives_trimming(&c));
		rolled += c.user[7] != 0;
		av_cred_user_text(&c, text);
		ck_assert_int_eq(av_cred_user_from_text(str_of(text), user,
					 &len), 0);
		ck_assert_uint_eq(len, c.user_len);
		ck_assert_int_eq(av_cred_check(&back, &ring, user, len,
					 (struct wall){EXPIRY.s - 1}, 0), 0);
		ck_assert_mem_eq(back.password, c.password, 20);
		ck_assert_mem_eq(back.client_id, c.client_id, 20);
		ck_assert_int_eq(back.expires.s, EXPIRY.s);
		ck_assert_uint_eq(back.key_id, ring.keys[0].id);
	}
	/* 2 % of 2000; the last byte of the low word counts the rolls */
	ck_assert_uint_gt(rolled, 0);
}
END_TEST

START_TEST(test_T22_expiry_edge_with_and_without_skew)
{
	struct av_key_ring ring = random_ring();
	struct av_cred c, back;
	unsigned skew_s = _i == 0 ? 0 : 60;
	int64_t end_s = EXPIRY.s + skew_s;

	ck_assert_int_eq(av_cred_mint(&c, &ring, AV_CRED_V2, str_of(ALICE),
				 EXPIRY), 0);
	ck_assert_int_eq(av_cred_check(&back, &ring, c.user, c.user_len,
				 (struct wall){end_s - 1}, skew_s), 0);
	ck_assert_int_eq(av_cred_check(&back, &ring, c.user, c.user_len,
				 (struct wall){end_s}, skew_s),
		EDGE_EEXPIRED);
	memset(&back, 0, sizeof(back));
	ck_assert_int_eq(av_cred_check(&back, &ring, c.user, c.user_len,
				 (struct wall){end_s + 1}, skew_s),
		EDGE_EEXPIRED);
	/* an expired one is still told whose it was */
	ck_assert_mem_eq(back.password, c.password, 20);
}
END_TEST

START_TEST(test_T22_credential_is_bound_to_the_pool_key)
{
	struct av_key_ring ours = random_ring();
	struct av_key_ring theirs = random_ring();
	struct av_cred c, back;

	ck_assert_int_eq(av_cred_mint(&c, &theirs, AV_CRED_V2, str_of(ALICE),
				 EXPIRY), 0);
	ck_assert_int_eq(av_cred_check(&back, &ours, c.user, c.user_len,
				 (struct wall){0}, 0), EDGE_EFORGED);
}
END_TEST

START_TEST(test_T22_rotation_overlaps_until_the_key_drops_out)
{
	struct av_key_ring ring = random_ring();
	struct av_cred old, now, back;

	ck_assert_int_eq(av_cred_mint(&old, &ring, AV_CRED_V2, str_of(ALICE),
				 EXPIRY), 0);
	for (unsigned n = 1; n < AV_KEYS_MAX; n++) {
		av_key_ring_rotate(&ring, (struct wall){1000 + n});
		ck_assert_int_eq(av_cred_check(&back, &ring, old.user,
					 old.user_len, (struct wall){0}, 0),
			0);
		ck_assert_uint_eq(back.key_id, 1);
	}
	ck_assert_int_eq(av_cred_mint(&now, &ring, AV_CRED_V2, str_of(ALICE),
				 EXPIRY), 0);
	ck_assert_uint_eq(now.key_id, AV_KEYS_MAX);
	av_key_ring_rotate(&ring, (struct wall){2000});
	ck_assert_int_eq(av_cred_check(&back, &ring, old.user, old.user_len,
				 (struct wall){0}, 0), EDGE_EFORGED);
	ck_assert_int_eq(av_cred_check(&back, &ring, now.user, now.user_len,
				 (struct wall){0}, 0), 0);
}
END_TEST

/* Whatever byte is changed, nothing passes. */
START_TEST(test_one_changed_byte_is_forged_or_malformed)
{
	struct av_key_ring ring = random_ring();
	struct av_cred c, back;
	int err;

	ck_assert_int_eq(av_cred_mint(&c, &ring,
				 _i == 0 ? AV_CRED_V1 : AV_CRED_V2,
				 str_of(ALICE), EXPIRY), 0);
	for (size_t at = 0; at < c.user_len; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			c.user[at] ^= (uint8_t)(1u << bit);
			err = av_cred_check(&back, &ring, c.user, c.user_len,
				(struct wall){0}, 0);
			ck_assert_int_eq(err,
				at < 4 ? EDGE_EMALFORMED : EDGE_EFORGED);
			c.user[at] ^= (uint8_t)(1u << bit);
		}
	}
}
END_TEST

START_TEST(test_wrong_lengths_are_malformed)
{
	uint8_t user[AV_CRED_USER_MAX + 8] = {2, 0, 0, 0x24};
	struct av_key_ring ring = random_ring();
	struct av_cred back;

	for (size_t len = 0; len < sizeof(user); len++)
		ck_assert_int_eq(av_cred_check(&back, &ring, user, len,
					 (struct wall){0}, 0),
			len == 56 ? EDGE_EFORGED : EDGE_EMALFORMED);
	user[0] = 1; /* 1.0 with the size of 2.0 */
	ck_assert_int_eq(av_cred_check(&back, &ring, user, 56,
				 (struct wall){0}, 0), EDGE_EMALFORMED);
	user[0] = 3;
	ck_assert_int_eq(av_cred_check(&back, &ring, user, 56,
				 (struct wall){0}, 0), EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_mint_refuses_what_it_cannot_do)
{
	struct av_key_ring empty = {.count = 0};
	struct av_key_ring ring = random_ring();
	struct av_cred c = {.user_len = 99};

	ck_assert_int_eq(av_cred_mint(&c, &empty, AV_CRED_V1, str_of(ALICE),
				 EXPIRY), -ENOKEY);
	ck_assert_int_eq(av_cred_mint(&c, &ring, AV_CRED_V1, str_of(""),
				 EXPIRY), -EINVAL);
	ck_assert_int_eq(av_cred_mint(&c, &ring, AV_CRED_V1, str_of(ALICE),
				 (struct wall){-1}), -EINVAL);
	ck_assert_int_eq(av_cred_mint(&c, &ring, AV_CRED_V1, str_of(ALICE),
				 (struct wall){INT64_MAX}), -EINVAL);
	ck_assert_uint_eq(c.user_len, 99); /* untouched */
}
END_TEST

START_TEST(test_nothing_checks_against_an_empty_ring)
{
	struct av_key_ring empty = {.count = 0};
	struct av_key_ring ring = random_ring();
	struct av_cred c, back;

	ck_assert_int_eq(av_cred_mint(&c, &ring, AV_CRED_V2, str_of(ALICE),
				 EXPIRY), 0);
	ck_assert_int_eq(av_cred_check(&back, &empty, c.user, c.user_len,
				 (struct wall){0}, 0), EDGE_EFORGED);
}
END_TEST

START_TEST(test_user_text_of_another_shape_is_malformed)
{
	static const char *const BAD[] = {
		"", "alice", "AQAAIK4pAAAB4PcD",
		/* 72 characters, one of them not base64 */
		"AQAAIK4pAAAB4PcDlr5fASMUWKLrpItRPZcrOsappL/H0tVxGVVRQhCrNsRgDH"
		"DM/3Pj6Q=!",
		/* 73 characters */
		"AQAAIK4pAAAB4PcDlr5fASMUWKLrpItRPZcrOsappL/H0tVxGVVRQhCrNsRgDH"
		"DM/3Pj6Q===",
	};
	uint8_t user[AV_CRED_USER_MAX];
	size_t len;

	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++)
		ck_assert_int_lt(av_cred_user_from_text(str_of(BAD[i]), user,
					 &len), 0);
}
END_TEST

START_TEST(test_same_identity_same_client_id)
{
	struct av_key_ring ring = random_ring();
	struct av_cred a, b, c;

	ck_assert_int_eq(av_cred_mint(&a, &ring, AV_CRED_V1, str_of(ALICE),
				 EXPIRY), 0);
	ck_assert_int_eq(av_cred_mint(&b, &ring, AV_CRED_V2, str_of(ALICE),
				 (struct wall){5}), 0);
	ck_assert_int_eq(av_cred_mint(&c, &ring, AV_CRED_V2,
				 str_of("sip:bob@b"), (struct wall){5}), 0);
	ck_assert_mem_eq(a.client_id, b.client_id, 20);
	ck_assert_mem_ne(b.client_id, c.client_id, 20);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("av_cred");
	TCase *tc = tcase_create("av_cred");
	SRunner *sr;
	int failures;

	tcase_add_test(tc, test_version_1_reproduces_the_vector);
	tcase_add_test(tc, test_version_2_reproduces_the_vector);
	tcase_add_test(tc, test_trim_hazard_vector_checks_but_is_told_apart);
	tcase_add_test(tc,
		test_trimming_eats_quotes_and_zeros_at_the_named_places_only);
	tcase_add_loop_test(tc,
		test_minted_credentials_check_and_survive_trimming, 0, 2);
	tcase_add_loop_test(tc, test_T22_expiry_edge_with_and_without_skew, 0,
		2);
	tcase_add_test(tc, test_T22_credential_is_bound_to_the_pool_key);
	tcase_add_test(tc, test_T22_rotation_overlaps_until_the_key_drops_out);
	tcase_add_loop_test(tc, test_one_changed_byte_is_forged_or_malformed,
		0, 2);
	tcase_add_test(tc, test_wrong_lengths_are_malformed);
	tcase_add_test(tc, test_mint_refuses_what_it_cannot_do);
	tcase_add_test(tc, test_nothing_checks_against_an_empty_ring);
	tcase_add_test(tc, test_user_text_of_another_shape_is_malformed);
	tcase_add_test(tc, test_same_identity_same_client_id);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
