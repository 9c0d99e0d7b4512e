/* Open connections by the authorities that are trusted now. */
#include "common/net/stream_review.h"
#include "tests/unit/check_main.h"
#include "tests/unit/net/ends.h"
#include "tests/unit/net/pki_crl.h"

static struct loop *loop;
static struct pki pki;
static struct end here, there; /* a server, and a client */

static struct tls_ctx *ctx_of(enum tls_role role, enum tls_verify verify,
	const char *name, const char *trust)
{
	char chain[512], key[512], ca[512], file[64];
	struct tls_ctx *ctx = NULL;
	struct why why = {""};

	snprintf(file, sizeof(file), "%s.crt", name);
	snprintf(chain, sizeof(chain), "%s", pki_path(&pki, file));
	snprintf(file, sizeof(file), "%s.key", name);
	snprintf(key, sizeof(key), "%s", pki_path(&pki, file));
	snprintf(file, sizeof(file), "%s.crt", trust);
	snprintf(ca, sizeof(ca), "%s", pki_path(&pki, file));
	ck_assert_msg(tls_ctx_new(&ctx, &(struct tls_spec){.role = role,
		.verify = verify, .chain_path = chain, .key_path = key,
		.trust_path = ca}, &why) == 0, "%s", why.text);
	return ctx;
}

/* The client's chain goes over an authority that the server has not. */
static void setup(void)
{
	struct stream_limits limits = {0};
	struct stream_target to = {.name = "server.test"};
	struct tls_ctx *server, *client;
	X509 *between;
	FILE *f;
	int fd = test_listen(&to.remote);

	ck_assert_int_eq(loop_new(&loop), 0);
	pki_init(&pki);
	pki_ca(&pki, "ca");
	pki_ca(&pki, "other");
	pki_leaf(&pki, "ca", "server", "DNS:server.test");
	pki_make(&pki, &(struct pki_spec){.name = "between", .issuer = "ca",
		.cn = "between", .is_ca = true});
	pki_leaf(&pki, "between", "peer", "DNS:peer.test");
	between = pki_cert(&pki, "between");
	f = pki_open(&pki, "peer", "crt", "a");
	PEM_write_X509(f, between);
	fclose(f);
	X509_free(between);
	server = ctx_of(TLS_ROLE_SERVER, TLS_VERIFY_REQUIRE, "server", "ca");
	client = ctx_of(TLS_ROLE_CLIENT, TLS_VERIFY_REQUIRE, "peer", "ca");
	ck_assert_int_eq(stream_connect(&there.stream, loop, &to, client,
		&limits, &end_ops, &there), 0);
	ck_assert_int_eq(stream_accept(&here.stream, loop, test_accept(fd),
		&to.remote, server, &limits, &end_ops, &here), 0);
	tls_ctx_unref(server);
	tls_ctx_unref(client);
	TURN_UNTIL(loop, here.is_ready && there.is_ready);
	close(fd);
}

static void teardown(void)
{
	end_fini(&here);
	end_fini(&there);
	pki_fini(&pki);
	loop_free(loop);
}

static bool review(const struct end *e, enum tls_role role,
	enum tls_verify verify, const char *trust)
{
	struct tls_ctx *ctx = ctx_of(role, verify, "server", trust);
	bool is_good = stream_review(e->stream, ctx);

	tls_ctx_unref(ctx);
	return is_good;
}

START_TEST(test_S9_peer_is_judged_by_who_is_trusted_now)
{
	ck_assert(review(&here, TLS_ROLE_SERVER, TLS_VERIFY_REQUIRE, "ca"));
	ck_assert(!review(&here, TLS_ROLE_SERVER, TLS_VERIFY_REQUIRE,
		"other"));
	ck_assert(!review(&here, TLS_ROLE_SERVER, TLS_VERIFY_ASK, "other"));
	ck_assert(review(&there, TLS_ROLE_CLIENT, TLS_VERIFY_REQUIRE, "ca"));
	ck_assert(!review(&there, TLS_ROLE_CLIENT, TLS_VERIFY_REQUIRE,
		"other"));
}
END_TEST

START_TEST(test_where_no_certificate_is_asked_for_nobody_is_judged)
{
	ck_assert(review(&here, TLS_ROLE_SERVER, TLS_VERIFY_NONE, "other"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("net/stream_review");
	TCase *c = tcase_create("stream_review");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_S9_peer_is_judged_by_who_is_trusted_now);
	tcase_add_test(c,
		test_where_no_certificate_is_asked_for_nobody_is_judged);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
