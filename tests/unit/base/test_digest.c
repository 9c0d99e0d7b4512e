/* Tests of common/base/digest.c, with the vectors of the RFCs. */
#include <pthread.h>
#include <string.h>

#include <check.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/rand.h"

static void check_hex(const void *data, size_t len, const char *want)
{
	char hex[2 * 64 + 1];

	str_hex(data, len, hex);
	ck_assert_str_eq(hex, want);
}

static void check_sha1(struct str key, struct str text, const char *want)
{
	struct digest_part part = {text.p, text.n};
	uint8_t out[DIGEST_SHA1_LEN];

	digest_hmac_sha1(key.p, key.n, &part, 1, out);
	check_hex(out, sizeof(out), want);
}

START_TEST(test_digest_hmac_sha1_equals_rfc2202)
{
	char aa[80], text[50];

	memset(aa, 0xaa, sizeof(aa));
	memset(text, 0xdd, sizeof(text));
	check_sha1(STR_LIT("Jefe"), STR_LIT("what do ya want for nothing?"),
		"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	check_sha1((struct str){aa, 20}, (struct str){text, 50},
		"125d7342b9ac11cd91a39af48aa17b4f63f175d3");
	/* longer than a block: the key is hashed first */
	check_sha1((struct str){aa, 80}, STR_LIT("Test Using Larger Than "
		"Block-Size Key - Hash Key First"),
		"aa4ae5e15272d00e95705637ce8a3b55ed402112");
	check_sha1(STR_LIT(""), STR_LIT(""),
		"fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
}
END_TEST

START_TEST(test_digest_hmac_sha256_equals_rfc4231)
{
	struct digest_part parts[] = {{"what do ya ", 11}, {NULL, 0},
		{"want for nothing?", 17}};
	uint8_t out[DIGEST_SHA256_LEN];

	digest_hmac_sha256("Jefe", 4, parts, 3, out);
	check_hex(out, sizeof(out), "5bdcc146bf60754e6a042426089575c7"
		"5a003f089d2739839dec58b964ec3843");
}
END_TEST

START_TEST(test_digest_an_empty_key_does_not_reuse_the_last)
{
	uint8_t first[DIGEST_SHA1_LEN], then[DIGEST_SHA1_LEN];
	uint8_t empty[DIGEST_SHA1_LEN];

	digest_hmac_sha1("", 0, NULL, 0, first);
	digest_hmac_sha1("secret", 6, NULL, 0, then);
	digest_hmac_sha1(NULL, 0, NULL, 0, empty);
	ck_assert_mem_eq(first, empty, sizeof(first));
	ck_assert_mem_ne(then, empty, sizeof(then));
}
END_TEST

START_TEST(test_digest_hashes_equal_their_rfcs)
{
	struct digest_part parts[] = {{"a", 1}, {"bc", 2}};
	uint8_t sha[DIGEST_SHA256_LEN], md5[DIGEST_MD5_LEN];

	digest_sha256(parts, 2, sha);
	check_hex(sha, sizeof(sha), "ba7816bf8f01cfea414140de5dae2223"
		"b00361a396177a9cb410ff61f20015ad");
	digest_md5(parts, 2, md5);
	check_hex(md5, sizeof(md5), "900150983cd24fb0d6963f7d28e17f72");
	digest_md5(NULL, 0, md5);
	check_hex(md5, sizeof(md5), "d41d8cd98f00b204e9800998ecf8427e");
}
END_TEST

START_TEST(test_digest_crc32_is_the_ieee_one)
{
	ck_assert_uint_eq(digest_crc32("123456789", 9), 0xcbf43926);
	ck_assert_uint_eq(digest_crc32("", 0), 0);
	ck_assert_uint_eq(digest_crc32("\0\0\0\0", 4), 0x2144df1c);
}
END_TEST

static void *hash_much(void *arg)
{
	struct digest_part part = {"x", 1};
	uint8_t want[DIGEST_SHA1_LEN], got[DIGEST_SHA1_LEN];

	digest_hmac_sha1("k", 1, &part, 1, want);
	for (int i = 0; i < 2000; i++) {
		digest_hmac_sha1("k", 1, &part, 1, got);
		if (memcmp(want, got, sizeof(got)) != 0)
			return arg; /* wrong */
	}
	return NULL;
}

START_TEST(test_digest_threads_do_not_meet)
{
	pthread_t threads[4];
	void *wrong;

	for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, hash_much,
			threads), 0);
	for (size_t i = 0; i < ARRAY_COUNT(threads); i++) {
		ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
		ck_assert_ptr_null(wrong);
	}
}
END_TEST

START_TEST(test_T18_eq_looks_at_every_byte)
{
	uint8_t a[DIGEST_SHA256_LEN], b[DIGEST_SHA256_LEN];

	rand_bytes(a, sizeof(a));
	memcpy(b, a, sizeof(b));
	ck_assert(digest_eq(a, b, sizeof(a)));
	for (size_t i = 0; i < sizeof(a) * 8; i++) {
		b[i / 8] ^= (uint8_t)(1 << i % 8);
		ck_assert(!digest_eq(a, b, sizeof(a)));
		b[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	ck_assert(digest_eq(a, b, 0));
}
END_TEST

START_TEST(test_digest_wipe_clears)
{
	char secret[] = "secret";

	digest_wipe(secret, sizeof(secret));
	for (size_t i = 0; i < sizeof(secret); i++)
		ck_assert_int_eq(secret[i], 0);
	digest_wipe(NULL, 0);
}
END_TEST

START_TEST(test_digest_b64_equals_rfc4648)
{
	static const char *const PAIRS[][2] = {{"", ""}, {"f", "Zg=="},
		{"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
	char text[16];
	uint8_t back[8];
	size_t len;

	for (size_t i = 0; i < ARRAY_COUNT(PAIRS); i++) {
		struct str plain = str_of(PAIRS[i][0]);
		struct str coded = str_of(PAIRS[i][1]);

		digest_b64(plain.p, plain.n, text);
		ck_assert_str_eq(text, PAIRS[i][1]);
		ck_assert_uint_eq(digest_b64_len(plain.n), coded.n);
		ck_assert_int_eq(digest_unb64(coded, back, plain.n, &len), 0);
		ck_assert_uint_eq(len, plain.n);
		ck_assert_mem_eq(back, plain.p, len);
		if (plain.n > 0)
			ck_assert_int_eq(digest_unb64(coded, back,
				plain.n - 1, &len), EDGE_ETOOBIG);
	}
}
END_TEST

START_TEST(test_digest_unb64_is_strict)
{
	static const char *const BAD[] = {"Z", "Zg", "Zg=", "Zg===", "=Zg=",
		"====", "==", "Zh==", "Zm9=", "Zm9v\n", " Zm9v", "Zm 9", "Zm-_",
		"Zg==Zg==", "Zm=v", "Zm9vY==="};
	uint8_t room[16];
	size_t len = 99;

	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++)
		ck_assert_msg(digest_unb64(str_of(BAD[i]), room, sizeof(room),
			&len) == EDGE_EMALFORMED, "\"%s\"", BAD[i]);
	ck_assert_int_eq(digest_unb64(STR_LIT("Zm9\0"), room, sizeof(room),
		&len), EDGE_EMALFORMED);
	ck_assert_uint_eq(len, 99);
}
END_TEST

START_TEST(test_digest_b64url_goes_both_ways)
{
	uint8_t data[64], back[64];
	char text[96];
	size_t len;

	for (size_t n = 0; n <= sizeof(data); n++) {
		rand_bytes(data, n);
		digest_b64url(data, n, text);
		ck_assert_ptr_null(strpbrk(text, "+/="));
		ck_assert_int_eq(digest_unb64url(str_of(text), back, n, &len),
			0);
		ck_assert_uint_eq(len, n);
		ck_assert(memcmp(back, data, n) == 0);
	}
	ck_assert_int_eq(digest_unb64url(STR_LIT("Zg=="), back, 64, &len),
		EDGE_EMALFORMED);
	ck_assert_int_eq(digest_unb64url(STR_LIT("Zh"), back, 64, &len),
		EDGE_EMALFORMED);
	ck_assert_int_eq(digest_unb64url(STR_LIT("Z"), back, 64, &len),
		EDGE_EMALFORMED);
}
END_TEST

/* Test case 14 of the GCM specification. */
START_TEST(test_sealing_is_aes_256_gcm_and_opens_unchanged_only)
{
	static const uint8_t zero[DIGEST_SHA256_LEN];
	uint8_t sealed[16 + DIGEST_SEAL_TAG], plain[16];
	char hex[2 * sizeof(sealed) + 1];

	ck_assert_int_eq(digest_seal(zero, zero, zero, 16, sealed), 0);
	str_hex(sealed, sizeof(sealed), hex);
	ck_assert_str_eq(hex, "cea7403d4d606b6e074ec5d3baf39d18"
		"d0d1c8a799996bf0265b98b5d48ab919");
	ck_assert_int_eq(digest_open(zero, zero, sealed, sizeof(sealed),
		plain), 0);
	ck_assert_int_eq(memcmp(plain, zero, sizeof(plain)), 0);
	for (size_t i = 0; i < sizeof(sealed); i++) {
		sealed[i] ^= 1;
		ck_assert_int_eq(digest_open(zero, zero, sealed,
			sizeof(sealed), plain), EDGE_EFORGED);
		sealed[i] ^= 1;
	}
	ck_assert_int_eq(digest_open(zero, zero, sealed,
		DIGEST_SEAL_TAG - 1, plain), EDGE_EFORGED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/digest");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_digest_hmac_sha1_equals_rfc2202);
	tcase_add_test(tc, test_digest_hmac_sha256_equals_rfc4231);
	tcase_add_test(tc, test_digest_an_empty_key_does_not_reuse_the_last);
	tcase_add_test(tc, test_digest_hashes_equal_their_rfcs);
	tcase_add_test(tc, test_digest_crc32_is_the_ieee_one);
	tcase_add_test(tc, test_digest_threads_do_not_meet);
	tcase_add_test(tc, test_T18_eq_looks_at_every_byte);
	tcase_add_test(tc, test_digest_wipe_clears);
	tcase_add_test(tc, test_digest_b64_equals_rfc4648);
	tcase_add_test(tc, test_digest_unb64_is_strict);
	tcase_add_test(tc, test_digest_b64url_goes_both_ways);
	tcase_add_test(tc,
		test_sealing_is_aes_256_gcm_and_opens_unchanged_only);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
