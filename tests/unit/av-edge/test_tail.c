/* Bytes of a stream that wait. */
#include <string.h>

#include "av-edge/tail.h"
#include "tests/unit/av-edge/suite.h"

static void assert_holds(const struct tail *t, const char *want)
{
	ck_assert_uint_eq(t->len, strlen(want));
	ck_assert_mem_eq(t->bytes, want, t->len);
}

START_TEST(test_bytes_come_behind_and_go_in_front)
{
	struct tail t = {NULL, 0};

	ck_assert_int_eq(tail_add(&t, "abc", 3), 0);
	ck_assert_int_eq(tail_add(&t, "de", 2), 0);
	assert_holds(&t, "abcde");
	tail_cut(&t, 2);
	assert_holds(&t, "cde");
	tail_cut(&t, 0);
	assert_holds(&t, "cde");
	ck_assert_int_eq(tail_add(&t, "f", 1), 0);
	assert_holds(&t, "cdef");
	tail_free(&t);
	tail_free(&t);
}
END_TEST

START_TEST(test_nothing_that_waits_has_no_memory)
{
	struct tail t = {NULL, 0};

	ck_assert_int_eq(tail_add(&t, NULL, 0), 0);
	ck_assert_ptr_null(t.bytes);
	ck_assert_int_eq(tail_add(&t, "abc", 3), 0);
	tail_cut(&t, 3);
	ck_assert_ptr_null(t.bytes);
	ck_assert_uint_eq(t.len, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_bytes_come_behind_and_go_in_front,
		test_nothing_that_waits_has_no_memory,
	};

	return suite_run("tail", tests, sizeof(tests) / sizeof(tests[0]),
		NULL, NULL);
}
