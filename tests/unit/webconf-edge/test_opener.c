/* First bytes of clients: WCE/1's, and another protocol's in the place that
 * is kept for it. */
#include <check.h>
#include <string.h>

#include "common/base/err.h"
#include "tests/unit/wce/vector.h"
#include "webconf-edge/opener.h"

static uint8_t hello[512];
static size_t hello_len;

static void setup(void)
{
	struct wbuf w = wbuf_of(hello, sizeof(hello));
	size_t at = wce_begin(&w, WCE_CLIENT_HELLO);
	uint8_t room[TICKET_MAX_LEN];
	struct str ticket = vector_bytes(room);
	uint8_t nonce[16];

	vector_run(nonce, sizeof(nonce), 0x40);
	wce_put(&w, WCE_TICKET, ticket.p, ticket.n);
	wce_put_text(&w, WCE_CONFERENCE, VECTOR_URI);
	wce_put(&w, WCE_NONCE, nonce, sizeof(nonce));
	wce_end(&w, at);
	ck_assert(wbuf_ok(&w));
	hello_len = w.len;
}

static struct str first(size_t n)
{
	return (struct str){(const char *)hello, n};
}

START_TEST(test_a_hello_is_read_when_it_is_whole)
{
	struct opening out = {.consumed = 0};
	enum opener_verdict verdict;

	ck_assert_ptr_null(opener_find(first(1), &verdict));
	ck_assert_int_eq(verdict, OPENER_MORE);
	ck_assert_ptr_eq(opener_find(first(2), &verdict), &OPENER_WCE);
	for (size_t n = 2; n < hello_len; n++)
		ck_assert_int_eq(OPENER_WCE.parse(first(n), &out), 0);
	ck_assert_int_eq(OPENER_WCE.parse(first(hello_len), &out), 1);
	ck_assert_uint_eq(out.consumed, hello_len);
	ck_assert_uint_eq(out.ticket.n, 209);
	ck_assert(str_eq_z(out.conference, VECTOR_URI));
}
END_TEST

START_TEST(test_what_follows_is_not_consumed)
{
	struct opening out = {.consumed = 0};

	memcpy(hello + hello_len, "GET / ", 6);
	ck_assert_int_eq(OPENER_WCE.parse(first(hello_len + 6), &out), 1);
	ck_assert_uint_eq(out.consumed, hello_len);
}
END_TEST

static const struct {
	size_t at;
	uint8_t byte;
	int err;
} WRONG[] = {
	{2, 2, EDGE_EUNKNOWN},   /* version */
	{3, 0x10, EDGE_EMALFORMED}, /* another frame */
	{7, 1, EDGE_EMALFORMED},  /* a channel */
	{10, 0x20, EDGE_ETOOBIG}, /* 8 KiB */
	{13, 9, EDGE_EMALFORMED}, /* an unknown field */
};

START_TEST(test_wrong_openings_are_told_apart)
{
	struct opening out;

	hello[WRONG[_i].at] = WRONG[_i].byte;
	ck_assert_int_eq(OPENER_WCE.parse(first(hello_len), &out),
		WRONG[_i].err);
}
END_TEST

START_TEST(test_strangers_belong_to_nobody)
{
	enum opener_verdict verdict;

	ck_assert_ptr_null(opener_find(str_of("GET / HTTP/1.1"), &verdict));
	ck_assert_int_eq(verdict, OPENER_NO);
	ck_assert_ptr_null(opener_find(str_of("\x16\x03\x01"), &verdict));
	ck_assert_int_eq(verdict, OPENER_NO);
}
END_TEST

/* ---- a second row -------------------------------------------------------- */

static enum opener_verdict probe_old(struct str bytes)
{
	return bytes.n < 4 ? OPENER_MORE : str_starts(bytes, "WOLD") ?
		OPENER_YES : OPENER_NO;
}

static const struct opener OLD = {.name = "old", .probe = probe_old};

START_TEST(test_another_protocol_finds_its_opener)
{
	static const struct opener *const list[] = {&OPENER_WCE, &OLD};
	enum opener_verdict verdict;

	/* While one may still be meant the question is open. */
	ck_assert_ptr_null(opener_find_in(list, 2, str_of("W"), &verdict));
	ck_assert_int_eq(verdict, OPENER_MORE);
	ck_assert_ptr_null(opener_find_in(list, 2, str_of("WO"), &verdict));
	ck_assert_int_eq(verdict, OPENER_MORE);
	ck_assert_ptr_eq(opener_find_in(list, 2, str_of("WOLD"), &verdict),
		&OLD);
	ck_assert_ptr_eq(opener_find_in(list, 2, first(12), &verdict),
		&OPENER_WCE);
	ck_assert_ptr_null(opener_find_in(list, 2, str_of("WXYZ"), &verdict));
	ck_assert_int_eq(verdict, OPENER_NO);
}
END_TEST

START_TEST(test_a_no_names_other_edges_and_when_to_ask)
{
	const struct opening_no no = {.code = WCE_E_DRAINING,
		.retry_s = 5,
		.alternates = "a.test:443,b.test:443"};
	uint8_t reply[OPENER_REPLY_MAX];
	size_t len = OPENER_WCE.reject(&no, reply);
	struct wce_frame frame;
	struct wce_fields f;

	ck_assert_int_eq(wce_head_read(reply, &frame), 0);
	frame.payload = reply + WCE_HEAD_LEN;
	ck_assert_uint_eq(WCE_HEAD_LEN + frame.len, len);
	ck_assert_int_eq(wce_fields_read(&f, &frame), 0);
	ck_assert_uint_eq(wce_number(&f, WCE_CODE), WCE_E_DRAINING);
	ck_assert_uint_eq(wce_number(&f, WCE_RETRY_S), 5);
	ck_assert(str_eq_z(wce_bytes(&f, WCE_ALTERNATES), no.alternates));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("webconf-edge/opener");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_a_hello_is_read_when_it_is_whole);
	tcase_add_test(tc, test_what_follows_is_not_consumed);
	tcase_add_loop_test(tc, test_wrong_openings_are_told_apart, 0,
		(int)ARRAY_COUNT(WRONG));
	tcase_add_test(tc, test_strangers_belong_to_nobody);
	tcase_add_test(tc, test_another_protocol_finds_its_opener);
	tcase_add_test(tc, test_a_no_names_other_edges_and_when_to_ask);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
