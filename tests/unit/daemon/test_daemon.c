/* The life of a daemon: start, drain, stop, what it tells of itself. */
#include "tests/unit/daemon/toy.h"
#include "tests/unit/run/under_valgrind.h"

/* ---- start -------------------------------------------------------------- */

START_TEST(test_status_tells_what_is_in_force)
{
	json_t *status;
	json_t *sandbox;
	json_t *row;

	start("one.test");
	status = status_now();
	ck_assert_str_eq(text_of(status, "daemon"), "av-auth");
	ck_assert_str_eq(text_of(status, "state"), "serving");
	ck_assert_str_eq(text_of(status, "generation"),
		"00000000-0000000000000001");
	ck_assert_uint_eq(strlen(text_of(status, "sha256")), 64);
	ck_assert_str_eq(text_of(status, "machine"), "edge.test");
	ck_assert(json_is_null(json_object_get(status, "last_error")));
	row = json_array_get(json_object_get(status, "ports"), 0);
	ck_assert_str_eq(text_of(row, "usage"), "av-auth");
	ck_assert_str_eq(text_of(row, "address"), "127.0.0.1");
	row = json_array_get(json_object_get(status, "certificates"), 0);
	ck_assert_str_eq(text_of(row, "use"), "internal");
	ck_assert_str_eq(json_string_value(json_array_get(
				 json_object_get(row, "names"), 0)),
		"edge.test");
	sandbox = json_object_get(status, "sandbox");
	ck_assert(json_is_true(json_object_get(sandbox, "no_new_privs")));
	ck_assert(json_is_true(json_object_get(sandbox, "seccomp")) !=
		under_valgrind());
	ck_assert_uint_eq(
		json_array_size(json_object_get(sandbox, "capabilities")), 0);
	json_decref(status);
}
END_TEST

START_TEST(test_sandbox_is_on_in_the_process)
{
	char path[64];
	char line[256];
	unsigned seen = 0;
	FILE *f;

	start("one.test");
	snprintf(path, sizeof(path), "/proc/%d/status", (int)t.pid);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		seen += strcmp(line, "NoNewPrivs:\t1\n") == 0;
		seen += strcmp(line, "Seccomp:\t2\n") == 0;
		seen += strcmp(line, "CapEff:\t0000000000000000\n") == 0;
		seen += strncmp(line, "Uid:\t0\t", 7) != 0 &&
			strncmp(line, "Uid:", 4) == 0;
	}
	fclose(f);
	ck_assert_uint_eq(seen, 4);
}
END_TEST

START_TEST(test_no_topology_says_what_to_do)
{
	ck_assert_int_eq(chmod(t.pki.dir, 0755), 0);
	spawn("--log-level=notice");
	must_exit(2);
	ck_assert_msg(strstr(output_text(), "edgectl topology apply") != NULL,
		"%s", output_text());
}
END_TEST

/* Root could read it, the daemon that it starts could not for long. */
START_TEST(test_store_behind_a_shut_folder_says_so)
{
	if (geteuid() != 0)
		return;
	activate("one.test");
	ck_assert_int_eq(chmod(t.pki.dir, 0700), 0);
	spawn("--log-level=notice");
	must_exit(2);
	ck_assert_msg(strstr(output_text(), "every folder above") != NULL,
		"%s", output_text());
}
END_TEST

START_TEST(test_R7_unknown_key_refuses_to_start)
{
	activate("one.test");
	write_conf("worker: 3\n");
	spawn("--log-level=notice");
	must_exit(2);
	ck_assert_msg(strstr(output_text(), "edge.yaml:") != NULL &&
			strstr(output_text(), "workers") != NULL,
		"%s", output_text());
}
END_TEST

START_TEST(test_R8_port_in_use_is_fatal)
{
	activate("taken.test");
	spawn("--log-level=notice");
	must_exit(1);
	ck_assert_msg(strstr(output_text(), "av-auth: 10.0.0.10:5062") != NULL,
		"%s", output_text());
}
END_TEST

START_TEST(test_R8_unreadable_certificate_is_fatal)
{
	activate("one.test");
	unlink(pki_path(&t.pki, "edge.key"));
	spawn("--log-level=notice");
	must_exit(2);
	ck_assert_msg(strstr(output_text(), "edge.key") != NULL, "%s",
		output_text());
}
END_TEST

START_TEST(test_check_option_changes_nothing)
{
	activate("one.test");
	spawn("--check");
	must_exit(0);
	ck_assert_msg(strstr(output_text(), "are fine") != NULL, "%s",
		output_text());
	ck_assert_int_eq(access(t.read_path, F_OK), -1);
	activate("refused.test");
	spawn("--check");
	must_exit(2);
}
END_TEST

START_TEST(test_wrong_option_is_a_usage_error)
{
	spawn("--nonsense");
	must_exit(2);
	spawn("--help");
	must_exit(0);
	ck_assert_ptr_nonnull(strstr(output_text(), "--log-level LEVEL"));
}
END_TEST

/* ---- drain and stop ----------------------------------------------------- */

START_TEST(test_drain_and_resume)
{
	json_t *reply;

	start("one.test");
	ck_assert_int_eq(post("/v1/drain", json_pack("{s:i}", "deadline_s", 1),
				 &reply),
		200);
	ck_assert_str_eq(text_of(reply, "state"), "draining");
	json_decref(reply);
	must_be("drained", "true");
	ck_assert_int_eq(post("/v1/resume", NULL, &reply), 200);
	ck_assert_str_eq(text_of(reply, "state"), "serving");
	json_decref(reply);
	must_be("drained", "false");
	ck_assert_int_eq(post("/v1/drain",
				 json_pack("{s:s}", "deadline_s", "x"), &reply),
		400);
	json_decref(reply);
}
END_TEST

static void set_busy(int sessions)
{
	json_t *reply;

	ck_assert_int_eq(post("/v1/busy",
				 json_pack("{s:i}", "sessions", sessions),
				 &reply),
		200);
	json_decref(reply);
}

START_TEST(test_idle_daemon_stops_at_once)
{
	start("one.test");
	ck_assert_int_eq(kill(t.pid, SIGTERM), 0);
	must_exit(0);
	ck_assert_ptr_nonnull(strstr(output_text(), "daemon.stopped"));
}
END_TEST

START_TEST(test_busy_daemon_gets_a_short_grace)
{
	start("one.test");
	set_busy(1);
	ck_assert_int_eq(kill(t.pid, SIGTERM), 0);
	usleep(200000);
	must_be("state", "\"stopping\"");
	set_busy(0);
	must_exit(0);
}
END_TEST

START_TEST(test_second_signal_ends_the_grace)
{
	start("one.test");
	set_busy(1);
	ck_assert_int_eq(kill(t.pid, SIGTERM), 0);
	usleep(100000);
	ck_assert_int_eq(kill(t.pid, SIGTERM), 0);
	must_exit(0);
	ck_assert_ptr_nonnull(strstr(output_text(), "sessions=1"));
}
END_TEST

/* ---- events, metrics, configuration ------------------------------------- */

static int on_event(const json_t *line, void *arg)
{
	int *count = arg;

	if (strcmp(text_of(line, "event"), "events.joined") == 0)
		set_busy(3);
	*count += strcmp(text_of(line, "event"), "toy.changed") == 0;
	return *count > 0;
}

START_TEST(test_events_are_streamed)
{
	int count = 0;

	start("one.test");
	ck_assert_int_eq(bus_follow(t.read_path, "/v1/events", on_event, &count,
				 NULL),
		0);
	ck_assert_int_eq(count, 1);
}
END_TEST

START_TEST(test_metrics_and_configuration_are_shown)
{
	json_t *reply;
	char *text;
	int status;

	start("one.test");
	set_busy(3);
	ck_assert_int_eq(bus_ask_text(t.read_path, "/metrics", 5000, &status,
				 &text, NULL),
		0);
	ck_assert_ptr_nonnull(strstr(text, "sallyport_av_auth_steps_total 1"));
	free(text);
	ck_assert_int_eq(ask_at(t.read_path, "/v1/config", NULL, &reply), 200);
	ck_assert_str_eq(
		text_of(json_object_get(reply, "edge"), "machine"),
		"edge.test");
	ck_assert(json_is_object(json_object_get(
		json_object_get(reply, "settings"), "tls_min")));
	json_decref(reply);
}
END_TEST

/* ---- under a supervisor ------------------------------------------------- */

static void listen_notify(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/notify", t.pki.dir);
	t.notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(
		bind(t.notify_fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	chmod(sun.sun_path, 0666);
	setenv("NOTIFY_SOCKET", sun.sun_path, 1);
	setenv("WATCHDOG_USEC", "200000", 1);
}

static void await_message(const char *part)
{
	const struct timeval wait = {.tv_sec = 5};
	char text[512];

	setsockopt(t.notify_fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	for (int i = 0; i < 100; i++) {
		ssize_t n = recv(t.notify_fd, text, sizeof(text) - 1, 0);

		ck_assert_msg(n > 0, "no %s: %s", part, output_text());
		text[n] = '\0';
		if (strstr(text, part) != NULL)
			return;
	}
	ck_abort_msg("no %s", part);
}

START_TEST(test_supervisor_hears_of_us)
{
	activate("one.test");
	listen_notify();
	spawn("--log-level=debug");
	await_message("READY=1");
	await_message("WATCHDOG=1");
	await_message("WATCHDOG=1");
	ck_assert_int_eq(kill(t.pid, SIGTERM), 0);
	await_message("STOPPING=1");
	must_exit(0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("daemon/daemon");
	TCase *tc = tcase_create("daemon");
	SRunner *runner;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_status_tells_what_is_in_force);
	if (!under_valgrind())
		tcase_add_test(tc, test_sandbox_is_on_in_the_process);
	tcase_add_test(tc, test_no_topology_says_what_to_do);
	tcase_add_test(tc, test_store_behind_a_shut_folder_says_so);
	tcase_add_test(tc, test_R7_unknown_key_refuses_to_start);
	tcase_add_test(tc, test_R8_port_in_use_is_fatal);
	tcase_add_test(tc, test_R8_unreadable_certificate_is_fatal);
	tcase_add_test(tc, test_check_option_changes_nothing);
	tcase_add_test(tc, test_wrong_option_is_a_usage_error);
	tcase_add_test(tc, test_drain_and_resume);
	tcase_add_test(tc, test_idle_daemon_stops_at_once);
	tcase_add_test(tc, test_busy_daemon_gets_a_short_grace);
	tcase_add_test(tc, test_second_signal_ends_the_grace);
	tcase_add_test(tc, test_events_are_streamed);
	tcase_add_test(tc, test_metrics_and_configuration_are_shown);
	tcase_add_test(tc, test_supervisor_hears_of_us);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
