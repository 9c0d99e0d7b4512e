/* Tests of common/store/generation_prune.c: what stays, and that the disk has
 * a bound on it. */
#include <fcntl.h>
#include <sys/stat.h>

#include "common/store/generation_dir.h"
#include "numbers.h"

#define DAY_S 86400

struct shelf {
	struct generation_info *rows;
	size_t count;
};

static struct shelf list(void)
{
	struct shelf shelf = {NULL, 0};

	ck_assert_int_eq(generation_list(state_dir, &shelf.rows, &shelf.count,
		NULL), 0);
	return shelf;
}

/* An empty file under the name of a version: only names, ages and sizes are
 * looked at. */
static void put(uint32_t epoch, uint64_t serial)
{
	char version[GENERATION_VERSION_LEN];
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/topology/gen/%s.db", state_dir,
		generation_version_text(epoch, serial, version));
	fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0440);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static bool is_there(uint32_t epoch, uint64_t serial)
{
	char version[GENERATION_VERSION_LEN];
	char path[512];

	snprintf(path, sizeof(path), "%s/topology/gen/%s.db", state_dir,
		generation_version_text(epoch, serial, version));
	return access(path, F_OK) == 0;
}

START_TEST(test_old_generations_are_swept_away)
{
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	struct shelf shelf;

	for (int i = 1; i <= 20; i++)
		must_apply(i);
	shelf = list();
	ck_assert_uint_eq(shelf.count, 20);
	for (size_t i = 0; i < shelf.count; i++)
		ck_assert_int_eq(utimensat(AT_FDCWD, shelf.rows[i].path, old,
			0), 0);
	free(shelf.rows);
	must_apply(21);
	shelf = list();
	ck_assert_uint_eq(shelf.count, GENERATION_KEEP_COUNT + 1);
	ck_assert_uint_eq(shelf.rows[0].serial, 21);
	ck_assert_uint_eq(shelf.rows[GENERATION_KEEP_COUNT].serial, 5);
	free(shelf.rows);
}
END_TEST

/* A publisher may do so each second, and means no good. */
START_TEST(test_S18_many_young_generations_have_a_bound)
{
	must_apply(1);
	for (uint64_t i = 1; i <= 200; i++)
		put(3, i);
	must_apply(2);
	for (uint64_t i = 1; i <= 200; i++)
		ck_assert_msg(is_there(3, i) ==
			(i > 200 - GENERATION_KEEP_MOST), "%d", (int)i);
	ck_assert_int_eq(read_number(NULL), 2);
}
END_TEST

START_TEST(test_what_links_point_to_stays_behind_any_number)
{
	struct generation_info now;
	struct why why = {""};

	must_apply(1);
	must_apply(2);
	must_apply(3);
	for (uint64_t i = 1; i <= 200; i++)
		put(3, i);
	must_apply(4);
	ck_assert_int_eq(read_number(NULL), 4);
	ck_assert_int_eq(generation_rollback(state_dir, &now, &why), 0);
	ck_assert_int_eq(read_number(NULL), 3);
	ck_assert(!is_there(0, 1));
}
END_TEST

/* What was local is not current any more and goes, but its number is not
 * given to another. */
START_TEST(test_no_local_number_comes_twice)
{
	char path[512];

	must_apply(1);
	must_apply(2);
	must_apply(3);
	for (uint64_t i = 1; i <= 200; i++)
		put(3, i);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/topology/%s", state_dir,
			i == 0 ? "current" : "previous");
		ck_assert_int_eq(unlink(path), 0);
		ck_assert_int_eq(symlink("gen/00000003-00000000000000c8.db",
			path), 0);
	}
	must_apply(4);
	ck_assert(!is_there(0, 2));
	ck_assert(is_there(0, 3));
	ck_assert(is_there(0, 4));
}
END_TEST

START_TEST(test_bytes_have_a_bound_and_the_newest_stay)
{
	const uint64_t big = GENERATION_KEEP_BYTES / 2 + 1;

	/* However big: who has just resolved the link has to find it. */
	ck_assert(generation_may_stay(0, 0, 2 * GENERATION_KEEP_BYTES, 0));
	ck_assert(generation_may_stay(GENERATION_KEEP_LEAST - 1,
		GENERATION_KEEP_BYTES, big, 0));
	ck_assert(!generation_may_stay(GENERATION_KEEP_LEAST, big, big, 0));
	ck_assert(generation_may_stay(GENERATION_KEEP_LEAST, big, big - 2,
		0));
	ck_assert(!generation_may_stay(GENERATION_KEEP_MOST, 0, 1, 0));
	ck_assert(generation_may_stay(GENERATION_KEEP_MOST - 1, 0, 1, 0));
	ck_assert(!generation_may_stay(GENERATION_KEEP_COUNT, 0, 1, DAY_S));
	ck_assert(generation_may_stay(GENERATION_KEEP_COUNT - 1, 0, 1,
		DAY_S));
}
END_TEST

/* Whoever owns the folder can put the last number there. */
START_TEST(test_S18_local_numbers_do_not_wrap)
{
	struct why why = {""};

	must_apply(1);
	put(0, UINT64_MAX); /* no version at all */
	must_apply(2);
	ck_assert(is_there(0, 2));
	put(0, INT64_MAX);
	ck_assert_int_eq(apply_number(3, &why), EDGE_ETOOBIG);
	ck_assert_ptr_nonnull(strstr(why.text, "7fffffffffffffff.db"));
	ck_assert_ptr_nonnull(strstr(why.text, "remove it"));
	ck_assert_int_eq(read_number(NULL), 2);
	ck_assert(!is_there(0, 0));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("generation_prune");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_old_generations_are_swept_away);
	tcase_add_test(tc, test_S18_many_young_generations_have_a_bound);
	tcase_add_test(tc, test_what_links_point_to_stays_behind_any_number);
	tcase_add_test(tc, test_no_local_number_comes_twice);
	tcase_add_test(tc, test_bytes_have_a_bound_and_the_newest_stay);
	tcase_add_test(tc, test_S18_local_numbers_do_not_wrap);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
