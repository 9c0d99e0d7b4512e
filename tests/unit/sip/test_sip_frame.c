/* Framing: whole, torn, pipelined, too much, and what must end a stream. */
#include "common/sip/sip_frame.h"
#include "tests/unit/check_main.h"

static const struct sip_frame_limits small = {
	.head_max = 400,
	.line_max = 100,
	.lines_max = 6,
	.body_max = 64,
};

#define HEAD "INFO sip:a SIP/2.0\r\n"
#define ONE  HEAD "Content-Length: 3\r\n\r\nabc"

/* Feed everything at once; the kind of what comes first. */
static struct sip_frame_item first_of(struct sip_frame *f, const char *text,
	size_t len)
{
	struct str data = {text, len};
	struct sip_frame_item item;

	sip_frame_init(f, &small);
	ck_assert_int_eq(sip_frame_next(f, &data, &item), 0);
	return item;
}

static void expect_bad(const char *text, size_t len, int status)
{
	struct sip_frame f;
	struct sip_frame_item item = first_of(&f, text, len);

	ck_assert_int_eq(item.kind, SIP_FRAME_BAD);
	ck_assert_msg(item.status == status, "%d, not %d: %s", item.status,
		status, item.cause);
	ck_assert_ptr_nonnull(item.cause);
	sip_frame_fini(&f);
}

#define EXPECT_BAD(text, status) expect_bad(text, sizeof(text) - 1, status)

START_TEST(test_whole_message_is_handed_out_without_a_copy)
{
	struct sip_frame f;
	struct sip_frame_item item = first_of(&f, ONE, sizeof(ONE) - 1);

	ck_assert_int_eq(item.kind, SIP_FRAME_MESSAGE);
	ck_assert_uint_eq(item.message.n, sizeof(ONE) - 1);
	ck_assert_ptr_null(f.tail);
	ck_assert(sip_frame_is_idle(&f));
	sip_frame_fini(&f);
}
END_TEST

/* Split the same bytes in every way into pieces of n: the same comes out. */
static void run_pieces(const char *text, size_t len, size_t piece,
	unsigned want_messages, unsigned want_pings)
{
	struct sip_frame f;
	unsigned messages = 0, pings = 0;

	sip_frame_init(&f, &small);
	for (size_t at = 0; at < len; at += piece) {
		struct str data = {text + at,
			len - at < piece ? len - at : piece};
		struct sip_frame_item item;

		do {
			ck_assert_int_eq(sip_frame_next(&f, &data, &item),
				0);
			ck_assert_int_ne(item.kind, SIP_FRAME_BAD);
			if (item.kind == SIP_FRAME_PING)
				pings++;
			if (item.kind != SIP_FRAME_MESSAGE)
				continue;
			messages++;
			ck_assert(str_eq_z(item.message, ONE) ||
				str_eq_z(item.message, HEAD "\r\n"));
		} while (item.kind != SIP_FRAME_NONE);
		ck_assert_uint_eq(data.n, 0);
	}
	ck_assert_uint_eq(messages, want_messages);
	ck_assert_uint_eq(pings, want_pings);
	ck_assert(sip_frame_is_idle(&f));
	sip_frame_fini(&f);
}

START_TEST(test_torn_and_pipelined_messages_come_out_whole)
{
	static const char text[] = "\r\n" ONE "\r\n\r\n" ONE ONE
		HEAD "\r\n" "\r\n\r\n\r\n" ONE;

	for (size_t piece = 1; piece <= sizeof(text); piece++)
		run_pieces(text, sizeof(text) - 1, piece, 5, 2);
}
END_TEST

START_TEST(test_double_line_end_is_a_ping_a_single_one_is_not)
{
	static const char text[] = "\r\n" ONE "\r\n" ONE "\r\n\r\n\r\n\r\n";

	run_pieces(text, sizeof(text) - 1, 7, 2, 2);
}
END_TEST

START_TEST(test_line_ends_inside_a_body_are_no_ping)
{
	static const char text[] = HEAD "Content-Length: 8\r\n\r\n"
		"\r\n\r\n\r\n\r\n";
	struct sip_frame f;
	struct sip_frame_item item = first_of(&f, text, sizeof(text) - 1);

	ck_assert_int_eq(item.kind, SIP_FRAME_MESSAGE);
	ck_assert_uint_eq(item.message.n, sizeof(text) - 1);
	sip_frame_fini(&f);
}
END_TEST

START_TEST(test_S3_lengths_that_differ_or_are_no_numbers_end_the_stream)
{
	EXPECT_BAD(HEAD "Content-Length: 3\r\nl: 4\r\n\r\nabcd", 400);
	EXPECT_BAD(HEAD "Content-Length: -3\r\n\r\nabc", 400);
	EXPECT_BAD(HEAD "Content-Length: 0x3\r\n\r\nabc", 400);
	EXPECT_BAD(HEAD "Content-Length: 3, 3\r\n\r\nabc", 400);
	EXPECT_BAD(HEAD "Content-Length: \r\n\r\n", 400);
	EXPECT_BAD(HEAD "Content-Length: 3\r\n 4\r\n\r\nabc", 400);
	EXPECT_BAD(HEAD "content-LENGTH : 99999999999\r\n\r\n", 400);
	EXPECT_BAD(HEAD "Content-Length: 4294967299\r\n\r\nabc", 400);
	EXPECT_BAD(HEAD "l: 65\r\n\r\n", 413);
}
END_TEST

START_TEST(test_S3_equal_lengths_and_every_spelling_count)
{
	static const char *const good[] = {
		HEAD "Content-Length: 3\r\nl:3\r\n\r\nabc",
		HEAD "L \t: \t003 \r\n\r\nabc",
		HEAD "cOnTeNt-LeNgTh:3\r\n\r\nabc",
	};

	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		struct sip_frame f;
		struct sip_frame_item item = first_of(&f, good[i],
			strlen(good[i]));

		ck_assert_int_eq(item.kind, SIP_FRAME_MESSAGE);
		ck_assert_uint_eq(item.message.n, strlen(good[i]));
		sip_frame_fini(&f);
	}
}
END_TEST

START_TEST(test_missing_length_is_no_body)
{
	struct sip_frame f;
	struct sip_frame_item item = first_of(&f, HEAD "\r\n" ONE,
		sizeof(HEAD "\r\n" ONE) - 1);

	ck_assert_int_eq(item.kind, SIP_FRAME_MESSAGE);
	ck_assert_uint_eq(item.message.n, sizeof(HEAD "\r\n") - 1);
	sip_frame_fini(&f);
}
END_TEST

START_TEST(test_S2_nul_in_the_headers_ends_the_stream)
{
	static const char text[] = HEAD "X: a\0b\r\n\r\n";
	struct sip_frame_item item = {.kind = SIP_FRAME_NONE};
	struct sip_frame f;

	EXPECT_BAD(HEAD "X: a\0b\r\n\r\n", 400);
	/* Octet by octet: the same, with headers to answer to. */
	sip_frame_init(&f, &small);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		struct str one = {text + i, 1};

		ck_assert_int_eq(item.kind, SIP_FRAME_NONE);
		ck_assert_int_eq(sip_frame_next(&f, &one, &item), 0);
	}
	ck_assert_int_eq(item.kind, SIP_FRAME_BAD);
	ck_assert_int_eq(item.status, 400);
	ck_assert_uint_eq(item.head.n, sizeof(text) - 1);
	sip_frame_fini(&f);
}
END_TEST

START_TEST(test_limits_hold)
{
	char text[1200];
	size_t n;

	memset(text, 'a', sizeof(text));
	memcpy(text, HEAD "X: ", sizeof(HEAD "X: ") - 1);
	expect_bad(text, 401, 400); /* head_max without an end */
	n = sizeof(HEAD "X: ") - 1 + 99;
	memcpy(text + n, "\r\n\r\n", 4);
	expect_bad(text, n + 4, 400); /* line_max */
	EXPECT_BAD(HEAD "a:1\r\nb:1\r\nc:1\r\nd:1\r\ne:1\r\nf:1\r\ng:1"
		"\r\n\r\n", 400); /* lines_max */
	/* Folding is no way round the limit of a line. */
	n = (size_t)snprintf(text, sizeof(text), HEAD
		"X: %060d\r\n %060d\r\n\r\n", 1, 1);
	expect_bad(text, n, 400);
}
END_TEST

START_TEST(test_bytes_that_are_no_sip_are_refused_at_once)
{
	EXPECT_BAD("GET / HTTP/1.1\r\n", 0);
	EXPECT_BAD("v=0\r\n", 0);
	EXPECT_BAD("\x16\x03\x01\n", 0);
}
END_TEST

START_TEST(test_S8_start_line_without_end_is_not_waited_for)
{
	char text[101];

	memset(text, 'a', sizeof(text));
	expect_bad(text, sizeof(text), 0);
}
END_TEST

START_TEST(test_refusal_shows_the_headers_for_an_answer)
{
	static const char text[] = HEAD "Content-Length: 99\r\n\r\n";
	struct sip_frame f;
	struct sip_frame_item item = first_of(&f, text, sizeof(text) - 1);

	ck_assert_int_eq(item.status, 413);
	ck_assert(str_eq_z(item.head, text));
	sip_frame_fini(&f);
}
END_TEST

START_TEST(test_R24_every_header_length_up_to_the_limit_frames)
{
	static char text[70000];
	const struct sip_frame_limits wide = {65536, 65536, 128, 64};

	for (size_t n = 0; n < 65536; n += n < 300 ? 1 : 997) {
		struct sip_frame f;
		struct sip_frame_item item;
		size_t len = (size_t)snprintf(text, sizeof(text),
			HEAD "Call-ID: ");
		struct str data = {text, 0};

		memset(text + len, 'x', n);
		memcpy(text + len + n, "\r\n\r\n", 5);
		data.n = len + n + 4;
		sip_frame_init(&f, &wide);
		ck_assert_int_eq(sip_frame_next(&f, &data, &item), 0);
		ck_assert_int_eq(item.kind, len + n + 4 > 65536 ?
			SIP_FRAME_BAD : SIP_FRAME_MESSAGE);
		sip_frame_fini(&f);
	}
}
END_TEST

int main(void)
{
	RUN_SUITE("sip/sip_frame",
		test_whole_message_is_handed_out_without_a_copy,
		test_torn_and_pipelined_messages_come_out_whole,
		test_double_line_end_is_a_ping_a_single_one_is_not,
		test_line_ends_inside_a_body_are_no_ping,
		test_S3_lengths_that_differ_or_are_no_numbers_end_the_stream,
		test_S3_equal_lengths_and_every_spelling_count,
		test_missing_length_is_no_body,
		test_S2_nul_in_the_headers_ends_the_stream,
		test_limits_hold,
		test_bytes_that_are_no_sip_are_refused_at_once,
		test_S8_start_line_without_end_is_not_waited_for,
		test_refusal_shows_the_headers_for_an_answer,
		test_R24_every_header_length_up_to_the_limit_frames);
}
