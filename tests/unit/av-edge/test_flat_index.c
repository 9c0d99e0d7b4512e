/* Open addressing and the pool of records, against plain arrays. */
#include <stdbool.h>
#include <string.h>

#include "common/base/rand.h"
#include "av-edge/flat_index.h"
#include "tests/unit/av-edge/suite.h"

#define RECORDS 3000

static struct flat_index ix;
static struct flat_pool pool;

static void setup(void)
{
	ck_assert_int_eq(flat_index_init(&ix), 0);
	ck_assert_int_eq(flat_pool_init(&pool, 24, RECORDS), 0);
}

static void teardown(void)
{
	flat_index_fini(&ix);
	flat_pool_fini(&pool);
}

static bool is_in(uint32_t hash, uint32_t number)
{
	uint32_t at, n;

	for (n = flat_index_first(&ix, hash, &at); n != FLAT_NONE;
	     n = flat_index_next(&ix, hash, &at))
		if (n == number)
			return true;
	return false;
}

/* Few distinct hashes, so that probes overlap and wrap. */
static uint32_t hash_of(uint32_t n)
{
	return (n % 97) * 0x3fffffffu;
}

START_TEST(test_index_agrees_with_a_plain_set)
{
	static bool there[RECORDS];
	uint32_t i, n, count = 0;

	memset(there, 0, sizeof(there));
	for (i = 0; i < 60000; i++) {
		n = rand_below(RECORDS);
		if (!there[n]) {
			ck_assert_int_eq(flat_index_put(&ix, hash_of(n), n),
				0);
			count++;
		} else {
			flat_index_remove(&ix, hash_of(n), n);
			count--;
		}
		there[n] = !there[n];
		n = rand_below(RECORDS);
		ck_assert(is_in(hash_of(n), n) == there[n]);
		ck_assert_uint_eq(ix.count, count);
	}
	for (n = 0; n < RECORDS; n++)
		ck_assert(is_in(hash_of(n), n) == there[n]);
}
END_TEST

START_TEST(test_removing_what_is_not_there_changes_nothing)
{
	ck_assert_int_eq(flat_index_put(&ix, 5, 7), 0);
	flat_index_remove(&ix, 5, 8);
	flat_index_remove(&ix, 6, 7);
	ck_assert_uint_eq(ix.count, 1);
	ck_assert(is_in(5, 7));
}
END_TEST

START_TEST(test_pool_ends_at_its_bound_and_reuses)
{
	uint32_t i, n;

	for (i = 0; i < RECORDS; i++)
		ck_assert_uint_eq(flat_pool_take(&pool), i);
	ck_assert_uint_eq(flat_pool_take(&pool), FLAT_NONE);
	flat_pool_give(&pool, 17);
	flat_pool_give(&pool, 2999);
	ck_assert_uint_eq(pool.live, RECORDS - 2);
	n = flat_pool_take(&pool);
	ck_assert_uint_eq(n, 2999);
	ck_assert_uint_eq(flat_pool_take(&pool), 17);
	ck_assert_uint_eq(flat_pool_take(&pool), FLAT_NONE);
}
END_TEST

/* Keys lie in records: T15 in memory. */
START_TEST(test_records_are_wiped_and_come_zeroed)
{
	static const uint8_t zeros[24];
	uint32_t n = flat_pool_take(&pool);
	uint8_t *p = flat_pool_at(&pool, n);

	memset(p, 0xee, 24);
	flat_pool_give(&pool, n);
	ck_assert_mem_eq(p + 4, zeros, 20);
	ck_assert_uint_eq(flat_pool_take(&pool), n);
	ck_assert_mem_eq(p, zeros, 24);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_index_agrees_with_a_plain_set,
		test_removing_what_is_not_there_changes_nothing,
		test_pool_ends_at_its_bound_and_reuses,
		test_records_are_wiped_and_come_zeroed,
	};

	return suite_run("flat_index", tests, ARRAY_COUNT(tests), setup,
		teardown);
}
