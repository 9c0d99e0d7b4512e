/* Tests of common/base/clock.c. */
#include <time.h>

#include <check.h>

#include "common/base/clock.h"

START_TEST(test_clock_real_clocks_move_on)
{
	struct mono a = mono_now();
	uint64_t us = mono_now_us();
	struct timespec pause = {.tv_nsec = 3000000};

	nanosleep(&pause, NULL);
	ck_assert_int_ge(mono_since_ms(a, mono_now()), 2);
	ck_assert_uint_ge(mono_now_us() - us, 2900);
	ck_assert_int_le(wall_now().s - (int64_t)time(NULL), 1);
	ck_assert_int_le(wall_now_ms() / 1000, wall_now().s);
	ck_assert_int_le(wall_now_us() / 1000, wall_now_ms());
}
END_TEST

START_TEST(test_clock_fake_freezes_both)
{
	clock_fake(5000, 1772366400000);
	ck_assert_int_eq(mono_now().ms, 5000);
	ck_assert_uint_eq(mono_now_us(), 5000000);
	ck_assert_int_eq(wall_now().s, 1772366400);
	clock_fake_advance(1500);
	ck_assert_int_eq(mono_now().ms, 6500);
	ck_assert_int_eq(wall_now_ms(), 1772366401500);
	ck_assert_int_eq(wall_now_us(), 1772366401500000);
	ck_assert_int_eq(wall_now().s, 1772366401);
	clock_real();
	ck_assert_int_ne(wall_now().s, 1772366401);
}
END_TEST

START_TEST(test_clock_deadline_is_past_when_reached)
{
	struct mono now = {1000};
	struct mono deadline = mono_after_ms(now, 10);

	ck_assert(!mono_is_past(deadline, now));
	ck_assert(!mono_is_past(deadline, (struct mono){1009}));
	ck_assert(mono_is_past(deadline, (struct mono){1010}));
	ck_assert_int_eq(mono_since_ms(deadline, now), -10);
}
END_TEST

START_TEST(test_clock_wall_text_is_rfc3339)
{
	char text[WALL_TEXT_LEN];

	ck_assert_str_eq(wall_text((struct wall){1772366400}, text),
		"2026-03-01T12:00:00Z");
	ck_assert_str_eq(wall_text((struct wall){0}, text),
		"1970-01-01T00:00:00Z");
	ck_assert_str_eq(wall_text((struct wall){253402300799}, text),
		"9999-12-31T23:59:59Z");
	ck_assert_str_eq(wall_text((struct wall){253402300800}, text), "-");
	ck_assert_str_eq(wall_text((struct wall){INT64_MAX}, text), "-");
	ck_assert_str_eq(wall_text((struct wall){INT64_MIN}, text), "-");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/clock");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_clock_real_clocks_move_on);
	tcase_add_test(tc, test_clock_fake_freezes_both);
	tcase_add_test(tc, test_clock_deadline_is_past_when_reached);
	tcase_add_test(tc, test_clock_wall_text_is_rfc3339);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
