/* Token buckets: what comes back, what is earned, who shares. */
#include <check.h>
#include <stdlib.h>

#include "common/base/rand.h"
#include "common/net/limit.h"

static struct limit *l;

static struct mono at(int64_t ms)
{
	return (struct mono){ 1000000 + ms };
}

static struct addr source(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse_z(text, 1234, &a), 0);
	return a;
}

static void start(uint32_t rate_per_s, uint32_t burst, uint32_t earned_max)
{
	struct limit_spec spec = { .rate_per_s = rate_per_s, .burst = burst,
		.earned_max = earned_max, .forget_s = 60, .slots = 1000 };

	ck_assert_int_eq(limit_new(&l, &spec), 0);
}

static void teardown(void)
{
	limit_free(l);
	l = NULL;
}

static unsigned take_all(const struct addr *a, struct mono now)
{
	unsigned n = 0;

	while (n < 100000 && limit_take(l, a, now))
		n++;
	return n;
}

START_TEST(test_burst_then_rate)
{
	struct addr a = source("192.0.2.1");

	start(10, 10, 0);
	ck_assert_uint_eq(take_all(&a, at(0)), 10);
	ck_assert_uint_eq(take_all(&a, at(99)), 0);
	ck_assert_uint_eq(take_all(&a, at(100)), 1);
	ck_assert_uint_eq(take_all(&a, at(600)), 5);
	ck_assert_uint_eq(take_all(&a, at(3600000)), 10);
}
END_TEST

/* In any window: no more than the burst and what the rate brings. */
START_TEST(test_property_never_more_than_burst_and_rate)
{
	struct addr a = source("192.0.2.1");
	int64_t ms = 0;
	int64_t taken = 0;
	int i;

	start(7, 20, 0);
	for (i = 0; i < 20000; i++) {
		ms += rand_below(40);
		taken += limit_take(l, &a, at(ms));
		ck_assert_int_le(taken, 20 + ms * 7 / 1000 + 1);
	}
	ck_assert_int_ge(taken, ms * 7 / 1000 - 1);
}
END_TEST

START_TEST(test_sources_are_told_apart_ports_are_not)
{
	struct addr a = source("192.0.2.1");
	struct addr a2 = addr_with_port(&a, 9);
	struct addr b = source("192.0.2.2");

	start(1, 5, 0);
	ck_assert_uint_eq(take_all(&a, at(0)), 5);
	ck_assert_uint_eq(take_all(&a2, at(0)), 0);
	ck_assert_uint_eq(take_all(&b, at(0)), 5);
}
END_TEST

START_TEST(test_one_household_of_ipv6_is_one_source)
{
	struct addr a = source("2001:db8:1:aa00::1");
	struct addr b = source("2001:db8:1:aaff:1:2:3:4");
	struct addr c = source("2001:db8:1:ab00::1");

	start(1, 5, 0);
	ck_assert_uint_eq(take_all(&a, at(0)), 5);
	ck_assert_uint_eq(take_all(&b, at(0)), 0);
	ck_assert_uint_eq(take_all(&c, at(0)), 5);
}
END_TEST

START_TEST(test_ipv4_in_ipv6_is_the_ipv4_source)
{
	struct addr a = source("192.0.2.1");
	struct addr b = source("64:ff9b::c000:201");

	start(1, 5, 0);
	ck_assert_uint_eq(take_all(&a, at(0)), 5);
	ck_assert_uint_eq(take_all(&b, at(0)), 0);
}
END_TEST

START_TEST(test_proof_gives_the_token_back_and_raises_the_cap)
{
	struct addr a = source("192.0.2.1");
	int i;

	start(10, 10, 1000);
	for (i = 0; i < 500; i++) {
		ck_assert(limit_take(l, &a, at(0)));
		limit_earn(l, &a, at(0));
	}
	/* 510 may be outstanding, but they come back with time only */
	ck_assert_uint_eq(take_all(&a, at(0)), 10);
	ck_assert_uint_eq(take_all(&a, at(2000)), 510);
}
END_TEST

START_TEST(test_the_earned_cap_has_a_bound_and_is_forgotten)
{
	struct addr a = source("192.0.2.1");
	int i;

	start(10, 10, 100);
	for (i = 0; i < 500; i++)
		limit_earn(l, &a, at(0));
	ck_assert_uint_eq(take_all(&a, at(10000)), 100);
	ck_assert_uint_eq(take_all(&a, at(59999)), 100);
	/* a minute without a proof: a stranger again */
	ck_assert_uint_eq(take_all(&a, at(60000)), 0);
	ck_assert_uint_eq(take_all(&a, at(90000)), 10);
}
END_TEST

START_TEST(test_a_flood_of_sources_takes_no_memory_and_few_neighbours)
{
	struct addr a = source("203.0.113.9");
	struct addr flood = source("10.0.0.0");
	unsigned free_ones = 0;
	unsigned i;

	start(1, 1, 0);
	for (i = 0; i < 500; i++) {
		flood.ip[14] = (uint8_t)(i >> 8);
		flood.ip[15] = (uint8_t)i;
		free_ones += limit_take(l, &flood, at(0));
	}
	/* 500 sources in 1024 slots: most have one of their own */
	ck_assert_uint_gt(free_ones, 350);
	ck_assert_uint_le(free_ones, 500);
	(void)limit_take(l, &a, at(0));
	ck_assert(limit_take(l, &a, at(1000)));
}
END_TEST

START_TEST(test_a_clock_that_lags_brings_nothing)
{
	struct addr a = source("192.0.2.1");

	start(1000, 5, 0);
	ck_assert_uint_eq(take_all(&a, at(1000)), 5);
	ck_assert_uint_eq(take_all(&a, at(0)), 0);
	ck_assert_uint_eq(take_all(&a, at(1000)), 0);
}
END_TEST

START_TEST(test_a_bucket_on_its_own)
{
	struct bucket b;

	bucket_init(&b, 2, 3, at(0));
	ck_assert(bucket_take(&b, at(0)));
	ck_assert(bucket_take(&b, at(0)));
	ck_assert(bucket_take(&b, at(0)));
	ck_assert(!bucket_take(&b, at(0)));
	ck_assert(bucket_take(&b, at(500)));
	ck_assert(!bucket_take(&b, at(500)));
	/* years do not overflow it */
	ck_assert(bucket_take(&b, at(INT64_MAX / 2)));
	bucket_init(&b, 0, 1, at(0));
	ck_assert(bucket_take(&b, at(0)));
	ck_assert(!bucket_take(&b, at(1000000)));
}
END_TEST

START_TEST(test_a_bucket_that_changes_forgives_nothing)
{
	struct bucket b;

	bucket_init(&b, 1, 10, at(0));
	ck_assert(bucket_take_many(&b, 10, at(0)));
	bucket_set(&b, 100, 100, at(1000));
	ck_assert(bucket_take(&b, at(1000))); /* came at the old rate */
	ck_assert(!bucket_take(&b, at(1000)));
	ck_assert(bucket_take_many(&b, 50, at(1500)));
	bucket_set(&b, 1, 2, at(60000));
	ck_assert(bucket_take_many(&b, 2, at(60000)));
	ck_assert(!bucket_take(&b, at(60000)));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("limit");
	TCase *tc = tcase_create("limit");
	SRunner *sr = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, test_burst_then_rate);
	tcase_add_test(tc, test_property_never_more_than_burst_and_rate);
	tcase_add_test(tc, test_sources_are_told_apart_ports_are_not);
	tcase_add_test(tc, test_one_household_of_ipv6_is_one_source);
	tcase_add_test(tc, test_ipv4_in_ipv6_is_the_ipv4_source);
	tcase_add_test(tc, test_proof_gives_the_token_back_and_raises_the_cap);
	tcase_add_test(tc, test_the_earned_cap_has_a_bound_and_is_forgotten);
	tcase_add_test(tc,
		test_a_flood_of_sources_takes_no_memory_and_few_neighbours);
	tcase_add_test(tc, test_a_clock_that_lags_brings_nothing);
	tcase_add_test(tc, test_a_bucket_on_its_own);
	tcase_add_test(tc, test_a_bucket_that_changes_forgives_nothing);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
