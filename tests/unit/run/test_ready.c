/* What a service manager says to us and hears from us. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/run/ready.h"

static char dir[64];
static char path[96];
static int manager;

static void setup(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	snprintf(dir, sizeof(dir), "/tmp/test_ready.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/notify", dir);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(
		bind(manager, (struct sockaddr *)&sun, sizeof(sun)), 0);
}

static void teardown(void)
{
	close(manager);
	unlink(path);
	rmdir(dir);
}

/* Run fn in a child, where descriptors and environment are its own. */
static void in_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(fn());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		"status %#x", (unsigned)status);
}

static void set_number(const char *name, unsigned long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", value);
	setenv(name, text, 1);
}

static int do_notify(void)
{
	setenv("NOTIFY_SOCKET", path, 1);
	ready_init();
	if (getenv("NOTIFY_SOCKET") != NULL)
		return 1;
	unlink(path); /* the connection is kept */
	ready_notify("READY=1\nSTATUS=fine");
	return 0;
}

START_TEST(test_messages_reach_the_manager)
{
	char text[64] = "";

	in_child(do_notify);
	ck_assert_int_gt(recv(manager, text, sizeof(text) - 1, 0), 0);
	ck_assert_str_eq(text, "READY=1\nSTATUS=fine");
}
END_TEST

static int do_abstract(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	char name[64];
	char text[16] = "";
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	int len = snprintf(name, sizeof(name), "@test_ready.%d", (int)getpid());

	memcpy(sun.sun_path, name, (size_t)len);
	sun.sun_path[0] = '\0';
	if (bind(fd, (struct sockaddr *)&sun,
		    (socklen_t)(sizeof(sun.sun_family) + (size_t)len)) < 0)
		return 1;
	setenv("NOTIFY_SOCKET", name, 1);
	ready_init();
	ready_notify("READY=1");
	return recv(fd, text, sizeof(text) - 1, 0) == 7 ? 0 : 2;
}

START_TEST(test_abstract_socket_is_understood)
{
	in_child(do_abstract);
}
END_TEST

static int do_nobody(void)
{
	static const char *const bad[] = {"", "relative", "@", "/nonexistent"};

	unsetenv("NOTIFY_SOCKET");
	ready_init();
	ready_notify("READY=1");
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		setenv("NOTIFY_SOCKET", bad[i], 1);
		ready_init();
		ready_notify("READY=1");
	}
	return ready_watchdog_ms() == 0 ? 0 : 1;
}

START_TEST(test_without_a_manager_nothing_happens)
{
	in_child(do_nobody);
}
END_TEST

static int do_watchdog(void)
{
	setenv("WATCHDOG_USEC", "30000000", 1);
	ready_init();
	if (ready_watchdog_ms() != 15000)
		return 1;
	setenv("WATCHDOG_USEC", "30000000", 1);
	set_number("WATCHDOG_PID", (unsigned long)getpid());
	ready_init();
	if (ready_watchdog_ms() != 15000)
		return 2;
	setenv("WATCHDOG_USEC", "30000000", 1);
	set_number("WATCHDOG_PID", (unsigned long)getppid());
	ready_init();
	if (ready_watchdog_ms() != 0)
		return 3;
	setenv("WATCHDOG_USEC", "soon", 1);
	ready_init();
	return ready_watchdog_ms() == 0 ? 0 : 4;
}

START_TEST(test_watchdog_is_half_the_period_and_for_us_alone)
{
	in_child(do_watchdog);
}
END_TEST

/* Two descriptors where sd_listen_fds(3) puts them. */
static void put_descriptors(void)
{
	int fd = open("/dev/null", O_RDONLY);

	dup2(fd, 10);
	dup2(10, 3);
	dup2(10, 4);
}

static int do_descriptors(void)
{
	put_descriptors();
	set_number("LISTEN_PID", (unsigned long)getpid());
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", "bus:bus-admin", 1);
	ready_init();
	if (ready_take_fd("bus-admin") != 4 || ready_take_fd("bus") != 3)
		return 1;
	if (ready_take_fd("bus") != -1 || ready_take_fd("other") != -1)
		return 2;
	if ((fcntl(3, F_GETFD) & FD_CLOEXEC) == 0)
		return 3;
	return getenv("LISTEN_FDS") == NULL ? 0 : 4;
}

START_TEST(test_descriptors_are_handed_out_once_by_name)
{
	in_child(do_descriptors);
}
END_TEST

static int do_foreign(void)
{
	put_descriptors();
	set_number("LISTEN_PID", (unsigned long)getppid());
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", "bus:bus-admin", 1);
	ready_init();
	return ready_take_fd("bus") == -1 ? 0 : 1;
}

START_TEST(test_descriptors_for_another_process_are_left_alone)
{
	in_child(do_foreign);
}
END_TEST

static int do_odd(void)
{
	put_descriptors();
	close(4);
	set_number("LISTEN_PID", (unsigned long)getpid());
	setenv("LISTEN_FDS", "99999", 1);
	setenv("LISTEN_FDNAMES", "bus", 1);
	ready_init();
	/* Closed ones are skipped, nameless ones are "unknown". */
	if (ready_take_fd("bus") != 3)
		return 1;
	return ready_take_fd("bus-admin") == -1 ? 0 : 2;
}

START_TEST(test_wrong_counts_do_no_harm)
{
	in_child(do_odd);
}
END_TEST

static int do_journal(void)
{
	char text[64];
	struct stat st;

	if (fstat(STDERR_FILENO, &st) < 0)
		return 1;
	snprintf(text, sizeof(text), "%lu:%lu", (unsigned long)st.st_dev,
		(unsigned long)st.st_ino);
	setenv("JOURNAL_STREAM", text, 1);
	if (!ready_is_journal())
		return 2;
	setenv("JOURNAL_STREAM", "1:2", 1);
	if (ready_is_journal())
		return 3;
	setenv("JOURNAL_STREAM", "rubbish", 1);
	if (ready_is_journal())
		return 4;
	unsetenv("JOURNAL_STREAM");
	return ready_is_journal() ? 5 : 0;
}

START_TEST(test_journal_is_known_by_its_stream)
{
	in_child(do_journal);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("run/ready");
	TCase *tc = tcase_create("ready");
	SRunner *runner;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_messages_reach_the_manager);
	tcase_add_test(tc, test_abstract_socket_is_understood);
	tcase_add_test(tc, test_without_a_manager_nothing_happens);
	tcase_add_test(tc, test_watchdog_is_half_the_period_and_for_us_alone);
	tcase_add_test(tc, test_descriptors_are_handed_out_once_by_name);
	tcase_add_test(tc, test_descriptors_for_another_process_are_left_alone);
	tcase_add_test(tc, test_wrong_counts_do_no_harm);
	tcase_add_test(tc, test_journal_is_known_by_its_stream);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
