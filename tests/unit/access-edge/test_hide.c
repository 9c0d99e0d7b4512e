/* Topology hiding: what partners do not see comes back as it was. */
#include "access-edge/hide.h"

#include "tests/unit/access-edge/plain.h"
#include "tests/unit/access-edge/texts.h"

#define I1 "<sip:fe.int.test:5061;transport=tls;lr;ms-route-sig=aa0C>" \
	";ms-rrsig=bb"
#define I2 "<sip:dir.int.test:5061;transport=tls;lr>"
#define OUTER "<sip:sip.a.test:5061;transport=tls;lr>"
#define INNER "<sip:edge.int.test:5061;transport=tls;lr>"
#define THEIRS "<sip:edge.example.org:5061;transport=tls;lr>"

static struct flow_keys keys;
static struct plain p;

static struct hide hide_of(void)
{
	return (struct hide){&p.policy, &keys, wall_now()};
}

static void setup(void)
{
	plain_init(&p);
	plain_set(&p, "hide_record_routes", "true");
	plain_set(&p, "hide_vias", "true");
	memset(&keys, 0, sizeof(keys));
	keys.count = 1;
	keys.keys[0].number = 3;
	memset(keys.keys[0].secret, 7, FLOW_KEY_LEN);
	keys.keys[0].made = wall_now();
}

static void expect_lines(const struct sip_msg *m, const char *want)
{
	char *out = plain_print(m);

	ck_assert_msg(strstr(out, want) != NULL, "no\n%s\nin\n%s", want,
		out);
	free(out);
}

/* The token of a request whose Record-Routes were hidden. */
static void seal(char token[static FLOW_SEALED_LEN], const char *routes)
{
	struct hide h = hide_of();
	struct sip_msg *m = plain_request("INVITE", "sip:b@example.org",
		routes);

	ck_assert_int_eq(hide_request(m, &h, token), 0);
	ck_assert(!sip_msg_has_header(m, "Record-Route"));
	sip_msg_free(m);
}

START_TEST(test_route_set_goes_out_sealed_and_comes_back_in_order)
{
	struct hide h = hide_of();
	char token[FLOW_SEALED_LEN], extra[2048];
	struct sip_msg *m;

	seal(token, "Record-Route: " I1 "\r\nRecord-Route: " I2 "\r\n");
	ck_assert_str_ne(token, "");
	ck_assert_ptr_null(strstr(token, "int.test"));
	for (const char *c = token; *c != '\0'; c++)
		ck_assert(sip_is_token((struct str){c, 1}));
	snprintf(extra, sizeof(extra), "Route: <sip:%s@sip.a.test:5061;"
		"transport=tls;lr>, " INNER "\r\n", token);
	m = plain_request("BYE", "sip:alice@a.test", extra);
	ck_assert_int_eq(hide_show_request(m, &h), 0);
	expect_lines(m, ", " INNER "\r\nRoute: " I1 ", " I2 "\r\n");
	ck_assert_uint_eq(m->route_count, 4);
	sip_msg_free(m);
}
END_TEST

START_TEST(test_answers_to_partners_hide_what_stands_above_ours)
{
	struct hide h = hide_of();
	struct sip_msg *m = plain_request("INVITE", "sip:alice@a.test",
		"Record-Route: " I1 ", " I2 "\r\nRecord-Route: " INNER "\r\n"
		"Record-Route: " OUTER "\r\nRecord-Route: " THEIRS "\r\n");
	struct sip_addr outer;
	char extra[2048];

	ck_assert_int_eq(hide_response(m, &h), 0);
	expect_lines(m, "To: <sip:bob@a.test>\r\nRecord-Route: " INNER
		"\r\nRecord-Route: <sip:");
	expect_lines(m, "@sip.a.test:5061;transport=tls;lr>\r\n"
		"Record-Route: " THEIRS "\r\n");
	/* The partner sends them in reverse. */
	ck_assert_int_eq(sip_msg_addr(m, SIP_HEADER_RECORD_ROUTE, 1,
		&outer), 0);
	snprintf(extra, sizeof(extra), "Route: %.*s\r\nRoute: " INNER
		"\r\n", STR_ARG(outer.text));
	sip_msg_free(m);
	m = plain_request("BYE", "sip:alice@a.test", extra);
	ck_assert_int_eq(hide_show_request(m, &h), 0);
	expect_lines(m, "Route: " INNER "\r\nRoute: " I2 ", " I1 "\r\n");
	sip_msg_free(m);
}
END_TEST

START_TEST(test_answers_of_partners_show_it_again_below_ours)
{
	struct hide h = hide_of();
	char token[FLOW_SEALED_LEN], extra[2048];
	struct sip_msg *m;

	seal(token, "Record-Route: " I1 "\r\nRecord-Route: " I2 "\r\n");
	snprintf(extra, sizeof(extra), "Record-Route: " THEIRS "\r\n"
		"Record-Route: <sip:%s@sip.a.test:5061;transport=tls;lr>\r\n"
		"Record-Route: " INNER "\r\n", token);
	m = plain_request("INVITE", "sip:b@example.org", extra);
	ck_assert_int_eq(hide_show_response(m, &h), 0);
	expect_lines(m, "Record-Route: " THEIRS "\r\nRecord-Route: " OUTER
		"\r\nRecord-Route: " INNER "\r\nRecord-Route: " I1 ", " I2
		"\r\n");
	sip_msg_free(m);
}
END_TEST

START_TEST(test_S14_changed_and_foreign_seals_show_nothing)
{
	struct hide h = hide_of();
	char token[FLOW_SEALED_LEN], again[FLOW_SEALED_LEN], extra[2048];
	char room[FLOW_SEALED_LEN];
	struct str out = {NULL, 0};

	seal(token, "Record-Route: " I1 "\r\n");
	seal(again, "Record-Route: " I1 "\r\n");
	ck_assert_str_ne(token, again); /* nobody can tell they are equal */
	ck_assert(flow_open(&keys, str_of(token), wall_now(), room, &out));
	ck_assert(str_eq_z(out, I1));
	for (size_t i = 0; token[i] != '\0'; i++) {
		char was = token[i];
		struct sip_msg *m;

		token[i] = was == 'A' ? 'B' : 'A';
		ck_assert(!flow_open(&keys, str_of(token), wall_now(), room,
			&out));
		snprintf(extra, sizeof(extra), "Route: <sip:%s@sip.a.test:"
			"5061;transport=tls;lr>\r\n", token);
		m = plain_request("BYE", "sip:alice@a.test", extra);
		ck_assert_int_eq(hide_show_request(m, &h), 0);
		ck_assert_uint_eq(m->route_count, 1);
		sip_msg_free(m);
		token[i] = was;
	}
	keys.keys[0].secret[0] ^= 1;
	ck_assert(!flow_open(&keys, str_of(token), wall_now(), room, &out));
}
END_TEST

/* Somebody else's Route between or behind ours: that is no dialog of ours
 * that came back, and nothing is put behind it. */
START_TEST(test_S14_hidden_routes_follow_ours_alone)
{
	struct hide h = hide_of();
	char token[FLOW_SEALED_LEN], extra[2048];
	struct sip_msg *m;

	seal(token, "Record-Route: " I1 "\r\n");
	snprintf(extra, sizeof(extra), "Route: <sip:%s@sip.a.test:5061;lr>"
		"\r\nRoute: <sip:other.int.test;lr>\r\n", token);
	m = plain_request("BYE", "sip:alice@a.test", extra);
	ck_assert_int_eq(hide_show_request(m, &h), 0);
	ck_assert_uint_eq(m->route_count, 2);
	sip_msg_free(m);
}
END_TEST

START_TEST(test_what_is_too_long_goes_as_it_is)
{
	struct hide h = hide_of();
	char token[FLOW_SEALED_LEN], extra[2048];
	struct sip_msg *m;

	snprintf(extra, sizeof(extra), "Record-Route: <sip:a;x=%0700d;lr>"
		"\r\nRecord-Route: " I2 "\r\n", 1);
	m = plain_request("INVITE", "sip:b@example.org", extra);
	ck_assert_int_eq(hide_request(m, &h, token), 0);
	ck_assert_str_eq(token, "");
	expect_lines(m, extra);
	sip_msg_free(m);
}
END_TEST

START_TEST(test_vias_below_ours_stay_here)
{
	struct hide h = hide_of();
	struct sip_msg *m = plain_request("INVITE", "sip:b@example.org",
		"Via: SIP/2.0/TLS sip.a.test:5061;branch=z9hG4bKours\r\n"
		"v: SIP/2.0/TLS fe.int.test;branch=z9hG4bK2, SIP/2.0/TLS x\r\n"
		"Via: SIP/2.0/TLS y;branch=z9hG4bK3\r\n");
	struct str second;

	ck_assert_int_eq(hide_vias(m, &h), 0);
	ck_assert(!sip_msg_value(m, SIP_HEADER_VIA, 1, &second));
	expect_lines(m, "Via: SIP/2.0/TLS sip.a.test:5061;"
		"branch=z9hG4bKours\r\nCall-ID:");
	sip_msg_free(m);
}
END_TEST

START_TEST(test_switched_off_hides_nothing_and_still_shows)
{
	struct hide h = hide_of();
	char token[FLOW_SEALED_LEN], none[FLOW_SEALED_LEN], extra[2048];
	struct sip_msg *m;

	seal(token, "Record-Route: " I1 "\r\n");
	plain_set(&p, "hide_record_routes", "false");
	plain_set(&p, "hide_vias", "false");
	m = plain_request("INVITE", "sip:b@example.org",
		"Via: SIP/2.0/TLS a;branch=z9hG4bK1, SIP/2.0/TLS b\r\n"
		"Record-Route: " I1 "\r\n");
	ck_assert_int_eq(hide_request(m, &h, none), 0);
	ck_assert_int_eq(hide_vias(m, &h), 0);
	ck_assert_str_eq(none, "");
	expect_lines(m, "Via: SIP/2.0/TLS a;branch=z9hG4bK1, SIP/2.0/TLS b");
	expect_lines(m, "Record-Route: " I1 "\r\n");
	sip_msg_free(m);
	snprintf(extra, sizeof(extra), "Route: <sip:%s@sip.a.test:5061;lr>"
		"\r\n", token);
	m = plain_request("BYE", "sip:alice@a.test", extra);
	ck_assert_int_eq(hide_show_request(m, &h), 0);
	expect_lines(m, "\r\nRoute: " I1 "\r\n");
	sip_msg_free(m);
}
END_TEST

static void teardown(void)
{
	plain_fini(&p);
}

/* ---- over the wire ------------------------------------------------------- */

#define HIDDEN_CALL \
	"INVITE sip:bob@example.test SIP/2.0\r\n" \
	"Via: SIP/2.0/TLS fe.int.test:5061;branch=z9hG4bKfe\r\n" \
	"Via: SIP/2.0/TLS 10.1.2.3:5061;branch=z9hG4bKua\r\n" \
	"Record-Route: <sip:fe.int.test:%u;transport=tls;lr>\r\n" \
	"Max-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=a1\r\n" \
	"To: <sip:bob@example.test>\r\nCall-ID: h1\r\nCSeq: 1 INVITE\r\n" \
	"Contact: <sip:alice@example.com;opaque=user:epid:x;gruu>\r\n" \
	"Content-Length: 0\r\n\r\n"

/* A whole dialog that begins inside: the partner sees two Record-Routes of
 * ours and one Via, the inside sees everything, and the BYE of the partner
 * finds its way through. */
START_TEST(test_dialog_with_a_partner_that_sees_nothing_of_the_inside)
{
	struct lab lab;
	struct server edge;
	struct party *fe, *bob;
	const char *m;
	char routes[4096], text[8192], rr[4096], want[128];

	fe = lab_start(&lab, "partners: {example.test: allow}\n"
		"settings: {access-edge: {allow_federated_users: true, "
		"allow_targets: [127.0.0.0/8], hide_vias: true, "
		"hide_record_routes: true}}\n");
	lab_partner_open(&lab, &edge, "127.0.0.5", "p",
		"DNS:sip.example.test");
	dns_stub_srv(&lab.dns, "_sipfederationtls._tcp.example.test",
		"sip.example.test", edge.at.port);
	dns_stub_a(&lab.dns, "sip.example.test", "127.0.0.5");
	snprintf(text, sizeof(text), HIDDEN_CALL, lab.hop_port);
	party_send(fe, text);
	bob = server_dialled(&edge);
	m = party_expect(bob, "INVITE sip:bob@example.test SIP/2.0\r\n");
	expect_lacks(m, "fe.int.test");
	expect_lacks(m, "10.1.2.3");
	routes_from(m, false, routes, sizeof(routes));
	party_answer(bob, m, "200 OK", "Contact: <sip:bob@example.test>\r\n",
		"");
	m = party_expect(fe, "SIP/2.0 200 OK\r\n");
	expect_has(m, "Via: SIP/2.0/TLS 10.1.2.3:5061;branch=z9hG4bKua\r\n");
	lines_of(m, "Record-Route", rr, sizeof(rr));
	snprintf(want, sizeof(want), "Route: <sip:fe.int.test:%u;"
		"transport=tls;lr>\r\n", lab.hop_port);
	expect_has(rr, want);
	expect_has(rr, "Record-Route: <sip:" LAB_OUTSIDE ":");
	snprintf(text, sizeof(text), "BYE sip:alice@example.com;opaque=user:"
		"epid:x;gruu SIP/2.0\r\n"
		"Via: SIP/2.0/TLS sip.example.test;branch=z9hG4bKbye\r\n"
		"%sFrom: <sip:bob@example.test>;tag=answerer\r\n"
		"To: <sip:alice@example.com>;tag=a1\r\nCall-ID: h1\r\n"
		"CSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n", routes);
	party_send(bob, text);
	m = party_expect(fe, "BYE sip:alice@example.com;opaque=");
	expect_has(m, want);
	server_close(&edge);
	lab_fini(&lab);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("access-edge/hide");
	TCase *c = tcase_create("hide");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c,
		test_route_set_goes_out_sealed_and_comes_back_in_order);
	tcase_add_test(c,
		test_answers_to_partners_hide_what_stands_above_ours);
	tcase_add_test(c, test_answers_of_partners_show_it_again_below_ours);
	tcase_add_test(c, test_S14_changed_and_foreign_seals_show_nothing);
	tcase_add_test(c, test_S14_hidden_routes_follow_ours_alone);
	tcase_add_test(c, test_what_is_too_long_goes_as_it_is);
	tcase_add_test(c, test_vias_below_ours_stay_here);
	tcase_add_test(c, test_switched_off_hides_nothing_and_still_shows);
	tcase_add_test(c,
		test_dialog_with_a_partner_that_sees_nothing_of_the_inside);
	tcase_set_timeout(c, 60);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
