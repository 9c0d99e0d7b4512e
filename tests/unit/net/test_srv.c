/* SRV answers on the wire, and the order of targets. */
#include <check.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/net/srv.h"

struct answer {
	uint8_t bytes[2048];
	struct wbuf w;
};

static void put_name(struct wbuf *w, const char *name)
{
	while (*name != '\0') {
		size_t n = strcspn(name, ".");

		wbuf_u8(w, (uint8_t)n);
		wbuf_bytes(w, name, n);
		name += n + (name[n] == '.');
	}
	wbuf_u8(w, 0);
}

static void begin(struct answer *a, unsigned answers)
{
	a->w = wbuf_of(a->bytes, sizeof(a->bytes));
	wbuf_u16(&a->w, 1);
	wbuf_u16(&a->w, 0x8180);
	wbuf_u16(&a->w, 1);
	wbuf_u16(&a->w, (uint16_t)answers);
	wbuf_u32(&a->w, 0);
	put_name(&a->w, "_sip._tls.contoso.test");
	wbuf_u16(&a->w, 33);
	wbuf_u16(&a->w, 1);
}

static void row(struct answer *a, uint32_t ttl_s, unsigned priority,
	unsigned weight, unsigned port, const char *target)
{
	size_t at;

	wbuf_u16(&a->w, 0xc00c); /* the question's name */
	wbuf_u16(&a->w, 33);
	wbuf_u16(&a->w, 1);
	wbuf_u32(&a->w, ttl_s);
	at = a->w.len;
	wbuf_u16(&a->w, 0);
	wbuf_u16(&a->w, (uint16_t)priority);
	wbuf_u16(&a->w, (uint16_t)weight);
	wbuf_u16(&a->w, (uint16_t)port);
	put_name(&a->w, target);
	wbuf_patch_u16(&a->w, at, (uint16_t)(a->w.len - at - 2));
}

START_TEST(test_rows_are_read_with_their_ttl)
{
	struct resolve_srv rows[4];
	struct answer a;
	size_t count;

	begin(&a, 2);
	row(&a, 300, 10, 5, 5061, "Sip.Contoso.test");
	row(&a, 90000000, 20, 0, 443, "b.test");
	ck_assert_int_eq(srv_parse(a.bytes, a.w.len, rows, 4, &count), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(rows[0].target, "sip.contoso.test");
	ck_assert_uint_eq(rows[0].port, 5061);
	ck_assert_uint_eq(rows[0].priority, 10);
	ck_assert_uint_eq(rows[0].weight, 5);
	ck_assert_uint_eq(rows[0].ttl_s, 300);
	ck_assert_uint_eq(rows[1].ttl_s, 86400);
}
END_TEST

START_TEST(test_a_declined_service_has_no_rows)
{
	struct resolve_srv rows[4];
	struct answer a;
	size_t count;

	begin(&a, 1);
	row(&a, 300, 0, 0, 0, "");
	ck_assert_int_eq(srv_parse(a.bytes, a.w.len, rows, 4, &count), 0);
	ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(test_targets_that_are_no_names_are_left_out)
{
	struct resolve_srv rows[4];
	struct answer a;
	size_t count;

	begin(&a, 3);
	row(&a, 300, 0, 0, 1, "10.0.0.1");
	row(&a, 300, 0, 0, 2, "a b.test");
	row(&a, 300, 0, 0, 3, "good.test");
	ck_assert_int_eq(srv_parse(a.bytes, a.w.len, rows, 4, &count), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(rows[0].port, 3);
}
END_TEST

START_TEST(test_rows_beyond_the_room_are_left_out)
{
	struct resolve_srv rows[2];
	struct answer a;
	size_t count;

	begin(&a, 3);
	row(&a, 1, 0, 0, 1, "a.test");
	row(&a, 1, 0, 0, 2, "b.test");
	row(&a, 1, 0, 0, 3, "c.test");
	ck_assert_int_eq(srv_parse(a.bytes, a.w.len, rows, 2, &count), 0);
	ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(test_every_cut_message_is_malformed_or_shorter)
{
	struct resolve_srv rows[4];
	struct answer a;
	size_t count;
	size_t len;

	begin(&a, 2);
	row(&a, 1, 0, 0, 1, "a.test");
	row(&a, 1, 0, 0, 2, "b.test");
	for (len = 0; len < a.w.len; len++)
		ck_assert_int_eq(srv_parse(a.bytes, len, rows, 4, &count),
			EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_a_name_that_points_to_itself_is_malformed)
{
	struct resolve_srv rows[4];
	struct answer a;
	size_t count;
	size_t at;

	begin(&a, 1);
	at = a.w.len;
	row(&a, 1, 0, 0, 1, "a.test");
	a.bytes[at] = 0xc0;
	a.bytes[at + 1] = (uint8_t)at;
	ck_assert_int_eq(srv_parse(a.bytes, a.w.len, rows, 4, &count),
		EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_priorities_come_in_order)
{
	struct resolve_srv rows[3] = {
		{ .target = "c", .priority = 30 },
		{ .target = "a", .priority = 10 },
		{ .target = "b", .priority = 20 },
	};

	srv_sort(rows, 3);
	ck_assert_str_eq(rows[0].target, "a");
	ck_assert_str_eq(rows[1].target, "b");
	ck_assert_str_eq(rows[2].target, "c");
	srv_sort(rows, 0);
}
END_TEST

START_TEST(test_weights_share_the_first_place)
{
	int first[3] = { 0, 0, 0 };
	int i;

	for (i = 0; i < 8000; i++) {
		struct resolve_srv rows[3] = {
			{ .port = 0, .weight = 0 },
			{ .port = 1, .weight = 30 },
			{ .port = 2, .weight = 10 },
		};

		srv_sort(rows, 3);
		first[rows[0].port]++;
		/* nobody is lost */
		ck_assert_int_eq(rows[0].port + rows[1].port + rows[2].port,
			3);
	}
	ck_assert_int_gt(first[0], 0);
	ck_assert_int_lt(first[0], 500);
	ck_assert_int_gt(first[1], 5400);
	ck_assert_int_lt(first[1], 6300);
	ck_assert_int_gt(first[2], 1600);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("srv");
	TCase *tc = tcase_create("srv");
	SRunner *sr = srunner_create(suite);
	int failures;

	tcase_add_test(tc, test_rows_are_read_with_their_ttl);
	tcase_add_test(tc, test_a_declined_service_has_no_rows);
	tcase_add_test(tc, test_targets_that_are_no_names_are_left_out);
	tcase_add_test(tc, test_rows_beyond_the_room_are_left_out);
	tcase_add_test(tc, test_every_cut_message_is_malformed_or_shorter);
	tcase_add_test(tc, test_a_name_that_points_to_itself_is_malformed);
	tcase_add_test(tc, test_priorities_come_in_order);
	tcase_add_test(tc, test_weights_share_the_first_place);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
