/* Revocation lists: what is asked for, believed, and refused. */
#include <check.h>

#include "common/base/err.h"
#include "common/net/crl.h"
#include "common/net/crl_parcel.h"
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

#define BYTES_MAX ((size_t)1 << 20)

static struct loop *loop;
static struct pki pki;
static struct crl_store *store;
static struct end here, there; /* a server that asks, and a client */
static struct crl_finding found;
static const char *peer_ca;

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

	pki_make(&pki, &(struct pki_spec){.name = "peer", .issuer = peer_ca,
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
	ck_assert_int_eq(crl_store_new(&store, BYTES_MAX), 0);
	peer_ca = "ca";
}

static void teardown(void)
{
	end_fini(&here);
	end_fini(&there);
	crl_store_free(store);
	pki_fini(&pki);
	loop_free(loop);
}

static int put_bytes(const char *url, const void *der, size_t len,
	struct wall now, struct why *why)
{
	struct crl_parcel *parcel = NULL;
	void *room = malloc(len);
	int err;

	memcpy(room, der, len);
	err = crl_receive(store, url, room, room, len, &parcel);
	if (err != 0)
		return err;
	crl_parcel_open(parcel);
	return crl_put(store, parcel, now, why);
}

static int put_at(const char *url, const char *ca, const char *revoked,
	long made_s, long until_s, struct wall now)
{
	struct why why = {""};
	int len = 0;
	unsigned char *der = pki_crl(&pki, ca, revoked, made_s, until_s,
		&len);
	int err = put_bytes(url, der, (size_t)len, now, &why);

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
	ck_assert_int_eq(put_bytes(URL, "x", 1, at(0), &why), EDGE_EUNKNOWN);
	ck_assert_int_eq(put("ca", NULL, -10, 100, at(0)), EDGE_EUNKNOWN);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_int_eq(put_bytes(URL, "<html>", 6, at(0), &why),
		EDGE_EMALFORMED);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_str_eq(found.url, ""); /* not at once again */
}
END_TEST

/* Who takes a certificate back says so by a new list: what an old one does not
 * say is worth nothing any more, what it says stays. */
START_TEST(test_S10_list_out_of_date_vouches_for_nobody)
{
	connect_peer("URI:" URL);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_int_eq(put("ca", NULL, -10, 100, at(0)), 0);
	ck_assert_int_eq(look(at(90)), CRL_GOOD);
	ck_assert_int_eq(look(at(110)), CRL_MISSING);
	ck_assert_str_eq(found.url, ""); /* not so soon again */
	ck_assert(!found.is_coming);
	ck_assert_ptr_nonnull(strstr(found.detail, "out of date"));
	ck_assert_int_eq(look(at(610)), CRL_MISSING);
	ck_assert_str_eq(found.url, URL);
	ck_assert(found.is_coming);
	/* One that comes too late is told, and kept for what it says. */
	ck_assert_int_eq(put("ca", "peer", -5, 100, at(610)), EDGE_EREFUSED);
	ck_assert_int_eq(look(at(611)), CRL_REVOKED);
}
END_TEST

/* Weekly, also when it says that it is good for a year; good for the year. */
START_TEST(test_long_lived_list_is_renewed_weekly_and_counts_on)
{
	char url[CRL_URL_LEN];

	connect_peer("URI:" URL);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_int_eq(put("ca", NULL, -10, 365 * 86400, at(0)), 0);
	ck_assert_int_eq(look(at(6 * 86400)), CRL_GOOD);
	ck_assert_str_eq(crl_stale(store, at(6 * 86400), url), "");
	ck_assert_str_eq(crl_stale(store, at(7 * 86400), url), URL);
	crl_failed(store, URL, at(7 * 86400));
	ck_assert_int_eq(look(at(30 * 86400)), CRL_GOOD);
	/* Nobody has named it for longer than a week: forgotten. */
	(void)crl_stale(store, at(38 * 86400), url);
	ck_assert_uint_eq(crl_count(store), 0);
}
END_TEST

static int put_about(const char *revoked, long made_s, const char *about)
{
	struct why why = {""};
	int len = 0, err;
	unsigned char *der = pki_crl_make(&pki, &(struct pki_crl_spec){
		.ca = "ca", .revoked = revoked, .made_s = made_s,
		.until_s = 86400, .about = about}, &len);

	err = put_bytes(URL, der, (size_t)len, at(0), &why);
	OPENSSL_free(der);
	return err;
}

/* RFC 5280 section 6.3.3: who can play another part of the authority's list
 * must not have the certificate looked up on it. */
START_TEST(test_S10_part_of_a_list_stands_for_no_other)
{
	static const struct {
		const char *about;
		int err;
	} rows[] = {
		{"critical,fullname:URI:" URL, 0},
		{"critical,fullname:URI:" SECOND, EDGE_EREFUSED},
		{"critical,onlyuser:TRUE", 0},
		{"critical,fullname:URI:" URL ",onlyuser:TRUE", 0},
		{"critical,onlyCA:TRUE", EDGE_EREFUSED},
		{"critical,onlyAA:TRUE", EDGE_EREFUSED},
		{"critical,onlysomereasons:keyCompromise", EDGE_EREFUSED},
		{"critical,fullname:URI:" URL ",indirectCRL:TRUE",
			EDGE_EREFUSED},
	};

	connect_peer("URI:" URL);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		crl_store_free(store);
		ck_assert_int_eq(crl_store_new(&store, BYTES_MAX), 0);
		ck_assert_int_eq(look(at(0)), CRL_MISSING);
		ck_assert_msg(put_about(NULL, -10, rows[i].about) ==
			rows[i].err, "%s", rows[i].about);
		ck_assert_msg(look(at(0)) == (rows[i].err == 0 ? CRL_GOOD :
			CRL_MISSING), "%s", rows[i].about);
		/* Nor does it take back what the right list says. */
		ck_assert_int_eq(put_about("peer", -8, NULL), 0);
		ck_assert_int_eq(put_about(NULL, -6, rows[i].about),
			rows[i].err);
		ck_assert_msg(look(at(0)) == (rows[i].err == 0 ? CRL_GOOD :
			CRL_REVOKED), "%s", rows[i].about);
	}
}
END_TEST

/* "DER:..." of a point with this address and one ground only. */
static void point_of_some(char *out, size_t cap)
{
	STACK_OF(DIST_POINT) *all = sk_DIST_POINT_new_null();
	DIST_POINT *p = DIST_POINT_new();
	GENERAL_NAME *name = a2i_GENERAL_NAME(NULL, NULL, NULL, GEN_URI, URL,
		0);
	unsigned char *der = NULL;
	size_t at = 0;
	int len;

	p->distpoint = DIST_POINT_NAME_new();
	p->distpoint->type = 0;
	p->distpoint->name.fullname = sk_GENERAL_NAME_new_null();
	sk_GENERAL_NAME_push(p->distpoint->name.fullname, name);
	p->reasons = ASN1_BIT_STRING_new();
	ASN1_BIT_STRING_set_bit(p->reasons, 1, 1);
	sk_DIST_POINT_push(all, p);
	len = i2d_CRL_DIST_POINTS(all, &der);
	at = (size_t)snprintf(out, cap, "DER");
	for (int i = 0; i < len; i++)
		at += (size_t)snprintf(out + at, cap - at, ":%02x", der[i]);
	OPENSSL_free(der);
	sk_DIST_POINT_pop_free(all, DIST_POINT_free);
}

START_TEST(test_S10_lists_of_some_grounds_do_not_make_good)
{
	char point[512];

	point_of_some(point, sizeof(point));
	connect_peer(point);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_str_eq(found.url, URL);
	ck_assert_int_eq(put_about(NULL, -10,
		"critical,onlysomereasons:keyCompromise"), 0);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_str_eq(found.url, "");
	ck_assert(!found.is_coming); /* nothing more will come */
	ck_assert_int_eq(put_about("peer", -5,
		"critical,onlysomereasons:keyCompromise"), 0);
	ck_assert_int_eq(look(at(0)), CRL_REVOKED);
}
END_TEST

START_TEST(test_S10_list_that_is_said_to_be_anothers_is_not_believed)
{
	struct why why = {""};
	int len = 0;
	unsigned char *der = pki_crl_make(&pki, &(struct pki_crl_spec){
		.ca = "ca", .name_of = "other", .made_s = -10,
		.until_s = 86400}, &len);

	connect_peer("URI:" URL);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_int_eq(put_bytes(URL, der, (size_t)len, at(0), &why),
		EDGE_EREFUSED);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	OPENSSL_free(der);
}
END_TEST

/* Section 6.3.3 f. */
START_TEST(test_S10_key_that_must_not_sign_lists_does_not)
{
	pki_make(&pki, &(struct pki_spec){.name = "ca", .cn = "ca",
		.is_ca = true, .key_usage = "critical,keyCertSign"});
	pki_leaf(&pki, "ca", "server", "DNS:server.test");
	connect_peer("URI:" URL);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_int_eq(put("ca", NULL, -10, 86400, at(0)), EDGE_EREFUSED);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
}
END_TEST

/* What strangers' authorities publish does not fill the memory. */
START_TEST(test_S7_lists_together_have_a_bound)
{
	connect_peer("URI:" URL ",URI:" SECOND);
	crl_store_free(store);
	ck_assert_int_eq(crl_store_new(&store, 256), 0);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_int_eq(put("ca", "server", -10, 86400, at(0)), 0);
	ck_assert_uint_eq(crl_count(store), 1);
	ck_assert_int_eq(put_at(SECOND, "ca", "server", -10, 86400, at(0)),
		0);
	ck_assert_uint_eq(crl_count(store), 1);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	ck_assert_str_eq(found.url, URL); /* the one used longest ago went */
}
END_TEST

START_TEST(test_postponed_fetch_is_asked_for_again_at_once)
{
	char url[CRL_URL_LEN];

	connect_peer("URI:" URL);
	ck_assert_int_eq(look(at(0)), CRL_MISSING);
	crl_postponed(store, URL);
	ck_assert_str_eq(crl_stale(store, at(0), url), URL);
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
	tcase_add_test(c, test_S10_list_out_of_date_vouches_for_nobody);
	tcase_add_test(c,
		test_long_lived_list_is_renewed_weekly_and_counts_on);
	tcase_add_test(c, test_S10_part_of_a_list_stands_for_no_other);
	tcase_add_test(c, test_S10_lists_of_some_grounds_do_not_make_good);
	tcase_add_test(c,
		test_S10_list_that_is_said_to_be_anothers_is_not_believed);
	tcase_add_test(c, test_S10_key_that_must_not_sign_lists_does_not);
	tcase_add_test(c, test_S7_lists_together_have_a_bound);
	tcase_add_test(c, test_postponed_fetch_is_asked_for_again_at_once);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
