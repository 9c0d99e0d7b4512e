/* Tests of edgectl/publish/mirror.c: who can read it, and what goes. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <utime.h>

#include "edgectl/publish/mirror.h"
#include "tests/unit/bundle/bundles.h"

#define NEW "1111111111111111111111111111111111111111111111111111111111111111"
#define OLD "2222222222222222222222222222222222222222222222222222222222222222"

static const char *dir;

static void setup(void)
{
	dir = sample_folder();
}

static void teardown(void)
{
	sample_remove(dir);
}

static const char *at(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static bool is_there(const char *name)
{
	struct stat st;

	return lstat(at(name), &st) == 0;
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	ck_assert_int_eq(stat(at(name), &st), 0);
	return st.st_mode & 07777;
}

static void make_old(const char *name)
{
	const struct utimbuf times = {1, 1};

	ck_assert_int_eq(utime(at(name), &times), 0);
}

START_TEST(test_a_web_server_can_read_it_whatever_the_umask)
{
	mode_t before = umask(0077);

	ck_assert_int_eq(mirror_put_own(dir, NEW, "e1.test", "own", 3, NULL),
		0);
	ck_assert_int_eq(mirror_put_whole(dir, NEW, "whole", 5, NULL), 0);
	ck_assert_int_eq(mirror_put_head(dir, "head", 4, NULL), 0);
	umask(before);
	ck_assert_int_eq(mode_of("bundles"), 0755);
	ck_assert_int_eq(mode_of("bundles/" NEW), 0755);
	ck_assert_int_eq(mode_of("bundles/" NEW "/e1.test.edgb"), 0644);
	ck_assert_int_eq(mode_of("bundles/" NEW ".edgb"), 0644);
	ck_assert_int_eq(mode_of("head.edgb"), 0644);
}
END_TEST

/* `edgectl publish` by root, then `serve` by the user whose folder it is. */
START_TEST(test_what_root_writes_is_the_folder_s_owner_s)
{
	static const char *const MADE[] = {"bundles", "bundles/" NEW,
		"bundles/" NEW "/e1.test.edgb"};
	struct stat st;

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chown(dir, 4712, 4713), 0);
	ck_assert_int_eq(mirror_put_own(dir, NEW, "e1.test", "own", 3, NULL),
		0);
	for (size_t i = 0; i < ARRAY_COUNT(MADE); i++) {
		ck_assert_int_eq(lstat(at(MADE[i]), &st), 0);
		ck_assert_uint_eq(st.st_uid, 4712);
		ck_assert_uint_eq(st.st_gid, 4713);
	}
}
END_TEST

START_TEST(test_only_what_is_old_and_ours_is_swept)
{
	ck_assert_int_eq(mirror_put_own(dir, NEW, "e1.test", "x", 1, NULL), 0);
	ck_assert_int_eq(mirror_put_own(dir, OLD, "e1.test", "x", 1, NULL), 0);
	ck_assert_int_eq(mirror_put_whole(dir, NEW, "x", 1, NULL), 0);
	ck_assert_int_eq(mirror_put_whole(dir, OLD, "x", 1, NULL), 0);
	ck_assert_int_eq(mkdir(at("bundles/notes"), 0755), 0);
	mirror_sweep(dir, NEW);
	/* Somebody may be fetching it. */
	ck_assert(is_there("bundles/" OLD) && is_there("bundles/" OLD
		".edgb"));
	make_old("bundles/" OLD);
	make_old("bundles/" OLD ".edgb");
	make_old("bundles/" NEW);
	make_old("bundles/" NEW ".edgb");
	make_old("bundles/notes");
	mirror_sweep(dir, NEW);
	ck_assert(!is_there("bundles/" OLD) && !is_there("bundles/" OLD
		".edgb"));
	ck_assert(is_there("bundles/" NEW "/e1.test.edgb"));
	ck_assert(is_there("bundles/" NEW ".edgb"));
	ck_assert(is_there("bundles/notes"));
}
END_TEST

/* A link in the folder leads nobody out of it. */
START_TEST(test_links_are_not_followed_by_the_sweep)
{
	ck_assert_int_eq(mkdir(at("outside"), 0755), 0);
	ck_assert_int_eq(mirror_put_head(at("outside"), "x", 1, NULL), 0);
	ck_assert_int_eq(mirror_put_whole(dir, NEW, "x", 1, NULL), 0);
	ck_assert_int_eq(symlink("../outside", at("bundles/" OLD)), 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, at("bundles/" OLD),
		(const struct timespec[]){{1, 0}, {1, 0}},
		AT_SYMLINK_NOFOLLOW), 0);
	mirror_sweep(dir, NEW);
	ck_assert(!is_there("bundles/" OLD));
	ck_assert(is_there("outside/head.edgb"));
	mirror_sweep("/nowhere", NEW);
}
END_TEST

/* nginx and others make an ETag of length and second. */
START_TEST(test_heads_of_one_second_have_different_times)
{
	struct stat st;
	time_t last = 0;

	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(mirror_put_head(dir, "head", 4, NULL), 0);
		ck_assert_int_eq(lstat(at("head.edgb"), &st), 0);
		ck_assert_int_gt(st.st_mtime, last);
		last = st.st_mtime;
	}
}
END_TEST

START_TEST(test_folder_that_is_not_there_is_named)
{
	struct why why = {""};

	ck_assert_int_eq(mirror_put_whole(at("no"), NEW, "x", 1, &why),
		-ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, "/no/bundles"));
	ck_assert_int_eq(mirror_put_head(at("no"), "x", 1, &why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, "/no/head.edgb"));
}
END_TEST

START_TEST(test_folder_is_looked_at_before_anything_begins)
{
	struct why why = {""};

	ck_assert_int_eq(mirror_check(dir, &why), 0);
	ck_assert_int_eq(mirror_check(at("no"), &why), EDGE_ECONFIG);
	ck_assert_ptr_nonnull(strstr(why.text, "make the folder"));
	ck_assert_int_eq(mirror_put_head(dir, "x", 1, NULL), 0);
	ck_assert_int_eq(mirror_check(at("head.edgb"), &why), EDGE_ECONFIG);
	ck_assert_ptr_nonnull(strstr(why.text, "no folder"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/mirror");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_a_web_server_can_read_it_whatever_the_umask);
	tcase_add_test(tc, test_what_root_writes_is_the_folder_s_owner_s);
	tcase_add_test(tc, test_only_what_is_old_and_ours_is_swept);
	tcase_add_test(tc, test_links_are_not_followed_by_the_sweep);
	tcase_add_test(tc, test_heads_of_one_second_have_different_times);
	tcase_add_test(tc, test_folder_that_is_not_there_is_named);
	tcase_add_test(tc, test_folder_is_looked_at_before_anything_begins);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
