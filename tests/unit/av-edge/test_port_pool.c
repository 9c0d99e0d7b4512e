/* Relay ports: R4, T10, T17. */
#include <errno.h>
#include <string.h>

#include "common/base/rand.h"
#include "av-edge/port_pool.h"
#include "tests/unit/cases.h"
#include "tests/unit/av-edge/suite.h"

static struct port_pool *pool;

static void setup(void)
{
	ck_assert_int_eq(port_pool_new(&pool), 0);
	ck_assert_int_eq(port_pool_set_range(pool, 50000, 100), 0);
}

static void teardown(void)
{
	ck_assert(port_pool_is_sound(pool));
	port_pool_free(pool);
}

START_TEST(test_every_port_is_given_once_until_none_is_left)
{
	bool seen[100] = {false};
	unsigned i;

	for (i = 0; i < 100; i++) {
		uint16_t port = port_pool_take(pool, i + 1, false);

		ck_assert(port >= 50000 && port < 50100);
		ck_assert(!seen[port - 50000]);
		seen[port - 50000] = true;
		ck_assert_uint_eq(port_pool_owner(pool, port), i + 1);
	}
	ck_assert_uint_eq(port_pool_take(pool, 1, false), 0);
	port_pool_give(pool, 50042);
	ck_assert_uint_eq(port_pool_owner(pool, 50042), 0);
	ck_assert_uint_eq(port_pool_take(pool, 7, false), 50042);
}
END_TEST

START_TEST(test_given_back_port_rests_longest)
{
	uint16_t port = port_pool_take(pool, 1, false);
	unsigned i;

	port_pool_give(pool, port);
	for (i = 0; i < 99; i++)
		ck_assert_uint_ne(port_pool_take(pool, 1, false), port);
	ck_assert_uint_eq(port_pool_take(pool, 1, false), port);
}
END_TEST

START_TEST(test_even_ports_run_out_before_odd_ones)
{
	unsigned i;

	for (i = 0; i < 50; i++)
		ck_assert_uint_eq(port_pool_take(pool, 1, true) % 2, 0);
	ck_assert_uint_eq(port_pool_take(pool, 1, true), 0);
	ck_assert_uint_eq(port_pool_count(pool).free, 50);
}
END_TEST

START_TEST(test_giving_twice_does_not_double)
{
	uint16_t port = port_pool_take(pool, 1, false);

	port_pool_give(pool, port);
	port_pool_give(pool, port);
	port_pool_give(pool, 40000);
	ck_assert_uint_eq(port_pool_count(pool).free, 100);
}
END_TEST

START_TEST(test_R4_free_and_used_are_the_range)
{
	uint16_t held[100];
	size_t count = 0, i;
	unsigned step;

	for (step = 0; step < cases(100000); step++) {
		if (count < 100 && rand_below(2)) {
			held[count] = port_pool_take(pool, 9, rand_below(2));
			count += held[count] != 0;
		} else if (count > 0) {
			i = rand_below((uint32_t)count);
			port_pool_give(pool, held[i]);
			held[i] = held[--count];
		}
		ck_assert_uint_eq(port_pool_count(pool).used, count);
		ck_assert_uint_eq(port_pool_count(pool).free, 100 - count);
	}
}
END_TEST

START_TEST(test_new_range_keeps_owners_of_the_old_one)
{
	uint16_t old = port_pool_take(pool, 5, false);
	struct port_count c;

	ck_assert_int_eq(port_pool_set_range(pool, 60000, 10), 0);
	c = port_pool_count(pool);
	ck_assert_uint_eq(c.range, 10);
	ck_assert_uint_eq(c.free, 10);
	ck_assert_uint_eq(c.outside, 1);
	ck_assert_uint_eq(port_pool_owner(pool, old), 5);
	ck_assert(port_pool_is_sound(pool));
	port_pool_give(pool, old);
	ck_assert_uint_eq(port_pool_count(pool).outside, 0);
	ck_assert_uint_eq(port_pool_count(pool).free, 10);
	ck_assert_int_eq(port_pool_set_range(pool, 65000, 537), -EINVAL);
	ck_assert_int_eq(port_pool_set_range(pool, 0, 5), -EINVAL);
}
END_TEST

START_TEST(test_same_range_again_skips_what_is_owned)
{
	uint16_t port = port_pool_take(pool, 5, false);
	unsigned i;

	ck_assert_int_eq(port_pool_set_range(pool, 50000, 100), 0);
	for (i = 0; i < 99; i++)
		ck_assert_uint_ne(port_pool_take(pool, 6, false), port);
	ck_assert_uint_eq(port_pool_take(pool, 6, false), 0);
}
END_TEST

/* T17: the first port drawn is uniform. 99 degrees of freedom: above 180
 * has a chance of one in a million. */
START_TEST(test_T17_first_ports_are_uniform)
{
	unsigned seen[100] = {0};
	const unsigned draws = cases(20000);
	double chi = 0, expected = draws / 100.0;
	unsigned i;

	for (i = 0; i < draws; i++) {
		uint16_t port;

		ck_assert_int_eq(port_pool_set_range(pool, 50000, 100), 0);
		port = port_pool_take(pool, 1, false);
		seen[port - 50000]++;
		port_pool_give(pool, port);
	}
	for (i = 0; i < 100; i++)
		chi += (seen[i] - expected) * (seen[i] - expected) / expected;
	ck_assert_msg(chi < 180, "chi square %f", chi);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_every_port_is_given_once_until_none_is_left,
		test_given_back_port_rests_longest,
		test_even_ports_run_out_before_odd_ones,
		test_giving_twice_does_not_double,
		test_R4_free_and_used_are_the_range,
		test_new_range_keeps_owners_of_the_old_one,
		test_same_range_again_skips_what_is_owned,
		test_T17_first_ports_are_uniform,
	};

	return suite_run("port_pool", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
