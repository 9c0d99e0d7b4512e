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
	unsigned char *der;
	int len;
};

static void store_hang_up(struct store *s)
{
	loop_fd_free(s->talk);
	s->talk = NULL;
	if (s->talk_fd >= 0)
		close(s->talk_fd);
	s->talk_fd = -1;
}

static void on_request(unsigned ready, void *arg)
{
	static const char ok[] = "HTTP/1.0 200 OK\r\n\r\n";
	struct store *s = arg;
	char text[1024];

	(void)ready;
	if (read(s->talk_fd, text, sizeof(text)) > 0) {
		s->asked++;
		ck_assert_int_eq(write(s->talk_fd, ok, sizeof(ok) - 1),
			sizeof(ok) - 1);
		ck_assert_int_eq(write(s->talk_fd, s->der, (size_t)s->len),
			s->len);
	}
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
		on_request, s), 0);
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

int main(void)
{
	Suite *suite = suite_create("access-edge/revocation");
	TCase *c = tcase_create("revocation");
	SRunner *runner;
	int failed;

	tcase_add_test(c,
		test_S10_certificate_that_was_taken_back_ends_the_connection);
	tcase_add_test(c, test_certificate_that_is_not_listed_goes_on);
	tcase_add_test(c, test_S12_certificate_can_not_make_us_knock_inside);
	tcase_add_test(c, test_lists_are_a_setting);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
