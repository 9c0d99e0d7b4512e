/*
 * RFC 4475 and RFC 5118 over TLS, one connection for each message, whole and
 * in records of one octet: what arrives inside, what is answered, and
 * whether the connection lives on.
 */
#include "tests/unit/access-edge/texts.h"
#include "tests/unit/access-edge/torture.h"
#include "tests/unit/access-edge/torture_ipv6.h"

#define SETTINGS "settings:\n  access-edge: {message_timeout: 1s}\n"

static const char probe[] =
	"OPTIONS sip:still@example.com SIP/2.0\r\n"
	"Via: SIP/2.0/TLS t1.example.com;branch=z9hG4bKprobe\r\n"
	"From: <sip:caller@example.com>;tag=t1\r\n"
	"To: <sip:still@example.com>\r\nCall-ID: still\r\n"
	"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";

/* The rules for unproven clients are off for these. */
static struct party *proven_client(struct lab *lab)
{
	struct party *client = party_client(lab);
	struct list *it;

	TURN_UNTIL(lab->loop, lab->edge->sessions.count > 1);
	list_for_each(it, &lab->edge->sessions.all)
		session_signed_in(container_of(it, struct session, in_table),
			&lab->edge->policy, STR_LIT("caller"));
	return client;
}

static void expect_alive(struct party *client, struct party *fe)
{
	party_send(client, probe);
	party_expect(fe, "OPTIONS sip:still@example.com SIP/2.0\r\n");
}

static void expect_answer(struct party *client, const struct torture *t)
{
	char want[32];
	const char *m;

	snprintf(want, sizeof(want), "SIP/2.0 %u ", t->status);
	m = party_expect(client, want);
	if (t->reason != NULL)
		ck_assert_msg(strcspn(m, "\r") > (size_t)(strstr(m,
			t->reason) - m), "%s is not named", t->reason);
	expect_lacks(m, "norDoAnyThis, path");
	if (t->status == 420)
		expect_has(m, "\r\nUnsupported: noProxiesSupportThis, "
			"norDoAnyThis\r\n");
}

/* One TLS record for each octet, until the edge has had enough. */
static void send_torn(struct party *client, const struct torture *t)
{
	party_record(client, t->text, t->len);
	for (size_t i = 0; i < t->len && client->stream != NULL; i++) {
		if (stream_send(client->stream, t->text + i, 1) < 0)
			return;
		stream_push(client->stream);
		if (i % 64 == 0)
			loop_turn(client->lab->loop, 0);
	}
}

static void run_one(struct lab *lab, struct party *fe,
	const struct torture *t, bool is_torn)
{
	struct party *client = proven_client(lab);
	size_t got = fe->got;

	if (is_torn)
		send_torn(client, t);
	else
		party_send_bytes(client, t->text, t->len);
	switch (t->want) {
	case WANT_FORWARD:
		expect_has(party_expect(fe, ""), t->intact);
		expect_alive(client, fe);
		break;
	case WANT_ANSWER:
		expect_answer(client, t);
		ck_assert_uint_eq(fe->got, got);
		expect_alive(client, fe);
		break;
	case WANT_REFUSE:
		expect_answer(client, t);
		party_expect_end(client);
		break;
	case WANT_CLOSE:
	case WANT_LATE:
		party_expect_end(client);
		ck_assert_uint_eq(client->got, 0);
		ck_assert_uint_eq(fe->got, got);
		break;
	case WANT_DROP:
		ck_abort();
	}
}

START_TEST(test_S4_rfc4475_requests)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, SETTINGS);

	run_one(&lab, fe, &torture[_i / 2], _i % 2 == 1);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S4_rfc5118_requests)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, SETTINGS);

	run_one(&lab, fe, &torture_ipv6[_i / 2], _i % 2 == 1);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S4_rfc4475_responses_without_a_request_are_dropped)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = proven_client(&lab);

	for (size_t i = 0; i < ARRAY_COUNT(torture_responses); i++)
		party_send_bytes(fe, torture_responses[i].text,
			torture_responses[i].len);
	party_expect_silence(client, 50);
	ck_assert(!fe->is_ended);
	expect_alive(client, fe);
	lab_fini(&lab);
}
END_TEST

START_TEST(test_S4_rfc4475_answers_pass_with_their_reason)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "");
	struct party *client = proven_client(&lab);
	char line[128];

	for (size_t i = 0; i < ARRAY_COUNT(torture_answers); i++) {
		party_send(client, probe);
		party_expect(fe, "OPTIONS ");
		/* "SIP/2.0 " and the line end are party_answer's. */
		snprintf(line, sizeof(line), "%.*s",
			(int)torture_answers[i].len - 10,
			torture_answers[i].text + 8);
		party_answer(fe, fe->last, line, "", "");
		party_expect(client, torture_answers[i].text);
	}
	lab_fini(&lab);
}
END_TEST

START_TEST(test_rfc4475_all_49_are_here)
{
	size_t extra = 3; /* rows that show a second side of a message */

	ck_assert_uint_eq(ARRAY_COUNT(torture) - extra +
		ARRAY_COUNT(torture_responses) +
		ARRAY_COUNT(torture_answers), 49);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("access-edge/torture");
	TCase *c = tcase_create("torture");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_test(c, test_rfc4475_all_49_are_here);
	tcase_add_loop_test(c, test_S4_rfc4475_requests, 0,
		2 * ARRAY_COUNT(torture));
	tcase_add_loop_test(c, test_S4_rfc5118_requests, 0,
		2 * ARRAY_COUNT(torture_ipv6));
	tcase_add_test(c,
		test_S4_rfc4475_responses_without_a_request_are_dropped);
	tcase_add_test(c, test_S4_rfc4475_answers_pass_with_their_reason);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
