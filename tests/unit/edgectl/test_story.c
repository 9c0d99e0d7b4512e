/* One story out of what several daemons answered. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "edgectl/output.h"
#include "edgectl/story.h"

static struct story s;

static void setup(void)
{
	ck_assert_int_eq(story_init(&s), 0);
}

static void teardown(void)
{
	story_fini(&s);
}

static void add(const char *daemon, const char *records)
{
	json_t *list = json_loads(records, 0, NULL);
	json_t *answer;

	ck_assert_ptr_nonnull(list);
	answer = json_pack("{s:s, s:o}", "since", "2026-03-01T12:00:00Z",
		"records", list);
	story_add(&s, daemon, answer);
	json_decref(answer);
}

static const char *text(size_t i)
{
	return output_str(json_array_get(s.records, i), "text", "(none)");
}

START_TEST(test_records_of_all_daemons_are_put_in_order)
{
	add("av-edge", "[{\"number\":1,\"at_ms\":30,\"text\":\"c\"},"
		       "{\"number\":2,\"at_ms\":30,\"text\":\"d\"}]");
	add("av-auth", "[{\"number\":1,\"at_ms\":10,\"text\":\"a\"},"
		       "{\"number\":2,\"at_ms\":20,\"text\":\"b\"}]");
	story_sort(&s);
	ck_assert_str_eq(text(0), "a");
	ck_assert_str_eq(text(1), "b");
	ck_assert_str_eq(text(2), "c");
	ck_assert_str_eq(text(3), "d");
	ck_assert_str_eq(output_str(json_array_get(s.records, 0), "daemon",
				 ""), "av-auth");
	ck_assert_str_eq(output_str(s.since, "av-edge", ""),
		"2026-03-01T12:00:00Z");
}
END_TEST

START_TEST(test_a_record_found_twice_is_told_once)
{
	add("av-edge", "[{\"number\":1,\"at_ms\":30,\"text\":\"c\"}]");
	add("av-edge", "[{\"number\":1,\"at_ms\":30,\"text\":\"c\"}]");
	add("av-auth", "[{\"number\":1,\"at_ms\":30,\"text\":\"c\"}]");
	ck_assert_uint_eq(json_array_size(s.records), 2);
}
END_TEST

START_TEST(test_credentials_lead_on_each_once_and_not_without_end)
{
	const char *ids[STORY_CREDENTIALS_MAX];
	char record[128];

	add("av-auth", "[{\"number\":1,\"credential\":\"aa\"},"
		       "{\"number\":2,\"credential\":\"aa\"},"
		       "{\"number\":3}, {\"number\":4,\"credential\":\"bb\"}]");
	ck_assert_uint_eq(story_credentials(&s, ids), 2);
	ck_assert_str_eq(ids[0], "aa");
	ck_assert_str_eq(ids[1], "bb");
	for (int i = 0; i < 50; i++) {
		snprintf(record, sizeof(record),
			"[{\"number\":%d,\"credential\":\"c%d\"}]", i + 5, i);
		add("av-auth", record);
	}
	ck_assert_uint_eq(story_credentials(&s, ids), STORY_CREDENTIALS_MAX);
}
END_TEST

static char *told(const char *about)
{
	json_t *object = json_pack("{s:s, s:O, s:s}", "about", about,
		"records", s.records, "hint", story_hint(about));
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);

	story_text(to, object);
	fclose(to);
	json_decref(object);
	return out;
}

START_TEST(test_text_has_cause_keys_repetition_and_advice)
{
	char *out;

	add("av-edge",
		"[{\"number\":1,\"at\":\"2026-03-01T12:00:01Z\",\"at_ms\":1,"
		"\"kind\":\"auth.refused\",\"text\":\"cause=expired\","
		"\"address\":\"198.51.100.7:4000\",\"id\":\"\",\"count\":3,"
		"\"last_at\":\"2026-03-01T12:00:09Z\","
		"\"advice\":\"sign in again\"}]");
	out = told("198.51.100.7");
	ck_assert_str_eq(out,
		"2026-03-01T12:00:01Z  av-edge  auth.refused  "
		"(3 times, last 2026-03-01T12:00:09Z)\n"
		"    cause=expired\n"
		"    from 198.51.100.7:4000\n"
		"    -> sign in again\n");
	free(out);
}
END_TEST

START_TEST(test_nothing_found_says_what_to_try)
{
	char *out = told("alice@example.com");

	ck_assert_ptr_nonnull(strstr(out,
		"nothing is remembered about 'alice@example.com'"));
	ck_assert_ptr_nonnull(strstr(out, "edgectl connections --user"));
	free(out);
	ck_assert_ptr_nonnull(strstr(story_hint("192.0.2.1"), "tcpdump"));
	ck_assert_ptr_nonnull(strstr(story_hint("2001:db8::1"), "tcpdump"));
	ck_assert_ptr_nonnull(strstr(story_hint("xyz"), "credential id"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("story");
	TCase *tc = tcase_create("story");
	SRunner *sr;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_records_of_all_daemons_are_put_in_order);
	tcase_add_test(tc, test_a_record_found_twice_is_told_once);
	tcase_add_test(tc,
		test_credentials_lead_on_each_once_and_not_without_end);
	tcase_add_test(tc, test_text_has_cause_keys_repetition_and_advice);
	tcase_add_test(tc, test_nothing_found_says_what_to_try);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failures = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failures != 0;
}
