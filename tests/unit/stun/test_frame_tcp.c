/* Framing of the TCP ports: every length, every split, every greeting. */
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/rand.h"
#include "common/base/str.h"
#include "common/stun/frame_tcp.h"
#include "tests/unit/av-edge/suite.h"

#define HELLO \
	"160301002d010000290301808182838485868788898a8b8c8d8e8f90919293" \
	"9495969798999a9b9c9d9e9f00000200180100"
#define ANSWER \
	"160301004e020000460301808182838485868788898a8b8c8d8e8f90919293" \
	"9495969798999a9b9c9d9e9f20c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1" \
	"d2d3d4d5d6d7d8d9dadbdcdddedf0018000e000000"
/* libnice 0.1.21's own */
#define HELLO_LIBNICE \
	"160301002d010000290301c1fcd5a36d93dd7e0b45673fec7985fbbc3fd660" \
	"c2ce8485081b8121bcaa10fb00000200180100"
/* An answer that libnice took. */
#define ANSWER_LIBNICE \
	"160301004e02000046030100000000f94b3175235db38d141426f786b9f4f7" \
	"15d58e94ee7da8bfddf7c2e820492c99a210aa6bbf8df3c5d20db5ea3222f8" \
	"c56712033347add01d99b3a6053c0018000e000000"
#define CONTROL \
	"0200002400030010f29bc91bbdab169fc0c0a326965953d1000f000472c64b" \
	"c68008000400000002"
#define DATA "0300000568656c6c6f"
/* The second connection of libnice: a frame header without its length. */
#define BROKEN \
	"030000030010fd37320e5a5a005ee366d233fbdb221d000f000472c64bc680" \
	"08000400000001"
#define RFC_REQUEST "000100002112a442000102030405060708090a0b"

static uint8_t bytes[2 * FRAME_MAX];

static size_t load(const char *hex)
{
	size_t len = 0;

	ck_assert_int_eq(str_unhex(str_of(hex), bytes, sizeof(bytes), &len),
		0);
	return len;
}

/* ---- which dialect ----------------------------------------------------- */

/* The verdict on the whole; every prefix must give it or ask for more, also
 * when it lies at the very end of its memory. */
static enum frame_dialect dialect(const char *hex)
{
	size_t len = load(hex), n;
	enum frame_dialect whole = frame_dialect_of(bytes, len), part;
	enum frame_dialect seen = FRAME_UNDECIDED;
	uint8_t *copy;

	for (n = 0; n <= len; n++) {
		copy = malloc(n + 1);
		ck_assert_ptr_nonnull(copy);
		memcpy(copy + 1, bytes, n);
		part = frame_dialect_of(copy + 1, n);
		free(copy);
		ck_assert(part == whole || part == FRAME_UNDECIDED);
		/* once decided, it stays so */
		ck_assert(seen == FRAME_UNDECIDED || part == seen);
		seen = part;
	}
	return whole;
}

START_TEST(test_dialects_are_told_apart)
{
	static const struct {
		const char *hex;
		enum frame_dialect want;
	} cases[] = {
		{"", FRAME_UNDECIDED},
		{HELLO, FRAME_PSEUDO_TLS},
		{HELLO_LIBNICE, FRAME_PSEUDO_TLS},
		{HELLO CONTROL, FRAME_PSEUDO_TLS},
		{CONTROL, FRAME_MS}, {"02", FRAME_UNDECIDED},
		{"0200", FRAME_MS}, {"0201", FRAME_CLOSE},
		/* data before there is any allocation */
		{DATA, FRAME_CLOSE}, {BROKEN, FRAME_CLOSE},
		{RFC_REQUEST, FRAME_RFC},
		{"010100002112a442", FRAME_RFC},
		{"000100002112a4", FRAME_UNDECIDED},
		{"000100002112a443", FRAME_CLOSE},
		{"0001000022", FRAME_CLOSE},
		/* RFC 3489, MS-TURN without a frame */
		{"0001000000010203", FRAME_CLOSE},
		{"00030010f29bc91b", FRAME_CLOSE},
		/* real TLS: other lengths, other versions, SSLv2's form */
		{"16030100c8010000c40303", FRAME_TLS},
		{"160303", FRAME_TLS}, {"1603", FRAME_UNDECIDED},
		{"160301002d010000290303", FRAME_TLS},
		{"1602", FRAME_CLOSE}, {"16", FRAME_UNDECIDED},
		{"80", FRAME_CLOSE}, {"80010000", FRAME_CLOSE},
		/* ChannelData first, multiplexed, HTTP, SIP */
		{"40000000", FRAME_CLOSE}, {"ff10", FRAME_CLOSE},
		{"474554202f", FRAME_CLOSE}, {"52454749", FRAME_CLOSE},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++)
		ck_assert_msg(dialect(cases[i].hex) == cases[i].want,
			"case %zu: %s", i, cases[i].hex);
}
END_TEST

/* Lenient in the 32 bytes of time and random, and in nothing else. */
START_TEST(test_hello_is_right_in_every_fixed_byte)
{
	size_t at;
	unsigned bit;
	enum frame_dialect got;

	for (at = 0; at < FRAME_HELLO_LEN; at++) {
		for (bit = 0; bit < 8; bit++) {
			ck_assert_uint_eq(load(HELLO), FRAME_HELLO_LEN);
			bytes[at] ^= (uint8_t)(1 << bit);
			got = frame_dialect_of(bytes, FRAME_HELLO_LEN);
			if (at >= 11 && at < 43)
				ck_assert_int_eq(got, FRAME_PSEUDO_TLS);
			else if (at < 2)
				ck_assert_int_ne(got, FRAME_PSEUDO_TLS);
			else
				ck_assert_int_eq(got, FRAME_TLS);
		}
	}
}
END_TEST

START_TEST(test_dialect_is_decided_within_a_hello)
{
	unsigned i;

	for (i = 0; i < 200000; i++) {
		load(HELLO);
		if (i % 2)
			rand_bytes(bytes, 1 + rand_below(FRAME_HELLO_LEN));
		else
			bytes[rand_below(FRAME_HELLO_LEN)] ^=
				(uint8_t)(1 + rand_below(255));
		ck_assert_int_ne(frame_dialect_of(bytes, FRAME_HELLO_LEN),
			FRAME_UNDECIDED);
	}
}
END_TEST

START_TEST(test_greeting_is_rebuilt_with_its_random_parts_filled_in)
{
	uint8_t random[FRAME_ANSWER_RANDOM_LEN], out[FRAME_ANSWER_LEN];
	size_t i;

	for (i = 0; i < 32; i++) {
		random[i] = (uint8_t)(0x80 + i);
		random[32 + i] = (uint8_t)(0xc0 + i);
	}
	memset(out, 0xee, sizeof(out));
	frame_hello(out, random);
	ck_assert_uint_eq(load(HELLO), FRAME_HELLO_LEN);
	ck_assert_mem_eq(out, bytes, FRAME_HELLO_LEN);
	frame_answer(out, random);
	ck_assert_uint_eq(load(ANSWER), sizeof(out));
	ck_assert_mem_eq(out, bytes, sizeof(out));
	ck_assert_uint_eq(load(ANSWER_LIBNICE), sizeof(out));
	ck_assert(frame_is_answer(bytes));
}
END_TEST

START_TEST(test_our_own_hello_and_answer_are_known)
{
	uint8_t hello[FRAME_HELLO_LEN], answer[FRAME_ANSWER_LEN];
	uint8_t random[FRAME_ANSWER_RANDOM_LEN];
	size_t at;

	rand_bytes(random, sizeof(random));
	frame_hello(hello, random);
	ck_assert_int_eq(frame_dialect_of(hello, sizeof(hello)),
		FRAME_PSEUDO_TLS);
	frame_answer(answer, random);
	ck_assert(frame_is_answer(answer));
	/* libnice compares all but time, random and session id. */
	for (at = 0; at < sizeof(answer); at++) {
		answer[at] ^= 1;
		ck_assert(frame_is_answer(answer) ==
			((at >= 11 && at < 43) || (at >= 44 && at < 76)));
		answer[at] ^= 1;
	}
}
END_TEST

/* ---- frames ------------------------------------------------------------ */

typedef int (next_fn)(const uint8_t *bytes, size_t len, struct frame *out);

START_TEST(test_frames_of_ms_turn_are_read)
{
	size_t len = load(CONTROL DATA);
	struct frame f;

	ck_assert_int_eq(frame_ms_next(bytes, len, &f), 0);
	ck_assert_int_eq(f.kind, FRAME_CONTROL);
	ck_assert_uint_eq(f.len, 36);
	ck_assert_uint_eq(f.whole_len, 40);
	ck_assert_ptr_eq(f.data, bytes + 4);
	ck_assert_int_eq(frame_ms_next(bytes + 40, len - 40, &f), 0);
	ck_assert_int_eq(f.kind, FRAME_DATA);
	ck_assert(str_eq_z((struct str){(const char *)f.data, f.len},
		"hello"));
}
END_TEST

START_TEST(test_other_types_and_reserved_bytes_are_malformed)
{
	struct frame f;
	unsigned type;

	memset(bytes, 0, 8);
	for (type = 0; type < 256; type++) {
		bytes[0] = (uint8_t)type;
		ck_assert_int_eq(frame_ms_next(bytes, 1, &f),
			type == 2 || type == 3 ? EDGE_ESHORT :
						 EDGE_EMALFORMED);
		ck_assert_int_eq(frame_ms_next(bytes, 4, &f),
			type == 2 || type == 3 ? 0 : EDGE_EMALFORMED);
		bytes[0] = 2;
		bytes[1] = (uint8_t)type;
		ck_assert_int_eq(frame_ms_next(bytes, 4, &f),
			type == 0 ? 0 : EDGE_EMALFORMED);
		bytes[1] = 0;
	}
}
END_TEST

/* Read by the rules: a frame of three bytes, then no frame. */
START_TEST(test_header_without_length_desynchronises_only_itself)
{
	size_t len = load(BROKEN);
	struct frame f;

	ck_assert_int_eq(frame_ms_next(bytes, len, &f), 0);
	ck_assert_uint_eq(f.whole_len, 7);
	ck_assert_int_eq(frame_ms_next(bytes + 7, len - 7, &f),
		EDGE_EMALFORMED);
}
END_TEST

START_TEST(test_stream_of_the_rfc_is_cut_by_its_own_lengths)
{
	size_t len = load(RFC_REQUEST "40010005" "68656c6c6f" "000000"
		RFC_REQUEST);
	struct frame f;

	ck_assert_int_eq(frame_rfc_next(bytes, len, &f), 0);
	ck_assert_int_eq(f.kind, FRAME_CONTROL);
	ck_assert_uint_eq(f.len, 20);
	ck_assert_int_eq(frame_rfc_next(bytes + 20, len - 20, &f), 0);
	ck_assert_int_eq(f.kind, FRAME_DATA);
	ck_assert_uint_eq(f.len, 9);
	ck_assert_uint_eq(f.whole_len, 12);
	ck_assert_ptr_eq(f.data, bytes + 20);
	ck_assert_int_eq(frame_rfc_next(bytes + 32, len - 32, &f), 0);
	ck_assert_uint_eq(f.whole_len, 20);
}
END_TEST

START_TEST(test_stream_of_the_rfc_refuses_what_has_no_length)
{
	static const char *const wrong[] = {
		"80", "c0000000", "ff10000d", "1603010000000000",
		"000100012112a442", /* odd length */
		"000100002112a443", /* no cookie */
		"0001fff02112a442", /* longer than a message can be */
	};
	struct frame f;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(wrong); i++)
		ck_assert_msg(frame_rfc_next(bytes, load(wrong[i]), &f) ==
			EDGE_EMALFORMED, "case %zu", i);
}
END_TEST

/* ---- T13: all lengths --------------------------------------------------- */

/* What a reader that knows no C integers would say: where the frame that
 * begins with these four bytes ends, or -1 when it can't be one. */
static long long end_by_reference(const uint8_t *head, bool is_rfc)
{
	long long body = (long long)head[2] * 256 + head[3];

	if (!is_rfc)
		return (head[0] == 2 || head[0] == 3) && head[1] == 0 ?
		    4 + body : -1;
	if (head[0] >= 0x40 && head[0] < 0x80)
		return (4 + body + 3) / 4 * 4;
	if (head[0] < 0x40 && body % 4 == 0 && 20 + body <= 65535)
		return 20 + body;
	return -1;
}

/* One frame of that head, and a known frame behind it. */
static void assert_length(next_fn *next, const uint8_t *head, bool is_rfc)
{
	static const uint8_t after_ms[] = {3, 0, 0, 1, 'x'};
	static const uint8_t after_rfc[] = {0x40, 1, 0, 1, 'x', 0, 0, 0};
	const uint8_t *after = is_rfc ? after_rfc : after_ms;
	size_t after_len = is_rfc ? sizeof(after_rfc) : sizeof(after_ms);
	long long end = end_by_reference(head, is_rfc);
	struct frame f;
	size_t whole;

	memcpy(bytes, head, 4);
	if (is_rfc && head[0] < 0x40)
		buf_store_u32(bytes + 4, 0x2112a442);
	if (end < 0) {
		ck_assert_int_eq(next(bytes, sizeof(bytes), &f),
			EDGE_EMALFORMED);
		return;
	}
	whole = (size_t)end;
	ck_assert_uint_le(whole, FRAME_MAX);
	memcpy(bytes + whole, after, after_len);
	ck_assert_int_eq(next(bytes, whole + after_len, &f), 0);
	ck_assert_uint_eq(f.whole_len, whole);
	ck_assert(f.data >= bytes);
	ck_assert(f.data + f.len <= bytes + whole);
	ck_assert_int_eq(next(bytes, whole, &f), 0);
	ck_assert_int_eq(next(bytes, whole - 1, &f), EDGE_ESHORT);
	ck_assert_uint_eq(f.whole_len, whole > 4 ? whole : 4);
	ck_assert_int_eq(next(bytes + whole, after_len, &f), 0);
	ck_assert_uint_eq(f.whole_len, after_len);
	memset(bytes + whole, 0, after_len);
}

START_TEST(test_T13_every_length_keeps_the_stream_in_step)
{
	static const uint8_t firsts[] = {0x40, 0x4f, 0x7f, 0x00, 0x01, 0x3f};
	uint8_t head[4] = {0};
	unsigned len;
	size_t i;

	for (len = 0; len <= UINT16_MAX; len++) {
		frame_ms_header(head, FRAME_CONTROL, len);
		ck_assert_int_eq(head[0], 2);
		assert_length(frame_ms_next, head, false);
		frame_ms_header(head, FRAME_DATA, len);
		ck_assert_int_eq(head[0], 3);
		assert_length(frame_ms_next, head, false);
		for (i = 0; i < ARRAY_COUNT(firsts); i++) {
			head[0] = firsts[i];
			assert_length(frame_rfc_next, head, true);
		}
	}
}
END_TEST

/* A slow reader, byte by byte, as the reference for any split. */
static void assert_same_cuts(next_fn *next, bool is_rfc, size_t len)
{
	size_t from = 0, have = 0, cut = 0;
	struct frame f;
	long long end;
	int err;

	while (have < len) {
		have += 1 + rand_below(40);
		have = have < len ? have : len;
		for (;;) {
			err = next(bytes + from, have - from, &f);
			if (err == EDGE_ESHORT)
				break;
			ck_assert_uint_ge(have - from, 4);
			end = end_by_reference(bytes + from, is_rfc);
			if (err != 0) {
				ck_assert_int_eq(err, EDGE_EMALFORMED);
				return;
			}
			ck_assert_int_eq((long long)f.whole_len, end);
			from += f.whole_len;
			cut++;
		}
	}
	ck_assert_uint_le(cut, len / 4);
}

static size_t random_stream(bool is_rfc)
{
	size_t at = 0, body;

	while (at < 2000) {
		body = rand_below(rand_below(8) == 0 ? 500 : 24);
		if (is_rfc && rand_below(2)) {
			body -= body % 4;
			buf_store_u16(bytes + at, 1);
			buf_store_u16(bytes + at + 2, (uint16_t)body);
			buf_store_u32(bytes + at + 4, 0x2112a442);
			at += 20 + body;
		} else if (is_rfc) {
			buf_store_u16(bytes + at, 0x4001);
			buf_store_u16(bytes + at + 2, (uint16_t)body);
			at += 4 + body + frame_rfc_padding(4 + body);
		} else {
			frame_ms_header(bytes + at, body % 2 ? FRAME_DATA :
				FRAME_CONTROL, body);
			at += 4 + body;
		}
	}
	return at;
}

START_TEST(test_T13_streams_are_cut_alike_however_they_are_split)
{
	unsigned round;

	for (round = 0; round < 2000; round++) {
		rand_bytes(bytes, 4096);
		assert_same_cuts(frame_ms_next, false, random_stream(false));
		assert_same_cuts(frame_rfc_next, true, random_stream(true));
	}
}
END_TEST

START_TEST(test_packets_of_rfc4571_are_cut_by_their_lengths)
{
	static const uint8_t stream[] = {0, 3, 'a', 'b', 'c', 0, 0, 0xff,
		0xff};
	struct frame f;

	ck_assert_int_eq(frame_packet_next(stream, 1, &f), EDGE_ESHORT);
	ck_assert_uint_eq(f.whole_len, 2);
	ck_assert_int_eq(frame_packet_next(stream, 4, &f), EDGE_ESHORT);
	ck_assert_uint_eq(f.whole_len, 5);
	ck_assert_int_eq(frame_packet_next(stream, sizeof(stream), &f), 0);
	ck_assert_uint_eq(f.len, 3);
	ck_assert_ptr_eq(f.data, stream + 2);
	ck_assert_int_eq(frame_packet_next(stream + 5, 4, &f), 0);
	ck_assert_uint_eq(f.len, 0);
	ck_assert_uint_eq(f.whole_len, 2);
	ck_assert_int_eq(frame_packet_next(stream + 7, 2, &f), EDGE_ESHORT);
	ck_assert_uint_eq(f.whole_len, 2 + 65535);
}
END_TEST

START_TEST(test_padding_reaches_the_next_multiple_of_four)
{
	size_t len;

	for (len = 0; len < 70000; len++) {
		ck_assert_uint_lt(frame_rfc_padding(len), 4);
		ck_assert_uint_eq((len + frame_rfc_padding(len)) % 4, 0);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_dialects_are_told_apart,
		test_hello_is_right_in_every_fixed_byte,
		test_our_own_hello_and_answer_are_known,
		test_dialect_is_decided_within_a_hello,
		test_greeting_is_rebuilt_with_its_random_parts_filled_in,
		test_frames_of_ms_turn_are_read,
		test_other_types_and_reserved_bytes_are_malformed,
		test_header_without_length_desynchronises_only_itself,
		test_stream_of_the_rfc_is_cut_by_its_own_lengths,
		test_stream_of_the_rfc_refuses_what_has_no_length,
		test_T13_every_length_keeps_the_stream_in_step,
		test_T13_streams_are_cut_alike_however_they_are_split,
		test_packets_of_rfc4571_are_cut_by_their_lengths,
		test_padding_reaches_the_next_multiple_of_four,
	};

	return suite_run("frame_tcp", tests, ARRAY_COUNT(tests), NULL, NULL);
}
