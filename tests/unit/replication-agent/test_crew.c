/* Tests of replication-agent/crew.c: asking over real Unix sockets. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/err.h"
#include "replication-agent/crew.h"

static const char ANSWER[] =
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	"Connection: close\r\n\r\n"
	"{\"pid\":7,\"generation\":\"00000001-0000000000000002\","
	"\"state\":\"serving\"}";

static char dir[64];
static struct conf conf;
static int door;

static int listen_at(const char *name)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", dir, name);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&sun, sizeof(sun)),
		0);
	ck_assert_int_eq(listen(fd, 8), 0);
	return fd;
}

/* One question, answered. */
static void *answer(void *arg)
{
	char room[4096];
	int fd = accept(door, NULL, NULL);

	(void)arg;
	if (fd < 0)
		return NULL;
	if (read(fd, room, sizeof(room)) > 0)
		ck_assert_int_eq(write(fd, ANSWER, sizeof(ANSWER) - 1),
			sizeof(ANSWER) - 1);
	close(fd);
	return NULL;
}

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/sallyport-crew-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	conf.run_dir = dir;
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* A member of group sallyport may read, and so may keep the reading socket
 * full: that must not look like a crash, which takes a generation back. */
START_TEST(test_a_crowd_at_the_reading_socket_hides_no_daemon)
{
	int crowded = listen_at("access-edge.sock"); /* nobody accepts */
	pthread_t daemon;
	struct crew crew;

	door = listen_at("access-edge.admin.sock");
	ck_assert_int_eq(pthread_create(&daemon, NULL, answer, NULL), 0);
	crew_look(&crew, &conf, 2000);
	shutdown(door, SHUT_RDWR); /* if it still waits */
	pthread_join(daemon, NULL);
	ck_assert(crew.rows[CONF_ACCESS_EDGE].has_answered);
	ck_assert_int_eq(crew.rows[CONF_ACCESS_EDGE].pid, 7);
	ck_assert_str_eq(crew.rows[CONF_ACCESS_EDGE].version,
		"00000001-0000000000000002");
	ck_assert(!crew.rows[CONF_AV_EDGE].has_answered);
	close(door);
	close(crowded);
}
END_TEST

/* Silence is no refusal: who does not run, or hangs, is the watch's affair. */
START_TEST(test_a_refusal_is_told_with_its_daemon_and_silence_is_none)
{
	struct crew crew = {.rows[0] = {.has_answered = false}};
	struct why why = {""};

	ck_assert_int_eq(crew_judge(&crew, &why), 0);
	crew.rows[CONF_AV_AUTH].has_answered = true;
	crew.rows[CONF_AV_EDGE].has_answered = true;
	ck_assert_int_eq(crew_judge(&crew, &why), 0);
	crew.rows[CONF_AV_EDGE].has_refused = true;
	snprintf(crew.rows[CONF_AV_EDGE].text,
		sizeof(crew.rows[CONF_AV_EDGE].text), "no such address");
	ck_assert_int_eq(crew_judge(&crew, &why), EDGE_EREFUSED);
	ck_assert_str_eq(why.text, "av-edge: no such address");
}
END_TEST

START_TEST(test_every_daemon_has_its_word)
{
	static const char *const WORDS[] = {"not running", "took it",
		"serving", "refused"};
	struct crew crew = {.rows[0] = {.has_answered = false}};
	json_t *list;

	crew.rows[1].has_answered = true;
	crew.rows[2].has_answered = true;
	snprintf(crew.rows[2].state, sizeof(crew.rows[2].state), "serving");
	crew.rows[3] = crew.rows[2];
	crew.rows[3].has_refused = true;
	list = crew_json(&crew);
	ck_assert_uint_eq(json_array_size(list), CONF_DAEMON_COUNT);
	for (unsigned i = 0; i < 4; i++) {
		const json_t *row = json_array_get(list, i);

		ck_assert_str_eq(json_string_value(json_object_get(row,
			"name")), conf_daemon_name((enum conf_daemon)i));
		ck_assert_str_eq(json_string_value(json_object_get(row,
			"state")), WORDS[i]);
	}
	json_decref(list);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("replication-agent/crew");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_a_crowd_at_the_reading_socket_hides_no_daemon);
	tcase_add_test(tc,
		test_a_refusal_is_told_with_its_daemon_and_silence_is_none);
	tcase_add_test(tc, test_every_daemon_has_its_word);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
