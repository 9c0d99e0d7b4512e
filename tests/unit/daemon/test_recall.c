/* The memory behind `edgectl explain`: what is found, what gives way. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/daemon/recall.h"
#include "common/daemon/recall_store.h"

static struct recall *r;

static void setup(void)
{
	clock_fake(1000000, 1790000000000);
	r = recall_new();
	ck_assert_ptr_nonnull(r);
}

static void teardown(void)
{
	recall_free(r);
	clock_real();
}

static size_t count(const char *about)
{
	json_t *answer = recall_about(r, about);
	size_t n = json_array_size(json_object_get(answer, "records"));

	json_decref(answer);
	return n;
}

static const char *field(const json_t *answer, size_t i, const char *key)
{
	const char *text = json_string_value(json_object_get(
		json_array_get(json_object_get(answer, "records"), i), key));

	return text != NULL ? text : "(none)";
}

static void from_address(enum recall_share share, const char *address, int n)
{
	struct recall_note note = {.share = share, .kind = "auth.refused"};
	struct addr a;

	ck_assert_int_eq(addr_parse(str_of(address), &a), 0);
	note.address = &a;
	/* Slower than any share's pace: pace is a test of its own. */
	clock_fake_advance(100);
	recall_add(r, &note, "number=%d", n);
}

/* ---- finding ------------------------------------------------------------ */

START_TEST(test_R10_every_key_leads_to_the_record)
{
	struct recall_note note = {.share = RECALL_REFUSED,
		.kind = "request.refused",
		.advice = "ask for it",
		.id = STR_LIT("1D5400"),
		.call_id = STR_LIT("8d1b@host"),
		.user = STR_LIT("sip:Alice@Example.com;gruu"),
		.domain = STR_LIT("partner.test"),
		.credential = STR_LIT("00ffee")};
	static const char *const ABOUT[] = {"1d5400", "8d1b@host",
		"alice@example.com", "sip:alice@example.com",
		"<sip:alice@example.com>", " alice@example.com ", "alice",
		"example.com", "partner.test", "00FFEE", "198.51.100.7",
		"198.51.100.7:4000", "203.0.113.9", "::ffff:198.51.100.7"};
	static const char *const NOT_ABOUT[] = {"alic", "xample.com", "",
		"198.51.100.8", "198.51.100.7:4001", "bob@example.com", "@"};
	struct addr from, to;
	json_t *answer;

	ck_assert_int_eq(addr_parse_z("198.51.100.7", 4000, &from), 0);
	ck_assert_int_eq(addr_parse_z("203.0.113.9", 0, &to), 0);
	note.address = &from;
	note.other = &to;
	recall_add(r, &note, "cause=%s", "not-allowed");
	for (size_t i = 0; i < ARRAY_COUNT(ABOUT); i++)
		ck_assert_msg(count(ABOUT[i]) == 1, "%s", ABOUT[i]);
	for (size_t i = 0; i < ARRAY_COUNT(NOT_ABOUT); i++)
		ck_assert_msg(count(NOT_ABOUT[i]) == 0, "%s", NOT_ABOUT[i]);
	answer = recall_about(r, "alice");
	ck_assert_str_eq(field(answer, 0, "at"), "2026-09-21T14:13:20Z");
	ck_assert_str_eq(field(answer, 0, "kind"), "request.refused");
	ck_assert_str_eq(field(answer, 0, "text"), "cause=not-allowed");
	ck_assert_str_eq(field(answer, 0, "advice"), "ask for it");
	ck_assert_str_eq(field(answer, 0, "user"), "Alice@Example.com");
	ck_assert_str_eq(field(answer, 0, "address"), "198.51.100.7:4000");
	ck_assert_str_eq(field(answer, 0, "other"), "203.0.113.9");
	json_decref(answer);
}
END_TEST

START_TEST(test_answer_is_in_order_over_all_shares)
{
	json_t *answer;

	from_address(RECALL_ADMITTED, "192.0.2.1", 1);
	from_address(RECALL_REFUSED, "192.0.2.1", 2);
	from_address(RECALL_STRANGER, "192.0.2.1", 3);
	from_address(RECALL_ENDED, "192.0.2.1", 4);
	answer = recall_about(r, "192.0.2.1");
	ck_assert_str_eq(field(answer, 0, "text"), "number=1");
	ck_assert_str_eq(field(answer, 1, "text"), "number=2");
	ck_assert_str_eq(field(answer, 2, "text"), "number=3");
	ck_assert_str_eq(field(answer, 3, "text"), "number=4");
	json_decref(answer);
}
END_TEST

START_TEST(test_S16_control_characters_of_a_peer_are_not_kept)
{
	struct recall_note note = {.share = RECALL_REFUSED,
		.kind = "request.refused",
		.id = STR_LIT("x"),
		.call_id = STR_LIT("a\r\nb\x1b[1m"),
		.user = STR_LIT("al\xff")};
	json_t *answer;

	recall_add(r, &note, "cause=refused by=%s", "e\xffve\n");
	answer = recall_about(r, "x");
	ck_assert_str_eq(field(answer, 0, "call_id"), "a??b?[1m");
	ck_assert_str_eq(field(answer, 0, "user"), "al?");
	ck_assert_str_eq(field(answer, 0, "text"), "cause=refused by=e?ve?");
	json_decref(answer);
}
END_TEST

START_TEST(test_long_texts_are_cut_and_stay_within_the_record)
{
	static char longest[2000];
	struct recall_note note = {.share = RECALL_REFUSED, .kind = "a.b"};
	struct str all = {longest, sizeof(longest)};
	json_t *answer;

	memset(longest, 'x', sizeof(longest));
	note.id = STR_LIT("k");
	note.call_id = note.user = note.domain = note.credential = all;
	recall_add(r, &note, "%.*s", (int)all.n, all.p);
	answer = recall_about(r, "k");
	ck_assert_uint_eq(strlen(field(answer, 0, "call_id")), 95);
	ck_assert_uint_ge(strlen(field(answer, 0, "text")), 40);
	json_decref(answer);
}
END_TEST

START_TEST(test_null_memory_is_a_memory_that_keeps_nothing)
{
	struct recall_note note = {.share = RECALL_REFUSED, .kind = "a.b"};

	recall_add(NULL, &note, "t");
	recall_free(NULL);
}
END_TEST

/* ---- bounds ------------------------------------------------------------- */

START_TEST(test_the_same_again_is_counted)
{
	json_t *answer;

	for (int i = 0; i < 5; i++)
		from_address(RECALL_REFUSED, "192.0.2.1:1000", 7);
	from_address(RECALL_REFUSED, "192.0.2.1:1000", 8);
	answer = recall_about(r, "192.0.2.1");
	ck_assert_uint_eq(count("192.0.2.1"), 2);
	ck_assert_int_eq(
		json_integer_value(json_object_get(
			json_array_get(json_object_get(answer, "records"), 0),
			"count")), 5);
	ck_assert_str_eq(field(answer, 0, "at"), "2026-09-21T14:13:20Z");
	json_decref(answer);
}
END_TEST

START_TEST(test_one_source_does_not_push_out_the_others)
{
	from_address(RECALL_STRANGER, "192.0.2.1", 0);
	for (int i = 0; i < 1000; i++)
		from_address(RECALL_STRANGER, "198.51.100.66", i);
	ck_assert_uint_eq(count("192.0.2.1"), 1);
	ck_assert_uint_eq(count("198.51.100.66"), 32); /* 256 / 8 */
	/* its latest are kept, not its first */
	for (int i = 0; i < 5; i++)
		from_address(RECALL_STRANGER, "198.51.100.66", 999);
	ck_assert_uint_eq(count("198.51.100.66"), 32);
}
END_TEST

START_TEST(test_users_behind_one_server_are_sources_of_their_own)
{
	struct recall_note note = {.share = RECALL_ADMITTED,
		.kind = "credentials.issued", .speaks_for_many = true};
	char user[32];
	struct addr server;

	ck_assert_int_eq(addr_parse_z("10.0.0.20", 5062, &server), 0);
	note.address = &server;
	for (int i = 0; i < 200; i++) {
		snprintf(user, sizeof(user), "user%d@example.com", i);
		note.user = str_of(user);
		clock_fake_advance(10);
		recall_add(r, &note, "t");
	}
	ck_assert_uint_eq(count("10.0.0.20"), 200);
}
END_TEST

START_TEST(test_an_ipv6_site_is_one_source)
{
	char address[64];

	from_address(RECALL_STRANGER, "192.0.2.1", 0);
	for (int i = 0; i < 1000; i++) {
		snprintf(address, sizeof(address), "2001:db8:0:%x::%x",
			i % 256, i);
		from_address(RECALL_STRANGER, address, i);
	}
	ck_assert_uint_eq(count("192.0.2.1"), 1);
}
END_TEST

START_TEST(test_strangers_push_out_only_strangers)
{
	char address[64];

	from_address(RECALL_REFUSED, "192.0.2.1", 0);
	from_address(RECALL_ENDED, "192.0.2.1", 0);
	from_address(RECALL_STRANGER, "192.0.2.1", 0);
	for (int i = 0; i < 5000; i++) {
		snprintf(address, sizeof(address), "10.%d.%d.%d", i % 256,
			i / 256, 1);
		from_address(RECALL_STRANGER, address, i);
	}
	ck_assert_uint_eq(count("192.0.2.1"), 2);
}
END_TEST

START_TEST(test_a_flood_is_left_out_beyond_the_pace_and_told)
{
	struct recall_note note = {.share = RECALL_STRANGER,
		.kind = "auth.refused"};
	json_t *answer;

	for (int i = 0; i < 100; i++)
		recall_add(r, &note, "number=%d", i);
	answer = recall_about(r, "x");
	ck_assert_int_eq(
		json_integer_value(json_object_get(answer, "left_out")), 60);
	json_decref(answer);
}
END_TEST

START_TEST(test_records_go_round_in_their_share)
{
	struct recall_note note = {.share = RECALL_ENDED,
		.kind = "alloc.ended", .domain = STR_LIT("example.com")};

	for (int i = 0; i < 5000; i++) {
		char id[16];

		snprintf(id, sizeof(id), "%d", i);
		note.id = str_of(id);
		note.domain = i % 2 == 0 ? STR_LIT("even.test")
					 : STR_LIT("odd.test");
		clock_fake_advance(10);
		recall_add(r, &note, "t");
	}
	/* two sources, an eighth of 1024 each, the newest of them */
	ck_assert_uint_eq(count("even.test"), 128);
	ck_assert_uint_eq(count("4999"), 1);
	ck_assert_uint_eq(count("4998"), 1);
	ck_assert_uint_eq(count("4743"), 0);
	ck_assert_uint_eq(count("4745"), 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("recall");
	TCase *tc = tcase_create("recall");
	SRunner *sr;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_R10_every_key_leads_to_the_record);
	tcase_add_test(tc, test_answer_is_in_order_over_all_shares);
	tcase_add_test(tc, test_S16_control_characters_of_a_peer_are_not_kept);
	tcase_add_test(tc, test_long_texts_are_cut_and_stay_within_the_record);
	tcase_add_test(tc, test_null_memory_is_a_memory_that_keeps_nothing);
	tcase_add_test(tc, test_the_same_again_is_counted);
	tcase_add_test(tc, test_one_source_does_not_push_out_the_others);
	tcase_add_test(tc,
		test_users_behind_one_server_are_sources_of_their_own);
	tcase_add_test(tc, test_an_ipv6_site_is_one_source);
	tcase_add_test(tc, test_strangers_push_out_only_strangers);
	tcase_add_test(tc, test_a_flood_is_left_out_beyond_the_pace_and_told);
	tcase_add_test(tc, test_records_go_round_in_their_share);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
