/*
 * Tests of common/store/generation.c and generation_write.c: a writer that
 * dies at any system call, a full disk, torn files; readers see whole
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

#include "samples.h"

#include "common/base/err.h"
#include "common/base/rand.h"
#include "common/store/generation.h"
#include "common/store/sql.h"

#define SKIPPED 77

static char *state_dir;

/* A generation whose rows say the same number a few hundred times, so that
 * a mixture of two would show. */
static int fill_number(struct sqlite3 *db, void *arg, struct why *why)
{
	int number = *(const int *)arg;
	int err = 0;

	for (int i = 0; i < 300 && err == 0; i++) {
		char name[64];

		snprintf(name, sizeof(name), "d%d.n%d.test", i, number);
		err = sql_run(db, why, "INSERT INTO sip_domain(name,"
			" is_default) VALUES(?, ?)", "ti", name,
			(int64_t)(i == 0));
	}
	return err;
}

static int apply_number(int number, struct why *why)
{
	struct generation_stage *stage = NULL;
	int err = generation_stage_new(&stage, state_dir, "test", fill_number,
		&number, why);

	return err < 0 ? err : generation_activate(stage, why);
}

static void must_apply(int number)
{
	struct why why = {""};
	int err = apply_number(number, &why);

	ck_assert_msg(err == 0, "%s", why.text);
}

/* The number of what is current; -1 when nothing whole is. */
static int read_number(struct why *why)
{
	struct sqlite3 *db = NULL;
	struct sqlite3_stmt *stmt;
	char path[512];
	int number = -1;
	int count = 0;

	if (generation_current_path(state_dir, path, sizeof(path), why) < 0)
		return -1;
	if (generation_open(&db, path, why) < 0)
		return -1;
	if (sql_query(&stmt, db, why, "SELECT name FROM sip_domain", "") < 0)
		return -1;
	while (sql_next(stmt, why) == 1) {
		int i;
		int n;

		if (sscanf(sql_text(stmt, 0), "d%d.n%d.test", &i, &n) != 2 ||
			(number != -1 && n != number))
			count = -1000;
		number = n;
		count++;
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return count == 300 ? number : -1;
}

static void setup(void)
{
	state_dir = sample_folder();
}

static void teardown(void)
{
	sample_remove(state_dir);
}

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

static bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

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

/* Let the writer pass `steps` boundaries of system calls, then kill it.
 * True when it got to its end before. -1 when tracing is not allowed. */
static int kill_at(pid_t pid, int steps)
{
	int status = 0;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		return -1;
	for (int i = 0; i < steps; i++) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
			break;
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			ck_assert_int_eq(WEXITSTATUS(status), 0);
			return 1;
		}
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return 0;
}

/* Looks at what is current, over and over, until killed; exit status 1 as
 * soon as it is not whole. */
static pid_t start_reader(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid != 0)
		return pid;
	for (;;) {
		struct why why = {""};
		int missed = 0;

		/* A file may be swept away between link and open; then the
		 * link has moved on. */
		while (read_number(&why) < 0) {
			if (++missed == 3) {
				fprintf(stderr, "reader: %s\n", why.text);
				_exit(1);
			}
		}
	}
}

static void end_reader(pid_t pid)
{
	int status = 0;

	ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
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
	reader = start_reader();
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
	reader = start_reader();
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

START_TEST(test_old_generations_are_swept_away)
{
	struct generation_info *rows = NULL;
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	size_t count = 0;

	for (int i = 1; i <= 20; i++)
		must_apply(i);
	ck_assert_int_eq(generation_list(state_dir, &rows, &count, NULL), 0);
	ck_assert_uint_eq(count, 20);
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(utimensat(AT_FDCWD, rows[i].path, old, 0),
			0);
	free(rows);
	must_apply(21);
	ck_assert_int_eq(generation_list(state_dir, &rows, &count, NULL), 0);
	ck_assert_uint_eq(count, 16);
	ck_assert_uint_eq(rows[0].serial, 21);
	ck_assert_uint_eq(rows[15].serial, 6);
	free(rows);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("generation");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, test_first_generation_becomes_current);
	tcase_add_test(tc, test_switch_keeps_the_previous_and_rollback_swaps);
	tcase_add_test(tc, test_stage_changes_nothing_until_activated);
	tcase_add_test(tc, test_two_writers_do_not_meet);
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
	tcase_add_test(tc, test_torn_or_garbage_file_is_refused);
	tcase_add_test(tc, test_foreign_database_is_refused);
	tcase_add_test(tc, test_opened_generation_can_not_be_written);
	tcase_add_test(tc, test_link_to_elsewhere_is_refused);
	tcase_add_test(tc, test_odd_folder_names_are_fine);
	tcase_add_test(tc, test_old_generations_are_swept_away);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
