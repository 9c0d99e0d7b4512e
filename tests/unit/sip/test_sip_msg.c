/* Messages: what is read, what is refused, what comes out untouched. */
#include "common/sip/sip_msg.h"
#include "tests/unit/check_main.h"

#define VIA   "Via: SIP/2.0/TLS c.test:5061;branch=z9hG4bK1;rport\r\n"
#define FROM  "From: \"C\" <sip:c@a.test>;tag=1;epid=2\r\n"
#define TO    "To: <sip:d@b.test>\r\n"
#define IDS   "Call-ID: id@x\r\nCSeq: 7 INFO\r\n"
#define START "INFO sip:d@b.test;x=1 SIP/2.0\r\n"
#define GOOD  START VIA FROM TO IDS

static struct sip_msg *parse(const char *text, size_t len, int want,
	struct sip_fault *fault)
{
	struct sip_msg *m;
	int err = sip_msg_parse(&m, (struct str){text, len}, fault);

	ck_assert_msg(err == want, "%s, not %s: %s", err_name(err),
		err_name(want), fault->cause);
	ck_assert_ptr_nonnull(m);
	return m;
}

static struct sip_msg *good(const char *text)
{
	struct sip_fault fault;

	return parse(text, strlen(text), 0, &fault);
}

static void refused(const char *text, size_t len, unsigned status,
	const char *reason)
{
	struct sip_fault fault;
	struct sip_msg *m = parse(text, len, EDGE_EMALFORMED, &fault);

	ck_assert_msg(fault.status == status, "%u, not %u, for:\n%s",
		fault.status, status, text);
	if (reason != NULL)
		ck_assert_msg(strstr(fault.reason, reason) != NULL,
			"'%s' does not name %s", fault.reason, reason);
	sip_msg_free(m);
}

#define REFUSED(text, status, reason) \
	refused(text, sizeof(text) - 1, status, reason)

START_TEST(test_request_is_read)
{
	struct sip_addr route;
	struct sip_via via;
	struct sip_msg *m;

	m = good("SERVICE sip:d@b.test SIP/2.0\r\n"
		"v: SIP/2.0/TLS [2001:db8::1]:5061 ;branch=z9hG4bK1;rport\r\n"
		"VIA: SIP/2.0/TCP e.test , SIP/2.0/UDP f.test\r\n"
		"Route: <sip:r1;lr>, <sip:r2;lr>\r\nroute: <sip:r3;lr>\r\n"
		"f: \"C, \\\"x\\\"\" <sip:c@a.test>;epid=2;tag=1\r\n"
		"t: sip:d@b.test\r\ni: id@x\r\n"
		"CSeq: 07  SERVICE\r\nMax-Forwards: 69\r\n"
		"k: path, Outbound\r\nc: application/soap+xml\r\n"
		"l: 3\r\n\r\nabc");
	ck_assert(m->is_request);
	ck_assert_int_eq(m->method_id, SIP_SERVICE);
	ck_assert(str_eq_z(m->uri.host, "b.test"));
	ck_assert(str_eq_z(m->via.host, "[2001:db8::1]"));
	ck_assert_uint_eq(m->via.port, 5061);
	ck_assert(str_eq_z(m->via.transport, "TLS"));
	ck_assert(str_eq_z(m->via.branch, "z9hG4bK1"));
	ck_assert(m->via.has_rport && m->via.rport.n == 0);
	ck_assert_uint_eq(m->via_count, 3);
	ck_assert_uint_eq(m->route_count, 3);
	ck_assert(str_eq_z(m->from_tag, "1"));
	ck_assert(str_eq_z(m->to_tag, ""));
	ck_assert(str_eq_z(m->from.uri.user, "c"));
	ck_assert(str_eq_z(m->call_id, "id@x"));
	ck_assert_uint_eq(m->cseq, 7);
	ck_assert(m->has_max_forwards && m->max_forwards == 69);
	ck_assert(str_eq_z(m->content_type, "application/soap+xml"));
	ck_assert(str_eq_z(m->body, "abc"));
	ck_assert(sip_msg_has_token(m, SIP_HEADER_SUPPORTED, "outbound"));
	ck_assert(!sip_msg_has_token(m, SIP_HEADER_SUPPORTED, "out"));
	ck_assert_int_eq(sip_msg_addr(m, SIP_HEADER_ROUTE, 2, &route), 0);
	ck_assert(str_eq_z(route.uri.host, "r3"));
	ck_assert_int_eq(sip_msg_addr(m, SIP_HEADER_ROUTE, 3, &route),
		EDGE_EUNKNOWN);
	ck_assert_int_eq(sip_msg_via(m, 2, &via), 0);
	ck_assert(str_eq_z(via.host, "f.test"));
	sip_msg_free(m);
}
END_TEST

START_TEST(test_every_method_and_random_tokens_pass_as_they_are)
{
	static const char *const names[] = {
		"INVITE", "ACK", "CANCEL", "BYE", "REGISTER", "OPTIONS",
		"SUBSCRIBE", "NOTIFY", "REFER", "UPDATE", "PRACK", "INFO",
		"MESSAGE", "PUBLISH", "SERVICE", "BENOTIFY", "SUB", "MSGX",
		"OPTION", "B", "XSERVICE", "service", "!nt-A.*_%`'~+R", "Z",
	};
	char text[512];

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		struct sip_msg *m;
		char *out = NULL;
		size_t len = 0;

		snprintf(text, sizeof(text), "%s sip:d@b SIP/2.0\r\n" VIA
			FROM TO "Call-ID: x\r\nCSeq: 1 %s\r\n"
			"Content-Length: 0\r\n\r\n", names[i], names[i]);
		m = good(text);
		ck_assert(str_eq_z(m->method, names[i]));
		ck_assert_int_eq(sip_msg_print(m, &out, &len), 0);
		ck_assert_str_eq(out, text);
		free(out);
		sip_msg_free(m);
	}
}
END_TEST

START_TEST(test_response_is_read)
{
	struct sip_msg *m = good("SIP/2.0 180 \r\n" VIA FROM
		"To: <sip:d@b.test>;tag=9\r\n" IDS "\r\n");

	ck_assert(!m->is_request);
	ck_assert_uint_eq(m->status, 180);
	ck_assert(str_is_empty(m->reason));
	ck_assert_int_eq(m->method_id, SIP_INFO);
	ck_assert(str_eq_z(m->to_tag, "9"));
	sip_msg_free(m);
}
END_TEST

START_TEST(test_untouched_message_is_printed_octet_for_octet)
{
	static const char text[] =
		START "Content-Length :  5\r\n"
		"Date: rubbish at 25:61\r\nWWW-Authenticate: A b=\"c\"\r\n"
		"X-Y \t: folded,\r\n\t more ; \" \r\n"
		"WWW-Authenticate: D e=\"f\"\r\nvia:SIP/2.0/TLS c.test\r\n"
		FROM TO IDS "Supported: a\r\nX-\x7e: \xd0\x90\x01\r\n"
		"Supported: b,,c\r\n\r\n\0\1\2\3\xff";
	struct sip_fault fault;
	struct sip_msg *m = parse(text, sizeof(text) - 1, 0, &fault);
	char *out = NULL;
	size_t len = 0;

	ck_assert_int_eq(sip_msg_print(m, &out, &len), 0);
	ck_assert_uint_eq(len, sizeof(text) - 1);
	ck_assert_int_eq(memcmp(out, text, len), 0);
	free(out);
	sip_msg_free(m);
}
END_TEST

START_TEST(test_missing_length_is_added)
{
	struct sip_msg *m = good(GOOD "\r\n");
	char *out = NULL;
	size_t len = 0;

	ck_assert_int_eq(sip_msg_print(m, &out, &len), 0);
	ck_assert_str_eq(out, GOOD "Content-Length: 0\r\n\r\n");
	free(out);
	sip_msg_free(m);
}
END_TEST

START_TEST(test_bad_start_lines)
{
	REFUSED("INFO  sip:d@b SIP/2.0\r\n" VIA FROM TO IDS "\r\n", 400,
		"Request Line");
	REFUSED("INFO sip:d@b SIP/2.0 \r\n" VIA FROM TO IDS "\r\n", 400,
		NULL);
	REFUSED("IN\"FO sip:d@b SIP/2.0\r\n" VIA FROM TO IDS "\r\n", 400,
		NULL);
	REFUSED("INFO <sip:d@b> SIP/2.0\r\n" VIA FROM TO IDS "\r\n", 400,
		"Request-URI");
	REFUSED("INFO sip:d@b?a=b SIP/2.0\r\n" VIA FROM TO IDS "\r\n", 400,
		NULL);
	REFUSED("INFO sip:d@b SIP/7.0\r\n" VIA FROM TO IDS "\r\n", 505,
		NULL);
	REFUSED("SIP/2.0 99 x\r\n" VIA FROM TO IDS "\r\n", 0, NULL);
	REFUSED("SIP/2.0 4294967301 x\r\n" VIA FROM TO IDS "\r\n", 0, NULL);
	REFUSED("SIP/3.0 200 OK\r\n" VIA FROM TO IDS "\r\n", 0, NULL);
}
END_TEST

START_TEST(test_missing_repeated_and_bad_headers_are_named)
{
	REFUSED(START FROM TO IDS "\r\n", 400, "Via");
	REFUSED(START VIA TO IDS "\r\n", 400, "From");
	REFUSED(START VIA FROM IDS "\r\n", 400, "To");
	REFUSED(START VIA FROM TO "CSeq: 7 INFO\r\n\r\n", 400, "Call-ID");
	REFUSED(START VIA FROM TO "Call-ID: x\r\n\r\n", 400, "CSeq");
	REFUSED(GOOD "f: <sip:e@a.test>;tag=3\r\n\r\n", 400, "From");
	REFUSED(GOOD "i: other\r\n\r\n", 400, "Call-ID");
	REFUSED(GOOD "CSeq: 8 INFO\r\n\r\n", 400, "CSeq");
	REFUSED(START VIA FROM TO "Call-ID: x\r\nCSeq: 7 BYE\r\n\r\n", 400,
		"CSeq");
	REFUSED(START VIA FROM TO "Call-ID: x\r\nCSeq: 2147483648 INFO"
		"\r\n\r\n", 400, "CSeq");
	REFUSED(START VIA FROM TO "Call-ID: x\r\nCSeq: 7INFO\r\n\r\n", 400,
		"CSeq");
	REFUSED(START VIA FROM TO "Call-ID: a b\r\nCSeq: 7 INFO\r\n\r\n",
		400, "Call-ID");
	REFUSED(GOOD "Max-Forwards: 256\r\n\r\n", 400, "Max-Forwards");
	REFUSED(GOOD "Max-Forwards: x\r\n\r\n", 400, "Max-Forwards");
	REFUSED(START "Via: SIP/2.0/TLS\r\n" FROM TO IDS "\r\n", 400,
		"Via");
	REFUSED(START "Via: SIP/2.0/TLS h:0\r\n" FROM TO IDS "\r\n", 400,
		"Via");
	REFUSED(START VIA "From: \"x <sip:c@a>;tag=1\r\n" TO IDS "\r\n",
		400, "From");
	REFUSED(START VIA "From: < sip:c@a>;tag=1\r\n" TO IDS "\r\n", 400,
		"From");
	REFUSED(START VIA FROM "To: <sip:d@b>, <sip:e@b>\r\n" IDS "\r\n",
		400, "To");
	REFUSED(GOOD "Content-Length: 1\r\n\r\n", 400, "Content-Length");
	REFUSED(GOOD "\r\nx", 400, "Content-Length");
}
END_TEST

START_TEST(test_S2_stray_line_ends_and_nul_are_refused)
{
	struct sip_fault fault;
	struct sip_msg *m;

	REFUSED(GOOD "X: a\nms-user-logon-data: x\r\n\r\n", 400, NULL);
	REFUSED(GOOD "X: a\rms-user-logon-data: x\r\n\r\n", 400, NULL);
	REFUSED(GOOD "X: a\r\r\n\r\n", 400, NULL);
	REFUSED(GOOD "X: a\0b\r\n\r\n", 400, "NUL");
	REFUSED(START " folded: start\r\n" VIA FROM TO IDS "\r\n", 400,
		NULL);
	m = parse(GOOD "X: a\nb\r\n\r\n", sizeof(GOOD "X: a\nb\r\n\r\n") - 1,
		EDGE_EMALFORMED, &fault);
	ck_assert(fault.is_lost);
	sip_msg_free(m);
}
END_TEST

START_TEST(test_S1_names_that_another_parser_could_read_are_refused)
{
	REFUSED(GOOD "P-Asserted-Identity\xc2\xa0: x\r\n\r\n", 400, NULL);
	REFUSED(GOOD "ms-edge proxy: x\r\n\r\n", 400, NULL);
	REFUSED(GOOD ": x\r\n\r\n", 400, NULL);
	REFUSED(GOOD "no colon here\r\n\r\n", 400, NULL);
	REFUSED(GOOD "\x0bX: a\r\n\r\n", 400, NULL);
	REFUSED(GOOD "X\r\n : a\r\n\r\n", 400, NULL);
}
END_TEST

START_TEST(test_S1_tag_and_branch_mean_to_us_what_they_mean_to_sofia)
{
	/* A second tag, a quoted one, one inside the address. */
	REFUSED(START VIA "From: <sip:c@a>;tag=1;tag=2\r\n" TO IDS "\r\n",
		400, "From");
	REFUSED(START "Via: SIP/2.0/TLS h;branch=a;branch=b\r\n" FROM TO IDS
		"\r\n", 400, "Via");
	sip_msg_free(good(START VIA "From: <sip:c@a;tag=9>;tag=1\r\n" TO IDS
		"\r\n"));
}
END_TEST

START_TEST(test_negotiate_is_read_leniently)
{
	struct sip_msg *m = good("NEGOTIATE sip:192.0.2.1:443 SIP/2.0\r\n"
		"Via: SIP/2.0/TLS 192.0.2.77:58350\r\nCSeq: 1 NEGOTIATE\r\n"
		"From: whatever\r\nTo:\r\nMax-Forwards: 0\r\n\r\n");

	ck_assert_int_eq(m->method_id, SIP_NEGOTIATE);
	sip_msg_free(m);
}
END_TEST

START_TEST(test_header_is_found_in_any_spelling)
{
	struct sip_msg *m = good(GOOD "ms-Keep-Alive \t:  UAC;hop-hop=yes  "
		"\r\nX-Empty:\r\n\r\n");

	ck_assert(str_eq_z(sip_msg_header(m, "MS-KEEP-ALIVE"),
		"UAC;hop-hop=yes"));
	ck_assert(sip_msg_has_header(m, "x-empty"));
	ck_assert(!sip_msg_has_header(m, "x-absent"));
	ck_assert(str_eq_z(sip_msg_header(m, "i"), "id@x"));
	sip_msg_free(m);
}
END_TEST

START_TEST(test_contact_star_and_addresses_without_brackets)
{
	struct sip_msg *m = good(GOOD "m: *\r\n\r\n");
	struct sip_addr a;

	ck_assert_int_eq(sip_msg_addr(m, SIP_HEADER_CONTACT, 0, &a), 0);
	ck_assert(a.is_star);
	sip_msg_free(m);
	/* Parameters of a bare address belong to the header. */
	m = good(GOOD "Contact: sip:c@d;expires=5\r\n\r\n");
	ck_assert_int_eq(sip_msg_addr(m, SIP_HEADER_CONTACT, 0, &a), 0);
	ck_assert(str_eq_z(a.uri.text, "sip:c@d"));
	ck_assert(str_eq_z(a.params, ";expires=5"));
	sip_msg_free(m);
}
END_TEST

START_TEST(test_R24_every_read_header_takes_any_length_or_is_refused)
{
	static const struct {
		const char *before;
		const char *behind;
	} forms[] = {
		{"Call-ID: ", "\r\n"}, {"From: <sip:", "@a>;tag=1\r\n"},
		{"To: <sip:a@b>;tag=", "\r\n"},
		{"Via: SIP/2.0/TLS h;branch=z9hG4bK", "\r\n"},
		{"Contact: \"", "\" <sip:a@b>\r\n"},
	};
	static char filler[65536], text[70000];

	memset(filler, 'a', sizeof(filler));
	for (size_t f = 0; f < ARRAY_COUNT(forms); f++) {
		for (size_t n = 0; n < 65535; n += 2039) {
			struct sip_fault fault;
			struct sip_msg *m;
			int at = snprintf(text, sizeof(text), START);

			at += snprintf(text + at, sizeof(text) - at,
				"%s%.*s%s", forms[f].before, (int)n, filler,
				forms[f].behind);
			at += snprintf(text + at, sizeof(text) - at,
				"%s%s%s%sCSeq: 7 INFO\r\n\r\n",
				f == 3 ? "" : VIA, f == 1 ? "" : FROM,
				f == 2 ? "" : TO,
				f == 0 ? "" : "Call-ID: x\r\n");
			ck_assert_int_ne(sip_msg_parse(&m, (struct str){
				text, (size_t)at}, &fault), -ENOMEM);
			sip_msg_free(m);
		}
	}
}
END_TEST

int main(void)
{
	RUN_SUITE("sip/sip_msg", test_request_is_read,
		test_every_method_and_random_tokens_pass_as_they_are,
		test_response_is_read,
		test_untouched_message_is_printed_octet_for_octet,
		test_missing_length_is_added, test_bad_start_lines,
		test_missing_repeated_and_bad_headers_are_named,
		test_S2_stray_line_ends_and_nul_are_refused,
		test_S1_names_that_another_parser_could_read_are_refused,
		test_S1_tag_and_branch_mean_to_us_what_they_mean_to_sofia,
		test_negotiate_is_read_leniently,
		test_header_is_found_in_any_spelling,
		test_contact_star_and_addresses_without_brackets,
		test_R24_every_read_header_takes_any_length_or_is_refused);
}
