/* Frames and fields: the vectors, any cut of the stream, every wrong shape. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/wce/wce_frame.h"
#include "tests/unit/wce/vector.h"

static size_t hello(uint8_t *out, size_t cap)
{
	uint8_t room[TICKET_MAX_LEN];
	struct str ticket = vector_bytes(room);
	struct wbuf w = wbuf_of(out, cap);
	size_t at = wce_begin(&w, WCE_CLIENT_HELLO);
	uint8_t nonce[16];

	vector_run(nonce, sizeof(nonce), 0x40);
	wce_put(&w, WCE_TICKET, ticket.p, ticket.n);
	wce_put_text(&w, WCE_CONFERENCE, VECTOR_URI);
	wce_put(&w, WCE_NONCE, nonce, sizeof(nonce));
	wce_end(&w, at);
	ck_assert(wbuf_ok(&w));
	return w.len;
}

START_TEST(test_vector_of_the_hello)
{
	uint8_t bytes[512];
	size_t len = hello(bytes, sizeof(bytes));
	uint8_t sum[DIGEST_SHA256_LEN];
	char hex[2 * DIGEST_SHA256_LEN + 1];

	ck_assert_uint_eq(len, 313);
	str_hex(bytes, 16, hex);
	ck_assert_str_eq(hex, "57450101000000000000012d000100d1");
	digest_sha256(&(struct digest_part){bytes, len}, 1, sum);
	str_hex(sum, sizeof(sum), hex);
	ck_assert_str_eq(hex, "995ce255268aee498a874344f8f3a94be37c84a2f119a8"
		"b0eee9d20a37d3e44b");
}
END_TEST

START_TEST(test_vectors_of_the_answers)
{
	uint8_t bytes[WCE_SHORT_MAX];
	struct wbuf w = wbuf_of(bytes, sizeof(bytes));
	size_t at = wce_begin(&w, WCE_CLIENT_OK);
	char hex[2 * WCE_SHORT_MAX + 1];
	uint8_t session[16];
	size_t len;

	vector_run(session, sizeof(session), 0x50);
	wce_put(&w, WCE_SESSION, session, sizeof(session));
	wce_put_u32(&w, WCE_IDLE_S, 7200);
	wce_end(&w, at);
	str_hex(bytes, w.len, hex);
	ck_assert_str_eq(hex, "57450102000000000000001c0010001050515253545556"
		"5758595a5b5c5d5e5f0011000400001c20");
	len = wce_error(bytes, WCE_E_TICKET, 0);
	str_hex(bytes, len, hex);
	ck_assert_str_eq(hex, "574501030000000000000006002000020101");
}
END_TEST

/* Three frames in a stream, cut at every place. */
START_TEST(test_frames_come_out_of_any_cut)
{
	uint8_t stream[1024];
	uint8_t ping[WCE_PING_LEN] = "12345678";
	size_t len = hello(stream, sizeof(stream));
	size_t first = len;

	len += wce_ping(stream + len, WCE_PING, ping);
	len += wce_error(stream + len, WCE_E_IDLE, 7);
	for (size_t cut = 0; cut <= len; cut++) {
		struct str pieces[2] = {{(const char *)stream, cut},
			{(const char *)stream + cut, len - cut}};
		struct wce_reader r;
		struct wce_frame f;
		unsigned types[4] = {0};
		size_t count = 0;

		wce_reader_init(&r, 4096);
		for (size_t i = 0; i < 2; i++)
			while (wce_reader_next(&r, &pieces[i], &f) == 1) {
				types[count++] = f.type;
				if (f.type == WCE_CLIENT_HELLO)
					ck_assert_mem_eq(f.payload,
						stream + 12, first - 12);
			}
		ck_assert_uint_eq(count, 3);
		ck_assert_uint_eq(types[0], WCE_CLIENT_HELLO);
		ck_assert_uint_eq(types[1], WCE_PING);
		ck_assert_uint_eq(types[2], WCE_ERROR);
		ck_assert(wce_reader_is_idle(&r));
		wce_reader_fini(&r);
	}
}
END_TEST

START_TEST(test_one_byte_at_a_time)
{
	uint8_t stream[512];
	size_t len = hello(stream, sizeof(stream));
	struct wce_reader r;
	struct wce_frame f;

	wce_reader_init(&r, 4096);
	for (size_t i = 0; i < len; i++) {
		struct str one = {(const char *)stream + i, 1};

		ck_assert_int_eq(wce_reader_next(&r, &one, &f), i + 1 == len);
		ck_assert_uint_eq(one.n, 0);
	}
	ck_assert_uint_eq(f.len, len - WCE_HEAD_LEN);
	wce_reader_fini(&r);
}
END_TEST

START_TEST(test_strangers_are_known_by_their_first_bytes)
{
	static const struct {
		const char *bytes;
		int err;
	} rows[] = {
		{"G", EDGE_EMALFORMED},
		{"GET / HTTP/1.1\r\n", EDGE_EMALFORMED},
		{"WF", EDGE_EMALFORMED},
		{"WE\x02", EDGE_EUNKNOWN},
		{"WE\x02\x01\0\0\0\0\0\0\0\0", EDGE_EUNKNOWN},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str s = {rows[i].bytes, i == 4 ? 12 :
				strlen(rows[i].bytes)};
		struct wce_reader r;
		struct wce_frame f;

		wce_reader_init(&r, 4096);
		ck_assert_int_eq(wce_reader_next(&r, &s, &f), rows[i].err);
		wce_reader_fini(&r);
	}
}
END_TEST

/* S15: nothing is reserved on the word of a length. */
START_TEST(test_S15_a_huge_length_is_refused_at_the_head)
{
	static const char head[12] = "WE\x01\x01\0\0\0\0\0\0\x10\x01";
	static const char huge[12] = "WE\x01\x17\0\0\0\0\0\x01\0\x01";
	static const char worst[12] =
		"WE\x01\x17\0\0\0\0\xff\xff\xff\xff";
	struct str s = {head, 12};
	struct wce_reader r;
	struct wce_frame f;

	wce_reader_init(&r, WCE_HELLO_MAX);
	ck_assert_int_eq(wce_reader_next(&r, &s, &f), EDGE_ETOOBIG);
	wce_reader_init(&r, WCE_PAYLOAD_MAX);
	s = (struct str){huge, 12};
	ck_assert_int_eq(wce_reader_next(&r, &s, &f), EDGE_ETOOBIG);
	s = (struct str){worst, 12};
	ck_assert_int_eq(wce_reader_next(&r, &s, &f), EDGE_ETOOBIG);
	ck_assert_ptr_null(r.room);
}
END_TEST

/* ---- fields -------------------------------------------------------------- */

static int read_payload(uint8_t type, const void *p, size_t len,
	struct wce_fields *f)
{
	struct wce_frame frame = {.type = type, .payload = p, .len = len};

	return wce_fields_read(f, &frame);
}

START_TEST(test_fields_of_the_hello)
{
	uint8_t bytes[512];
	size_t len = hello(bytes, sizeof(bytes));
	struct wce_fields f;

	ck_assert_int_eq(read_payload(WCE_CLIENT_HELLO, bytes + 12, len - 12,
				 &f), 0);
	ck_assert(str_eq_z(wce_bytes(&f, WCE_CONFERENCE), VECTOR_URI));
	ck_assert_uint_eq(wce_bytes(&f, WCE_TICKET).n, 209);
	ck_assert(!wce_has(&f, WCE_PRODUCT));
	ck_assert_uint_eq(wce_number(&f, WCE_IDLE_S), 0);
}
END_TEST

START_TEST(test_fields_that_are_wrong)
{
	static const struct {
		uint8_t type;
		const char *p;
		size_t len;
		const char *what;
	} rows[] = {
		{WCE_ERROR, "", 0, "mandatory one missing"},
		{WCE_ERROR, "\0\x20\0\x02\x01", 5, "value cut"},
		{WCE_ERROR, "\0\x20\0", 3, "head cut"},
		{WCE_ERROR, "\0\x20\0\x01\x01", 5, "too short"},
		{WCE_ERROR, "\0\x20\0\x03\x01\x01\x01", 7, "too long"},
		{WCE_ERROR, "\0\x20\0\x02\0\1\0\x20\0\x02\0\1", 12, "twice"},
		{WCE_ERROR, "\0\x20\0\x02\0\1\x7f\xff\0\0", 10, "unknown"},
		{WCE_ERROR, "\0\x20\0\x02\0\1\0\x11\0\x04\0\0\0\0", 14,
			"of another type"},
		{WCE_REVOKE, "\0\x62\0\x11" "12345678901234567", 21,
			"ids of 17 bytes"},
		{WCE_PAIR_REJECT, "\0\x20\0\x02\0\1", 6, "one of two"},
		{0x42, "", 0, "no such type"},
		{WCE_PING, "", 0, "raw, has no fields"},
	};
	struct wce_fields f;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(read_payload(rows[i].type, rows[i].p,
				      rows[i].len, &f) == EDGE_EMALFORMED,
			"%s", rows[i].what);
}
END_TEST

START_TEST(test_fields_of_the_future_are_left_out)
{
	static const char p[] = "\0\x20\0\x02\x02\x01\x80\0\0\x03" "abc"
		"\x80\0\0\0";
	struct wce_fields f;

	ck_assert_int_eq(read_payload(WCE_ERROR, p, sizeof(p) - 1, &f), 0);
	ck_assert_uint_eq(f.count, 1);
	ck_assert_uint_eq(wce_number(&f, WCE_CODE), WCE_E_DRAINING);
}
END_TEST

/* S15: the most fields that fit into the largest frame. */
START_TEST(test_S15_many_fields_end_at_the_first_wrong_one)
{
	uint8_t *p = calloc(1, WCE_PAYLOAD_MAX);
	struct wbuf w = wbuf_of(p, WCE_PAYLOAD_MAX);
	struct wce_fields f;

	while (wbuf_left(&w) >= 4)
		wce_put(&w, 0x8001, "", 0);
	ck_assert_int_eq(read_payload(WCE_ERROR, p, w.len, &f),
		EDGE_EMALFORMED); /* no code */
	ck_assert_uint_eq(f.count, 0);
	free(p);
}
END_TEST

START_TEST(test_what_does_not_fit_is_not_written)
{
	uint8_t room[20];
	struct wbuf w = wbuf_of(room, sizeof(room));
	size_t at = wce_begin(&w, WCE_ERROR);

	wce_put_u64(&w, WCE_SLOT, 1);
	wce_end(&w, at);
	ck_assert(!wbuf_ok(&w));
}
END_TEST

START_TEST(test_names)
{
	ck_assert_str_eq(wce_code_name(WCE_E_TICKET), "ticket");
	ck_assert_str_eq(wce_code_name(0x7777), "other");
	ck_assert_str_eq(wce_type_name(WCE_PAIR), "PAIR");
	ck_assert_str_eq(wce_type_name(0x99), "?");
	ck_assert_int_eq(wce_code_of(EDGE_EUNKNOWN), WCE_E_VERSION);
	ck_assert_int_eq(wce_code_of(EDGE_ETOOBIG), WCE_E_MALFORMED);
	ck_assert_int_eq(wce_code_of(-ENOMEM), WCE_E_INTERNAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wce_frame");
	TCase *tc = tcase_create("wce_frame");
	SRunner *runner;
	int failures;

	tcase_add_test(tc, test_vector_of_the_hello);
	tcase_add_test(tc, test_vectors_of_the_answers);
	tcase_add_test(tc, test_frames_come_out_of_any_cut);
	tcase_add_test(tc, test_one_byte_at_a_time);
	tcase_add_test(tc, test_strangers_are_known_by_their_first_bytes);
	tcase_add_test(tc, test_S15_a_huge_length_is_refused_at_the_head);
	tcase_add_test(tc, test_fields_of_the_hello);
	tcase_add_test(tc, test_fields_that_are_wrong);
	tcase_add_test(tc, test_fields_of_the_future_are_left_out);
	tcase_add_test(tc, test_S15_many_fields_end_at_the_first_wrong_one);
	tcase_add_test(tc, test_what_does_not_fit_is_not_written);
	tcase_add_test(tc, test_names);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
