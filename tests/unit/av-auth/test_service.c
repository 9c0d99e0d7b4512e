/*
 * One SIP request in, one answer out: [MS-AVEDGEA] over SIP with real
 * messages, wrong ones, repeated ones; nothing secret in the log.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "av-auth/counters.h"
#include "av-auth/service.h"
#include "common/base/log.h"
#include "tests/unit/av-auth/lab.h"

#define BODY_OF(version, location, more)                                    \
	"<request requestID=\"7001\" version=\"" version "\" "              \
	"to=\"sip:edge@test;gruu;opaque=srvr:MRAS:abc\" "                   \
	"from=\"sip:alice@test\" xmlns=\"" AVEDGE_NAMESPACE "\">"           \
	"<credentialsRequest credentialsRequestID=\"7001\">"                \
	"<identity>sip:alice@test</identity>" location more                 \
	"</credentialsRequest></request>"
#define INTERNET "<location>internet</location>"
#define BODY BODY_OF("2.0", INTERNET, "<duration>480</duration>")
#define TYPE "application/msrtc-media-relay-auth+xml"

static struct lab_plain lab;
static struct issue_policy policy;
static struct av_key_ring ring;
static struct rates rates;
static struct counters counters;
static struct service service;
static struct service_from from;
static char *log_text;

static void on_line(const char *line, void *arg)
{
	size_t len = log_text != NULL ? strlen(log_text) : 0;

	(void)arg;
	log_text = realloc(log_text, len + strlen(line) + 2);
	sprintf(log_text + len, "%s\n", line);
}

static void setup(void)
{
	lab_plain_init(&lab);
	lab_set(&lab, "credential_rate", "50");
	issue_policy_from(&policy, &lab.t);
	memset(&ring, 0, sizeof(ring));
	av_key_ring_rotate(&ring, (struct wall){1767225600});
	ck_assert_int_eq(rates_init(&rates, &lab.t, (struct mono){0}),
		0);
	ck_assert_int_eq(counters_init(&counters, AV_AUTH_COUNTERS, COUNT_END),
		0);
	service.policy = &policy;
	service.ring = &ring;
	service.rates = &rates;
	service.counters = &counters;
	ck_assert_int_eq(service_init(&service), 0);
	from = (struct service_from){.server = "fe.int.test", .session = "a1",
		.now = {1000}, .wall = {1767225600}};
	log_set_level(LOG_LEVEL_DEBUG);
	log_capture(on_line, NULL);
}

static void teardown(void)
{
	log_capture(NULL, NULL);
	free(log_text);
	log_text = NULL;
	service_fini(&service);
	counters_fini(&counters);
	rates_fini(&rates);
	lab_plain_fini(&lab);
}

/* A request as a Front End passes it on, with the oddities of the trace. */
static char *request(const char *method, const char *branch,
	const char *headers, const char *body)
{
	size_t len = strlen(body);
	char *text = malloc(len + 4096);

	sprintf(text,
		"%s sip:edge.int.test:5062;grid SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 10.1.0.20:51022;branch=%s;branched=FALSE\r\n"
		"Via: SIP/2.0/TLS 10.1.0.77:50100;ms-received-port=50100;"
		"ms-received-cid=2A00\r\n"
		"Record-Route: <sip:fe.int.test:5061;transport=tls;opaque="
		"state:T;lr>;tag=AB12\r\n"
		"Max-Forwards: 69\r\n"
		"From: \"Alice\"<sip:alice@test>;tag=91c0;epid=0a1b2c3d4e\r\n"
		"To: <sip:edge@test;gruu;opaque=srvr:MRAS:abc>\r\n"
		"Call-ID: 8d1b6f6be7e24d2e\r\n"
		"CSeq: 1 %s\r\n"
		"ms-user-data: ms-publiccloud=FALSE;ms-federation=FALSE\r\n"
		"%s"
		"Content-Length: %zu\r\n\r\n%s",
		method, branch, method, headers, len, body);
	return text;
}

/* The answer as text on the heap, "" for none. */
static char *ask(const char *text)
{
	struct sip_fault fault;
	struct sip_msg *m;
	struct str reply;

	ck_assert_msg(sip_msg_parse(&m, str_of(text), &fault) == 0, "%s",
		fault.cause);
	ck_assert_int_eq(service_answer(&service, m, &from, &reply), 0);
	sip_msg_free(m);
	return strndup(reply.p != NULL ? reply.p : "", reply.n);
}

static char *ask_service(const char *branch, const char *headers,
	const char *body)
{
	char *text = request("SERVICE", branch, headers, body);
	char *reply = ask(text);

	free(text);
	return reply;
}

static void assert_has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "no '%s' in: %s", part,
		text);
}

static void assert_lacks(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) == NULL, "'%s' in: %s", part, text);
}

#define CT "Content-Type: " TYPE "\r\n"

START_TEST(test_service_is_answered_with_credentials)
{
	char *reply = ask_service("z9hG4bK1", CT, BODY);

	ck_assert_int_eq(strncmp(reply, "SIP/2.0 200 OK\r\n", 16), 0);
	assert_has(reply, "Via: SIP/2.0/TLS 10.1.0.20:51022;branch=z9hG4bK1");
	assert_has(reply, "Via: SIP/2.0/TLS 10.1.0.77:50100;ms-received-port");
	assert_has(reply, "Record-Route: <sip:fe.int.test:5061;transport=tls;"
			  "opaque=state:T;lr>;tag=AB12\r\n");
	assert_has(reply, "From: \"Alice\"<sip:alice@test>;tag=91c0;epid=");
	assert_has(reply, "To: <sip:edge@test;gruu;opaque=srvr:MRAS:abc>;tag=");
	assert_has(reply, "CSeq: 1 SERVICE\r\n");
	assert_has(reply, "Content-Type: " TYPE "\r\n");
	assert_has(reply, "reasonPhrase=\"OK\"");
	assert_has(reply, "<duration>480</duration>");
	assert_has(reply, "<mediaRelay><location>internet</location><hostName>"
			  "av.test</hostName><udpPort>3478</udpPort>"
			  "<tcpPort>443</tcpPort>"
			  "</mediaRelay>");
	assert_lacks(reply, "intranet");
	ck_assert_uint_eq(counter_get(&counters, COUNT_ISSUED_V2), 1);
	free(reply);
}
END_TEST

/* pidgin-sipe 1.25.0, as captured: signed in directly, and through the edge
 * proxy. Lower-case transport in Via, no Contact, version 1.0. */
static const char SIPE_DIRECT[] =
	"SERVICE sip:Mras.contoso.test@contoso.test;gruu;opaque=srvr:MRAS:"
	"dzh4GmLkqFe3hzjI9_eK3QAA SIP/2.0\r\n"
	"Via: SIP/2.0/tls 203.0.113.30:36950;branch=z9hG4bK746187546D46D01D944B"
	"\r\n"
	"From: <sip:alice@contoso.test>;tag=99048415;epid=b6c10ff1ff10\r\n"
	"To: <sip:Mras.contoso.test@contoso.test;gruu;opaque=srvr:MRAS:"
	"dzh4GmLkqFe3hzjI9_eK3QAA>\r\n"
	"Max-Forwards: 70\r\n"
	"CSeq: 1 SERVICE\r\n"
	"User-Agent: Purple/2.14.12 Sipe/1.25.0 (linux-x86_64)\r\n"
	"Call-ID: 5AD7g6AFFa5394i59D1mA208t6A96bB4DBx288Fx\r\n"
	"Content-Type: application/msrtc-media-relay-auth+xml\r\n"
	"Content-Length: 453\r\n\r\n"
	"<request requestID=\"1446492469\" from=\"sip:alice@contoso.test\" "
	"version=\"1.0\" to=\"sip:Mras.contoso.test@contoso.test;gruu;opaque="
	"srvr:MRAS:dzh4GmLkqFe3hzjI9_eK3QAA\" xmlns=\"http://schemas.microsoft."
	"com/2006/09/sip/mrasp\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-"
	"instance\"><credentialsRequest credentialsRequestID=\"1446492469\">"
	"<identity>sip:alice@contoso.test</identity><location>intranet"
	"</location><duration>480</duration></credentialsRequest></request>";

static const char SIPE_BY_EDGE[] =
	"SERVICE sip:Mras.contoso.test@contoso.test;gruu;opaque=srvr:MRAS:"
	"dzh4GmLkqFe3hzjI9_eK3QAA SIP/2.0\r\n"
	"Record-Route: <sip:10.10.0.10:5061;transport=tls;r2=on;lr;"
	"ftag=5311211417>\r\n"
	"Record-Route: <sip:203.0.113.10:443;transport=tls;r2=on;lr;"
	"ftag=5311211417>\r\n"
	"Via: SIP/2.0/TLS 10.10.0.10:5061;branch=z9hG4bKad44.b3ffda91a764af84"
	"640f4d4a28e55f0e.0;i=1\r\n"
	"Via: SIP/2.0/tls 203.0.113.30:50328;branch=z9hG4bK403F4627B2A29ABF6406"
	"\r\n"
	"From: <sip:alice@contoso.test>;tag=5311211417;epid=b6c10ff1ff10\r\n"
	"To: <sip:Mras.contoso.test@contoso.test;gruu;opaque=srvr:MRAS:"
	"dzh4GmLkqFe3hzjI9_eK3QAA>\r\n"
	"Max-Forwards: 69\r\n"
	"CSeq: 1 SERVICE\r\n"
	"User-Agent: Purple/2.14.12 Sipe/1.25.0 (linux-x86_64)\r\n"
	"Call-ID: 38EAgEA5Ba633Di17EEm752FtE21Bb5401x8645x\r\n"
	"Content-Type: application/msrtc-media-relay-auth+xml\r\n"
	"Content-Length: 453\r\n\r\n"
	"<request requestID=\"1392009785\" from=\"sip:alice@contoso.test\" "
	"version=\"1.0\" to=\"sip:Mras.contoso.test@contoso.test;gruu;opaque="
	"srvr:MRAS:dzh4GmLkqFe3hzjI9_eK3QAA\" xmlns=\"http://schemas.microsoft."
	"com/2006/09/sip/mrasp\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-"
	"instance\"><credentialsRequest credentialsRequestID=\"1392009785\">"
	"<identity>sip:alice@contoso.test</identity><location>internet"
	"</location><duration>480</duration></credentialsRequest></request>";

/* What sipe reads: reasonPhrase, the first credentials, hostName, ports. */
START_TEST(test_captured_requests_of_sipe_are_answered)
{
	char *reply = ask(SIPE_DIRECT);

	assert_has(reply, "SIP/2.0 200 OK\r\n");
	assert_has(reply, "Via: SIP/2.0/tls 203.0.113.30:36950;branch="
			  "z9hG4bK746187546D46D01D944B\r\n");
	assert_has(reply, " reasonPhrase=\"OK\"");
	assert_has(reply, "requestID=\"1446492469\" version=\"1.0\"");
	/* as the schema has it, unswapped */
	assert_has(reply, " to=\"sip:Mras.contoso.test@contoso.test;gruu;"
			  "opaque=srvr:MRAS:dzh4GmLkqFe3hzjI9_eK3QAA\" "
			  "from=\"sip:alice@contoso.test\"");
	assert_has(reply, "<credentialsResponse credentialsRequestID="
			  "\"1446492469\"><credentials><username>");
	assert_has(reply, "<location>intranet</location><hostName>"
			  "edge.int.test</hostName><udpPort>3478</udpPort>"
			  "<tcpPort>443</tcpPort>");
	free(reply);
	reply = ask(SIPE_BY_EDGE);
	assert_has(reply, "Via: SIP/2.0/TLS 10.10.0.10:5061;branch=z9hG4bKad44."
			  "b3ffda91a764af84640f4d4a28e55f0e.0;i=1\r\n");
	assert_has(reply, "Record-Route: <sip:203.0.113.10:443;transport=tls;"
			  "r2=on;lr;ftag=5311211417>");
	assert_has(reply, "<location>internet</location><hostName>av.test"
			  "</hostName><udpPort>3478</udpPort>"
			  "<tcpPort>443</tcpPort>");
	free(reply);
	ck_assert_uint_eq(counter_get(&counters, COUNT_ISSUED_V1), 2);
}
END_TEST

START_TEST(test_version_1_0_is_answered_in_kind)
{
	char *reply = ask_service("z9hG4bK1", CT, BODY_OF("1.0", "", ""));

	assert_has(reply, "version=\"1.0\" serverVersion=\"1.0\"");
	assert_has(reply, "<location>intranet</location>");
	assert_has(reply, "<location>internet</location>");
	ck_assert_uint_eq(counter_get(&counters, COUNT_ISSUED_V1), 1);
	free(reply);
}
END_TEST

static const struct {
	const char *body;
	const char *reason;
	enum av_auth_counter counter;
} REFUSED[] = {
	{"", "Request Malformed", COUNT_MALFORMED},
	{"<a/>", "Request Malformed", COUNT_MALFORMED},
	{"<!DOCTYPE a>" BODY, "Request Malformed", COUNT_MALFORMED},
	{BODY_OF("3.0", "", ""), "Version Mismatch", COUNT_VERSION},
	{BODY_OF("2.1", "", ""), "Version Mismatch", COUNT_VERSION},
	{BODY_OF("2.0", "<location>moon</location>", ""), "Request Malformed",
		COUNT_MALFORMED},
};

START_TEST(test_R10_refusals_are_200_with_a_reason_and_their_own_counter)
{
	char want[64];
	char *reply = ask_service("z9hG4bK1", CT, REFUSED[_i].body);

	snprintf(want, sizeof(want), "reasonPhrase=\"%s\"",
		REFUSED[_i].reason);
	ck_assert_int_eq(strncmp(reply, "SIP/2.0 200 OK\r\n", 16), 0);
	assert_has(reply, want);
	assert_lacks(reply, "password");
	ck_assert_uint_eq(counter_get(&counters, REFUSED[_i].counter), 1);
	assert_has(log_text, "event=credentials.refused");
	free(reply);
}
END_TEST

START_TEST(test_wrong_content_type_is_415)
{
	static const char *const BAD[] = {
		"Content-Type: application/sdp\r\n", "",
		"Content-Type: " TYPE "x\r\n",
		CT "Content-Encoding: gzip\r\n",
	};

	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
		char *reply = ask_service("z9hG4bK1", BAD[i], BODY);

		ck_assert_int_eq(strncmp(reply, "SIP/2.0 415 ", 12), 0);
		assert_has(reply, "Accept: " TYPE "\r\n");
		free(reply);
	}
	ck_assert_uint_eq(counter_get(&counters, COUNT_BAD_TYPE), 4);
}
END_TEST

START_TEST(test_content_type_ignores_case_and_parameters)
{
	static const char *const GOOD[] = {
		"Content-Type: Application/MSRTC-media-relay-auth+XML\r\n",
		"c: " TYPE ";charset=utf-8\r\n",
		"Content-Type: " TYPE " ; charset=\"utf-8\"\r\n",
		CT "Content-Encoding: identity\r\n",
	};

	for (size_t i = 0; i < ARRAY_COUNT(GOOD); i++) {
		char branch[24];
		char *reply;

		snprintf(branch, sizeof(branch), "z9hG4bK%zu", i);
		reply = ask_service(branch, GOOD[i], BODY);
		assert_has(reply, "reasonPhrase=\"OK\"");
		free(reply);
	}
}
END_TEST

START_TEST(test_other_methods_get_405_and_options_200)
{
	static const char *const OTHERS[] = {"NEGOTIATE", "REGISTER", "INVITE",
		"SUBSCRIBE", "BENOTIFY", "X-FOO"};
	char *text = request("OPTIONS", "z9hG4bK1", "", "");
	char *reply = ask(text);

	ck_assert_int_eq(strncmp(reply, "SIP/2.0 200 OK\r\n", 16), 0);
	assert_has(reply, "Allow: SERVICE, OPTIONS\r\n");
	assert_has(reply, "Accept: " TYPE "\r\n");
	free(reply);
	free(text);
	for (size_t i = 0; i < ARRAY_COUNT(OTHERS); i++) {
		text = request(OTHERS[i], "z9hG4bK2", "", "");
		reply = ask(text);
		ck_assert_int_eq(strncmp(reply, "SIP/2.0 405 ", 12), 0);
		assert_has(reply, "Allow: SERVICE, OPTIONS\r\n");
		free(reply);
		free(text);
	}
	ck_assert_uint_eq(counter_get(&counters, COUNT_BAD_METHOD),
		ARRAY_COUNT(OTHERS));
}
END_TEST

START_TEST(test_ack_and_responses_are_not_answered)
{
	char *text = request("ACK", "z9hG4bK1", "", "");
	char *reply = ask(text);

	ck_assert_str_eq(reply, "");
	free(reply);
	free(text);
	reply = ask("SIP/2.0 200 OK\r\n"
		    "Via: SIP/2.0/TLS 10.0.0.10:5062;branch=z9hG4bK9\r\n"
		    "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n"
		    "Call-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
		    "Content-Length: 0\r\n\r\n");
	ck_assert_str_eq(reply, "");
	free(reply);
}
END_TEST

START_TEST(test_required_extension_is_420)
{
	char *reply = ask_service("z9hG4bK1", CT "Require: path\r\n", BODY);

	ck_assert_int_eq(strncmp(reply, "SIP/2.0 420 ", 12), 0);
	assert_has(reply, "Unsupported: path\r\n");
	free(reply);
}
END_TEST

START_TEST(test_repeated_request_gets_the_same_bytes)
{
	char *first = ask_service("z9hG4bK1", CT, BODY);
	char *again = ask_service("z9hG4bK1", CT, BODY);
	char *other = ask_service("z9hG4bK2", CT, BODY);

	ck_assert_str_eq(first, again);
	ck_assert_str_ne(first, other);
	ck_assert_uint_eq(counter_get(&counters, COUNT_REPEATED), 1);
	ck_assert_uint_eq(counter_get(&counters, COUNT_ISSUED_V2), 2);
	free(first);
	free(again);
	free(other);
}
END_TEST

/* Another server may happen to use the same branch and Call-ID. */
START_TEST(test_repetition_is_told_apart_by_server)
{
	char *first = ask_service("z9hG4bK1", CT, BODY);
	char *other;

	lab_trust(&lab, TOPOLOGY_GRANT_AV_AUTH, "fe2.int.test");
	rates_fini(&rates);
	ck_assert_int_eq(rates_init(&rates, &lab.t, from.now), 0);
	from.server = "fe2.int.test";
	other = ask_service("z9hG4bK1", CT, BODY);
	ck_assert_uint_eq(counter_get(&counters, COUNT_REPEATED), 0);
	ck_assert_str_ne(first, other);
	free(first);
	free(other);
}
END_TEST

START_TEST(test_server_over_its_rate_is_told_server_busy)
{
	unsigned busy = 0;

	for (unsigned i = 0; i < 101; i++) {
		char branch[24];
		char *reply;

		snprintf(branch, sizeof(branch), "z9hG4bK%u", i);
		reply = ask_service(branch, CT, BODY);
		busy += strstr(reply, "\"Server Busy\"") != NULL;
		free(reply);
	}
	ck_assert_uint_eq(busy, 1); /* burst: two seconds at 50 */
	ck_assert_uint_eq(counter_get(&counters, COUNT_BUSY), 1);
}
END_TEST

START_TEST(test_rotation_is_used_at_once)
{
	char *first = ask_service("z9hG4bK1", CT, BODY);
	char *second;

	av_key_ring_rotate(&ring, from.wall);
	second = ask_service("z9hG4bK2", CT, BODY);
	ck_assert_str_ne(strstr(first, "<username>"),
		strstr(second, "<username>"));
	free(first);
	free(second);
}
END_TEST

/* The canary: what was handed out is in no line, at any level. */
START_TEST(test_S16_no_secret_in_the_log)
{
	char *reply = ask_service("z9hG4bK1", CT, BODY);
	char *user = strstr(reply, "<username>") + 10;
	char *password = strstr(reply, "<password>") + 10;
	char hex[2 * AV_KEY_LEN + 1];

	*strchr(user, '<') = '\0';
	*strchr(password, '<') = '\0';
	ck_assert_uint_eq(strlen(user), 76);
	ck_assert_uint_eq(strlen(password), 28);
	assert_has(log_text, "event=credentials.issued");
	assert_has(log_text, "identity=\"sip:alice@test\"");
	assert_lacks(log_text, user);
	assert_lacks(log_text, password);
	for (size_t i = 0; i < 3; i++) {
		const uint8_t *key[] = {ring.keys[0].sk0, ring.keys[0].sk1,
			ring.keys[0].sk2};

		str_hex(key[i], AV_KEY_LEN, hex);
		assert_lacks(log_text, hex);
	}
	free(reply);
}
END_TEST

START_TEST(test_S16_identity_cannot_write_log_lines)
{
	char *reply = ask_service("z9hG4bK1", CT,
		"<request requestID=\"1\" version=\"2.0\" to=\"sip:m@b\" "
		"from=\"sip:a@b\" xmlns=\"" AVEDGE_NAMESPACE "\">"
		"<credentialsRequest credentialsRequestID=\"1\"><identity>"
		"sip:x&#10;error event=fake.line password=\"1\"</identity>"
		"</credentialsRequest></request>");
	const char *at;

	ck_assert_ptr_nonnull(log_text);
	at = strstr(log_text, "event=fake.line");
	ck_assert(at == NULL || at[-1] == ' ');
	assert_lacks(log_text, "\nerror event=fake");
	free(reply);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("service");
	TCase *tc = tcase_create("service");
	SRunner *sr;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_service_is_answered_with_credentials);
	tcase_add_test(tc, test_captured_requests_of_sipe_are_answered);
	tcase_add_test(tc, test_version_1_0_is_answered_in_kind);
	tcase_add_loop_test(tc,
		test_R10_refusals_are_200_with_a_reason_and_their_own_counter,
		0, ARRAY_COUNT(REFUSED));
	tcase_add_test(tc, test_wrong_content_type_is_415);
	tcase_add_test(tc, test_content_type_ignores_case_and_parameters);
	tcase_add_test(tc, test_other_methods_get_405_and_options_200);
	tcase_add_test(tc, test_ack_and_responses_are_not_answered);
	tcase_add_test(tc, test_required_extension_is_420);
	tcase_add_test(tc, test_repeated_request_gets_the_same_bytes);
	tcase_add_test(tc, test_repetition_is_told_apart_by_server);
	tcase_add_test(tc, test_server_over_its_rate_is_told_server_busy);
	tcase_add_test(tc, test_rotation_is_used_at_once);
	tcase_add_test(tc, test_S16_no_secret_in_the_log);
	tcase_add_test(tc, test_S16_identity_cannot_write_log_lines);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
