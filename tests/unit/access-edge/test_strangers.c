/* Other organisations that mean harm: strangers with a good certificate who
 * make us work, and partners who say that their request is in a dialog. */
#include "access-edge/ctl.h"
#include "tests/unit/access-edge/federation.h"
#include "tests/unit/check_main.h"

START_TEST(test_S11_stranger_can_not_choose_what_dns_is_asked_for)
{
	struct lab lab;
	struct party *p;
	char from[64], id[16];

	lab_start(&lab, DISCOVERY);
	p = lab_partner_dial(&lab, "p", "DNS:sip.evil.test");
	for (int i = 0; i < 20; i++) {
		snprintf(from, sizeof(from), "bob@victim%d.test", i);
		snprintf(id, sizeof(id), "m%d", i);
		party_send(p, message("MESSAGE", from, "alice@example.com",
			id, ""));
		expect_vague(party_expect(p, "SIP/2.0 504"));
	}
	ck_assert_uint_eq(lab.dns.asked, 0);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S7_stranger_who_is_refused_again_and_again_is_let_go)
{
	struct lab lab;
	struct party *p;
	char id[16];

	lab_start(&lab, SETTINGS(", enable_partner_discovery: true, "
		"client_rate: 1, client_burst: 2"));
	p = lab_partner_dial(&lab, "p", "DNS:sip.evil.test");
	for (int i = 0; i < 40 && !p->is_ended; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		party_send(p, message("MESSAGE", "bob@victim.test",
			"alice@example.com", id, ""));
		turn_for_ms(lab.loop, 1);
	}
	TURN_UNTIL(lab.loop, p->is_ended);
	ck_assert_uint_ge(p->got, 20);
	ck_assert_uint_lt(p->got, 25);
	lab_fini(&lab);
}
END_TEST

/* Rows: what comes to nothing without being a request that is refused. */
START_TEST(test_S7_partner_that_sends_rubbish_is_let_go)
{
	static const char *const rows[] = {
		"SIP/2.0 200 OK\r\n"
		"Via: SIP/2.0/TLS " LAB_OUTSIDE ":5061;branch=z9hG4bKnone\r\n"
		"From: <sip:alice@example.com>;tag=1\r\n"
		"To: <sip:bob@example.test>;tag=2\r\n"
		"Call-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
		"MESSAGE sip:alice@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS sip.example.test:5061;branch=z9hG4bKx\r\n"
		"From: nothing that can be read\r\n"
		"To: <sip:alice@example.com>\r\n"
		"Call-ID: x\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n",
		"NEGOTIATE sip:127.0.0.1:5061 SIP/2.0\r\n"
		"Via: SIP/2.0/TLS sip.example.test:5061\r\n"
		"From: <sip:bob@example.test>;tag=1\r\nTo: <sip:a@b.c>\r\n"
		"Call-ID: x\r\nCSeq: 1 NEGOTIATE\r\n"
		"Compression: LZ77-8K\r\nContent-Length: 0\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct lab lab;
		struct party *p;

		lab_start(&lab, SETTINGS(", enable_partner_discovery: true,"
			" client_rate: 1, client_burst: 2"));
		discoverable(&lab, "example.test", "sip.example.test", 5061);
		p = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
		for (int n = 0; n < 40 && !p->is_ended; n++) {
			party_send(p, rows[i]);
			turn_for_ms(lab.loop, 1);
		}
		TURN_UNTIL(lab.loop, p->is_ended);
		lab_fini(&lab);
	}
}
END_TEST

/* Each belongs to the one call that it was asked for. */
START_TEST(test_S7_partner_that_answers_without_end_is_let_go)
{
	static const char *const rows[] = {"180 Ringing", "200 OK"};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct lab lab;
		struct server edge;
		struct party *fe, *p;
		const char *m;
		char invite[8192];

		fe = lab_start(&lab, "partners: {example.test: allow}\n"
			SETTINGS(", client_rate: 1, client_burst: 2"));
		lab_partner_open(&lab, &edge, "127.0.0.5", "p",
			"DNS:sip.example.test");
		discoverable(&lab, "example.test", "sip.example.test",
			edge.at.port);
		dns_stub_a(&lab.dns, "sip.example.test", "127.0.0.5");
		party_send(fe, outgoing("INVITE", "bob@example.test", "o1",
			""));
		p = server_dialled(&edge);
		m = party_expect(p, "INVITE ");
		snprintf(invite, sizeof(invite), "%s", m);
		for (int n = 0; n < 100; n++)
			party_answer(p, invite, rows[i],
				"Contact: <sip:bob@10.8.8.8>\r\n", "");
		TURN_UNTIL(lab.loop, p->is_ended);
		ck_assert_uint_gt(fe->got, 40); /* not for a few */
		server_close(&edge);
		lab_fini(&lab);
	}
}
END_TEST

START_TEST(test_S10_options_of_a_stranger_is_refused_like_anything)
{
	struct lab lab;
	struct party *bob, *eve;
	char to[64];

	lab_start(&lab, DISCOVERY);
	discoverable(&lab, "example.test", "sip.example.test", 5061);
	snprintf(to, sizeof(to), LAB_OUTSIDE ":%u", lab.partners.port);
	eve = lab_partner_dial(&lab, "q", "DNS:sip.evil.test");
	party_send(eve, message("OPTIONS", "example.test", to, "o1", ""));
	expect_vague(party_expect(eve, "SIP/2.0 504"));
	/* A partner may ask whether we are there. */
	bob = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
	party_send(bob, message("OPTIONS", "example.test", to, "o2", ""));
	party_expect(bob, "SIP/2.0 200 OK");
	lab_fini(&lab);
}
END_TEST

/* 481 would say that somebody is there who knows calls. */
START_TEST(test_S10_cancel_of_a_stranger_is_refused_like_anything)
{
	struct lab lab;
	struct party *fe, *bob, *eve;

	fe = lab_start(&lab, DISCOVERY);
	discoverable(&lab, "example.test", "sip.example.test", 5061);
	eve = lab_partner_dial(&lab, "q", "DNS:sip.evil.test");
	party_send(eve, message("CANCEL", "bob@example.test",
		"alice@example.com", "c1", ""));
	expect_vague(party_expect(eve, "SIP/2.0 504"));
	bob = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
	party_send(bob, message("CANCEL", "bob@example.test",
		"alice@example.com", "c2", ""));
	party_expect(bob, "SIP/2.0 481 ");
	party_expect_silence(fe, 50);
	lab_fini(&lab);
}
END_TEST

/* The call was let in; who calls may take it back when his domain is blocked
 * in between. */
START_TEST(test_cancel_of_what_was_let_in_is_heard_when_blocked)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, DISCOVERY);
	struct party *bob;
	struct topology *t;
	struct why why = {""};
	const char *invite, *m;

	discoverable(&lab, "example.test", "sip.example.test", 5061);
	bob = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
	party_send(bob, message("INVITE", "bob@example.test",
		"alice@example.com", "i1", ""));
	invite = party_expect(fe, "INVITE ");
	party_answer(fe, invite, "180 Ringing", "", "");
	party_expect(bob, "SIP/2.0 180 ");
	t = lab_topology(&lab, "partners: {example.test: block}\n" DISCOVERY);
	ck_assert_int_eq(edge_apply(lab.edge, t, lab.tls_partner, &why), 0);
	topology_unref(t);
	party_send(bob, message("CANCEL", "bob@example.test",
		"alice@example.com", "i1", ""));
	party_expect(bob, "SIP/2.0 200 ");
	m = party_expect(fe, "CANCEL ");
	party_answer(fe, m, "200 OK", "", "");
	lab_fini(&lab);
}
END_TEST

/* RFC 3325 knows two; of thousands each would be taken apart (threat S7). */
START_TEST(test_S7_more_identities_than_anybody_has_are_refused)
{
	static const char *const names[] = {"P-Asserted-Identity",
		"P-Asserted-Identity", "Remote-Party-ID"};
	static const unsigned tels[] = {TRUST_IDENTITIES_MAX - 1,
		TRUST_IDENTITIES_MAX, TRUST_IDENTITIES_MAX};
	static const char *const answers[] = {"MESSAGE ", "SIP/2.0 504",
		"MESSAGE "};
	struct lab lab;
	struct party *fe = lab_start(&lab, DISCOVERY);
	struct party *bob;

	discoverable(&lab, "example.test", "sip.example.test", 5061);
	bob = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		const char *m;
		char extra[1024], id[8];
		int at = snprintf(extra, sizeof(extra), "%s: ", names[i]);

		for (unsigned n = 0; n < tels[i]; n++)
			at += snprintf(extra + at, sizeof(extra) -
				(size_t)at, "<tel:+1>, ");
		snprintf(extra + at, sizeof(extra) - (size_t)at,
			"<sip:bob@example.test>\r\n");
		snprintf(id, sizeof(id), "p%zu", i);
		party_send(bob, message("MESSAGE", "bob@example.test",
			"alice@example.com", id, extra));
		m = party_expect(answers[i][0] == 'S' ? bob : fe,
			answers[i]);
		ck_assert_msg((strstr(m, "<tel:+1>") != NULL) == (i == 0),
			"%s", m);
	}
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S11_tag_in_to_does_not_hide_new_recipients)
{
	struct lab lab;
	struct party *fe, *bob;
	char to[128], routes[256], id[16];

	fe = lab_start(&lab, SETTINGS(", enable_partner_discovery: true, "
		"max_contacts_per_discovered_partner: 3"));
	discoverable(&lab, "example.test", "sip.example.test", 5061);
	bob = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
	snprintf(routes, sizeof(routes), "Route: <sip:" LAB_OUTSIDE
		":%u;transport=tls;lr>\r\n", lab.partners.port);
	for (int i = 0; i < 10; i++) {
		char text[4096];
		const char *m;
		size_t at;

		snprintf(to, sizeof(to), "user%d@example.com", i);
		snprintf(id, sizeof(id), "m%d", i);
		m = message("MESSAGE", "bob@example.test", to, id,
			i % 2 == 0 ? routes : "");
		at = (size_t)(strstr(m, "Call-ID") - m) - 2;
		snprintf(text, sizeof(text), "%.*s;tag=x%s", (int)at, m,
			m + at);
		party_send(bob, text);
		if (i < 3)
			party_expect(fe, "MESSAGE ");
		else
			expect_vague(party_expect(bob, "SIP/2.0 504"));
	}
	party_expect_silence(fe, 50);
	lab_fini(&lab);
}
END_TEST

/* Its Request-URI leads elsewhere, its Route is ours, To is ours. */
static const char *transit(const struct lab *lab, const char *to_tag,
	const char *route)
{
	static char text[4096];

	snprintf(text, sizeof(text),
		"INVITE sip:victim@third.test SIP/2.0\r\n"
		"Via: SIP/2.0/TLS sip.example.test:5061;branch=z9hG4bKt%zu\r\n"
		"Route: <sip:" LAB_OUTSIDE ":%u;transport=tls;lr>\r\n%s"
		"Max-Forwards: 70\r\nFrom: <sip:bob@example.test>;tag=77\r\n"
		"To: <sip:alice@example.com>%s\r\n"
		"Call-ID: t1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
		strlen(to_tag) + strlen(route), lab->partners.port, route,
		to_tag);
	return text;
}

START_TEST(test_S14_route_of_ours_does_not_make_us_a_transit)
{
	struct lab lab;
	struct party *fe, *bob;
	char route[256];

	fe = lab_start(&lab, DISCOVERY);
	discoverable(&lab, "example.test", "sip.example.test", 5061);
	bob = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
	party_send(bob, transit(&lab, "", ""));
	expect_vague(party_expect(bob, "SIP/2.0 504"));
	party_send(bob, transit(&lab, ";tag=x", ""));
	expect_vague(party_expect(bob, "SIP/2.0 504"));
	/* A token that nobody has signed. */
	snprintf(route, sizeof(route), "Route: <sip:AQAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAAAAAAAAA@" LAB_MACHINE ":%u;lr>\r\n", lab.inside.port);
	party_send(bob, transit(&lab, ";tag=x", route));
	expect_vague(party_expect(bob, "SIP/2.0 504"));
	party_expect_silence(fe, 50);
	lab_fini(&lab);
}
END_TEST

/* The routes of a dialog that began inside lead back into it. */
START_TEST(test_partner_goes_on_in_a_dialog_that_began_inside)
{
	struct lab lab;
	struct server edge;
	struct party *fe, *p;
	char routes[2048], first[512], second[512], text[4096];
	const char *m;

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
	lines_of(m, "Record-Route", routes, sizeof(routes));
	ck_assert_int_eq(sscanf(routes, "Record-Route: %511s\r\n"
		"Record-Route: %511s", first, second), 2);
	party_answer(p, m, "200 OK", "Contact: <sip:bob@10.8.8.8>\r\n", "");
	party_expect(fe, "SIP/2.0 200 OK");
	snprintf(text, sizeof(text),
		"BYE sip:alice@fe.int.test SIP/2.0\r\n"
		"Via: SIP/2.0/TLS sip.example.test:5061;branch=z9hG4bKb\r\n"
		"Route: %s\r\nRoute: %s\r\nMax-Forwards: 70\r\n"
		"From: <sip:bob@example.test>;tag=answerer\r\n"
		"To: <sip:alice@example.com>;tag=a1\r\n"
		"Call-ID: o1\r\nCSeq: 7 BYE\r\nContent-Length: 0\r\n\r\n",
		first, second);
	party_send(p, text);
	m = party_expect(fe, "BYE sip:alice@fe.int.test SIP/2.0");
	expect_lacks(m, "\r\nRoute: <");
	server_close(&edge);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_negotiate_of_a_partner_is_no_refusal)
{
	struct lab lab;
	struct party *p;

	lab_start(&lab, DISCOVERY);
	p = lab_partner_dial(&lab, "p", "DNS:sip.example.test");
	party_send(p, message("NEGOTIATE", "192.0.2.1", "192.0.2.2", "n1",
		""));
	party_expect(p, "SIP/2.0 488 Compression");
	ck_assert_uint_eq(counter_get(&lab.counters,
		COUNTER_PARTNER_REFUSED), 0);
	ck_assert_uint_eq(lab.edge->federation->watch.rejected_count, 0);
	lab_fini(&lab);
}
END_TEST

/* Else a Call-ID or a subject hides its sender from edgectl. */
START_TEST(test_bytes_that_are_no_text_do_not_spoil_an_answer)
{
	static const char *const rows[][2] = {
		{"", ""}, {"a@b", "a@b"}, {"\xd0\x96", "\xd0\x96"},
		{"a\xff" "b", "a?b"}, {"cut \xd0", "cut ?"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		json_t *text = ctl_text(str_of(rows[i][0]));

		ck_assert_ptr_nonnull(text);
		ck_assert_str_eq(json_string_value(text), rows[i][1]);
		json_decref(text);
	}
}
END_TEST

int main(void)
{
	RUN_SUITE("access-edge/strangers",
		test_S11_stranger_can_not_choose_what_dns_is_asked_for,
		test_S7_stranger_who_is_refused_again_and_again_is_let_go,
		test_S7_partner_that_sends_rubbish_is_let_go,
		test_S7_partner_that_answers_without_end_is_let_go,
		test_S10_options_of_a_stranger_is_refused_like_anything,
		test_S10_cancel_of_a_stranger_is_refused_like_anything,
		test_cancel_of_what_was_let_in_is_heard_when_blocked,
		test_S7_more_identities_than_anybody_has_are_refused,
		test_S11_tag_in_to_does_not_hide_new_recipients,
		test_S14_route_of_ours_does_not_make_us_a_transit,
		test_partner_goes_on_in_a_dialog_that_began_inside,
		test_negotiate_of_a_partner_is_no_refusal,
		test_bytes_that_are_no_text_do_not_spoil_an_answer);
}
