/* Tests of replication-agent/watch.c: who is well with a fresh generation. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "replication-agent/watch.h"

static const bool BOTH[CONF_DAEMON_COUNT] = {
	[CONF_AV_AUTH] = true,
	[CONF_AV_EDGE] = true,
};

static struct watch w;

static struct mono at(int64_t ms)
{
	return (struct mono){ms};
}

static void hear_both(int64_t ms)
{
	watch_hear(&w, CONF_AV_AUTH, 10, true, at(ms));
	watch_hear(&w, CONF_AV_EDGE, 20, true, at(ms));
}

static void setup(void)
{
	watch_start(&w, BOTH, at(0), 60000);
}

START_TEST(test_all_report_it_and_time_goes_by)
{
	struct why why = {""};

	ck_assert_int_eq(watch_judge(&w, at(0), &why), WATCH_WAITING);
	watch_hear(&w, CONF_AV_AUTH, 10, true, at(100));
	ck_assert_int_eq(watch_judge(&w, at(100), &why), WATCH_WAITING);
	watch_hear(&w, CONF_AV_EDGE, 20, true, at(200));
	ck_assert_int_eq(watch_judge(&w, at(200), &why), WATCH_CONFIRMED);
	hear_both(59000);
	ck_assert_int_eq(watch_judge(&w, at(59999), &why), WATCH_CONFIRMED);
	ck_assert_int_eq(watch_judge(&w, at(60001), &why), WATCH_OVER);
	watch_stop(&w);
	ck_assert_int_eq(watch_judge(&w, at(60002), &why), WATCH_OFF);
}
END_TEST

START_TEST(test_R29_second_restart_fails_it)
{
	struct why why = {""};

	hear_both(100);
	watch_hear(&w, CONF_AV_EDGE, 21, true, at(500));
	ck_assert_int_eq(watch_judge(&w, at(500), &why), WATCH_CONFIRMED);
	watch_hear(&w, CONF_AV_EDGE, 22, true, at(900));
	ck_assert_int_eq(watch_judge(&w, at(900), &why), WATCH_FAILED);
	ck_assert_ptr_nonnull(strstr(why.text, "av-edge"));
}
END_TEST

START_TEST(test_silence_fails_it)
{
	struct why why = {""};

	hear_both(100);
	watch_hear(&w, CONF_AV_AUTH, 10, true, at(9000));
	ck_assert_int_eq(watch_judge(&w, at(10100), &why), WATCH_CONFIRMED);
	ck_assert_int_eq(watch_judge(&w, at(10101), &why), WATCH_FAILED);
	ck_assert_ptr_nonnull(strstr(why.text, "av-edge"));
}
END_TEST

START_TEST(test_old_version_at_the_end_fails_it)
{
	struct why why = {""};

	hear_both(55000);
	watch_hear(&w, CONF_AV_AUTH, 10, false, at(59900));
	ck_assert_int_eq(watch_judge(&w, at(59950), &why), WATCH_WAITING);
	watch_hear(&w, CONF_AV_EDGE, 20, true, at(59960));
	ck_assert_int_eq(watch_judge(&w, at(60001), &why), WATCH_FAILED);
	ck_assert_ptr_nonnull(strstr(why.text, "av-auth"));
}
END_TEST

START_TEST(test_who_did_not_run_is_not_waited_for)
{
	static const bool NONE[CONF_DAEMON_COUNT] = {false};
	struct why why = {""};

	watch_start(&w, NONE, at(0), 1000);
	ck_assert_int_eq(watch_judge(&w, at(0), &why), WATCH_CONFIRMED);
	ck_assert_int_eq(watch_judge(&w, at(20000), &why), WATCH_OVER);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("watch");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_all_report_it_and_time_goes_by);
	tcase_add_test(tc, test_R29_second_restart_fails_it);
	tcase_add_test(tc, test_silence_fails_it);
	tcase_add_test(tc, test_old_version_at_the_end_fails_it);
	tcase_add_test(tc, test_who_did_not_run_is_not_waited_for);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
