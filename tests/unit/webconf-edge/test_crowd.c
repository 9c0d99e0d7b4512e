/* When those who have proved nothing make room for others (S8). */
#include <check.h>

#include "webconf-edge/crowd.h"

START_TEST(test_S8_more_of_them_have_less_time)
{
	ck_assert_int_lt(crowd_time_ms(0, 1024), 0);
	ck_assert_int_lt(crowd_time_ms(767, 1024), 0);
	ck_assert_int_eq(crowd_time_ms(768, 1024), 1000);
	ck_assert_int_eq(crowd_time_ms(959, 1024), 1000);
	ck_assert_int_eq(crowd_time_ms(960, 1024), 250);
	ck_assert_int_eq(crowd_time_ms(5000, 1024), 250);
}
END_TEST

/* Always before the last place is taken. */
START_TEST(test_S8_there_is_a_crowd_before_it_is_full)
{
	for (size_t most = 16; most < 5000; most++) {
		ck_assert_int_ge(crowd_time_ms(most, most), 0);
		ck_assert_int_ge(crowd_time_ms(most - 1, most), 0);
		ck_assert_int_lt(crowd_time_ms(most / 2, most), 0);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("crowd");
	TCase *tc = tcase_create("all");
	SRunner *r;
	int failures;

	tcase_add_test(tc, test_S8_more_of_them_have_less_time);
	tcase_add_test(tc, test_S8_there_is_a_crowd_before_it_is_full);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}
