/*
 * What a test program ends with: its tests as one suite.
 */
#ifndef TESTS_CHECK_MAIN_H
#define TESTS_CHECK_MAIN_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/attr.h"
#include "common/base/err.h"
#include "common/base/str.h"

static inline int run_suite(const char *name, const TTest *const *tests,
	size_t count)
{
	Suite *suite = suite_create(name);
	TCase *c = tcase_create(name);
	SRunner *runner;
	int failed;

	for (size_t i = 0; i < count; i++)
		tcase_add_test(c, tests[i]);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}

#define RUN_SUITE(name, ...)                                     \
	do {                                                     \
		const TTest *const all_[] = { __VA_ARGS__ };     \
		return run_suite(name, all_, ARRAY_COUNT(all_)); \
	} while (0)

#endif
