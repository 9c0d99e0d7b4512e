/* Tests of common/base/err.c: every code has a name and a text. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <check.h>

#include "common/base/err.h"

START_TEST(test_err_names_are_stable)
{
	ck_assert_str_eq(err_name(EDGE_EFORGED), "EDGE_EFORGED");
	ck_assert_str_eq(err_name(-ENOENT), "ENOENT");
	ck_assert_str_eq(err_name(-ELOOP), "ELOOP");
	ck_assert_str_eq(err_name(0), "OK");
}
END_TEST

START_TEST(test_err_texts_fit_inside_a_sentence)
{
	ck_assert_str_eq(err_text(-EACCES), "permission denied");
	ck_assert_str_eq(err_text(EDGE_EEXPIRED), "expired");
	ck_assert_str_eq(err_text(0), "no error");
}
END_TEST

START_TEST(test_err_knows_each_code_of_ours)
{
	for (int err = EDGE_EPEER; err <= EDGE_EMALFORMED; err++) {
		ck_assert_msg(strncmp(err_name(err), "EDGE_E", 6) == 0,
			"code %d has no name", err);
		ck_assert_str_ne(err_text(err), "unknown error");
	}
}
END_TEST

START_TEST(test_err_never_gives_null)
{
	static const int ODD[] = {1, INT_MAX, INT_MIN, -4000, -EDGE_ERR_BASE,
		-EDGE_ERR_BASE - 1000};

	for (size_t i = 0; i < sizeof(ODD) / sizeof(ODD[0]); i++) {
		ck_assert_str_eq(err_name(ODD[i]), "EUNKNOWN");
		ck_assert_str_eq(err_text(ODD[i]), "unknown error");
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/err");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_err_names_are_stable);
	tcase_add_test(tc, test_err_texts_fit_inside_a_sentence);
	tcase_add_test(tc, test_err_knows_each_code_of_ours);
	tcase_add_test(tc, test_err_never_gives_null);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
