/*
 * A toy daemon for tests of its life: it runs in a process of its own,
 * sandboxed, and is asked over its control bus. Include it once per program.
 */
#ifndef TEST_DAEMON_TOY_H
#define TEST_DAEMON_TOY_H

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

/* ---- the toy ------------------------------------------------------------ */

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

static inline int toy_start(struct daemon *d, void **state, struct why *why)
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

static inline int toy_check(void *state, const struct topology *next,
	struct why *why)
{
	(void)state;
	if (strcmp(next->default_domain, "refused.test") == 0)
		return why_set(why, EDGE_ECONFIG, "the toy refuses this");
	return 0;
}

static inline int toy_apply(void *state, struct topology *next, struct why *why)
{
	struct toy *toy = state;

	if (strcmp(next->default_domain, "late.test") == 0)
		return why_set(why, -EADDRINUSE, "the toy could not bind");
	snprintf(toy->domain, sizeof(toy->domain), "%s",
		next->default_domain);
	toy->applied++;
	return 0;
}

static inline void toy_certs(void *state)
{
	((struct toy *)state)->swapped++;
}

static inline void toy_status(void *state, json_t *status)
{
	const struct toy *toy = state;

	json_object_set_new(status, "domain", json_string(toy->domain));
	json_object_set_new(status, "applied", json_integer(toy->applied));
	json_object_set_new(status, "swapped", json_integer(toy->swapped));
	json_object_set_new(status, "drained", json_boolean(toy->is_drained));
}

static inline size_t toy_ports(void *state, struct daemon_port *out, size_t cap)
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

static inline void toy_drain(void *state, bool on)
{
	((struct toy *)state)->is_drained = on;
}

static inline size_t toy_busy(void *state)
{
	return ((struct toy *)state)->busy;
}

static inline void toy_stop(void *state)
{
	free(state);
}

static inline void post_busy(struct bus_request *req, void *state)
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

/* ---- a place for it to live --------------------------------------------- */

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

static inline int open_to_all(const char *path, const struct stat *st, int flag,
	struct FTW *ftw)
{
	(void)flag;
	(void)ftw;
	if (S_ISLNK(st->st_mode))
		return 0;
	return chmod(path, S_ISDIR(st->st_mode) ? 0755 : 0644);
}

static inline int remove_one(const char *path, const struct stat *st, int flag,
	struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* This topology.yaml becomes current. */
static inline void activate_text(const char *text)
{
	struct topology_yaml *y;
	struct generation_stage *stage;
	struct why why = {""};
	int err = topology_yaml_parse(&y, "t.yaml", str_of(text), &why);

	ck_assert_msg(err == 0, "%s", why.text);
	err = generation_stage_new(&stage, t.state_dir, "test",
		topology_yaml_fill, y, &why);
	ck_assert_msg(err == 0, "%s", why.text);
	err = generation_activate(stage, &why);
	ck_assert_msg(err == 0, "%s", why.text);
	topology_yaml_free(y);
	nftw(t.pki.dir, open_to_all, 16, FTW_PHYS);
}

/* The topology of that domain, with more at its end, becomes current. */
static inline void write_topology(const char *domain, const char *more)
{
	char text[1024];

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
		"  fe.test: [sip, av-auth]\n%s",
		domain, domain, domain, domain, more);
	activate_text(text);
}

static inline void activate(const char *domain)
{
	write_topology(domain, "");
}

static inline void write_conf(const char *more)
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

static inline void setup(void)
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

static inline void teardown(void)
{
	if (t.pid > 0) {
		kill(t.pid, SIGKILL);
		waitpid(t.pid, NULL, 0);
	}
	if (t.notify_fd >= 0)
		close(t.notify_fd);
	nftw(t.pki.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- running and asking ------------------------------------------------- */

static inline void be_daemon(const char *option)
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

static inline void spawn(const char *option)
{
	t.pid = fork();
	ck_assert_int_ge(t.pid, 0);
	if (t.pid == 0)
		be_daemon(option);
}

static inline char *output_text(void)
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

static inline void must_exit(int code)
{
	int status;

	ck_assert_int_eq(waitpid(t.pid, &status, 0), t.pid);
	t.pid = 0;
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == code,
		"status %#x: %s", (unsigned)status, output_text());
}

static inline int ask_at(const char *socket, const char *path, json_t *body,
	json_t **reply)
{
	struct why why = {""};
	int status = 0;
	int err = bus_ask(socket, path, body, 5000, &status, reply, &why);

	json_decref(body);
	ck_assert_msg(err == 0, "%s\n%s", why.text, output_text());
	return status;
}

static inline int post(const char *path, json_t *body, json_t **reply)
{
	return ask_at(t.admin_path, path,
		body != NULL ? body : json_object(), reply);
}

static inline void await_bus(void)
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

static inline void start(const char *domain)
{
	activate(domain);
	spawn("--log-level=debug");
	await_bus();
}

static inline json_t *status_now(void)
{
	json_t *reply;

	ck_assert_int_eq(ask_at(t.read_path, "/v1/status", NULL, &reply), 200);
	return reply;
}

static inline const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* Borrowed from nothing: compared at once. */
static inline void must_be(const char *key, const char *value)
{
	json_t *status = status_now();
	json_t *found = json_object_get(status, key);
	char *text = json_dumps(found, JSON_ENCODE_ANY);

	ck_assert_str_eq(text != NULL ? text : "(absent)", value);
	free(text);
	json_decref(status);
}

#endif
