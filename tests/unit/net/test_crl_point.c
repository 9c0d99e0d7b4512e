/* Names of a certificate's list against those of a list that came. */
#include <openssl/x509v3.h>

#include "common/net/crl_point.h"
#include "tests/unit/check_main.h"

static X509 *cert, *issuer;
static struct why why;

static void setup(void)
{
	X509_NAME *name;

	cert = X509_new();
	issuer = X509_new();
	name = X509_get_subject_name(issuer);
	ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "O",
		MBSTRING_UTF8, (const unsigned char *)"CA", -1, -1, 0), 1);
}

static void teardown(void)
{
	X509_free(cert);
	X509_free(issuer);
}

/* A directory name below the issuer's. */
static GENERAL_NAME *below(const char *cn)
{
	GENERAL_NAME *out = GENERAL_NAME_new();
	X509_NAME *name = X509_NAME_dup(X509_get_subject_name(issuer));

	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
		(const unsigned char *)cn, -1, -1, 0);
	GENERAL_NAME_set0_value(out, GEN_DIRNAME, name);
	return out;
}

static GENERAL_NAME *uri(const char *text)
{
	return a2i_GENERAL_NAME(NULL, NULL, NULL, GEN_URI, text, 0);
}

static DIST_POINT_NAME *whole(GENERAL_NAME *a, GENERAL_NAME *b)
{
	DIST_POINT_NAME *out = DIST_POINT_NAME_new();

	out->type = 0;
	out->name.fullname = sk_GENERAL_NAME_new_null();
	sk_GENERAL_NAME_push(out->name.fullname, a);
	if (b != NULL)
		sk_GENERAL_NAME_push(out->name.fullname, b);
	return out;
}

static DIST_POINT_NAME *relative(const char *cn)
{
	DIST_POINT_NAME *out = DIST_POINT_NAME_new();

	out->type = 1;
	out->name.relativename = sk_X509_NAME_ENTRY_new_null();
	sk_X509_NAME_ENTRY_push(out->name.relativename,
		X509_NAME_ENTRY_create_by_txt(NULL, "CN", MBSTRING_UTF8,
			(const unsigned char *)cn, -1));
	return out;
}

static int fits(DIST_POINT_NAME *mine, DIST_POINT_NAME *of_list)
{
	DIST_POINT *place = DIST_POINT_new();
	ISSUING_DIST_POINT *about = ISSUING_DIST_POINT_new();
	struct crl_point p;
	int err;

	place->distpoint = mine;
	about->distpoint = of_list;
	ck_assert_int_eq(crl_point_init(&p, cert, issuer, place), 0);
	err = crl_point_fits(&p, X509_get_subject_name(issuer), about, &why);
	crl_point_fini(&p);
	DIST_POINT_free(place);
	ISSUING_DIST_POINT_free(about);
	return err;
}

START_TEST(test_S10_one_name_in_common_is_enough_and_none_is_not)
{
	ck_assert_int_eq(fits(whole(uri("http://a/1"), uri("http://b/1")),
		whole(uri("ldap://c"), uri("http://b/1"))), 0);
	ck_assert_int_eq(fits(whole(uri("http://a/1"), uri("http://b/1")),
		whole(uri("http://a/2"), uri("http://b/2"))), EDGE_EREFUSED);
	ck_assert_ptr_nonnull(strstr(why.text, "part"));
	ck_assert_int_eq(fits(whole(uri("http://a/1"), NULL), NULL), 0);
	ck_assert_int_eq(fits(NULL, whole(uri("http://a/1"), NULL)),
		EDGE_EREFUSED);
}
END_TEST

/* A name may stand below the issuer's and leave that out. */
START_TEST(test_S10_relative_name_is_read_below_the_issuers)
{
	ck_assert_int_eq(fits(whole(uri("http://a/1"), below("one")),
		relative("one")), 0);
	ck_assert_int_eq(fits(whole(uri("http://a/1"), below("one")),
		relative("two")), EDGE_EREFUSED);
	ck_assert_int_eq(fits(whole(uri("http://a/1"), NULL),
		relative("one")), EDGE_EREFUSED);
	ck_assert_int_eq(fits(relative("one"), relative("one")),
		EDGE_EREFUSED); /* no address: nobody asks for it */
}
END_TEST

START_TEST(test_list_of_another_issuer_is_asked_for_by_nobody)
{
	DIST_POINT *place = DIST_POINT_new();
	struct crl_point p;

	place->distpoint = whole(uri("http://a/1"), NULL);
	place->CRLissuer = sk_GENERAL_NAME_new_null();
	sk_GENERAL_NAME_push(place->CRLissuer, below("other"));
	ck_assert_int_eq(crl_point_init(&p, cert, issuer, place),
		EDGE_EMALFORMED);
	DIST_POINT_free(place);
}
END_TEST

START_TEST(test_points_are_equal_by_all_that_they_say)
{
	DIST_POINT *place = DIST_POINT_new();
	struct crl_point a, b;

	place->distpoint = whole(uri("http://a/1"), NULL);
	ck_assert_int_eq(crl_point_init(&a, cert, issuer, place), 0);
	ck_assert_int_eq(crl_point_copy(&b, &a), 0);
	ck_assert(crl_point_eq(&a, &b));
	ck_assert_uint_eq(crl_point_reasons(&a), CRL_REASONS_ALL);
	crl_point_fini(&b);
	place->reasons = ASN1_BIT_STRING_new();
	ASN1_BIT_STRING_set_bit(place->reasons, 1, 1);
	ASN1_BIT_STRING_set_bit(place->reasons, 8, 1);
	ck_assert_int_eq(crl_point_init(&b, cert, issuer, place), 0);
	ck_assert(!crl_point_eq(&a, &b));
	ck_assert_uint_eq(crl_point_reasons(&b), 1u << 1 | 1u << 8);
	crl_point_fini(&a);
	crl_point_fini(&b);
	DIST_POINT_free(place);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("net/crl_point");
	TCase *c = tcase_create("crl_point");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c,
		test_S10_one_name_in_common_is_enough_and_none_is_not);
	tcase_add_test(c, test_S10_relative_name_is_read_below_the_issuers);
	tcase_add_test(c,
		test_list_of_another_issuer_is_asked_for_by_nobody);
	tcase_add_test(c, test_points_are_equal_by_all_that_they_say);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
