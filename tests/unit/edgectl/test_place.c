/* Tests of edgectl/place.c: folders with the right mode, and no way out. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "edgectl/place.h"

static char root[64];
static char target[128]; /* nobody's business */
static char aside[128];
static char path[128];
static bool is_armed;

static void setup(void)
{
	snprintf(root, sizeof(root), "/tmp/sallyport-place-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	snprintf(target, sizeof(target), "%s/target", root);
	snprintf(aside, sizeof(aside), "%s/aside", root);
	snprintf(path, sizeof(path), "%s/bundles", root);
	ck_assert_int_eq(mkdir(target, 0755), 0);
	ck_assert_int_eq(chmod(target, 0755), 0);
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	ck_assert_int_eq(system(command), 0);
}

static mode_t mode_of(const char *of)
{
	struct stat st;

	ck_assert_int_eq(stat(of, &st), 0);
	return st.st_mode & 07777;
}

START_TEST(test_a_folder_is_made_and_its_mode_put_right)
{
	struct why why = {""};

	ck_assert_int_eq(place_dir(path, 0750, -1, -1, &why), 0);
	ck_assert_uint_eq(mode_of(path), 0750);
	ck_assert_int_eq(chmod(path, 0777), 0);
	ck_assert_int_eq(place_dir(path, 0750, -1, -1, &why), 0);
	ck_assert_uint_eq(mode_of(path), 0750);
}
END_TEST

START_TEST(test_a_link_or_a_file_is_no_folder)
{
	struct why why = {""};
	int fd;

	ck_assert_int_eq(symlink(target, path), 0);
	ck_assert_int_eq(place_dir(path, 0700, -1, -1, &why), -ENOTDIR);
	ck_assert_uint_eq(mode_of(target), 0755);
	ck_assert_int_eq(unlink(path), 0);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(place_dir(path, 0700, -1, -1, &why), -ENOTDIR);
}
END_TEST

/* Whoever owns the folder above puts a link there, at the last moment: these
 * stand before the C library's, and place.c calls them. */
static void exchange(void)
{
	if (!is_armed)
		return;
	is_armed = false;
	ck_assert_int_eq(rename(path, aside), 0);
	ck_assert_int_eq(symlink(target, path), 0);
}

int chmod(const char *at, mode_t mode)
{
	exchange();
	return fchmodat(AT_FDCWD, at, mode, 0);
}

int fchmod(int fd, mode_t mode)
{
	exchange();
	return (int)syscall(SYS_fchmod, fd, mode);
}

/* Root gives folders to daemons; a daemon must not choose which. */
START_TEST(test_a_link_put_there_between_two_looks_is_not_followed)
{
	struct why why = {""};

	ck_assert_int_eq(mkdir(path, 0755), 0);
	is_armed = true;
	ck_assert_int_eq(place_dir(path, 0701, -1, -1, &why), 0);
	ck_assert(!is_armed);
	ck_assert_uint_eq(mode_of(target), 0755);
	ck_assert_uint_eq(mode_of(aside), 0701);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/place");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_a_folder_is_made_and_its_mode_put_right);
	tcase_add_test(tc, test_a_link_or_a_file_is_no_folder);
	tcase_add_test(tc,
		test_a_link_put_there_between_two_looks_is_not_followed);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
