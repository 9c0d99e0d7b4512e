/* Tests of edgectl/probe_mras.c: the client's view of MS-AVEDGEA. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "common/base/err.h"
#include "edgectl/probe/probe_mras.h"

#define HEAD \
	"<?xml version=\"1.0\"?><response requestID=\"1\" " \
	"version=\"2.0\" serverVersion=\"2.0\" to=\"sip:m@x\" " \
	"from=\"sip:a@x\" reasonPhrase=\"OK\" " \
	"xmlns=\"http://schemas.microsoft.com/2006/09/sip/mrasp\">"
#define CREDENTIALS \
	"<credentialsResponse credentialsRequestID=\"1\">" \
	"<credentials><username>dXNlcg==</username>" \
	"<password>cGFzcw==</password><duration>480</duration></credentials>"
#define RELAYS \
	"<mediaRelayList><mediaRelay><location>intranet</location>" \
	"<hostName>edge.int.x</hostName><udpPort>3478</udpPort>" \
	"<tcpPort>443</tcpPort></mediaRelay><mediaRelay>" \
	"<location>internet</location><hostName>av.x</hostName>" \
	"<udpPort>3479</udpPort></mediaRelay></mediaRelayList>"
#define TAIL "</credentialsResponse></response>"

static struct probe_mras out;
static struct why why;

static int parse(const char *xml, const char *location)
{
	return probe_mras_parse(&out, str_of(xml), location, &why);
}

START_TEST(test_relay_of_the_wanted_side_is_taken)
{
	ck_assert_int_eq(parse(HEAD CREDENTIALS RELAYS TAIL, "internet"), 0);
	ck_assert_str_eq(out.user, "dXNlcg==");
	ck_assert_str_eq(out.password, "cGFzcw==");
	ck_assert_uint_eq(out.minutes, 480);
	ck_assert_str_eq(out.host, "av.x");
	ck_assert_uint_eq(out.udp_port, 3479);
	ck_assert_int_eq(parse(HEAD CREDENTIALS RELAYS TAIL, "intranet"), 0);
	ck_assert_str_eq(out.host, "edge.int.x");
	ck_assert_uint_eq(out.udp_port, 3478);
}
END_TEST

START_TEST(test_a_refusal_is_told_by_its_reason)
{
	ck_assert_int_eq(
		parse("<response requestID=\"1\" "
		      "reasonPhrase=\"Version Mismatch\" "
		"xmlns=\"http://schemas."
		      "microsoft.com/2006/09/sip/mrasp\"/>",
			"internet"),
		EDGE_EREFUSED);
	ck_assert_ptr_nonnull(strstr(why.text, "Version Mismatch"));
}
END_TEST

START_TEST(test_incomplete_answers_are_refused)
{
	ck_assert_int_eq(parse(HEAD "</response>", "internet"),
		EDGE_EMALFORMED);
	ck_assert_int_eq(parse(HEAD CREDENTIALS TAIL, "internet"),
		EDGE_EUNKNOWN);
	ck_assert_int_eq(
		parse(HEAD CREDENTIALS
			"<mediaRelayList><mediaRelay>"
			"<location>internet</location><hostName>av.x</hostName>"
			"<udpPort>0</udpPort></mediaRelay>"
			"</mediaRelayList>" TAIL,
			"internet"),
		EDGE_EUNKNOWN);
	ck_assert_int_eq(parse("", "internet"), EDGE_EMALFORMED);
	ck_assert_int_eq(parse("<response", "internet"), EDGE_EMALFORMED);
	ck_assert_int_eq(parse("<response reasonPhrase=\"OK\"/>", "internet"),
		EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_bombs_are_refused)
{
	char deep[4096] = "";

	ck_assert_int_eq(parse("<!DOCTYPE r [<!ENTITY a \"aaaa\">]>" HEAD
					 CREDENTIALS RELAYS TAIL,
				 "internet"),
		EDGE_EMALFORMED);
	for (int i = 0; i < 200; i++)
		strcat(deep, "<a>");
	ck_assert_int_eq(parse(deep, "internet"), EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_the_request_is_escaped_and_complete)
{
	const struct probe_mras_request request = {
		.id = "7",
		.to = "sip:m@x;opaque=a&b",
		.from = "sip:\"<al>\"@x",
		.location = "intranet",
		.minutes = 30,
	};
	char *body = probe_mras_body(&request);

	ck_assert_ptr_nonnull(body);
	ck_assert_ptr_nonnull(strstr(body, "to=\"sip:m@x;opaque=a&amp;b\""));
	ck_assert_ptr_nonnull(
		strstr(body, "<identity>sip:&quot;&lt;al>&quot;@x</identity>"));
	ck_assert_ptr_nonnull(strstr(body,
		"<location>intranet</location>"
		"<duration>30</duration>"));
	free(body);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/probe_mras");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_relay_of_the_wanted_side_is_taken);
	tcase_add_test(tc, test_a_refusal_is_told_by_its_reason);
	tcase_add_test(tc, test_incomplete_answers_are_refused);
	tcase_add_test(tc, test_bombs_are_refused);
	tcase_add_test(tc, test_the_request_is_escaped_and_complete);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
