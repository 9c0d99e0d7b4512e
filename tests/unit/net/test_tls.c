/* TLS contexts: what bad files are told as. */
#include <check.h>
#include <errno.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/net/tls.h"
#include "tests/unit/net/pki.h"

static struct pki pki;
static char chain[256];
static char key[256];
static char trust[256];
static unsigned expired_lines;

static void on_log(const char *line, void *arg)
{
	(void)arg;
	expired_lines += strstr(line, "event=certificate.expired") != NULL;
}

static void setup(void)
{
	expired_lines = 0;
	log_capture(on_log, NULL);
	pki_init(&pki);
	pki_ca(&pki, "ca");
	pki_leaf(&pki, "ca", "a", "DNS:a.test");
	pki_leaf(&pki, "ca", "b", "DNS:b.test");
	snprintf(chain, sizeof(chain), "%s/a.crt", pki.dir);
	snprintf(key, sizeof(key), "%s/a.key", pki.dir);
	snprintf(trust, sizeof(trust), "%s/ca.crt", pki.dir);
}

static void teardown(void)
{
	log_capture(NULL, NULL);
	pki_fini(&pki);
}

static int try(enum tls_role role, enum tls_verify verify, struct why *why)
{
	struct tls_spec spec = { .role = role, .verify = verify,
		.chain_path = chain[0] != '\0' ? chain : NULL,
		.key_path = key[0] != '\0' ? key : NULL,
		.trust_path = trust[0] != '\0' ? trust : NULL };
	struct tls_ctx *ctx = NULL;
	int err;

	memset(why, 0, sizeof(*why));
	err = tls_ctx_new(&ctx, &spec, why);
	ck_assert_int_eq(err == 0, ctx != NULL);
	if (ctx != NULL) {
		ck_assert_ptr_nonnull(tls_ctx_ssl(ctx));
		tls_ctx_unref(tls_ctx_ref(ctx));
	}
	tls_ctx_unref(ctx);
	return err;
}

/* A server that asks for certificates. */
static int serve(struct why *why)
{
	return try(TLS_ROLE_SERVER, TLS_VERIFY_REQUIRE, why);
}

static void assert_says(const struct why *why, const char *a, const char *b)
{
	ck_assert_msg(strstr(why->text, a) != NULL &&
		strstr(why->text, b) != NULL, "%s", why->text);
}

START_TEST(test_good_files_make_every_role)
{
	struct why why;

	ck_assert_int_eq(serve(&why), 0);
	ck_assert_int_eq(try(TLS_ROLE_SERVER, TLS_VERIFY_NONE, &why), 0);
	ck_assert_int_eq(try(TLS_ROLE_CLIENT, TLS_VERIFY_REQUIRE, &why), 0);
	chain[0] = key[0] = '\0';
	ck_assert_int_eq(try(TLS_ROLE_CLIENT, TLS_VERIFY_REQUIRE, &why), 0);
	ck_assert_uint_eq(expired_lines, 0);
}
END_TEST

START_TEST(test_without_a_trust_file_the_systems_bundle_counts)
{
	struct why why;
	int err;

	trust[0] = chain[0] = key[0] = '\0';
	err = try(TLS_ROLE_CLIENT, TLS_VERIFY_REQUIRE, &why);
	if (access("/etc/ssl/certs/ca-certificates.crt", R_OK) == 0)
		ck_assert_int_eq(err, 0);
	else
		assert_says(&why, "/etc/ssl/certs/ca-certificates.crt", "");
}
END_TEST

START_TEST(test_missing_and_unreadable_files_are_named)
{
	struct why why;

	snprintf(chain, sizeof(chain), "%s/none.crt", pki.dir);
	ck_assert_int_eq(serve(&why), -ENOENT);
	assert_says(&why, chain, "no such file");
	assert_says(&why, chain, "put it there");
	snprintf(chain, sizeof(chain), "%s", pki.dir);
	ck_assert_int_lt(serve(&why), 0);
	assert_says(&why, chain, "no file; name one");
	snprintf(chain, sizeof(chain), "%s/a.crt", pki.dir);
	snprintf(key, sizeof(key), "%s/none.key", pki.dir);
	ck_assert_int_eq(serve(&why), -ENOENT);
	assert_says(&why, key, "no such file");
	snprintf(key, sizeof(key), "%s/a.key", pki.dir);
	snprintf(trust, sizeof(trust), "%s/none.crt", pki.dir);
	ck_assert_int_eq(serve(&why), -ENOENT);
	assert_says(&why, trust, "no such file");
}
END_TEST

START_TEST(test_files_that_are_no_pem_are_named)
{
	struct why why;

	pki_write(&pki, "a.crt", "hello\n");
	ck_assert_int_eq(serve(&why), EDGE_ETLS);
	assert_says(&why, chain, "PEM");
	pki_write(&pki, "a.crt", "");
	ck_assert_int_eq(serve(&why), EDGE_ETLS);
	assert_says(&why, chain, "empty");
	snprintf(chain, sizeof(chain), "%s/b.crt", pki.dir);
	pki_write(&pki, "a.key", "hello\n");
	ck_assert_int_eq(serve(&why), EDGE_ETLS);
	assert_says(&why, key, "PEM");
	snprintf(key, sizeof(key), "%s/b.key", pki.dir);
	pki_write(&pki, "ca.crt", "hello\n");
	ck_assert_int_eq(serve(&why), EDGE_ETLS);
	assert_says(&why, trust, "PEM");
}
END_TEST

START_TEST(test_key_of_another_certificate_is_told)
{
	struct why why;

	snprintf(key, sizeof(key), "%s/b.key", pki.dir);
	ck_assert_int_eq(serve(&why), EDGE_ETLS);
	assert_says(&why, key, "does not belong to");
	assert_says(&why, chain, "");
}
END_TEST

START_TEST(test_key_with_a_passphrase_is_told_and_never_asked_for)
{
	struct why why;

	pki_make(&pki, &(struct pki_spec){ .name = "a", .issuer = "ca",
		.cn = "a", .passphrase = "secret" });
	ck_assert_int_eq(serve(&why), EDGE_ETLS);
	assert_says(&why, key, "passphrase");
}
END_TEST

START_TEST(test_half_a_pair_is_told)
{
	struct why why;

	key[0] = '\0';
	ck_assert_int_eq(serve(&why), EDGE_ECONFIG);
	chain[0] = '\0';
	ck_assert_int_eq(serve(&why), EDGE_ECONFIG);
}
END_TEST

START_TEST(test_expired_certificate_is_a_warning_only)
{
	struct why why;

	pki_make(&pki, &(struct pki_spec){ .name = "a", .issuer = "ca",
		.cn = "a", .from_days = -20, .to_days = -1 });
	ck_assert_int_eq(serve(&why), 0);
	ck_assert_uint_eq(expired_lines, 1);
}
END_TEST

START_TEST(test_error_text_empties_the_queue)
{
	char text[160];

	ERR_raise(ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH);
	ERR_raise(ERR_LIB_X509, X509_R_UNKNOWN_KEY_TYPE);
	ck_assert_str_eq(tls_error_text(text, sizeof(text)),
		"key values mismatch");
	ck_assert_str_eq(tls_error_text(text, sizeof(text)),
		"no cause given");
}
END_TEST

START_TEST(test_S9_default_context_has_no_weak_suite)
{
	struct tls_spec spec = { .role = TLS_ROLE_SERVER,
		.chain_path = chain, .key_path = key };
	struct tls_ctx *ctx = NULL;
	STACK_OF(SSL_CIPHER) *all;
	int i;

	ck_assert_int_eq(tls_ctx_new(&ctx, &spec, NULL), 0);
	all = SSL_CTX_get_ciphers(tls_ctx_ssl(ctx));
	ck_assert_int_gt(sk_SSL_CIPHER_num(all), 5);
	for (i = 0; i < sk_SSL_CIPHER_num(all); i++) {
		const SSL_CIPHER *c = sk_SSL_CIPHER_value(all, i);

		ck_assert_int_ge(SSL_CIPHER_get_bits(c, NULL), 128);
		ck_assert_int_ne(SSL_CIPHER_get_auth_nid(c), NID_auth_null);
	}
	ck_assert_int_eq(SSL_CTX_get_min_proto_version(tls_ctx_ssl(ctx)),
		TLS1_2_VERSION);
	tls_ctx_unref(ctx);
}
END_TEST

/* How many issuers go out with our certificate; -1 = each handshake looks
 * for them. */
static int issuers(enum tls_verify verify, const char *chain_path,
	const char *key_path, const char *trust_path)
{
	struct tls_spec spec = { .role = TLS_ROLE_SERVER,
		.verify = verify,
		.chain_path = chain_path, .key_path = key_path,
		.trust_path = trust_path };
	STACK_OF(X509) *found = NULL;
	struct tls_ctx *ctx = NULL;
	int count;

	ck_assert_int_eq(tls_ctx_new(&ctx, &spec, NULL), 0);
	SSL_CTX_get0_chain_certs(tls_ctx_ssl(ctx), &found);
	count = sk_X509_num(found);
	tls_ctx_unref(ctx);
	return count;
}

static void join_files(const char *out, const char *one, const char *two)
{
	char command[1024];

	snprintf(command, sizeof(command), "cd %s && cat %s.crt %s.crt >%s",
		pki.dir, one, two, out);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(test_issuers_are_looked_for_once)
{
	const struct pki_spec mid = { .name = "mid", .issuer = "ca",
		.cn = "mid", .is_ca = true };
	char all[256], leaf[256], leaf_key[256], both[256];

	pki_make(&pki, &mid);
	pki_leaf(&pki, "mid", "leaf", "DNS:leaf.test");
	join_files("all.crt", "ca", "mid");
	join_files("both.crt", "leaf", "mid");
	snprintf(all, sizeof(all), "%s/all.crt", pki.dir);
	snprintf(both, sizeof(both), "%s/both.crt", pki.dir);
	snprintf(leaf, sizeof(leaf), "%s/leaf.crt", pki.dir);
	snprintf(leaf_key, sizeof(leaf_key), "%s/leaf.key", pki.dir);
	for (int i = 0; i < 2; i++) {
		const enum tls_verify v = i == 0 ? TLS_VERIFY_REQUIRE :
			TLS_VERIFY_NONE;

		/* The root stays at home. */
		ck_assert_int_eq(issuers(v, chain, key, trust), 0);
		ck_assert_int_eq(issuers(v, leaf, leaf_key, all), 1);
		/* What the file says is what is sent. */
		ck_assert_int_eq(issuers(v, both, leaf_key, trust), 1);
		/* Nobody here knows who issued it. */
		ck_assert_int_eq(issuers(v, leaf, leaf_key, trust), 0);
	}
	ck_assert_int_eq(issuers(TLS_VERIFY_NONE, leaf, leaf_key, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tls");
	TCase *tc = tcase_create("tls");
	SRunner *sr = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_good_files_make_every_role);
	tcase_add_test(tc,
		test_without_a_trust_file_the_systems_bundle_counts);
	tcase_add_test(tc, test_missing_and_unreadable_files_are_named);
	tcase_add_test(tc, test_files_that_are_no_pem_are_named);
	tcase_add_test(tc, test_key_of_another_certificate_is_told);
	tcase_add_test(tc,
		test_key_with_a_passphrase_is_told_and_never_asked_for);
	tcase_add_test(tc, test_half_a_pair_is_told);
	tcase_add_test(tc, test_expired_certificate_is_a_warning_only);
	tcase_add_test(tc, test_error_text_empties_the_queue);
	tcase_add_test(tc, test_S9_default_context_has_no_weak_suite);
	tcase_add_test(tc, test_issuers_are_looked_for_once);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
