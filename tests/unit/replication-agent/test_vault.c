/* Tests of replication-agent/vault.c: what is kept, what is found again, and
 * what of a shelf that somebody else wrote on is believed. */
#include <fcntl.h>
#include <sys/stat.h>

#include "keepers.h"

static char shelf[PATH_MAX];

/* A bundle of that version, signed by k, put on the shelf. */
static void put_by(struct bundle_key *k, uint32_t epoch, int number)
{
	struct bundle_key *ours = key;
	struct bundle_bytes b;

	key = k;
	make_number(&b, epoch, number);
	key = ours;
	ck_assert_int_eq(vault_put(keeper.dir, b.sha256, b.p, b.len, NULL),
		0);
	bundle_bytes_fini(&b);
}

/* The version of the newest that our keys vouch for; 0.0 for none. */
static struct bundle_version newest(struct bundle_version max)
{
	struct bundle_version v = {0, 0};
	struct bundle_bytes file;
	struct bundle b;
	int err = vault_newest(keeper.dir, &trust, max, &file, NULL);

	if (err == 0) {
		ck_assert_int_eq(bundle_read(&b, file.p, file.len, NULL), 0);
		v = b.manifest.version;
		bundle_fini(&b);
		bundle_bytes_fini(&file);
	} else {
		ck_assert_int_eq(err, -ENOENT);
	}
	return v;
}

static const struct bundle_version ANY = {0, 0};

static void check_newest(struct bundle_version max, uint32_t epoch,
	uint64_t serial)
{
	const struct bundle_version v = newest(max);

	ck_assert_uint_eq(v.epoch, epoch);
	ck_assert_uint_eq(v.serial, serial);
}

static void setup_shelf(void)
{
	setup();
	snprintf(shelf, sizeof(shelf), "%.4000s/bundles", keeper.dir);
}

START_TEST(test_what_is_put_comes_back_by_its_name)
{
	struct bundle_bytes b;
	struct bundle_bytes again;

	make_number(&b, 1, 7);
	ck_assert_int_eq(vault_get(keeper.dir, b.sha256, &again, NULL),
		-ENOENT);
	ck_assert_int_eq(vault_put(keeper.dir, b.sha256, b.p, b.len, NULL),
		0);
	ck_assert_int_eq(vault_get(keeper.dir, b.sha256, &again, NULL), 0);
	ck_assert_uint_eq(again.len, b.len);
	ck_assert_int_eq(memcmp(again.p, b.p, b.len), 0);
	bundle_bytes_fini(&again);
	bundle_bytes_fini(&b);
}
END_TEST

/* Eight that came while the clock was ahead. */
START_TEST(test_latest_stays_whatever_the_clock_was)
{
	const struct timespec ahead[2] = {{4000000000, 0}, {4000000000, 0}};
	struct bundle_bytes b;
	struct bundle_bytes again;
	unsigned left = 0;

	for (int i = 1; i <= (int)VAULT_KEEP; i++) {
		char path[PATH_MAX + 80];

		make_number(&b, 1, i);
		ck_assert_int_eq(vault_put(keeper.dir, b.sha256, b.p, b.len,
			NULL), 0);
		snprintf(path, sizeof(path), "%s/%s.edgb", shelf, b.sha256);
		ck_assert_int_eq(utimensat(AT_FDCWD, path, ahead, 0), 0);
		bundle_bytes_fini(&b);
	}
	make_number(&b, 1, 99);
	ck_assert_int_eq(vault_put(keeper.dir, b.sha256, b.p, b.len, NULL),
		0);
	ck_assert_int_eq(vault_get(keeper.dir, b.sha256, &again, NULL), 0);
	bundle_bytes_fini(&again);
	bundle_bytes_fini(&b);
	/* One of the others went. */
	for (int i = 1; i <= (int)VAULT_KEEP; i++) {
		make_number(&b, 1, i);
		if (vault_get(keeper.dir, b.sha256, &again, NULL) == 0) {
			bundle_bytes_fini(&again);
			left++;
		}
		bundle_bytes_fini(&b);
	}
	ck_assert_uint_eq(left, VAULT_KEEP - 1);
}
END_TEST

START_TEST(test_newest_is_by_version_not_by_age)
{
	check_newest(ANY, 0, 0);
	put_by(key, 2, 1);
	put_by(key, 1, 9);
	put_by(key, 1, 3);
	check_newest(ANY, 2, 1);
	check_newest((struct bundle_version){1, 100}, 1, 9);
	check_newest((struct bundle_version){1, 9}, 1, 9);
	check_newest((struct bundle_version){1, 8}, 1, 3);
	check_newest((struct bundle_version){1, 2}, 0, 0);
}
END_TEST

START_TEST(test_shelf_is_no_more_believed_than_the_wire)
{
	struct bundle_key *foreign = key_number(9);
	char path[PATH_MAX + 80];
	char name[65];

	put_by(key, 1, 1);
	put_by(foreign, 1, 8);
	check_newest(ANY, 1, 1);
	bundle_key_free(foreign);
	/* Garbage under a good name, and a name that leads elsewhere. */
	memset(name, 'a', 64);
	name[64] = '\0';
	ck_assert_int_eq(vault_put(keeper.dir, name, "junk", 4, NULL), 0);
	memset(name, 'b', 64);
	snprintf(path, sizeof(path), "%s/%s.edgb", shelf, name);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	check_newest(ANY, 1, 1);
}
END_TEST

START_TEST(test_the_last_eight_are_kept_and_nothing_else_is_touched)
{
	char path[PATH_MAX + 80];
	struct stat st;

	snprintf(path, sizeof(path), "%s/README", shelf);
	ck_assert_int_eq(close(creat(path, 0600)), 0);
	for (int i = 1; i <= (int)VAULT_KEEP + 3; i++)
		put_by(key, 1, i);
	check_newest(ANY, 1, VAULT_KEEP + 3);
	check_newest((struct bundle_version){1, 4}, 1, 4);
	check_newest((struct bundle_version){1, 3}, 0, 0);
	ck_assert_int_eq(stat(path, &st), 0);
}
END_TEST

START_TEST(test_folder_that_is_gone_says_so)
{
	struct bundle_bytes b = {.p = NULL};
	struct why why = {""};
	char moved[PATH_MAX + 8];

	snprintf(moved, sizeof(moved), "%s.gone", shelf);
	ck_assert_int_eq(rename(shelf, moved), 0);
	ck_assert_int_lt(vault_put(keeper.dir, "aa", "x", 1, &why), 0);
	ck_assert_int_eq(vault_newest(keeper.dir, &trust, ANY, &b, &why),
		-ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, "bundles"));
	ck_assert_int_eq(vault_make(keeper.dir, NULL), 0);
	ck_assert_int_eq(vault_make(keeper.dir, NULL), 0);
	check_newest(ANY, 0, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vault");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup_shelf, teardown);
	tcase_add_test(tc, test_what_is_put_comes_back_by_its_name);
	tcase_add_test(tc, test_latest_stays_whatever_the_clock_was);
	tcase_add_test(tc, test_newest_is_by_version_not_by_age);
	tcase_add_test(tc, test_shelf_is_no_more_believed_than_the_wire);
	tcase_add_test(tc,
		test_the_last_eight_are_kept_and_nothing_else_is_touched);
	tcase_add_test(tc, test_folder_that_is_gone_says_so);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
