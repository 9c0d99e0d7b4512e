/* Tests of common/store/generation_copy.c: a copy that may be changed, of
 * the very file that was meant, and not of one that is mostly holes. */
#include <errno.h>
#include <sys/stat.h>

#include "numbers.h"

static int copy_current(struct sqlite3 **db, const char *sha256,
	struct why *why)
{
	char path[512];

	ck_assert_int_eq(generation_current_path(state_dir, path,
		sizeof(path), why), 0);
	return generation_copy(db, path, sha256, why);
}

static void current_hash(char out[static 65])
{
	struct generation_info *rows = NULL;
	size_t count = 0;

	ck_assert_int_eq(generation_list(state_dir, &rows, &count, NULL), 0);
	memcpy(out, rows[0].sha256, 65);
	free(rows);
}

static int run(struct sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

START_TEST(test_copy_is_changed_and_the_file_is_not)
{
	struct sqlite3 *db = NULL;
	struct why why = {""};
	char before[65];
	char after[65];

	must_apply(1);
	current_hash(before);
	ck_assert_msg(copy_current(&db, before, &why) == 0, "%s", why.text);
	ck_assert_int_eq(run(db, "DELETE FROM sip_domain"), SQLITE_OK);
	/* It grows, too. */
	ck_assert_int_eq(run(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
		" SELECT i+1 FROM n WHERE i<9000) INSERT INTO provider"
		" SELECT 'p'||i,'public','p'||i||'.test',0,0,'never' FROM n"),
		SQLITE_OK);
	sqlite3_close(db);
	current_hash(after);
	ck_assert_str_eq(before, after);
	ck_assert_int_eq(read_number(&why), 1);
}
END_TEST

START_TEST(test_copy_of_another_file_is_refused)
{
	struct sqlite3 *db = NULL;
	struct why why = {""};
	char first[65];

	must_apply(1);
	current_hash(first);
	must_apply(2);
	ck_assert_int_eq(copy_current(&db, first, &why), EDGE_EFORGED);
	ck_assert_ptr_null(db);
	ck_assert_int_eq(generation_copy(&db, "/nowhere", first, &why),
		-ENOENT);
}
END_TEST

START_TEST(test_file_of_holes_is_no_base)
{
	struct generation_info *rows = NULL;
	struct sqlite3 *db = NULL;
	struct why why = {""};
	size_t count = 0;
	char path[512];
	char sha256[65];

	must_apply(1);
	ck_assert_int_eq(generation_list(state_dir, &rows, &count, NULL), 0);
	snprintf(path, sizeof(path), "%s", rows[0].path);
	free(rows);
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(run(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
		" SELECT i+1 FROM n WHERE i<5000) INSERT INTO provider"
		" SELECT 'p'||i,'public','p'||i||'.test',0,0,'never' FROM n"),
		SQLITE_OK);
	ck_assert_int_eq(run(db, "DELETE FROM provider"), SQLITE_OK);
	sqlite3_close(db);
	db = NULL;
	current_hash(sha256);
	ck_assert_int_eq(copy_current(&db, sha256, &why), EDGE_ETOOBIG);
	ck_assert_ptr_null(db);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("generation_copy");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_copy_is_changed_and_the_file_is_not);
	tcase_add_test(tc, test_copy_of_another_file_is_refused);
	tcase_add_test(tc, test_file_of_holes_is_no_base);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
