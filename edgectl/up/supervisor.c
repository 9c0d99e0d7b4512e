/*
 * All children of `edgectl up` together: order of start, readiness, stop,
 * signals. A single child is child.c's, directories and owners place.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/bus/bus_client.h"
#include "common/bus/bus_server.h"
#include "common/run/loop.h"
#include "common/run/ready.h"
#include "common/run/rights.h"
#include "edgectl/daemons.h"
#include "edgectl/up/child.h"
#include "edgectl/up/supervisor.h"

/* A daemon drains before it ends; after this it is killed. */
#define STOP_GRACE_MS 5000

struct member {
	struct child *child; /* owned; NULL = not run here */
	int bus_fd;          /* owned */
	int admin_fd;
	char bus_path[PATH_MAX];
	char admin_path[PATH_MAX];
};

struct supervisor {
	struct supervisor_spec spec;
	struct rights rights;
	struct loop *loop;
	struct loop_signal *signals[5];
	struct member members[CONF_DAEMON_COUNT];
	int lock_fd;
	bool told_ready;
	bool is_stopping;
	int failure; /* what supervisor_run returns */
	struct why why;
};

/* ---- reactions ---- */

static bool all_in(const struct supervisor *s, enum child_state state)
{
	for (size_t i = 0; i < CONF_DAEMON_COUNT; i++)
		if (s->members[i].child != NULL &&
			child_state(s->members[i].child) != state)
			return false;
	return true;
}

static void stop_all(struct supervisor *s)
{
	s->is_stopping = true;
	ready_notify("STOPPING=1");
	/* Against the order of start: who is asked last ends last. */
	for (size_t i = CONF_DAEMON_COUNT; i-- > 0;)
		if (s->members[i].child != NULL)
			child_stop(s->members[i].child, STOP_GRACE_MS);
	if (all_in(s, CHILD_IDLE))
		loop_stop(s->loop);
}

/* One after the other, in the order of enum conf_daemon: who makes a key
 * is there before who reads it. */
static void start_next(struct supervisor *s)
{
	for (size_t i = 0; i < CONF_DAEMON_COUNT; i++) {
		struct child *c = s->members[i].child;

		if (c == NULL || child_state(c) == CHILD_READY)
			continue;
		if (child_state(c) == CHILD_IDLE)
			child_start(c);
		return;
	}
}

static void on_child(struct child *c, void *arg)
{
	struct supervisor *s = arg;

	if (s->is_stopping) {
		if (all_in(s, CHILD_IDLE))
			loop_stop(s->loop);
		return;
	}
	if (!s->told_ready && child_is_stillborn(c)) {
		s->failure = why_set(&s->why, -ECANCELED,
			"%s did not start; its own message is above",
			child_name(c));
		stop_all(s);
		return;
	}
	if (s->told_ready)
		return;
	start_next(s);
	if (all_in(s, CHILD_READY)) {
		s->told_ready = true;
		ready_notify("READY=1");
		s->spec.on_ready(s->spec.arg);
	}
}

static void on_sigchld(void *arg)
{
	struct supervisor *s = arg;

	/* Each by its own pid: what else lives here is not ours. */
	for (size_t i = 0; i < CONF_DAEMON_COUNT; i++) {
		struct child *c = s->members[i].child;
		int status;

		if (c == NULL || child_pid(c) < 0)
			continue;
		if (waitpid(child_pid(c), &status, WNOHANG) == child_pid(c))
			child_ended(c, status);
	}
}

static void on_sighup(void *arg)
{
	struct supervisor *s = arg;

	for (size_t i = 0; i < CONF_DAEMON_COUNT; i++)
		if (s->members[i].child != NULL)
			child_reload(s->members[i].child);
}

static void on_sigterm(void *arg)
{
	struct supervisor *s = arg;

	log_notice("up.stopping", "reason=signal");
	stop_all(s);
}

/* ---- making it ---- */

static int take_lock(struct supervisor *s, struct why *why)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/up.lock", s->spec.conf->run_dir);
	s->lock_fd =
		open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->lock_fd < 0)
		return why_set(why, -errno, "%s: %s", path, strerror(errno));
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return why_set(why, -EBUSY,
			"%s: another 'edgectl up' runs "
			"here; stop it first",
			path);
	return 0;
}

static int open_bus(struct supervisor *s, struct member *m, const char *daemon,
	struct why *why)
{
	const char *run_dir = s->spec.conf->run_dir;
	int err;

	err = bus_socket_path(m->bus_path, sizeof(m->bus_path), run_dir, daemon,
		false);
	if (err == 0)
		err = bus_socket_path(m->admin_path, sizeof(m->admin_path),
			run_dir, daemon, true);
	if (err != 0)
		return why_set(why, err, "run_dir %s: path too long", run_dir);
	m->bus_fd = bus_listen(m->bus_path, s->rights.groups[RIGHTS_READ], why);
	if (m->bus_fd < 0)
		return m->bus_fd;
	m->admin_fd =
		bus_listen(m->admin_path, s->rights.groups[RIGHTS_ADMIN], why);
	return m->admin_fd < 0 ? m->admin_fd : 0;
}

static int add_member(struct supervisor *s, enum conf_daemon id,
	struct why *why)
{
	struct member *m = &s->members[id];
	const char *name = conf_daemon_name(id);
	char path[PATH_MAX];
	char notify[PATH_MAX];
	struct child_spec spec;
	int err;

	if (daemons_find_program(id, path, sizeof(path)) != 0)
		return why_set(why, -ENOENT,
			"%s: program not found, neither "
			"beside edgectl nor in PATH",
			name);
	err = open_bus(s, m, name, why);
	if (err != 0)
		return err;
	snprintf(notify, sizeof(notify), "%s/%s.notify", s->spec.conf->run_dir,
		name);
	spec = (struct child_spec){
		.name = name,
		.path = path,
		.conf_path = s->spec.conf->path,
		.log_level = s->spec.log_level,
		.notify_path = notify,
		.bus_fd = m->bus_fd,
		.admin_fd = m->admin_fd,
	};
	return child_new(&m->child, s->loop, &spec, on_child, s, why);
}

static int watch_signals(struct supervisor *s)
{
	static const struct {
		int signo;
		loop_cb *cb;
	} ROWS[] = {
		{SIGCHLD, on_sigchld},
		{SIGTERM, on_sigterm},
		{SIGINT, on_sigterm},
		{SIGHUP, on_sighup},
		{SIGQUIT, on_sigterm},
	};
	int err = 0;

	for (size_t i = 0; err == 0 && i < ARRAY_COUNT(ROWS); i++)
		err = loop_signal_new(&s->signals[i], s->loop, ROWS[i].signo,
			ROWS[i].cb, s);
	return err;
}

int supervisor_new(struct supervisor **out, const struct supervisor_spec *spec,
	struct why *why)
{
	struct supervisor *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (s == NULL)
		return err;
	s->spec = *spec;
	s->lock_fd = -1;
	for (size_t i = 0; i < CONF_DAEMON_COUNT; i++)
		s->members[i].bus_fd = s->members[i].admin_fd = -1;
	err = rights_find(&s->rights, CONF_AV_AUTH, spec->conf->users, why);
	if (err != 0)
		goto out;
	err = take_lock(s, why);
	if (err != 0)
		goto out;
	err = loop_new(&s->loop);
	if (err == 0)
		err = watch_signals(s);
	for (size_t i = 0; err == 0 && i < CONF_DAEMON_COUNT; i++)
		if (spec->wanted[i])
			err = add_member(s, (enum conf_daemon)i, why);
	if (err != 0)
		goto out;
	*out = s;
	s = NULL;
out:
	supervisor_free(s);
	return err;
}

int supervisor_run(struct supervisor *s, struct why *why)
{
	start_next(s);
	loop_run(s->loop);
	*why = s->why;
	return s->failure;
}

static void close_member(struct member *m)
{
	child_free(m->child);
	if (m->bus_fd >= 0) {
		close(m->bus_fd);
		unlink(m->bus_path);
	}
	if (m->admin_fd >= 0) {
		close(m->admin_fd);
		unlink(m->admin_path);
	}
}

void supervisor_free(struct supervisor *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < CONF_DAEMON_COUNT; i++)
		close_member(&s->members[i]);
	for (size_t i = 0; i < ARRAY_COUNT(s->signals); i++)
		loop_signal_free(s->signals[i]);
	loop_free(s->loop);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s);
}
