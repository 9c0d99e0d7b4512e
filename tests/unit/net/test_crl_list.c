/* One revocation list: what is on it, what is none, and what it costs. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "common/base/attr.h"
#include "common/base/err.h"
#include "common/net/crl_list.h"

#define MANY 20000

static EVP_PKEY *key;
static struct crl_list *list;
static struct why why;

static void setup(void)
{
	key = EVP_EC_gen("P-256");
	ck_assert_ptr_nonnull(key);
	list = NULL;
	why.text[0] = '\0';
}

static void teardown(void)
{
	crl_list_unref(list);
	EVP_PKEY_free(key);
}

static ASN1_INTEGER *number(int64_t n)
{
	ASN1_INTEGER *out = ASN1_INTEGER_new();

	ck_assert_int_eq(ASN1_INTEGER_set_int64(out, n), 1);
	return out;
}

static bool has(int64_t n)
{
	ASN1_INTEGER *serial = number(n);
	bool is = crl_list_has(list, serial);

	ASN1_INTEGER_free(serial);
	return is;
}

static void add_row(X509_CRL *crl, int64_t n)
{
	X509_REVOKED *row = X509_REVOKED_new();
	ASN1_INTEGER *serial = number(n);
	ASN1_TIME *at = ASN1_TIME_set(NULL, time(NULL));

	X509_REVOKED_set_serialNumber(row, serial);
	X509_REVOKED_set_revocationDate(row, at);
	X509_CRL_add0_revoked(crl, row);
	ASN1_INTEGER_free(serial);
	ASN1_TIME_free(at);
}

/* Signed; with one extension when value is not NULL. */
static unsigned char *der_of(const int64_t *rows, size_t count, int nid,
	const char *value, int *len)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *at = ASN1_TIME_set(NULL, time(NULL));
	unsigned char *der = NULL;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set1_lastUpdate(crl, at);
	for (size_t i = 0; i < count; i++)
		add_row(crl, rows[i]);
	if (value != NULL) {
		X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid,
			value);

		ck_assert_ptr_nonnull(ext);
		X509_CRL_add_ext(crl, ext, -1);
		X509_EXTENSION_free(ext);
	}
	ck_assert_int_gt(X509_CRL_sign(crl, key, EVP_sha256()), 0);
	*len = i2d_X509_CRL(crl, &der);
	ck_assert_int_gt(*len, 0);
	ASN1_TIME_free(at);
	X509_CRL_free(crl);
	return der;
}

START_TEST(test_S10_what_is_listed_is_found_and_nothing_else)
{
	static const int64_t rows[] = {0, 1, 127, 128, 255, 256, -1, -128,
		-129, INT64_MAX, INT64_MIN + 1, 0x00ff00ff00ff00ff, 128};
	static const int64_t others[] = {2, 126, 129, 254, 257, -2, -127,
		-130, INT64_MAX - 1, 0x00ff00ff00ff00fe};
	int len;
	unsigned char *der = der_of(rows, ARRAY_COUNT(rows), 0, NULL, &len);

	ck_assert_int_eq(crl_list_read(&list, der, (size_t)len, &why), 0);
	OPENSSL_free(der);
	ck_assert_uint_eq(crl_list_count(list), ARRAY_COUNT(rows));
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		ck_assert_msg(has(rows[i]), "row %zu", i);
	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		ck_assert_msg(!has(others[i]), "other %zu", i);
	ck_assert_ptr_nonnull(crl_list_made(list));
	ck_assert_ptr_null(crl_list_until(list));
}
END_TEST

START_TEST(test_empty_list_has_nobody_on_it)
{
	int len;
	unsigned char *der = der_of(NULL, 0, 0, NULL, &len);

	ck_assert_int_eq(crl_list_read(&list, der, (size_t)len, &why), 0);
	OPENSSL_free(der);
	ck_assert_uint_eq(crl_list_count(list), 0);
	ck_assert(!has(1));
}
END_TEST

START_TEST(test_S10_signature_covers_every_byte)
{
	static const int64_t rows[] = {17};
	EVP_PKEY *other = EVP_EC_gen("P-256");
	int len;
	unsigned char *der = der_of(rows, 1, 0, NULL, &len);

	ck_assert(crl_list_is_signed(der, (size_t)len, key));
	ck_assert(!crl_list_is_signed(der, (size_t)len, other));
	ck_assert(!crl_list_is_signed(der, (size_t)len, NULL));
	for (int i = 0; i < len; i++) {
		der[i] ^= 1;
		ck_assert_msg(!crl_list_is_signed(der, (size_t)len, key),
			"octet %d of %d", i, len);
		der[i] ^= 1;
	}
	OPENSSL_free(der);
	EVP_PKEY_free(other);
}
END_TEST

/* Their rows say something else than that this issuer took back these. */
START_TEST(test_S10_changes_and_lists_of_others_are_refused)
{
	static const struct {
		int nid;
		const char *value;
		int err;
	} rows[] = {
		{NID_delta_crl, "DER:02:01:07", EDGE_EREFUSED},
		{NID_issuing_distribution_point, "indirectCRL:TRUE",
			EDGE_EREFUSED},
		{NID_issuing_distribution_point, "onlyuser:TRUE", 0},
		{NID_crl_number, "DER:02:01:07", 0},
		{NID_netscape_comment, "of no weight", 0},
		{NID_netscape_comment, "critical,of weight", EDGE_EREFUSED},
		{NID_issuing_distribution_point, "DER:02:01:07",
			EDGE_EREFUSED},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		int len;
		unsigned char *der = der_of(NULL, 0, rows[i].nid,
			rows[i].value, &len);
		int err = crl_list_read(&list, der, (size_t)len, &why);

		ck_assert_msg(err == rows[i].err, "%s: %d", rows[i].value,
			err);
		OPENSSL_free(der);
		if (err == 0)
			crl_list_unref(list);
		list = NULL;
	}
}
END_TEST

/* One row with one extension. */
static int read_row_with(int nid, const char *value)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *at = ASN1_TIME_set(NULL, time(NULL));
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	unsigned char *der = NULL;
	int len, err;

	ck_assert_ptr_nonnull(ext);
	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set1_lastUpdate(crl, at);
	add_row(crl, 7);
	X509_REVOKED_add_ext(sk_X509_REVOKED_value(
		X509_CRL_get_REVOKED(crl), 0), ext, -1);
	ck_assert_int_gt(X509_CRL_sign(crl, key, EVP_sha256()), 0);
	len = i2d_X509_CRL(crl, &der);
	err = crl_list_read(&list, der, (size_t)len, &why);
	if (err == 0)
		ck_assert(has(7));
	crl_list_unref(list);
	list = NULL;
	OPENSSL_free(der);
	X509_EXTENSION_free(ext);
	ASN1_TIME_free(at);
	X509_CRL_free(crl);
	return err;
}

START_TEST(test_S10_row_with_an_unknown_demand_spoils_the_list)
{
	ck_assert_int_eq(read_row_with(NID_crl_reason, "DER:0a:01:01"), 0);
	ck_assert_int_eq(read_row_with(NID_crl_reason,
		"critical,DER:0a:01:01"), 0);
	ck_assert_int_eq(read_row_with(NID_netscape_comment, "x"), 0);
	ck_assert_int_eq(read_row_with(NID_netscape_comment, "critical,x"),
		EDGE_EREFUSED);
	ck_assert_int_eq(read_row_with(NID_certificate_issuer,
		"critical,DER:30:00"), EDGE_EREFUSED);
	ck_assert_ptr_nonnull(strstr(why.text, "row"));
}
END_TEST

/* RFC 5280 section 5.1.1.2: inside and outside of what is signed. */
START_TEST(test_S10_two_algorithms_are_no_list)
{
	static const unsigned char sha256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d,
		0x04, 0x03, 0x02};
	int len;
	unsigned char *der = der_of(NULL, 0, 0, NULL, &len);
	unsigned char *first = memmem(der, (size_t)len, sha256,
		sizeof(sha256));

	ck_assert_ptr_nonnull(first);
	first[sizeof(sha256) - 1] = 0x03;
	ck_assert_int_eq(crl_list_read(&list, der, (size_t)len, &why),
		EDGE_EMALFORMED);
	OPENSSL_free(der);
}
END_TEST

START_TEST(test_S4_every_cut_list_is_malformed)
{
	static const int64_t rows[] = {1, 2, 3};
	int len;
	unsigned char *der = der_of(rows, 3, 0, NULL, &len);

	for (int n = 0; n < len; n++) {
		unsigned char *cut = malloc((size_t)n + 1);

		memcpy(cut, der, (size_t)n);
		ck_assert_int_eq(crl_list_read(&list, cut, (size_t)n, &why),
			EDGE_EMALFORMED);
		free(cut);
	}
	OPENSSL_free(der);
}
END_TEST

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* It is read where calls are served: object by object would stop them. */
START_TEST(test_reading_costs_a_fraction_of_what_objects_cost)
{
	int64_t *rows = calloc(MANY, sizeof(*rows));
	const unsigned char *p;
	unsigned char *der;
	X509_REVOKED *row;
	ASN1_INTEGER *one = number(1);
	X509_CRL *crl;
	double ours, theirs;
	int len;

	for (size_t i = 0; i < MANY; i++)
		rows[i] = (int64_t)(i * 0x9e3779b97f4a7c15u >> 1);
	der = der_of(rows, MANY, 0, NULL, &len);
	theirs = cpu_ms();
	p = der;
	crl = d2i_X509_CRL(NULL, &p, len);
	(void)X509_CRL_get0_by_serial(crl, &row, one);
	theirs = cpu_ms() - theirs;
	ours = cpu_ms();
	ck_assert_int_eq(crl_list_read(&list, der, (size_t)len, &why), 0);
	(void)crl_list_has(list, one);
	ours = cpu_ms() - ours;
	ck_assert_uint_eq(crl_list_count(list), MANY);
	for (size_t i = 0; i < MANY; i++)
		ck_assert(has(rows[i]));
	ck_assert_msg(ours * 3 < theirs, "%.1f ms, objects %.1f ms", ours,
		theirs);
	X509_CRL_free(crl);
	ASN1_INTEGER_free(one);
	OPENSSL_free(der);
	free(rows);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("net/crl_list");
	TCase *c = tcase_create("crl_list");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_S10_what_is_listed_is_found_and_nothing_else);
	tcase_add_test(c, test_empty_list_has_nobody_on_it);
	tcase_add_test(c, test_S10_signature_covers_every_byte);
	tcase_add_test(c, test_S10_changes_and_lists_of_others_are_refused);
	tcase_add_test(c,
		test_S10_row_with_an_unknown_demand_spoils_the_list);
	tcase_add_test(c, test_S10_two_algorithms_are_no_list);
	tcase_add_test(c, test_S4_every_cut_list_is_malformed);
	tcase_add_test(c, test_reading_costs_a_fraction_of_what_objects_cost);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
