/* Whole requests of other organisations on their way inside, over real TLS
 * and DNS: what goes through, what each side sees, what is refused. */
#include "tests/unit/access-edge/federation.h"
#include "tests/unit/check_main.h"

START_TEST(test_message_of_a_discovered_partner_comes_in)
{
	struct lab lab;
	struct party *fe, *bob;
	const char *m;
	char value[1024];

	fe = lab_start(&lab, DISCOVERY);
	discoverable(&lab, "example.test", "sip.example.test", 5061);
	bob = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
	party_send(bob, message("MESSAGE", "bob@example.test",
		"alice@example.com", "m1",
		"P-Asserted-Identity: <sip:bob@example.test>\r\n"
		"ms-edge-proxy-message-trust: ms-source-type=AuthorizedServer;"
		"ms-ep-fqdn=x;ms-source-verified-user=verified\r\n"));
	m = party_expect(fe, "MESSAGE sip:alice@example.com SIP/2.0");
	expect_lacks(m, "AuthorizedServer");
	ck_assert_str_eq(value_of(m, "ms-edge-proxy-message-trust", value,
		sizeof(value)), "ms-source-type=AutoFederation;ms-ep-fqdn="
		LAB_MACHINE ";ms-source-verified-user=unverified;"
		"ms-source-network=federation");
	expect_has(m, "P-Asserted-Identity: <sip:bob@example.test>\r\n");
	expect_has(m, "Max-Forwards: 67\r\n");
	expect_has(m, ";ms-received-cid=");
	/* Two of ours, the inner one with the token of the connection. */
	snprintf(value, sizeof(value), "Record-Route: <sip:" LAB_OUTSIDE
		":%u;transport=tls;lr>", lab.partners.port);
	expect_has(m, value);
	expect_has(m, "Record-Route: <sip:");
	expect_has(m, "@" LAB_MACHINE);
	party_answer(fe, m, "200 OK", "ms-diagnostics: 1;reason=\"x\"\r\n"
		"Server: RTC/4.0\r\n", "");
	m = party_expect(bob, "SIP/2.0 200 OK");
	expect_lacks(m, "ms-diagnostics");
	expect_lacks(m, "ms-edge-proxy");
	expect_has(m, "z9hG4bKm1;received=127.0.0.1;ms-received-port=");
	lab_fini(&lab);
}
END_TEST

/* The table of access-edge.md 5.1: who is asked about it, whether its rate is
 * limited, what the inside is told. */
START_TEST(test_kinds_of_partner_row_by_row_in)
{
	static const struct {
		const char *san;
		const char *domain;
		enum partner_kind kind;
		size_t asked; /* of DNS */
		bool is_limited;
		const char *source;
	} rows[] = {
		{"DNS:edge.elsewhere.test", "direct.test", PARTNER_DIRECT, 0,
			false, "ms-source-type=DirectPartner;"},
		{"DNS:sip.listed.test", "listed.test", PARTNER_ALLOWED, 1,
			false, "ms-source-type=AutoFederation;"},
		{"DNS:edge.cloud.test", "hosted.test", PARTNER_PROVIDER, 0,
			false, "ms-source-type=AuthorizedServer;"},
		/* Last: it waits on, and is counted on. */
		{"DNS:sip.found.test", "found.test", PARTNER_DISCOVERED, 1,
			true, "ms-source-type=AutoFederation;"},
	};
	struct lab lab;
	struct party *fe = lab_start(&lab, SETTINGS(", "
		"enable_partner_discovery: true, "
		"discovered_partner_standard_rate: 1")
		"partners: {direct.test: {edge: edge.elsewhere.test}, "
		"listed.test: allow}\n"
		"providers: {cloud: {proxy: edge.cloud.test}}\n");

	discoverable(&lab, "listed.test", "sip.listed.test", 5061);
	discoverable(&lab, "found.test", "sip.found.test", 5061);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct party *p = lab_partner_dial(&lab, "p", rows[i].san);
		const size_t asked = lab.dns.asked;
		const uint64_t held = counter_get(&lab.counters,
			COUNTER_PARTNER_HELD);
		const size_t got = fe->got, want = rows[i].is_limited ? 2 : 8;
		char from[64], id[16];

		snprintf(from, sizeof(from), "bob@%s", rows[i].domain);
		for (int n = 0; n < 8; n++) {
			snprintf(id, sizeof(id), "m%zu%d", i, n);
			party_send(p, message("MESSAGE", from,
				"alice@example.com", id, ""));
		}
		TURN_UNTIL(lab.loop, fe->got >= got + want);
		expect_has(party_expect(fe, "MESSAGE "), rows[i].source);
		turn_for_ms(lab.loop, 20);
		ck_assert_uint_eq(lab.dns.asked - asked, rows[i].asked);
		ck_assert_msg((counter_get(&lab.counters,
			COUNTER_PARTNER_HELD) > held) == rows[i].is_limited,
			"%s", rows[i].domain);
		ck_assert_int_eq(decisions_find(
			&lab.edge->federation->decisions, str_of(
			rows[i].domain))->ways[DECISION_IN].kind,
			rows[i].kind);
		party_close(p);
		party_forget(fe);
	}
	lab_fini(&lab);
}
END_TEST

START_TEST(test_verification_header_of_a_partner_is_read_and_taken_out)
{
	struct lab lab;
	struct party *fe, *bob;
	const char *m;

	fe = lab_start(&lab, DISCOVERY);
	discoverable(&lab, "example.test", "sip.example.test", 5061);
	bob = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
	party_send(bob, message("MESSAGE", "bob@example.test",
		"alice@example.com", "m1", "ms-asserted-verification-level: "
		"ms-source-verified-user=verified\r\n"));
	m = party_expect(fe, "MESSAGE ");
	expect_has(m, "ms-source-verified-user=verified;ms-source-network");
	expect_lacks(m, "ms-asserted-verification-level");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_dialog_of_a_partner_goes_both_ways_over_its_connection)
{
	struct lab lab;
	struct party *fe, *bob;
	const char *m;
	char routes[4096], text[8192], first[512], second[512];

	fe = lab_start(&lab, DISCOVERY);
	discoverable(&lab, "example.test", "sip.example.test", 1);
	bob = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
	party_send(bob, message("INVITE", "bob@example.test",
		"alice@example.com", "i1", "Contact: <sip:bob@10.9.9.9;"
		"ms-received-cid=1D5400>\r\n"));
	m = party_expect(fe, "INVITE ");
	lines_of(m, "Record-Route", routes, sizeof(routes));
	party_answer(fe, m, "200 OK", "Contact: <sip:alice@fe.int.test>\r\n",
		"");
	m = party_expect(bob, "SIP/2.0 200 OK");
	expect_has(m, "Contact: <sip:alice@fe.int.test>\r\n");
	/* The ACK: both Routes of ours, and a Request-URI that is no domain
	 * of ours. */
	ck_assert_int_eq(sscanf(routes, "Record-Route: %511s\r\n"
		"Record-Route: %511s", first, second), 2);
	snprintf(text, sizeof(text),
		"ACK sip:alice@fe.int.test SIP/2.0\r\n"
		"Via: SIP/2.0/TLS sip.example.test:5061;branch=z9hG4bKack\r\n"
		"Route: %s\r\nRoute: %s\r\nMax-Forwards: 70\r\n"
		"From: <sip:bob@example.test>;tag=77;epid=1\r\n"
		"To: <sip:alice@example.com>;tag=answerer\r\n"
		"Call-ID: i1\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
		second, first);
	party_send(bob, text);
	m = party_expect(fe, "ACK sip:alice@fe.int.test SIP/2.0");
	expect_lacks(m, "Route: <");
	/* The BYE from inside: there is no server at the partner's port, but
	 * the token leads to its connection. */
	snprintf(text, sizeof(text),
		"BYE sip:bob@10.9.9.9;ms-received-cid=1D5400 SIP/2.0\r\n"
		"Via: SIP/2.0/TLS fe.int.test:5061;branch=z9hG4bKbye\r\n"
		"Route: %s\r\nRoute: %s\r\nMax-Forwards: 70\r\n"
		"From: <sip:alice@example.com>;tag=answerer\r\n"
		"To: <sip:bob@example.test>;tag=77;epid=1\r\n"
		"Call-ID: i1\r\nCSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n",
		first, second);
	party_send(fe, text);
	m = party_expect(bob, "BYE sip:bob@10.9.9.9;ms-received-cid=1D5400");
	party_answer(bob, m, "200 OK", "", "");
	m = party_expect(fe, "SIP/2.0 200 OK");
	expect_has(m, "ms-source-type=AutoFederation");
	lab_fini(&lab);
}
END_TEST

/* A connection is the only way back (docs/protocol, "Transactions"). */
START_TEST(test_answer_to_a_partner_that_hung_up_is_dropped)
{
	struct lab lab;
	struct server edge;
	struct party *fe, *bob;
	const char *m;

	fe = lab_start(&lab, DISCOVERY);
	lab_partner_open(&lab, &edge, "127.0.0.5", "p",
		"DNS:sip.example.test");
	discoverable(&lab, "example.test", "sip.example.test",
		edge.at.port);
	dns_stub_a(&lab.dns, "sip.example.test", "127.0.0.5");
	bob = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
	party_send(bob, message("INVITE", "bob@example.test",
		"alice@example.com", "i1",
		"Contact: <sip:bob@sip.example.test>\r\n"));
	m = party_expect(fe, "INVITE ");
	party_close(bob);
	turn_for_ms(lab.loop, 20);
	party_answer(fe, m, "200 OK", "Contact: <sip:alice@fe.int.test>\r\n",
		"");
	TURN_UNTIL(lab.loop, counter_get(&lab.counters,
		COUNTER_RESPONSES_DROPPED) == 1);
	turn_for_ms(lab.loop, 50);
	ck_assert_uint_eq(edge.count, 0); /* nobody was dialled for it */
	/* What is new goes to the domain's edge. */
	party_send(fe, outgoing("MESSAGE", "bob@example.test", "o1", ""));
	party_expect(server_dialled(&edge), "MESSAGE ");
	server_close(&edge);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S10_who_is_refused_learns_nothing)
{
	static const struct {
		const char *san;
		const char *from;
		const char *to;
		const char *step;
	} rows[] = {
		{"DNS:sip.other.test", "bob@example.test",
			"alice@example.com", "certificate-name"},
		{"DNS:sip.wrong.test", "bob@wrong.test",
			"alice@example.com", "parent-domain"},
		{"DNS:sip.nowhere.test", "bob@nowhere.test",
			"alice@example.com", "srv"},
		{"DNS:sip.example.test", "bob@blocked.test",
			"alice@example.com", "blocked"},
		{"DNS:sip.example.test", "boss@example.com",
			"alice@example.com", "domain"},
		{"DNS:sip.example.test", "bob@example.test",
			"carl@third.test", "recipient"},
		{"DNS:*.example.test", "bob@example.test",
			"alice@example.com", "certificate-name"},
	};
	struct lab lab;
	struct party *fe;

	fe = lab_start(&lab, "partners: {blocked.test: block}\n" DISCOVERY);
	discoverable(&lab, "example.test", "sip.example.test", 5061);
	discoverable(&lab, "wrong.test", "sip.example.test", 5061);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct party *p = lab_partner_dial(&lab, "p", rows[i].san);
		const char *domain = strchr(rows[i].from, '@') + 1;

		party_send(p, message("MESSAGE", rows[i].from, rows[i].to,
			"m1", ""));
		expect_vague(party_expect(p, "SIP/2.0 504"));
		ck_assert_msg(strcmp(step_of(&lab, domain, DECISION_IN),
			rows[i].step) == 0, "%zu: %s", i, step_of(&lab,
			domain, DECISION_IN));
		party_close(p);
	}
	party_expect_silence(fe, 50);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S9_partner_without_a_good_certificate_is_not_spoken_to)
{
	struct lab lab;
	struct party *p;

	lab_start(&lab, DISCOVERY);
	pki_ca(&lab.pki, "ca2");
	p = party_dial_to(&lab, &lab.partners, lab.ctx_outside, LAB_OUTSIDE);
	/* TLS 1.3 tells it after the handshake. */
	TURN_UNTIL(lab.loop, p->is_ended);
	ck_assert_int_eq(p->end, STREAM_END_TLS);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_port_of_partners_is_closed_without_federation)
{
	struct lab lab;
	struct party *p;

	lab_start(&lab, "");
	p = party_dial_to(&lab, &lab.partners, lab.ctx_outside, LAB_OUTSIDE);
	ck_assert(p->is_ended);
	ck_assert_int_eq(p->end, STREAM_END_CONNECT);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_requests_wait_for_dns_in_their_order)
{
	struct lab lab;
	struct party *fe, *bob;
	char all[16384] = "", id[32];

	fe = lab_start(&lab, DISCOVERY);
	discoverable(&lab, "example.test", "sip.example.test", 5061);
	bob = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
	for (int i = 0; i < 10; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		strcat(all, message("MESSAGE", "bob@example.test",
			"alice@example.com", id, ""));
	}
	party_send(bob, all); /* in one piece */
	for (int i = 0; i < 10; i++) {
		snprintf(id, sizeof(id), "Call-ID: m%d\r\n", i);
		expect_has(party_expect(fe, "MESSAGE "), id);
	}
	ck_assert_uint_eq(lab.dns.asked, 1);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_R23_dns_that_is_silent_holds_nobody_else_up)
{
	struct lab lab;
	struct party *fe, *slow, *fast;

	fe = lab_start(&lab, DISCOVERY
		"partners: {direct.test: {edge: edge.direct.test}}\n");
	lab.dns.is_silent = true;
	slow = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
	fast = lab_partner_dial(&lab, "q", "DNS:edge.direct.test");
	party_send(slow, message("MESSAGE", "bob@example.test",
		"alice@example.com", "slow", ""));
	turn_for_ms(lab.loop, 50);
	party_send(fast, message("MESSAGE", "dan@direct.test",
		"alice@example.com", "fast", ""));
	expect_has(party_expect(fe, "MESSAGE "), "Call-ID: fast\r\n");
	/* The one that waits may hang up. */
	party_close(slow);
	party_expect_silence(fe, 50);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S11_fast_discovered_partner_waits_and_loses_nothing)
{
	struct lab lab;
	struct party *fe, *bob, *dan;
	char id[32];

	fe = lab_start(&lab, SETTINGS(", enable_partner_discovery: true, "
		"discovered_partner_standard_rate: 10") "partners: "
		"{direct.test: {edge: edge.direct.test}}\n");
	discoverable(&lab, "example.test", "sip.example.test", 5061);
	bob = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
	for (int i = 0; i < 25; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		party_send(bob, message("MESSAGE", "bob@example.test",
			"alice@example.com", id, ""));
	}
	TURN_UNTIL(lab.loop, fe->got >= 20); /* the burst */
	dan = lab_partner_dial(&lab, "q", "DNS:edge.direct.test");
	for (int i = 0; i < 25; i++) {
		snprintf(id, sizeof(id), "d%d", i);
		party_send(dan, message("MESSAGE", "dan@direct.test",
			"alice@example.com", id, ""));
	}
	TURN_UNTIL(lab.loop, fe->got >= 20 + 25);
	ck_assert_uint_lt(fe->got, 50); /* bob still waits */
	TURN_UNTIL(lab.loop, fe->got == 50);
	ck_assert_uint_gt(counter_get(&lab.counters, COUNTER_PARTNER_HELD),
		0);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_shared_port_tells_clients_from_partners)
{
	struct lab lab;
	struct party *fe, *bob, *carol;

	lab_shares_port = true;
	fe = lab_start(&lab, DISCOVERY);
	discoverable(&lab, "example.test", "sip.example.test", 5061);
	bob = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
	carol = party_client(&lab);
	party_send(bob, message("MESSAGE", "bob@example.test",
		"alice@example.com", "m1", ""));
	expect_has(party_expect(fe, "MESSAGE "), "AutoFederation");
	party_send(carol, "REGISTER sip:example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 10.1.1.1;branch=z9hG4bKr\r\n"
		"From: <sip:carol@example.com>;tag=1\r\n"
		"To: <sip:carol@example.com>\r\n"
		"Call-ID: r\r\nCSeq: 1 REGISTER\r\n"
		"Contact: <sip:carol@10.1.1.1>\r\n"
		"Content-Length: 0\r\n\r\n");
	expect_has(party_expect(fe, "REGISTER "), "InternetUser");
	/* A client may not speak for a partner on it. */
	party_send(carol, message("MESSAGE", "bob@example.test",
		"alice@example.com", "m2", ""));
	party_expect(carol, "SIP/2.0 403");
	lab_fini(&lab);
	lab_shares_port = false;
}
END_TEST

START_TEST(test_federation_can_be_switched_off_under_partners)
{
	struct lab lab;
	struct party *fe, *bob;
	struct topology *next;
	struct why why = {""};

	fe = lab_start(&lab, DISCOVERY);
	discoverable(&lab, "example.test", "sip.example.test", 5061);
	bob = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
	party_send(bob, message("MESSAGE", "bob@example.test",
		"alice@example.com", "m1", ""));
	party_expect(fe, "MESSAGE ");
	next = lab_topology(&lab, "");
	ck_assert_int_eq(front_apply(lab.front, next, &why), 0);
	ck_assert_int_eq(edge_apply(lab.edge, next, NULL, &why), 0);
	party_expect_end(bob);
	party_send(fe, outgoing("MESSAGE", "bob@example.test", "o1", ""));
	expect_has(party_expect(fe, "SIP/2.0 403"), "1002;");
	topology_unref(next);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_blocking_takes_effect_in_dialogs_at_once)
{
	struct lab lab;
	struct party *fe, *bob;
	struct topology *next;
	struct why why = {""};

	fe = lab_start(&lab, DISCOVERY);
	discoverable(&lab, "example.test", "sip.example.test", 5061);
	bob = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
	party_send(bob, message("MESSAGE", "bob@example.test",
		"alice@example.com", "m1", ""));
	party_expect(fe, "MESSAGE ");
	next = lab_topology(&lab, "partners: {example.test: block}\n"
		DISCOVERY);
	ck_assert_int_eq(edge_apply(lab.edge, next, lab.tls_partner, &why),
		0);
	party_send(bob, message("MESSAGE", "bob@example.test",
		"alice@example.com", "m2", ""));
	expect_vague(party_expect(bob, "SIP/2.0 504"));
	topology_unref(next);
	lab_fini(&lab);
}
END_TEST

int main(void)
{
	RUN_SUITE("access-edge/federation",
		test_message_of_a_discovered_partner_comes_in,
		test_kinds_of_partner_row_by_row_in,
		test_verification_header_of_a_partner_is_read_and_taken_out,
		test_dialog_of_a_partner_goes_both_ways_over_its_connection,
		test_answer_to_a_partner_that_hung_up_is_dropped,
		test_S10_who_is_refused_learns_nothing,
		test_S9_partner_without_a_good_certificate_is_not_spoken_to,
		test_port_of_partners_is_closed_without_federation,
		test_requests_wait_for_dns_in_their_order,
		test_R23_dns_that_is_silent_holds_nobody_else_up,
		test_S11_fast_discovered_partner_waits_and_loses_nothing,
		test_shared_port_tells_clients_from_partners,
		test_federation_can_be_switched_off_under_partners,
		test_blocking_takes_effect_in_dialogs_at_once);
}
