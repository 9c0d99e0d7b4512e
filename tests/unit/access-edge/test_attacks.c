/*
 * The proxy against those who mean it harm: what one client can take of
 * what all share, and what it can do to others.
 */
#include "tests/unit/access-edge/texts.h"

#define BOUND 20 /* requests of one client */

static void numbered(char *out, size_t cap, const char *method, unsigned n,
	const char *extra, size_t body)
{
	int used = snprintf(out, cap, "%s sip:bob@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 192.168.1.5;branch=z9hG4bKn%u\r\n"
		"Max-Forwards: 70\r\n"
		"From: <sip:carol@example.com>;tag=c9\r\n"
		"To: <sip:bob@example.com>\r\n"
		"Call-ID: n%u\r\nCSeq: 1 %s\r\n%s"
		"Content-Length: %zu\r\n\r\n", method, n, n, method,
		extra, body);

	ck_assert_uint_lt((size_t)used + body, cap);
	memset(out + used, 'x', body);
	out[(size_t)used + body] = '\0';
}

START_TEST(test_S7_one_client_can_not_fill_the_transaction_table)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "settings:\n"
		"  access-edge: {max_transactions_per_client: 20}\n");
	struct party *client = signed_in(&lab, fe);
	struct party *other;
	char text[1024];
	const char *m;

	/* What was begun and not answered counts, and nothing else. */
	for (unsigned i = 0; i < BOUND; i++) {
		numbered(text, sizeof(text), "MESSAGE", i, "", 0);
		party_send(client, text);
		TURN_UNTIL(lab.loop, fe->got > fe->read);
		party_forget(fe);
	}
	numbered(text, sizeof(text), "MESSAGE", BOUND, "", 0);
	party_send(client, text);
	m = party_expect(client, "SIP/2.0 503 ");
	expect_has(m, "Retry-After: ");
	ck_assert_uint_eq(lab.edge->txns.count, BOUND);
	party_expect_silence(fe, 30);

	/* Others have room, and it has again when it leaves. */
	other = party_client(&lab);
	party_send(other, register_old);
	party_expect(fe, "REGISTER ");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S7_requests_of_a_client_that_left_wait_for_no_server)
{
	struct lab lab;
	struct party *client;

	lab_init(&lab, "");
	lab_edge(&lab); /* nobody is inside */
	lab.hops[0].fd = listen_at("127.0.0.3", lab.hop_port,
		&lab.hops[0].at); /* takes connections, says nothing */
	client = party_client(&lab);
	party_send(client, register_old);
	party_send(client, invite_text("z9hG4bKq", "q"));
	TURN_UNTIL(lab.loop, lab.edge->txns.count == 2);
	ck_assert_uint_gt(lab.edge->txns.bytes, 0);
	party_close(client);
	TURN_UNTIL(lab.loop, lab.edge->txns.count == 0);
	ck_assert_uint_eq(lab.edge->txns.bytes, 0);
	ck_assert_uint_eq(lab.edge->txns.parties.count, 0);
	close(lab.hops[0].fd);
	lab.hops[0].fd = 0;
	lab_fini(&lab);
}
END_TEST

/* Everybody's requests go over the connection to the next hop. */
START_TEST(test_S7_next_hop_that_does_not_read_keeps_its_connection)
{
	static char text[150000];
	struct lab lab;
	struct party *fe = lab_start(&lab, "settings:\n"
		"  access-edge: {client_rate: 1000, client_burst: 1000, "
		"outgoing_tls_count: 1}\n");
	struct party *client = signed_in(&lab, fe);
	const char *m;

	stream_pause(fe->stream);
	for (unsigned i = 0; i < 240 && client->got == client->read; i++) {
		numbered(text, sizeof(text), "MESSAGE", i, "", 130000);
		party_send(client, text);
		loop_turn(lab.loop, 20);
		TURN_UNTIL(lab.loop, stream_queued(client->stream) == 0);
	}
	m = party_expect(client, "SIP/2.0 504 ");
	expect_has(m, "ms-diagnostics-public: 1007;");
	ck_assert(!fe->is_ended && !client->is_ended);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_large_message_from_inside_reaches_the_client)
{
	static char text[2000000];
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	char route[600], head[1024];
	int used;

	path_route(fe->inbox[0], route, sizeof(route));
	used = snprintf(head, sizeof(head), "MESSAGE sip:carol@192.168.1.5 "
		"SIP/2.0\r\nVia: SIP/2.0/TLS fe.int.test;branch=z9hG4bKbig"
		"\r\n%sFrom: <sip:bob@example.com>;tag=b1\r\n"
		"To: <sip:carol@example.com>\r\nCall-ID: big\r\n"
		"CSeq: 1 MESSAGE\r\nContent-Length: 1900000\r\n\r\n", route);
	/* In pieces: the test's own queue is a MiB. */
	party_send_bytes(fe, head, (size_t)used);
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < 19; i++) {
		party_send_bytes(fe, text, 100000);
		TURN_UNTIL(lab.loop, stream_queued(fe->stream) == 0);
	}
	party_expect(client, "MESSAGE ");
	ck_assert(!client->is_ended);
	lab_fini(&lab);
}
END_TEST

/* Passwords can be tried with any request that meets a challenge. */
/* What the edge says by itself to a request for this user, without what
 * differs each time. */
static void said_of(struct party *client, const char *user, const char *method,
	const char *extra, unsigned n, char *out, size_t cap)
{
	static const char *const vary[] = {"Via", "From", "To", "Call-ID",
		"Retry-After"};
	char text[1024];
	const char *m;
	size_t at = 0;

	snprintf(text, sizeof(text), "%s sip:%s@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS h;branch=z9hG4bKs6%u%s\r\n"
		"From: <sip:%s@example.com>;tag=1\r\n"
		"To: <sip:%s@example.com>\r\nCall-ID: s6-%u-%s\r\n"
		"CSeq: 1 %s\r\n%sContent-Length: 0\r\n\r\n", method, user, n,
		user, user, user, n, user, method, extra);
	party_send(client, text);
	m = party_expect(client, "SIP/2.0 ");
	while (*m != '\0') {
		size_t len = strcspn(m, "\n") + 1;
		bool varies = false;

		for (size_t i = 0; i < ARRAY_COUNT(vary); i++)
			varies = varies || strncmp(m, vary[i],
				strlen(vary[i])) == 0;
		if (!varies)
			at += (size_t)snprintf(out + at, cap - at, "%.*s",
				(int)len, m);
		m += len;
	}
}

/* Somebody who signed in here before and somebody made up are answered the
 * same by the edge, in each way that it has of saying no. */
START_TEST(test_S6_edge_says_the_same_about_everybody)
{
	static const struct {
		const char *method;
		const char *extra;
	} ways[] = {
		{"MESSAGE", "Proxy-Require: foo\r\n"},
		{"PUBLISH", ""},              /* not before signing in */
		{"REGISTER", "Max-Forwards: 0\r\n"},
		{"MESSAGE", "Max-Forwards: 0\r\n"},
		{"REGISTER", "Max-Breadth: 0\r\n"},
		{"REGISTER", "Route: <sip:fe2.int.test;lr>\r\n"},
		{"INVITE", ""},               /* no next hop */
	};
	struct lab lab;
	struct party *fe = lab_start(&lab, "settings:\n  access-edge: "
		"{next_hop_down: 60s}\n");
	struct party *client = signed_in(&lab, fe); /* carol is known */
	char known[2048], made_up[2048];

	client = party_client(&lab);
	server_close(&lab.hops[0]);
	stream_free(fe->stream);
	fe->stream = NULL;
	TURN_UNTIL(lab.loop, !peer_pool_is_up(lab.edge->peers));
	for (unsigned i = 0; i < ARRAY_COUNT(ways); i++) {
		said_of(client, "carol", ways[i].method, ways[i].extra, i,
			known, sizeof(known));
		said_of(client, "nobody7", ways[i].method, ways[i].extra, i,
			made_up, sizeof(made_up));
		ck_assert_str_eq(known, made_up);
	}
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S6_guessing_with_invite_is_counted_too)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "settings:\n"
		"  access-edge: {failed_logon_limit: 2}\n");
	struct party *client = party_client(&lab);
	char text[1024];

	for (unsigned i = 0; i < 2; i++) {
		numbered(text, sizeof(text), "SUBSCRIBE", i,
			"Proxy-Authorization: Digest username=\"carol\"\r\n",
			0);
		party_send(client, text);
		party_answer(fe, party_expect(fe, "SUBSCRIBE "),
			"407 Proxy Authentication Required",
			"Proxy-Authenticate: Digest realm=\"r\", "
			"nonce=\"n\"\r\n", "");
		party_expect(client, "SIP/2.0 407 ");
	}
	numbered(text, sizeof(text), "SUBSCRIBE", 2, "Proxy-Authorization: "
		"Digest username=\"carol\"\r\n", 0);
	party_send(client, text);
	party_expect(client, "SIP/2.0 403 ");
	party_expect_silence(fe, 30);
	/* Without credentials there is nothing to guess. */
	numbered(text, sizeof(text), "SUBSCRIBE", 3, "", 0);
	party_send(client, text);
	party_expect(fe, "SUBSCRIBE ");
	lab_fini(&lab);
}
END_TEST

/* Did it get such a request on any of its connections? */
static bool has_request(const struct server *s, const char *start)
{
	for (size_t i = 0; i < s->count; i++) {
		for (size_t n = 0; n < s->accepted[i]->got; n++) {
			if (strncmp(s->accepted[i]->inbox[n], start,
				strlen(start)) == 0)
				return true;
		}
	}
	return false;
}

/* A server that is no next hop, and could not be looked up at first. */
START_TEST(test_R23_server_by_name_is_looked_up_again)
{
	struct lab lab;
	struct party *client, *fe;
	struct conf_host hosts[2];
	char other[] = "other.int.test";
	char route[100], text[1024];
	const char *m;

	lab_init(&lab, "");
	lab.more_servers = "  other.int.test: [sip]\n";
	topology_unref(lab.topology);
	lab.topology = lab_topology(&lab, "");
	server_open(&lab, 0);
	lab_edge(&lab);
	fe = server_wait(&lab.hops[0]);
	client = signed_in(&lab, fe);
	snprintf(route, sizeof(route), "Route: <sip:other.int.test:%u;"
		"transport=tls;lr>\r\n", lab.hop_port);
	numbered(text, sizeof(text), "MESSAGE", 1, route, 0);
	party_send(client, text);
	m = party_expect(client, "SIP/2.0 504 ");
	expect_lacks(m, "other.int.test");

	hosts[0] = lab.host;
	hosts[1] = lab.host;
	hosts[1].name = other;
	hosts[1].addrs = &lab.host_addrs[1];
	lab.conf.hosts = hosts;
	lab.conf.host_count = 2;
	server_open(&lab, 1);
	turn_for_ms(lab.loop, 5500);
	numbered(text, sizeof(text), "MESSAGE", 2, route, 0);
	party_send(client, text);
	TURN_UNTIL(lab.loop, lab.hops[1].count > 0);
	lab_fini(&lab);
}
END_TEST

/* It takes connections and answers nothing; its neighbour is fine. */
START_TEST(test_R23_deaf_next_hop_is_left_out)
{
	struct lab lab;
	struct party *client, *good, *bad;
	struct server *deaf, *well;
	char text[1024];

	lab_init(&lab, "settings:\n  access-edge: {next_hop_probe: 1s}\n");
	lab.host.addr_count = 2;
	server_open(&lab, 0);
	server_open(&lab, 1);
	lab_edge(&lab);
	server_dialled(&lab.hops[0]);
	server_dialled(&lab.hops[1]);
	client = party_client(&lab);
	party_send(client, register_new);
	TURN_UNTIL(lab.loop, has_request(&lab.hops[0], "REGISTER ") ||
		has_request(&lab.hops[1], "REGISTER "));
	deaf = has_request(&lab.hops[0], "REGISTER ") ? &lab.hops[0] :
		&lab.hops[1];
	well = deaf == &lab.hops[0] ? &lab.hops[1] : &lab.hops[0];
	bad = server_party(deaf);
	good = server_party(well);
	for (int i = 0; i < 200 && !bad->is_ended; i++) {
		turn_for_ms(lab.loop, 50);
		for (; good->read < good->got; good->read++)
			party_answer(good, good->inbox[good->read], "200 OK",
				"", "");
	}
	party_expect(client, "SIP/2.0 504 ");
	/* Dialled again, it is connected and still says nothing. */
	TURN_UNTIL(lab.loop, deaf->count == 2 && server_party(deaf) != NULL);
	for (unsigned i = 0; i < 4; i++) {
		numbered(text, sizeof(text), "SUBSCRIBE", i, "", 0);
		party_send(client, text);
	}
	for (int i = 0; i < 20; i++)
		turn_for_ms(lab.loop, 10);
	ck_assert(has_request(well, "SUBSCRIBE "));
	ck_assert(!has_request(deaf, "SUBSCRIBE "));
	lab_fini(&lab);
}
END_TEST

/* One who signed in as carol is no other. */
START_TEST(test_S1_mark_verifies_only_who_registered)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	char text[1024], *from;

	numbered(text, sizeof(text), "MESSAGE", 1, "Remote-Party-ID: "
		"<sip:boss@example.com>;screen=yes\r\n", 0);
	party_send(client, text);
	expect_has(party_expect(fe, "MESSAGE "), "user=verified\r\n");
	expect_lacks(fe->last, "boss");
	numbered(text, sizeof(text), "MESSAGE", 2, "", 0);
	from = strstr(text, "From: <sip:carol");
	memcpy(from, "From: <sip:peter", 16);
	party_send(client, text);
	expect_has(party_expect(fe, "MESSAGE "), "user=unverified\r\n");
	lab_fini(&lab);
}
END_TEST

/* Connections that never shake hands hold places: they lose them to who
 * comes, long before their time is up. */
START_TEST(test_S8_places_for_handshakes_go_to_who_shakes_hands)
{
	struct lab lab;
	struct party *client;
	struct mono began;
	int fds[20];

	lab_start(&lab, "settings:\n  access-edge: {max_handshakes: 8, "
		"new_connections_per_source: 10000}\n");
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
		fds[i] = test_dial(&lab.outside);
		turn_for_ms(lab.loop, 5);
	}
	turn_for_ms(lab.loop, 50);
	ck_assert_uint_eq(lab.edge->sessions.shaking_count, 8);
	began = mono_now();
	client = party_client(&lab);
	ck_assert(client->is_ready);
	ck_assert_int_lt(mono_since_ms(began, mono_now()), 8000);
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
		close(fds[i]);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S7_overload_turns_new_work_away_and_lets_old_go_on)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	struct party *late;
	const char *m;

	party_send(client, invite_text("z9hG4bKold", "old"));
	party_answer(fe, party_expect(fe, "INVITE "), "180 Ringing", "", "");
	party_expect(client, "SIP/2.0 180 ");
	/* The tick sets it each second: act in between. */
	lab.edge->load.level = LOAD_NO_PARTNERS;
	late = party_dial_to(&lab, &lab.outside, lab.ctx_outside,
		LAB_OUTSIDE);
	ck_assert(!late->is_ready);
	lab.edge->load.level = LOAD_NO_PARTNERS;
	party_send(client, invite_text("z9hG4bKnew", "new"));
	m = party_expect(client, "SIP/2.0 503 ");
	expect_has(m, "\r\nRetry-After: ");
	party_send(client, same_hop_text("ACK", "z9hG4bKnew", "new", ""));
	party_send(client, same_hop_text("CANCEL", "z9hG4bKold", "old",
		""));
	party_expect(client, "SIP/2.0 200 ");
	party_expect(fe, "CANCEL ");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S7_flood_of_anything_ends_the_connection)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "settings:\n"
		"  access-edge: {client_rate: 1, client_burst: 2}\n");
	struct party *client = party_client(&lab);
	struct party *pinger = party_client(&lab);
	char pings[4000], text[1024];

	numbered(text, sizeof(text), "CANCEL", 1, "", 0);
	for (int i = 0; i < 40; i++)
		party_send(client, text);
	party_expect_end(client);
	ck_assert_uint_le(client->got, 20);

	/* A thousand pings at once are one. */
	memset(pings, '\n', sizeof(pings));
	party_send_bytes(pinger, pings, sizeof(pings));
	TURN_UNTIL(lab.loop, pinger->pongs > 0);
	turn_for_ms(lab.loop, 50);
	ck_assert_uint_le(pinger->pongs, 4);
	ck_assert(!pinger->is_ended && !fe->is_ended);
	lab_fini(&lab);
}
END_TEST

/* A call to the client, and what it answers with other Vias. */
START_TEST(test_S1_client_can_not_choose_where_its_answer_goes)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	char route[600], via[512], cut[4096], more[700];
	const char *m;
	char *at;

	path_route(fe->inbox[0], route, sizeof(route));
	snprintf(more, sizeof(more), "Via: SIP/2.0/TLS phone;branch=z9hG4bKp"
		"\r\n%s", route);
	party_send(fe, call_in_text(more, "z9hG4bKin9"));
	m = party_expect(client, "INVITE ");
	/* Ours is its key to us; below it the client puts what it likes. */
	value_of(m, "Via", via, sizeof(via));
	snprintf(cut, sizeof(cut), "%s", m);
	at = strstr(cut, "fe.int.test;branch");
	ck_assert_ptr_nonnull(at);
	memcpy(at, "evil.a.test", 11);
	party_answer(client, cut, "180 Ringing", "", "");
	m = party_expect(fe, "SIP/2.0 180 ");
	expect_lacks(m, "evil");
	expect_lacks(m, via);
	expect_has(m, "Via: SIP/2.0/TLS fe.int.test;branch=z9hG4bKin9");
	expect_has(m, "Via: SIP/2.0/TLS phone;branch=z9hG4bKp\r\n");
	ck_assert_ptr_null(strstr(strstr(m, "phone") + 1, "Via:"));

	/* Nor may it answer another request than the one it got. */
	snprintf(cut, sizeof(cut), "%s", client->last);
	at = strstr(cut, "Call-ID: in-");
	memcpy(at, "Call-ID: xx-", 12);
	party_answer(client, cut, "200 OK", "", "");
	party_expect_silence(fe, 50);
	party_answer(client, client->last, "200 OK", "", "");
	party_expect(fe, "SIP/2.0 200 ");
	lab_fini(&lab);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("access-edge/attacks");
	TCase *c = tcase_create("attacks");
	SRunner *sr = srunner_create(s);
	int failures;

	tcase_set_timeout(c, 60);
	tcase_add_test(c,
		test_S7_one_client_can_not_fill_the_transaction_table);
	tcase_add_test(c,
		test_S7_requests_of_a_client_that_left_wait_for_no_server);
	tcase_add_test(c,
		test_S7_next_hop_that_does_not_read_keeps_its_connection);
	tcase_add_test(c,
		test_large_message_from_inside_reaches_the_client);
	tcase_add_test(c, test_S6_edge_says_the_same_about_everybody);
	tcase_add_test(c, test_S6_guessing_with_invite_is_counted_too);
	tcase_add_test(c, test_R23_server_by_name_is_looked_up_again);
	tcase_add_test(c, test_R23_deaf_next_hop_is_left_out);
	tcase_add_test(c, test_S1_mark_verifies_only_who_registered);
	tcase_add_test(c,
		test_S8_places_for_handshakes_go_to_who_shakes_hands);
	tcase_add_test(c,
		test_S7_overload_turns_new_work_away_and_lets_old_go_on);
	tcase_add_test(c, test_S7_flood_of_anything_ends_the_connection);
	tcase_add_test(c,
		test_S1_client_can_not_choose_where_its_answer_goes);
	suite_add_tcase(s, c);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
