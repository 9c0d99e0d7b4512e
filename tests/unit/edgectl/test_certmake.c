/* Tests of edgectl/certmake.c: what is issued verifies. */
#include <string.h>

#include <check.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "edgectl/certmake.h"

static struct why why;

static X509 *cert_of(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	ck_assert_ptr_nonnull(cert);
	BIO_free(bio);
	return cert;
}

static EVP_PKEY *key_of(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	ck_assert_ptr_nonnull(key);
	BIO_free(bio);
	return key;
}

START_TEST(test_a_certificate_verifies_and_carries_its_names)
{
	const char *const names[] = {"sip.a.test", "sip.b.test"};
	struct certmake_ca *ca = NULL;
	struct certmake_pem ca_pem;
	struct certmake_pem pem;
	X509 *issuer;
	X509 *cert;
	EVP_PKEY *key;

	ck_assert_int_eq(certmake_ca_new(&ca, "Test", 10, &why), 0);
	ck_assert_int_eq(certmake_ca_pem(ca, &ca_pem, &why), 0);
	ck_assert_int_eq(certmake_issue(ca, names, 2, 5, &pem, &why), 0);
	issuer = cert_of(ca_pem.certificate);
	cert = cert_of(pem.certificate);
	key = key_of(pem.key);
	ck_assert_int_eq(X509_verify(cert, X509_get0_pubkey(issuer)), 1);
	ck_assert_int_eq(X509_check_private_key(cert, key), 1);
	ck_assert_int_eq(X509_check_host(cert, "sip.a.test", 0, 0, NULL), 1);
	ck_assert_int_eq(X509_check_host(cert, "sip.b.test", 0, 0, NULL), 1);
	ck_assert_int_eq(X509_check_host(cert, "sip.c.test", 0, 0, NULL), 0);
	ck_assert_int_eq(X509_check_ca(cert), 0);
	ck_assert_int_eq(X509_check_ca(issuer), 1);
	ck_assert_uint_eq(X509_get_extended_key_usage(cert),
		XKU_SSL_SERVER | XKU_SSL_CLIENT);
	EVP_PKEY_free(key);
	X509_free(cert);
	X509_free(issuer);
	certmake_pem_free(&pem);
	certmake_pem_free(&ca_pem);
	certmake_ca_free(ca);
}
END_TEST

START_TEST(test_serial_numbers_differ)
{
	const char *const names[] = {"a.test"};
	struct certmake_ca *ca = NULL;
	struct certmake_pem one;
	struct certmake_pem two;
	X509 *a;
	X509 *b;

	ck_assert_int_eq(certmake_ca_new(&ca, "Test", 10, &why), 0);
	ck_assert_int_eq(certmake_issue(ca, names, 1, 5, &one, &why), 0);
	ck_assert_int_eq(certmake_issue(ca, names, 1, 5, &two, &why), 0);
	a = cert_of(one.certificate);
	b = cert_of(two.certificate);
	ck_assert_int_ne(ASN1_INTEGER_cmp(X509_get0_serialNumber(a),
				 X509_get0_serialNumber(b)),
		0);
	X509_free(a);
	X509_free(b);
	certmake_pem_free(&one);
	certmake_pem_free(&two);
	certmake_ca_free(ca);
}
END_TEST

START_TEST(test_a_request_is_signed_by_its_own_key)
{
	const char *const names[] = {"sip.a.test", "sip.b.test"};
	struct certmake_pem pem;
	STACK_OF(X509_EXTENSION) * extensions;
	X509_REQ *req;
	BIO *bio;

	ck_assert_int_eq(certmake_request(names, 2, &pem, &why), 0);
	bio = BIO_new_mem_buf(pem.certificate, -1);
	req = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	ck_assert_ptr_nonnull(req);
	ck_assert_int_eq(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);
	extensions = X509_REQ_get_extensions(req);
	ck_assert_int_ge(X509v3_get_ext_by_NID(extensions, NID_subject_alt_name,
				 -1),
		0);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(req);
	BIO_free(bio);
	certmake_pem_free(&pem);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/certmake");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_a_certificate_verifies_and_carries_its_names);
	tcase_add_test(tc, test_serial_numbers_differ);
	tcase_add_test(tc, test_a_request_is_signed_by_its_own_key);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
