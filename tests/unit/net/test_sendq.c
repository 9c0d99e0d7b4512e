/* The output queue: order, chunks, nothing kept when empty. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/net/sendq.h"

static struct sendq q;

static void setup(void)
{
	sendq_init(&q);
}

static void teardown(void)
{
	sendq_fini(&q);
}

/* Take everything off in pieces of at most step bytes. */
static void drain(uint8_t *out, size_t step)
{
	const uint8_t *p;
	size_t len;

	while ((p = sendq_peek(&q, &len)) != NULL) {
		size_t n = len < step ? len : step;

		memcpy(out, p, n);
		out += n;
		sendq_drop(&q, n);
	}
}

START_TEST(test_bytes_leave_in_the_order_they_came)
{
	static uint8_t in[100000];
	static uint8_t out[100000];
	size_t at = 0;
	size_t n = 1;

	while (at < sizeof(in)) {
		size_t i;

		if (n > sizeof(in) - at)
			n = sizeof(in) - at;
		for (i = 0; i < n; i++)
			in[at + i] = (uint8_t)(at + i * 31);
		ck_assert_int_eq(sendq_push(&q, in + at, n), 0);
		at += n;
		n = n * 3 + 1;
	}
	ck_assert_uint_eq(q.len, sizeof(in));
	drain(out, 777);
	ck_assert_mem_eq(in, out, sizeof(in));
	ck_assert_uint_eq(q.len, 0);
}
END_TEST

START_TEST(test_small_pushes_share_a_piece)
{
	size_t len;

	ck_assert_int_eq(sendq_push(&q, "abc", 3), 0);
	ck_assert_int_eq(sendq_push(&q, "de", 2), 0);
	ck_assert_mem_eq(sendq_peek(&q, &len), "abcde", 5);
	ck_assert_uint_eq(len, 5);
}
END_TEST

/* OpenSSL wants to see the same bytes again after WANT_WRITE. */
START_TEST(test_a_push_only_lengthens_what_was_shown)
{
	const uint8_t *before;
	const uint8_t *after;
	size_t len;

	ck_assert_int_eq(sendq_push(&q, "abc", 3), 0);
	before = sendq_peek(&q, &len);
	ck_assert_int_eq(sendq_push(&q, "def", 3), 0);
	after = sendq_peek(&q, &len);
	ck_assert_ptr_eq(before, after);
	ck_assert_uint_eq(len, 6);
}
END_TEST

START_TEST(test_no_piece_is_longer_than_a_tls_record)
{
	static uint8_t blob[50000];
	size_t len;

	ck_assert_int_eq(sendq_push(&q, blob, sizeof(blob)), 0);
	ck_assert_ptr_nonnull(sendq_peek(&q, &len));
	ck_assert_uint_eq(len, 16384);
}
END_TEST

START_TEST(test_an_empty_queue_keeps_no_memory)
{
	size_t len;

	ck_assert_int_eq(sendq_push(&q, "", 0), 0);
	ck_assert_ptr_null(q.first);
	ck_assert_int_eq(sendq_push(&q, "abc", 3), 0);
	sendq_drop(&q, 99);
	ck_assert_ptr_null(q.first);
	ck_assert_ptr_null(q.last);
	ck_assert_ptr_null(sendq_peek(&q, &len));
	ck_assert_uint_eq(len, 0);
	sendq_drop(&q, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sendq");
	TCase *tc = tcase_create("sendq");
	SRunner *sr = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_bytes_leave_in_the_order_they_came);
	tcase_add_test(tc, test_small_pushes_share_a_piece);
	tcase_add_test(tc, test_a_push_only_lengthens_what_was_shown);
	tcase_add_test(tc, test_no_piece_is_longer_than_a_tls_record);
	tcase_add_test(tc, test_an_empty_queue_keeps_no_memory);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
