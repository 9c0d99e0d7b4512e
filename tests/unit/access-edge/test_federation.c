/* Whole requests between the inside and other organisations, over real TLS
 * and DNS: what goes through, what each side sees, what is refused. */
#include "tests/unit/access-edge/lab.h"
#include "tests/unit/sip/check_main.h"

#define ON "allow_federated_users: true, allow_targets: [127.0.0.0/8]"
#define SETTINGS(more) "settings: {access-edge: {" ON more "}}\n"
#define DISCOVERY SETTINGS(", enable_partner_discovery: true")
#define FED "_sipfederationtls._tcp."

/* A request of bob's edge to alice; extra are whole lines. */
static const char *message(const char *method, const char *from,
	const char *to, const char *id, const char *extra)
{
	static char text[4096];

	snprintf(text, sizeof(text),
		"%s sip:%s SIP/2.0\r\n"
		"Via: SIP/2.0/TLS sip.example.test:5061;branch=z9hG4bK%s\r\n"
		"Max-Forwards: 68\r\n"
		"From: <sip:%s>;tag=77;epid=1\r\n"
		"To: <sip:%s>\r\n"
		"Call-ID: %s\r\n"
		"CSeq: 1 %s\r\n"
		"%s"
		"Content-Type: text/plain\r\n"
		"Content-Length: 5\r\n\r\nhello",
		method, to, id, from, to, id, method, extra);
	return text;
}

/* From inside to a user elsewhere. */
static const char *outgoing(const char *method, const char *to,
	const char *id, const char *extra)
{
	static char text[4096];

	snprintf(text, sizeof(text),
		"%s sip:%s SIP/2.0\r\n"
		"Via: SIP/2.0/TLS fe.int.test:5061;branch=z9hG4bK%s\r\n"
		"Max-Forwards: 70\r\n"
		"From: <sip:alice@example.com>;tag=a1\r\n"
		"To: <sip:%s>\r\n"
		"Call-ID: %s\r\n"
		"CSeq: 1 %s\r\n"
		"Contact: <sip:alice@fe.int.test>\r\n"
		"%s"
		"Content-Length: 0\r\n\r\n",
		method, to, id, to, id, method, extra);
	return text;
}

static void discoverable(struct lab *lab, const char *domain,
	const char *target, uint16_t port)
{
	char name[128];

	snprintf(name, sizeof(name), FED "%s", domain);
	dns_stub_srv(&lab->dns, name, target, port);
}

/* Nothing but the bare answer: no word about why. */
static void expect_vague(const char *answer)
{
	expect_lacks(answer, "ms-diagnostics");
	expect_lacks(answer, "ms-edge-proxy");
	expect_lacks(answer, "Warning");
	expect_lacks(answer, "Reason");
	expect_has(answer, "SIP/2.0 504 Server Time-out\r\n");
}

static const char *step_of(const struct lab *lab, const char *domain,
	enum decision_way way)
{
	const struct decision_domain *d = decisions_find(
		&lab->edge->federation->decisions, str_of(domain));
	const struct federate_report *r;

	if (d == NULL || d->ways[way].report.count == 0)
		return "none";
	r = &d->ways[way].report;
	return federate_step_name(r->rows[r->count - 1].step);
}

/* ---- in ------------------------------------------------------------------ */

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
		{"DNS:sip.example.test", "bob@wrong.test",
			"alice@example.com", "parent-domain"},
		{"DNS:sip.example.test", "bob@nowhere.test",
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

/* ---- out ----------------------------------------------------------------- */

START_TEST(test_request_to_an_allowed_partner_goes_out)
{
	struct lab lab;
	struct server edge;
	struct party *fe, *p;
	const char *m;

	fe = lab_start(&lab, "partners: {example.test: allow}\n"
		SETTINGS(""));
	lab_partner_open(&lab, &edge, "127.0.0.5", "p",
		"DNS:sip.example.test");
	discoverable(&lab, "example.test", "sip.example.test",
		edge.at.port);
	dns_stub_a(&lab.dns, "sip.example.test", "127.0.0.5");
	party_send(fe, outgoing("INVITE", "bob@example.test", "o1",
		"ms-diagnostics: 1;reason=\"secret\"\r\n"
		"P-Asserted-Identity: <sip:alice@example.com>\r\n"
		"P-Asserted-Identity: <sip:x@elsewhere.test>\r\n"));
	p = server_dialled(&edge);
	m = party_expect(p, "INVITE sip:bob@example.test SIP/2.0");
	expect_has(m, "ms-asserted-verification-level: "
		"ms-source-verified-user=verified");
	expect_lacks(m, "secret");
	expect_has(m, "P-Asserted-Identity: <sip:alice@example.com>");
	expect_lacks(m, "elsewhere.test");
	expect_lacks(m, "ms-edge-proxy-message-trust");
	expect_has(m, "Via: SIP/2.0/TLS " LAB_OUTSIDE ":");
	/* Our two values, without a token: we are known by name. */
	expect_has(m, "Record-Route: <sip:" LAB_OUTSIDE ":");
	expect_has(m, "Record-Route: <sip:" LAB_MACHINE ":");
	party_answer(p, m, "486 Busy Here", "", "");
	m = party_expect(fe, "SIP/2.0 486");
	expect_has(m, "ms-source-type=AutoFederation");
	expect_has(m, "ms-diagnostics: 1034;");
	expect_has(m, "Domain=\"example.test\";"
		"PeerServer=\"sip.example.test\"");
	party_expect(p, "ACK ");
	server_close(&edge);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_dialog_out_keeps_to_one_connection_and_comes_back)
{
	struct lab lab;
	struct server edge;
	struct party *fe, *p;
	const char *m;
	char text[8192], host[512];

	fe = lab_start(&lab, "partners: {example.test: allow}\n"
		SETTINGS(""));
	lab_partner_open(&lab, &edge, "127.0.0.5", "p",
		"DNS:sip.example.test");
	discoverable(&lab, "example.test", "sip.example.test",
		edge.at.port);
	dns_stub_a(&lab.dns, "sip.example.test", "127.0.0.5");
	party_send(fe, outgoing("INVITE", "bob@example.test", "o1", ""));
	p = server_dialled(&edge);
	m = party_expect(p, "INVITE ");
	snprintf(host, sizeof(host), "Record-Route: <sip:127.0.0.5:%u;lr>\r\n"
		"Contact: <sip:bob@10.8.8.8>\r\n", edge.at.port);
	party_answer(p, m, "200 OK", host, "");
	party_expect(fe, "SIP/2.0 200 OK");
	/* Of the same dialog: the partner's own Route, by address. */
	snprintf(text, sizeof(text),
		"BYE sip:bob@10.8.8.8 SIP/2.0\r\n"
		"Via: SIP/2.0/TLS fe.int.test:5061;branch=z9hG4bKbye\r\n"
		"Route: <sip:" LAB_MACHINE ":%u;transport=tls;lr>\r\n"
		"Route: <sip:" LAB_OUTSIDE ":%u;transport=tls;lr>\r\n"
		"Route: <sip:127.0.0.5:%u;lr>\r\nMax-Forwards: 70\r\n"
		"From: <sip:alice@example.com>;tag=a1\r\n"
		"To: <sip:bob@example.test>;tag=answerer\r\n"
		"Call-ID: o1\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n",
		lab.inside.port, lab.partners.port, edge.at.port);
	party_send(fe, text);
	m = party_expect(p, "BYE sip:bob@10.8.8.8 SIP/2.0");
	snprintf(text, sizeof(text), "Route: <sip:127.0.0.5:%u;lr>\r\n",
		edge.at.port);
	expect_has(m, text);
	ck_assert_uint_eq(edge.count, 1);
	server_close(&edge);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_outgoing_connections_spread_dialogs_and_are_counted)
{
	struct lab lab;
	struct server edge;
	struct party *fe;
	char id[32];
	size_t heard = 0;

	fe = lab_start(&lab, "partners: {example.test: allow}\n" SETTINGS(
		", outgoing_tls_count_for_federated_partners: 2"));
	lab_partner_open(&lab, &edge, "127.0.0.5", "p",
		"DNS:sip.example.test");
	discoverable(&lab, "example.test", "sip.example.test",
		edge.at.port);
	dns_stub_a(&lab.dns, "sip.example.test", "127.0.0.5");
	for (int i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "call%d", i);
		party_send(fe, outgoing("MESSAGE", "bob@example.test", id,
			""));
	}
	for (int turn = 0; turn < 400 && heard < 40; turn++) {
		turn_for_ms(lab.loop, 10);
		heard = 0;
		for (size_t i = 0; i < edge.count; i++)
			heard += edge.accepted[i]->got;
	}
	ck_assert_uint_eq(heard, 40);
	ck_assert_uint_eq(edge.count, 2);
	ck_assert_uint_gt(edge.accepted[0]->got, 5);
	ck_assert_uint_gt(edge.accepted[1]->got, 5);
	server_close(&edge);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_R27_connection_of_a_partner_is_used_for_it_and_only_for_it)
{
	struct lab lab;
	struct party *fe, *bob, *eve;

	fe = lab_start(&lab, SETTINGS("") "partners: {example.test: {edge: "
		"edge.example.test}}\n");
	dns_stub_a(&lab.dns, "edge.example.test", "127.0.0.1");
	eve = lab_partner_dial(&lab, "q", "DNS:edge.evil.test");
	bob = lab_partner_dial(&lab, "p", "DNS:edge.example.test");
	/* Nobody listens at port 5061 of that address; bob is here. */
	party_send(fe, outgoing("MESSAGE", "bob@example.test", "o1", ""));
	party_expect(bob, "MESSAGE ");
	party_expect_silence(eve, 20);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S12_name_that_leads_inside_is_not_followed)
{
	static const char *const addresses[] = {"10.0.0.20", "127.0.0.1",
		"169.254.169.254", "192.168.1.1", "100.64.0.1", "224.0.0.1"};
	struct lab lab;
	struct party *fe;
	char name[32], host[64], to[64];
	const char *m;

	fe = lab_start(&lab, "settings: {access-edge: {allow_federated_users:"
		" true, enable_partner_discovery: true}}\n");
	for (size_t i = 0; i < ARRAY_COUNT(addresses); i++) {
		snprintf(name, sizeof(name), "d%zu.test", i);
		snprintf(host, sizeof(host), "sip.%s", name);
		snprintf(to, sizeof(to), "bob@%s", name);
		discoverable(&lab, name, host, lab.hop_port);
		dns_stub_a(&lab.dns, host, addresses[i]);
		party_send(fe, outgoing("MESSAGE", to, name, ""));
		m = party_expect(fe, "SIP/2.0 504");
		expect_has(m, "ms-diagnostics: 1014;");
		ck_assert_str_eq(step_of(&lab, name, DECISION_OUT),
			"address");
	}
	ck_assert_uint_eq(counter_get(&lab.counters,
		COUNTER_PARTNER_ADDRESSES_REFUSED), ARRAY_COUNT(addresses));
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S10_wrong_certificate_of_a_partner_is_told_inside_only)
{
	struct lab lab;
	struct server edge;
	struct party *fe;
	const char *m;

	fe = lab_start(&lab, "partners: {example.test: allow}\n"
		SETTINGS(""));
	lab_partner_open(&lab, &edge, "127.0.0.5", "p",
		"DNS:mail.example.test");
	discoverable(&lab, "example.test", "sip.example.test",
		edge.at.port);
	dns_stub_a(&lab.dns, "sip.example.test", "127.0.0.5");
	party_send(fe, outgoing("MESSAGE", "bob@example.test", "o1", ""));
	m = party_expect(fe, "SIP/2.0 504");
	expect_has(m, "ms-diagnostics: 1010;reason=\"Certificate trust with "
		"another server could not be established\";ErrorType=\"The "
		"peer certificate does not contain a matching FQDN\";"
		"tls-target=\"sip.example.test\";"
		"PeerServer=\"mail.example.test\";source=\"" LAB_OUTSIDE
		"\"\r\n");
	expect_has(m, "ms-source-type=EdgeProxyGenerated");
	ck_assert_str_eq(step_of(&lab, "example.test", DECISION_OUT), "tls");
	ck_assert_uint_eq(edge.accepted[0]->got, 0); /* it heard nothing */
	server_close(&edge);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_second_server_is_tried_and_failures_have_their_number)
{
	struct lab lab;
	struct server edge;
	struct party *fe;
	const char *m;
	uint64_t failures;

	fe = lab_start(&lab, "partners: {example.test: allow, gone.test: "
		"allow, noname.test: allow}\n" SETTINGS(""));
	lab_partner_open(&lab, &edge, "127.0.0.5", "p",
		"DNS:sip2.example.test");
	discoverable(&lab, "example.test", "sip1.example.test", 1);
	lab.dns.rows[lab.dns.count - 1].priority = 1;
	discoverable(&lab, "example.test", "sip2.example.test",
		edge.at.port);
	lab.dns.rows[lab.dns.count - 1].priority = 2;
	dns_stub_a(&lab.dns, "sip1.example.test", "127.0.0.5");
	dns_stub_a(&lab.dns, "sip2.example.test", "127.0.0.5");
	party_send(fe, outgoing("MESSAGE", "bob@example.test", "o1", ""));
	party_expect(server_dialled(&edge), "MESSAGE ");
	discoverable(&lab, "gone.test", "sip.gone.test", 1);
	dns_stub_a(&lab.dns, "sip.gone.test", "127.0.0.5");
	party_send(fe, outgoing("MESSAGE", "bob@gone.test", "o2", ""));
	m = party_expect(fe, "SIP/2.0 504");
	expect_has(m, "ms-diagnostics: 1046;");
	/* Left out for a while: the next one is told at once, and nobody is
	 * dialled for it. */
	failures = counter_get(&lab.counters, COUNTER_PARTNER_FAILURES);
	party_send(fe, outgoing("MESSAGE", "bob@gone.test", "o3", ""));
	m = party_expect(fe, "SIP/2.0 504");
	expect_has(m, "ms-diagnostics: 1046;");
	ck_assert_uint_eq(counter_get(&lab.counters,
		COUNTER_PARTNER_FAILURES), failures);
	discoverable(&lab, "noname.test", "sip.noname.test", 1);
	party_send(fe, outgoing("MESSAGE", "bob@noname.test", "o4", ""));
	m = party_expect(fe, "SIP/2.0 504");
	expect_has(m, "ms-diagnostics: 1014;");
	party_send(fe, outgoing("MESSAGE", "bob@unlisted.test", "o5", ""));
	m = party_expect(fe, "SIP/2.0 403");
	expect_has(m, "ms-diagnostics: 1005;");
	server_close(&edge);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_R23_port_that_swallows_packets_delays_nobody_else)
{
	struct lab lab;
	struct server edge, hole;
	struct party *fe, *p;
	struct mono began;
	char id[32];

	fe = lab_start(&lab, "partners: {example.test: allow, hole.test: "
		"allow}\n" SETTINGS(""));
	lab_partner_open(&lab, &edge, "127.0.0.5", "p",
		"DNS:sip.example.test");
	/* Takes connections and says nothing, not even TLS. */
	lab_partner_open(&lab, &hole, "127.0.0.6", "h", "DNS:sip.hole.test");
	loop_fd_free(hole.watch);
	hole.watch = NULL;
	discoverable(&lab, "example.test", "sip.example.test",
		edge.at.port);
	dns_stub_a(&lab.dns, "sip.example.test", "127.0.0.5");
	discoverable(&lab, "hole.test", "sip.hole.test", hole.at.port);
	dns_stub_a(&lab.dns, "sip.hole.test", "127.0.0.6");
	party_send(fe, outgoing("MESSAGE", "bob@example.test", "warm", ""));
	p = server_dialled(&edge);
	party_expect(p, "MESSAGE ");
	for (int i = 0; i < 300; i++) {
		snprintf(id, sizeof(id), "h%d", i);
		party_send(fe, outgoing("MESSAGE", "x@hole.test", id, ""));
	}
	began = mono_now();
	for (int i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "e%d", i);
		party_send(fe, outgoing("MESSAGE", "bob@example.test", id,
			""));
	}
	TURN_UNTIL(lab.loop, counter_get(&lab.counters,
		COUNTER_REQUESTS_FORWARDED) >= 21);
	ck_assert_int_lt(mono_since_ms(began, mono_now()), 1000);
	/* The queue for one address is bounded: the rest was told at once. */
	ck_assert_uint_gt(fe->got, 0);
	expect_has(party_expect(fe, "SIP/2.0 504"), "1046;");
	server_close(&edge);
	server_close(&hole);
	lab_fini(&lab);
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
		test_verification_header_of_a_partner_is_read_and_taken_out,
		test_dialog_of_a_partner_goes_both_ways_over_its_connection,
		test_S10_who_is_refused_learns_nothing,
		test_S9_partner_without_a_good_certificate_is_not_spoken_to,
		test_port_of_partners_is_closed_without_federation,
		test_requests_wait_for_dns_in_their_order,
		test_R23_dns_that_is_silent_holds_nobody_else_up,
		test_S11_fast_discovered_partner_waits_and_loses_nothing,
		test_shared_port_tells_clients_from_partners,
		test_request_to_an_allowed_partner_goes_out,
		test_dialog_out_keeps_to_one_connection_and_comes_back,
		test_outgoing_connections_spread_dialogs_and_are_counted,
		test_R27_connection_of_a_partner_is_used_for_it_and_only_for_it,
		test_S12_name_that_leads_inside_is_not_followed,
		test_S10_wrong_certificate_of_a_partner_is_told_inside_only,
		test_second_server_is_tried_and_failures_have_their_number,
		test_R23_port_that_swallows_packets_delays_nobody_else,
		test_federation_can_be_switched_off_under_partners,
		test_blocking_takes_effect_in_dialogs_at_once);
}
