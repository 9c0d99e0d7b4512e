/* Tests of common/bundle/bundle_rows_load.c: rows brought in as changes end
 * as the rows that were wanted, or in an error. */
#include "bundles.h"
#include "common/store/generation.h"

#define SITE "[\"site\",1,\"s\",\"central\",null,null]\n"

static int change(struct sqlite3 *db, const char *before, const char *text,
	struct why *why)
{
	uint64_t count = 0;

	return bundle_rows_load(db, str_of(before), str_of(text), &count, why);
}

/* A database that holds these rows. */
static struct sqlite3 *holding(const char *text)
{
	struct sqlite3 *db = NULL;
	struct why why = {""};
	int err;

	ck_assert_int_eq(generation_scratch(&db, &why), 0);
	ck_assert_int_eq(sqlite3_exec(db, "PRAGMA foreign_keys=0", NULL, NULL,
		NULL), SQLITE_OK);
	err = change(db, NULL, text, &why);
	ck_assert_msg(err == 0, "%s", why.text);
	return db;
}

static void check_holds(struct sqlite3 *db, const char *text)
{
	struct bundle_rows rows;

	ck_assert_int_eq(bundle_rows_dump(&rows, db, NULL), 0);
	ck_assert_str_eq(rows.text, text);
	bundle_rows_fini(&rows);
}

/* Lines of many tables, of which a random part is there, with a random
 * value: in the order of their bytes, as all of them are. */
static char *some_rows(unsigned *seed, unsigned keep_percent)
{
	static const char *const LINES[] = {
		"[\"federated_domain\",\"p%02d.test\",\"allow\",null,null,"
		"\"never\",\"%d\"]\n",
		"[\"net_interface\",%02d,\"internal\",1,4,\"10.0.0.%d\","
		"null]\n",
		"[\"next_hop\",7,%02d,\"h.test\",%d,100]\n",
		"[\"setting\",\"global\",\"c%02d\",\"k\",\"%d\"]\n",
		"[\"trusted_server\",\"s%02d.test\",1,\"sip\",\"u%d\","
		"null]\n",
	};
	char *text = calloc(1, 64 * 1024);
	size_t n = 0;

	for (size_t t = 0; t < ARRAY_COUNT(LINES); t++)
		for (int i = 10; i < 60; i++) {
			/* A row's value changes seldom, too. */
			int value = rand_r(seed) % 100 < 95 ? 1 :
				1 + rand_r(seed) % 9;

			if ((unsigned)rand_r(seed) % 100 >= keep_percent)
				continue;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			n += (size_t)snprintf(text + n, 64 * 1024 - n,
				LINES[t], i, value);
#pragma GCC diagnostic pop
		}
	return text;
}

START_TEST(test_changes_end_as_the_rows_that_were_wanted)
{
	unsigned seed = 1;
	int changed = 0;

	for (int i = 0; i < 300; i++) {
		char *before = some_rows(&seed, 97);
		char *after = some_rows(&seed, 97);
		struct sqlite3 *db = holding(before);
		struct why why = {""};
		int err = change(db, before, after, &why);

		/* So much may be different, by bytes. */
		ck_assert_msg(err == 0 || err == EDGE_ETOOBIG, "%s",
			why.text);
		if (err == 0) {
			check_holds(db, after);
			changed++;
		}
		sqlite3_close(db);
		free(before);
		free(after);
	}
	ck_assert_int_ge(changed, 200);
}
END_TEST

START_TEST(test_rows_that_stay_are_not_touched)
{
	unsigned seed = 2;
	char *rows = some_rows(&seed, 100);
	char *first = strdup(rows);
	struct sqlite3 *db = holding(rows);
	int touched = sqlite3_total_changes(db);

	ck_assert_int_eq(change(db, rows, rows, NULL), 0);
	ck_assert_int_eq(sqlite3_total_changes(db), touched);
	/* One goes, one comes: the first one's note is another. */
	strstr(first, "never\",\"")[8] = '0';
	ck_assert_int_eq(change(db, rows, first, NULL), 0);
	ck_assert_int_eq(sqlite3_total_changes(db), touched + 2);
	check_holds(db, first);
	sqlite3_close(db);
	free(first);
	free(rows);
}
END_TEST

START_TEST(test_what_stays_must_be_in_order_too)
{
	static const char A[] = "[\"sip_domain\",\"a.test\",1,0,0]\n";
	static const char B[] = "[\"sip_domain\",\"b.test\",0,0,0]\n";
	char before[512];
	char after[512];
	struct sqlite3 *db;

	snprintf(before, sizeof(before), "%s%s%s", A, B, SITE);
	snprintf(after, sizeof(after), "%s%s%s", B, A, SITE);
	db = holding(before);
	ck_assert_int_eq(change(db, before, after, NULL), EDGE_EMALFORMED);
	snprintf(after, sizeof(after), "%s%s%s%s", A, A, B, SITE);
	ck_assert_int_eq(change(db, before, after, NULL), EDGE_EMALFORMED);
	snprintf(after, sizeof(after), "%s%s%s%s", A, B, SITE, B);
	ck_assert_int_eq(change(db, before, after, NULL), EDGE_EMALFORMED);
	sqlite3_close(db);
}
END_TEST

START_TEST(test_change_of_most_rows_is_left_to_a_new_start)
{
	unsigned seed = 3;
	char *before = some_rows(&seed, 100);
	struct sqlite3 *db = holding(before);

	ck_assert_int_eq(change(db, before, SITE, NULL), EDGE_ETOOBIG);
	sqlite3_close(db);
	free(before);
}
END_TEST

/* The rows that we think are there are not: nothing is made of that. */
START_TEST(test_row_that_is_not_there_ends_the_change)
{
	unsigned seed = 4;
	char *before = some_rows(&seed, 100);
	struct sqlite3 *db = holding(before);
	const char *after = strchr(before, '\n') + 1;

	ck_assert_int_eq(sqlite3_exec(db, "DELETE FROM federated_domain",
		NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(change(db, before, after, NULL), EDGE_EDATABASE);
	sqlite3_close(db);
	free(before);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bundle_rows_load");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_changes_end_as_the_rows_that_were_wanted);
	tcase_add_test(tc, test_rows_that_stay_are_not_touched);
	tcase_add_test(tc, test_what_stays_must_be_in_order_too);
	tcase_add_test(tc, test_change_of_most_rows_is_left_to_a_new_start);
	tcase_add_test(tc, test_row_that_is_not_there_ends_the_change);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
