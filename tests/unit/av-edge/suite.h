/* One suite from a list of tests: what every test program ends with. */
#ifndef TESTS_AV_EDGE_SUITE_H
#define TESTS_AV_EDGE_SUITE_H

#include <check.h>
#include <stddef.h>

static inline int suite_run(const char *name, const TTest *const *tests,
	size_t count, SFun setup, SFun teardown)
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create("all");
	SRunner *r;
	size_t i;
	int failures;

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	for (i = 0; i < count; i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}

#endif
