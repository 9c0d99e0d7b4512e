/*
 * One life of the keeper with very many generations: files, descriptors and
 * memory stay what they were (requirement R21).
 */
#include <dirent.h>
#include <malloc.h>

#include "keepers.h"

static size_t count_files(const char *below)
{
	char path[2 * PATH_MAX];
	const struct dirent *entry;
	size_t count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", state_dir, below);
	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static size_t count_fds(void)
{
	const struct dirent *entry;
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		count++;
	closedir(dir);
	return count;
}

/* Two days go by: what is younger than one is kept in any case. */
static void age_generations(void)
{
	const struct timespec old[2] = {{time(NULL) - 172800, 0},
		{time(NULL) - 172800, 0}};
	char path[2 * PATH_MAX];
	const struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/topology/gen", state_dir);
	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			ck_assert_int_eq(utimensat(dirfd(dir), entry->d_name,
				old, 0), 0);
	closedir(dir);
}

/* ACTIVATIONS=1000 for the long form. */
START_TEST(test_R21_many_generations_leave_nothing_behind)
{
	const char *text = getenv("ACTIVATIONS");
	const int last = text != NULL ? atoi(text) : 24;
	const int first = last / 2;
	size_t fds = 0;
	size_t bytes = 0;

	for (int i = 1; i <= last; i++) {
		if (i == last)
			age_generations();
		ck_assert_int_eq(bring(1, i), 200);
		if (i != first)
			continue;
		fds = count_fds();
		bytes = mallinfo2().uordblks;
	}
	ck_assert_int_eq(current_number(), last);
	ck_assert_uint_eq(count_fds(), fds);
	ck_assert_uint_le(mallinfo2().uordblks, bytes + 64 * 1024);
	ck_assert_uint_eq(count_files("topology/gen"), 16 + 1);
	ck_assert_uint_eq(count_files("topology/stage"), 0);
	ck_assert_uint_eq(count_files("replication-agent/bundles"),
		VAULT_KEEP);
	ck_assert_uint_eq(count_files("replication-agent"), 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keeper_many");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 600);
	tcase_add_test(tc, test_R21_many_generations_leave_nothing_behind);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
