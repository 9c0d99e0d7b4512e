/* Tests of common/run/file.c: whole files only, and no way out of a folder. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/run/file.h"

static char dir[64];

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/sallyport-file-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

START_TEST(test_replaced_file_has_the_new_content_and_mode)
{
	struct why why = {""};
	struct stat st;
	char *text = NULL;
	size_t len = 0;

	ck_assert_int_eq(file_replace(dir, "a", "old", 3, 0640, &why), 0);
	ck_assert_int_eq(file_replace(dir, "a", "newer", 5, 0600, &why), 0);
	ck_assert_int_eq(file_load(&text, &len, path_of("a"), 5, &why), 0);
	ck_assert_uint_eq(len, 5);
	ck_assert_str_eq(text, "newer");
	ck_assert_int_eq(stat(path_of("a"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_ne(access(path_of(".a.new"), F_OK), 0);
	free(text);
}
END_TEST

START_TEST(test_load_has_a_bound_and_wants_a_file)
{
	struct why why = {""};
	char *text = NULL;
	size_t len = 0;

	ck_assert_int_eq(file_replace(dir, "a", "123456", 6, 0600, &why), 0);
	ck_assert_int_eq(file_load(&text, &len, path_of("a"), 5, &why),
		EDGE_ETOOBIG);
	ck_assert_int_eq(file_load(&text, &len, path_of("b"), 5, &why),
		-ENOENT);
	ck_assert_int_eq(file_load(&text, &len, dir, 5, &why),
		EDGE_EMALFORMED);
	ck_assert_int_eq(mkfifo(path_of("f"), 0600), 0);
	ck_assert_int_eq(file_load(&text, &len, path_of("f"), 5, &why),
		EDGE_EMALFORMED);
	ck_assert_str_ne(why.text, "");
}
END_TEST

START_TEST(test_S18_links_are_not_followed)
{
	struct why why = {""};
	char *text = NULL;
	size_t len = 0;

	ck_assert_int_eq(file_replace(dir, "victim", "safe", 4, 0600, &why),
		0);
	/* Where we write beside: a link there is removed, not written to. */
	ck_assert_int_eq(symlink("victim", path_of(".a.new")), 0);
	ck_assert_int_eq(file_replace(dir, "a", "x", 1, 0600, &why), 0);
	/* The name itself: replaced, not written through. */
	ck_assert_int_eq(symlink("victim", path_of("b")), 0);
	ck_assert_int_eq(file_replace(dir, "b", "x", 1, 0600, &why), 0);
	ck_assert_int_eq(file_load(&text, &len, path_of("victim"), 9, &why),
		0);
	ck_assert_str_eq(text, "safe");
	free(text);
	/* The folder: one of our own, or nothing. */
	ck_assert_int_eq(symlink(dir, path_of("d")), 0);
	ck_assert_int_lt(file_replace(path_of("d"), "a", "x", 1, 0600, &why),
		0);
}
END_TEST

/* The owner of the folder is no root, so he must not get by a link what is
 * not his. */
START_TEST(test_root_s_file_becomes_the_folder_s_owner_s)
{
	static const char *const LEFT[] = {"hers", "twice", "again"};
	struct why why = {""};
	struct stat st;
	char again[128];

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(file_replace(dir, "a", "x", 1, 0600, &why), 0);
	ck_assert_int_eq(file_replace(dir, "hers", "x", 1, 0600, &why), 0);
	ck_assert_int_eq(file_replace(dir, "twice", "x", 1, 0600, &why), 0);
	ck_assert_int_eq(file_settle(path_of("a"), &why), 0);
	ck_assert_int_eq(stat(path_of("a"), &st), 0);
	ck_assert_uint_eq(st.st_uid, 0); /* the folder is root's */
	ck_assert_int_eq(chown(path_of("hers"), 4711, 4711), 0);
	snprintf(again, sizeof(again), "%s/again", dir);
	ck_assert_int_eq(link(path_of("twice"), again), 0);
	ck_assert_int_eq(symlink("a", path_of("link")), 0);
	ck_assert_int_eq(chown(dir, 4712, 4713), 0);
	ck_assert_int_eq(file_settle(path_of("a"), &why), 0);
	ck_assert_int_eq(stat(path_of("a"), &st), 0);
	ck_assert_uint_eq(st.st_uid, 4712);
	ck_assert_uint_eq(st.st_gid, 4713);
	for (size_t i = 0; i < ARRAY_COUNT(LEFT); i++) {
		ck_assert_int_eq(file_settle(path_of(LEFT[i]), &why), 0);
		ck_assert_int_eq(stat(path_of(LEFT[i]), &st), 0);
		ck_assert_uint_ne(st.st_uid, 4712);
	}
	ck_assert_int_eq(file_settle(path_of("link"), &why), -ELOOP);
	ck_assert_int_eq(file_settle(path_of("none"), &why), -ENOENT);
}
END_TEST

START_TEST(test_removed_file_may_be_gone_already)
{
	struct why why = {""};

	ck_assert_int_eq(file_replace(dir, "a", "x", 1, 0600, &why), 0);
	ck_assert_int_eq(file_remove(dir, "a", &why), 0);
	ck_assert_int_ne(access(path_of("a"), F_OK), 0);
	ck_assert_int_eq(file_remove(dir, "a", &why), 0);
	ck_assert_int_eq(file_remove("/nonexistent/x", "a", &why), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("file");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_replaced_file_has_the_new_content_and_mode);
	tcase_add_test(tc, test_load_has_a_bound_and_wants_a_file);
	tcase_add_test(tc, test_S18_links_are_not_followed);
	tcase_add_test(tc, test_root_s_file_becomes_the_folder_s_owner_s);
	tcase_add_test(tc, test_removed_file_may_be_gone_already);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
