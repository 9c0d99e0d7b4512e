/* What comes out of a parcel: the list, and who has signed it. */
#include "common/net/crl_parcel.h"
#include "tests/unit/check_main.h"
#include "tests/unit/net/pki_crl.h"

#define URL "http://crl.test/ca.crl"

static struct pki pki;
static struct crl_parcel *parcel;
static struct why why;
static int err;

static void setup(void)
{
	pki_init(&pki);
	pki_ca(&pki, "ca");
	pki_ca(&pki, "other");
}

static void teardown(void)
{
	crl_parcel_free(parcel);
	parcel = NULL;
	pki_fini(&pki);
}

static void parcel_of(const void *bytes, size_t len)
{
	char *room = malloc(len + 3);

	/* Behind a head, as a body lies. */
	memcpy(room + 3, bytes, len);
	ck_assert_int_eq(crl_parcel_new(&parcel, URL, room, room + 3, len),
		0);
	ck_assert_str_eq(crl_parcel_url(parcel), URL);
}

START_TEST(test_S10_signer_is_told_from_those_who_did_not)
{
	X509 *ca = pki_cert(&pki, "ca"), *other = pki_cert(&pki, "other");
	int len = 0;
	unsigned char *der = pki_crl(&pki, "ca", NULL, -10, 86400, &len);

	parcel_of(der, (size_t)len);
	crl_parcel_add(parcel, ca);
	crl_parcel_add(parcel, other);
	crl_parcel_add(parcel, ca);
	ck_assert_ptr_null(crl_parcel_list(parcel, &err, &why));
	ck_assert_int_ne(err, 0); /* not opened */
	ck_assert(!crl_parcel_is_signed(parcel, ca));
	crl_parcel_open(parcel);
	ck_assert_ptr_nonnull(crl_parcel_list(parcel, &err, &why));
	ck_assert_int_eq(err, 0);
	ck_assert(crl_parcel_is_for(parcel, ca));
	ck_assert(crl_parcel_is_for(parcel, other));
	ck_assert(crl_parcel_is_signed(parcel, ca));
	ck_assert(!crl_parcel_is_signed(parcel, other));
	OPENSSL_free(der);
	X509_free(ca);
	X509_free(other);
}
END_TEST

START_TEST(test_S4_what_is_no_list_says_why)
{
	parcel_of("<html>", 6);
	crl_parcel_open(parcel);
	ck_assert_ptr_null(crl_parcel_list(parcel, &err, &why));
	ck_assert_int_eq(err, EDGE_EMALFORMED);
	ck_assert_str_ne(why.text, "");
}
END_TEST

START_TEST(test_S7_few_signers_are_tried)
{
	X509 *last = NULL;
	int len = 0;
	unsigned char *der = pki_crl(&pki, "ca", NULL, -10, 86400, &len);

	parcel_of(der, (size_t)len);
	for (int i = 0; i < 12; i++) {
		pki_ca(&pki, "many");
		X509_free(last);
		last = pki_cert(&pki, "many");
		crl_parcel_add(parcel, last);
		ck_assert_int_eq(crl_parcel_is_for(parcel, last), i < 8);
	}
	crl_parcel_open(parcel);
	ck_assert(!crl_parcel_is_signed(parcel, last));
	OPENSSL_free(der);
	X509_free(last);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("net/crl_parcel");
	TCase *c = tcase_create("crl_parcel");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_S10_signer_is_told_from_those_who_did_not);
	tcase_add_test(c, test_S4_what_is_no_list_says_why);
	tcase_add_test(c, test_S7_few_signers_are_tried);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
