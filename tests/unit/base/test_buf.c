/* Tests of common/base/buf.c: nothing is read or written past the end. */
#include <string.h>

#include <check.h>

#include "common/base/buf.h"

START_TEST(test_buf_reads_big_endian)
{
	static const uint8_t BYTES[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
		13, 14, 15};
	struct rbuf r = rbuf_of(BYTES, sizeof(BYTES));

	ck_assert_uint_eq(rbuf_u8(&r), 1);
	ck_assert_uint_eq(rbuf_u16(&r), 0x0203);
	ck_assert_uint_eq(rbuf_u32(&r), 0x04050607);
	ck_assert_uint_eq(rbuf_u64(&r), 0x08090a0b0c0d0e0f);
	ck_assert_uint_eq(rbuf_left(&r), 0);
	ck_assert(rbuf_ok(&r));
}
END_TEST

START_TEST(test_buf_read_error_is_sticky)
{
	static const uint8_t BYTES[] = {1, 2, 3};
	struct rbuf r = rbuf_of(BYTES, sizeof(BYTES));

	ck_assert_uint_eq(rbuf_u16(&r), 0x0102);
	ck_assert_uint_eq(rbuf_u32(&r), 0);
	ck_assert(!rbuf_ok(&r));
	ck_assert_uint_eq(rbuf_u8(&r), 0);
	ck_assert_uint_eq(rbuf_left(&r), 0);
	ck_assert_ptr_null(rbuf_take(&r, 0));
}
END_TEST

START_TEST(test_buf_sizes_do_not_wrap)
{
	static const uint8_t BYTES[] = {1, 2, 3};
	struct rbuf r = rbuf_of(BYTES, sizeof(BYTES));
	uint8_t room[4];
	struct wbuf w = wbuf_of(room, sizeof(room));

	rbuf_skip(&r, 1);
	ck_assert_ptr_null(rbuf_take(&r, SIZE_MAX));
	ck_assert(!rbuf_ok(&r));
	wbuf_u8(&w, 1);
	wbuf_zero(&w, SIZE_MAX);
	ck_assert(!wbuf_ok(&w));
	ck_assert_uint_eq(w.len, 1);
}
END_TEST

START_TEST(test_buf_sub_is_bounded)
{
	static const uint8_t BYTES[] = {1, 2, 3, 4};
	struct rbuf r = rbuf_of(BYTES, sizeof(BYTES));
	struct rbuf sub = rbuf_sub(&r, 2);

	ck_assert_uint_eq(rbuf_u8(&sub), 1);
	ck_assert_uint_eq(rbuf_u16(&sub), 0);
	ck_assert(!rbuf_ok(&sub));
	ck_assert_uint_eq(rbuf_u16(&r), 0x0304);
	ck_assert(rbuf_ok(&r));
	sub = rbuf_sub(&r, 1);
	ck_assert(!rbuf_ok(&sub));
	ck_assert(!rbuf_ok(&r));
}
END_TEST

START_TEST(test_buf_empty_reader_is_fine)
{
	struct rbuf r = rbuf_of(NULL, 0);

	ck_assert_ptr_nonnull(rbuf_take(&r, 0));
	ck_assert(rbuf_ok(&r));
	ck_assert_uint_eq(rbuf_u8(&r), 0);
	ck_assert(!rbuf_ok(&r));
}
END_TEST

START_TEST(test_buf_writes_what_it_reads)
{
	uint8_t room[32];
	struct wbuf w = wbuf_of(room, sizeof(room));
	struct rbuf r;

	wbuf_u8(&w, 0xfe);
	wbuf_u16(&w, 0xfedc);
	wbuf_u32(&w, 0xfedcba98);
	wbuf_u64(&w, 0xfedcba9876543210);
	wbuf_bytes(&w, "ab", 2);
	wbuf_bytes(&w, NULL, 0);
	wbuf_zero(&w, 3);
	ck_assert(wbuf_ok(&w));
	ck_assert_uint_eq(w.len, 20);
	ck_assert_uint_eq(wbuf_left(&w), 12);
	r = rbuf_of(room, w.len);
	ck_assert_uint_eq(rbuf_u8(&r), 0xfe);
	ck_assert_uint_eq(rbuf_u16(&r), 0xfedc);
	ck_assert_uint_eq(rbuf_u32(&r), 0xfedcba98);
	ck_assert_uint_eq(rbuf_u64(&r), 0xfedcba9876543210);
	ck_assert_mem_eq(rbuf_take(&r, 5), "ab\0\0\0", 5);
}
END_TEST

START_TEST(test_buf_write_error_is_sticky)
{
	uint8_t room[4] = {9, 9, 9, 9};
	struct wbuf w = wbuf_of(room, 3);

	wbuf_u16(&w, 0x0102);
	wbuf_u16(&w, 0x0304);
	ck_assert(!wbuf_ok(&w));
	wbuf_u8(&w, 5);
	ck_assert_uint_eq(w.len, 2);
	ck_assert_uint_eq(wbuf_left(&w), 0);
	ck_assert_uint_eq(room[2], 9);
	ck_assert_uint_eq(room[3], 9);
}
END_TEST

START_TEST(test_buf_patch_stays_inside_what_was_written)
{
	uint8_t room[8] = {0};
	struct wbuf w = wbuf_of(room, sizeof(room));

	wbuf_zero(&w, 4);
	wbuf_patch_u16(&w, 2, 0x1234);
	ck_assert(wbuf_ok(&w));
	ck_assert_uint_eq(buf_load_u16(room + 2), 0x1234);
	wbuf_patch_u16(&w, 3, 1);
	ck_assert(!wbuf_ok(&w));
	w = wbuf_of(room, sizeof(room));
	wbuf_patch_u16(&w, SIZE_MAX, 1);
	ck_assert(!wbuf_ok(&w));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/buf");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_buf_reads_big_endian);
	tcase_add_test(tc, test_buf_read_error_is_sticky);
	tcase_add_test(tc, test_buf_sizes_do_not_wrap);
	tcase_add_test(tc, test_buf_sub_is_bounded);
	tcase_add_test(tc, test_buf_empty_reader_is_fine);
	tcase_add_test(tc, test_buf_writes_what_it_reads);
	tcase_add_test(tc, test_buf_write_error_is_sticky);
	tcase_add_test(tc, test_buf_patch_stays_inside_what_was_written);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
