/* Lists, parameters, quotes. */
#include "common/sip/sip_text.h"
#include "tests/unit/check_main.h"

START_TEST(test_list_splits_outside_quotes_brackets_and_comments)
{
	static const char *const want[] = {
		"\"a, \\\" b\" <sip:x,y@z>;p=\"1,2\"", "c (d, (e, f) g)",
		"", "h",
	};
	struct str rest = STR_LIT("\"a, \\\" b\" <sip:x,y@z>;p=\"1,2\" ,"
		"\r\n c (d, (e, f) g),, h ");
	struct str value;

	for (size_t i = 0; i < ARRAY_COUNT(want); i++) {
		ck_assert(sip_list_next(&rest, &value));
		ck_assert_msg(str_eq_z(value, want[i]), "%.*s",
			STR_ARG(value));
	}
	ck_assert(!sip_list_next(&rest, &value));
}
END_TEST

START_TEST(test_list_with_an_open_quote_is_one_value)
{
	struct str rest = STR_LIT("\"a, b, c");
	struct str value;

	ck_assert(sip_list_next(&rest, &value));
	ck_assert(str_eq_z(value, "\"a, b, c"));
	ck_assert(!sip_list_next(&rest, &value));
}
END_TEST

START_TEST(test_params_begin_behind_the_address)
{
	ck_assert(str_eq_z(sip_params_of(STR_LIT("<sip:a;b>;tag=1")),
		";tag=1"));
	ck_assert(str_eq_z(sip_params_of(STR_LIT("\";\" <sip:a>")), ""));
	ck_assert(str_eq_z(sip_params_of(STR_LIT("sip:a@b;tag=1;x")),
		";tag=1;x"));
}
END_TEST

START_TEST(test_param_is_found_in_any_spelling)
{
	struct str p = STR_LIT(";branch  =   z9 ;Keep;q=\"a;b\" ; last=");
	struct str v;

	ck_assert(sip_param_find(p, "BRANCH", &v) && str_eq_z(v, "z9"));
	ck_assert(sip_param_find(p, "keep", &v) && v.n == 0);
	ck_assert(sip_param_find(p, "q", &v) && str_eq_z(v, "\"a;b\""));
	ck_assert(sip_param_find(p, "last", &v) && v.n == 0);
	ck_assert(!sip_param_find(p, "b", &v));
	ck_assert(!sip_param_find(STR_LIT(""), "b", &v));
	ck_assert(sip_param_find(STR_LIT("transport=tls;lr"), "lr", &v));
}
END_TEST

START_TEST(test_span_covers_the_parameter_with_its_semicolon)
{
	struct str p = STR_LIT(";a=1;b=\"x;y\";c");
	struct str whole;

	ck_assert(sip_param_span(p, "b", &whole));
	ck_assert(str_eq_z(whole, ";b=\"x;y\""));
	ck_assert(sip_param_span(p, "c", &whole));
	ck_assert(str_eq_z(whole, ";c"));
}
END_TEST

START_TEST(test_token_and_one_line)
{
	ck_assert(sip_is_token(STR_LIT("!nt-Acc.*_%`'~+R")));
	ck_assert(!sip_is_token(STR_LIT("")));
	ck_assert(!sip_is_token(STR_LIT("a b")));
	ck_assert(!sip_is_token(STR_LIT("ms\xe2\x80\x90" "edge")));
	ck_assert(sip_is_one_line(STR_LIT("a\tb")));
	ck_assert(!sip_is_one_line(STR_LIT("a\rb")));
	ck_assert(!sip_is_one_line(STR_LIT("a\nb")));
	ck_assert(!sip_is_one_line(STR_LIT("a\0b")));
}
END_TEST

START_TEST(test_hosts_are_equal_without_case_and_last_dot)
{
	ck_assert(sip_host_eq(STR_LIT("SIP.Test."), STR_LIT("sip.test")));
	ck_assert(!sip_host_eq(STR_LIT("sip.test"), STR_LIT("sip.tes")));
}
END_TEST

START_TEST(test_unquote)
{
	ck_assert(str_eq_z(sip_unquote(STR_LIT("\"a\"")), "a"));
	ck_assert(str_eq_z(sip_unquote(STR_LIT("\"")), "\""));
	ck_assert(str_eq_z(sip_unquote(STR_LIT("a")), "a"));
}
END_TEST

int main(void)
{
	RUN_SUITE("sip/sip_text",
		test_list_splits_outside_quotes_brackets_and_comments,
		test_list_with_an_open_quote_is_one_value,
		test_params_begin_behind_the_address,
		test_param_is_found_in_any_spelling,
		test_span_covers_the_parameter_with_its_semicolon,
		test_token_and_one_line,
		test_hosts_are_equal_without_case_and_last_dot,
		test_unquote);
}
