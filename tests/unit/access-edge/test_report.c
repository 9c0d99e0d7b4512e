/*
 * One line for each refused request and each connection that ended, with
 * the rule and the line of the configuration that decided.
 */
#include "tests/unit/access-edge/texts.h"

static char logged[65536];

static void keep_line(const char *line, void *arg)
{
	size_t at = strlen(logged);

	(void)arg;
	snprintf(logged + at, sizeof(logged) - at, "%s\n", line);
}

static void listen_to_log(void)
{
	logged[0] = '\0';
	log_capture(keep_line, NULL);
}

/* One line has all of it. */
static bool has_line(const char *event, const char *a, const char *b)
{
	char want[64];

	snprintf(want, sizeof(want), " event=%s ", event);
	for (const char *p = logged; *p != '\0';) {
		size_t n = strcspn(p, "\n");
		char line[2048];

		snprintf(line, sizeof(line), "%.*s", (int)n, p);
		if (strstr(line, want) != NULL && strstr(line, a) != NULL &&
			strstr(line, b) != NULL)
			return true;
		p += n + 1;
	}
	return false;
}

static void expect_line(struct lab *lab, const char *event, const char *a,
	const char *b)
{
	/* The other end may know of an end before the edge does. */
	for (int i = 0; i < 200 && !has_line(event, a, b); i++)
		turn_for_ms(lab->loop, 20);
	ck_assert_msg(has_line(event, a, b), "no %s with %s and %s in:\n%s",
		event, a, b, logged);
}

static const char *text_of(const char *method, const char *uri,
	const char *from, const char *extra)
{
	static char text[2048];
	static int n;

	n++;
	snprintf(text, sizeof(text), "%s %s SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 192.168.1.5;branch=z9hG4bKr%d\r\n"
		"From: <%s>;tag=1\r\nTo: <sip:dave@example.com>\r\n"
		"Call-ID: r%d\r\nCSeq: %d %s\r\n%s"
		"Content-Length: 0\r\n\r\n",
		method, uri, n, from, n, n, method, extra);
	return text;
}

START_TEST(test_every_refused_request_names_its_rule_and_its_line)
{
	static const struct {
		const char *method;
		const char *from;
		const char *extra;
		const char *status;
		const char *rule;
		const char *config;
	} rows[] = {
		{"OPTIONS", "sip:x@elsewhere.test", "", "403",
			"rule=client.sender ", "config=\"domains\""},
		{"INVITE", "sip:x@anonymous.invalid", "", "403",
			"rule=client.sender ",
			"config=\"access-edge.allow_anonymous_users: false"},
		{"NOTIFY", "sip:x@example.com", "", "403",
			"rule=client.pre-auth ",
			"config=\"access-edge.pre_auth_methods: "},
		{"INVITE", "sip:x@example.com",
			"Route: <sip:far.test;lr>\r\n", "403",
			"rule=route.abuse ", "config=\"servers\""},
		{"INVITE", "sip:x@example.com", "Max-Forwards: 0\r\n", "483",
			"rule=hops ", "config=\"\""},
		{"INVITE", "sip:x@example.com",
			"Proxy-Require: nobody\r\n", "420",
			"rule=proxy-require ", "config=\"\""},
		{"CANCEL", "sip:x@example.com", "", "481", "rule=cancel ",
			"config=\"\""},
		{"NEGOTIATE", "sip:x@example.com", "", "488",
			"rule=compression ", "config=\"\""},
		{"INVITE", "sip:x@example.com", "Max-Forwards: many\r\n",
			"400", "rule=shape ", "config=\"\""},
	};
	struct lab lab;
	struct party *client;

	lab_start(&lab, "");
	listen_to_log();
	client = party_client(&lab);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char want[32];
		const char *event = strncmp(rows[i].rule, "rule=route.abuse",
			16) == 0 ? "abuse.refused" : "request.refused";

		logged[0] = '\0';
		party_send(client, text_of(rows[i].method,
			"sip:dave@example.com", rows[i].from, rows[i].extra));
		snprintf(want, sizeof(want), "SIP/2.0 %s ", rows[i].status);
		party_expect(client, want);
		expect_line(&lab, event, rows[i].rule, rows[i].config);
	}
	lab_fini(&lab);
}
END_TEST

START_TEST(test_numbers_that_refuse_are_named_with_their_value)
{
	struct lab lab;
	struct party *client;

	lab_start(&lab, "settings:\n  access-edge: {client_rate: 1, "
		"client_burst: 10, pre_auth_requests: 2, "
		"max_client_message_body_size_kb: 64}\n");
	listen_to_log();
	client = party_client(&lab);
	for (int i = 0; i < 2; i++) {
		party_send(client, text_of("OPTIONS", "sip:" LAB_OUTSIDE,
			"sip:x@example.com", ""));
		party_expect(client, "SIP/2.0 200 ");
	}
	party_send(client, text_of("INVITE", "sip:dave@example.com",
		"sip:x@example.com", ""));
	party_expect(client, "SIP/2.0 403 ");
	party_expect_end(client);
	expect_line(&lab, "request.refused", "rule=client.pre-auth ",
		"config=\"access-edge.pre_auth_requests: 2\"");
	expect_line(&lab, "session.closed", "why=client.pre-auth ",
		"config=\"access-edge.pre_auth_requests: 2\"");

	client = party_client(&lab);
	for (int i = 0; i < 30; i++)
		party_send(client, text_of("OPTIONS", "sip:" LAB_OUTSIDE,
			"sip:x@example.com", ""));
	for (int i = 0; i < 30 && strncmp(party_expect(client, "SIP/2.0 "),
		"SIP/2.0 503 ", 12) != 0; i++)
		;
	expect_line(&lab, "request.refused", "rule=rate ",
		"config=\"access-edge.client_rate: 1\"");

	client = party_client(&lab);
	party_send(client, "INVITE sip:dave@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 192.168.1.5;branch=z9hG4bKbig\r\n"
		"From: <sip:x@example.com>;tag=1\r\n"
		"To: <sip:dave@example.com>\r\nCall-ID: big\r\n"
		"CSeq: 1 INVITE\r\nContent-Length: 70000\r\n\r\n");
	party_expect(client, "SIP/2.0 413 ");
	expect_line(&lab, "request.refused", "rule=shape ", "config=\""
		"access-edge.max_client_message_body_size_kb: 64");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_requests_that_fail_on_the_way_name_what_they_waited_for)
{
	struct lab lab;
	struct party *client;

	lab_init(&lab, "");
	lab_edge(&lab); /* nobody listens inside */
	listen_to_log();
	client = party_client(&lab);
	party_send(client, register_old);
	party_expect(client, "SIP/2.0 504 ");
	expect_line(&lab, "request.failed", "rule=next-hop ",
		"config=\"next_hop\"");
	expect_line(&lab, "request.failed", "rule=next-hop ", "refused");
	lab_fini(&lab);
}
END_TEST

/* As if it had been here for so long. */
static void back_by(struct lab *lab, const struct party *p, int64_t s)
{
	struct list *it;

	list_for_each(it, &lab->edge->sessions.all) {
		struct session *is = container_of(it, struct session,
			in_table);

		if (addr_eq(&is->origin.remote, stream_local(p->stream)))
			is->ready.ms -= s * 1000 + 1;
	}
}

START_TEST(test_every_end_of_ours_names_its_line)
{
	struct lab lab;
	struct party *half, *mute, *quiet;
	struct tls_ctx *ctx;
	int fd;

	lab_start(&lab, "settings:\n  access-edge: {message_timeout: 1s, "
		"first_message_timeout: 1s, handshake_timeout: 1s}\n");
	listen_to_log();
	half = party_client(&lab);
	mute = party_client(&lab);
	quiet = party_client(&lab);
	fd = test_dial(&lab.outside);
	party_send(half, "REGISTER sip:example.com SIP/2.0\r\n");
	party_send(quiet, text_of("OPTIONS", "sip:" LAB_OUTSIDE,
		"sip:x@example.com", ""));
	party_expect(quiet, "SIP/2.0 200 ");
	back_by(&lab, quiet, 120);
	party_expect_end(half);
	party_expect_end(mute);
	party_expect_end(quiet);
	expect_line(&lab, "session.closed", "why=message ",
		"config=\"access-edge.message_timeout: 1s\"");
	expect_line(&lab, "session.closed", "why=first-message ",
		"config=\"access-edge.first_message_timeout: 1s\"");
	expect_line(&lab, "session.closed", "why=sign-in ",
		"config=\"access-edge.pre_auth_time: 2m\"");
	expect_line(&lab, "handshake.failed", "reason=handshake ",
		"config=\"access-edge.handshake_timeout: 1s\"");
	close(fd);
	ctx = lab_ctx(&lab, "other");
	party_expect_end(party_dial_to(&lab, &lab.inside, ctx, LAB_MACHINE));
	tls_ctx_unref(ctx);
	expect_line(&lab, "session.closed", "why=untrusted ",
		"config=\"servers\"");
	lab_fini(&lab);
}
END_TEST

/* Whoever can't even shake hands is the one that an operator looks for. */
START_TEST(test_handshake_that_fails_is_told_with_its_cause)
{
	struct lab lab;

	lab_start(&lab, "");
	listen_to_log();
	/* Inside a certificate is a must. */
	party_expect_end(party_dial_to(&lab, &lab.inside, lab.ctx_outside,
		LAB_MACHINE));
	expect_line(&lab, "handshake.failed", "reason=tls ", "certificate");
	lab_fini(&lab);
}
END_TEST

/* Whoever asks why a client was cut off wants to know what it sent. */
START_TEST(test_unreadable_octets_are_told_with_the_fault)
{
	struct lab lab;
	struct party *odd;

	lab_start(&lab, "");
	listen_to_log();
	odd = party_client(&lab);
	party_send(odd, "ing that began elsewhere\r\n");
	party_expect_end(odd);
	expect_line(&lab, "session.closed", "why=framing ",
		"detail=\"the start line is not of SIP\"");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_doors_that_are_closed_say_by_which_line)
{
	struct lab lab;
	struct party *late;

	lab_start(&lab, "settings:\n  access-edge: "
		"{allow_outside_users: false}\n");
	listen_to_log();
	late = party_dial_to(&lab, &lab.outside, lab.ctx_outside,
		LAB_OUTSIDE);
	ck_assert(!late->is_ready);
	expect_line(&lab, "connection.refused", "reason=client.allowed ",
		"config=\"access-edge.allow_outside_users: false\"");
	lab_fini(&lab);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("access-edge/report");
	TCase *c = tcase_create("report");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_test(c,
		test_every_refused_request_names_its_rule_and_its_line);
	tcase_add_test(c,
		test_numbers_that_refuse_are_named_with_their_value);
	tcase_add_test(c,
		test_requests_that_fail_on_the_way_name_what_they_waited_for);
	tcase_add_test(c, test_every_end_of_ours_names_its_line);
	tcase_add_test(c, test_handshake_that_fails_is_told_with_its_cause);
	tcase_add_test(c, test_unreadable_octets_are_told_with_the_fault);
	tcase_add_test(c, test_doors_that_are_closed_say_by_which_line);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
