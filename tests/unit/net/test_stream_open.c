/* How streams come to stand: connecting, certificates, handshakes. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/net/stream_bench.h"

START_TEST(test_leaves_from_the_wanted_address_and_device)
{
	struct stream_target target = { .remote = b.at, .bind_device = true };

	ck_assert_int_eq(addr_parse_z("127.0.3.7", 0, &target.local), 0);
	ck_assert_int_eq(stream_connect(&b.c.stream, b.loop, &target, NULL,
		NULL, &end_ops, &b.c), 0);
	TURN_UNTIL(b.loop, b.c.is_ready);
	ck_assert(addr_ip_eq(stream_local(b.c.stream), &target.local));
	ck_assert_uint_ne(stream_local(b.c.stream)->port, 0);
}
END_TEST

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51 /* since Linux 6.3 */
#endif

/* A socket that is bound to no device, as others on this machine open them,
 * from the address and port of the stream to where the stream goes: its SYN
 * would arrive in the middle of the stream. */
START_TEST(test_nobody_gets_the_port_of_a_stream_bound_to_a_device)
{
	struct stream_target target = { .remote = b.at, .bind_device = true };
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_storage ss;
	struct addr from;
	uint32_t range;
	socklen_t len;
	int on = 1;

	ck_assert_int_eq(addr_parse_z("127.0.3.7", 0, &target.local), 0);
	ck_assert_int_eq(stream_connect(&b.c.stream, b.loop, &target, NULL,
		NULL, &end_ops, &b.c), 0);
	TURN_UNTIL(b.loop, b.c.is_ready);
	from = *stream_local(b.c.stream);
	range = (uint32_t)from.port << 16 | from.port;
	if (setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range,
		    sizeof(range)) == 0) {
		ck_assert_int_eq(setsockopt(fd, IPPROTO_IP,
			IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)), 0);
		from.port = 0;
		len = addr_to_sockaddr(&from, &ss);
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&ss, len), 0);
		len = addr_to_sockaddr(&b.at, &ss);
		ck_assert_int_eq(connect(fd, (struct sockaddr *)&ss, len), -1);
		ck_assert_int_eq(errno, EADDRNOTAVAIL);
	}
	close(fd);
}
END_TEST

START_TEST(test_refused_connection_says_where)
{
	close(b.listen_fd);
	dial();
	TURN_UNTIL(b.loop, b.c.is_ended);
	ck_assert_int_eq(b.c.end, STREAM_END_CONNECT);
	ck_assert_ptr_nonnull(strstr(b.c.detail, "127.0.0.1:"));
	ck_assert_ptr_nonnull(strstr(b.c.detail, "refused"));
	b.listen_fd = test_listen(&b.at);
}
END_TEST

/* ---- certificates -------------------------------------------------------- */

START_TEST(test_server_auth_only_certificate_is_good_for_a_client)
{
	use_mutual_tls("next");
	join_ready();
	ck_assert(b.s.peer.is_verified);
	ck_assert_uint_eq(b.s.peer.name_count, 1);
	ck_assert_str_eq(b.s.peer.names[0], "next.contoso.test");
	ck_assert(tls_peer_has_name(&b.s.peer, "NEXT.contoso.test"));
	ck_assert(!tls_peer_has_name(&b.s.peer, "contoso.test"));
}
END_TEST

START_TEST(test_client_without_certificate_is_refused)
{
	use_mutual_tls("");
	join();
	TURN_UNTIL(b.loop, b.s.is_ended && b.c.is_ended);
	ck_assert(!b.s.is_ready);
	ck_assert_int_eq(b.s.end, STREAM_END_TLS);
	ck_assert_ptr_nonnull(strstr(b.s.detail, "certificate"));
	ck_assert_int_eq(b.c.end, STREAM_END_TLS);
}
END_TEST

START_TEST(test_client_of_another_ca_is_refused)
{
	use_mutual_tls("next");
	tls_ctx_unref(b.client);
	pki_ca(&b.pki, "other");
	pki_leaf(&b.pki, "other", "stranger", "DNS:next.contoso.test");
	b.client = context(TLS_ROLE_CLIENT, TLS_VERIFY_REQUIRE, "stranger",
		"ca");
	join();
	TURN_UNTIL(b.loop, b.s.is_ended);
	ck_assert(!b.s.is_ready);
	ck_assert_int_eq(b.s.end, STREAM_END_TLS);
	ck_assert_ptr_nonnull(strstr(b.s.detail, "peer's certificate"));
}
END_TEST

START_TEST(test_server_of_another_ca_is_refused)
{
	use_tls();
	tls_ctx_unref(b.client);
	pki_ca(&b.pki, "other");
	b.client = context(TLS_ROLE_CLIENT, TLS_VERIFY_REQUIRE, "", "other");
	join();
	TURN_UNTIL(b.loop, b.c.is_ended && b.s.is_ended);
	ck_assert(!b.c.is_ready);
	ck_assert_int_eq(b.c.end, STREAM_END_TLS);
	ck_assert_ptr_nonnull(strstr(b.c.detail, "local issuer"));
}
END_TEST

START_TEST(test_wrong_name_ends_as_such_and_says_both)
{
	use_tls();
	b.name = "other.contoso.test";
	join();
	TURN_UNTIL(b.loop, b.c.is_ended);
	ck_assert(!b.c.is_ready);
	ck_assert_int_eq(b.c.end, STREAM_END_NAME);
	ck_assert_ptr_nonnull(strstr(b.c.detail, EDGE_NAME));
	ck_assert_ptr_nonnull(strstr(b.c.detail, "other.contoso.test"));
}
END_TEST

START_TEST(test_wildcard_certificate_names_nobody)
{
	use_tls();
	tls_ctx_unref(b.server);
	pki_leaf(&b.pki, "ca", "wild", "DNS:*.contoso.test");
	b.server = context(TLS_ROLE_SERVER, TLS_VERIFY_NONE, "wild", "");
	join();
	TURN_UNTIL(b.loop, b.c.is_ended);
	ck_assert_int_eq(b.c.end, STREAM_END_NAME);
}
END_TEST

START_TEST(test_a_certificate_of_many_names_is_searched_to_the_end)
{
	char san[2048] = "";
	int i;

	for (i = 0; i < 40; i++)
		snprintf(san + strlen(san), sizeof(san) - strlen(san),
			"DNS:n%d.contoso.test,", i);
	strcat(san, "DNS:last.contoso.test");
	use_tls();
	tls_ctx_unref(b.server);
	pki_leaf(&b.pki, "ca", "many", san);
	b.server = context(TLS_ROLE_SERVER, TLS_VERIFY_NONE, "many", "");
	b.name = "last.contoso.test";
	join();
	TURN_UNTIL(b.loop, b.c.is_ready);
	ck_assert_uint_eq(b.c.peer.name_count, 16);
}
END_TEST

/* ---- deadlines ----------------------------------------------------------- */

START_TEST(test_S8_silent_peer_is_cut_at_the_deadline)
{
	int fd;

	use_tls();
	b.limits.handshake_ms = 120;
	fd = test_dial(&b.at);
	admit(test_accept(b.listen_fd));
	TURN_UNTIL(b.loop, b.s.is_ended);
	ck_assert_int_eq(b.s.end, STREAM_END_HANDSHAKE);
	close(fd);
}
END_TEST

START_TEST(test_S8_half_a_hello_is_cut_at_the_deadline)
{
	static const uint8_t half[] = { 0x16, 3, 1, 2, 0, 1, 0, 1 };
	struct mono begin = mono_now();
	int fd;
	int i;

	use_tls();
	b.limits.handshake_ms = 200;
	fd = test_dial(&b.at);
	admit(test_accept(b.listen_fd));
	for (i = 0; i < 8 && !b.s.is_ended; i++) {
		/* a byte now and then does not move the deadline */
		ck_assert_int_eq(send(fd, half + i, 1, 0), 1);
		turn_for_ms(b.loop, 20);
	}
	TURN_UNTIL(b.loop, b.s.is_ended);
	ck_assert_int_eq(b.s.end, STREAM_END_HANDSHAKE);
	ck_assert_int_lt(mono_since_ms(begin, mono_now()), 1500);
	close(fd);
}
END_TEST

/* ---- S9 ------------------------------------------------------------------ */

struct raw_client {
	int fd;
	int max_version;
	bool renegotiate;
	bool offer_alpn;
	int connected; /* result of SSL_connect */
	int renewed;   /* of the second handshake */
	bool compressed;
};

static void *raw_client_run(void *arg)
{
	struct raw_client *r = arg;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0");
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, r->max_version);
	if (r->offer_alpn)
		SSL_CTX_set_alpn_protos(ctx, (const uint8_t *)"\2h2", 3);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, r->fd);
	r->connected = SSL_connect(ssl);
	if (r->connected == 1)
		r->compressed = SSL_get_current_compression(ssl) != NULL;
	if (r->connected == 1 && r->renegotiate) {
		SSL_renegotiate(ssl);
		r->renewed = SSL_do_handshake(ssl);
		if (r->renewed == 1) {
			char c;

			r->renewed = SSL_read(ssl, &c, 1);
		}
	}
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	shutdown(r->fd, SHUT_RDWR);
	return NULL;
}

static void run_raw(struct raw_client *r)
{
	pthread_t thread;

	r->fd = test_dial(&b.at);
	admit(test_accept(b.listen_fd));
	pthread_create(&thread, NULL, raw_client_run, r);
	TURN_UNTIL(b.loop, b.s.is_ended);
	pthread_join(thread, NULL);
	close(r->fd);
}

START_TEST(test_S9_tls_below_1_2_is_refused)
{
	struct raw_client r = { .max_version = TLS1_1_VERSION };

	use_tls();
	run_raw(&r);
	ck_assert_int_ne(r.connected, 1);
	ck_assert(!b.s.is_ready);
	ck_assert_int_eq(b.s.end, STREAM_END_TLS);
}
END_TEST

START_TEST(test_S9_renegotiation_is_refused)
{
	struct raw_client r = { .max_version = TLS1_2_VERSION,
		.renegotiate = true };

	use_tls();
	run_raw(&r);
	ck_assert_int_eq(r.connected, 1);
	ck_assert_int_ne(r.renewed, 1);
	ck_assert(!r.compressed);
}
END_TEST

/* access-edge.md 1.1: SIP needs none, and nobody is turned away for it. */
START_TEST(test_alpn_offers_are_ignored)
{
	struct raw_client r = { .offer_alpn = true };

	use_tls();
	run_raw(&r);
	ck_assert_int_eq(r.connected, 1);
}
END_TEST

START_TEST(test_hanging_up_in_the_handshake_is_told_by_role)
{
	int fd;

	use_tls();
	fd = test_dial(&b.at);
	admit(test_accept(b.listen_fd));
	close(fd);
	TURN_UNTIL(b.loop, b.s.is_ended);
	ck_assert_int_eq(b.s.end, STREAM_END_PEER);
	dial();
	fd = test_accept(b.listen_fd);
	shutdown(fd, SHUT_WR);
	TURN_UNTIL(b.loop, b.c.is_ended);
	ck_assert_int_eq(b.c.end, STREAM_END_TLS);
	ck_assert_ptr_nonnull(strstr(b.c.detail, "during the handshake"));
	close(fd);
}
END_TEST

START_TEST(test_legacy_is_an_opt_in)
{
	struct raw_client r = { .max_version = TLS1_VERSION };
	char *chain;
	char *key;
	struct tls_spec spec = { .role = TLS_ROLE_SERVER,
		.allow_legacy = true };

	use_tls();
	tls_ctx_unref(b.server);
	spec.chain_path = chain = pki_path_dup(&b.pki, "server.crt");
	spec.key_path = key = pki_path_dup(&b.pki, "server.key");
	ck_assert_int_eq(tls_ctx_new(&b.server, &spec, NULL), 0);
	run_raw(&r);
	ck_assert_int_eq(r.connected, 1);
	ck_assert_ptr_nonnull(strstr(b.s.cipher, "TLSv1 "));
	free(chain);
	free(key);
}
END_TEST

START_TEST(test_rubbish_instead_of_a_hello_is_a_tls_end)
{
	int fd;

	use_tls();
	fd = test_dial(&b.at);
	admit(test_accept(b.listen_fd));
	ck_assert_int_eq(send(fd, "GET / HTTP/1.0\r\n\r\n", 18, 0), 18);
	TURN_UNTIL(b.loop, b.s.is_ended);
	ck_assert_int_eq(b.s.end, STREAM_END_TLS);
	ck_assert_str_ne(b.s.detail, "");
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stream_open");
	SRunner *sr = srunner_create(suite);
	TCase *tc;
	int failures;

	tc = bench_case("connect");
	tcase_add_test(tc, test_leaves_from_the_wanted_address_and_device);
	tcase_add_test(tc,
		test_nobody_gets_the_port_of_a_stream_bound_to_a_device);
	tcase_add_test(tc, test_refused_connection_says_where);
	suite_add_tcase(suite, tc);

	tc = bench_case("certificates");
	tcase_add_test(tc,
		test_server_auth_only_certificate_is_good_for_a_client);
	tcase_add_test(tc, test_client_without_certificate_is_refused);
	tcase_add_test(tc, test_client_of_another_ca_is_refused);
	tcase_add_test(tc, test_server_of_another_ca_is_refused);
	tcase_add_test(tc, test_wrong_name_ends_as_such_and_says_both);
	tcase_add_test(tc, test_wildcard_certificate_names_nobody);
	tcase_add_test(tc,
		test_a_certificate_of_many_names_is_searched_to_the_end);
	suite_add_tcase(suite, tc);

	tc = bench_case("deadlines");
	tcase_add_test(tc, test_S8_silent_peer_is_cut_at_the_deadline);
	tcase_add_test(tc, test_S8_half_a_hello_is_cut_at_the_deadline);
	suite_add_tcase(suite, tc);

	tc = bench_case("S9");
	tcase_add_test(tc, test_S9_tls_below_1_2_is_refused);
	tcase_add_test(tc, test_S9_renegotiation_is_refused);
	tcase_add_test(tc, test_alpn_offers_are_ignored);
	tcase_add_test(tc,
		test_hanging_up_in_the_handshake_is_told_by_role);
	tcase_add_test(tc, test_legacy_is_an_opt_in);
	tcase_add_test(tc, test_rubbish_instead_of_a_hello_is_a_tls_end);
	suite_add_tcase(suite, tc);

	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
