/*
 * Spent tickets on disk: everything is there again, however the last process
 * ended; nothing of it stays for ever.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/rand.h"
#include "webconf-edge/connector/spent.h"

#define MAX 1000000u

static const struct wall NOW = {1700000000};

static struct {
	char folder[64];
	struct spent spent;
	struct ticket_set *used;
	struct ticket_set *revoked;
} t;

static void path_of(const char *name, char out[static 128])
{
	snprintf(out, 128, "%s/%s", t.folder, name);
}

static int try_open(struct wall now)
{
	struct why why = {""};

	ck_assert_int_eq(ticket_set_new(&t.used, MAX), 0);
	ck_assert_int_eq(ticket_set_new(&t.revoked, MAX), 0);
	return spent_open(&t.spent, t.folder, t.used, t.revoked, now, &why);
}

static void end(void)
{
	spent_close(&t.spent);
	ticket_set_free(t.used);
	ticket_set_free(t.revoked);
}

static void again(struct wall now)
{
	end();
	ck_assert_int_eq(try_open(now), 0);
}

static void setup(void)
{
	snprintf(t.folder, sizeof(t.folder), "/tmp/test-spent-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(t.folder));
	ck_assert_int_eq(try_open(NOW), 0);
}

static void teardown(void)
{
	static const char *const names[] = {SPENT_FILE, SPENT_OLD_FILE};
	char path[128];

	end();
	for (size_t i = 0; i < 2; i++) {
		path_of(names[i], path);
		unlink(path);
	}
	rmdir(t.folder);
}

static void id_of(uint32_t n, uint8_t id[static TICKET_ID_LEN])
{
	memset(id, 7, TICKET_ID_LEN);
	memcpy(id, &n, sizeof(n));
}

static int note(enum spent_kind kind, uint32_t n, int64_t life_s,
	struct wall now)
{
	uint8_t id[TICKET_ID_LEN];

	id_of(n, id);
	return spent_note(&t.spent, kind, id, (struct wall){now.s + life_s},
		now);
}

static bool is_used(uint32_t n)
{
	uint8_t id[TICKET_ID_LEN];

	id_of(n, id);
	return ticket_set_has(t.used, id);
}

static off_t size_of(const char *name)
{
	struct stat st;
	char path[128];

	path_of(name, path);
	return stat(path, &st) < 0 ? -1 : st.st_size;
}

START_TEST(test_T22_what_was_noted_is_there_again)
{
	uint8_t id[TICKET_ID_LEN];

	ck_assert_int_eq(note(SPENT_USED, 1, 300, NOW), 0);
	ck_assert_int_eq(note(SPENT_REVOKED, 2, 57600, NOW), 0);
	again(NOW);
	ck_assert(is_used(1));
	ck_assert(!is_used(2));
	id_of(2, id);
	ck_assert(ticket_set_has(t.revoked, id));
	ck_assert_uint_eq(ticket_set_count(t.used), 1);
	/* What is over is not. */
	again((struct wall){NOW.s + 301});
	ck_assert_uint_eq(ticket_set_count(t.used), 0);
	ck_assert_uint_eq(ticket_set_count(t.revoked), 1);
}
END_TEST

START_TEST(test_half_a_record_is_cut_off)
{
	char path[128];

	ck_assert_int_eq(note(SPENT_USED, 1, 300, NOW), 0);
	ck_assert_int_eq(note(SPENT_USED, 2, 300, NOW), 0);
	path_of(SPENT_FILE, path);
	ck_assert_int_eq(truncate(path, 2 * SPENT_LEN - 5), 0);
	again(NOW);
	ck_assert(is_used(1));
	ck_assert(!is_used(2));
	ck_assert_int_eq(note(SPENT_USED, 3, 300, NOW), 0);
	again(NOW);
	ck_assert(is_used(1));
	ck_assert(is_used(3));
	ck_assert_int_eq(size_of(SPENT_FILE), 2 * SPENT_LEN);
}
END_TEST

START_TEST(test_a_full_disk_leaves_whole_records)
{
	struct rlimit was, full = {.rlim_cur = 2 * SPENT_LEN + 10};

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(note(SPENT_USED, 1, 300, NOW), 0);
	ck_assert_int_eq(note(SPENT_USED, 2, 300, NOW), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &was), 0);
	full.rlim_max = was.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &full), 0);
	ck_assert_int_lt(note(SPENT_USED, 3, 300, NOW), 0);
	ck_assert_int_lt(note(SPENT_USED, 3, 300, NOW), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &was), 0);
	ck_assert_int_eq(note(SPENT_USED, 4, 300, NOW), 0);
	again(NOW);
	ck_assert(is_used(1) && is_used(2) && !is_used(3) && is_used(4));
}
END_TEST

/* Whatever somebody wrote there: no crash, no ticket too many. */
START_TEST(test_damage_is_passed_over)
{
	uint8_t noise[100 * SPENT_LEN];
	char path[128];
	int fd;

	rand_bytes(noise, sizeof(noise));
	memcpy(noise, "WCS1\1\0\0", 8);
	memset(noise + 8, 0xff, 8); /* until before all time */
	memcpy(noise + SPENT_LEN, "WCS1\1\0\0", 8);
	memset(noise + SPENT_LEN + 8, 0x7f, 8); /* for ever */
	memcpy(noise + 2 * SPENT_LEN, "WCS1\3\0\0", 8);
	path_of(SPENT_FILE, path);
	fd = open(path, O_WRONLY);
	ck_assert_int_eq(write(fd, noise, sizeof(noise)), sizeof(noise));
	close(fd);
	again(NOW);
	ck_assert_uint_eq(ticket_set_count(t.used), 0);
	ck_assert_uint_eq(ticket_set_count(t.revoked), 0);
	ck_assert_int_eq(note(SPENT_USED, 1, 300, NOW), 0);
	again(NOW);
	ck_assert(is_used(1));
}
END_TEST

START_TEST(test_files_do_not_grow_for_ever_and_lose_nothing_live)
{
	struct wall now = NOW;
	uint32_t i;

	/* Ten minutes of 1000 a second, each good for a minute. */
	for (i = 0; i < 600000; i++) {
		ck_assert_int_eq(note(SPENT_USED, i, 60, now), 0);
		if (i % 1000 == 999)
			now.s++;
		if (i % 100000 == 99999) {
			again(now);
			ck_assert(is_used(i));
			ck_assert(is_used(i - 58000));
			ck_assert(!is_used(i - 62000));
		}
	}
	ck_assert_int_le(size_of(SPENT_FILE) + size_of(SPENT_OLD_FILE),
		4 * (off_t)SPENT_SEGMENT * SPENT_LEN);
}
END_TEST

START_TEST(test_files_are_private_and_links_are_not_followed)
{
	struct stat st;
	char path[128];

	path_of(SPENT_FILE, path);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("/dev/null", path), 0);
	end();
	ck_assert_int_lt(try_open(NOW), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("spent");
	TCase *tc = tcase_create("all");
	SRunner *r;
	int failures;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_T22_what_was_noted_is_there_again);
	tcase_add_test(tc, test_half_a_record_is_cut_off);
	tcase_add_test(tc, test_a_full_disk_leaves_whole_records);
	tcase_add_test(tc, test_damage_is_passed_over);
	tcase_add_test(tc,
		test_files_do_not_grow_for_ever_and_lose_nothing_live);
	tcase_add_test(tc,
		test_files_are_private_and_links_are_not_followed);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failures = srunner_ntests_failed(r);
	srunner_free(r);
	return failures != 0;
}
