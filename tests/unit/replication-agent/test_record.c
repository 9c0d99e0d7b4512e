/* Tests of replication-agent/record.c: nothing is forgotten, or half so. */
#include <errno.h>
#include <sys/stat.h>

#include "replication-agent/record.h"
#include "tests/unit/store/samples.h"

static char *dir;
static struct record *record;

static void setup(void)
{
	dir = sample_folder();
	ck_assert_int_eq(record_open(&record, dir, NULL), 0);
}

static void teardown(void)
{
	record_close(record);
	sample_remove(dir);
}

static void again(void)
{
	record_close(record);
	ck_assert_int_eq(record_open(&record, dir, NULL), 0);
}

START_TEST(test_every_fact_comes_back)
{
	struct record_facts f;
	struct record_facts g;
	struct why why = {""};

	memset(&f, 0, sizeof(f));
	f.highest.version = (struct bundle_version){3, 66};
	memset(f.highest.sha256, 'a', 64);
	f.fence = 4;
	f.staged.is_set = true;
	f.staged.version = (struct bundle_version){3, 66};
	memset(f.staged.sha256, 'b', 64);
	memset(f.staged.file_sha256, 'c', 64);
	f.staged.created.s = 1700000000;
	f.staged.at.s = 1700000001;
	f.is_staged_wanted = true;
	f.intent = f.staged;
	f.active = f.staged;
	f.is_reverting = true;
	snprintf(f.intent_previous, sizeof(f.intent_previous), "/a/b");
	f.behind_since.s = 1700000002;
	f.last_error.at.s = 1700000003;
	snprintf(f.last_error.code, sizeof(f.last_error.code), "EPERM");
	snprintf(f.last_error.text, sizeof(f.last_error.text), "a \"b\"\\");
	snprintf(f.listen[0], sizeof(f.listen[0]), "10.0.0.10:4443");
	ck_assert_int_eq(record_set_listen(record, f.listen, &why), 0);
	ck_assert_int_eq(record_put(record, &f, &why), 0);
	again();
	record_get(record, &g);
	ck_assert_mem_eq(&f, &g, sizeof(f));
}
END_TEST

START_TEST(test_events_are_numbered_on_and_bounded)
{
	struct record_facts f;
	struct why why = {""};
	json_t *o;

	record_get(record, &f);
	for (int i = 0; i < (int)RECORD_EVENTS_MAX + 10; i++)
		record_tell(record, "bundle.staged", f.highest.version, "x");
	ck_assert_int_eq(record_put(record, &f, &why), 0);
	again();
	ck_assert_uint_eq(record_last_event(record), RECORD_EVENTS_MAX + 10);
	o = record_events(record, 0);
	ck_assert_uint_eq(json_array_size(json_object_get(o, "events")),
		RECORD_EVENTS_MAX);
	json_decref(o);
	record_tell(record, "bundle.staged", f.highest.version, "y");
	o = record_events(record, RECORD_EVENTS_MAX + 10);
	ck_assert_uint_eq(json_array_size(json_object_get(o, "events")), 1);
	ck_assert_int_eq(json_integer_value(json_object_get(o, "next")),
		RECORD_EVENTS_MAX + 11);
	json_decref(o);
}
END_TEST

START_TEST(test_failed_save_keeps_the_old_facts)
{
	struct record_facts f;
	struct record_facts g;
	struct why why = {""};

	record_get(record, &f);
	f.fence = 7;
	ck_assert_int_eq(record_put(record, &f, &why), 0);
	sample_remove(dir);
	f.fence = 8;
	ck_assert_int_lt(record_put(record, &f, &why), 0);
	record_get(record, &g);
	ck_assert_uint_eq(g.fence, 7);
	dir = sample_folder();
}
END_TEST

START_TEST(test_unreadable_record_is_put_aside)
{
	static const char *const BAD[] = {"", "{", "[]", "{\"facts\":1}",
		"{\"facts\":{\"highest\":[]}}"};
	struct stat st;

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		struct why why = {""};
		char path[600];
		FILE *to;

		record_close(record);
		snprintf(path, sizeof(path), "%s/state.json", dir);
		to = fopen(path, "w");
		ck_assert_ptr_nonnull(to);
		fputs(BAD[i], to);
		fclose(to);
		ck_assert_int_eq(record_open(&record, dir, &why), 1);
		ck_assert_str_ne(why.text, "");
		snprintf(path, sizeof(path), "%s/state.json.bad", dir);
		ck_assert_int_eq(stat(path, &st), 0);
	}
}
END_TEST

/* The bound of a text may cut a character in two. */
START_TEST(test_text_that_is_cut_is_kept)
{
	struct record_facts f;
	json_t *events;

	record_get(record, &f);
	f.last_error.at.s = 7;
	snprintf(f.last_error.text, sizeof(f.last_error.text), "no: \xc3");
	ck_assert_int_eq(record_put(record, &f, NULL), 0);
	record_tell(record, "generation.reverted", f.highest.version,
		"no: \xc3");
	events = record_events(record, 0);
	ck_assert_uint_eq(json_array_size(json_object_get(events, "events")),
		1);
	json_decref(events);
	again();
	record_get(record, &f);
	ck_assert_int_eq(f.last_error.at.s, 7);
	ck_assert_ptr_nonnull(strstr(f.last_error.text, "no: "));
}
END_TEST

static void bar(bool on)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/.state.json.new", dir);
	ck_assert_int_eq(on ? mkdir(path, 0700) : rmdir(path), 0);
}

START_TEST(test_what_has_happened_is_kept_and_saved_later)
{
	struct record_facts f;
	struct record_facts g;

	record_get(record, &f);
	f.fence = 5;
	bar(true);
	ck_assert_int_lt(record_keep(record, &f, NULL), 0);
	record_get(record, &g);
	ck_assert_uint_eq(g.fence, 5);
	ck_assert_int_lt(record_settle(record, NULL), 0);
	bar(false);
	ck_assert_int_eq(record_settle(record, NULL), 0);
	again();
	record_get(record, &g);
	ck_assert_uint_eq(g.fence, 5);
}
END_TEST

/* The worker puts what it got before the loop opened other ports. */
START_TEST(test_old_facts_do_not_bring_old_ports)
{
	char listen[RECORD_LISTEN_MAX][ADDR_TEXT_LEN] = {"10.0.0.11:4443"};
	struct record_facts f;

	record_get(record, &f);
	ck_assert_int_eq(record_set_listen(record, listen, NULL), 0);
	f.fence = 6;
	ck_assert_int_eq(record_put(record, &f, NULL), 0);
	again();
	record_get(record, &f);
	ck_assert_str_eq(f.listen[0], "10.0.0.11:4443");
	ck_assert_uint_eq(f.fence, 6);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("record");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_every_fact_comes_back);
	tcase_add_test(tc, test_events_are_numbered_on_and_bounded);
	tcase_add_test(tc, test_failed_save_keeps_the_old_facts);
	tcase_add_test(tc, test_text_that_is_cut_is_kept);
	tcase_add_test(tc, test_what_has_happened_is_kept_and_saved_later);
	tcase_add_test(tc, test_old_facts_do_not_bring_old_ports);
	tcase_add_test(tc, test_unreadable_record_is_put_aside);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
