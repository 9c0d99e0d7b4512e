/*
 * The whole inside port over loopback: real listeners, real TLS streams,
 * a real generation file. What a Front End can do to us, and what the
 * administrator can do while it is connected.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "av-auth/counters.h"
#include "av-auth/server.h"
#include "common/base/log.h"
#include "common/base/rand.h"
#include "tests/unit/av-auth/lab.h"
#include "tests/unit/net/ends.h"
#include "tests/unit/net/pki.h"

#define BODY                                                               \
	"<request requestID=\"7001\" version=\"2.0\" to=\"sip:edge@test\" " \
	"from=\"sip:alice@test\" xmlns=\"" AVEDGE_NAMESPACE "\">"          \
	"<credentialsRequest credentialsRequestID=\"7001\">"               \
	"<identity>sip:alice@test</identity></credentialsRequest></request>"

static struct pki pki;
static struct loop *loop;
static struct tls_watch *watch;
static struct counters counters;
static struct issue_policy policy;
static struct av_key_ring ring;
static struct rates rates;
static struct service service;
static struct server server;
static struct topology *topology;
static uint16_t port;
static struct end client;
static char *log_text;

static void on_line(const char *line, void *arg)
{
	size_t len = log_text != NULL ? strlen(log_text) : 0;

	(void)arg;
	log_text = realloc(log_text, len + strlen(line) + 2);
	sprintf(log_text + len, "%s\n", line);
}

static void make_leaf(const char *ca, const char *name, const char *san)
{
	pki_make(&pki, &(struct pki_spec){.name = name, .issuer = ca,
		.cn = name, .san = san, .usage = "serverAuth,clientAuth"});
}

static void make_certificates(void)
{
	pki_init(&pki);
	pki_ca(&pki, "ca");
	pki_ca(&pki, "evil");
	make_leaf("ca", "edge", "DNS:edge.int.test");
	make_leaf("ca", "fe", "DNS:fe.int.test");
	make_leaf("ca", "sip", "DNS:sip.int.test");
	make_leaf("evil", "fake", "DNS:fe.int.test");
}

/* A port that is free now. */
static uint16_t pick_port(void)
{
	struct addr at;

	close(test_listen(&at));
	return at.port;
}

static struct topology *load(uint16_t auth_port, const char *server_name)
{
	char path[128];
	char sql[512];

	snprintf(path, sizeof(path), "%s/topology.sqlite", pki.dir);
	snprintf(sql, sizeof(sql),
		"INSERT INTO endpoint(service_id,component,usage,side,port,"
		"transport) VALUES(1,'MediaRelayAuthenticationEdge',"
		"'SipServer','internal',%u,'mtls');"
		"INSERT INTO trusted_server(fqdn,edge_pool,grants) VALUES"
		"('%s',1,'av-auth'),('sip.int.test',1,'sip');",
		(unsigned)auth_port, server_name);
	return lab_load(path, sql);
}

static void open_watch(void)
{
	char chain[600], key[600], trust[600];
	struct tls_spec spec = {.role = TLS_ROLE_SERVER,
		.verify = TLS_VERIFY_REQUIRE, .chain_path = chain,
		.key_path = key, .trust_path = trust};
	struct why why;

	snprintf(chain, sizeof(chain), "%s", pki_path(&pki, "edge.crt"));
	snprintf(key, sizeof(key), "%s", pki_path(&pki, "edge.key"));
	snprintf(trust, sizeof(trust), "%s", pki_path(&pki, "ca.crt"));
	ck_assert_msg(tls_watch_new(&watch, &spec, &why) == 0, "%s", why.text);
}

static void setup(void)
{
	struct why why;

	log_set_level(LOG_LEVEL_DEBUG);
	log_capture(on_line, NULL);
	make_certificates();
	port = pick_port();
	topology = load(port, "fe.int.test");
	ck_assert_int_eq(loop_new(&loop), 0);
	open_watch();
	memset(&ring, 0, sizeof(ring));
	av_key_ring_rotate(&ring, wall_now());
	issue_policy_from(&policy, topology);
	ck_assert_int_eq(rates_init(&rates, topology, mono_now()), 0);
	ck_assert_int_eq(counters_init(&counters, AV_AUTH_COUNTERS, COUNT_END),
		0);
	service = (struct service){.policy = &policy, .ring = &ring,
		.rates = &rates, .counters = &counters};
	ck_assert_int_eq(service_init(&service), 0);
	server = (struct server){.loop = loop, .service = &service,
		.tls = watch, .counters = &counters};
	server_init(&server);
	server_trust(&server, topology);
	ck_assert_msg(server_listen(&server, topology, &why) == 0, "%s",
		why.text);
	ck_assert_int_eq(server_start(&server, &why), 0);
}

static void teardown(void)
{
	end_fini(&client);
	server_fini(&server);
	service_fini(&service);
	counters_fini(&counters);
	rates_fini(&rates);
	tls_watch_free(watch);
	loop_free(loop);
	topology_unref(topology);
	pki_fini(&pki);
	log_capture(NULL, NULL);
	free(log_text);
	log_text = NULL;
}

/* As the server with this certificate; NULL = with none. */
static void dial(struct end *e, const char *name, uint16_t to)
{
	char chain[600], key[600], trust[600], file[32];
	struct tls_spec spec = {.role = TLS_ROLE_CLIENT,
		.verify = TLS_VERIFY_REQUIRE, .trust_path = trust};
	struct stream_target target = {.name = "edge.int.test"};
	struct tls_ctx *ctx;
	struct why why;

	snprintf(trust, sizeof(trust), "%s", pki_path(&pki, "ca.crt"));
	if (name != NULL) {
		snprintf(file, sizeof(file), "%s.crt", name);
		snprintf(chain, sizeof(chain), "%s", pki_path(&pki, file));
		snprintf(file, sizeof(file), "%s.key", name);
		snprintf(key, sizeof(key), "%s", pki_path(&pki, file));
		spec.chain_path = chain;
		spec.key_path = key;
	}
	ck_assert_msg(tls_ctx_new(&ctx, &spec, &why) == 0, "%s", why.text);
	ck_assert_int_eq(addr_parse_z("127.0.0.1", to, &target.remote), 0);
	ck_assert_int_eq(stream_connect(&e->stream, loop, &target, ctx, NULL,
				 &end_ops, e), 0);
	tls_ctx_unref(ctx);
}

static void dial_and_wait(const char *name)
{
	dial(&client, name, port);
	TURN_UNTIL(loop, client.is_ready &&
		counter_get(&counters, COUNT_CONNECTIONS) == 1);
}

static size_t print_request(char *out, size_t cap, unsigned n,
	const char *body)
{
	int len = snprintf(out, cap,
		"SERVICE sip:edge.int.test:5062;grid SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 10.1.0.20:51022;branch=z9hG4bK%u\r\n"
		"Max-Forwards: 69\r\nFrom: <sip:alice@test>;tag=%u\r\n"
		"To: <sip:edge@test;gruu>\r\nCall-ID: %u\r\nCSeq: 1 SERVICE\r\n"
		"Content-Type: " AVEDGE_CONTENT_TYPE "\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		n, n, n, strlen(body), body);

	ck_assert_uint_lt((size_t)len, cap);
	return (size_t)len;
}

static void ask(struct end *e, unsigned n)
{
	char text[2048];
	size_t len = print_request(text, sizeof(text), n, BODY);

	ck_assert_int_eq(stream_send(e->stream, text, len), 0);
}

/* How often part is in what the client got. */
static unsigned got(const struct end *e, const char *part)
{
	const uint8_t *at = e->data;
	size_t left = e->len;
	unsigned count = 0;

	while (left > 0 && (at = memmem(at, left, part, strlen(part))) !=
				   NULL) {
		at += strlen(part);
		left = e->len - (size_t)(at - e->data);
		count++;
	}
	return count;
}

START_TEST(test_trusted_server_gets_a_credential)
{
	dial_and_wait("fe");
	ask(&client, 1);
	TURN_UNTIL(loop, got(&client, "</response>") == 1);
	ck_assert_uint_eq(got(&client, "reasonPhrase=\"OK\""), 1);
	ck_assert_uint_eq(got(&client, "<hostName>av.test</hostName>"), 1);
	ck_assert_uint_eq(got(&client, "<hostName>edge.int.test</hostName>"),
		1);
	ck_assert_uint_eq(server.session_count, 1);
	ck_assert_uint_eq(counter_get(&counters, COUNT_CONNECTIONS_OPEN), 1);
}
END_TEST

START_TEST(test_certificate_without_the_right_is_closed_unheard)
{
	dial(&client, "sip", port);
	client.react_ready = NULL;
	TURN_UNTIL(loop, client.is_ready || client.is_ended);
	if (!client.is_ended)
		ask(&client, 1);
	TURN_UNTIL(loop, client.is_ended && server.session_count == 0);
	ck_assert_uint_eq(client.len, 0);
	ck_assert_uint_eq(counter_get(&counters, COUNT_REFUSED_UNTRUSTED), 1);
	ck_assert_uint_eq(counter_get(&counters, COUNT_SERVICE), 0);
	ck_assert_ptr_nonnull(strstr(log_text, "sip.int.test"));
}
END_TEST

START_TEST(test_certificate_of_another_authority_fails_the_handshake)
{
	dial(&client, "fake", port);
	TURN_UNTIL(loop, client.is_ended && server.session_count == 0);
	ck_assert_uint_eq(client.len, 0);
	ck_assert_uint_eq(counter_get(&counters, COUNT_REFUSED_TLS), 1);
	ck_assert_uint_eq(counter_get(&counters, COUNT_CONNECTIONS), 0);
}
END_TEST

START_TEST(test_no_certificate_fails_the_handshake)
{
	dial(&client, NULL, port);
	TURN_UNTIL(loop, client.is_ended && server.session_count == 0);
	ck_assert_uint_eq(client.len, 0);
	ck_assert_uint_eq(counter_get(&counters, COUNT_REFUSED_TLS), 1);
}
END_TEST

START_TEST(test_plain_text_is_no_handshake)
{
	struct addr at;
	int fd;

	ck_assert_int_eq(addr_parse_z("127.0.0.1", port, &at), 0);
	fd = test_dial(&at);
	ck_assert_int_gt(send(fd, "SERVICE sip:a SIP/2.0\r\n\r\n", 25, 0), 0);
	TURN_UNTIL(loop, counter_get(&counters, COUNT_REFUSED_TLS) == 1);
	ck_assert_uint_eq(server.session_count, 0);
	close(fd);
}
END_TEST

START_TEST(test_two_requests_in_one_record_get_two_answers)
{
	char text[4096];
	size_t len = print_request(text, sizeof(text), 1, BODY);

	len += print_request(text + len, sizeof(text) - len, 2, BODY);
	dial_and_wait("fe");
	ck_assert_int_eq(stream_send(client.stream, text, len), 0);
	TURN_UNTIL(loop, got(&client, "</response>") == 2);
	ck_assert(memmem(client.data, client.len, "Call-ID: 1\r", 11) <
		memmem(client.data, client.len, "Call-ID: 2\r", 11));
}
END_TEST

START_TEST(test_request_split_over_many_records_is_put_together)
{
	char text[2048];
	size_t len = print_request(text, sizeof(text), 1, BODY);

	dial_and_wait("fe");
	for (size_t i = 0; i < len; i++) {
		ck_assert_int_eq(stream_send(client.stream, text + i, 1), 0);
		loop_turn(loop, 0);
	}
	TURN_UNTIL(loop, got(&client, "</response>") == 1);
	ck_assert_uint_eq(got(&client, "reasonPhrase=\"OK\""), 1);
}
END_TEST

/* A byte now and then is neither silence nor a message. */
START_TEST(test_S8_message_that_drips_is_cut)
{
	char text[2048];
	size_t len = print_request(text, sizeof(text), 1, BODY);

	dial_and_wait("fe");
	clock_fake(mono_now().ms, wall_now_ms());
	for (size_t i = 0; i < len && server.session_count > 0; i++) {
		ck_assert_uint_lt(i, 10);
		ck_assert_int_eq(stream_send(client.stream, text + i, 1), 0);
		for (int turn = 0; turn < 20; turn++)
			loop_turn(loop, 1);
		clock_fake_advance(5000);
	}
	clock_real();
	ck_assert_ptr_nonnull(strstr(log_text, "not finished in time"));
	TURN_UNTIL(loop, client.is_ended);
	ck_assert_uint_eq(got(&client, "</response>"), 0);
}
END_TEST

START_TEST(test_keep_alive_is_answered)
{
	dial_and_wait("fe");
	ck_assert_int_eq(stream_send(client.stream, "\r\n\r\n", 4), 0);
	TURN_UNTIL(loop, client.len == 2);
	ck_assert_mem_eq(client.data, "\r\n", 2);
	ask(&client, 1);
	TURN_UNTIL(loop, got(&client, "</response>") == 1);
}
END_TEST

/* A fault inside one message costs that message, not the connection that
 * many users share. */
START_TEST(test_bad_message_is_answered_and_the_next_one_works)
{
	static const char BAD[] =
		"SERVICE sip:edge SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 10.1.0.20:51022;branch=z9hG4bK0\r\n"
		"From: <sip:alice@test>;tag=1\r\nTo: <sip:edge@test>\r\n"
		"Call-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";

	dial_and_wait("fe");
	ck_assert_int_eq(stream_send(client.stream, BAD, sizeof(BAD) - 1), 0);
	ask(&client, 2);
	TURN_UNTIL(loop, got(&client, "</response>") == 1);
	ck_assert_uint_eq(got(&client, "SIP/2.0 400 "), 1);
	ck_assert_uint_eq(counter_get(&counters, COUNT_BAD_SIP), 1);
}
END_TEST

START_TEST(test_body_over_all_bounds_is_413_and_the_end)
{
	static const char BIG[] =
		"SERVICE sip:edge SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 10.1.0.20:51022;branch=z9hG4bK0\r\n"
		"From: <sip:alice@test>;tag=1\r\nTo: <sip:edge@test>\r\n"
		"Call-ID: 1\r\nCSeq: 1 SERVICE\r\n"
		"Content-Length: 9999999\r\n\r\n";

	dial_and_wait("fe");
	ck_assert_int_eq(stream_send(client.stream, BIG, sizeof(BIG) - 1), 0);
	TURN_UNTIL(loop, client.is_ended && server.session_count == 0);
	ck_assert_uint_eq(got(&client, "SIP/2.0 413 "), 1);
	ck_assert_uint_eq(counter_get(&counters, COUNT_CONNECTIONS_OPEN), 0);
}
END_TEST

START_TEST(test_body_over_256_KiB_is_too_large_and_the_connection_stays)
{
	size_t cap = AVEDGE_BODY_MAX + 4096;
	char *text = malloc(cap);
	char *body = malloc(AVEDGE_BODY_MAX + 2);
	size_t len;

	memset(body, ' ', AVEDGE_BODY_MAX + 1);
	body[AVEDGE_BODY_MAX + 1] = '\0';
	len = print_request(text, cap, 1, body);
	dial_and_wait("fe");
	ck_assert_int_ge(stream_send(client.stream, text, len), 0);
	TURN_UNTIL(loop, got(&client, "Request Too Large") == 1);
	ask(&client, 2);
	TURN_UNTIL(loop, got(&client, "</response>") == 1);
	free(text);
	free(body);
}
END_TEST

START_TEST(test_garbage_ends_the_connection)
{
	char junk[70000];

	memset(junk, 'x', sizeof(junk));
	dial_and_wait("fe");
	ck_assert_int_ge(stream_send(client.stream, junk, sizeof(junk)), 0);
	TURN_UNTIL(loop, client.is_ended && server.session_count == 0);
	ck_assert_uint_eq(counter_get(&counters, COUNT_BAD_SIP), 1);
}
END_TEST

/* ---- changes while connected -------------------------------------------- */

static bool is_refused(uint16_t at_port)
{
	struct end e = {.stream = NULL};
	bool refused;

	dial(&e, "fe", at_port);
	TURN_UNTIL(loop, e.is_ready || e.is_ended);
	refused = !e.is_ready;
	end_fini(&e);
	return refused;
}

START_TEST(test_port_moves_and_the_session_stays)
{
	uint16_t other = pick_port();
	struct topology *next = load(other, "fe.int.test");
	struct why why;

	dial_and_wait("fe");
	ck_assert_int_eq(server_listen(&server, next, &why), 0);
	server_trust(&server, next);
	topology_unref(next);
	ck_assert(is_refused(port));
	ck_assert(!is_refused(other));
	ask(&client, 1);
	TURN_UNTIL(loop, got(&client, "</response>") == 1);
}
END_TEST

START_TEST(test_R6_port_in_use_leaves_the_old_one_open)
{
	struct topology *next;
	struct why why = {""};
	struct addr taken;
	int fd = test_listen(&taken);

	next = load(taken.port, "fe.int.test");
	ck_assert_int_eq(server_listen(&server, next, &why), -EADDRINUSE);
	ck_assert_msg(strstr(why.text, "in use") != NULL, "%s", why.text);
	topology_unref(next);
	ck_assert(!is_refused(port));
	close(fd);
}
END_TEST

START_TEST(test_server_that_lost_the_right_is_cut)
{
	struct topology *next = load(port, "fe9.int.test");

	dial_and_wait("fe");
	server_trust(&server, next);
	topology_unref(next);
	TURN_UNTIL(loop, client.is_ended && server.session_count == 0);
	ck_assert_ptr_nonnull(strstr(log_text, "event=session.revoked"));
}
END_TEST

START_TEST(test_drain_closes_idle_sessions_and_ports_resume_opens_again)
{
	dial_and_wait("fe");
	server_drain(&server, true);
	TURN_UNTIL(loop, client.is_ended && server.session_count == 0);
	ck_assert_int_eq(client.end, STREAM_END_PEER);
	ck_assert(is_refused(port));
	server_drain(&server, false);
	ck_assert(!is_refused(port));
}
END_TEST

/* What was begun is finished before the connection is closed. */
START_TEST(test_drain_waits_for_the_unfinished_request)
{
	char text[2048];
	size_t len = print_request(text, sizeof(text), 1, BODY);

	dial_and_wait("fe");
	ck_assert_int_eq(stream_send(client.stream, text, len - 1), 0);
	turn_for_ms(loop, 50);
	server_drain(&server, true);
	turn_for_ms(loop, 50);
	ck_assert(!client.is_ended);
	ck_assert_int_eq(stream_send(client.stream, text + len - 1, 1), 0);
	TURN_UNTIL(loop, client.is_ended && server.session_count == 0);
	ck_assert_uint_eq(got(&client, "</response>"), 1);
}
END_TEST

START_TEST(test_certificate_swap_keeps_sessions_and_serves_the_new_one)
{
	struct end later = {.stream = NULL};
	struct why why;

	dial_and_wait("fe");
	make_leaf("ca", "edge", "DNS:edge.int.test,DNS:new.int.test");
	ck_assert_int_eq(tls_watch_poll(watch, true, &why), 1);
	dial(&later, "fe", port);
	TURN_UNTIL(loop, later.is_ready);
	ck_assert(tls_peer_has_name(&later.peer, "new.int.test"));
	ck_assert(!tls_peer_has_name(&client.peer, "new.int.test"));
	ask(&client, 1);
	TURN_UNTIL(loop, got(&client, "</response>") == 1);
	end_fini(&later);
}
END_TEST

START_TEST(test_S9_server_of_an_authority_no_longer_trusted_is_cut)
{
	struct why why = {""};
	char *evil;

	dial_and_wait("fe");
	ck_assert_int_eq(tls_watch_poll(watch, true, &why), 1);
	server_review(&server);
	turn_for_ms(loop, 20);
	ck_assert(!client.is_ended);
	evil = pki_path_dup(&pki, "evil.crt");
	ck_assert_int_eq(rename(evil, pki_path(&pki, "ca.crt")), 0);
	free(evil);
	ck_assert_int_eq(tls_watch_poll(watch, true, &why), 1);
	server_review(&server);
	TURN_UNTIL(loop, client.is_ended && server.session_count == 0);
	ck_assert_ptr_nonnull(strstr(log_text, "event=session.revoked"));
}
END_TEST

/* The canary over the whole way: what went over the wire is in no line. */
START_TEST(test_S16_no_secret_in_the_log_of_a_session)
{
	char password[64];
	char user[128];
	char *text;

	dial_and_wait("fe");
	ask(&client, 1);
	TURN_UNTIL(loop, got(&client, "</response>") == 1);
	text = strndup((const char *)client.data, client.len);
	ck_assert_int_eq(sscanf(strstr(text, "<username>"),
				 "<username>%127[^<]</username><password>"
				 "%63[^<]", user, password), 2);
	free(text);
	stream_close(client.stream);
	TURN_UNTIL(loop, server.session_count == 0);
	ck_assert_ptr_nonnull(strstr(log_text, "event=session.closed"));
	ck_assert_ptr_null(strstr(log_text, user));
	ck_assert_ptr_null(strstr(log_text, password));
}
END_TEST

START_TEST(test_who_is_connected_can_be_asked)
{
	json_t *list;

	dial_and_wait("fe");
	list = server_json(&server);
	ck_assert_uint_eq(json_array_size(list), 1);
	ck_assert_str_eq(json_string_value(json_object_get(
		json_array_get(list, 0), "server")), "fe.int.test");
	json_decref(list);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("server");
	TCase *tc = tcase_create("server");
	SRunner *sr;
	int failures;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_trusted_server_gets_a_credential);
	tcase_add_test(tc,
		test_certificate_without_the_right_is_closed_unheard);
	tcase_add_test(tc,
		test_certificate_of_another_authority_fails_the_handshake);
	tcase_add_test(tc, test_no_certificate_fails_the_handshake);
	tcase_add_test(tc, test_plain_text_is_no_handshake);
	tcase_add_test(tc, test_two_requests_in_one_record_get_two_answers);
	tcase_add_test(tc,
		test_request_split_over_many_records_is_put_together);
	tcase_add_test(tc, test_S8_message_that_drips_is_cut);
	tcase_add_test(tc, test_keep_alive_is_answered);
	tcase_add_test(tc,
		test_bad_message_is_answered_and_the_next_one_works);
	tcase_add_test(tc, test_body_over_all_bounds_is_413_and_the_end);
	tcase_add_test(tc,
		test_body_over_256_KiB_is_too_large_and_the_connection_stays);
	tcase_add_test(tc, test_garbage_ends_the_connection);
	tcase_add_test(tc, test_port_moves_and_the_session_stays);
	tcase_add_test(tc, test_R6_port_in_use_leaves_the_old_one_open);
	tcase_add_test(tc, test_server_that_lost_the_right_is_cut);
	tcase_add_test(tc,
		test_drain_closes_idle_sessions_and_ports_resume_opens_again);
	tcase_add_test(tc, test_drain_waits_for_the_unfinished_request);
	tcase_add_test(tc,
		test_certificate_swap_keeps_sessions_and_serves_the_new_one);
	tcase_add_test(tc, test_S16_no_secret_in_the_log_of_a_session);
	tcase_add_test(tc,
		test_S9_server_of_an_authority_no_longer_trusted_is_cut);
	tcase_add_test(tc, test_who_is_connected_can_be_asked);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
