/* Edits: what changes, and that nothing else does. */
#include "common/sip/sip_edit.h"
#include "tests/unit/check_main.h"

#define START "INFO sip:d@b.test SIP/2.0\r\n"
#define VIAS  "Via: SIP/2.0/TLS c.test , SIP/2.0/TCP d.test\r\n" \
	"v : SIP/2.0/UDP e.test\r\n"
#define REST  "From: <sip:c@a.test>;tag=1\r\nTo: <sip:d@b.test>\r\n" \
	"Call-ID: x\r\nCSeq: 1 INFO\r\n"
#define END   "Content-Length: 0\r\n\r\n"

static struct sip_msg *parse(const char *text)
{
	struct sip_fault fault;
	struct sip_msg *m;

	ck_assert_msg(sip_msg_parse(&m, str_of(text), &fault) == 0, "%s",
		fault.cause);
	return m;
}

/* m must print as this; frees m. */
static void expect(struct sip_msg *m, const char *text)
{
	char *out = NULL;
	size_t len = 0;

	ck_assert_int_eq(sip_msg_print(m, &out, &len), 0);
	ck_assert_str_eq(out, text);
	free(out);
	sip_msg_free(m);
}

START_TEST(test_push_puts_a_line_on_top_of_its_like)
{
	struct sip_msg *m = parse(START VIAS REST END);

	ck_assert_int_eq(sip_push(m, SIP_HEADER_VIA,
		STR_LIT("SIP/2.0/TLS me;branch=z9hG4bKx")), 0);
	ck_assert_int_eq(sip_push(m, SIP_HEADER_RECORD_ROUTE,
		STR_LIT("<sip:one;lr>")), 0);
	ck_assert_int_eq(sip_push(m, SIP_HEADER_RECORD_ROUTE,
		STR_LIT("<sip:two;lr>")), 0);
	expect(m, START "Via: SIP/2.0/TLS me;branch=z9hG4bKx\r\n" VIAS
		"Record-Route: <sip:two;lr>\r\n"
		"Record-Route: <sip:one;lr>\r\n" REST END);
}
END_TEST

START_TEST(test_pop_takes_one_value_at_a_time)
{
	struct sip_msg *m = parse(START VIAS REST END);

	ck_assert_int_eq(sip_pop(m, SIP_HEADER_VIA), 0);
	expect(m, START "Via: SIP/2.0/TCP d.test\r\n"
		"v : SIP/2.0/UDP e.test\r\n" REST END);
	m = parse(START VIAS REST END);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(sip_pop(m, SIP_HEADER_VIA), 0);
	ck_assert_int_eq(sip_pop(m, SIP_HEADER_VIA), EDGE_EUNKNOWN);
	expect(m, START REST END);
}
END_TEST

START_TEST(test_drop_takes_the_value_in_the_middle_or_at_the_end)
{
	static const char line[] =
		"Route: <sip:a;lr>, <sip:b;lr>, <sip:c;lr>\r\n";
	static const char *const want[] = {
		"Route: <sip:b;lr>, <sip:c;lr>\r\n",
		"Route: <sip:a;lr>, <sip:c;lr>\r\n",
		"Route: <sip:a;lr>, <sip:b;lr>\r\n",
	};
	char text[1024], after[1024];

	for (size_t n = 0; n < 3; n++) {
		struct sip_msg *m;

		snprintf(text, sizeof(text), "%s%s%s%s%s", START, VIAS, line,
			REST, END);
		m = parse(text);
		ck_assert_int_eq(sip_drop_value(m, SIP_HEADER_ROUTE, n), 0);
		snprintf(after, sizeof(after), "%s%s%s%s%s", START, VIAS,
			want[n], REST, END);
		expect(m, after);
	}
}
END_TEST

START_TEST(test_replace_keeps_the_neighbours)
{
	struct sip_msg *m = parse(START VIAS REST
		"m: <sip:a>;q=1 ,\r\n  <sip:b>,<sip:c>\r\n" END);

	ck_assert_int_eq(sip_replace(m, SIP_HEADER_CONTACT, 1,
		STR_LIT("<sip:new>")), 0);
	expect(m, START VIAS REST
		"m: <sip:a>;q=1 ,\r\n  <sip:new>,<sip:c>\r\n" END);
}
END_TEST

START_TEST(test_S2_replacing_an_empty_value_stays_in_its_line)
{
	struct sip_msg *m = parse(START VIAS REST "m: \r\nX: y\r\n" END);

	ck_assert_int_eq(sip_replace(m, SIP_HEADER_CONTACT, 0,
		STR_LIT("<sip:new>")), 0);
	expect(m, START VIAS REST "m: <sip:new>\r\nX: y\r\n" END);
}
END_TEST

START_TEST(test_set_leaves_one_line_in_place)
{
	struct sip_msg *m = parse(START VIAS "X-A: 1\r\n" REST
		"x-a: 2\r\nX-B: 3\r\n" END);

	ck_assert_int_eq(sip_set(m, "X-A", STR_LIT("9")), 0);
	ck_assert_int_eq(sip_set(m, "X-C", STR_LIT("4")), 0);
	ck_assert_int_eq(sip_set_max_forwards(m, 69), 0);
	expect(m, START VIAS "X-A: 9\r\n" REST "X-B: 3\r\n"
		"Content-Length: 0\r\nX-C: 4\r\nMax-Forwards: 69\r\n\r\n");
}
END_TEST

START_TEST(test_S1_remove_takes_every_spelling)
{
	struct sip_msg *m = parse(START VIAS
		"ms-edge-proxy-message-trust: a\r\n"
		"MS-EDGE-PROXY-MESSAGE-TRUST : b\r\n"
		"Ms-Edge-Proxy-Message-Trust\t\t:\r\n c\r\n" REST
		"ms-edge-proxy-message-trust:d\r\n" END);

	ck_assert_uint_eq(sip_remove(m, "ms-edge-proxy-message-trust"), 4);
	expect(m, START VIAS REST END);
	m = parse(START VIAS REST "s: x\r\nSubject: y\r\n" END);
	ck_assert_uint_eq(sip_remove(m, "Subject"), 2);
	expect(m, START VIAS REST END);
}
END_TEST

START_TEST(test_S2_no_edit_takes_a_line_end)
{
	static const char *const bad[] = {"a\r\nX: y", "a\rb", "a\nb"};
	struct sip_msg *m = parse(START VIAS REST END);

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct str v = str_of(bad[i]);

		ck_assert_int_eq(sip_push(m, SIP_HEADER_VIA, v),
			EDGE_EMALFORMED);
		ck_assert_int_eq(sip_append(m, SIP_HEADER_ROUTE, v),
			EDGE_EMALFORMED);
		ck_assert_int_eq(sip_replace(m, SIP_HEADER_VIA, 0, v),
			EDGE_EMALFORMED);
		ck_assert_int_eq(sip_set(m, "X", v), EDGE_EMALFORMED);
		ck_assert_int_eq(sip_add_first(m, "X", v), EDGE_EMALFORMED);
		ck_assert_int_eq(sip_add_last(m, "X", v), EDGE_EMALFORMED);
		ck_assert_int_eq(sip_set_uri(m, v), EDGE_EMALFORMED);
		ck_assert_int_eq(sip_set(m, bad[i], STR_LIT("v")),
			EDGE_EMALFORMED);
	}
	ck_assert_int_eq(sip_set(m, "X", STR_LIT("a\0b")), EDGE_EMALFORMED);
	ck_assert_int_eq(sip_set_uri(m, STR_LIT("sip:a b")),
		EDGE_EMALFORMED);
	expect(m, START VIAS REST END);
}
END_TEST

/* The first Via of a request from 192.0.2.7:4321 after marking. */
static void expect_mark(const char *via, const char *cid, const char *want)
{
	struct addr source;
	struct str value;
	struct sip_msg *m;
	char text[1024];

	ck_assert_int_eq(addr_parse_z("192.0.2.7", 4321, &source), 0);
	snprintf(text, sizeof(text), START "Via: %s\r\n" REST END, via);
	m = parse(text);
	ck_assert_int_eq(sip_mark_received(m, &source, cid), 0);
	ck_assert(sip_msg_value(m, SIP_HEADER_VIA, 0, &value));
	ck_assert_msg(str_eq_z(value, want), "%.*s", STR_ARG(value));
	sip_msg_free(m);
}

START_TEST(test_mark_received)
{
	expect_mark("SIP/2.0/TLS c.test", NULL,
		"SIP/2.0/TLS c.test;received=192.0.2.7");
	expect_mark("SIP/2.0/TLS 192.0.2.7:9;branch=b", NULL,
		"SIP/2.0/TLS 192.0.2.7:9;branch=b");
	expect_mark("SIP/2.0/TLS 192.0.2.7;rport;branch=b", NULL,
		"SIP/2.0/TLS 192.0.2.7;branch=b;rport=4321;"
		"received=192.0.2.7");
	/* What the sender wrote there itself does not stay. */
	expect_mark("SIP/2.0/TLS 10.1.1.1;received=9.9.9.9;"
		"ms-received-cid=BAD;ms-received-port=1;branch=b", "1D",
		"SIP/2.0/TLS 10.1.1.1;branch=b;received=192.0.2.7;"
		"ms-received-port=4321;ms-received-cid=1D");
	expect_mark("SIP / 2.0 /\r\n TLS c.test ;\r\n branch = b", NULL,
		"SIP / 2.0 /   TLS c.test ;   branch = b;received=192.0.2.7");
}
END_TEST

START_TEST(test_params_of_a_value)
{
	struct sip_msg *m = parse(START VIAS REST END);
	struct str out;

	ck_assert_int_eq(sip_param_unset(m, STR_LIT("<sip:a;b>;b=1;c;B=2"),
		"b", &out), 0);
	ck_assert(str_eq_z(out, "<sip:a;b>;c"));
	ck_assert_int_eq(sip_param_set(m, STR_LIT("<sip:a>;b=1;c"), "b",
		"2", &out), 0);
	ck_assert(str_eq_z(out, "<sip:a>;c;b=2"));
	ck_assert_int_eq(sip_param_set(m, STR_LIT("<sip:a>"), "keep", NULL,
		&out), 0);
	ck_assert(str_eq_z(out, "<sip:a>;keep"));
	sip_msg_free(m);
}
END_TEST

START_TEST(test_first_and_last)
{
	struct sip_msg *m = parse(START VIAS REST END);

	ck_assert_int_eq(sip_add_first(m, "X-F", STR_LIT("1")), 0);
	ck_assert_int_eq(sip_add_last(m, "X-L", STR_LIT("2")), 0);
	expect(m, START "X-F: 1\r\n" VIAS REST
		"Content-Length: 0\r\nX-L: 2\r\n\r\n");
}
END_TEST

START_TEST(test_many_lines_grow)
{
	struct sip_msg *m = parse(START VIAS REST END);

	for (int i = 0; i < 500; i++)
		ck_assert_int_eq(sip_add_last(m, "X-N", STR_LIT("v")), 0);
	ck_assert_uint_eq(sip_remove(m, "x-n"), 500);
	expect(m, START VIAS REST END);
}
END_TEST

START_TEST(test_set_uri)
{
	struct sip_msg *m = parse(START VIAS REST END);

	ck_assert_int_eq(sip_set_uri(m, STR_LIT("sip:new@h;x")), 0);
	expect(m, "INFO sip:new@h;x SIP/2.0\r\n" VIAS REST END);
}
END_TEST

int main(void)
{
	RUN_SUITE("sip/sip_edit",
		test_push_puts_a_line_on_top_of_its_like,
		test_pop_takes_one_value_at_a_time,
		test_drop_takes_the_value_in_the_middle_or_at_the_end,
		test_replace_keeps_the_neighbours,
		test_S2_replacing_an_empty_value_stays_in_its_line,
		test_set_leaves_one_line_in_place,
		test_S1_remove_takes_every_spelling,
		test_S2_no_edit_takes_a_line_end, test_mark_received,
		test_params_of_a_value, test_first_and_last,
		test_many_lines_grow, test_set_uri);
}
