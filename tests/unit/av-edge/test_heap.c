/* When memory is given back: after a crowd has gone, and once for each. */
#include "common/base/attr.h"
#include "av-edge/heap.h"
#include "tests/unit/av-edge/suite.h"

static struct heap h;

static void setup(void)
{
	heap_init(&h);
}

START_TEST(test_T8_memory_is_given_back_when_a_crowd_has_gone)
{
	ck_assert(!heap_is_slack(&h, 20));
	ck_assert(!heap_is_slack(&h, 10000));
	ck_assert(!heap_is_slack(&h, 5001));
	ck_assert(!heap_is_slack(&h, 5001)); /* the greater part is there */
	ck_assert(!heap_is_slack(&h, 4000)); /* and they still go */
	ck_assert(!heap_is_slack(&h, 5));
	ck_assert(heap_is_slack(&h, 5));
	ck_assert(!heap_is_slack(&h, 5));
}
END_TEST

START_TEST(test_nothing_is_walked_for_a_few)
{
	ck_assert(!heap_is_slack(&h, 0));
	ck_assert(!heap_is_slack(&h, 999));
	ck_assert(!heap_is_slack(&h, 0));
	ck_assert(!heap_is_slack(&h, 0));
	ck_assert(!heap_is_slack(&h, 1000));
	ck_assert(!heap_is_slack(&h, 0));
	ck_assert(heap_is_slack(&h, 0));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_T8_memory_is_given_back_when_a_crowd_has_gone,
		test_nothing_is_walked_for_a_few,
	};

	return suite_run("heap", tests, ARRAY_COUNT(tests), setup, NULL);
}
