/* Many connections to one socket of the bus: a bound on all, and a share for
 * everybody (common/bus/bus_guests.c). */
#include "bus_bench.h"

#define CROWD 200

static size_t open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

/* Without blocking: what does not fit into the backlog is refused. */
static int try_connect(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	ck_assert_int_ge(fd, 0);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void client_asks_admin(void)
{
	json_t *reply;

	ck_assert_int_eq(ask(b.admin_path, "/v1/status", NULL, &reply), 200);
	json_decref(reply);
}

static void client_asks_often(void)
{
	json_t *reply;

	for (int i = 0; i < 2 * CROWD; i++) {
		ck_assert_int_eq(ask(b.read_path, "/v1/status", NULL, &reply),
			200);
		json_decref(reply);
	}
}

static void turn_until_gone(size_t wanted)
{
	for (int i = 0; i < 300 && open_descriptors() > wanted; i++)
		loop_turn(b.loop, 20);
	ck_assert_uint_le(open_descriptors(), wanted);
}

START_TEST(test_S18_reader_can_not_use_up_the_descriptors)
{
	const size_t before = open_descriptors();
	size_t count = 0;
	int fds[CROWD];

	for (int i = 0; i < CROWD; i++) {
		fds[count] = try_connect(b.read_path);
		count += fds[count] >= 0;
		loop_turn(b.loop, 0);
	}
	ck_assert_uint_gt(count, 100); /* they wait in the backlog */
	ck_assert_uint_le(open_descriptors() - before - count, 64);
	with_client(client_asks_admin);
	while (count > 0)
		close(fds[--count]);
	turn_until_gone(before);
	with_client(client_asks_often);
	turn_until_gone(before);
}
END_TEST

/* Somebody of the reading group, with as many connections as it gets, each
 * in the middle of something; it ends when it is told to. */
static pid_t start_greedy(bool streams)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid != 0)
		return pid;
	if (getuid() == 0 && (setgroups(0, NULL) < 0 ||
		setresgid(61190, 61190, 61190) < 0 ||
		setresuid(STRANGER_UID, STRANGER_UID, STRANGER_UID) < 0))
		_exit(1);
	alarm(60);
	for (;;) {
		int fd = try_connect(b.read_path);

		if (fd >= 0 && streams)
			(void)(send(fd, "GET /v1/open HTTP/1.1\r\n\r\n", 25,
				MSG_NOSIGNAL) > 0);
		usleep(fd < 0 ? 20000 : 1000);
		if (fd > 1000)
			_exit(0);
	}
}

static int in_time;

static void client_asks_among_many(void)
{
	struct mono began = mono_now();

	for (int i = 0; i < 20; i++) {
		json_t *reply;

		ck_assert_int_eq(ask(b.read_path, "/v1/status", NULL, &reply),
			200);
		json_decref(reply);
		usleep(10000);
	}
	in_time = mono_since_ms(began, mono_now()) < 10000;
}

START_TEST(test_S18_greedy_reader_keeps_nobody_out)
{
	pid_t pid = start_greedy(_i != 0);
	const size_t before = open_descriptors();

	for (int i = 0; i < 200; i++)
		loop_turn(b.loop, 5);
	ck_assert_uint_le(open_descriptors() - before, 64);
	with_client(client_asks_among_many);
	ck_assert(in_time);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
END_TEST

/* Who has few connections keeps them, however old they are. */
START_TEST(test_greed_costs_the_greedy_one_alone)
{
	char text[600] = "";
	int fd;
	pid_t pid;

	if (getuid() != 0)
		return;
	fd = raw_connect(b.read_path);
	raw_send(fd, "GET /v1/open HTTP/1.1\r\n\r\n");
	loop_turn(b.loop, 20);
	pid = start_greedy(true);
	for (int i = 0; i < 200; i++)
		loop_turn(b.loop, 5);
	ck_assert_int_gt(recv(fd, text, sizeof(text), MSG_DONTWAIT), 0);
	ck_assert_int_eq(recv(fd, text, sizeof(text), MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bus_guests");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_S18_reader_can_not_use_up_the_descriptors);
	tcase_add_loop_test(tc, test_S18_greedy_reader_keeps_nobody_out, 0, 2);
	tcase_add_test(tc, test_greed_costs_the_greedy_one_alone);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
