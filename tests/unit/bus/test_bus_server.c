/* The control bus over real Unix sockets: the server turns in the test's
 * thread, the client asks from another one. */
#include "bus_bench.h"

/* ---- questions and answers ---------------------------------------------- */

static void client_reads(void)
{
	json_t *reply;
	char *text;
	int status;

	ck_assert_int_eq(
		ask(b.read_path, "/v1/status?side=out%20side", NULL, &reply),
		200);
	ck_assert_str_eq(text_of(reply, "state"), "serving");
	ck_assert_str_eq(text_of(reply, "side"), "out side");
	json_decref(reply);
	ck_assert_int_eq(ask(b.admin_path, "/v1/status", NULL, &reply), 200);
	json_decref(reply);
	ck_assert_int_eq(bus_ask_text(b.read_path, "/metrics", 5000, &status,
				 &text, NULL),
		0);
	ck_assert_int_eq(status, 200);
	ck_assert_str_eq(text, "sallyport_x 1\n# EOF\n");
	free(text);
}

START_TEST(test_questions_are_answered_on_both_sockets)
{
	with_client(client_reads);
}
END_TEST

static void client_changes(void)
{
	json_t *reply;

	ck_assert_int_eq(ask(b.admin_path, "/v1/change",
				 json_pack("{s:i}", "n", 7), &reply),
		200);
	ck_assert_int_eq(json_integer_value(json_object_get(
				 json_object_get(reply, "got"), "n")),
		7);
	json_decref(reply);
	ck_assert_int_eq(ask(b.read_path, "/v1/change",
				 json_pack("{s:i}", "n", 7), &reply),
		403);
	ck_assert_str_eq(text_of(reply, "error"), "forbidden");
	json_decref(reply);
	ck_assert_int_eq(ask(b.admin_path, "/v1/change",
				 json_pack("{s:i}", "m", 7), &reply),
		400);
	json_decref(reply);
	ck_assert_int_eq(ask(b.read_path, "/v1/nothing", NULL, &reply), 404);
	json_decref(reply);
	ck_assert_int_eq(ask(b.admin_path, "/v1/change", NULL, &reply), 405);
	json_decref(reply);
}

START_TEST(test_S18_changes_only_on_the_admin_socket)
{
	with_client(client_changes);
	ck_assert_int_eq(b.changes, 1);
}
END_TEST

/* As somebody else, in a process of its own; its exit status. */
static int as_stranger(gid_t group, const char *socket, const char *path,
	bool post)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		json_t *reply = NULL;
		json_t *body = post ? json_object() : NULL;
		int http = 0;
		int err;

		if (setgroups(1, &group) < 0 ||
			setresgid(STRANGER_UID, STRANGER_UID, STRANGER_UID) ||
			setresuid(STRANGER_UID, STRANGER_UID, STRANGER_UID))
			_exit(1);
		err = bus_ask(socket, path, body, 5000, &http, &reply, NULL);
		if (err == -EACCES)
			_exit(2);
		_exit(err < 0 ? 3 : http / 2);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		loop_turn(b.loop, 10);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(test_S18_another_local_user_is_refused)
{
	if (getuid() != 0)
		return;
	/* The socket's mode keeps other users out at once. */
	ck_assert_int_eq(as_stranger(1, b.read_path, "/v1/status", false), 2);
	ck_assert_int_eq(as_stranger(1, b.admin_path, "/v1/change", true), 2);
	/* Members come in, each to what is theirs. */
	ck_assert_int_eq(
		as_stranger(61190, b.read_path, "/v1/status", false), 100);
	ck_assert_int_eq(
		as_stranger(61190, b.admin_path, "/v1/change", true), 2);
	ck_assert_int_eq(
		as_stranger(61191, b.admin_path, "/v1/change", true), 100);
	/* Should the mode be lost, the kernel's word still decides. */
	ck_assert_int_eq(chmod(b.read_path, 0666), 0);
	ck_assert_int_eq(chmod(b.admin_path, 0666), 0);
	ck_assert_int_eq(
		as_stranger(1, b.read_path, "/v1/status", false), 403 / 2);
	ck_assert_int_eq(
		as_stranger(1, b.admin_path, "/v1/change", true), 403 / 2);
	ck_assert_int_eq(
		as_stranger(61190, b.admin_path, "/v1/change", true), 403 / 2);
	ck_assert_int_eq(b.changes, 1);
}
END_TEST

static void client_torn(void)
{
	const char *text = "POST /v1/change HTTP/1.1\r\nHost: x\r\n"
			   "Content-Length: 7\r\n\r\n{\"n\":1}";
	char reply[512] = "";
	int fd = raw_connect(b.admin_path);

	for (; *text != '\0'; text++) {
		ck_assert_int_eq(send(fd, text, 1, MSG_NOSIGNAL), 1);
		usleep(200);
	}
	ck_assert_int_gt(recv(fd, reply, sizeof(reply) - 1, 0), 0);
	ck_assert_ptr_nonnull(strstr(reply, "200 OK"));
	close(fd);
}

START_TEST(test_torn_request_is_put_together)
{
	with_client(client_torn);
	ck_assert_int_eq(b.changes, 1);
}
END_TEST

static void client_big(void)
{
	char reply[512] = "";
	char line[1024];
	int fd = raw_connect(b.admin_path);

	raw_send(fd, "POST /v1/change HTTP/1.1\r\nHost: x\r\n"
		     "Content-Length: 99999999\r\n\r\n{");
	ck_assert_int_gt(recv(fd, reply, sizeof(reply) - 1, 0), 0);
	ck_assert_ptr_nonnull(strstr(reply, " 413 "));
	close(fd);

	memset(line, 'a', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	memcpy(line, "X-A: ", 5);
	memcpy(line + sizeof(line) - 3, "\r\n", 2);
	fd = raw_connect(b.admin_path);
	raw_send(fd, "GET /v1/status HTTP/1.1\r\n");
	for (int i = 0; i < 10; i++)
		send(fd, line, strlen(line), MSG_NOSIGNAL);
	memset(reply, 0, sizeof(reply));
	if (recv(fd, reply, sizeof(reply) - 1, 0) > 0)
		ck_assert_ptr_nonnull(strstr(reply, " 400 "));
	close(fd);
}

START_TEST(test_oversized_requests_are_refused)
{
	with_client(client_big);
	ck_assert_int_eq(b.changes, 0);
}
END_TEST

/* ---- lifetimes ---------------------------------------------------------- */

static void answer_kept(void *arg)
{
	(void)arg;
	bus_reply(b.kept, 200, json_object());
	b.kept = NULL;
}

static void client_later(void)
{
	json_t *reply;

	ck_assert_int_eq(ask(b.read_path, "/v1/later", NULL, &reply), 200);
	json_decref(reply);
}

START_TEST(test_answer_may_come_later)
{
	ck_assert_int_eq(loop_timer_new(&b.timer, b.loop, answer_kept, NULL),
		0);
	with_client(client_later);
}
END_TEST

static void client_leaves(void)
{
	int fd = raw_connect(b.read_path);

	raw_send(fd, "GET /v1/later HTTP/1.1\r\nHost: x\r\n\r\n");
	usleep(20000);
	close(fd);
	usleep(20000);
}

START_TEST(test_answer_after_the_client_left_goes_nowhere)
{
	with_client(client_leaves);
	ck_assert_ptr_nonnull(b.kept);
	for (int i = 0; i < 5; i++)
		loop_turn(b.loop, 5);
	answer_kept(NULL);
	for (int i = 0; i < 5; i++)
		loop_turn(b.loop, 5);
}
END_TEST

START_TEST(test_answer_after_the_server_is_gone_goes_nowhere)
{
	int fd = raw_connect(b.read_path);

	raw_send(fd, "GET /v1/later HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 20 && b.kept == NULL; i++)
		loop_turn(b.loop, 10);
	ck_assert_ptr_nonnull(b.kept);
	bus_server_free(b.server);
	b.server = NULL;
	answer_kept(NULL);
	close(fd);
}
END_TEST

static void client_two_on_one(void)
{
	char reply[2048] = "";
	size_t n = 0;
	int fd = raw_connect(b.read_path);

	raw_send(fd, "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"
		     "GET /v1/status?side=b HTTP/1.1\r\nHost: x\r\n\r\n");
	while (strstr(reply, "\"b\"") == NULL) {
		ssize_t got = recv(fd, reply + n, sizeof(reply) - 1 - n, 0);

		ck_assert_int_gt(got, 0);
		n += (size_t)got;
	}
	close(fd);
}

START_TEST(test_pipelined_questions_are_answered_in_turn)
{
	with_client(client_two_on_one);
}
END_TEST

/* ---- streams ------------------------------------------------------------ */

static int count_lines(const json_t *line, void *arg)
{
	(void)arg;
	ck_assert_int_eq(json_integer_value(json_object_get(line, "n")),
		b.lines);
	return ++b.lines == 3 ? 1 : 0;
}

static void client_follows(void)
{
	ck_assert_int_eq(
		bus_follow(b.read_path, "/v1/stream", count_lines, NULL, NULL),
		0);
	usleep(20000);
}

START_TEST(test_stream_lines_arrive_and_leaving_is_noticed)
{
	with_client(client_follows);
	for (int i = 0; i < 50 && b.gone == 0; i++)
		loop_turn(b.loop, 10);
	ck_assert_int_eq(b.lines, 3);
	ck_assert_int_eq(b.gone, 1);
}
END_TEST

static void end_stream(void *arg)
{
	(void)arg;
	bus_stream_end(b.stream);
	b.stream = NULL;
}

static int count_all(const json_t *line, void *arg)
{
	(void)line;
	(void)arg;
	if (++b.lines == 3)
		ck_assert_int_eq(loop_post(b.loop, end_stream, NULL), 0);
	return 0;
}

static void client_until_end(void)
{
	ck_assert_int_eq(
		bus_follow(b.read_path, "/v1/stream", count_all, NULL, NULL),
		0);
}

START_TEST(test_stream_can_be_ended_by_us)
{
	with_client(client_until_end);
	ck_assert_int_eq(b.gone, 0);
}
END_TEST

START_TEST(test_slow_reader_is_cut)
{
	int fd = raw_connect(b.read_path);
	char filler[1024];

	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	raw_send(fd, "GET /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 20 && b.stream == NULL; i++)
		loop_turn(b.loop, 10);
	for (int i = 0; i < 4000 && b.stream != NULL; i++) {
		bus_stream_line(b.stream, json_pack("{s:s}", "x", filler));
		loop_turn(b.loop, 0);
	}
	ck_assert_int_eq(b.gone, 1);
	close(fd);
}
END_TEST

START_TEST(test_streams_end_with_the_server)
{
	int fd = raw_connect(b.read_path);

	raw_send(fd, "GET /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 20 && b.stream == NULL; i++)
		loop_turn(b.loop, 10);
	bus_server_free(b.server);
	b.server = NULL;
	ck_assert_int_eq(b.gone, 1);
	close(fd);
}
END_TEST

/* ---- sockets ------------------------------------------------------------ */

START_TEST(test_socket_has_mode_and_group)
{
	struct stat st;

	ck_assert_int_eq(stat(b.admin_path, &st), 0);
	if (getuid() == 0) {
		ck_assert_uint_eq(st.st_mode & 07777, 0660);
		ck_assert_uint_eq(st.st_gid, 61191);
	} else {
		ck_assert_uint_eq(st.st_mode & 07777, 0600);
	}
}
END_TEST

START_TEST(test_live_socket_is_not_taken_over)
{
	struct why why = {""};

	ck_assert_int_eq(bus_listen(b.read_path, (gid_t)-1, &why), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(why.text, b.read_path));
}
END_TEST

START_TEST(test_stale_socket_is_replaced_a_file_is_not)
{
	struct why why = {""};
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/stale.sock", b.dir);
	fd = bus_listen(path, (gid_t)-1, &why);
	ck_assert_int_ge(fd, 0);
	close(fd);
	fd = bus_listen(path, (gid_t)-1, &why);
	ck_assert_msg(fd >= 0, "%s", why.text);
	close(fd);
	unlink(path);
	fclose(fopen(path, "w"));
	ck_assert_int_eq(bus_listen(path, (gid_t)-1, &why), -EEXIST);
	unlink(path);
}
END_TEST

START_TEST(test_asking_nobody_says_what_to_do)
{
	struct why why = {""};
	json_t *reply;
	int status;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/nobody.sock", b.dir);
	ck_assert_int_eq(
		bus_ask(path, "/v1/status", NULL, 1000, &status, &reply, &why),
		-ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, "edgectl up"));
	fd = bus_listen(path, (gid_t)-1, &why);
	close(fd);
	ck_assert_int_eq(
		bus_ask(path, "/v1/status", NULL, 1000, &status, &reply, &why),
		-ECONNREFUSED);
	unlink(path);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bus/server");
	TCase *tc = tcase_create("server");
	SRunner *runner;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, test_questions_are_answered_on_both_sockets);
	tcase_add_test(tc, test_S18_changes_only_on_the_admin_socket);
	tcase_add_test(tc, test_S18_another_local_user_is_refused);
	tcase_add_test(tc, test_torn_request_is_put_together);
	tcase_add_test(tc, test_oversized_requests_are_refused);
	tcase_add_test(tc, test_answer_may_come_later);
	tcase_add_test(tc, test_answer_after_the_client_left_goes_nowhere);
	tcase_add_test(tc, test_answer_after_the_server_is_gone_goes_nowhere);
	tcase_add_test(tc, test_pipelined_questions_are_answered_in_turn);
	tcase_add_test(tc, test_stream_lines_arrive_and_leaving_is_noticed);
	tcase_add_test(tc, test_stream_can_be_ended_by_us);
	tcase_add_test(tc, test_slow_reader_is_cut);
	tcase_add_test(tc, test_streams_end_with_the_server);
	tcase_add_test(tc, test_socket_has_mode_and_group);
	tcase_add_test(tc, test_live_socket_is_not_taken_over);
	tcase_add_test(tc, test_stale_socket_is_replaced_a_file_is_not);
	tcase_add_test(tc, test_asking_nobody_says_what_to_do);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
