/* Tests of common/store/generation.c: what is current, files, the list. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "common/store/generation_dir.h"
#include "numbers.h"

/* ---- plain life --------------------------------------------------------- */

START_TEST(test_first_generation_becomes_current)
{
	struct generation_info *rows = NULL;
	struct why why = {""};
	size_t count = 0;
	char path[512];

	ck_assert_int_eq(generation_current_path(state_dir, path,
		sizeof(path), &why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, "no topology yet"));
	must_apply(1);
	ck_assert_int_eq(read_number(&why), 1);
	ck_assert_int_eq(generation_list(state_dir, &rows, &count, &why), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(rows[0].serial, 1);
	ck_assert_uint_eq(rows[0].epoch, 0);
	ck_assert(rows[0].is_current);
	ck_assert(!rows[0].is_previous);
	ck_assert_str_eq(rows[0].source, "test");
	ck_assert_uint_eq(strlen(rows[0].sha256), 64);
	ck_assert_int_gt(rows[0].created.s, 1600000000);
	free(rows);
}
END_TEST

START_TEST(test_retracting_leaves_no_way_to_the_refused_one)
{
	struct generation_info *rows = NULL;
	struct generation_info now;
	struct why why = {""};
	char older[512];
	size_t count = 0;

	must_apply(1);
	must_apply(2);
	ck_assert_int_eq(generation_list(state_dir, &rows, &count, &why), 0);
	ck_assert(rows[1].is_previous);
	snprintf(older, sizeof(older), "%s", rows[1].path);
	free(rows);
	must_apply(3);
	ck_assert_int_eq(generation_retract(state_dir, older, &now, &why), 0);
	ck_assert_uint_eq(now.serial, 2);
	ck_assert_int_eq(read_number(&why), 2);
	ck_assert_int_eq(generation_rollback(state_dir, &now, &why), 0);
	ck_assert_int_eq(read_number(&why), 1);
}
END_TEST

START_TEST(test_retracting_the_second_leaves_nothing_to_go_back_to)
{
	struct generation_info now;
	struct why why = {""};

	must_apply(1);
	must_apply(2);
	ck_assert_int_eq(generation_retract(state_dir, NULL, &now, &why), 0);
	ck_assert_int_eq(read_number(&why), 1);
	ck_assert_int_eq(generation_rollback(state_dir, &now, &why),
		EDGE_EUNKNOWN);
	ck_assert_int_eq(read_number(&why), 1);
}
END_TEST

START_TEST(test_switch_keeps_the_previous_and_rollback_swaps)
{
	struct generation_info *rows = NULL;
	struct generation_info now;
	struct why why = {""};
	size_t count = 0;

	must_apply(1);
	ck_assert_int_eq(generation_rollback(state_dir, &now, &why),
		EDGE_EUNKNOWN);
	must_apply(2);
	must_apply(3);
	ck_assert_int_eq(read_number(&why), 3);
	ck_assert_int_eq(generation_rollback(state_dir, &now, &why), 0);
	ck_assert_uint_eq(now.serial, 2);
	ck_assert_int_eq(read_number(&why), 2);
	ck_assert_int_eq(generation_rollback(state_dir, &now, &why), 0);
	ck_assert_int_eq(read_number(&why), 3);
	ck_assert_int_eq(generation_list(state_dir, &rows, &count, &why), 0);
	ck_assert_uint_eq(count, 3);
	ck_assert(rows[0].is_current && rows[1].is_previous);
	free(rows);
	/* Numbers are never used again, also after going back. */
	ck_assert_int_eq(generation_rollback(state_dir, &now, &why), 0);
	must_apply(4);
	ck_assert_int_eq(generation_list(state_dir, &rows, &count, &why), 0);
	ck_assert_uint_eq(rows[0].serial, 4);
	ck_assert(rows[2].is_previous);
	free(rows);
}
END_TEST

START_TEST(test_stage_changes_nothing_until_activated)
{
	struct generation_stage *stage = NULL;
	const struct generation_info *info;
	struct sqlite3 *db = NULL;
	struct stat st;
	struct why why = {""};
	int number = 2;

	must_apply(1);
	ck_assert_int_eq(generation_stage_new(&stage, state_dir, "x",
		fill_number, &number, &why), 0);
	info = generation_stage_info(stage);
	ck_assert_uint_eq(info->serial, 2);
	ck_assert_int_eq(stat(info->path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0440);
	ck_assert_int_eq(generation_open(&db, info->path, &why), 0);
	sqlite3_close(db);
	ck_assert_int_eq(read_number(&why), 1);
	generation_discard(stage);
	ck_assert_int_eq(read_number(&why), 1);
	must_apply(3);
	ck_assert_int_eq(read_number(&why), 3);
}
END_TEST

START_TEST(test_two_writers_do_not_meet)
{
	struct generation_stage *stage = NULL;
	struct generation_info now;
	struct why why = {""};
	int number = 2;

	must_apply(1);
	ck_assert_int_eq(generation_stage_new(&stage, state_dir, "x",
		fill_number, &number, &why), 0);
	ck_assert_int_eq(apply_number(3, &why), EDGE_EBUSY);
	ck_assert_ptr_nonnull(strstr(why.text, "another change"));
	ck_assert_int_eq(generation_rollback(state_dir, &now, &why),
		EDGE_EBUSY);
	ck_assert_int_eq(generation_activate(stage, &why), 0);
	must_apply(4);
}
END_TEST

/* ---- torn and strange files --------------------------------------------- */

static void write_file(const char *path, const void *data, size_t len)
{
	FILE *to = fopen(path, "w");

	ck_assert_ptr_nonnull(to);
	ck_assert_uint_eq(fwrite(data, 1, len, to), len);
	fclose(to);
}

static char *current_bytes(size_t *len)
{
	char path[512];
	struct stat st;
	char *data;
	FILE *from;

	ck_assert_int_eq(generation_current_path(state_dir, path,
		sizeof(path), NULL), 0);
	from = fopen(path, "r");
	ck_assert_ptr_nonnull(from);
	ck_assert_int_eq(fstat(fileno(from), &st), 0);
	*len = (size_t)st.st_size;
	data = malloc(*len);
	ck_assert_uint_eq(fread(data, 1, *len, from), *len);
	fclose(from);
	return data;
}

START_TEST(test_torn_or_garbage_file_is_refused)
{
	struct sqlite3 *db = NULL;
	struct why why = {""};
	char path[512];
	size_t len;
	char *data;

	must_apply(1);
	data = current_bytes(&len);
	snprintf(path, sizeof(path), "%s/torn.db", state_dir);
	for (size_t n = 0; n < len; n += len / 37) {
		why.text[0] = '\0';
		write_file(path, data, n);
		ck_assert_msg(generation_open(&db, path, &why) < 0,
			"%zu of %zu bytes", n, len);
		ck_assert_ptr_nonnull(strstr(why.text, path));
	}
	memset(data, 'x', len);
	write_file(path, data, len);
	ck_assert_int_lt(generation_open(&db, path, &why), 0);
	free(data);
	ck_assert_int_lt(generation_open(&db, state_dir, &why), 0);
	ck_assert_int_eq(generation_open(&db, "/nonexistent", &why), -ENOENT);
	ck_assert_int_eq(read_number(&why), 1);
}
END_TEST

static int fill_providers(struct sqlite3 *db, void *arg, struct why *why)
{
	(void)arg;
	return sql_run(db, why, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
		" SELECT i+1 FROM n WHERE i<90) INSERT INTO provider"
		" SELECT 'n'||i, 'public', 'proxy'||i||'.test', 0, 0, 'never'"
		" FROM n", "");
}

/* A name that is looked up lies in its table and in the table's index: when
 * the two differ it is there and is not found. */
START_TEST(test_index_that_lost_a_row_is_refused)
{
	static const char NAME[] = "proxy77.test";
	struct generation_stage *stage = NULL;
	struct sqlite3 *db = NULL;
	char path[512];
	char *data;
	char *at;
	size_t len;
	int copies = 0;

	ck_assert_int_eq(generation_stage_new(&stage, state_dir, "test",
		fill_providers, NULL, NULL), 0);
	ck_assert_int_eq(generation_activate(stage, NULL), 0);
	data = current_bytes(&len);
	snprintf(path, sizeof(path), "%s/index.db", state_dir);
	for (at = data; (at = memmem(at, len - (size_t)(at - data), NAME,
				 sizeof(NAME) - 1)) != NULL; at++) {
		*at ^= 1;
		write_file(path, data, len);
		*at ^= 1;
		ck_assert_int_eq(generation_open(&db, path, NULL),
			EDGE_EDATABASE);
		copies++;
	}
	ck_assert_int_eq(copies, 2);
	write_file(path, data, len);
	ck_assert_int_eq(generation_open(&db, path, NULL), 0);
	sqlite3_close(db);
	free(data);
}
END_TEST

START_TEST(test_foreign_database_is_refused)
{
	struct sqlite3 *db = NULL;
	struct sqlite3 *out = NULL;
	struct why why = {""};
	char path[512];

	snprintf(path, sizeof(path), "%s/other.db", state_dir);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sql_script(db, NULL, "CREATE TABLE a(b)"), 0);
	ck_assert_int_eq(generation_open(&out, path, &why), EDGE_EDATABASE);
	ck_assert_ptr_nonnull(strstr(why.text, "not a topology generation"));
	ck_assert_int_eq(sql_script(db, NULL,
		"PRAGMA application_id=0x45444754; PRAGMA user_version=2"),
		0);
	sqlite3_close(db);
	ck_assert_int_eq(generation_open(&out, path, &why), EDGE_EDATABASE);
	ck_assert_ptr_nonnull(strstr(why.text, "made for schema 2"));
}
END_TEST

START_TEST(test_opened_generation_can_not_be_written)
{
	struct sqlite3 *db = NULL;
	char path[512];

	must_apply(1);
	ck_assert_int_eq(generation_current_path(state_dir, path,
		sizeof(path), NULL), 0);
	ck_assert_int_eq(generation_open(&db, path, NULL), 0);
	ck_assert_int_lt(sql_script(db, NULL, "DELETE FROM meta"), 0);
	sqlite3_close(db);
}
END_TEST

START_TEST(test_link_to_elsewhere_is_refused)
{
	static const char *const BAD[] = {"/etc/passwd", "gen/../../x.db",
		"gen/1-2.db", "gen/00000000-000000000000000G.db",
		"gen/00000000-0000000000000001.db.x", ""};
	struct why why = {""};
	char link[512];
	char path[512];

	must_apply(1);
	snprintf(link, sizeof(link), "%s/topology/current", state_dir);
	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
		unlink(link);
		if (BAD[i][0] != '\0')
			ck_assert_int_eq(symlink(BAD[i], link), 0);
		else
			write_file(link, "x", 1);
		ck_assert_int_eq(generation_current_path(state_dir, path,
			sizeof(path), &why), EDGE_EMALFORMED);
		ck_assert_ptr_nonnull(strstr(why.text, "current: not a link"));
	}
}
END_TEST

/* The folder is an unprivileged user's, root reads in it. */
START_TEST(test_a_pipe_in_the_folder_holds_nobody_up)
{
	char path[512];
	char sha256[65];

	must_apply(1);
	snprintf(path, sizeof(path),
		"%s/topology/gen/00000000-0000000000000002.db", state_dir);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	alarm(10);
	ck_assert_int_eq(generation_hash(path, sha256, NULL), EDGE_EMALFORMED);
	ck_assert_int_eq(unlink(path), 0);
	alarm(0);
}
END_TEST

/* The folder's owner may put one there for root to open: of a device, say. */
START_TEST(test_S18_link_in_place_of_a_generation_is_not_opened)
{
	struct sqlite3 *db = NULL;
	char path[512];
	char sha256[65];

	must_apply(1);
	snprintf(path, sizeof(path),
		"%s/topology/gen/00000000-0000000000000002.db", state_dir);
	ck_assert_int_eq(symlink("00000000-0000000000000001.db", path), 0);
	ck_assert_int_eq(generation_hash(path, sha256, NULL), -ELOOP);
	ck_assert_int_lt(generation_open(&db, path, NULL), 0);
}
END_TEST

START_TEST(test_odd_folder_names_are_fine)
{
	char odd[256];
	struct why why = {""};
	char *plain = state_dir;

	snprintf(odd, sizeof(odd), "%s/a ?b#c%%20d", plain);
	ck_assert_int_eq(mkdir(odd, 0755), 0);
	state_dir = odd;
	must_apply(7);
	ck_assert_int_eq(read_number(&why), 7);
	state_dir = plain;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("generation");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_first_generation_becomes_current);
	tcase_add_test(tc, test_switch_keeps_the_previous_and_rollback_swaps);
	tcase_add_test(tc,
		test_retracting_leaves_no_way_to_the_refused_one);
	tcase_add_test(tc,
		test_retracting_the_second_leaves_nothing_to_go_back_to);
	tcase_add_test(tc, test_stage_changes_nothing_until_activated);
	tcase_add_test(tc, test_two_writers_do_not_meet);
	tcase_add_test(tc, test_torn_or_garbage_file_is_refused);
	tcase_add_test(tc, test_index_that_lost_a_row_is_refused);
	tcase_add_test(tc, test_foreign_database_is_refused);
	tcase_add_test(tc, test_opened_generation_can_not_be_written);
	tcase_add_test(tc, test_link_to_elsewhere_is_refused);
	tcase_add_test(tc, test_a_pipe_in_the_folder_holds_nobody_up);
	tcase_add_test(tc,
		test_S18_link_in_place_of_a_generation_is_not_opened);
	tcase_add_test(tc, test_odd_folder_names_are_fine);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
