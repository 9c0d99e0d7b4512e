/* Tests of common/bundle/bundle_key.c: the published vectors, and keys that
 * are none. */
#include "bundles.h"
#include "common/base/str.h"
#include "common/bundle/bundle_layout.h"

static void must_hex(const void *p, size_t len, const char *hex)
{
	char text[256];

	str_hex(p, len, text);
	ck_assert_str_eq(text, hex);
}

START_TEST(test_signature_is_the_published_vector)
{
	static const char MANIFEST[] =
		"{\"deployment\":\"00000000-0000-0000-0000-000000000001\","
		"\"epoch\":3}";
	struct bundle_key *key = key_number(0);
	struct bundle_signer signer;
	uint8_t id[BUNDLE_KEY_ID_LEN];
	uint8_t input[BUNDLE_INPUT_LEN];
	uint8_t signature[BUNDLE_SIGNATURE_LEN];

	bundle_key_signer(key, &signer);
	must_hex(signer.public_key, 32, "03a107bff3ce10be1d70dd18e74bc09967e4"
		"d6309ba50d5f1ddc8664125531b8");
	bundle_key_id(signer.public_key, id);
	must_hex(id, 32, "56475aa75463474c0285df5dbf2bcab73da651358839e9b7748"
		"1b2eab107708c");
	bundle_input_of(MANIFEST, strlen(MANIFEST), input);
	must_hex(input, 15, "656467652d62756e646c652d763100");
	must_hex(input + 15, 32, "54adf46a2801264c8550363e93c0d6c67c1f6632f93"
		"816208476d7bd59fb9abc");
	ck_assert_int_eq(signer.sign(signer.arg, input, signature, NULL), 0);
	must_hex(signature, 64, "0e0e92c8483ae43c1a1af2c06fed4775fd09fa92e550"
		"0bd911925adf98da152c44a32046a0822353a6a28174a394294f822c2e3f"
		"289076335007c8e48c575c03");
	ck_assert_int_eq(bundle_key_verify(signer.public_key, input,
		signature), 0);
	bundle_key_free(key);
}
END_TEST

START_TEST(test_key_survives_pem)
{
	struct bundle_key *key = key_number(7);
	struct bundle_key *again = NULL;
	struct bundle_signer a;
	struct bundle_signer b;
	uint8_t raw[BUNDLE_KEY_LEN];
	struct why why = {""};
	char *pem = NULL;
	char *public_pem = NULL;

	ck_assert_int_eq(bundle_key_pem(key, &pem, &why), 0);
	ck_assert_int_eq(bundle_key_from_pem(&again, str_of(pem), &why), 0);
	bundle_key_signer(key, &a);
	bundle_key_signer(again, &b);
	ck_assert_mem_eq(a.public_key, b.public_key, BUNDLE_KEY_LEN);
	ck_assert_int_eq(bundle_key_public_pem(key, &public_pem, &why), 0);
	ck_assert_int_eq(bundle_key_read_public(str_of(public_pem), raw,
		&why), 0);
	ck_assert_mem_eq(a.public_key, raw, BUNDLE_KEY_LEN);
	/* The one half is not the other. */
	ck_assert_int_eq(bundle_key_read_public(str_of(pem), raw, &why),
		EDGE_EMALFORMED);
	free(pem);
	free(public_pem);
	bundle_key_free(key);
	bundle_key_free(again);
}
END_TEST

START_TEST(test_what_is_no_key_is_refused)
{
	/* An RSA-free zone: a P-256 key is a key, but not ours. */
	static const char P256[] =
		"-----BEGIN PUBLIC KEY-----\n"
		"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6"
		"RA8ncDfYEt\n6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2s"
		"xXs7LtkBoN79R9Q==\n"
		"-----END PUBLIC KEY-----\n";
	static const char *const BAD[] = {"", "x", P256,
		"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"};
	uint8_t raw[BUNDLE_KEY_LEN];

	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
		struct bundle_key *key = NULL;
		struct why why = {""};

		ck_assert_int_eq(bundle_key_from_pem(&key, str_of(BAD[i]),
			&why), EDGE_EMALFORMED);
		ck_assert_str_ne(why.text, "");
		ck_assert_int_eq(bundle_key_read_public(str_of(BAD[i]), raw,
			&why), EDGE_EMALFORMED);
	}
}
END_TEST

START_TEST(test_new_keys_differ)
{
	struct bundle_key *a = NULL;
	struct bundle_key *b = NULL;
	struct bundle_signer x;
	struct bundle_signer y;

	ck_assert_int_eq(bundle_key_make(&a, NULL), 0);
	ck_assert_int_eq(bundle_key_make(&b, NULL), 0);
	bundle_key_signer(a, &x);
	bundle_key_signer(b, &y);
	ck_assert_mem_ne(x.public_key, y.public_key, BUNDLE_KEY_LEN);
	bundle_key_free(a);
	bundle_key_free(b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bundle_key");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_test(tc, test_signature_is_the_published_vector);
	tcase_add_test(tc, test_key_survives_pem);
	tcase_add_test(tc, test_what_is_no_key_is_refused);
	tcase_add_test(tc, test_new_keys_differ);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
