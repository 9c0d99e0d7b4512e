/*
 * The proxy when things go wrong: CANCEL, timers, lost connections, servers
 * that are dead or deaf, clients that lie.
 */
#include "tests/unit/access-edge/texts.h"

START_TEST(test_token_from_before_a_restart_is_gone_not_forged)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	char route[600];

	signed_in(&lab, fe);
	path_route(fe->inbox[0], route, sizeof(route));
	lab_edge_stop(&lab);
	lab_edge(&lab);
	TURN_UNTIL(lab.loop, fe->is_ended);
	fe = server_wait(&lab.hops[0]);
	party_send(fe, call_in_text(route, "z9hG4bKin3"));
	party_expect(fe, "SIP/2.0 430 ");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_cancel_before_a_provisional_waits_for_it)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	char via[512], cancel_via[512];
	const char *invite, *m;

	party_send(client, invite_text("z9hG4bKcan1", "can-1"));
	invite = party_expect(fe, "INVITE ");
	party_send(client, same_hop_text("CANCEL", "z9hG4bKcan1", "can-1",
		""));
	m = party_expect(client, "SIP/2.0 200 OK\r\n");
	expect_has(m, "CSeq: 7 CANCEL\r\n");
	party_expect_silence(fe, 50);
	party_answer(fe, invite, "180 Ringing", "", "");
	m = party_expect(fe, "CANCEL sip:bob@example.com SIP/2.0\r\n");
	value_of(invite, "Via", via, sizeof(via));
	value_of(m, "Via", cancel_via, sizeof(cancel_via));
	ck_assert_str_eq(via, cancel_via);
	party_answer(fe, m, "200 OK", "", "");
	party_answer(fe, invite, "487 Request Terminated", "", "");
	party_expect(fe, "ACK ");
	party_expect(client, "SIP/2.0 180 ");
	party_expect(client, "SIP/2.0 487 ");
	party_send(client, same_hop_text("ACK", "z9hG4bKcan1", "can-1",
		";tag=answerer"));
	party_expect_silence(fe, 50);
	TURN_UNTIL(lab.loop, lab.edge->txns.count == 0);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_cancel_after_180_of_a_call_without_branch_rfc2543)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	const char *invite, *m;

	party_send(client, invite_text("", "can-2"));
	invite = party_expect(fe, "INVITE ");
	party_answer(fe, invite, "180 Ringing", "", "");
	party_expect(client, "SIP/2.0 180 ");
	party_send(client, same_hop_text("CANCEL", "", "can-2", ""));
	party_expect(client, "SIP/2.0 200 ");
	m = party_expect(fe, "CANCEL ");
	party_answer(fe, m, "200 OK", "", "");
	party_answer(fe, invite, "487 Request Terminated", "", "");
	party_expect(fe, "ACK ");
	party_expect(client, "SIP/2.0 487 ");
	party_send(client, same_hop_text("ACK", "", "can-2",
		";tag=answerer"));
	TURN_UNTIL(lab.loop, lab.edge->txns.count == 0);
	party_expect_silence(fe, 50);
	lab_fini(&lab);
}
END_TEST

/* A strict router puts our Route into the Request-URI and writes no branch
 * (RFC 2543): CANCEL has the Request-URI as it was before we repaired it. */
START_TEST(test_cancel_of_a_strict_router_finds_its_call)
{
	static const char request[] =
		"%s %s SIP/2.0\r\nVia: SIP/2.0/TLS fe.int.test\r\n"
		"Route: <sip:carol@192.168.1.5:41234;transport=tls;ob>\r\n"
		"Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=b1\r\n"
		"To: <sip:carol@example.com>\r\nCall-ID: strict-1\r\n"
		"CSeq: 1 %s\r\nContact: <sip:bob@fe.int.test>\r\n"
		"Content-Length: 0\r\n\r\n";
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	char path[512], uri[512], text[2048];
	const char *invite, *m;

	value_of(fe->inbox[0], "Path", path, sizeof(path));
	snprintf(uri, sizeof(uri), "%.*s", (int)strcspn(path + 1, ">"),
		path + 1);
	snprintf(text, sizeof(text), request, "INVITE", uri, "INVITE");
	party_send(fe, text);
	invite = party_expect(client, "INVITE sip:carol@192.168.1.5:41234;");
	expect_lacks(invite, "\r\nRoute:");
	party_answer(client, invite, "180 Ringing", "", "");
	party_expect(fe, "SIP/2.0 180 ");
	snprintf(text, sizeof(text), request, "CANCEL", uri, "CANCEL");
	party_send(fe, text);
	party_expect(fe, "SIP/2.0 200 ");
	m = party_expect(client, "CANCEL ");
	party_answer(client, m, "200 OK", "", "");
	party_answer(client, invite, "487 Request Terminated", "", "");
	party_expect(client, "ACK ");
	party_expect(fe, "SIP/2.0 487 ");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_cancel_of_nothing_is_481)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);

	party_send(client, same_hop_text("CANCEL", "z9hG4bKno", "no", ""));
	party_expect(client, "SIP/2.0 481 ");
	party_expect_silence(fe, 50);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_next_hop_down_answers_register_504)
{
	struct lab lab;
	struct party *client;
	const char *m;
	struct mono begun;

	lab_init(&lab, "");
	lab_edge(&lab); /* nobody listens inside */
	client = party_client(&lab);
	begun = mono_now();
	party_send(client, register_old);
	m = party_expect(client, "SIP/2.0 504 Server Time-out\r\n");
	ck_assert_int_lt(mono_since_ms(begun, mono_now()), 20000);
	expect_has(m, "ms-diagnostics-public: 1038;reason=");
	expect_lacks(m, "fe.int.test");

	/* Back up: the next REGISTER works without a restart. */
	server_open(&lab, 0);
	turn_for_ms(lab.loop, 50);
	party_send(client, register_new);
	party_expect(server_dialled(&lab.hops[0]), "REGISTER ");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_dead_address_fails_over_to_the_next)
{
	struct lab lab;
	struct party *client;

	lab_init(&lab, "");
	lab.host.addr_count = 2;
	server_open(&lab, 1); /* 127.0.0.3 is dead, 127.0.0.4 lives */
	lab_edge(&lab);
	client = party_client(&lab);
	party_send(client, register_old);
	party_expect(server_dialled(&lab.hops[1]), "REGISTER ");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_lost_next_hop_ends_open_requests_with_504)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = party_client(&lab);

	party_send(client, register_old);
	party_expect(fe, "REGISTER ");
	server_close(&lab.hops[0]);
	party_close(fe);
	party_expect(client, "SIP/2.0 504 ");
	ck_assert_uint_eq(lab.edge->txns.count, 0);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_lost_client_answers_inside_430)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	char route[600];

	path_route(fe->inbox[0], route, sizeof(route));
	party_send(fe, call_in_text(route, "z9hG4bKlost"));
	party_expect(client, "INVITE ");
	party_close(client);
	party_expect(fe, "SIP/2.0 430 ");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_no_408_for_other_than_invite)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "settings:\n"
		"  access-edge: {transaction_timeout: 1s}\n");
	struct party *client = party_client(&lab);

	party_send(client, register_old);
	party_expect(fe, "REGISTER ");
	TURN_UNTIL(lab.loop, lab.edge->txns.count == 0);
	party_expect_silence(client, 100);
	party_send(client, register_new);
	party_answer(fe, party_expect(fe, "REGISTER "),
		"408 Request Timeout", "", "");
	party_expect_silence(client, 100);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_invite_without_answer_is_408_and_timer_c_cancels)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "settings:\n"
		"  access-edge: {transaction_timeout: 1s, "
		"invite_timeout: 1s}\n");
	struct party *client = signed_in(&lab, fe);
	const char *m;

	party_send(client, invite_text("z9hG4bKmute", "mute-1"));
	party_expect(fe, "INVITE ");
	party_expect(client, "SIP/2.0 100 ");
	party_expect(client, "SIP/2.0 408 ");
	party_send(client, invite_text("z9hG4bKring", "ring-1"));
	m = party_expect(fe, "INVITE ");
	party_answer(fe, m, "180 Ringing", "", "");
	party_expect(client, "SIP/2.0 180 ");
	party_expect(fe, "CANCEL ");
	party_expect(client, "SIP/2.0 408 ");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_negotiate_is_declined_488_and_the_connection_goes_on)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = party_client(&lab);
	const char *m;

	party_send(client, "NEGOTIATE sip:127.0.0.2:443 SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 192.0.2.77:58350\r\n"
		"CSeq: 1 NEGOTIATE\r\nCall-ID: neg-0001\r\n"
		"From: <sip:192.0.2.77:58350>;tag=n1\r\n"
		"To: <sip:198.51.100.10:443>\r\n"
		"Compression: LZ77-8K\r\nMax-Forwards: 0\r\n"
		"Content-Length: 0\r\n\r\n");
	m = party_expect(client,
		"SIP/2.0 488 Compression algorithm refused\r\n");
	expect_has(m, ";ms-received-cid=");
	expect_lacks(m, "\r\nCompression:");
	party_send(client, register_old);
	party_expect(fe, "REGISTER ");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_torn_and_pipelined_messages_arrive_whole)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = party_client(&lab);
	char both[4096];

	for (size_t i = 0; i < sizeof(register_old) - 1; i++) {
		party_send_bytes(client, register_old + i, 1);
		loop_turn(lab.loop, 0);
	}
	party_expect(fe, "REGISTER ");
	snprintf(both, sizeof(both), "\r\n%s\r\n\r\n%s", register_new,
		register_old);
	both[strlen(both) - 5] = '\0'; /* the end comes later */
	party_send(client, both);
	party_expect(fe, "REGISTER ");
	party_expect_silence(fe, 30);
	ck_assert_uint_eq(client->pongs, 1);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_oversized_body_is_413_and_the_end)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = party_client(&lab);

	party_send(client, "MESSAGE sip:bob@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 192.168.1.5;branch=z9hG4bKbig\r\n"
		"From: <sip:carol@example.com>;tag=1\r\n"
		"To: <sip:bob@example.com>\r\n"
		"Call-ID: big\r\nCSeq: 1 MESSAGE\r\n"
		"Content-Length: 200000\r\n\r\n");
	party_expect(client, "SIP/2.0 413 Request Entity Too Large\r\n");
	party_expect_end(client);
	party_expect_silence(fe, 30);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_request_that_comes_straight_back_is_refused)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	char text[4096];
	const char *m;

	party_send(client, invite_text("z9hG4bKloop", "loop-1"));
	m = party_expect(fe, "INVITE ");
	/* The next hop sends it back with its own Via on top. */
	snprintf(text, sizeof(text), "INVITE sip:bob@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS fe.int.test;branch=z9hG4bKback%s",
		strstr(m, "\r\nVia:"));
	party_send(fe, text);
	m = party_expect(fe, "SIP/2.0 482 Loop Detected\r\n");
	party_expect_silence(fe, 50);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S14_token_of_another_connection_is_refused)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *carol = signed_in(&lab, fe);
	struct party *mallory = party_client(&lab);
	char route[600], text[2048], path[512];
	char *at;

	party_send(mallory, register_old);
	party_answer(fe, party_expect(fe, "REGISTER "), "200 OK", "", "");
	party_expect(mallory, "SIP/2.0 200 ");
	value_of(fe->inbox[0], "Path", path, sizeof(path));
	snprintf(route, sizeof(route), "%s", path);
	for (int round = 0; round < 2; round++) {
		snprintf(text, sizeof(text),
			"BYE sip:bob@example.com SIP/2.0\r\n"
			"Via: SIP/2.0/TLS 192.168.1.190:58350;"
			"branch=z9hG4bKevil%d\r\n"
			"Route: %s\r\n"
			"From: <sip:alice@example.com>;tag=1\r\n"
			"To: <sip:bob@example.com>;tag=2\r\n"
			"Call-ID: evil\r\nCSeq: 1 BYE\r\n"
			"Content-Length: 0\r\n\r\n", round, route);
		party_send(mallory, text);
		party_expect(mallory, "SIP/2.0 403 ");
		/* Then with one bit of the signature changed. */
		at = strchr(route, '@') - 2;
		*at = *at == 'A' ? 'B' : 'A';
	}
	party_expect_silence(fe, 50);
	party_expect_silence(carol, 10);
	ck_assert_uint_eq(counter_get(&lab.counters, COUNTER_ABUSE), 2);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_old_token_of_a_roaming_client_is_taken_off)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *old = signed_in(&lab, fe);
	struct party *moved;
	char path[512], text[2048];
	const char *m;

	value_of(fe->inbox[0], "Path", path, sizeof(path));
	party_close(old);
	moved = party_client(&lab);
	snprintf(text, sizeof(text), "BYE sip:bob@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 192.168.1.9;branch=z9hG4bKroam\r\n"
		"Route: %s\r\nFrom: <sip:carol@example.com>;tag=1\r\n"
		"To: <sip:bob@example.com>;tag=2\r\n"
		"Call-ID: roam\r\nCSeq: 2 BYE\r\n"
		"Content-Length: 0\r\n\r\n", path);
	party_send(moved, text);
	party_expect(moved, "SIP/2.0 403 "); /* not signed in yet */
	party_send(moved, register_new);
	party_answer(fe, party_expect(fe, "REGISTER "), "200 OK", "", "");
	party_expect(moved, "SIP/2.0 200 ");
	party_send(moved, text);
	m = party_expect(fe, "BYE sip:bob@example.com SIP/2.0\r\n");
	expect_lacks(m, "\r\nRoute:");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_inside_peer_without_a_trusted_name_is_refused)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct tls_ctx *other = lab_ctx(&lab, "other");
	struct party *p;

	p = party_dial_to(&lab, &lab.inside, other, LAB_MACHINE);
	party_expect_end(p);
	ck_assert_uint_eq(counter_get(&lab.counters,
		COUNTER_CONNECTIONS_REFUSED), 1);
	/* No certificate at all fails in the handshake. */
	p = party_dial_to(&lab, &lab.inside, lab.ctx_outside, LAB_MACHINE);
	party_expect_end(p);
	/* fe may dial, and the edge answers its OPTIONS. */
	p = party_dial_to(&lab, &lab.inside, lab.ctx_dial, LAB_MACHINE);
	party_send(p, "OPTIONS sip:edge.int.test SIP/2.0\r\n"
		"Via: SIP/2.0/TLS fe.int.test;branch=z9hG4bKp1\r\n"
		"Max-Forwards: 0\r\nFrom: <sip:fe.int.test>;tag=1\r\n"
		"To: <sip:edge.int.test>\r\nCall-ID: p1\r\n"
		"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
	party_expect(p, "SIP/2.0 200 OK\r\n");
	party_expect_silence(fe, 10);
	tls_ctx_unref(other);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_503_from_inside_reaches_the_client_as_504)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = party_client(&lab);

	party_send(client, register_old);
	party_answer(fe, party_expect(fe, "REGISTER "),
		"503 Service Unavailable", "", "");
	party_expect(client, "SIP/2.0 504 ");
	party_send(client, register_new);
	party_answer(fe, party_expect(fe, "REGISTER "),
		"503 Service Unavailable", "Retry-After: 30\r\n", "");
	party_expect(client, "SIP/2.0 503 ");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_redirect_inside_is_hidden_from_clients)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = party_client(&lab);
	const char *m;

	party_send(client, register_old);
	party_answer(fe, party_expect(fe, "REGISTER "), "301 Moved",
		"Contact: <sip:fe.int.test:5061>\r\n", "");
	m = party_expect(client, "SIP/2.0 500 ");
	expect_lacks(m, "fe.int.test");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_failed_logons_are_answered_here_after_the_limit)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "settings:\n"
		"  access-edge: {failed_logon_limit: 2}\n");
	struct party *client = party_client(&lab);
	char text[2048];

	for (int i = 1; i <= 3; i++) {
		snprintf(text, sizeof(text),
			"REGISTER sip:example.com SIP/2.0\r\n"
			"Via: SIP/2.0/TLS 192.168.1.5;branch=z9hG4bKl%d\r\n"
			"From: <sip:dave@example.com>;tag=1\r\n"
			"To: <sip:dave@example.com>\r\n"
			"Call-ID: logon\r\nCSeq: %d REGISTER\r\n"
			"Authorization: Digest username=\"dave\"\r\n"
			"Content-Length: 0\r\n\r\n", i, i);
		party_send(client, text);
		if (i == 3)
			break;
		party_answer(fe, party_expect(fe, "REGISTER "),
			"401 Unauthorized", "WWW-Authenticate: Digest "
			"realm=\"r\", nonce=\"n\"\r\n", "");
		party_expect(client, "SIP/2.0 401 ");
	}
	party_expect(client, "SIP/2.0 403 ");
	party_expect_silence(fe, 30);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_deaf_next_hop_is_noticed_and_dialled_again)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "settings:\n"
		"  access-edge: {next_hop_probe: 1s}\n");
	struct mono begun = mono_now();

	party_expect(fe, "OPTIONS sip:fe.int.test:");
	/* It says nothing. */
	TURN_UNTIL(lab.loop, fe->is_ended);
	ck_assert_uint_eq(counter_get(&lab.counters,
		COUNTER_NEXT_HOP_DEAF), 1);
	fe = server_dialled(&lab.hops[0]);
	ck_assert_int_lt(mono_since_ms(begun, mono_now()), 10000);
	/* This time it answers, and stays. */
	party_answer(fe, party_expect(fe, "OPTIONS "), "404 Not Found", "",
		"");
	turn_for_ms(lab.loop, 100);
	ck_assert(!fe->is_ended);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_message_that_never_ends_is_the_end)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "settings:\n  access-edge: "
		"{message_timeout: 1s, first_message_timeout: 1s}\n");
	struct party *half = party_client(&lab);
	struct party *mute = party_client(&lab);

	party_send(half, "REGISTER sip:example.com SIP/2.0\r\n");
	party_expect_end(half);
	party_expect_end(mute);
	ck_assert(!fe->is_ended);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_reload_swaps_decisions_and_keeps_connections)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	struct topology *next;
	struct why why = {""};

	next = lab_topology(&lab, "settings:\n  access-edge: "
		"{client_rate: 1, client_burst: 1}\n");
	ck_assert_int_eq(front_apply(lab.front, next, &why), 0);
	ck_assert_int_eq(edge_apply(lab.edge, next, NULL, &why), 0);
	topology_unref(next);
	party_send(client, invite_text("z9hG4bKon", "on-1"));
	party_send(client, invite_text("z9hG4bKoff", "off-1"));
	party_expect(fe, "INVITE ");
	party_expect(client, "SIP/2.0 503 ");
	ck_assert(!client->is_ended && !fe->is_ended);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S5_challenges_are_passed_on_and_never_answered)
{
	static const char *const statuses[] = {
		"401 Unauthorized", "407 Proxy Authentication Required",
	};
	static const char *const methods[] = {
		"INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE", "BYE", "REFER",
	};
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	char text[1024], start[64];
	const char *m;

	for (size_t i = 0; i < ARRAY_COUNT(methods); i++) {
		snprintf(text, sizeof(text), "%s sip:b@example.com SIP/2.0"
			"\r\nVia: SIP/2.0/TLS h;branch=z9hG4bKs5%zu\r\n"
			"From: <sip:carol@example.com>;tag=1\r\n"
			"To: <sip:b@example.com>\r\nCall-ID: s5\r\n"
			"CSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
			methods[i], i, methods[i]);
		party_send(client, text);
		snprintf(start, sizeof(start), "%s ", methods[i]);
		m = party_expect(fe, start);
		expect_lacks(m, "\r\nAuthorization:");
		party_answer(fe, m, statuses[i % 2], "WWW-Authenticate: "
			"Digest realm=\"evil\", nonce=\"n\"\r\n", "");
		if (i == 0)
			party_expect(fe, "ACK ");
		party_expect(client, i % 2 == 0 ? "SIP/2.0 401 " :
			"SIP/2.0 407 ");
	}
	party_expect_silence(fe, 50);
	lab_fini(&lab);
}
END_TEST

static char logged[65536];

static void keep_line(const char *line, void *arg)
{
	size_t at = strlen(logged);

	(void)arg;
	ck_assert_ptr_null(strpbrk(line, "\r\n\x1b"));
	snprintf(logged + at, sizeof(logged) - at, "%s\n", line);
}

START_TEST(test_S16_peers_write_no_log_lines_and_secrets_stay_out)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = party_client(&lab);

	log_set_level(LOG_LEVEL_DEBUG);
	log_capture(keep_line, NULL);
	party_send(client, "REGISTER sip:example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS h;branch=z9hG4bKs16\r\n"
		"From: <sip:%0aevent=forged@example.com>;tag=1\r\n"
		"To: <sip:dave@example.com>\r\n"
		"Call-ID: x\"event=forged\x7f\r\n"
		"CSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n");
	party_expect(client, "SIP/2.0 400 ");
	party_send(client, "REGISTER sip:example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS h;branch=z9hG4bKs16b\r\n"
		"From: <sip:%0aevent=forged@example.com>;tag=1\r\n"
		"To: <sip:dave@example.com>\r\n"
		"Call-ID: x\"event=forged\r\n"
		"Authorization: Digest response=\"canary-secret\"\r\n"
		"CSeq: 1 REGISTER\r\nContent-Length: 13\r\n\r\n"
		"canary-secret");
	party_answer(fe, party_expect(fe, "REGISTER "), "403 Forbidden",
		"", "");
	party_expect(client, "SIP/2.0 403 ");
	log_capture(NULL, NULL);
	log_set_level(LOG_LEVEL_ERROR);
	ck_assert_ptr_nonnull(strstr(logged, "event=logon.failed"));
	ck_assert_ptr_null(strstr(logged, "canary"));
	ck_assert_ptr_null(strstr(logged, " event=forged"));
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S17_answer_from_another_connection_is_dropped)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	struct party *mallory = party_client(&lab);
	char route[600];
	const char *m;

	path_route(fe->inbox[0], route, sizeof(route));
	party_send(fe, call_in_text(route, "z9hG4bKsteal"));
	m = party_expect(client, "INVITE ");
	party_answer(mallory, m, "200 OK", "Contact: <sip:evil>\r\n", "");
	party_expect_silence(fe, 50);
	party_answer(client, m, "486 Busy Here", "", "");
	party_expect(fe, "SIP/2.0 486 ");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_server_that_is_no_longer_trusted_is_cut)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct tls_ctx *other = lab_ctx(&lab, "other");
	struct topology *next;
	struct why why = {""};
	struct party *p;

	lab.more_servers = "  other.int.test: [sip]\n";
	next = lab_topology(&lab, "");
	ck_assert_int_eq(edge_apply(lab.edge, next, NULL, &why), 0);
	topology_unref(next);
	p = party_dial_to(&lab, &lab.inside, other, LAB_MACHINE);
	turn_for_ms(lab.loop, 50);
	ck_assert(p->is_ready && !p->is_ended);
	lab.more_servers = "";
	next = lab_topology(&lab, "");
	ck_assert_int_eq(edge_apply(lab.edge, next, NULL, &why), 0);
	topology_unref(next);
	party_expect_end(p);
	ck_assert(!fe->is_ended);
	tls_ctx_unref(other);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_R27_server_that_dialled_us_is_used_for_requests)
{
	struct lab lab;
	struct party *client, *fe;

	lab_init(&lab, "");
	lab_edge(&lab); /* fe does not listen: it only dials */
	/* From the address that its name has. */
	ck_assert_int_eq(addr_parse_z("127.0.0.1", 0, &lab.host_addrs[0]),
		0);
	lab_edge_stop(&lab);
	lab_edge(&lab);
	turn_for_ms(lab.loop, 100);
	fe = party_dial_to(&lab, &lab.inside, lab.ctx_dial, LAB_MACHINE);
	turn_for_ms(lab.loop, 50);
	client = party_client(&lab);
	party_send(client, register_old);
	party_expect(fe, "REGISTER ");
	lab_fini(&lab);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("access-edge/faults");
	TCase *c = tcase_create("faults");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_test(c, test_token_from_before_a_restart_is_gone_not_forged);
	tcase_add_test(c, test_cancel_before_a_provisional_waits_for_it);
	tcase_add_test(c,
		test_cancel_after_180_of_a_call_without_branch_rfc2543);
	tcase_add_test(c, test_cancel_of_a_strict_router_finds_its_call);
	tcase_add_test(c, test_cancel_of_nothing_is_481);
	tcase_add_test(c, test_next_hop_down_answers_register_504);
	tcase_add_test(c, test_dead_address_fails_over_to_the_next);
	tcase_add_test(c, test_lost_next_hop_ends_open_requests_with_504);
	tcase_add_test(c, test_lost_client_answers_inside_430);
	tcase_add_test(c, test_no_408_for_other_than_invite);
	tcase_add_test(c,
		test_invite_without_answer_is_408_and_timer_c_cancels);
	tcase_add_test(c,
		test_negotiate_is_declined_488_and_the_connection_goes_on);
	tcase_add_test(c, test_torn_and_pipelined_messages_arrive_whole);
	tcase_add_test(c, test_oversized_body_is_413_and_the_end);
	tcase_add_test(c, test_request_that_comes_straight_back_is_refused);
	tcase_add_test(c, test_S14_token_of_another_connection_is_refused);
	tcase_add_test(c, test_old_token_of_a_roaming_client_is_taken_off);
	tcase_add_test(c, test_inside_peer_without_a_trusted_name_is_refused);
	tcase_add_test(c, test_503_from_inside_reaches_the_client_as_504);
	tcase_add_test(c, test_redirect_inside_is_hidden_from_clients);
	tcase_add_test(c, test_failed_logons_are_answered_here_after_the_limit);
	tcase_add_test(c, test_deaf_next_hop_is_noticed_and_dialled_again);
	tcase_add_test(c, test_message_that_never_ends_is_the_end);
	tcase_add_test(c, test_reload_swaps_decisions_and_keeps_connections);
	tcase_add_test(c,
		test_S5_challenges_are_passed_on_and_never_answered);
	tcase_add_test(c,
		test_S16_peers_write_no_log_lines_and_secrets_stay_out);
	tcase_add_test(c,
		test_S17_answer_from_another_connection_is_dropped);
	tcase_add_test(c, test_server_that_is_no_longer_trusted_is_cut);
	tcase_add_test(c,
		test_R27_server_that_dialled_us_is_used_for_requests);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
