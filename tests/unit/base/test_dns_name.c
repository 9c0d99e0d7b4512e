/* Tests of common/base/dns_name.c. */
#include <string.h>

#include <check.h>

#include "common/base/dns_name.h"
#include "common/base/err.h"

#define L50 "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"

START_TEST(test_names_are_taken_in_lower_case)
{
	char out[DNS_NAME_LEN];

	ck_assert_int_eq(dns_name_take(STR_LIT("Edge.INT.contoso.test"), out,
		sizeof(out)), 0);
	ck_assert_str_eq(out, "edge.int.contoso.test");
	ck_assert(dns_name_is_valid(STR_LIT("a")));
	ck_assert(dns_name_is_valid(STR_LIT("3com.test")));
	ck_assert(dns_name_is_valid(STR_LIT("xn--mnchen-3ya.test")));
	ck_assert(dns_name_is_valid(STR_LIT("10.0.0.1.in-addr")));
	ck_assert(dns_name_is_valid(STR_LIT(L50 "abcdefghijabc.test")));
}
END_TEST

START_TEST(test_what_is_no_name_is_refused)
{
	static const char *const BAD[] = {"", ".", "a.", ".a", "a..b", "-a.b",
		"a-.b", "a_b.c", "a b.c", "a.b\n", "10.0.0.1", "1", "a.1",
		"m\xc3\xbcnchen.test", "*.a.test", "a.test:5061",
		"2001:db8::1", L50 "abcdefghijabcd.test",
		L50 "." L50 "." L50 "." L50 "." L50 ".test"};
	char out[DNS_NAME_LEN];

	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
		ck_assert_msg(!dns_name_is_valid(str_of(BAD[i])), "%s",
			BAD[i]);
		ck_assert_int_eq(dns_name_take(str_of(BAD[i]), out,
			sizeof(out)), EDGE_EMALFORMED);
	}
	ck_assert(!dns_name_is_valid((struct str){"a\0b", 3}));
	ck_assert_int_eq(dns_name_take(STR_LIT("abc"), out, 3), EDGE_ETOOBIG);
}
END_TEST

START_TEST(test_one_dot_at_the_end_is_taken_for_granted)
{
	ck_assert(str_eq_z(dns_name_without_dot(STR_LIT("a.test.")),
		"a.test"));
	ck_assert(str_eq_z(dns_name_without_dot(STR_LIT("a.test")),
		"a.test"));
	/* Two make no name, and the root stays what it is. */
	ck_assert(str_eq_z(dns_name_without_dot(STR_LIT("a.test..")),
		"a.test."));
	ck_assert(str_eq_z(dns_name_without_dot(STR_LIT(".")), "."));
	ck_assert(str_is_empty(dns_name_without_dot(STR_LIT(""))));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dns_name");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_test(tc, test_names_are_taken_in_lower_case);
	tcase_add_test(tc, test_what_is_no_name_is_refused);
	tcase_add_test(tc, test_one_dot_at_the_end_is_taken_for_granted);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
