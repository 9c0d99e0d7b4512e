/* Kept answers: same request same answer, bounded in age, count and bytes. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "av-auth/answers.h"

static struct answers a;

static void setup(void)
{
	ck_assert_int_eq(answers_init(&a), 0);
}

static void teardown(void)
{
	answers_fini(&a);
}

static void put(uint32_t n, size_t len, struct mono now)
{
	uint8_t key[ANSWERS_KEY_LEN] = {0};
	char *text = malloc(len);
	struct str kept;

	memset(text, 'x', len);
	memcpy(key, &n, sizeof(n));
	ck_assert_int_eq(answers_put(&a, key, text, len, now, &kept), 0);
	ck_assert_ptr_eq(kept.p, text);
	ck_assert_uint_eq(kept.n, len);
}

static size_t find(uint32_t n, struct mono now)
{
	uint8_t key[ANSWERS_KEY_LEN] = {0};

	memcpy(key, &n, sizeof(n));
	return answers_find(&a, key, now).n;
}

START_TEST(test_answer_is_found_until_it_is_old)
{
	put(1, 10, (struct mono){1000});
	ck_assert_uint_eq(find(1, (struct mono){1000}), 10);
	ck_assert_uint_eq(find(1, (struct mono){1000 + ANSWERS_KEEP_MS}), 10);
	ck_assert_uint_eq(find(1, (struct mono){1001 + ANSWERS_KEEP_MS}), 0);
	ck_assert_uint_eq(find(2, (struct mono){1000}), 0);
}
END_TEST

START_TEST(test_old_ones_go_when_new_ones_come)
{
	put(1, 10, (struct mono){0});
	put(2, 10, (struct mono){1});
	put(3, 10, (struct mono){ANSWERS_KEEP_MS + 1});
	ck_assert_uint_eq(a.count, 2); /* 1 went, 2 is just in time */
	ck_assert_uint_eq(a.bytes, 20);
}
END_TEST

START_TEST(test_the_same_key_replaces)
{
	put(1, 10, (struct mono){0});
	put(1, 20, (struct mono){0});
	ck_assert_uint_eq(a.count, 1);
	ck_assert_uint_eq(a.bytes, 20);
	ck_assert_uint_eq(find(1, (struct mono){0}), 20);
}
END_TEST

START_TEST(test_count_is_bounded_and_the_oldest_goes)
{
	for (uint32_t n = 0; n < ANSWERS_COUNT_MAX + 10; n++)
		put(n, 1, (struct mono){5});
	ck_assert_uint_eq(a.count, ANSWERS_COUNT_MAX);
	ck_assert_uint_eq(find(9, (struct mono){5}), 0);
	ck_assert_uint_eq(find(10, (struct mono){5}), 1);
}
END_TEST

START_TEST(test_bytes_are_bounded)
{
	for (uint32_t n = 0; n < 12; n++)
		put(n, 1u << 20, (struct mono){5});
	ck_assert_uint_eq(a.bytes, ANSWERS_BYTES_MAX);
	ck_assert_uint_eq(a.count, 8);
	/* one that is larger than all room is kept alone */
	put(99, ANSWERS_BYTES_MAX + 1, (struct mono){5});
	ck_assert_uint_eq(a.count, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("answers");
	TCase *tc = tcase_create("answers");
	SRunner *sr;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_answer_is_found_until_it_is_old);
	tcase_add_test(tc, test_old_ones_go_when_new_ones_come);
	tcase_add_test(tc, test_the_same_key_replaces);
	tcase_add_test(tc, test_count_is_bounded_and_the_oldest_goes);
	tcase_add_test(tc, test_bytes_are_bounded);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
