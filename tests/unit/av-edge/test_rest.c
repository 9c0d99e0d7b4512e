/* When a shard rests: only under load, never longer than allowed. */
#include "av-edge/rest.h"
#include "common/base/attr.h"
#include "tests/unit/av-edge/suite.h"

static struct rest rest;
static uint64_t now_us;

static void setup(void)
{
	rest = (struct rest){0};
	now_us = 1000000;
}

/* Turns of this length with so many packets; rests taken. */
static unsigned turns(unsigned count, uint32_t packets, uint64_t length_us,
	uint32_t max_us)
{
	unsigned rests = 0;
	uint32_t rest_us;

	while (count-- > 0) {
		now_us += length_us;
		rest_us = rest_after_turn(&rest, packets, now_us, max_us);
		ck_assert_uint_le(rest_us, max_us);
		now_us += rest_us;
		rests += rest_us > 0;
	}
	return rests;
}

START_TEST(test_lone_calls_never_rest)
{
	ck_assert_uint_eq(turns(1000, 1, 20000, 500), 0);
	ck_assert_uint_eq(turns(1000, 2, 1000, 500), 0);
}
END_TEST

START_TEST(test_first_packets_of_a_busy_time_do_not_wait)
{
	turns(100, 1, 20000, 500);
	ck_assert_uint_eq(turns(10, 3, 100, 500), 0);
}
END_TEST

START_TEST(test_a_thousand_calls_rest_and_go_on_resting)
{
	turns(200, 3, 60, 500); /* 50 a millisecond */
	ck_assert_uint_ge(turns(1000, 28, 100, 500), 990);
}
END_TEST

START_TEST(test_quiet_after_load_ends_the_rests)
{
	turns(200, 3, 60, 500);
	ck_assert_uint_ge(turns(100, 28, 100, 500), 90);
	turns(2, 1, 20000, 500);
	ck_assert_uint_eq(turns(100, 1, 20000, 500), 0);
}
END_TEST

START_TEST(test_full_turns_do_not_rest)
{
	turns(200, 3, 60, 500);
	ck_assert_uint_eq(turns(100, 2000, 1000, 500), 0);
}
END_TEST

START_TEST(test_zero_switches_it_off)
{
	ck_assert_uint_eq(turns(1000, 28, 100, 0), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_lone_calls_never_rest,
		test_first_packets_of_a_busy_time_do_not_wait,
		test_a_thousand_calls_rest_and_go_on_resting,
		test_quiet_after_load_ends_the_rests,
		test_full_turns_do_not_rest,
		test_zero_switches_it_off,
	};

	return suite_run("rest", tests, ARRAY_COUNT(tests), setup, NULL);
}
