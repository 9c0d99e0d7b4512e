/* Revocation lists: what is asked for, believed, and refused. */
#include <check.h>

#include "common/base/err.h"
#include "common/net/crl.h"
#include "tests/unit/net/ends.h"
#include "tests/unit/net/pki_crl.h"

#define URL    "http://crl.test/ca.crl"
#define SECOND "http://crl.test/second.crl"

/* URL and SECOND in one point: OpenSSL's short form would make two. */
#define MIRRORED                                                         \
	"DER:30:3a:30:38:a0:36:a0:34:86:16:68:74:74:70:3a:2f:2f:63:72" \
	":6c:2e:74:65:73:74:2f:63:61:2e:63:72:6c:86:1a:68:74:74:70:3a" \
	":2f:2f:63:72:6c:2e:74:65:73:74:2f:73:65:63:6f:6e:64:2e:63:72" \
	":6c"

static struct loop *loop;
static struct pki pki;
static struct crl_store *store;
static struct end here, there; /* a server that asks, and a client */
static struct crl_finding found;

static struct wall at(int64_t s)
{
	return (struct wall){wall_now().s + s};
}

static struct tls_ctx *ctx_of(enum tls_role role, const char *name)
{
	char chain[512], key[512], ca[512], file[64];
	struct tls_ctx *ctx = NULL;
	struct why why = {""};

	snprintf(file, sizeof(file), "%s.crt", name);
	snprintf(chain, sizeof(chain), "%s", pki_path(&pki, file));
	snprintf(file, sizeof(file), "%s.key", name);
	snprintf(key, sizeof(key), "%s", pki_path(&pki, file));
	snprintf(ca, sizeof(ca), "%s", pki_path(&pki, "ca.crt"));
	ck_assert_msg(tls_ctx_new(&ctx, &(struct tls_spec){.role = role,
		.verify = TLS_VERIFY_REQUIRE, .chain_path = chain,
		.key_path = key, .trust_path = ca}, &why) == 0, "%s",
		why.text);
	return ctx;
}

/* here has a peer with the certificate "peer". */
static void connect_peer(const char *crl)
{
	struct stream_limits limits = {0};
	struct stream_target to = {.name = "server.test"};
	struct tls_ctx *server, *client;
	int fd = test_listen(&to.remote);

	pki_make(&pki, &(struct pki_spec){.name = "peer", .issuer = "ca",
		.cn = "peer", .san = "DNS:peer.test", .crl = crl});
	server = ctx_of(TLS_ROLE_SERVER, "server");
	client = ctx_of(TLS_ROLE_CLIENT, "peer");
	ck_assert_int_eq(stream_connect(&there.stream, loop, &to, client,
		&limits, &end_ops, &there), 0);
	ck_assert_int_eq(stream_accept(&here.stream, loop, test_accept(fd),
		&to.remote, server, &limits, &end_ops, &here), 0);
	tls_ctx_unref(server);
	tls_ctx_unref(client);
	TURN_UNTIL(loop, here.is_ready && there.is_ready);
	close(fd);
}

static void setup(void)
{
	ck_assert_int_eq(loop_new(&loop), 0);
	pki_init(&pki);
	pki_ca(&pki, "ca");
	pki_ca(&pki, "other");
	pki_leaf(&pki, "ca", "server", "DNS:server.test");
	ck_assert_int_eq(crl_store_new(&store), 0);
}

static void teardown(void)
{
	end_fini(&here);
	end_fini(&there);
	crl_store_free(store);
	pki_fini(&pki);
	loop_free(loop);
}

static int put_at(const char *url, const char *ca, const char *revoked,
	long made_s, long until_s, struct wall now)
{
	struct why why = {""};
	int len = 0;
	unsigned char *der = pki_crl(&pki, ca, revoked, made_s, until_s,
		&len);
	int err = crl_put(store, url, der, (size_t)len, now, &why);

	ck_assert_int_eq(err != 0, why.text[0] != '\0' ||
		err == EDGE_EUNKNOWN);
	OPENSSL_free(der);
	return err;
}

static int put(const char *ca, const char *revoked, long made_s,
	long until_s, struct wall now)
{
	return put_at(URL, ca, revoked, made_s, until_s, now);
}

static enum crl_state look(struct wall now)
{
	crl_look(store, here.stream, now, &found);
	return found.state;
}

START_TEST(test_missing_list_is_asked_for_once_and_holds_nobody_up)
{
	connect_peer("URI:" URL);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_str_eq(found.url, URL);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_str_eq(found.url, ""); /* it is being fetched */
	crl_failed(store, URL, at(0));
	ck_assert_int_eq(look(at(599)), CRL_MISSING);
	ck_assert_str_eq(found.url, "");
	ck_assert_int_eq(look(at(600)), CRL_MISSING);
	ck_assert_str_eq(found.url, URL);
}
END_TEST

START_TEST(test_S10_listed_certificate_is_revoked_others_are_good)
{
	connect_peer("URI:" URL);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_int_eq(put("ca", "server", -20, 86400, at(0)), 0);
	ck_assert_uint_eq(crl_count(store), 1);
	ck_assert_int_eq(look(at(0)), CRL_GOOD);
	ck_assert_int_eq(put("ca", "peer", -10, 86400, at(0)), 0);
	ck_assert_int_eq(look(at(0)), CRL_REVOKED);
	ck_assert_ptr_nonnull(strstr(found.detail, "peer"));
}
END_TEST

START_TEST(test_S10_list_of_another_signer_is_not_believed)
{
	connect_peer("URI:" URL);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_int_eq(put("other", "peer", -10, 86400, at(0)),
		EDGE_EREFUSED);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_uint_eq(crl_count(store), 0);
}
END_TEST

/* Who can play an old list must not take a revocation back. */
START_TEST(test_S10_older_list_does_not_replace_a_newer_one)
{
	connect_peer("URI:" URL);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_int_eq(put("ca", "peer", -10, 86400, at(0)), 0);
	ck_assert_int_eq(put("ca", NULL, -1000, 86400, at(0)),
		EDGE_EREFUSED);
	ck_assert_int_eq(look(at(0)), CRL_REVOKED);
}
END_TEST

START_TEST(test_list_is_fetched_anew_before_its_end_and_counts_until_then)
{
	char url[CRL_URL_LEN];

	connect_peer("URI:" URL);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_int_eq(put("ca", "peer", -10, 86400, at(0)), 0);
	ck_assert_str_eq(crl_stale(store, at(3600), url), "");
	ck_assert_str_eq(crl_stale(store, at(86400 - 3000), url), URL);
	ck_assert_str_eq(crl_stale(store, at(86400 - 3000), url), "");
	ck_assert_int_eq(look(at(90000)), CRL_REVOKED);
	/* One that lives for a moment is not fetched without end. */
	ck_assert_int_eq(put("ca", NULL, -5, 60, at(0)), 0);
	ck_assert_str_eq(crl_stale(store, at(599), url), "");
	ck_assert_str_eq(crl_stale(store, at(601), url), URL);
}
END_TEST

/* A list cut into parts: the certificate may be on any of them. */
START_TEST(test_S10_every_list_that_a_certificate_names_is_looked_at)
{
	char url[CRL_URL_LEN];

	connect_peer("URI:" URL ",URI:" SECOND);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_str_eq(found.url, URL);
	ck_assert_str_eq(crl_stale(store, at(0), url), SECOND);
	ck_assert_int_eq(put("ca", NULL, -20, 86400, at(0)), 0);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_int_eq(put_at(SECOND, "ca", NULL, -20, 86400, at(0)), 0);
	ck_assert_int_eq(look(at(0)), CRL_GOOD);
	ck_assert_int_eq(put_at(SECOND, "ca", "peer", -10, 86400, at(0)), 0);
	ck_assert_int_eq(look(at(0)), CRL_REVOKED);
}
END_TEST

/* One list at two addresses: when the first fails the second is asked. */
START_TEST(test_S10_list_is_asked_for_at_its_next_address)
{
	connect_peer(MIRRORED);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_str_eq(found.url, URL);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_str_eq(found.url, ""); /* not two at a time */
	crl_failed(store, URL, at(0));
	ck_assert_int_eq(look(at(1)), CRL_MISSING);
	ck_assert_str_eq(found.url, SECOND);
	ck_assert_int_eq(put_at(SECOND, "ca", "peer", -10, 86400, at(1)), 0);
	ck_assert_int_eq(look(at(1)), CRL_REVOKED);
}
END_TEST

START_TEST(test_chain_without_a_list_over_http_has_none)
{
	connect_peer(NULL);
	ck_assert_int_eq(look(at(0)), CRL_NONE);
	end_fini(&here);
	end_fini(&there);
	connect_peer("URI:ldap://ca.test/cn=x");
	ck_assert_int_eq(look(at(0)), CRL_NONE);
	end_fini(&here);
	end_fini(&there);
	connect_peer("URI:ldap://ca.test/cn=x,URI:" URL);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_str_eq(found.url, URL);
}
END_TEST

START_TEST(test_what_is_no_list_is_refused)
{
	struct why why = {""};

	connect_peer("URI:" URL);
	ck_assert_int_eq(crl_put(store, URL, "x", 1, at(0), &why),
		EDGE_EMALFORMED);
	ck_assert_int_eq(put("ca", NULL, -10, 100, at(0)), EDGE_EUNKNOWN);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_int_eq(crl_put(store, URL, "<html>", 6, at(0), &why),
		EDGE_EMALFORMED);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_str_eq(found.url, ""); /* not at once again */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("net/crl");
	TCase *c = tcase_create("crl");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c,
		test_missing_list_is_asked_for_once_and_holds_nobody_up);
	tcase_add_test(c,
		test_S10_listed_certificate_is_revoked_others_are_good);
	tcase_add_test(c, test_S10_list_of_another_signer_is_not_believed);
	tcase_add_test(c, test_S10_older_list_does_not_replace_a_newer_one);
	tcase_add_test(c,
		test_list_is_fetched_anew_before_its_end_and_counts_until_then);
	tcase_add_test(c,
		test_S10_every_list_that_a_certificate_names_is_looked_at);
	tcase_add_test(c, test_S10_list_is_asked_for_at_its_next_address);
	tcase_add_test(c, test_chain_without_a_list_over_http_has_none);
	tcase_add_test(c, test_what_is_no_list_is_refused);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
