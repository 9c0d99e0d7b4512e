/*
 * A control bus on a loop, its routes, and clients in threads of their own,
 * for the tests of what serves it.
 */
#ifndef TEST_BUS_BENCH_H
#define TEST_BUS_BENCH_H

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/bus/bus_client.h"
#include "common/bus/bus_server.h"

#define STRANGER_UID 61999

static struct {
	struct loop *loop;
	struct bus_server *server;
	char dir[64];
	char read_path[96];
	char admin_path[96];
	struct bus_request *kept;
	struct bus_stream *stream;
	struct loop_timer *timer;
	int changes;
	int gone;
	int lines;
} b;

static inline void get_status(struct bus_request *req, void *state)
{
	ck_assert_ptr_eq(state, &b);
	bus_reply(req, 200,
		json_pack("{s:s, s:s}", "state", "serving", "side",
			bus_query(req, "side")));
}

static inline void get_metrics(struct bus_request *req, void *state)
{
	(void)state;
	bus_reply_text(req, "text/plain", "sallyport_x 1\n# EOF\n");
}

static inline void post_change(struct bus_request *req, void *state)
{
	(void)state;
	b.changes++;
	bus_reply(req, 200, json_pack("{s:O}", "got", bus_body(req)));
}

static inline void get_later(struct bus_request *req, void *state)
{
	(void)state;
	b.kept = req;
	if (b.timer != NULL)
		loop_timer_start(b.timer, 20);
}

static inline void on_gone(struct bus_stream *s, void *arg)
{
	ck_assert_ptr_eq(arg, &b);
	ck_assert_ptr_eq(s, b.stream);
	b.stream = NULL;
	b.gone++;
	loop_stop(b.loop);
}

static inline void get_stream(struct bus_request *req, void *state)
{
	(void)state;
	b.stream = bus_stream_start(req, on_gone, &b);
	ck_assert_ptr_nonnull(b.stream);
	for (int i = 0; i < 3; i++)
		bus_stream_line(b.stream, json_pack("{s:i}", "n", i));
}

static inline void get_open(struct bus_request *req, void *state)
{
	(void)state;
	ck_assert_ptr_nonnull(bus_stream_start(req, NULL, NULL));
}

static const char *const change_fields[] = {"n", NULL};
static const struct bus_route routes[] = {
	{"GET", "/v1/status", BUS_READ, NULL, "", get_status},
	{"GET", "/metrics", BUS_READ, NULL, "", get_metrics},
	{"GET", "/v1/later", BUS_READ, NULL, "", get_later},
	{"GET", "/v1/stream", BUS_READ, NULL, "", get_stream},
	{"GET", "/v1/open", BUS_READ, NULL, "", get_open},
	{"POST", "/v1/change", BUS_CHANGE, change_fields, "", post_change},
};
static const struct bus_route *const tables[] = {routes};
static const size_t counts[] = {ARRAY_COUNT(routes)};
static void *const states[] = {&b};

static inline void quiet(const char *line, void *arg)
{
	(void)line;
	(void)arg;
}

static inline void setup(void)
{
	struct bus_server_spec spec = {
		.read_group = getuid() == 0 ? 61190 : (gid_t)-1,
		.admin_group = getuid() == 0 ? 61191 : (gid_t)-1,
		.agent_uid = (uid_t)-1,
		.tables = tables,
		.table_counts = counts,
		.table_count = 1,
		.states = states,
	};
	struct why why = {""};

	memset(&b, 0, sizeof(b));
	signal(SIGPIPE, SIG_IGN); /* as every daemon does */
	log_capture(quiet, NULL);
	snprintf(b.dir, sizeof(b.dir), "/tmp/test_bus.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(b.dir));
	ck_assert_int_eq(chmod(b.dir, 0755), 0);
	ck_assert_int_eq(bus_socket_path(b.read_path, sizeof(b.read_path),
				 b.dir, "toy", false),
		0);
	ck_assert_int_eq(bus_socket_path(b.admin_path, sizeof(b.admin_path),
				 b.dir, "toy", true),
		0);
	ck_assert_int_eq(loop_new(&b.loop), 0);
	spec.read_fd = bus_listen(b.read_path, spec.read_group, &why);
	ck_assert_msg(spec.read_fd >= 0, "%s", why.text);
	spec.admin_fd = bus_listen(b.admin_path, spec.admin_group, &why);
	ck_assert_msg(spec.admin_fd >= 0, "%s", why.text);
	ck_assert_int_eq(bus_server_new(&b.server, b.loop, &spec, &why), 0);
}

static inline void teardown(void)
{
	bus_server_free(b.server);
	loop_timer_free(b.timer);
	loop_free(b.loop);
	unlink(b.read_path);
	unlink(b.admin_path);
	rmdir(b.dir);
	log_capture(NULL, NULL);
}

/* ---- a client in its own thread ----------------------------------------- */

static inline void *client_main(void *arg)
{
	void (*const *fn)(void) = arg;

	(*fn)();
	loop_stop(b.loop);
	return NULL;
}

static inline void with_client(void (*fn)(void))
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, client_main, &fn), 0);
	loop_run(b.loop);
	pthread_join(thread, NULL);
}

static inline int ask(const char *socket, const char *path, json_t *body,
	json_t **reply)
{
	struct why why = {""};
	int status = 0;
	int err = bus_ask(socket, path, body, 5000, &status, reply, &why);

	json_decref(body);
	ck_assert_msg(err == 0, "%s", why.text);
	return status;
}

static inline const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static inline int raw_connect(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static inline void raw_send(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
		(ssize_t)strlen(text));
}

#endif
