/* Tests of common/base/str.c. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define ck_str(s, text) ck_assert_msg(str_eq_z((s), (text)), \
	"\"%.*s\" is not \"%s\"", STR_ARG(s), (text))

START_TEST(test_str_compares)
{
	ck_assert(str_eq(STR_LIT("abc"), str_of("abc")));
	ck_assert(!str_eq(STR_LIT("abc"), STR_LIT("ab")));
	ck_assert(!str_eq(STR_LIT("abc"), STR_LIT("abd")));
	ck_assert(str_eq(str_of(NULL), STR_LIT("")));
	ck_assert(str_ieq_z(STR_LIT("Via"), "vIA"));
	ck_assert(!str_ieq_z(STR_LIT("@"), "`"));
	ck_assert(!str_ieq_z(STR_LIT("\xc4"), "\xe4"));
	ck_assert(!str_eq(STR_LIT("a\0b"), STR_LIT("a\0c")));
}
END_TEST

START_TEST(test_str_compare_orders_bytes_and_the_shorter_first)
{
	static const char *const SORTED[] = {"", "A", "a", "a\"", "ab", "b",
		"\xc3\xa4"};

	for (size_t i = 0; i < ARRAY_COUNT(SORTED); i++)
		for (size_t k = 0; k < ARRAY_COUNT(SORTED); k++) {
			int order = str_compare(str_of(SORTED[i]),
				str_of(SORTED[k]));

			ck_assert_int_eq((order > 0) - (order < 0),
				(i > k) - (i < k));
		}
	ck_assert_int_eq(str_compare(str_of(NULL), str_of(NULL)), 0);
	ck_assert_int_lt(str_compare((struct str){"a\0b", 3},
		(struct str){"a\0c", 3}), 0);
}
END_TEST

START_TEST(test_str_starts_and_ends)
{
	struct str s = STR_LIT("sip:alice");

	ck_assert(str_starts(s, "sip:"));
	ck_assert(str_starts(s, ""));
	ck_assert(!str_starts(s, "SIP:"));
	ck_assert(str_istarts(s, "SIP:"));
	ck_assert(!str_starts(s, "sip:alice2"));
	ck_assert(str_ends(s, "alice"));
	ck_assert(!str_ends(s, "xsip:alice"));
	ck_assert(str_ends(str_of(NULL), ""));
}
END_TEST

START_TEST(test_str_trims_and_skips)
{
	ck_str(str_trim(STR_LIT(" \t a b\r\n")), "a b");
	ck_str(str_trim(STR_LIT(" \r\n")), "");
	ck_str(str_skip(STR_LIT("abc"), 1), "bc");
	ck_str(str_skip(STR_LIT("abc"), 9), "");
	ck_str(str_skip(str_of(NULL), 3), "");
	ck_assert_uint_eq(str_find(STR_LIT("a=b"), '='), 1);
	ck_assert_uint_eq(str_find(STR_LIT("ab"), '='), 2);
	ck_assert_uint_eq(str_find(str_of(NULL), '='), 0);
}
END_TEST

static size_t count_parts(const char *text)
{
	struct str rest = str_of(text);
	struct str part;
	size_t count = 0;

	while (str_split(&rest, ',', &part))
		count++;
	return count;
}

START_TEST(test_str_split_counts_empty_parts)
{
	struct str rest = STR_LIT("a,,b,");
	struct str part;

	ck_assert(str_split(&rest, ',', &part));
	ck_str(part, "a");
	ck_assert(str_split(&rest, ',', &part));
	ck_str(part, "");
	ck_assert(str_split(&rest, ',', &part));
	ck_str(part, "b");
	ck_assert(str_split(&rest, ',', &part));
	ck_str(part, "");
	ck_assert(!str_split(&rest, ',', &part));
	ck_assert_uint_eq(count_parts(""), 1);
	ck_assert_uint_eq(count_parts(","), 2);
	ck_assert_uint_eq(count_parts("abc"), 1);
	ck_assert_uint_eq(count_parts(NULL), 0);
}
END_TEST

START_TEST(test_str_numbers_are_digits_in_range)
{
	static const char *const BAD[] = {"", " 1", "1 ", "+1", "-1", "0x1",
		"1a", "1e3"};
	uint32_t v32 = 7;
	uint64_t v64 = 7;

	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++)
		ck_assert_int_eq(str_to_u32(str_of(BAD[i]), &v32),
			EDGE_EMALFORMED);
	ck_assert_int_eq(str_to_u32(STR_LIT("4294967296"), &v32),
		EDGE_ETOOBIG);
	ck_assert_int_eq(str_to_u64(STR_LIT("18446744073709551616"), &v64),
		EDGE_ETOOBIG);
	ck_assert_int_eq(str_to_u64(STR_LIT("99999999999999999999999"), &v64),
		EDGE_ETOOBIG);
	ck_assert_int_eq(str_to_u64(STR_LIT("999999999999999999999x"), &v64),
		EDGE_EMALFORMED);
	ck_assert_uint_eq(v32, 7);
	ck_assert_uint_eq(v64, 7);
	ck_assert_int_eq(str_to_u32(STR_LIT("4294967295"), &v32), 0);
	ck_assert_uint_eq(v32, UINT32_MAX);
	ck_assert_int_eq(str_to_u64(STR_LIT("18446744073709551615"), &v64), 0);
	ck_assert_uint_eq(v64, UINT64_MAX);
	ck_assert_int_eq(str_to_u32(STR_LIT("000"), &v32), 0);
	ck_assert_uint_eq(v32, 0);
}
END_TEST

START_TEST(test_str_copy_refuses_what_does_not_fit)
{
	char room[4] = "zzz";

	ck_assert_int_eq(str_copy(STR_LIT("abcd"), room, sizeof(room)),
		EDGE_ETOOBIG);
	ck_assert_int_eq(str_copy(STR_LIT(""), room, 0), EDGE_ETOOBIG);
	ck_assert_int_eq(str_copy(STR_LIT("a\0b"), room, sizeof(room)),
		EDGE_EMALFORMED);
	ck_assert_str_eq(room, "zzz");
	ck_assert_int_eq(str_copy(STR_LIT("abc"), room, sizeof(room)), 0);
	ck_assert_str_eq(room, "abc");
	ck_assert_int_eq(str_copy(str_of(NULL), room, sizeof(room)), 0);
	ck_assert_str_eq(room, "");
}
END_TEST

START_TEST(test_str_dup_owns_its_copy)
{
	char *copy = str_dup((struct str){"abcdef", 3});
	char *empty = str_dup(str_of(NULL));

	ck_assert_str_eq(copy, "abc");
	ck_assert_str_eq(empty, "");
	free(copy);
	free(empty);
}
END_TEST

START_TEST(test_str_hex_goes_both_ways)
{
	static const uint8_t BYTES[] = {0x00, 0x7f, 0xa5, 0xff};
	char hex[2 * sizeof(BYTES) + 1];
	uint8_t back[sizeof(BYTES)];
	size_t len = 99;

	str_hex(BYTES, sizeof(BYTES), hex);
	ck_assert_str_eq(hex, "007fa5ff");
	ck_assert_int_eq(str_unhex(STR_LIT("007FA5ff"), back, 4, &len), 0);
	ck_assert_uint_eq(len, 4);
	ck_assert_mem_eq(back, BYTES, 4);
	ck_assert_int_eq(str_unhex(STR_LIT("007"), back, 4, &len),
		EDGE_EMALFORMED);
	ck_assert_int_eq(str_unhex(STR_LIT("0g"), back, 4, &len),
		EDGE_EMALFORMED);
	ck_assert_int_eq(str_unhex(STR_LIT("0011223344"), back, 4, &len),
		EDGE_ETOOBIG);
}
END_TEST

START_TEST(test_str_distance_is_levenshtein)
{
	char long_a[200];

	ck_assert_uint_eq(str_distance("kitten", "sitting"), 3);
	ck_assert_uint_eq(str_distance("", "abc"), 3);
	ck_assert_uint_eq(str_distance("ABC", "abc"), 0);
	memset(long_a, 'a', sizeof(long_a) - 1);
	long_a[sizeof(long_a) - 1] = '\0';
	ck_assert_uint_eq(str_distance(long_a, ""), 64);
}
END_TEST

START_TEST(test_str_nearest_guesses_only_when_near)
{
	static const char *const NAMES[] = {"max_calls", "next_hop", "port"};
	static const char *const USES[] = {"external-sip", "external-webconf",
		"external-av"};

	ck_assert_str_eq(str_nearest("nexthop", NAMES, 3), "next_hop");
	ck_assert_str_eq(str_nearest("prot", NAMES, 3), "port");
	ck_assert_ptr_null(str_nearest("zebra", NAMES, 3));
	/* What was cut short means itself, not a shorter neighbour. */
	ck_assert_str_eq(str_nearest("external-web", USES, 3),
		"external-webconf");
	ck_assert_str_eq(str_nearest("external-a", USES, 3), "external-av");
	ck_assert_ptr_null(str_nearest("ex", USES, 3));
	ck_assert_ptr_null(str_nearest("x", NAMES, 0));
}
END_TEST

START_TEST(test_S16_what_steers_a_terminal_is_known)
{
	static const struct {
		const char *text;
		size_t n;
		unsigned code;
	} ROWS[] = {
		{"\x1b[2J", 1, 0x1b}, {"\n", 1, '\n'}, {"\x7f", 1, 0x7f},
		{"\xc2\x9b" "2J", 2, 0x9b}, {"\xc2\x80", 2, 0x80},
		{"\u200e", 3, 0x200e}, {"\u200f", 3, 0x200f},
		{"\u202a", 3, 0x202a}, {"\u202e", 3, 0x202e},
		{"\u2066", 3, 0x2066}, {"\u2069", 3, 0x2069},
		{"", 0, 0}, {"a", 0, 'a'}, {"\u00a0", 0, 0xc2},
		{"\u200d", 0, 0x200d}, {"\u2029", 0, 0x2029},
		{"\u202f", 0, 0x202f}, {"\u2065", 0, 0x2065},
		{"\u206a", 0, 0x206a}, {"\xe2", 0, 0xe2},
		{"\xe2\x80", 0, 0xe2}, {"\xc2", 0, 0xc2},
	};

	for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++) {
		unsigned code = 0;

		ck_assert_msg(str_steering_len(ROWS[i].text, &code) ==
			ROWS[i].n, "row %zu", i);
		ck_assert_msg(code == ROWS[i].code, "row %zu: %x", i, code);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/str");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_str_compares);
	tcase_add_test(tc,
		test_str_compare_orders_bytes_and_the_shorter_first);
	tcase_add_test(tc, test_str_starts_and_ends);
	tcase_add_test(tc, test_str_trims_and_skips);
	tcase_add_test(tc, test_str_split_counts_empty_parts);
	tcase_add_test(tc, test_str_numbers_are_digits_in_range);
	tcase_add_test(tc, test_str_copy_refuses_what_does_not_fit);
	tcase_add_test(tc, test_str_dup_owns_its_copy);
	tcase_add_test(tc, test_str_hex_goes_both_ways);
	tcase_add_test(tc, test_str_distance_is_levenshtein);
	tcase_add_test(tc, test_str_nearest_guesses_only_when_near);
	tcase_add_test(tc, test_S16_what_steers_a_terminal_is_known);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
