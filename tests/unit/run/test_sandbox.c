/* The sandbox, seen from inside a child that entered it. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "common/run/sandbox.h"
#include "common/run/syscall_filter.h"
#include "tests/unit/run/under_valgrind.h"

#define TEST_UID 61199

static char dir[64];
static char inside_ro[96];
static char inside_rw[96];
static char outside[96];

static unsigned needs; /* of the plan; all of them unless a test says so */

static pid_t parent;   /* of the plan */

static void put_file(const char *folder, const char *name)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_CREAT | O_WRONLY, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "text\n", 5), 5);
	close(fd);
}

static void setup(void)
{
	needs = SANDBOX_KEEPS_FILES | SANDBOX_DIALS | SANDBOX_RELAYS |
		SANDBOX_WORKS;
	snprintf(dir, sizeof(dir), "/tmp/test_sandbox.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chmod(dir, 0755), 0);
	snprintf(inside_ro, sizeof(inside_ro), "%s/ro", dir);
	snprintf(inside_rw, sizeof(inside_rw), "%s/rw", dir);
	snprintf(outside, sizeof(outside), "%s/other", dir);
	mkdir(inside_ro, 0755);
	mkdir(inside_rw, 0755);
	mkdir(outside, 0755);
	put_file(inside_ro, "file");
	put_file(inside_rw, "file");
	put_file(outside, "file");
	/* Landlock alone decides in these tests, not the files' modes. */
	chmod(inside_ro, 0777);
	chmod(inside_rw, 0777);
	chmod(outside, 0777);
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static int enter(bool may_bind_low, struct sandbox_state *state)
{
	const struct sandbox_path paths[] = {
		{inside_ro, SANDBOX_READ},
		{inside_rw, SANDBOX_WRITE},
		{"/proc/self", SANDBOX_READ},
		{"/nonexistent/path", SANDBOX_READ},
	};
	const gid_t groups[] = {TEST_UID + 1, TEST_UID + 2};
	const struct sandbox_plan plan = {
		.uid = getuid() == 0 ? TEST_UID : 0,
		.gid = TEST_UID,
		.groups = groups,
		.group_count = 2,
		.may_bind_low = may_bind_low,
		.needs = needs,
		.parent = parent,
		.paths = paths,
		.path_count = 4,
	};

	return sandbox_enter(&plan, state, NULL);
}

/* Run fn in a child inside the sandbox; its wait status. */
static int in_child(int (*fn)(const struct sandbox_state *), bool may_bind_low)
{
	struct sandbox_state state;
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (enter(may_bind_low, &state) < 0)
			_exit(99);
		_exit(fn(&state));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void must_be_fine(int (*fn)(const struct sandbox_state *))
{
	int status = in_child(fn, false);

	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		"status %#x", (unsigned)status);
}

static void must_be_killed(int (*fn)(const struct sandbox_state *))
{
	int status = in_child(fn, false);

	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS,
		"status %#x", (unsigned)status);
}

/* A manager that is killed takes along whom it started. */
START_TEST(test_daemon_ends_with_its_supervisor)
{
	struct sandbox_state state;
	struct pollfd p = {.events = POLLIN};
	pid_t manager;
	char byte;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	p.fd = fds[0];
	manager = fork();
	ck_assert_int_ge(manager, 0);
	if (manager == 0) {
		if (fork() == 0) {
			signal(SIGTERM, SIG_DFL); /* the runner has its own */
			alarm(20);
			parent = getppid();
			if (enter(false, &state) == 0)
				(void)!write(fds[1], "s", 1);
			for (;;)
				pause();
		}
		for (;;)
			pause();
	}
	close(fds[1]);
	ck_assert_int_eq(read(fds[0], &byte, 1), 1);
	kill(manager, SIGKILL);
	ck_assert_int_eq(waitpid(manager, NULL, 0), manager);
	/* The end of the pipe is the end of its last writer. */
	ck_assert_int_eq(poll(&p, 1, 5000), 1);
	ck_assert_int_eq(read(fds[0], &byte, 1), 0);
	close(fds[0]);
}
END_TEST

static int open_in(const char *folder, const char *name, int flags)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, flags, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static long status_field(const char *name, int base)
{
	char line[256];
	long value = -1;
	FILE *f = fopen("/proc/self/status", "re");

	if (f == NULL)
		return -2;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, name, strlen(name)) == 0 &&
			line[strlen(name)] == ':')
			value = strtol(line + strlen(name) + 1, NULL, base);
	}
	fclose(f);
	return value;
}

static int do_state(const struct sandbox_state *state)
{
	if (!state->no_new_privs || !state->seccomp ||
		state->syscall_count < 40)
		return 1;
	if (status_field("NoNewPrivs", 10) != 1)
		return 2;
	if (status_field("Seccomp", 10) != 2)
		return 3;
	if (status_field("CapPrm", 16) != 0 || status_field("CapEff", 16) != 0)
		return 4;
	return state->capabilities != 0 || state->uid == 0 ? 5 : 0;
}

START_TEST(test_state_is_what_the_kernel_says)
{
	must_be_fine(do_state);
}
END_TEST

static int do_bounds(const struct sandbox_state *state)
{
	const long only = 1L << CAP_NET_BIND_SERVICE;

	if (status_field("CapBnd", 16) != only ||
		status_field("CapEff", 16) != only ||
		status_field("CapAmb", 16) != 0)
		return 1;
	return state->capabilities != (unsigned long long)only;
}

START_TEST(test_low_ports_are_the_only_capability_kept)
{
	int status;

	if (getuid() != 0)
		return;
	status = in_child(do_bounds, true);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		"status %#x", (unsigned)status);
}
END_TEST

static int do_step_down(void)
{
	const gid_t group = TEST_UID + 1;
	struct sandbox_plan plan = {.uid = TEST_UID, .gid = TEST_UID,
		.groups = &group, .group_count = 1, .needs = SANDBOX_RELAYS};
	const long start = 1L << CAP_NET_BIND_SERVICE | 1L << CAP_NET_ADMIN;
	struct sandbox_state state;

	if (sandbox_change_user(&plan, NULL) < 0)
		return 1;
	if (status_field("Uid", 10) != TEST_UID ||
		status_field("Gid", 10) != TEST_UID ||
		status_field("Groups", 10) != TEST_UID + 1)
		return 2;
	if (status_field("CapEff", 16) != start ||
		status_field("CapBnd", 16) != 0)
		return 3;
	if (setuid(0) == 0 || open_in(outside, "secret", O_RDONLY) != -EACCES)
		return 4;
	/* The rest of the way, with its user already there. */
	plan.uid = 0;
	plan.needs = SANDBOX_RELAYS;
	plan.path_count = 0;
	if (sandbox_enter(&plan, &state, NULL) < 0)
		return 5;
	return state.uid != TEST_UID || state.capabilities != 0 ? 6 : 0;
}

/* What is read next was written by somebody else. */
START_TEST(test_S18_root_steps_down_before_the_sandbox_is_shut)
{
	char path[160];
	int status;
	pid_t pid;

	if (getuid() != 0)
		return;
	put_file(outside, "secret");
	snprintf(path, sizeof(path), "%s/secret", outside);
	ck_assert_int_eq(chmod(path, 0600), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(do_step_down());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		"status %#x", (unsigned)status);
}
END_TEST

static int do_low_port(const struct sandbox_state *state)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(7)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 0x1234);
	return bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ? errno : 0;
}

START_TEST(test_low_port_needs_the_plan_to_say_so)
{
	int status;

	if (getuid() != 0)
		return;
	status = in_child(do_low_port, true);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		"status %#x", (unsigned)status);
	status = in_child(do_low_port, false);
	ck_assert_int_eq(WEXITSTATUS(status), EACCES);
}
END_TEST

static int do_groups(const struct sandbox_state *state)
{
	(void)state;
	/* getgroups is not on the list: the kernel's own words count. */
	return status_field("Gid", 10) == TEST_UID &&
			status_field("Groups", 10) == TEST_UID + 1
		? 0
		: 1;
}

START_TEST(test_user_and_groups_are_the_plan_s)
{
	if (getuid() == 0)
		must_be_fine(do_groups);
}
END_TEST

static int do_files(const struct sandbox_state *state)
{
	if (open_in(inside_ro, "file", O_RDONLY) != 0)
		return 1;
	if (open_in(inside_rw, "new", O_CREAT | O_WRONLY) != 0)
		return 2;
	if (state->landlock_abi == 0)
		return 0;
	if (open_in(inside_ro, "file", O_WRONLY) != -EACCES)
		return 3;
	if (open_in(inside_ro, "new", O_CREAT | O_WRONLY) != -EACCES)
		return 4;
	if (open_in(outside, "file", O_RDONLY) != -EACCES)
		return 5;
	if (open_in("/etc", "passwd", O_RDONLY) != -EACCES)
		return 6;
	return 0;
}

START_TEST(test_files_outside_the_plan_are_out_of_reach)
{
	must_be_fine(do_files);
}
END_TEST

static int do_rename(const struct sandbox_state *state)
{
	char from[160];
	char to[160];

	(void)state;
	if (open_in(inside_rw, "a", O_CREAT | O_WRONLY) != 0)
		return 1;
	snprintf(from, sizeof(from), "%s/a", inside_rw);
	snprintf(to, sizeof(to), "%s/b", inside_rw);
	if (rename(from, to) < 0)
		return 2;
	return unlink(to) < 0 ? 3 : 0;
}

START_TEST(test_own_state_may_be_replaced_by_rename)
{
	must_be_fine(do_rename);
}
END_TEST

static int do_exec(const struct sandbox_state *state)
{
	char *const argv[] = {NULL};

	(void)state;
	execve("/bin/true", argv, argv);
	return 0;
}

START_TEST(test_program_start_kills)
{
	must_be_killed(do_exec);
}
END_TEST

static int do_setuid(const struct sandbox_state *state)
{
	(void)state;
	return (int)syscall(SYS_setresuid, 0, 0, 0);
}

START_TEST(test_getting_root_back_kills)
{
	must_be_killed(do_setuid);
}
END_TEST

/* The publisher has libraries that dial, and starts nothing all the same. */
START_TEST(test_S18_publisher_starts_no_program)
{
	needs = SANDBOX_PUBLISHES;
	must_be_killed(do_exec);
}
END_TEST

static int do_root(const struct sandbox_state *state)
{
	const struct sandbox_path path = {inside_rw, SANDBOX_WRITE};
	const struct sandbox_plan plan = {.may_be_root = true,
		.needs = SANDBOX_PUBLISHES, .paths = &path, .path_count = 1};
	struct sandbox_state own;

	(void)state;
	if (sandbox_enter(&plan, &own, NULL) < 0)
		return 1;
	if (own.uid != 0 || own.capabilities != 0 || !own.seccomp)
		return 2;
	/* The file belongs to root, its folder lets it in, the list does. */
	if (open_in(inside_rw, "file", O_RDONLY) != 0)
		return 3;
	return own.landlock_abi > 0 &&
		open_in(outside, "file", O_RDONLY) != -EACCES ? 4 : 0;
}

START_TEST(test_root_that_stays_root_keeps_no_capability)
{
	int status;
	pid_t pid;

	if (getuid() != 0)
		return;
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(do_root(NULL));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

static int do_unknown(const struct sandbox_state *state)
{
	(void)state;
	/* Neither on the list nor on that of the forbidden. */
	return syscall(SYS_mincore, 0, 0, 0) == -1 && errno == ENOSYS ? 0 : 1;
}

START_TEST(test_unknown_call_is_answered_as_by_an_old_kernel)
{
	must_be_fine(do_unknown);
}
END_TEST

#ifndef SYSCALL_FILTER_FOR_SANITIZER
static int do_process(const struct sandbox_state *state)
{
	(void)state;
	/* clone without CLONE_THREAD: what fork() would do. */
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == -1 &&
			errno == ENOSYS
		? 0
		: 1;
}

START_TEST(test_no_new_process)
{
	must_be_fine(do_process);
}
END_TEST
#endif

static int do_code(const struct sandbox_state *state)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	if (p == MAP_FAILED)
		return 1;
	if (mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0)
		return 2;
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
		? 0
		: 3;
}

START_TEST(test_memory_never_becomes_code)
{
	must_be_fine(do_code);
}
END_TEST

static int do_socket(const struct sandbox_state *state)
{
	(void)state;
	if (socket(AF_INET6, SOCK_DGRAM, 0) < 0)
		return 1;
	return socket(AF_PACKET, SOCK_RAW, 0) == -1 && errno == ENOSYS ? 0 : 2;
}

START_TEST(test_only_internet_and_local_sockets)
{
	must_be_fine(do_socket);
}
END_TEST

static void *thread_main(void *arg)
{
	*(int *)arg = (int)syscall(SYS_mincore, 0, 0, 0) == -1 ? errno : 0;
	return arg;
}

static int do_thread(const struct sandbox_state *state)
{
	pthread_t thread;
	int seen = 0;

	(void)state;
	if (pthread_create(&thread, NULL, thread_main, &seen) != 0)
		return 1;
	if (pthread_join(thread, NULL) != 0)
		return 2;
	return seen == ENOSYS ? 0 : 3;
}

START_TEST(test_threads_start_later_and_are_bound_too)
{
	must_be_fine(do_thread);
}
END_TEST

START_TEST(test_root_without_a_user_is_refused)
{
	const struct sandbox_plan plan = {.uid = 0};
	struct sandbox_state state;
	struct why why = {""};

	if (getuid() != 0)
		return;
	ck_assert_int_eq(sandbox_enter(&plan, &state, &why), -EPERM);
	ck_assert_ptr_nonnull(strstr(why.text, "root"));
}
END_TEST

/* As av-auth, access-edge and av-edge say it. */
START_TEST(test_lists_of_calls_are_short_and_named)
{
	static const unsigned NEEDS[] = {
		SANDBOX_KEEPS_FILES,
		SANDBOX_KEEPS_FILES | SANDBOX_DIALS | SANDBOX_WORKS,
		SANDBOX_RELAYS | SANDBOX_WORKS,
	};

	for (size_t i = 0; i < ARRAY_COUNT(NEEDS); i++) {
		const char *name;
		size_t n = 0;

		while ((name = sandbox_syscall_name(NEEDS[i], n)) != NULL) {
			ck_assert_str_ne(name, "execve");
			n++;
		}
		ck_assert_uint_gt(n, 40);
		ck_assert_uint_le(n, 62);
	}
}
END_TEST

#ifndef SYSCALL_FILTER_FOR_SANITIZER
/* Nobody asked for it in the plan. */
static int do_beyond_needs(const struct sandbox_state *state)
{
	char path[160];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	snprintf(path, sizeof(path), "%s/mine", inside_rw);
	if (connect(fd, NULL, 0) != -1 || errno != ENOSYS)
		return 1;
	if (rename(path, path) != -1 || errno != ENOSYS)
		return 2;
	return recvmmsg(fd, NULL, 0, 0, NULL) == -1 && errno == ENOSYS ? 0 : 3;
}

START_TEST(test_calls_that_are_not_needed_are_not_there)
{
	needs = 0;
	must_be_fine(do_beyond_needs);
}
END_TEST
#endif

static void add_filter_tests(TCase *tc)
{
	tcase_add_test(tc, test_state_is_what_the_kernel_says);
	tcase_add_test(tc, test_program_start_kills);
	tcase_add_test(tc, test_S18_publisher_starts_no_program);
	tcase_add_test(tc, test_getting_root_back_kills);
	tcase_add_test(tc, test_unknown_call_is_answered_as_by_an_old_kernel);
#ifndef SYSCALL_FILTER_FOR_SANITIZER
	tcase_add_test(tc, test_calls_that_are_not_needed_are_not_there);
	tcase_add_test(tc, test_no_new_process);
#endif
	tcase_add_test(tc, test_memory_never_becomes_code);
	tcase_add_test(tc, test_only_internet_and_local_sockets);
	tcase_add_test(tc, test_threads_start_later_and_are_bound_too);
}

int main(void)
{
	Suite *s = suite_create("run/sandbox");
	TCase *tc = tcase_create("sandbox");
	SRunner *runner;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_low_ports_are_the_only_capability_kept);
	tcase_add_test(tc,
		test_S18_root_steps_down_before_the_sandbox_is_shut);
	tcase_add_test(tc, test_low_port_needs_the_plan_to_say_so);
	tcase_add_test(tc, test_user_and_groups_are_the_plan_s);
	tcase_add_test(tc, test_files_outside_the_plan_are_out_of_reach);
	tcase_add_test(tc, test_own_state_may_be_replaced_by_rename);
	tcase_add_test(tc, test_root_without_a_user_is_refused);
	tcase_add_test(tc, test_root_that_stays_root_keeps_no_capability);
	tcase_add_test(tc, test_lists_of_calls_are_short_and_named);
	if (!under_valgrind()) {
		tcase_add_test(tc, test_daemon_ends_with_its_supervisor);
		add_filter_tests(tc);
	}
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
