/*
 * Settings that shape what a registrar and a client are sent, and what
 * clients are not asked for.
 */
#include <fcntl.h>

#include "tests/unit/access-edge/texts.h"

/* What the registrar gets of a client that says nothing of Path. */
static const char *registered(struct lab *lab, const char *setting)
{
	char settings[256];
	struct party *fe;

	snprintf(settings, sizeof(settings),
		"settings:\n  access-edge: {%s}\n", setting);
	fe = lab_start(lab, settings);
	party_send(party_client(lab), register_old);
	return party_expect(fe, "REGISTER ");
}

START_TEST(test_register_path_is_a_setting)
{
	static const struct {
		const char *setting;
		bool has_path;
		bool has_record_route;
	} rows[] = {
		{"register_path: both", true, true},
		{"register_path: path", true, false},
		{"register_path: record-route", false, true},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct lab lab;
		const char *m = registered(&lab, rows[i].setting);

		ck_assert_msg((strstr(m, "\r\nPath: <sip:") != NULL) ==
			rows[i].has_path, "%s", m);
		ck_assert_msg((strstr(m, "\r\nRecord-Route: <sip:") !=
			NULL) == rows[i].has_record_route, "%s", m);
		/* RFC 3327 wants it with Path, and not without. */
		ck_assert_msg((strstr(m, "\r\nSupported: path\r\n") !=
			NULL) == rows[i].has_path, "%s", m);
		lab_fini(&lab);
	}
}
END_TEST

START_TEST(test_supported_path_is_added_when_set)
{
	struct lab lab;
	const char *m = registered(&lab, "add_supported_path: false");

	expect_has(m, "\r\nPath: <sip:");
	expect_lacks(m, "\r\nSupported: path\r\n");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_standard_servers_get_no_headers_of_the_original)
{
	struct lab lab;
	const char *m = registered(&lab, "ms_headers: false");

	expect_lacks(m, "ms-edge-proxy-message-trust");
	expect_has(m, "\r\nX-Edge-Class: client\r\n");
	expect_lacks(m, "P-Asserted-Identity");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_users_may_count_as_verified_before_they_sign_in)
{
	struct lab lab;
	const char *m = registered(&lab, "verified_before_sign_in: true");

	expect_has(m, ";ms-source-verified-user=verified\r\n");
	lab_fini(&lab);
	m = registered(&lab, "verified_before_sign_in: false");
	expect_has(m, ";ms-source-verified-user=unverified\r\n");
	lab_fini(&lab);
}
END_TEST

static bool was_asked;

static int on_asked(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
	(void)ssl;
	(void)cert;
	(void)key;
	was_asked = true;
	return 0;
}

/* A handshake with the edge; true when it asked for a certificate. */
static bool asks_for_certificate(struct lab *lab, const struct addr *at)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int fd = test_dial(at);

	fcntl(fd, F_SETFL, O_NONBLOCK);
	was_asked = false;
	SSL_CTX_set_client_cert_cb(SSL_get_SSL_CTX(ssl), on_asked);
	SSL_set_fd(ssl, fd);
	for (int i = 0; i < 500; i++) {
		int n = SSL_connect(ssl);

		if (n == 1 || SSL_get_error(ssl, n) != SSL_ERROR_WANT_READ)
			break;
		turn_for_ms(lab->loop, 10);
	}
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	return was_asked;
}

/* Phones show errors, or give up, when they are asked for one. */
START_TEST(test_clients_are_not_asked_for_a_certificate)
{
	struct lab lab;

	lab_start(&lab, "");
	ck_assert(!asks_for_certificate(&lab, &lab.outside));
	ck_assert(asks_for_certificate(&lab, &lab.inside));
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S8_one_source_holds_as_many_connections_as_set)
{
	struct lab lab;
	struct party *more;

	lab_start(&lab, "settings:\n  access-edge: "
		"{max_connections_per_source: 2}\n");
	party_client(&lab);
	party_client(&lab);
	more = party_dial_to(&lab, &lab.outside, lab.ctx_outside,
		LAB_OUTSIDE);
	ck_assert(!more->is_ready);
	lab_fini(&lab);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("access-edge/register");
	TCase *c = tcase_create("register");
	SRunner *runner;
	int failed;

	tcase_add_test(c, test_register_path_is_a_setting);
	tcase_add_test(c, test_supported_path_is_added_when_set);
	tcase_add_test(c, test_standard_servers_get_no_headers_of_the_original);
	tcase_add_test(c, test_users_may_count_as_verified_before_they_sign_in);
	tcase_add_test(c, test_clients_are_not_asked_for_a_certificate);
	tcase_add_test(c, test_S8_one_source_holds_as_many_connections_as_set);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
