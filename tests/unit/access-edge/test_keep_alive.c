/*
 * What is agreed about keep-alives: [MS-CONMGMT], RFC 5626, RFC 6223.
 */
#include "tests/unit/access-edge/texts.h"

#define AGREED "ms-keep-alive: UAS; tcp=no; hop-hop=yes; end-end=no; timeout="

/* REGISTER of carol with this Via and another header; its 200. */
static const char *answer_to(struct party *client, struct party *fe,
	const char *via, const char *extra, const char *of_server)
{
	static int n;
	char text[2048];

	n++;
	snprintf(text, sizeof(text), "REGISTER sip:example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 192.168.1.5:41234;branch=z9hG4bKk%d%s\r\n"
		"From: <sip:carol@example.com>;tag=1\r\n"
		"To: <sip:carol@example.com>\r\nCall-ID: k\r\n"
		"CSeq: %d REGISTER\r\n%sContent-Length: 0\r\n\r\n", n, via,
		n, extra);
	party_send(client, text);
	party_answer(fe, party_expect(fe, "REGISTER "), "200 OK", of_server,
		"");
	return party_expect(client, "SIP/2.0 200 OK\r\n");
}

START_TEST(test_keep_alive_of_the_original_is_agreed_with_us)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "settings:\n  access-edge: "
		"{keep_alive_timeout: 90s}\n");
	struct party *client = party_client(&lab);
	const char *m;

	m = answer_to(client, fe, "", "ms-keep-alive: UAC;hop-hop=yes\r\n",
		"");
	expect_has(m, "\r\n" AGREED "90\r\n");
	/* Ours stands in the place of the server's, once. */
	m = answer_to(client, fe, "",
		"ms-keep-alive: UAC; tcp=no; hop-hop=yes\r\n",
		"ms-keep-alive: UAS; tcp=no; hop-hop=yes; end-end=no; "
		"timeout=7\r\n");
	expect_has(m, "\r\n" AGREED "90\r\n");
	expect_lacks(m, "timeout=7");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_keep_alive_nobody_proposed_is_not_answered)
{
	static const char *const others[] = {"",
		"ms-keep-alive: UAC;hop-hop=no\r\n",
		"ms-keep-alive: UAC;end-end=yes\r\n",
		"ms-keep-alive: UAS;hop-hop=yes\r\n",
		"ms-keep-alive: UACx;hop-hop=yes\r\n"};
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = party_client(&lab);

	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		expect_lacks(answer_to(client, fe, "", others[i], ""),
			"ms-keep-alive");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_keep_alive_is_a_setting)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "settings:\n  access-edge: "
		"{enable_white_space_keep_alive: false}\n");
	struct party *client = party_client(&lab);
	const char *m;

	m = answer_to(client, fe, "", "ms-keep-alive: UAC;hop-hop=yes\r\n",
		"ms-keep-alive: UAS;timeout=7\r\n");
	expect_has(m, "\r\nms-keep-alive: UAS;timeout=7\r\n");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_rfc6223_keep_gets_a_value)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "settings:\n  access-edge: "
		"{flow_timer: 60s}\n");
	struct party *client = party_client(&lab);
	const char *m;

	m = answer_to(client, fe, ";keep;rport", "", "");
	expect_has(m, ";keep=60\r\n");
	expect_lacks(m, ";keep;");
	/* Who has one has agreed before; who asks for none gets none. */
	m = answer_to(client, fe, ";keep=30", "", "");
	expect_has(m, ";keep=30;");
	m = answer_to(client, fe, "", "", "");
	expect_lacks(m, ";keep");
	lab_fini(&lab);
}
END_TEST

/* RFC 5626 section 4.4.1: at once, also to who never asked. */
START_TEST(test_each_ping_gets_one_pong)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = party_client(&lab);

	party_send(client, "\r\n\r\n");
	TURN_UNTIL(lab.loop, stream_bytes_in(client->stream) >= 2);
	ck_assert_uint_eq(stream_bytes_in(client->stream), 2);
	/* Servers inside may ask, too. */
	party_send(fe, "\r\n\r\n");
	turn_for_ms(lab.loop, 50);
	ck_assert(!fe->is_ended);
	expect_lacks(answer_to(client, fe, "", "", ""), "Flow-Timer");
	lab_fini(&lab);
}
END_TEST

/* The registrar may ask for another interval than ours. */
START_TEST(test_flow_timer_of_the_registrar_stands)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = party_client(&lab);
	const char *m;

	party_send(client, register_new);
	party_answer(fe, party_expect(fe, "REGISTER "), "200 OK",
		"Require: outbound\r\nFlow-Timer: 45\r\n", "");
	m = party_expect(client, "SIP/2.0 200 OK\r\n");
	expect_has(m, "\r\nFlow-Timer: 45\r\n");
	expect_lacks(m, "Flow-Timer: 120");
	lab_fini(&lab);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("access-edge/keep_alive");
	TCase *c = tcase_create("keep_alive");
	SRunner *runner;
	int failed;

	tcase_add_test(c, test_keep_alive_of_the_original_is_agreed_with_us);
	tcase_add_test(c, test_keep_alive_nobody_proposed_is_not_answered);
	tcase_add_test(c, test_keep_alive_is_a_setting);
	tcase_add_test(c, test_rfc6223_keep_gets_a_value);
	tcase_add_test(c, test_each_ping_gets_one_pong);
	tcase_add_test(c, test_flow_timer_of_the_registrar_stands);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
