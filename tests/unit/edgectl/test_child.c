/* What a daemon under the supervisor inherits, and who may talk for it. */
#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/log.h"
#include "edgectl/up/child.h"

#define STRANGER 61999

static char folder[64];
static char program[96];
static char notify[96];
static char output[96];
static struct loop *loop;
static struct child *child;
static int fds[2];

static void quiet(const char *line, void *arg)
{
	(void)line;
	(void)arg;
}

static void on_child(struct child *c, void *arg)
{
	(void)c;
	(void)arg;
}

static int remove_one(const char *path, const struct stat *st, int flag,
	struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void setup(void)
{
	struct child_spec spec = {
		.name = "av-edge",
		.path = program,
		.conf_path = "/nonexistent/edge.yaml",
		.notify_path = notify,
	};
	struct why why = {""};
	FILE *f;

	log_capture(quiet, NULL);
	snprintf(folder, sizeof(folder), "/tmp/test_child.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chmod(folder, 0755), 0);
	snprintf(program, sizeof(program), "%s/program", folder);
	snprintf(notify, sizeof(notify), "%s/av-edge.notify", folder);
	snprintf(output, sizeof(output), "%s/output", folder);
	f = fopen(program, "w");
	/* The shell reads its own state: it blocks signals while it starts
	 * another program, which would see that. */
	fprintf(f, "#!/bin/sh\n{ env; ls -l /proc/$$/fd; "
		"while IFS= read -r line; do echo \"$line\"; done "
		"</proc/$$/status; } >%s 2>/dev/null\n", output);
	fclose(f);
	ck_assert_int_eq(chmod(program, 0755), 0);
	ck_assert_int_eq(pipe(fds), 0);
	spec.bus_fd = fds[0];
	spec.admin_fd = fds[1];
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_msg(child_new(&child, loop, &spec, on_child, NULL, &why) ==
		0, "%s", why.text);
}

static void teardown(void)
{
	child_free(child);
	ck_assert_int_ne(access(notify, F_OK), 0);
	loop_free(loop);
	close(fds[0]);
	close(fds[1]);
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	log_capture(NULL, NULL);
}

/* Run it to its end and give what it wrote. */
static const char *run(void)
{
	static char text[16384];
	int status;
	size_t n;
	FILE *f;

	child_start(child);
	ck_assert_int_gt(child_pid(child), 0);
	ck_assert_int_eq(waitpid(child_pid(child), &status, 0),
		child_pid(child));
	child_ended(child, status);
	f = fopen(output, "r");
	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

START_TEST(test_S16_environment_of_the_caller_stays_outside)
{
	const char *text;

	setenv("DEPLOY_TOKEN", "canary", 1);
	setenv("OPENSSL_CONF", "/tmp/canary", 1);
	setenv("TZ", "Europe/Berlin", 1);
	text = run();
	ck_assert_ptr_null(strstr(text, "canary"));
	ck_assert_ptr_nonnull(strstr(text, "TZ=Europe/Berlin\n"));
	ck_assert_ptr_nonnull(strstr(text, "PATH="));
	ck_assert_ptr_nonnull(strstr(text, "LISTEN_FDS=2\n"));
	ck_assert_ptr_nonnull(strstr(text, "LISTEN_FDNAMES=bus:bus-admin\n"));
	ck_assert_ptr_nonnull(strstr(text, "NOTIFY_SOCKET=/tmp/test_child."));
}
END_TEST

START_TEST(test_descriptors_of_the_caller_stay_outside)
{
	int more[2];
	const char *text;

	ck_assert_int_eq(pipe(more), 0); /* not close-on-exec */
	text = run();
	ck_assert_ptr_nonnull(strstr(text, " 0 -> /dev/null\n"));
	ck_assert_ptr_nonnull(strstr(text, " 3 -> pipe:"));
	ck_assert_ptr_nonnull(strstr(text, " 4 -> pipe:"));
	for (int fd = 5; fd < 10; fd++) { /* the shell's own script is at 10 */
		char part[24];

		snprintf(part, sizeof(part), " %d -> ", fd);
		ck_assert_msg(strstr(text, part) == NULL, "%s", text);
	}
	close(more[0]);
	close(more[1]);
}
END_TEST

START_TEST(test_signals_are_as_a_daemon_expects_them)
{
	const char *text;
	const char *ignored;

	signal(SIGPIPE, SIG_IGN);
	text = run();
	ck_assert_ptr_nonnull(strstr(text, "SigBlk:\t0000000000000000\n"));
	ignored = strstr(text, "SigIgn:\t");
	ck_assert_ptr_nonnull(ignored);
	/* 32 and 33 are the C library's own */
	ck_assert_uint_eq(strtoull(ignored + 8, NULL, 16) & 0x7fffffff, 0);
}
END_TEST

static int stranger_sends(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (setgid(STRANGER) < 0 || setuid(STRANGER) < 0)
		return 2;
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", notify);
	return sendto(fd, "WATCHDOG=1", 10, 0, (struct sockaddr *)&to,
		       sizeof(to)) < 0 && errno == EACCES ? 0 : 1;
}

START_TEST(test_S18_stranger_can_not_fill_the_notify_socket)
{
	struct stat st;
	int status;
	pid_t pid;

	ck_assert_int_eq(stat(notify, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	if (geteuid() != 0)
		return;
	pid = fork();
	if (pid == 0)
		_exit(stranger_sends());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("child");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, test_S16_environment_of_the_caller_stays_outside);
	tcase_add_test(tc, test_descriptors_of_the_caller_stay_outside);
	tcase_add_test(tc, test_signals_are_as_a_daemon_expects_them);
	tcase_add_test(tc, test_S18_stranger_can_not_fill_the_notify_socket);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
