/* Whole requests from inside on their way to other organisations, over real
 * TLS and DNS, and the test of one. */
#include "access-edge/partner_test.h"
#include "tests/unit/access-edge/federation.h"
#include "tests/unit/check_main.h"

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
	/* Our two values: the outer one without a token, we are known by
	 * name; the inner one proves later that there is a dialog. */
	expect_has(m, "Record-Route: <sip:" LAB_OUTSIDE ":");
	expect_lacks(m, "Record-Route: <sip:" LAB_MACHINE ":");
	expect_has(m, "@" LAB_MACHINE ":");
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

/* The table of access-edge.md 5.1: how each kind's edge is found. Direct
 * partners alone are reached without a record. */
START_TEST(test_kinds_of_partner_row_by_row_out)
{
	static const struct {
		const char *domain;
		const char *host;
		const char *ip;
		const char *san;
		enum partner_kind kind;
	} rows[] = {
		{"listed.test", "sip.listed.test", "127.0.0.5",
			"DNS:sip.listed.test", PARTNER_ALLOWED},
		{"found.test", "sip.found.test", "127.0.0.6",
			"DNS:sip.found.test", PARTNER_DISCOVERED},
		{"hosted.test", "edge.cloud.test", "127.0.0.7",
			"DNS:edge.cloud.test", PARTNER_PROVIDER},
		{"direct.test", "edge.elsewhere.test", "127.0.0.1",
			"DNS:edge.elsewhere.test", PARTNER_DIRECT},
	};
	struct server edges[ARRAY_COUNT(rows)];
	struct party *fe, *p;
	struct lab lab;

	fe = lab_start(&lab, "partners: {direct.test: {edge: "
		"edge.elsewhere.test}, listed.test: allow}\n"
		"providers: {cloud: {proxy: edge.cloud.test}}\n" DISCOVERY);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		bool is_direct = rows[i].kind == PARTNER_DIRECT;
		char to[64];

		if (!is_direct) {
			lab_partner_open(&lab, &edges[i], rows[i].ip, "p",
				rows[i].san);
			discoverable(&lab, rows[i].domain, rows[i].host,
				edges[i].at.port);
		}
		dns_stub_a(&lab.dns, rows[i].host, rows[i].ip);
		/* Nobody listens at 5061 here: it has dialled us. */
		p = is_direct ? lab_partner_dial(&lab, "q", rows[i].san) :
			NULL;
		snprintf(to, sizeof(to), "bob@%s", rows[i].domain);
		party_send(fe, outgoing("MESSAGE", to, rows[i].domain, ""));
		party_expect(p != NULL ? p : server_dialled(&edges[i]),
			"MESSAGE ");
		ck_assert_int_eq(decisions_find(
			&lab.edge->federation->decisions, str_of(
			rows[i].domain))->ways[DECISION_OUT].kind,
			rows[i].kind);
	}
	for (size_t i = 0; i < ARRAY_COUNT(rows) - 1; i++)
		server_close(&edges[i]);
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

/* What a test of a partner found last. */
struct tested {
	int called;
	bool ok;
	enum federate_step step;
	char text[200];
	char server[256];
};

static void on_tested(const struct federate_plan *plan, const char *server,
	int64_t took_ms, void *arg)
{
	struct tested *t = arg;
	const struct federate_finding *row =
		&plan->report.rows[plan->report.count - 1];

	(void)took_ms;
	t->called++;
	t->ok = plan->result == FEDERATE_PASSED;
	t->step = row->step;
	snprintf(t->text, sizeof(t->text), "%s", row->text);
	snprintf(t->server, sizeof(t->server), "%s", server);
}

static void begin(struct lab *lab, const char *domain, const char *proxy,
	struct tested *t)
{
	memset(t, 0, sizeof(*t));
	ck_assert_int_eq(partner_test_begin(lab->edge, str_of(domain),
		str_of(proxy), on_tested, t), 0);
	ck_assert_int_eq(t->called, 0);
}

START_TEST(test_a_test_of_a_partner_walks_the_whole_way)
{
	struct lab lab;
	struct server edge;
	struct party *p;
	struct tested t;
	const char *m;

	lab_start(&lab, "partners: {example.test: allow, bad.test: block}\n"
		SETTINGS(""));
	lab_partner_open(&lab, &edge, "127.0.0.5", "p",
		"DNS:sip.example.test");
	discoverable(&lab, "example.test", "sip.example.test",
		edge.at.port);
	dns_stub_a(&lab.dns, "sip.example.test", "127.0.0.5");
	begin(&lab, "example.test", "", &t);
	p = server_dialled(&edge);
	m = party_expect(p, "OPTIONS sip:example.test SIP/2.0");
	expect_has(m, "From: <sip:example.com>;tag="); /* of ours */
	party_answer(p, m, "100 Trying", "", "");
	party_answer(p, m, "404 Not Found", "", "");
	TURN_UNTIL(lab.loop, t.called > 0);
	ck_assert_msg(t.ok && t.step == FEDERATE_ANSWER, "%s", t.text);
	ck_assert_str_eq(t.server, "sip.example.test");
	/* 504 is what those say who do not let us in. */
	begin(&lab, "example.test", "", &t);
	party_answer(p, party_expect(p, "OPTIONS "), "504 Server Time-out",
		"", "");
	TURN_UNTIL(lab.loop, t.called > 0);
	ck_assert(!t.ok && t.step == FEDERATE_ANSWER);
	begin(&lab, "bad.test", "sip.bad.test", &t);
	TURN_UNTIL(lab.loop, t.called > 0);
	ck_assert(!t.ok && t.step == FEDERATE_BLOCKED);
	begin(&lab, "unlisted.test", "", &t);
	TURN_UNTIL(lab.loop, t.called > 0);
	ck_assert(!t.ok && t.step == FEDERATE_LISTED);
	/* As if the topology named this edge: nobody is at 5061 there. */
	begin(&lab, "unlisted.test", "sip.example.test", &t);
	TURN_UNTIL(lab.loop, t.called > 0);
	ck_assert(!t.ok && t.step == FEDERATE_CONNECT);
	/* One that is under way when all goes away. */
	begin(&lab, "example.test", "", &t);
	server_close(&edge);
	lab_fini(&lab);
	ck_assert_int_eq(t.called, 0);
}
END_TEST

int main(void)
{
	RUN_SUITE("access-edge/outbound",
		test_request_to_an_allowed_partner_goes_out,
		test_kinds_of_partner_row_by_row_out,
		test_dialog_out_keeps_to_one_connection_and_comes_back,
		test_outgoing_connections_spread_dialogs_and_are_counted,
		test_R27_connection_of_a_partner_is_used_for_it_and_only_for_it,
		test_S12_name_that_leads_inside_is_not_followed,
		test_S10_wrong_certificate_of_a_partner_is_told_inside_only,
		test_second_server_is_tried_and_failures_have_their_number,
		test_R23_port_that_swallows_packets_delays_nobody_else,
		test_a_test_of_a_partner_walks_the_whole_way);
}
