/* Tests of common/base/rand.c. */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "common/base/rand.h"

#define CASES 100000

START_TEST(test_rand_bytes_fills_exactly)
{
	uint8_t room[70];
	unsigned zero = 0;

	memset(room, 0, sizeof(room));
	rand_bytes(room, 64);
	for (size_t i = 0; i < 64; i++)
		zero += room[i] == 0;
	ck_assert_uint_lt(zero, 16);
	for (size_t i = 64; i < sizeof(room); i++)
		ck_assert_uint_eq(room[i], 0);
	rand_bytes(NULL, 0);
}
END_TEST

START_TEST(test_T17_below_is_uniform)
{
	enum { BINS = 100 };
	unsigned count[BINS] = {0};
	double chi2 = 0;

	for (int i = 0; i < CASES; i++) {
		/* A bound where plain "% bound" would favour low halves. */
		uint32_t v = rand_below(3u << 30);

		ck_assert_uint_lt(v, 3u << 30);
		count[v / ((3u << 30) / BINS + 1)]++;
	}
	for (size_t i = 0; i < BINS; i++) {
		double d = count[i] - (double)CASES / BINS;

		chi2 += d * d / ((double)CASES / BINS);
	}
	/* 99 degrees of freedom: above 180 once in a million runs. */
	ck_assert_double_lt(chi2, 180);
}
END_TEST

START_TEST(test_rand_below_keeps_its_bound)
{
	bool seen[3] = {false, false, false};

	for (int i = 0; i < 1000; i++) {
		ck_assert_uint_eq(rand_below(1), 0);
		seen[rand_below(3)] = true;
	}
	ck_assert(seen[0] && seen[1] && seen[2]);
}
END_TEST

static int cmp_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

START_TEST(test_T17_numbers_do_not_repeat)
{
	static uint64_t drawn[CASES];

	for (size_t i = 0; i < CASES; i++)
		drawn[i] = rand_u64();
	qsort(drawn, CASES, sizeof(drawn[0]), cmp_u64);
	for (size_t i = 1; i < CASES; i++)
		ck_assert_uint_ne(drawn[i - 1], drawn[i]);
}
END_TEST

START_TEST(test_rand_jitter_stays_inside)
{
	int64_t low = INT64_MAX, high = 0;

	for (int i = 0; i < 10000; i++) {
		int64_t v = rand_jitter_ms(1000, 20);

		low = v < low ? v : low;
		high = v > high ? v : high;
	}
	ck_assert_int_ge(low, 800);
	ck_assert_int_le(high, 1200);
	ck_assert_int_lt(low, 820);
	ck_assert_int_gt(high, 1180);
	ck_assert_int_eq(rand_jitter_ms(0, 20), 0);
	ck_assert_int_eq(rand_jitter_ms(1000, 0), 1000);
	ck_assert_int_gt(rand_jitter_ms(INT64_MAX / 1000, 100), 0);
}
END_TEST

START_TEST(test_rand_token_is_letters_and_digits)
{
	char a[41], b[41];

	memset(a, 'x', sizeof(a));
	rand_token(a, 40);
	rand_token(b, 40);
	ck_assert_uint_eq(strlen(a), 40);
	ck_assert_str_ne(a, b);
	for (size_t i = 0; i < 40; i++)
		ck_assert(islower((unsigned char)a[i]) ||
			isdigit((unsigned char)a[i]));
	rand_token(a, 0);
	ck_assert_str_eq(a, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/rand");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_rand_bytes_fills_exactly);
	tcase_add_test(tc, test_T17_below_is_uniform);
	tcase_add_test(tc, test_rand_below_keeps_its_bound);
	tcase_add_test(tc, test_T17_numbers_do_not_repeat);
	tcase_add_test(tc, test_rand_jitter_stays_inside);
	tcase_add_test(tc, test_rand_token_is_letters_and_digits);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
