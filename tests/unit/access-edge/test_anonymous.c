/* People without an account: what they may ask for, and how often. */
#include "access-edge/admit.h"
#include "access-edge/anonymous.h"
#include "tests/unit/access-edge/plain.h"
#include "tests/unit/access-edge/texts.h"

#define FOCUS "sip:carl@a.test;gruu;opaque=app:conf:focus:id:M1"
#define GUEST "From: <sip:0123456789abcdef@anonymous.invalid>;tag=g\r\n"
#define IN_DIALOG "To: <" FOCUS ">;tag=f\r\n"

struct ask {
	const char *method;
	const char *uri;
	const char *extra;
	bool in_own_dialog;
	const char *rule; /* NULL = it may */
};

static const struct ask asks[] = {
	{"INVITE", FOCUS, "", false, NULL},
	{"INVITE", "sip:carl@A.TEST.;OPAQUE=App:Conf:chat:id:M1", "", false,
		NULL},
	{"INVITE", "sip:carl@b.test;opaque=app:conf:audio-video:id:M1", "",
		false, NULL},
	{"INVITE", "sip:carl@a.test;opaque=app:conf:data-conf:id:M1", "",
		false, NULL},
	{"SERVICE", FOCUS, "", false, NULL},
	{"SUBSCRIBE", FOCUS, "Event: conference\r\n", false, NULL},
	{"SUBSCRIBE", FOCUS, "o: Conference;id=1\r\n", false, NULL},
	{"INVITE", "sip:alice@a.test", "", false, "anonymous.target"},
	{"INVITE", "sip:carl@c.test;opaque=app:conf:focus:id:M1", "", false,
		"anonymous.target"},
	{"INVITE", "sip:carl@a.test;opaque=user:epid:x;gruu", "", false,
		"anonymous.target"},
	{"INVITE", "sip:carl@a.test;x=opaque=app:conf:f", "", false,
		"anonymous.target"},
	{"INVITE", "sip:carl%3Bopaque=app:conf:f@a.test", "", false,
		"anonymous.target"},
	{"INVITE", "sip:carl;opaque=app:conf:f@a.test", "", false,
		"anonymous.target"},
	{"INVITE", FOCUS ";maddr=192.0.2.1", "", false, "anonymous.target"},
	{"INVITE", FOCUS ";opaque=user:epid:x", "", false,
		"anonymous.target"},
	{"INVITE", FOCUS ";Opaque", "", false, "anonymous.target"},
	{"INVITE", "sip:alice@a.test", IN_DIALOG, false,
		"anonymous.target"},
	{"INVITE", "sip:alice@a.test", "", true, "anonymous.target"},
	{"BYE", "sip:fe.int.test", IN_DIALOG, true, NULL},
	{"NOTIFY", "sip:carl@a.test", IN_DIALOG, true, NULL},
	{"SUBSCRIBE", FOCUS, "Event: presence\r\n", false,
		"anonymous.event"},
	{"SUBSCRIBE", FOCUS, "", false, "anonymous.event"},
	{"REGISTER", FOCUS, "", false, "anonymous.method"},
	{"MESSAGE", FOCUS, "", false, "anonymous.method"},
	{"PUBLISH", FOCUS, "", false, "anonymous.method"},
	{"BENOTIFY", FOCUS, IN_DIALOG, true, "anonymous.method"},
	{"INVITE", FOCUS, "From: <sip:other@anonymous.invalid>;tag=1\r\n",
		false, "anonymous.identity"},
	{"INVITE", FOCUS, "From: <sip:anonymous.invalid>;tag=1\r\n", false,
		"anonymous.identity"},
};

START_TEST(test_what_people_without_an_account_may_ask_for)
{
	struct plain p;

	plain_init(&p);
	for (size_t i = 0; i < ARRAY_COUNT(asks); i++) {
		const struct ask *a = &asks[i];
		struct anonymous known = {.user = "0123456789abcdef"};
		const struct anonymous_in in = {&p.policy, &known,
			a->in_own_dialog};
		char extra[512];
		struct sip_msg *m;
		struct verdict v;

		snprintf(extra, sizeof(extra), "%s%s",
			strstr(a->extra, "From:") ? "" : GUEST, a->extra);
		m = plain_request(a->method, a->uri, extra);
		ck_assert(anonymous_is_sender(m));
		v = anonymous_check(m, &in);
		ck_assert_msg((v.kind == VERDICT_PASS) == (a->rule == NULL),
			"%s %s: %s", a->method, a->uri, v.rule);
		if (a->rule != NULL) {
			ck_assert_str_eq(v.rule, a->rule);
			ck_assert_uint_eq(v.status, 403);
		}
		sip_msg_free(m);
	}
	plain_fini(&p);
}
END_TEST

START_TEST(test_who_is_without_an_account)
{
	static const struct {
		const char *from;
		bool is;
	} senders[] = {
		{"From: <sip:x@anonymous.invalid>;tag=1\r\n", true},
		{"From: <sip:x@Anonymous.INVALID.>;tag=1\r\n", true},
		{"From: <sips:x@anonymous.invalid>;tag=1\r\n", true},
		{"From: <sip:x@a.anonymous.invalid>;tag=1\r\n", false},
		{"From: <sip:anonymous.invalid@a.test>;tag=1\r\n", false},
		{"From: \"x@anonymous.invalid\" <sip:a@a.test>;tag=1\r\n",
			false},
		{"From: <tel:+1>;tag=1\r\n", false},
	};

	for (size_t i = 0; i < ARRAY_COUNT(senders); i++) {
		struct sip_msg *m = plain_request("INVITE", FOCUS,
			senders[i].from);

		ck_assert_int_eq(anonymous_is_sender(m), senders[i].is);
		sip_msg_free(m);
	}
}
END_TEST

START_TEST(test_both_settings_let_them_in)
{
	struct plain p;
	struct admit a;
	struct sip_msg *m = plain_request("INVITE", FOCUS, GUEST);

	plain_init(&p);
	a = (struct admit){.policy = &p.policy, .from = &p.client,
		.is_in_rate = true};
	ck_assert_uint_eq(admit_request(m, &a).status, 403);
	ck_assert_str_eq(admit_request(m, &a).setting,
		"allow_anonymous_users");
	plain_set(&p, "allow_anonymous_users", "true");
	ck_assert_int_eq(admit_request(m, &a).kind, VERDICT_PASS);
	plain_set(&p, "allow_outside_users", "false");
	ck_assert_uint_eq(admit_request(m, &a).status, 403);
	ck_assert_str_eq(admit_request(m, &a).setting,
		"allow_outside_users");
	sip_msg_free(m);
	plain_fini(&p);
}
END_TEST

START_TEST(test_a_repeated_request_begins_no_other_dialog)
{
	struct anonymous a = {.user = ""};
	struct sip_msg *m = plain_request("INVITE", FOCUS, GUEST);
	struct sip_msg *in;

	ck_assert(anonymous_is_new_dialog(&a, m, 7));
	anonymous_note(&a, m, 7);
	ck_assert_str_eq(a.user, "0123456789abcdef");
	ck_assert(!anonymous_is_new_dialog(&a, m, 7));
	ck_assert(anonymous_is_new_dialog(&a, m, 8));
	for (uint64_t i = 100; i < 100 + ANONYMOUS_DIALOGS; i++)
		anonymous_note(&a, m, i);
	ck_assert(anonymous_is_new_dialog(&a, m, 7)); /* long ago */
	sip_msg_free(m);
	in = plain_request("INFO", FOCUS, GUEST IN_DIALOG);
	ck_assert(!anonymous_is_new_dialog(&a, in, 9));
	sip_msg_free(in);
}
END_TEST

/* ---- over the wire ------------------------------------------------------- */

#define OPEN_DOOR "settings:\n  access-edge: {allow_anonymous_users: true," \
	" anonymous_dialogs_per_minute: 3}\n"

static const char *guest_invite(unsigned n, const char *user)
{
	static char text[1024];

	snprintf(text, sizeof(text),
		"INVITE sip:carl@example.com;gruu;opaque=app:conf:focus:id:"
		"M1 SIP/2.0\r\nVia: SIP/2.0/TLS h;branch=z9hG4bKg%u\r\n"
		"From: <sip:%s@anonymous.invalid>;tag=g%u\r\n"
		"To: <sip:carl@example.com>\r\nCall-ID: guest-%u\r\n"
		"CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n", n, user, n,
		n);
	return text;
}

START_TEST(test_S7_dialogs_of_a_source_are_bounded)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, OPEN_DOOR);
	struct party *client;
	const char *m;

	/* Another connection of the same source is the same source. */
	for (unsigned i = 0; i < 3; i++) {
		client = party_client(&lab);
		party_send(client, guest_invite(i, "abc"));
		party_expect(fe, "INVITE ");
	}
	client = party_client(&lab);
	party_send(client, guest_invite(9, "abc"));
	m = party_expect(client, "SIP/2.0 503 ");
	expect_has(m, "\r\nRetry-After: 60\r\n");
	ck_assert_uint_eq(fe->got, fe->read);
	/* What does not begin a dialog is not counted. */
	party_send(client, "OPTIONS sip:carl@example.com;opaque=app:conf:f"
		" SIP/2.0\r\nVia: SIP/2.0/TLS h;branch=z9hG4bKo\r\n"
		"From: <sip:abc@anonymous.invalid>;tag=g\r\n"
		"To: <sip:carl@example.com>\r\nCall-ID: o\r\n"
		"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
	party_expect(fe, "OPTIONS ");
	lab_fini(&lab);
}
END_TEST

START_TEST(test_one_anonymous_identity_for_each_connection)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, OPEN_DOOR);
	struct party *client = party_client(&lab);

	party_send(client, guest_invite(1, "abc"));
	party_expect(fe, "INVITE ");
	party_send(client, guest_invite(2, "xyz"));
	party_expect(client, "SIP/2.0 403 ");
	/* Refused, so it has taken no one's place. */
	party_send(client, guest_invite(3, "abc"));
	party_expect(fe, "INVITE ");
	lab_fini(&lab);
}
END_TEST

/* A Route of ours without the token of that connection is none. */
START_TEST(test_S14_route_without_own_token_opens_nothing)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, OPEN_DOOR);
	struct party *client = party_client(&lab);

	party_send(client, "INVITE sip:alice@example.com SIP/2.0\r\n"
		"Via: SIP/2.0/TLS h;branch=z9hG4bKr\r\n"
		"Route: <sip:sip.test;transport=tls;lr>\r\n"
		"From: <sip:abc@anonymous.invalid>;tag=g\r\n"
		"To: <sip:alice@example.com>;tag=made-up\r\nCall-ID: r\r\n"
		"CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n");
	party_expect(client, "SIP/2.0 403 ");
	ck_assert_uint_eq(fe->got, fe->read);
	lab_fini(&lab);
}
END_TEST

/* A key that was wrong ten times is the source's fault, not everybody's. */
START_TEST(test_S6_wrong_keys_block_the_source_and_no_shared_name)
{
	struct lab lab;
	struct party *fe = lab_start(&lab, "settings:\n  access-edge: "
		"{allow_anonymous_users: true, failed_logon_limit: 2}\n");
	struct party *client = party_client(&lab);
	struct logon_id id;
	struct addr other;
	char text[2048];

	for (unsigned i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "%.*sAuthorization: Digest "
			"username=\"anonymous\", realm=\"x\"\r\n"
			"Content-Length: 0\r\n\r\n",
			(int)(strstr(guest_invite(i, "abc"),
			"Content-Length") - guest_invite(i, "abc")),
			guest_invite(i, "abc"));
		party_send(client, text);
		party_answer(fe, party_expect(fe, "INVITE "),
			"401 Unauthorized", "", "");
		party_expect(fe, "ACK ");
		party_expect(client, "SIP/2.0 401 ");
	}
	ck_assert_int_eq(addr_parse_z("192.0.2.9", 1, &other), 0);
	id = logon_id_of(lab.edge->logon, &other, STR_LIT("x@example.com"),
		STR_LIT("anonymous"));
	ck_assert(!logon_is_blocked(lab.edge->logon, &id, mono_now()));
	id = logon_id_of(lab.edge->logon,
		stream_local(client->stream), STR_LIT("x@example.com"),
		STR_LIT(""));
	ck_assert(logon_is_blocked(lab.edge->logon, &id, mono_now()));
	lab_fini(&lab);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("access-edge/anonymous");
	TCase *c = tcase_create("anonymous");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_test(c, test_what_people_without_an_account_may_ask_for);
	tcase_add_test(c, test_who_is_without_an_account);
	tcase_add_test(c, test_both_settings_let_them_in);
	tcase_add_test(c, test_a_repeated_request_begins_no_other_dialog);
	tcase_add_test(c, test_S7_dialogs_of_a_source_are_bounded);
	tcase_add_test(c, test_one_anonymous_identity_for_each_connection);
	tcase_add_test(c, test_S14_route_without_own_token_opens_nothing);
	tcase_add_test(c,
		test_S6_wrong_keys_block_the_source_and_no_shared_name);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
