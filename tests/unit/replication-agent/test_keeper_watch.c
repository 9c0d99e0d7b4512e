/*
 * The watch over a fresh generation as a whole (replication-agent/
 * keeper_activate.c), with a daemon that dies of it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "keepers.h"

/* One that answers on its bus, until a reload is the end of it; the next one
 * in its place has another pid. */
static struct {
	pthread_t thread;
	int door;
	char version[32];
	atomic_int pid;
	atomic_int reloads;
	atomic_bool dies;
} daemon_;

static void answer(int fd)
{
	char text[512];
	char room[4096];
	ssize_t n = read(fd, room, sizeof(room) - 1);

	if (n <= 0)
		return;
	room[n] = '\0';
	if (strstr(room, "/v1/reload") != NULL) {
		daemon_.reloads++;
		if (daemon_.dies) {
			daemon_.pid++;
			return;
		}
	}
	n = snprintf(text, sizeof(text),
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		"Connection: close\r\n\r\n{\"pid\":%d,\"generation\":"
		"\"%s\",\"state\":\"serving\"}", daemon_.pid,
		daemon_.version);
	(void)(write(fd, text, (size_t)n) == n);
}

static void *serve(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(daemon_.door, NULL, NULL)) >= 0) {
		answer(fd);
		close(fd);
	}
	return NULL;
}

static void start_daemon(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	signal(SIGPIPE, SIG_IGN);
	daemon_.pid = 100;
	daemon_.door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(sun.sun_path, sizeof(sun.sun_path),
		"%s/access-edge.admin.sock", state_dir);
	ck_assert_int_eq(bind(daemon_.door, (struct sockaddr *)&sun,
		sizeof(sun)), 0);
	ck_assert_int_eq(listen(daemon_.door, 8), 0);
	ck_assert_int_eq(pthread_create(&daemon_.thread, NULL, serve, NULL),
		0);
}

static void stop_daemon(void)
{
	shutdown(daemon_.door, SHUT_RDWR);
	pthread_join(daemon_.thread, NULL);
	close(daemon_.door);
}

static void is_running(uint64_t serial)
{
	generation_version_text(1, serial, daemon_.version);
}

START_TEST(test_daemon_that_has_taken_it_confirms)
{
	ck_assert_int_eq(bring(1, 1), 200);
	is_running(2);
	start_daemon();
	ck_assert_int_eq(bring(1, 2), 200);
	ck_assert_int_eq(daemon_.reloads, 1);
	ck_assert(keeper.watch.is_on);
	keeper_look(&keeper);
	ck_assert_int_eq(current_number(), 2);
	ck_assert(keeper.view.is_watching && keeper.view.is_confirmed);
	/* Who goes back to something older is looked at closely again. */
	is_running(1);
	keeper_look(&keeper);
	ck_assert(keeper.view.is_watching && !keeper.view.is_confirmed);
	stop_daemon();
}
END_TEST

/* No answer to the reload: it is dead of it, and so is the next one. */
START_TEST(test_R29_daemon_that_dies_of_the_reload_is_watched)
{
	struct pin pin;

	ck_assert_int_eq(bring(1, 1), 200);
	is_running(1);
	start_daemon();
	daemon_.dies = true;
	ck_assert_int_eq(bring(1, 2), 202);
	ck_assert_int_eq(daemon_.reloads, 1);
	keeper_look(&keeper);
	ck_assert_int_eq(current_number(), 2);
	daemon_.pid++; /* the second of the same */
	keeper_look(&keeper);
	ck_assert_int_eq(current_number(), 1);
	ck_assert(pin_read(&pin, state_dir));
	ck_assert_ptr_nonnull(strstr(pin.reason, "access-edge"));
	stop_daemon();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keeper_watch");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_daemon_that_has_taken_it_confirms);
	tcase_add_test(tc,
		test_R29_daemon_that_dies_of_the_reload_is_watched);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
