/* Overload: who is turned away, and when it is over. */
#include "access-edge/load.h"

#include "tests/unit/check_main.h"

#define MARK ((size_t)100 << 20)

static enum load_level after(struct load *l, int64_t lag_ms, unsigned seconds,
	size_t percent)
{
	for (unsigned i = 0; i < seconds; i++)
		(void)load_note(l, lag_ms, MARK / 100 * percent, MARK);
	return l->level;
}

START_TEST(test_one_late_second_is_a_hiccup_many_are_not)
{
	struct load l = {.level = LOAD_FINE};

	ck_assert_int_eq(after(&l, 900, 1, 10), LOAD_FINE);
	ck_assert_int_eq(after(&l, 900, 1, 10), LOAD_NO_CONNECTIONS);
	ck_assert_int_eq(after(&l, 900, 1, 10), LOAD_NO_CLIENTS);
	ck_assert_int_eq(after(&l, 900, 2, 10), LOAD_NO_PARTNERS);
	ck_assert_str_eq(l.cause, "lag");
	ck_assert_int_eq(after(&l, 900, 100, 10), LOAD_NO_PARTNERS);
	/* In time once: it is over. */
	ck_assert(load_note(&l, 200, 0, MARK));
	ck_assert_int_eq(l.level, LOAD_FINE);
	ck_assert_str_eq(l.cause, "");
	ck_assert(!load_note(&l, 0, 0, MARK));
}
END_TEST

START_TEST(test_memory_near_and_over_the_mark)
{
	struct load l = {.level = LOAD_FINE};

	ck_assert_int_eq(after(&l, 0, 1, 94), LOAD_FINE);
	ck_assert_int_eq(after(&l, 0, 1, 95), LOAD_NO_CONNECTIONS);
	ck_assert_int_eq(after(&l, 0, 1, 100), LOAD_NO_CLIENTS);
	ck_assert_int_eq(after(&l, 0, 1, 110), LOAD_NO_PARTNERS);
	ck_assert_str_eq(l.cause, "memory");
	ck_assert_int_eq(after(&l, 0, 1, 50), LOAD_FINE);
	(void)load_memory(); /* says 0 where malloc is replaced */
}
END_TEST

START_TEST(test_the_worse_of_both_counts)
{
	struct load l = {.level = LOAD_FINE};

	ck_assert_int_eq(after(&l, 900, 5, 100), LOAD_NO_PARTNERS);
	ck_assert_str_eq(l.cause, "lag");
	ck_assert_int_eq(after(&l, 0, 1, 100), LOAD_NO_CLIENTS);
	ck_assert_str_eq(l.cause, "memory");
}
END_TEST

int main(void)
{
	RUN_SUITE("access-edge/load",
		test_one_late_second_is_a_hiccup_many_are_not,
		test_memory_near_and_over_the_mark,
		test_the_worse_of_both_counts);
}
