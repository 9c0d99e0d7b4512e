/* Tests of common/run/sandbox_paths.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "common/run/sandbox_paths.h"

static struct sandbox_paths *list;

static void setup(void)
{
	ck_assert_int_eq(sandbox_paths_new(&list), 0);
}

static void teardown(void)
{
	sandbox_paths_free(list);
}

static bool has(const char *path, enum sandbox_access access)
{
	size_t count = 0;
	const struct sandbox_path *rows = sandbox_paths_rows(list, &count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].path, path) == 0 &&
			rows[i].access == access)
			return true;
	return false;
}

START_TEST(test_folder_is_granted_not_the_file)
{
	sandbox_paths_add_folder(list, SANDBOX_READ, "/etc/x/cert.pem");
	ck_assert(has("/etc/x", SANDBOX_READ));
	ck_assert(!has("/etc/x/cert.pem", SANDBOX_READ));
	ck_assert(!has("/etc/x", SANDBOX_WRITE));
}
END_TEST

START_TEST(test_link_is_granted_where_it_points)
{
	char folder[] = "/tmp/test_paths.XXXXXX";
	char real[64];
	char link[64];
	FILE *f;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(real, sizeof(real), "%s/real", folder);
	snprintf(link, sizeof(link), "%s.link", folder);
	f = fopen(real, "we");
	ck_assert_ptr_nonnull(f);
	fclose(f);
	ck_assert_int_eq(symlink(real, link), 0);
	sandbox_paths_add_folder(list, SANDBOX_READ, link);
	ck_assert(has("/tmp", SANDBOX_READ));
	ck_assert(has(folder, SANDBOX_READ));
	unlink(link);
	unlink(real);
	rmdir(folder);
}
END_TEST

START_TEST(test_nothing_is_granted_for_nothing)
{
	size_t count = 1;

	sandbox_paths_add(list, SANDBOX_WRITE, NULL);
	sandbox_paths_add_folder(list, SANDBOX_WRITE, NULL);
	sandbox_paths_rows(list, &count);
	ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(test_full_list_grants_no_more)
{
	size_t count = 0;
	char path[32];

	for (int i = 0; i < 200; i++) {
		snprintf(path, sizeof(path), "/x/%d", i);
		sandbox_paths_add(list, SANDBOX_READ, path);
	}
	sandbox_paths_rows(list, &count);
	ck_assert_uint_lt(count, 200);
	ck_assert(has("/x/0", SANDBOX_READ));
	ck_assert(!has("/x/199", SANDBOX_READ));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sandbox_paths");
	TCase *t = tcase_create("sandbox_paths");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_folder_is_granted_not_the_file);
	tcase_add_test(t, test_link_is_granted_where_it_points);
	tcase_add_test(t, test_nothing_is_granted_for_nothing);
	tcase_add_test(t, test_full_list_grants_no_more);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
