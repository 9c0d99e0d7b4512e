/* Tests of edgectl/backoff.c: quick at first, patient later. */
#include <check.h>

#include "edgectl/up/backoff.h"

START_TEST(test_first_restarts_take_less_than_a_second)
{
	struct backoff b = {0};

	for (int i = 0; i < 4; i++)
		ck_assert_int_lt(backoff_delay_ms(&b, 100), 1000);
}
END_TEST

START_TEST(test_R29_a_daemon_that_can_not_live_is_slowed_down)
{
	struct backoff b = {0};
	int64_t delay_ms = 0;

	for (int i = 0; i < 4; i++) {
		(void)backoff_delay_ms(&b, 10);
		ck_assert(!backoff_is_open(&b));
	}
	for (int i = 0; i < 20; i++)
		delay_ms = backoff_delay_ms(&b, 10);
	ck_assert(backoff_is_open(&b));
	ck_assert_int_ge(delay_ms, 10000);
	ck_assert_int_le(delay_ms, 60000);
}
END_TEST

START_TEST(test_delays_never_shrink_while_it_keeps_ending)
{
	struct backoff b = {0};
	int64_t last_ms = 0;

	for (int i = 0; i < 12; i++) {
		int64_t delay_ms = backoff_delay_ms(&b, 10);

		ck_assert_int_ge(delay_ms, last_ms);
		last_ms = delay_ms;
	}
}
END_TEST

START_TEST(test_a_healthy_life_starts_the_count_anew)
{
	struct backoff b = {0};
	int64_t first_ms = backoff_delay_ms(&b, 10);

	for (int i = 0; i < 10; i++)
		(void)backoff_delay_ms(&b, 10);
	ck_assert_int_eq(backoff_delay_ms(&b, BACKOFF_HEALTHY_MS), first_ms);
	ck_assert(!backoff_is_open(&b));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/backoff");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_first_restarts_take_less_than_a_second);
	tcase_add_test(tc, test_R29_a_daemon_that_can_not_live_is_slowed_down);
	tcase_add_test(tc, test_delays_never_shrink_while_it_keeps_ending);
	tcase_add_test(tc, test_a_healthy_life_starts_the_count_anew);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
