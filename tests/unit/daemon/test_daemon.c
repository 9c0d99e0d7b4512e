/*
 * The life of a daemon, with a toy in place of a real one: it runs in a
 * process of its own, sandboxed, and is asked over its control bus.
 */
#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <jansson.h>
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
#include "common/daemon/daemon.h"
#include "common/store/generation.h"
#include "common/store/topology_yaml.h"
#include "tests/unit/net/pki.h"

/* ---- the toy ---------------------------------------------------------------- */

enum { TOY_STEPS };

static const struct counter_def toy_counters[] = {
	[TOY_STEPS] = {"steps", NULL, COUNTER_TOTAL, "", "Steps of the toy"},
};

struct toy {
	struct daemon *d;
	struct tls_watch *tls;
	char domain[256];
	size_t busy;
	int applied;
	int swapped;
	bool is_drained;
};

static int toy_start(struct daemon *d, void **state, struct why *why)
{
	struct toy *toy = calloc(1, sizeof(*toy));

	*state = toy;
	toy->d = d;
	snprintf(toy->domain, sizeof(toy->domain), "%s",
		daemon_topology(d)->default_domain);
	if (strcmp(toy->domain, "taken.test") == 0)
		return why_set(why, -EADDRINUSE,
			"10.0.0.10:5062: the port is in use");
	return daemon_tls(d, CONF_USE_INTERNAL, TLS_ROLE_SERVER,
		TLS_VERIFY_REQUIRE, &toy->tls, why);
}

static int toy_check(void *state, const struct topology *next,
	struct why *why)
{
	(void)state;
	if (strcmp(next->default_domain, "refused.test") == 0)
		return why_set(why, EDGE_ECONFIG, "the toy refuses this");
	return 0;
}

static int toy_apply(void *state, struct topology *next, struct why *why)
{
	struct toy *toy = state;

	if (strcmp(next->default_domain, "late.test") == 0)
		return why_set(why, -EADDRINUSE, "the toy could not bind");
	snprintf(toy->domain, sizeof(toy->domain), "%s",
		next->default_domain);
	toy->applied++;
	return 0;
}

static void toy_certs(void *state)
{
	((struct toy *)state)->swapped++;
}

static void toy_status(void *state, json_t *status)
{
	const struct toy *toy = state;

	json_object_set_new(status, "domain", json_string(toy->domain));
	json_object_set_new(status, "applied", json_integer(toy->applied));
	json_object_set_new(status, "swapped", json_integer(toy->swapped));
	json_object_set_new(status, "drained", json_boolean(toy->is_drained));
}

static size_t toy_ports(void *state, struct daemon_port *out, size_t cap)
{
	const struct toy *toy = state;

	(void)toy;
	if (cap == 0)
		return 0;
	out[0] = (struct daemon_port){.usage = TOPOLOGY_AUTH,
		.side = TOPOLOGY_INTERNAL,
		.protocol = "toy/tcp",
		.is_open = true};
	return addr_parse_z("127.0.0.1", 5062, &out[0].address) == 0;
}

static void toy_drain(void *state, bool on)
{
	((struct toy *)state)->is_drained = on;
}

static size_t toy_busy(void *state)
{
	return ((struct toy *)state)->busy;
}

static void toy_stop(void *state)
{
	free(state);
}

static void post_busy(struct bus_request *req, void *state)
{
	struct toy *toy = state;

	toy->busy = (size_t)json_integer_value(
		json_object_get(bus_body(req), "sessions"));
	counter_add(daemon_counters(toy->d), TOY_STEPS, 1);
	daemon_event(toy->d, "toy.changed", "sessions=%zu", toy->busy);
	bus_reply(req, 200, json_object());
}

static const char *const busy_fields[] = {"sessions", NULL};
static const struct bus_route toy_routes[] = {
	{"POST", "/v1/busy", BUS_CHANGE, busy_fields, "", post_busy},
};

static const struct daemon_spec toy_spec = {
	.id = CONF_AV_AUTH,
	.summary = "a toy",
	.counters = toy_counters,
	.counter_count = ARRAY_COUNT(toy_counters),
	.routes = toy_routes,
	.route_count = ARRAY_COUNT(toy_routes),
	.start = toy_start,
	.check = toy_check,
	.apply = toy_apply,
	.certs = toy_certs,
	.ports = toy_ports,
	.status = toy_status,
	.drain = toy_drain,
	.busy = toy_busy,
	.stop = toy_stop,
};

/* ---- a place for it to live -------------------------------------------------- */

static struct {
	struct pki pki; /* its folder has everything else too */
	char conf[128];
	char state_dir[128];
	char read_path[128];
	char admin_path[128];
	char output[160];
	pid_t pid;
	int notify_fd;
} t;

static int open_to_all(const char *path, const struct stat *st, int flag,
	struct FTW *ftw)
{
	(void)flag;
	(void)ftw;
	if (S_ISLNK(st->st_mode))
		return 0;
	return chmod(path, S_ISDIR(st->st_mode) ? 0755 : 0644);
}

static int remove_one(const char *path, const struct stat *st, int flag,
	struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int activate(const char *domain, struct generation_info *info)
{
	char text[1024];
	struct topology_yaml *y;
	struct generation_stage *stage;
	struct why why = {""};
	int err;

	snprintf(text, sizeof(text),
		"domains: [%s]\n"
		"edges:\n"
		"  edge.test:\n"
		"    next_hop: fe.test\n"
		"    access:  {name: sip.%s}\n"
		"    webconf: {name: webcon.%s}\n"
		"    av:      {name: av.%s}\n"
		"    machines:\n"
		"      edge.test: {internal: 10.0.0.10, access: 198.51.100.10,"
		" webconf: 198.51.100.20, av: 198.51.100.30}\n"
		"servers:\n"
		"  fe.test: [sip, av-auth]\n",
		domain, domain, domain, domain);
	err = topology_yaml_parse(&y, "t.yaml", str_of(text), &why);
	ck_assert_msg(err == 0, "%s", why.text);
	err = generation_stage_new(&stage, t.state_dir, "test",
		topology_yaml_fill, y, &why);
	ck_assert_msg(err == 0, "%s", why.text);
	if (info != NULL)
		*info = *generation_stage_info(stage);
	err = generation_activate(stage, &why);
	ck_assert_msg(err == 0, "%s", why.text);
	topology_yaml_free(y);
	nftw(t.pki.dir, open_to_all, 16, FTW_PHYS);
	return 0;
}

static void write_conf(const char *more)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"machine: edge.test\n"
		"certificates:\n"
		"  internal: {chain: %s/edge.crt, key: %s/edge.key}\n"
		"trust: {internal: %s/ca.crt}\n"
		"run_dir: %s\n"
		"state_dir: %s\n%s",
		t.pki.dir, t.pki.dir, t.pki.dir, t.pki.dir, t.state_dir, more);
	pki_write(&t.pki, "edge.yaml", text);
}

static void setup(void)
{
	memset(&t, 0, sizeof(t));
	t.notify_fd = -1;
	pki_init(&t.pki);
	pki_ca(&t.pki, "ca");
	pki_leaf(&t.pki, "ca", "edge", "DNS:edge.test");
	snprintf(t.conf, sizeof(t.conf), "%s/edge.yaml", t.pki.dir);
	snprintf(t.state_dir, sizeof(t.state_dir), "%s/state", t.pki.dir);
	snprintf(t.output, sizeof(t.output), "%s/output", t.pki.dir);
	ck_assert_int_eq(bus_socket_path(t.read_path, sizeof(t.read_path),
				 t.pki.dir, "av-auth", false),
		0);
	ck_assert_int_eq(bus_socket_path(t.admin_path, sizeof(t.admin_path),
				 t.pki.dir, "av-auth", true),
		0);
	mkdir(t.state_dir, 0755);
	write_conf("");
}

static void teardown(void)
{
	if (t.pid > 0) {
		kill(t.pid, SIGKILL);
		waitpid(t.pid, NULL, 0);
	}
	if (t.notify_fd >= 0)
		close(t.notify_fd);
	nftw(t.pki.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- running and asking ------------------------------------------------------ */

static void be_daemon(const char *option)
{
	char name[] = "toy";
	char c[] = "-c";
	char conf[sizeof(t.conf)];
	char more[64];
	char *argv[] = {name, c, conf, more, NULL};

	snprintf(conf, sizeof(conf), "%s", t.conf);
	snprintf(more, sizeof(more), "%s", option);
	if (freopen(t.output, "w", stderr) == NULL ||
		dup2(fileno(stderr), STDOUT_FILENO) < 0)
		_exit(98);
	exit(daemon_run(&toy_spec, 4, argv));
}

static void spawn(const char *option)
{
	t.pid = fork();
	ck_assert_int_ge(t.pid, 0);
	if (t.pid == 0)
		be_daemon(option);
}

static char *output_text(void)
{
	static char text[8192];
	FILE *f = fopen(t.output, "r");
	size_t n = 0;

	if (f != NULL) {
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
	}
	text[n] = '\0';
	return text;
}

static void must_exit(int code)
{
	int status;

	ck_assert_int_eq(waitpid(t.pid, &status, 0), t.pid);
	t.pid = 0;
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == code,
		"status %#x: %s", (unsigned)status, output_text());
}

static int ask_at(const char *socket, const char *path, json_t *body,
	json_t **reply)
{
	struct why why = {""};
	int status = 0;
	int err = bus_ask(socket, path, body, 5000, &status, reply, &why);

	json_decref(body);
	ck_assert_msg(err == 0, "%s\n%s", why.text, output_text());
	return status;
}

static int post(const char *path, json_t *body, json_t **reply)
{
	return ask_at(t.admin_path, path,
		body != NULL ? body : json_object(), reply);
}

static void await_bus(void)
{
	json_t *reply;
	int status;

	for (int i = 0; i < 500; i++) {
		if (bus_ask(t.read_path, "/v1/status", NULL, 1000, &status,
			    &reply, NULL) == 0) {
			json_decref(reply);
			return;
		}
		usleep(10000);
	}
	ck_abort_msg("the daemon did not come up: %s", output_text());
}

static void start(const char *domain)
{
	activate(domain, NULL);
	spawn("--log-level=debug");
	await_bus();
}

static json_t *status_now(void)
{
	json_t *reply;

	ck_assert_int_eq(ask_at(t.read_path, "/v1/status", NULL, &reply), 200);
	return reply;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* Borrowed from nothing: compared at once. */
static void must_be(const char *key, const char *value)
{
	json_t *status = status_now();
	json_t *found = json_object_get(status, key);
	char *text = json_dumps(found, JSON_ENCODE_ANY);

	ck_assert_str_eq(text != NULL ? text : "(absent)", value);
	free(text);
	json_decref(status);
}

/* ---- start ------------------------------------------------------------------- */

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
	ck_assert(json_is_true(json_object_get(sandbox, "seccomp")));
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
	spawn("--log-level=notice");
	must_exit(2);
	ck_assert_msg(strstr(output_text(), "edgectl topology apply") != NULL,
		"%s", output_text());
}
END_TEST

START_TEST(test_R7_unknown_key_refuses_to_start)
{
	activate("one.test", NULL);
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
	activate("taken.test", NULL);
	spawn("--log-level=notice");
	must_exit(1);
	ck_assert_msg(strstr(output_text(), "av-auth: 10.0.0.10:5062") != NULL,
		"%s", output_text());
}
END_TEST

START_TEST(test_R8_unreadable_certificate_is_fatal)
{
	activate("one.test", NULL);
	unlink(pki_path(&t.pki, "edge.key"));
	spawn("--log-level=notice");
	must_exit(2);
	ck_assert_msg(strstr(output_text(), "edge.key") != NULL, "%s",
		output_text());
}
END_TEST

START_TEST(test_check_option_changes_nothing)
{
	activate("one.test", NULL);
	spawn("--check");
	must_exit(0);
	ck_assert_msg(strstr(output_text(), "are fine") != NULL, "%s",
		output_text());
	ck_assert_int_eq(access(t.read_path, F_OK), -1);
	activate("refused.test", NULL);
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

/* ---- reload ------------------------------------------------------------------ */

START_TEST(test_reload_takes_a_new_generation)
{
	json_t *reply;

	start("one.test");
	activate("two.test", NULL);
	must_be("domain", "\"one.test\"");
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 200);
	ck_assert(json_is_true(json_object_get(reply, "changed")));
	ck_assert_str_eq(text_of(reply, "generation"),
		"00000000-0000000000000002");
	json_decref(reply);
	must_be("domain", "\"two.test\"");
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 200);
	ck_assert(json_is_false(json_object_get(reply, "changed")));
	json_decref(reply);
	must_be("applied", "1");
}
END_TEST

START_TEST(test_R25_refused_generation_keeps_the_old_one)
{
	static const char *const bad[] = {"refused.test", "late.test"};
	json_t *before;
	json_t *status;
	json_t *reply;

	start("one.test");
	before = status_now();
	activate(bad[_i], NULL);
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 409);
	ck_assert_ptr_nonnull(strstr(text_of(reply, "text"), "the toy"));
	json_decref(reply);
	status = status_now();
	ck_assert_str_eq(text_of(status, "sha256"), text_of(before, "sha256"));
	ck_assert_str_eq(text_of(status, "domain"), "one.test");
	ck_assert_str_eq(text_of(status, "state"), "degraded");
	ck_assert_ptr_nonnull(
		strstr(text_of(json_object_get(status, "last_error"), "text"),
			"stays in force"));
	json_decref(status);
	json_decref(before);
	/* A good one afterwards is taken. */
	activate("two.test", NULL);
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 200);
	json_decref(reply);
	must_be("state", "\"serving\"");
	must_be("domain", "\"two.test\"");
}
END_TEST

START_TEST(test_R25_damaged_generation_keeps_the_old_one)
{
	struct generation_info info;
	json_t *reply;
	char path[512];
	char target[256];
	ssize_t n;
	FILE *f;

	start("one.test");
	activate("two.test", &info);
	snprintf(path, sizeof(path), "%s/topology/current", t.state_dir);
	n = readlink(path, target, sizeof(target) - 1);
	ck_assert_int_gt(n, 0);
	target[n] = '\0';
	snprintf(path, sizeof(path), "%s/topology/%s", t.state_dir, target);
	f = fopen(path, "r+");
	ck_assert_ptr_nonnull(f);
	fputs("this is not a database", f);
	fclose(f);
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 409);
	json_decref(reply);
	must_be("domain", "\"one.test\"");
}
END_TEST

START_TEST(test_check_answers_and_changes_nothing)
{
	json_t *reply;
	char path[512];
	struct why why = {""};

	start("one.test");
	activate("refused.test", NULL);
	ck_assert_int_eq(generation_current_path(t.state_dir, path,
				 sizeof(path), &why),
		0);
	ck_assert_int_eq(
		post("/v1/check", json_pack("{s:s}", "generation", path),
			&reply),
		409);
	ck_assert_str_eq(text_of(reply, "text"), "the toy refuses this");
	json_decref(reply);
	activate("two.test", NULL);
	ck_assert_int_eq(generation_current_path(t.state_dir, path,
				 sizeof(path), &why),
		0);
	ck_assert_int_eq(
		post("/v1/check", json_pack("{s:s}", "generation", path),
			&reply),
		200);
	ck_assert(json_is_true(json_object_get(reply, "ok")));
	json_decref(reply);
	must_be("domain", "\"one.test\"");
	ck_assert_int_eq(post("/v1/check", NULL, &reply), 400);
	json_decref(reply);
}
END_TEST

START_TEST(test_R5_new_certificate_is_swapped_in)
{
	json_t *reply;

	start("one.test");
	pki_leaf(&t.pki, "ca", "edge", "DNS:new.test");
	chmod(pki_path(&t.pki, "edge.key"), 0644);
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 200);
	ck_assert_int_eq(json_integer_value(
				 json_object_get(reply, "certificates")),
		1);
	json_decref(reply);
	must_be("swapped", "1");
}
END_TEST

START_TEST(test_R25_bad_certificate_keeps_the_old_one)
{
	json_t *reply;
	json_t *status;
	json_t *row;

	start("one.test");
	pki_write(&t.pki, "edge.crt", "rubbish\n");
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 409);
	ck_assert_ptr_nonnull(strstr(text_of(reply, "text"), "edge.crt"));
	json_decref(reply);
	status = status_now();
	row = json_array_get(json_object_get(status, "certificates"), 0);
	ck_assert_str_eq(json_string_value(json_array_get(
				 json_object_get(row, "names"), 0)),
		"edge.test");
	json_decref(status);
	must_be("swapped", "0");
}
END_TEST

START_TEST(test_hangup_signal_reloads)
{
	start("one.test");
	activate("two.test", NULL);
	ck_assert_int_eq(kill(t.pid, SIGHUP), 0);
	for (int i = 0; i < 200; i++) {
		json_t *status = status_now();
		bool done = strcmp(text_of(status, "domain"), "two.test") == 0;

		json_decref(status);
		if (done)
			return;
		usleep(10000);
	}
	ck_abort_msg("not reloaded: %s", output_text());
}
END_TEST

/* ---- drain and stop ---------------------------------------------------------- */

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

/* ---- events, metrics, configuration ------------------------------------------ */

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

/* ---- under a supervisor ------------------------------------------------------ */

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
	activate("one.test", NULL);
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
	tcase_add_test(tc, test_sandbox_is_on_in_the_process);
	tcase_add_test(tc, test_no_topology_says_what_to_do);
	tcase_add_test(tc, test_R7_unknown_key_refuses_to_start);
	tcase_add_test(tc, test_R8_port_in_use_is_fatal);
	tcase_add_test(tc, test_R8_unreadable_certificate_is_fatal);
	tcase_add_test(tc, test_check_option_changes_nothing);
	tcase_add_test(tc, test_wrong_option_is_a_usage_error);
	tcase_add_test(tc, test_reload_takes_a_new_generation);
	tcase_add_loop_test(tc, test_R25_refused_generation_keeps_the_old_one,
		0, 2);
	tcase_add_test(tc, test_R25_damaged_generation_keeps_the_old_one);
	tcase_add_test(tc, test_check_answers_and_changes_nothing);
	tcase_add_test(tc, test_R5_new_certificate_is_swapped_in);
	tcase_add_test(tc, test_R25_bad_certificate_keeps_the_old_one);
	tcase_add_test(tc, test_hangup_signal_reloads);
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
