/* Tests of edgectl/rtp_stats.c: loss, order, jitter, delay. */
#include <string.h>

#include <check.h>

#include "edgectl/probe/rtp_stats.h"

static struct rtp_stats s;

static void setup(void)
{
	memset(&s, 0, sizeof(s));
}

/* Packet n of 20 ms, late by delay_us. */
static void add(uint16_t seq, int64_t n, int64_t delay_us)
{
	rtp_stats_add(&s, seq, n * 20000, n * 20000 + delay_us);
}

START_TEST(test_nothing_lost_over_the_wrap)
{
	setup();
	for (int i = 0; i < 100; i++)
		add((uint16_t)(65500 + i), i, 1000);
	ck_assert_uint_eq(s.received, 100);
	ck_assert_uint_eq(rtp_stats_lost(&s, 100), 0);
	ck_assert_uint_eq(s.reordered, 0);
	ck_assert_uint_eq(s.duplicates, 0);
	ck_assert_uint_eq(s.cycles, 0x10000);
	ck_assert_double_eq_tol(rtp_stats_jitter_ms(&s), 0.0, 1e-9);
	ck_assert_double_eq_tol(rtp_stats_delay_ms(&s), 1.0, 1e-9);
}
END_TEST

START_TEST(test_gaps_are_losses)
{
	setup();
	for (int i = 0; i < 50; i++)
		if (i % 10 != 3)
			add((uint16_t)i, i, 0);
	ck_assert_uint_eq(s.received, 45);
	ck_assert_uint_eq(rtp_stats_lost(&s, 50), 5);
}
END_TEST

START_TEST(test_loss_at_the_end_counts)
{
	setup();
	for (int i = 0; i < 40; i++)
		add((uint16_t)i, i, 0);
	ck_assert_uint_eq(rtp_stats_lost(&s, 50), 10);
	ck_assert_uint_eq(rtp_stats_lost(&s, 30), 0);
}
END_TEST

START_TEST(test_duplicates_are_not_received_twice)
{
	setup();
	add(1, 1, 0);
	add(2, 2, 0);
	add(2, 2, 0);
	add(1, 1, 0);
	add(3, 3, 0);
	ck_assert_uint_eq(s.received, 3);
	ck_assert_uint_eq(s.duplicates, 2);
	ck_assert_uint_eq(s.reordered, 0);
}
END_TEST

START_TEST(test_a_late_packet_is_reordered_not_lost)
{
	setup();
	add(10, 0, 0);
	add(12, 2, 0);
	add(11, 1, 0);
	ck_assert_uint_eq(s.received, 3);
	ck_assert_uint_eq(s.reordered, 1);
	ck_assert_uint_eq(rtp_stats_lost(&s, 3), 0);
}
END_TEST

START_TEST(test_jitter_follows_rfc3550)
{
	double want = 0;

	setup();
	/* Transit alternates between 0 and 16 ms: |D| is 16 each time. */
	for (int i = 0; i < 20; i++) {
		add((uint16_t)i, i, i % 2 == 0 ? 0 : 16000);
		if (i > 0)
			want += (16000.0 - want) / 16.0;
	}
	ck_assert_double_eq_tol(rtp_stats_jitter_ms(&s), want / 1000.0, 1e-9);
	ck_assert_int_eq(s.delay_min_us, 0);
	ck_assert_int_eq(s.delay_max_us, 16000);
}
END_TEST

START_TEST(test_nothing_received_divides_by_nothing)
{
	setup();
	ck_assert_double_eq_tol(rtp_stats_delay_ms(&s), 0.0, 1e-9);
	ck_assert_uint_eq(rtp_stats_lost(&s, 7), 7);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/rtp_stats");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_nothing_lost_over_the_wrap);
	tcase_add_test(tc, test_gaps_are_losses);
	tcase_add_test(tc, test_loss_at_the_end_counts);
	tcase_add_test(tc, test_duplicates_are_not_received_twice);
	tcase_add_test(tc, test_a_late_packet_is_reordered_not_lost);
	tcase_add_test(tc, test_jitter_follows_rfc3550);
	tcase_add_test(tc, test_nothing_received_divides_by_nothing);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
