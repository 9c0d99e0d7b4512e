/*
 * Whole calls through the proxy over real TLS: what arrives on the other
 * side, message by message.
 */
#include "tests/unit/access-edge/texts.h"

START_TEST(test_register_of_an_old_client_gets_path_contact_and_marks)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = party_client(&lab);
	const struct addr *me = stream_local(client->stream);
	char want[256];
	const char *m;

	party_send(client, register_old);
	m = party_expect(fe, "REGISTER sip:example.com SIP/2.0\r\n");
	expect_has(m, "Via: SIP/2.0/TLS edge.int.test:");
	expect_has(m, ";branched=FALSE\r\nVia: SIP/2.0/TLS "
		"192.168.1.190:58350;received=127.0.0.1;ms-received-port=");
	expect_has(m, "Path: <sip:");
	expect_has(m, "Record-Route: <sip:");
	expect_has(m, "Supported: gruu-10, adhoclist\r\nSupported: "
		"msrtc-event-categories\r\nSupported: path\r\n");
	expect_has(m, "Max-Forwards: 69\r\n");
	expect_has(m, "ms-keep-alive: UAC;hop-hop=yes\r\n");
	expect_has(m, "ms-edge-proxy-message-trust: ms-source-type="
		"InternetUser;ms-ep-fqdn=edge.int.test;"
		"ms-source-verified-user=unverified\r\n");
	expect_lacks(m, "AuthorizedServer");
	expect_lacks(m, "P-Asserted-Identity");
	expect_lacks(m, "proxy=replace");
	snprintf(want, sizeof(want), "Contact: <sip:127.0.0.1:%u;"
		"transport=tls;ms-opaque=9b1c;ms-received-cid=", me->port);
	expect_has(m, want);
	expect_has(m, ">;methods=\"INVITE, MESSAGE\";"
		"+sip.instance=\"<urn:uuid:11111111>\"\r\n");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_answers_to_a_client_carry_logon_data_and_keep_alive)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = party_client(&lab);
	const char *m;

	party_send(client, register_old);
	party_answer(fe, party_expect(fe, "REGISTER "), "401 Unauthorized",
		"WWW-Authenticate: NTLM realm=\"SIP\", version=4\r\n"
		"WWW-Authenticate: TLS-DSK realm=\"SIP\", version=4\r\n",
		"");
	m = party_expect(client, "SIP/2.0 401 Unauthorized\r\n"
		"ms-user-logon-data: RemoteUser\r\n"
		"Via: SIP/2.0/TLS 192.168.1.190:58350;received=127.0.0.1;");
	expect_has(m, "WWW-Authenticate: NTLM realm=\"SIP\", version=4\r\n"
		"WWW-Authenticate: TLS-DSK realm=\"SIP\", version=4\r\n");
	expect_has(m, "ms-keep-alive: UAS; tcp=no; hop-hop=yes; "
		"end-end=no; timeout=300\r\n");
	expect_lacks(m, "edge.int.test:5061;branch");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_register_with_outbound_gets_ob_and_flow_timer)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = party_client(&lab);
	const char *m;

	party_send(client, register_new);
	m = party_expect(fe, "REGISTER ");
	expect_lacks(m, "\r\nRoute:");
	expect_has(m, ";transport=tls;lr;ob>\r\n");
	expect_has(m, "Contact: <sip:carol@192.168.1.5:41234;transport=tls;"
		"ob>;reg-id=1;");
	expect_has(m, "branch=z9hG4bKc1;rport=");
	party_answer(fe, m, "200 OK", "Require: outbound\r\n", "");
	m = party_expect(client, "SIP/2.0 200 OK\r\n");
	expect_has(m, "Flow-Timer: 120\r\n");
	expect_has(m, "Require: outbound\r\n");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_registrar_without_outbound_gets_no_flow_timer_added)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = party_client(&lab);
	const char *m;

	party_send(client, register_new);
	m = party_expect(fe, "REGISTER ");
	party_answer(fe, m, "200 OK", "", "");
	m = party_expect(client, "SIP/2.0 200 OK\r\n");
	expect_lacks(m, "Flow-Timer");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_call_from_outside_is_recorded_twice_and_follows_its_route)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	char routes[2048], text[4096], rr[2048];
	const char *m;

	party_send(client, invite_text("z9hG4bKinv1", "call-1"));
	m = party_expect(fe, "INVITE sip:bob@example.com SIP/2.0\r\n");
	lines_of(m, "Record-Route", rr, sizeof(rr));
	expect_has(rr, "@edge.int.test:");
	ck_assert(strstr(rr, "@edge.int.test:") <
		strstr(rr, "@sip.test:"));
	expect_has(m, "ms-source-verified-user=verified\r\n");
	expect_has(m, sdp);
	party_answer(fe, m, "180 Ringing", "", "");
	party_expect(client, "SIP/2.0 180 Ringing\r\n");
	party_answer(fe, m, "200 OK", "Contact: <sip:bob@fe.int.test>\r\n",
		sdp);
	m = party_expect(client, "SIP/2.0 200 OK\r\n");
	routes_from(m, true, routes, sizeof(routes));
	ck_assert_str_ne(routes, "");

	snprintf(text, sizeof(text), "ACK sip:bob@fe.int.test SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 192.168.1.5:41234;branch=z9hG4bKack1\r\n"
		"%sMax-Forwards: 70\r\n"
		"From: \"Carol\" <sip:carol@example.com>;tag=c9\r\n"
		"To: <sip:bob@example.com>;tag=answerer\r\n"
		"Call-ID: call-1\r\nCSeq: 7 ACK\r\n"
		"Content-Length: 0\r\n\r\n", routes);
	party_send(client, text);
	m = party_expect(fe, "ACK sip:bob@fe.int.test SIP/2.0\r\n");
	expect_lacks(m, "\r\nRoute:");
	expect_lacks(m, "\r\nRecord-Route:");

	/* The callee hangs up: its route set is as it came. */
	routes_from(fe->inbox[1], false, routes, sizeof(routes));
	snprintf(text, sizeof(text),
		"BYE sip:carol@192.168.1.5:41234;transport=tls;ob SIP/2.0\r\n"
		"Via: SIP/2.0/TLS fe.int.test;branch=z9hG4bKbye1\r\n"
		"%sMax-Forwards: 70\r\n"
		"From: <sip:bob@example.com>;tag=answerer\r\n"
		"To: <sip:carol@example.com>;tag=c9\r\n"
		"Call-ID: call-1\r\nCSeq: 1 BYE\r\n"
		"Content-Length: 0\r\n\r\n", routes);
	party_send(fe, text);
	m = party_expect(client, "BYE sip:carol@192.168.1.5:41234;");
	expect_lacks(m, "\r\nRoute:");
	expect_has(m, "Via: SIP/2.0/TLS sip.test:");
	party_answer(client, m, "200 OK", "", "");
	m = party_expect(fe, "SIP/2.0 200 OK\r\n");
	expect_has(m, "ms-source-type=InternetUser");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_call_to_outside_goes_over_the_flow)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	char route[600], rr[2048];
	const char *m;

	path_route(fe->inbox[0], route, sizeof(route));
	party_send(fe, call_in_text(route, "z9hG4bKin1"));
	m = party_expect(client, "INVITE sip:carol@192.168.1.5:41234;"
		"transport=tls;ob SIP/2.0\r\n");
	expect_lacks(m, "\r\nRoute:");
	expect_has(m, "P-Asserted-Identity: <sip:bob@example.com>\r\n");
	lines_of(m, "Record-Route", rr, sizeof(rr));
	ck_assert(strstr(rr, "@sip.test:") <
		strstr(rr, "@edge.int.test:"));
	party_answer(client, m, "486 Busy Here", "", "");
	/* The edge acknowledges to the client, the server to the edge. */
	m = party_expect(client, "ACK sip:carol@192.168.1.5:41234;");
	expect_has(m, ";tag=answerer\r\n");
	expect_has(m, "CSeq: 1 ACK\r\n");
	party_expect(fe, "SIP/2.0 486 Busy Here\r\n");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_flow_that_is_gone_is_answered_430)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	char route[600];
	const char *m;

	path_route(fe->inbox[0], route, sizeof(route));
	party_close(client);
	turn_for_ms(lab.loop, 100);
	party_send(fe, call_in_text(route, "z9hG4bKin2"));
	m = party_expect(fe, "SIP/2.0 430 Flow Failed\r\n");
	expect_has(m, "ms-diagnostics: 1006;reason=");
	expect_has(m, "ms-source-type=EdgeProxyGenerated");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_ack_to_486_is_absorbed_and_made_downstream)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	const char *m;

	party_send(client, invite_text("", "busy-1"));
	m = party_expect(fe, "INVITE ");
	party_answer(fe, m, "486 Busy Here", "", "");
	m = party_expect(fe, "ACK sip:bob@example.com SIP/2.0\r\n");
	expect_has(m, "To: <sip:bob@example.com>;tag=answerer\r\n");
	party_expect(client, "SIP/2.0 486 ");
	party_send(client, same_hop_text("ACK", "", "busy-1",
		";tag=answerer"));
	TURN_UNTIL(lab.loop, lab.edge->txns.count == 0);
	party_expect_silence(fe, 50);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_invite_gets_100_after_200_ms_and_a_second_2xx_passes)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	const char *m;

	party_send(client, invite_text("z9hG4bKslow", "slow-1"));
	m = party_expect(fe, "INVITE ");
	party_answer(fe, m, "100 Trying", "", "");
	party_expect(client, "SIP/2.0 100 Trying\r\nVia: ");
	expect_lacks(client->last, ";tag=answerer");
	party_answer(fe, m, "200 OK", "", "");
	party_answer(fe, m, "200 OK", "", "");
	party_expect(client, "SIP/2.0 200 ");
	party_expect(client, "SIP/2.0 200 ");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_benotify_passes_without_a_transaction)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	char route[600], text[2048];
	const char *m;

	path_route(fe->inbox[0], route, sizeof(route));
	snprintf(text, sizeof(text),
		"BENOTIFY sip:carol@192.168.1.5:41234 SIP/2.0\r\n"
		"Via: SIP/2.0/TLS fe.int.test;branch=z9hG4bKbe1\r\n"
		"%sMax-Forwards: 70\r\n"
		"From: <sip:carol@example.com>;tag=p1\r\n"
		"To: <sip:carol@example.com>;tag=c1\r\n"
		"Call-ID: be-1\r\nCSeq: 2 BENOTIFY\r\nEvent: presence\r\n"
		"Content-Length: 3\r\n\r\nabc", route);
	party_send(fe, text);
	m = party_expect(client, "BENOTIFY sip:carol@192.168.1.5:41234 ");
	expect_has(m, "\r\n\r\nabc");
	ck_assert_uint_eq(lab.edge->txns.count, 0);
	party_answer(client, m, "200 OK", "", "");
	party_expect_silence(fe, 50);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_service_passes_octet_for_octet)
{
	static const char body[] = "<a>\r\n\t\x01\xc3\xa9 \xff</a>\n";
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = signed_in(&lab, fe);
	char text[4096];
	const char *m;

	snprintf(text, sizeof(text),
		"SERVICE sip:mras@example.com SIP/2.0\r\n"
		"Content-Length:  %zu \r\n"
		"v:SIP/2.0/TLS 192.168.1.5:41234 ;branch=z9hG4bKsvc\r\n"
		"f: \"\xd0\x90 <x>\" <sip:carol@example.com>;tag=s1\r\n"
		"t: <sip:edge@example.com;gruu;opaque=srvr:MRAS:1>\r\n"
		"i: svc-1\r\nCSeq:   9\t SERVICE\r\n"
		"Warning: 399 nonsense \"\r\n  folded;line\"\r\n"
		"X-Odd : kept  \r\n"
		"c: application/msrtc-media-relay-auth+xml\r\n\r\n%s",
		strlen(body), body);
	party_send(client, text);
	m = party_expect(fe, "SERVICE sip:mras@example.com SIP/2.0\r\n");
	expect_has(m, "\r\nContent-Length:  16 \r\n");
	expect_has(m, "f: \"\xd0\x90 <x>\" <sip:carol@example.com>;tag=s1"
		"\r\nt: <sip:edge@example.com;gruu;opaque=srvr:MRAS:1>\r\n"
		"i: svc-1\r\nCSeq:   9\t SERVICE\r\n"
		"Warning: 399 nonsense \"\r\n  folded;line\"\r\n"
		"X-Odd : kept  \r\n"
		"c: application/msrtc-media-relay-auth+xml\r\n");
	ck_assert_str_eq(strstr(m, "\r\n\r\n") + 4, body);
	party_answer(fe, m, "200 OK", "X-Also: this\r\n", body);
	m = party_expect(client, "SIP/2.0 200 OK\r\n");
	ck_assert_str_eq(strstr(m, "\r\n\r\n") + 4, body);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_contact_of_proxy_replace_is_a_way_back)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = party_client(&lab);
	char contact[512], text[2048];
	const char *m;

	party_send(client, register_old);
	m = party_expect(fe, "REGISTER ");
	value_of(m, "Contact", contact, sizeof(contact));
	*strchr(contact, '>') = '\0';
	snprintf(text, sizeof(text), "OPTIONS %s SIP/2.0\r\n"
		"Via: SIP/2.0/TLS fe.int.test;branch=z9hG4bKopt\r\n"
		"From: <sip:fe.int.test>;tag=1\r\n"
		"To: <sip:alice@example.com>\r\n"
		"Call-ID: opt\r\nCSeq: 1 OPTIONS\r\n"
		"Content-Length: 0\r\n\r\n", contact + 1);
	party_send(fe, text);
	party_expect(client, "OPTIONS sip:127.0.0.1:");
	lab_fini(&lab);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("access-edge/proxy");
	TCase *c = tcase_create("proxy");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_test(c,
		test_register_of_an_old_client_gets_path_contact_and_marks);
	tcase_add_test(c,
		test_answers_to_a_client_carry_logon_data_and_keep_alive);
	tcase_add_test(c, test_register_with_outbound_gets_ob_and_flow_timer);
	tcase_add_test(c,
		test_registrar_without_outbound_gets_no_flow_timer_added);
	tcase_add_test(c,
		test_call_from_outside_is_recorded_twice_and_follows_its_route);
	tcase_add_test(c, test_call_to_outside_goes_over_the_flow);
	tcase_add_test(c, test_flow_that_is_gone_is_answered_430);
	tcase_add_test(c, test_ack_to_486_is_absorbed_and_made_downstream);
	tcase_add_test(c,
		test_invite_gets_100_after_200_ms_and_a_second_2xx_passes);
	tcase_add_test(c, test_benotify_passes_without_a_transaction);
	tcase_add_test(c, test_service_passes_octet_for_octet);
	tcase_add_test(c, test_contact_of_proxy_replace_is_a_way_back);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
