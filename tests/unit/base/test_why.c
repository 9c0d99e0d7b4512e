/* Tests of common/base/why.c: the reason stays one readable line. */
#include <errno.h>
#include <string.h>

#include <check.h>

#include "common/base/err.h"
#include "common/base/why.h"

START_TEST(test_why_set_returns_its_error)
{
	struct why why = {""};

	ck_assert_int_eq(why_set(&why, -ENOENT, "%s: missing", "a.crt"),
		-ENOENT);
	ck_assert_str_eq(why.text, "a.crt: missing");
	ck_assert_int_eq(why_set(NULL, EDGE_ECONFIG, "lost"), EDGE_ECONFIG);
}
END_TEST

START_TEST(test_why_replaces_control_characters)
{
	struct why why;

	why_set(&why, -EINVAL, "a\r\nb\tc\x7f" "d %s", "\x1b[2J");
	ck_assert_str_eq(why.text, "a??b?c?d ?[2J");
}
END_TEST

START_TEST(test_why_cuts_visibly)
{
	char big[2 * WHY_LEN];
	struct why why;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	why_set(&why, -EINVAL, "%s", big);
	ck_assert_uint_eq(strlen(why.text), WHY_LEN - 1);
	ck_assert_str_eq(why.text + WHY_LEN - 5, "x...");
	why_prefix(&why, -EINVAL, "%s", "file");
	ck_assert_uint_eq(strlen(why.text), WHY_LEN - 1);
	ck_assert(strncmp(why.text, "file: xxx", 9) == 0);
	ck_assert_str_eq(why.text + WHY_LEN - 5, "x...");
}
END_TEST

START_TEST(test_why_prefix_names_the_place)
{
	struct why why = {""};

	why_set(&why, -EACCES, "can't read");
	ck_assert_int_eq(why_prefix(&why, -EACCES, "%s:%d", "edge.yaml", 7),
		-EACCES);
	ck_assert_str_eq(why.text, "edge.yaml:7: can't read");
}
END_TEST

START_TEST(test_why_prefix_of_nothing_uses_the_error)
{
	struct why why = {""};

	why_prefix(&why, -EACCES, "edge.yaml");
	ck_assert_str_eq(why.text, "edge.yaml: permission denied");
}
END_TEST

START_TEST(test_why_holds_nothing_but_whole_characters)
{
	struct why why;

	why_set(&why, -EIO, "a\xff" "b\xc3" "c\xed\xa0\x80 \xe2\x82\xac");
	ck_assert_str_eq(why.text, "a?b?c??? \xe2\x82\xac");
	why_set(&why, -EIO, "%0*d\xe2\x82\xac tail", WHY_LEN - 6, 0);
	ck_assert_str_eq(why.text + WHY_LEN - 6, "??...");
	why_set(&why, -EIO, "%0*d\xe2\x82\xac tail", WHY_LEN - 16, 0);
	why_prefix(&why, -EIO, "12345678");
	ck_assert_str_eq(why.text + WHY_LEN - 6, "??...");
}
END_TEST

START_TEST(test_why_may_quote_itself)
{
	struct why why;

	why_set(&why, -EIO, "inner");
	why_set(&why, -EIO, "outer (%s)", why.text);
	ck_assert_str_eq(why.text, "outer (inner)");
}
END_TEST

START_TEST(test_why_text_falls_back_to_the_error)
{
	struct why why = {""};

	ck_assert_str_eq(why_text(&why, -ENOENT),
		"no such file or directory");
	ck_assert_str_eq(why_text(NULL, -ENOENT),
		"no such file or directory");
	why_set(&why, -ENOENT, "said");
	ck_assert_str_eq(why_text(&why, -ENOENT), "said");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/why");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_why_set_returns_its_error);
	tcase_add_test(tc, test_why_replaces_control_characters);
	tcase_add_test(tc, test_why_cuts_visibly);
	tcase_add_test(tc, test_why_prefix_names_the_place);
	tcase_add_test(tc, test_why_prefix_of_nothing_uses_the_error);
	tcase_add_test(tc, test_why_holds_nothing_but_whole_characters);
	tcase_add_test(tc, test_why_may_quote_itself);
	tcase_add_test(tc, test_why_text_falls_back_to_the_error);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
