/* The table of allocations: 5-tuples, ids, the wheel of expiries. */
#include <string.h>

#include "common/base/rand.h"
#include "av-edge/alloc.h"
#include "tests/unit/av-edge/suite.h"

static struct alloc_table t;
static const struct mono start = {777000};

static void setup(void)
{
	ck_assert_int_eq(alloc_table_init(&t, 9, start), 0);
}

static void teardown(void)
{
	alloc_table_fini(&t);
}

static struct addr client(unsigned n)
{
	struct addr a = {.family = 4, .ip = {[10] = 0xff, [11] = 0xff, 9}};

	a.port = (uint16_t)n;
	return a;
}

static struct alloc *make(unsigned n, uint8_t listener, int64_t life_ms)
{
	struct addr a = client(n);
	struct alloc *made;

	ck_assert_int_eq(alloc_new(&made, &t, listener, &a), 0);
	made->deadline_ms = INT64_MAX;
	alloc_set_expiry(&t, made, mono_after_ms(start, life_ms));
	return made;
}

START_TEST(test_tuple_is_client_and_listener)
{
	struct addr a = client(5);
	struct alloc *x = make(5, 0, 1000), *y = make(5, 1, 1000);

	ck_assert_ptr_eq(alloc_find(&t, 0, &a), x);
	ck_assert_ptr_eq(alloc_find(&t, 1, &a), y);
	ck_assert_ptr_null(alloc_find(&t, 2, &a));
	alloc_free(&t, x);
	ck_assert_ptr_null(alloc_find(&t, 0, &a));
	ck_assert_ptr_eq(alloc_find(&t, 1, &a), y);
	ck_assert_uint_eq(alloc_table_count(&t), 1);
}
END_TEST

START_TEST(test_id_of_a_past_allocation_finds_nobody)
{
	struct alloc *x = make(5, 0, 1000);
	uint64_t id = x->id;

	ck_assert_uint_eq(alloc_shard_of_id(id), 9);
	ck_assert_ptr_eq(alloc_by_id(&t, id), x);
	alloc_free(&t, x);
	ck_assert_ptr_null(alloc_by_id(&t, id));
	x = make(6, 0, 1000); /* same record */
	ck_assert_uint_eq(alloc_number_of_id(x->id), alloc_number_of_id(id));
	ck_assert_ptr_null(alloc_by_id(&t, id));
	ck_assert_ptr_null(alloc_by_id(&t, UINT64_MAX));
	ck_assert_ptr_null(alloc_by_id(&t, 0));
}
END_TEST

START_TEST(test_due_ones_come_when_they_are_due)
{
	unsigned i, due = 0;
	int64_t ms;

	for (i = 0; i < 1000; i++)
		make(i, 0, 1 + rand_below(10000000));
	for (ms = 0; ms <= 10002000; ms += 1 + rand_below(50000)) {
		struct mono now = mono_after_ms(start, ms);
		struct alloc *a;

		while ((a = alloc_next_due(&t, now)) != NULL) {
			ck_assert_int_le(a->expires_ms, now.ms);
			/* not later than a second and a step */
			ck_assert_int_ge(a->expires_ms, now.ms - 52000);
			alloc_free(&t, a);
			due++;
		}
	}
	while (alloc_next_due(&t, mono_after_ms(start, ms + 2000)) != NULL) {
		alloc_free(&t, alloc_next_due(&t,
			mono_after_ms(start, ms + 2000)));
		due++;
	}
	ck_assert_uint_eq(due, 1000);
}
END_TEST

START_TEST(test_later_and_earlier_expiry_are_both_kept)
{
	struct alloc *x = make(1, 0, 10000), *y = make(2, 0, 10000);

	alloc_set_expiry(&t, x, mono_after_ms(start, 50000));
	alloc_set_expiry(&t, y, mono_after_ms(start, 2000));
	ck_assert_ptr_eq(alloc_next_due(&t, mono_after_ms(start, 4000)), y);
	alloc_free(&t, y);
	ck_assert_ptr_null(alloc_next_due(&t, mono_after_ms(start, 49999)));
	ck_assert_ptr_eq(alloc_next_due(&t, mono_after_ms(start, 51000)), x);
}
END_TEST

START_TEST(test_deadline_counts_before_expiry)
{
	struct alloc *x = make(1, 0, 10);

	x->deadline_ms = start.ms + 5000;
	alloc_set_expiry(&t, x, mono_after_ms(start, 100000));
	ck_assert_ptr_eq(alloc_next_due(&t, mono_after_ms(start, 6000)), x);
}
END_TEST

START_TEST(test_walk_sees_each_live_one_once)
{
	struct alloc *made[600];
	unsigned i, seen = 0;
	uint32_t n;

	for (i = 0; i < 600; i++)
		made[i] = make(i, 0, 1000);
	for (i = 0; i < 600; i += 2)
		alloc_free(&t, made[i]);
	for (n = 0; n < alloc_table_end(&t); n++)
		seen += alloc_at(&t, n) != NULL;
	ck_assert_uint_eq(seen, 300);
}
END_TEST

START_TEST(test_ends_have_names)
{
	int i;

	for (i = 0; i < ALLOC_END_COUNT; i++)
		ck_assert_ptr_nonnull(alloc_end_name((enum alloc_end)i));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_tuple_is_client_and_listener,
		test_id_of_a_past_allocation_finds_nobody,
		test_due_ones_come_when_they_are_due,
		test_later_and_earlier_expiry_are_both_kept,
		test_deadline_counts_before_expiry,
		test_walk_sees_each_live_one_once,
		test_ends_have_names,
	};

	return suite_run("alloc", tests, ARRAY_COUNT(tests), setup, teardown);
}
