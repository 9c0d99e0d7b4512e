/*
 * Tests of common/store/generation_switch.c: a writer that dies at any system
 * call, a full disk, missing rights, a hostile folder. Readers see whole
 * generations only.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/base/rand.h"
#include "kills.h"
#include "numbers.h"

#define SKIPPED 77

/* ---- bad rows ------------------------------------------------------------ */

static int fill_badly(struct sqlite3 *db, void *arg, struct why *why)
{
	return sql_script(db, why, arg);
}

START_TEST(test_bad_rows_are_refused)
{
	static const char *const BAD[] = {
		"INSERT INTO pool(pool_id,site_id,number,fqdn)"
		" VALUES(1,99,1,'x.test')",
		"INSERT INTO sip_domain(name,is_default) VALUES('a',1),"
		"('b',1)",
		"INSERT INTO machine(pool_id,ordinal,fqdn) VALUES('x',1,'m')",
		"INSERT INTO nothing VALUES(1)",
		"INSERT INTO meta VALUES('serial','9')",
		"not sql",
	};
	struct generation_stage *stage = NULL;
	struct why why = {""};

	must_apply(1);
	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
		char sql[200];

		snprintf(sql, sizeof(sql), "%s", BAD[i]);
		why.text[0] = '\0';
		ck_assert_msg(generation_stage_new(&stage, state_dir, "x",
			fill_badly, sql, &why) < 0, "%s", sql);
		ck_assert_str_ne(why.text, "");
		ck_assert_int_eq(read_number(&why), 1);
	}
	must_apply(2);
}
END_TEST

/* ---- killed at any system call ------------------------------------------ */

/* A child that applies; traced, it stops before its first step. */
static pid_t start_writer(int number, bool traced)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid != 0)
		return pid;
	if (traced) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(SKIPPED);
		raise(SIGSTOP);
	}
	_exit(apply_number(number, NULL) < 0);
}

static int read_now(struct why *why)
{
	return read_number(why);
}

/* Files that no link points to, so that the folder stays small. */
static void sweep(void)
{
	struct generation_info *rows = NULL;
	size_t count = 0;

	ck_assert_int_eq(generation_list(state_dir, &rows, &count, NULL), 0);
	for (size_t i = 0; i < count; i++) {
		if (!rows[i].is_current && !rows[i].is_previous)
			unlink(rows[i].path);
	}
	free(rows);
}

START_TEST(test_killed_writer_leaves_old_or_new)
{
	struct why why = {""};
	pid_t reader;
	int now = 1;
	int ended = 0;

	if (under_valgrind())
		return;
	must_apply(now);
	reader = start_reader(read_now);
	for (int steps = 1; ended == 0; steps++) {
		int number = steps + 1;
		int seen;

		ck_assert_int_lt(steps, 20000);
		ended = kill_at(start_writer(number, true), steps);
		seen = read_number(&why);
		ck_assert_msg(seen == now || seen == number,
			"after %d steps: %d, %s", steps, seen, why.text);
		now = seen;
		if (steps % 16 == 0)
			sweep();
		/* Whatever was left behind is in nobody's way. */
		if (steps % 40 == 0) {
			now = number + 100000;
			must_apply(now);
		}
	}
	end_reader(reader);
	if (ended < 0)
		fputs("not allowed to trace: nothing was tried\n", stderr);
	else
		ck_assert_int_ge(now, 2);
}
END_TEST

/* The same without a tracer, at moments of chance. */
START_TEST(test_writer_killed_at_random_leaves_old_or_new)
{
	struct why why = {""};
	pid_t reader;
	int now = 1;

	must_apply(now);
	reader = start_reader(read_now);
	for (int number = 2; number < 52; number++) {
		pid_t pid = start_writer(number, false);
		int seen;

		usleep(rand_below(12000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		seen = read_number(&why);
		ck_assert_msg(seen == now || seen == number, "%d: %s", seen,
			why.text);
		now = seen;
	}
	end_reader(reader);
	must_apply(60);
	ck_assert_int_eq(read_number(&why), 60);
}
END_TEST

/* ---- a full disk, missing rights ---------------------------------------- */

/* Run fn in a child and give its exit status. */
static int in_child(int (*fn)(int arg), int arg)
{
	pid_t pid = fork();
	int status = 0;

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(fn(arg));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Files may grow to so many bytes and no further. */
static int apply_limited(int bytes)
{
	struct rlimit limit = {(rlim_t)bytes, (rlim_t)bytes};
	struct why why = {""};
	int err;

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return SKIPPED;
	err = apply_number(2, &why);
	return err == 0 ? 0 : why.text[0] != '\0' ? 1 : 2;
}

START_TEST(test_file_that_can_not_grow_keeps_the_old)
{
	struct why why = {""};
	int done = 0;
	int bytes = 0;

	must_apply(1);
	for (; done == 0 && bytes < (1 << 20); bytes += 4096) {
		int status = in_child(apply_limited, bytes);

		if (status == 0) {
			done = 1;
			break;
		}
		ck_assert_int_eq(status, 1);
		ck_assert_int_eq(read_number(&why), 1);
	}
	ck_assert_int_eq(done, 1);
	ck_assert_int_gt(bytes, 4 * 4096);
	ck_assert_int_eq(read_number(&why), 2);
}
END_TEST

/* A file system of its own, too small for a second generation. */
static int apply_on_full_disk(int pages)
{
	struct why why = {""};
	char options[32];
	int err;

	snprintf(options, sizeof(options), "size=%dk", pages * 4);
	if (unshare(CLONE_NEWNS) < 0 ||
		mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", state_dir, "tmpfs", 0, options) < 0)
		return SKIPPED;
	for (int number = 1; number < 20; number++) {
		err = apply_number(number, &why);
		if (err == 0)
			continue;
		if (number == 1 || read_number(NULL) != number - 1)
			return 1;
		return err == -ENOSPC &&
			strstr(why.text, "make room") != NULL ? 0 : 2;
	}
	return 3;
}

START_TEST(test_full_disk_keeps_the_old)
{
	for (int pages = 48; pages <= 60; pages++) {
		int status = in_child(apply_on_full_disk, pages);

		if (status == SKIPPED)
			return; /* not root */
		ck_assert_msg(status == 0, "%d pages: %d", pages, status);
	}
}
END_TEST

static int apply_as_nobody(int arg)
{
	struct why why = {""};

	(void)arg;
	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return SKIPPED;
	return apply_number(2, &why) == -EACCES &&
		strstr(why.text, state_dir) != NULL &&
		strstr(why.text, "permission denied") != NULL ? 0 : 1;
}

START_TEST(test_missing_rights_are_told_and_keep_the_old)
{
	struct why why = {""};
	char path[512];

	must_apply(1);
	snprintf(path, sizeof(path), "%s/topology", state_dir);
	ck_assert_int_eq(chmod(state_dir, 0555), 0);
	ck_assert_int_eq(chmod(path, 0555), 0);
	if (geteuid() != 0) {
		snprintf(path, sizeof(path), "%s/topology/lock", state_dir);
		ck_assert_int_eq(chmod(path, 0400), 0);
	}
	ck_assert_int_ne(in_child(apply_as_nobody, 0), 1);
	ck_assert_int_eq(read_number(&why), 1);
	chmod(state_dir, 0755);
	snprintf(path, sizeof(path), "%s/topology", state_dir);
	chmod(path, 0755);
}
END_TEST

/* ---- a folder whose owner is hostile ------------------------------------ */

#define AGENT 61188

struct victim {
	char dir[300];
	char file[320];
};

/* Root's own, and a topology folder that belongs to somebody else. False
 * when we are not root. */
static bool set_trap(struct victim *v)
{
	if (geteuid() != 0)
		return false;
	snprintf(v->dir, sizeof(v->dir), "%s/victim", state_dir);
	snprintf(v->file, sizeof(v->file), "%s/file", v->dir);
	ck_assert_int_eq(mkdir(v->dir, 0700), 0);
	close(open(v->file, O_CREAT | O_WRONLY, 0600));
	ck_assert_int_eq(generation_make_folders(state_dir, AGENT, AGENT,
		NULL), 0);
	must_apply(1);
	return true;
}

static void must_be_untouched(const struct victim *v)
{
	struct stat st;

	ck_assert_int_eq(stat(v->file, &st), 0);
	ck_assert_uint_eq(st.st_uid, 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(v->dir, &st), 0);
	ck_assert_uint_eq(st.st_uid, 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
}

START_TEST(test_S18_lock_that_is_a_link_gives_nothing_away)
{
	struct why why = {""};
	struct victim v;
	char path[512];

	if (!set_trap(&v))
		return;
	snprintf(path, sizeof(path), "%s/topology/lock", state_dir);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink(v.file, path), 0);
	ck_assert_int_lt(apply_number(2, &why), 0);
	ck_assert_ptr_nonnull(strstr(why.text, "topology/lock"));
	must_be_untouched(&v);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(link(v.file, path), 0);
	must_apply(2);
	must_be_untouched(&v);
}
END_TEST

START_TEST(test_S18_folders_that_are_links_are_not_entered)
{
	static const char *const NAMES[] = {"stage", "gen"};
	struct why why = {""};
	struct victim v;
	char path[512];
	char aside[512];

	if (!set_trap(&v))
		return;
	for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++) {
		snprintf(path, sizeof(path), "%s/topology/%s", state_dir,
			NAMES[i]);
		snprintf(aside, sizeof(aside), "%s/aside", state_dir);
		ck_assert_int_eq(rename(path, aside), 0);
		ck_assert_int_eq(symlink(v.dir, path), 0);
		ck_assert_int_lt(apply_number(2, &why), 0);
		must_be_untouched(&v);
		ck_assert_int_eq(unlink(path), 0);
		ck_assert_int_eq(rename(aside, path), 0);
	}
	must_apply(2);
}
END_TEST

/* tmpfiles.d makes topology/ alone. */
START_TEST(test_what_root_makes_belongs_to_the_owner_of_the_folder)
{
	static const char *const NAMES[] = {"gen", "stage", "lock", "current"};
	char path[512];
	struct stat st;

	if (geteuid() != 0)
		return;
	snprintf(path, sizeof(path), "%s/topology", state_dir);
	ck_assert_int_eq(mkdir(path, 0750), 0);
	ck_assert_int_eq(chown(path, AGENT, AGENT + 1), 0);
	must_apply(1);
	for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++) {
		snprintf(path, sizeof(path), "%s/topology/%s", state_dir,
			NAMES[i]);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_uint_eq(st.st_uid, AGENT);
		ck_assert_uint_eq(st.st_gid, AGENT + 1);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("generation_switch");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, test_bad_rows_are_refused);
	tcase_add_test(tc, test_killed_writer_leaves_old_or_new);
	tcase_add_test(tc, test_writer_killed_at_random_leaves_old_or_new);
	tcase_add_test(tc, test_file_that_can_not_grow_keeps_the_old);
	tcase_add_test(tc, test_full_disk_keeps_the_old);
	tcase_add_test(tc, test_missing_rights_are_told_and_keep_the_old);
	tcase_add_test(tc, test_S18_lock_that_is_a_link_gives_nothing_away);
	tcase_add_test(tc, test_S18_folders_that_are_links_are_not_entered);
	tcase_add_test(tc,
		test_what_root_makes_belongs_to_the_owner_of_the_folder);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
