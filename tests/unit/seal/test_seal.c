/* Tests of common/seal/seal.c and pool_key.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "common/base/err.h"
#include "common/seal/pool_key.h"
#include "common/seal/seal.h"

struct machine {
	char chain[64];
	char key[64];
	char *pem;
	struct str text;
};

static struct machine rsa, ec, other, ed;

static EVP_PKEY *key_of(const char *kind)
{
	if (strcmp(kind, "rsa") == 0)
		return EVP_RSA_gen(2048);
	if (strcmp(kind, "ec") == 0)
		return EVP_EC_gen("P-256");
	return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static void make_machine(struct machine *m, const char *kind)
{
	EVP_PKEY *key = key_of(kind);
	X509 *x = X509_new();
	size_t len = 0;
	FILE *to;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
		MBSTRING_ASC, (const unsigned char *)kind, -1, -1, 0);
	ck_assert_int_gt(X509_sign(x, key,
		strcmp(kind, "ed") == 0 ? NULL : EVP_sha256()), 0);
	snprintf(m->chain, sizeof(m->chain), "/tmp/seal-%d-%p.crt", getpid(),
		(void *)m);
	snprintf(m->key, sizeof(m->key), "/tmp/seal-%d-%p.key", getpid(),
		(void *)m);
	to = fopen(m->chain, "we");
	PEM_write_X509(to, x);
	fclose(to);
	to = fopen(m->key, "we");
	PEM_write_PrivateKey(to, key, NULL, NULL, 0, NULL, NULL);
	fclose(to);
	to = open_memstream(&m->pem, &len);
	PEM_write_X509(to, x);
	fclose(to);
	m->text = str_of(m->pem);
	X509_free(x);
	EVP_PKEY_free(key);
}

static void setup(void)
{
	make_machine(&rsa, "rsa");
	make_machine(&ec, "ec");
	make_machine(&other, "ec");
	make_machine(&ed, "ed");
}

static void drop(struct machine *m)
{
	unlink(m->chain);
	unlink(m->key);
	free(m->pem);
}

static void teardown(void)
{
	drop(&rsa);
	drop(&ec);
	drop(&other);
	drop(&ed);
}

static int open_by(const struct machine *m, const struct seal_bytes *sealed,
	uint8_t *out, size_t *len)
{
	struct why why = {""};

	return seal_open(out, len, sealed->p, sealed->len, m->chain, m->key,
		&why);
}

START_TEST(test_every_reader_opens_and_nobody_else)
{
	const struct str readers[] = {rsa.text, ec.text};
	struct seal_bytes sealed = {NULL, 0};
	uint8_t out[SEAL_SECRET_MAX];
	size_t len = 0;

	ck_assert_int_eq(seal_make(&sealed, "secret", 6, readers, 2, NULL),
		0);
	ck_assert_ptr_null(memmem(sealed.p, sealed.len, "secret", 6));
	ck_assert_int_eq(open_by(&rsa, &sealed, out, &len), 0);
	ck_assert_uint_eq(len, 6);
	ck_assert_mem_eq(out, "secret", 6);
	ck_assert_int_eq(open_by(&ec, &sealed, out, &len), 0);
	ck_assert_mem_eq(out, "secret", 6);
	ck_assert_int_eq(open_by(&other, &sealed, out, &len), EDGE_EFORGED);
	seal_bytes_fini(&sealed);
}
END_TEST

START_TEST(test_a_key_that_cannot_be_sealed_to_is_told)
{
	struct seal_bytes sealed = {NULL, 0};
	struct why why = {""};

	ck_assert_int_eq(seal_make(&sealed, "x", 1, &ed.text, 1, &why),
		EDGE_EREFUSED);
	ck_assert_ptr_nonnull(strstr(why.text, "neither RSA nor EC"));
	ck_assert_int_eq(seal_make(&sealed, "x", 1, &(struct str){"a", 1}, 1,
		&why), EDGE_EMALFORMED);
	ck_assert_int_lt(seal_make(&sealed, "x", 1, &ed.text, 0, &why), 0);
}
END_TEST

START_TEST(test_damaged_and_oversized_envelopes_are_refused)
{
	struct seal_bytes sealed = {NULL, 0};
	uint8_t out[SEAL_SECRET_MAX];
	uint8_t big[SEAL_MAX + 1] = {0};
	size_t len;

	ck_assert_int_eq(seal_make(&sealed, "secret", 6, &ec.text, 1, NULL),
		0);
	/* CBC carries no proof of its own, the bundle around it does: what
	 * counts here is that nothing is overrun. */
	for (size_t i = 0; i < sealed.len; i++) {
		len = 0;
		sealed.p[i] ^= 0x55;
		ck_assert(open_by(&ec, &sealed, out, &len) < 0 ||
			(len > 0 && len <= 16));
		sealed.p[i] ^= 0x55;
	}
	for (size_t n = 0; n < sealed.len; n += 7) {
		struct seal_bytes cut = {sealed.p, n};

		ck_assert_int_lt(open_by(&ec, &cut, out, &len), 0);
	}
	ck_assert_int_eq(seal_open(out, &len, big, sizeof(big), ec.chain,
		ec.key, NULL), EDGE_ETOOBIG);
	seal_bytes_fini(&sealed);
}
END_TEST

START_TEST(test_reader_id_is_of_the_key_not_of_the_certificate)
{
	uint8_t a[32];
	uint8_t b[32];

	ck_assert_int_eq(seal_reader_id(ec.text, a, NULL), 0);
	ck_assert_int_eq(seal_reader_id(other.text, b, NULL), 0);
	ck_assert(memcmp(a, b, 32) != 0);
	ck_assert_int_eq(seal_reader_id(ec.text, b, NULL), 0);
	ck_assert_mem_eq(a, b, 32);
}
END_TEST

START_TEST(test_pool_key_survives_and_is_bound_to_its_row)
{
	uint8_t bytes[POOL_KEY_TEXT_MAX];
	struct pool_key made;
	struct pool_key read;
	struct why why = {""};
	size_t len;

	pool_key_make(&made, POOL_KEY_AV, 5, (struct wall){1700000000});
	len = pool_key_print(&made, bytes);
	ck_assert_int_eq(pool_key_read(&read, POOL_KEY_AV, 5, bytes, len,
		&why), 0);
	ck_assert_mem_eq(read.secret, made.secret, 96);
	ck_assert_int_eq(read.created.s, 1700000000);
	ck_assert_int_eq(pool_key_read(&read, POOL_KEY_AV, 6, bytes, len,
		&why), EDGE_EFORGED);
	ck_assert_int_lt(pool_key_read(&read, POOL_KEY_FLOW, 5, bytes, len,
		&why), 0);
	for (size_t n = 0; n < len; n++)
		ck_assert_int_eq(pool_key_read(&read, POOL_KEY_AV, 5, bytes,
			n, &why), EDGE_EMALFORMED);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("seal");
	TCase *t = tcase_create("seal");

	tcase_add_unchecked_fixture(t, setup, teardown);
	tcase_add_test(t, test_every_reader_opens_and_nobody_else);
	tcase_add_test(t, test_a_key_that_cannot_be_sealed_to_is_told);
	tcase_add_test(t, test_damaged_and_oversized_envelopes_are_refused);
	tcase_add_test(t, test_reader_id_is_of_the_key_not_of_the_certificate);
	tcase_add_test(t, test_pool_key_survives_and_is_bound_to_its_row);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
