/*
 * Revocation lists at work: partners whose certificate its issuer took back,
 * and which doors a certificate may make us knock at.
 */
#include "tests/unit/access-edge/federation.h"
#include "tests/unit/net/pki_crl.h"

/* A server that answers every GET with the same list. */
struct store {
	struct lab *lab;
	struct loop_fd *watch;
	struct loop_fd *talk;
	int fd;
	int talk_fd;
	struct addr at;
	unsigned asked;
	bool is_slow; /* says nothing until store_answer() */
	unsigned char *der;
	int len;
	size_t sent;
};

static void store_hang_up(struct store *s)
{
	loop_fd_free(s->talk);
	s->talk = NULL;
	if (s->talk_fd >= 0)
		close(s->talk_fd);
	s->talk_fd = -1;
}

static void store_answer(struct store *s)
{
	static const char ok[] = "HTTP/1.0 200 OK\r\n\r\n";

	s->asked++;
	s->sent = 0;
	ck_assert_int_eq(write(s->talk_fd, ok, sizeof(ok) - 1),
		sizeof(ok) - 1);
	ck_assert_int_eq(loop_fd_want(s->talk, LOOP_WRITE), 0);
}

static void on_talk(unsigned ready, void *arg)
{
	struct store *s = arg;
	char text[1024];
	ssize_t n;

	if ((ready & LOOP_READ) != 0) {
		n = read(s->talk_fd, text, sizeof(text));
		if (n <= 0)
			store_hang_up(s);
		else if (!s->is_slow)
			store_answer(s);
		else
			ck_assert_int_eq(loop_fd_want(s->talk, 0), 0);
		return;
	}
	n = write(s->talk_fd, s->der + s->sent, (size_t)s->len - s->sent);
	if (n > 0)
		s->sent += (size_t)n;
	if (s->sent == (size_t)s->len)
		store_hang_up(s);
}

static void on_visitor(unsigned ready, void *arg)
{
	struct store *s = arg;
	int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)ready;
	if (fd < 0)
		return;
	store_hang_up(s);
	s->talk_fd = fd;
	ck_assert_int_eq(loop_fd_new(&s->talk, s->lab->loop, fd, LOOP_READ,
		on_talk, s), 0);
}

/* With the partner's certificate, and a list that has `revoked` on it. */
static void store_open(struct store *s, struct lab *lab, const char *revoked)
{
	char url[128], at[ADDR_TEXT_LEN];

	memset(s, 0, sizeof(*s));
	s->lab = lab;
	s->talk_fd = -1;
	s->fd = listen_at("127.0.0.9", 0, &s->at);
	ck_assert_int_ge(s->fd, 0);
	ck_assert_int_eq(loop_fd_new(&s->watch, lab->loop, s->fd, LOOP_READ,
		on_visitor, s), 0);
	snprintf(url, sizeof(url), "URI:http://%s/ca.crl",
		addr_text(&s->at, at));
	pki_make(&lab->pki, &(struct pki_spec){.name = "p", .issuer = "ca",
		.cn = "p", .san = "DNS:sip.found.test", .crl = url});
	s->der = pki_crl(&lab->pki, "ca", revoked, -60, 86400, &s->len);
}

static void store_close(struct store *s)
{
	store_hang_up(s);
	loop_fd_free(s->watch);
	close(s->fd);
	OPENSSL_free(s->der);
}

static struct party *partner(struct lab *lab)
{
	struct tls_ctx *ctx = lab_ctx(lab, "p");
	struct party *p = party_dial_to(lab, &lab->partners, ctx,
		LAB_OUTSIDE);

	tls_ctx_unref(ctx);
	return p;
}

START_TEST(test_S10_certificate_that_was_taken_back_ends_the_connection)
{
	struct lab lab;
	struct store store;
	struct party *fe = lab_start(&lab, DISCOVERY);
	struct party *p;
	size_t got;

	discoverable(&lab, "found.test", "sip.found.test", 5061);
	store_open(&store, &lab, "p");
	party_expect_end(partner(&lab));
	ck_assert_uint_eq(store.asked, 1);
	ck_assert_uint_eq(counter_get(&lab.counters, COUNTER_REVOKED), 1);
	/* Now the list is here: it is turned away before it is heard. */
	got = fe->got;
	p = partner(&lab);
	if (!p->is_ended)
		party_send(p, message("MESSAGE", "bob@found.test",
			"alice@example.com", "m1", ""));
	party_expect_end(p);
	ck_assert_uint_eq(counter_get(&lab.counters, COUNTER_REVOKED), 2);
	ck_assert_uint_eq(store.asked, 1);
	ck_assert_uint_eq(fe->got, got);
	store_close(&store);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_certificate_that_is_not_listed_goes_on)
{
	struct lab lab;
	struct store store;
	struct party *fe = lab_start(&lab, DISCOVERY);
	struct party *p;

	discoverable(&lab, "found.test", "sip.found.test", 5061);
	store_open(&store, &lab, "fe");
	p = partner(&lab);
	TURN_UNTIL(lab.loop, revocation_lists(lab.edge->revocation) == 1);
	party_send(p, message("MESSAGE", "bob@found.test",
		"alice@example.com", "m1", ""));
	party_expect(fe, "MESSAGE ");
	ck_assert(!p->is_ended);
	store_close(&store);
	lab_fini(&lab);
}
END_TEST

/* A list that can't be had is held against nobody. */
START_TEST(test_S12_certificate_can_not_make_us_knock_inside)
{
	struct lab lab;
	struct store store;
	struct party *p;

	lab_start(&lab, "settings: {access-edge: "
		"{allow_federated_users: true}}\n");
	store_open(&store, &lab, "p");
	p = partner(&lab);
	TURN_UNTIL(lab.loop, counter_get(&lab.counters,
		COUNTER_CRL_FAILURES) > 0);
	turn_for_ms(lab.loop, 50);
	ck_assert_uint_eq(store.asked, 0);
	ck_assert(p->is_ready && !p->is_ended);
	store_close(&store);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_lists_are_a_setting)
{
	struct lab lab;
	struct store store;
	struct party *p;

	lab_start(&lab, SETTINGS(", keep_crls_up_to_date_for_peers: false"));
	store_open(&store, &lab, "p");
	p = partner(&lab);
	turn_for_ms(lab.loop, 100);
	ck_assert_uint_eq(store.asked, 0);
	ck_assert(p->is_ready && !p->is_ended);
	store_close(&store);
	lab_fini(&lab);
}
END_TEST

/* ---- a list that is required --------------------------------------------- */

#define REQUIRED SETTINGS(", enable_partner_discovery: true, " \
	"require_crls_for_peers: true")

static const char *hello(void)
{
	return message("MESSAGE", "bob@found.test", "alice@example.com", "m1",
		"");
}

static uint64_t unchecked(const struct lab *lab)
{
	return counter_get(&lab->counters, COUNTER_UNCHECKED);
}

START_TEST(test_S10_partner_waits_for_a_list_that_is_required)
{
	struct lab lab;
	struct store store;
	struct party *fe = lab_start(&lab, REQUIRED);
	struct party *p;

	discoverable(&lab, "found.test", "sip.found.test", 5061);
	store_open(&store, &lab, "fe");
	store.is_slow = true;
	p = partner(&lab);
	party_send(p, hello());
	party_expect_silence(fe, 100);
	ck_assert(!p->is_ended);
	store_answer(&store);
	party_expect(fe, "MESSAGE ");
	/* Who comes later finds it here. */
	p = partner(&lab);
	party_send(p, message("MESSAGE", "bob@found.test",
		"alice@example.com", "m2", ""));
	party_expect(fe, "MESSAGE ");
	ck_assert_uint_eq(store.asked, 1);
	ck_assert_uint_eq(unchecked(&lab), 0);
	store_close(&store);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S10_who_is_on_the_required_list_was_never_heard)
{
	struct lab lab;
	struct store store;
	struct party *fe = lab_start(&lab, REQUIRED);
	struct party *p;

	discoverable(&lab, "found.test", "sip.found.test", 5061);
	store_open(&store, &lab, "p");
	store.is_slow = true;
	p = partner(&lab);
	party_send(p, hello());
	party_expect_silence(fe, 50);
	store_answer(&store);
	party_expect_end(p);
	party_expect_silence(fe, 20);
	ck_assert_uint_eq(counter_get(&lab.counters, COUNTER_REVOKED), 1);
	store_close(&store);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S10_required_list_that_can_not_be_had_refuses)
{
	struct lab lab;
	struct store store;
	struct party *fe = lab_start(&lab, REQUIRED);
	struct party *p;

	discoverable(&lab, "found.test", "sip.found.test", 5061);
	store_open(&store, &lab, "fe");
	store.is_slow = true;
	p = partner(&lab);
	party_send(p, hello());
	party_expect_silence(fe, 50);
	ck_assert(!p->is_ended);
	store_hang_up(&store); /* no answer */
	party_expect_end(p);
	ck_assert_uint_eq(unchecked(&lab), 1);
	/* It is not asked for again so soon, and who comes is refused. */
	party_expect_end(partner(&lab));
	ck_assert_uint_eq(unchecked(&lab), 2);
	ck_assert_uint_eq(fe->got, fe->read);
	store_close(&store);
	lab_fini(&lab);
}
END_TEST

/* The lists of both are out of date: only who requires one in date minds. */
START_TEST(test_S10_list_out_of_date_counts_as_none)
{
	static const char *const settings[] = {REQUIRED, DISCOVERY};

	for (size_t i = 0; i < ARRAY_COUNT(settings); i++) {
		struct lab lab;
		struct store store;
		struct party *fe = lab_start(&lab, settings[i]);
		struct party *p;

		discoverable(&lab, "found.test", "sip.found.test", 5061);
		store_open(&store, &lab, "fe");
		OPENSSL_free(store.der);
		store.der = pki_crl(&lab.pki, "ca", "fe", -7200, -60,
			&store.len);
		p = partner(&lab);
		TURN_UNTIL(lab.loop, counter_get(&lab.counters,
			COUNTER_CRL_FAILURES) == 1);
		if (i == 0) {
			party_expect_end(p);
			ck_assert_uint_eq(unchecked(&lab), 1);
		} else {
			party_send(p, hello());
			party_expect(fe, "MESSAGE ");
		}
		store_close(&store);
		lab_fini(&lab);
	}
}
END_TEST

START_TEST(test_who_waits_goes_on_when_the_list_is_not_required_any_more)
{
	struct lab lab;
	struct store store;
	struct party *fe = lab_start(&lab, REQUIRED);
	struct topology *t;
	struct why why = {""};
	struct party *p;

	discoverable(&lab, "found.test", "sip.found.test", 5061);
	store_open(&store, &lab, "fe");
	store.is_slow = true;
	p = partner(&lab);
	party_send(p, hello());
	party_expect_silence(fe, 50);
	t = lab_topology(&lab, DISCOVERY);
	ck_assert_int_eq(edge_apply(lab.edge, t, lab.tls_partner, &why), 0);
	topology_unref(t);
	party_expect(fe, "MESSAGE ");
	store_close(&store);
	lab_fini(&lab);
}
END_TEST

/* A server that swallows the question holds who waits for no longer than a
 * handshake may take. */
START_TEST(test_S8_wait_for_a_list_ends)
{
	struct lab lab;
	struct store store;
	struct party *p;

	lab_start(&lab, SETTINGS(", enable_partner_discovery: true, "
		"require_crls_for_peers: true, handshake_timeout: 1s"));
	store_open(&store, &lab, "fe");
	store.is_slow = true;
	p = partner(&lab);
	party_expect_end(p);
	store_close(&store);
	lab_fini(&lab);
}
END_TEST

/* ---- what it costs ------------------------------------------------------- */

static double cpu_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* 300,000 rows, none of them our certificate's. */
static void make_long(struct store *s)
{
	X509 *ca = pki_cert(&s->lab->pki, "ca");
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *at = ASN1_TIME_set(NULL, time(NULL) - 60);
	FILE *f = pki_open(&s->lab->pki, "ca", "key", "r");
	EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);

	fclose(f);
	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca));
	X509_CRL_set1_lastUpdate(crl, at);
	X509_gmtime_adj(at, 86400);
	X509_CRL_set1_nextUpdate(crl, at);
	for (int i = 0; i < 300000; i++) {
		X509_REVOKED *row = X509_REVOKED_new();
		ASN1_INTEGER *n = ASN1_INTEGER_new();

		ASN1_INTEGER_set_int64(n, (int64_t)i << 32);
		X509_REVOKED_set_serialNumber(row, n);
		X509_REVOKED_set_revocationDate(row, at);
		X509_CRL_add0_revoked(crl, row);
		ASN1_INTEGER_free(n);
	}
	ck_assert_int_gt(X509_CRL_sign(crl, key, EVP_sha256()), 0);
	OPENSSL_free(s->der);
	s->der = NULL;
	s->len = i2d_X509_CRL(crl, &s->der);
	EVP_PKEY_free(key);
	ASN1_TIME_free(at);
	X509_CRL_free(crl);
	X509_free(ca);
}

/* From the last octet on, the thread that serves calls does next to nothing
 * for a list. */
START_TEST(test_S7_long_list_is_not_read_where_calls_are_served)
{
	struct lab lab;
	struct store store;
	double mine, all;

	lab_start(&lab, DISCOVERY);
	store_open(&store, &lab, "fe");
	make_long(&store);
	ck_assert(!partner(&lab)->is_ended);
	TURN_UNTIL(lab.loop, store.asked == 1 &&
		store.sent == (size_t)store.len);
	mine = cpu_ms(CLOCK_THREAD_CPUTIME_ID);
	all = cpu_ms(CLOCK_PROCESS_CPUTIME_ID);
	TURN_UNTIL(lab.loop, revocation_lists(lab.edge->revocation) == 1);
	mine = cpu_ms(CLOCK_THREAD_CPUTIME_ID) - mine;
	all = cpu_ms(CLOCK_PROCESS_CPUTIME_ID) - all;
	ck_assert_msg(mine * 2 < all, "%.1f of %.1f ms", mine, all);
	store_close(&store);
	lab_fini(&lab);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("access-edge/revocation");
	TCase *c = tcase_create("revocation");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 30);
	tcase_add_test(c,
		test_S10_certificate_that_was_taken_back_ends_the_connection);
	tcase_add_test(c, test_certificate_that_is_not_listed_goes_on);
	tcase_add_test(c, test_S12_certificate_can_not_make_us_knock_inside);
	tcase_add_test(c, test_lists_are_a_setting);
	tcase_add_test(c,
		test_S10_partner_waits_for_a_list_that_is_required);
	tcase_add_test(c,
		test_S10_who_is_on_the_required_list_was_never_heard);
	tcase_add_test(c,
		test_S10_required_list_that_can_not_be_had_refuses);
	tcase_add_test(c, test_S10_list_out_of_date_counts_as_none);
	tcase_add_test(c,
		test_who_waits_goes_on_when_the_list_is_not_required_any_more);
	tcase_add_test(c, test_S8_wait_for_a_list_ends);
	tcase_add_test(c,
		test_S7_long_list_is_not_read_where_calls_are_served);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
