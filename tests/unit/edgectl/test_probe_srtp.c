/* Tests of edgectl/probe_srtp.c: sound that arrives whole or not at all. */
#include <string.h>

#include <check.h>

#include "common/base/err.h"
#include "edgectl/probe/probe_srtp.h"

static const uint8_t KEY_A[PROBE_SRTP_KEY_LEN] = {1};
static const uint8_t KEY_B[PROBE_SRTP_KEY_LEN] = {2};
static struct probe_srtp *a, *b;
static uint8_t room[PROBE_SRTP_ROOM];

static void setup(void)
{
	struct why why;

	ck_assert_int_eq(probe_srtp_open(&why), 0);
	ck_assert_int_eq(probe_srtp_new(&a, KEY_A, KEY_B, &why), 0);
	ck_assert_int_eq(probe_srtp_new(&b, KEY_B, KEY_A, &why), 0);
}

static void teardown(void)
{
	probe_srtp_free(a);
	probe_srtp_free(b);
	probe_srtp_close();
}

START_TEST(test_sound_arrives_both_ways)
{
	setup();
	for (int i = 0; i < 100; i++) {
		int n = probe_srtp_next(a, room);

		/* 12 of RTP, 160 of sound, 10 of integrity */
		ck_assert_int_eq(n, 182);
		ck_assert_int_eq(probe_srtp_take(b, room, (size_t)n), 0);
		n = probe_srtp_next(b, room);
		ck_assert_int_eq(probe_srtp_take(a, room, (size_t)n), 0);
	}
	ck_assert_uint_eq(probe_srtp_stats(a)->received, 100);
	ck_assert_uint_eq(probe_srtp_stats(b)->received, 100);
	ck_assert_uint_eq(probe_srtp_garbled(a), 0);
	ck_assert_uint_eq(probe_srtp_refused(b), 0);
	ck_assert_int_ge(probe_srtp_stats(b)->delay_min_us, 0);
	teardown();
}
END_TEST

START_TEST(test_a_changed_bit_is_refused)
{
	int n;

	setup();
	n = probe_srtp_next(a, room);
	room[100] ^= 1;
	ck_assert_int_eq(probe_srtp_take(b, room, (size_t)n), EDGE_EFORGED);
	ck_assert_uint_eq(probe_srtp_refused(b), 1);
	ck_assert_uint_eq(probe_srtp_stats(b)->received, 0);
	teardown();
}
END_TEST

START_TEST(test_the_same_packet_twice_is_a_duplicate)
{
	int n;

	setup();
	n = probe_srtp_next(a, room);
	ck_assert_int_eq(probe_srtp_take(b, room, (size_t)n), 0);
	ck_assert_int_eq(probe_srtp_take(b, room, (size_t)n), 0);
	ck_assert_uint_eq(probe_srtp_stats(b)->received, 1);
	ck_assert_uint_eq(probe_srtp_stats(b)->duplicates, 1);
	teardown();
}
END_TEST

START_TEST(test_sizes_out_of_range_are_refused)
{
	static const uint8_t LONG[2000] = {0x80};

	setup();
	ck_assert_int_lt(probe_srtp_take(b, LONG, 0), 0);
	ck_assert_int_lt(probe_srtp_take(b, LONG, 11), 0);
	ck_assert_int_lt(probe_srtp_take(b, LONG, 12), 0);
	ck_assert_int_lt(probe_srtp_take(b, LONG, sizeof(LONG)), 0);
	teardown();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/probe_srtp");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_sound_arrives_both_ways);
	tcase_add_test(tc, test_a_changed_bit_is_refused);
	tcase_add_test(tc, test_the_same_packet_twice_is_a_duplicate);
	tcase_add_test(tc, test_sizes_out_of_range_are_refused);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
