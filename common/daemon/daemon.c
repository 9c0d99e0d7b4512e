/*
 * The life of a daemon, from the command line to the leak report, in one
 * order for all of them. What is done at each station is in the other files
 * of this room; what is special to a daemon is behind its spec table.
 */
#include "common/daemon/daemon.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/bus/bus_client.h"
#include "common/daemon/daemon_life.h"
#include "common/run/ready.h"

#define CERT_POLL_MS       5000
#define GENERATION_POLL_MS 60000
#define STOP_GRACE_MS      2000

/* ---- what a daemon may ask ---------------------------------------------- */

struct loop *daemon_loop(struct daemon *d)
{
	return d->loop;
}

const struct conf *daemon_conf(const struct daemon *d)
{
	return d->conf;
}

struct topology *daemon_topology(struct daemon *d)
{
	return d->topology;
}

struct counters *daemon_counters(struct daemon *d)
{
	return &d->counters;
}

struct recall *daemon_recall(const struct daemon *d)
{
	return d->recall;
}

const struct rights *daemon_rights(const struct daemon *d)
{
	return &d->rights;
}

const char *daemon_state_dir(const struct daemon *d)
{
	return d->state_dir;
}

void daemon_event(struct daemon *d, const char *event, const char *fmt, ...)
{
	char text[WHY_LEN];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	log_notice(event, "%s", text);
	daemon_tell(d, event, text);
}

void daemon_set_note(struct daemon_note *note, bool ok, const char *text)
{
	note->at = wall_now();
	note->ok = ok;
	snprintf(note->text, sizeof(note->text), "%s", text);
}

/* ---- timers and signals ------------------------------------------------- */

static void on_cert_timer(void *arg)
{
	struct daemon *d = arg;

	daemon_poll_certs(d);
	loop_timer_start(d->cert_timer, CERT_POLL_MS);
}

static void on_generation_timer(void *arg)
{
	struct daemon *d = arg;

	daemon_poll_generation(d);
	loop_timer_start(d->generation_timer, GENERATION_POLL_MS);
}

static void on_watchdog_timer(void *arg)
{
	struct daemon *d = arg;

	ready_notify("WATCHDOG=1");
	loop_timer_start(d->watchdog_timer, ready_watchdog_ms());
}

static void on_drain_timer(void *arg)
{
	daemon_drain_tick(arg);
}

static void on_reload_signal(void *arg)
{
	struct daemon_reload result;
	struct why why = {""};

	/* The result is in the log, in status and in the events. */
	if (daemon_reload(arg, true, &result, &why) == 0)
		log_notice("reload.done", "changed=%d certificates=%d",
			result.is_changed, result.certificates);
	daemon_reload_fini(&result);
}

static void on_stop_signal(void *arg)
{
	struct daemon *d = arg;

	if (d->phase == DAEMON_STOPPING) {
		loop_stop(d->loop);
		return;
	}
	ready_notify("STOPPING=1");
	daemon_drain(d, DAEMON_STOPPING, STOP_GRACE_MS);
}

static int make_timers(struct daemon *d)
{
	const struct {
		struct loop_timer **timer;
		loop_cb *cb;
		int64_t first_ms; /* 0 = not yet */
	} rows[] = {
		{&d->cert_timer, on_cert_timer, CERT_POLL_MS},
		{&d->generation_timer, on_generation_timer,
			GENERATION_POLL_MS},
		{&d->watchdog_timer, on_watchdog_timer, ready_watchdog_ms()},
		{&d->drain_timer, on_drain_timer, 0},
	};
	int err = 0;

	for (size_t i = 0; i < ARRAY_COUNT(rows) && err == 0; i++) {
		err = loop_timer_new(rows[i].timer, d->loop, rows[i].cb, d);
		if (err == 0 && rows[i].first_ms > 0)
			loop_timer_start(*rows[i].timer, rows[i].first_ms);
	}
	if (err == 0)
		err = loop_signal_new(&d->hup, d->loop, SIGHUP,
			on_reload_signal, d);
	if (err == 0)
		err = loop_signal_new(&d->term, d->loop, SIGTERM,
			on_stop_signal, d);
	if (err == 0)
		err = loop_signal_new(&d->interrupt, d->loop, SIGINT,
			on_stop_signal, d);
	return err;
}

/* ---- the control bus ---------------------------------------------------- */

/* Handed over by the supervisor, or made here, with rights. */
static int open_bus_fd(struct daemon *d, bool admin, struct why *why)
{
	const enum rights_group group = admin ? RIGHTS_ADMIN : RIGHTS_READ;
	char path[PATH_MAX];
	int fd = ready_take_fd(admin ? "bus-admin" : "bus");
	int err;

	if (fd < 0) {
		err = bus_socket_path(path, sizeof(path), d->conf->run_dir,
			d->name, admin);
		if (err < 0)
			return why_set(why, err, "run_dir: is too long");
		fd = bus_listen(path, d->rights.groups[group], why);
		if (fd < 0)
			return fd;
	}
	d->bus_fds[admin] = fd;
	return 0;
}

static int open_bus(struct daemon *d, struct why *why)
{
	int err = open_bus_fd(d, false, why);

	return err < 0 ? err : open_bus_fd(d, true, why);
}

static int start_bus(struct daemon *d, struct why *why)
{
	const struct bus_server_spec spec = {
		.read_fd = d->bus_fds[0],
		.admin_fd = d->bus_fds[1],
		.read_group = d->rights.groups[RIGHTS_READ],
		.admin_group = d->rights.groups[RIGHTS_ADMIN],
		.agent_uid = d->rights.agent_uid,
		.tables = d->tables,
		.table_counts = d->table_counts,
		.table_count = DAEMON_TABLES,
		.states = d->table_states,
	};

	d->tables[0] = daemon_routes;
	d->table_counts[0] = daemon_route_count;
	d->table_states[0] = d;
	d->tables[1] = d->spec->routes;
	d->table_counts[1] = d->spec->route_count;
	d->table_states[1] = d->state;
	d->bus_fds[0] = -1;
	d->bus_fds[1] = -1;
	return bus_server_new(&d->bus, d->loop, &spec, why);
}

/* ---- start -------------------------------------------------------------- */

/* What libraries would open files for later on. */
static void warm_up(void)
{
	tls_warm_up();
	tzset();
}

/* With rights, and from files that only root writes. */
static int open_early(struct daemon *d, struct why *why)
{
	int err = daemon_load_conf(d, why);

	if (err == 0)
		err = rights_find(&d->rights, d->spec->id, d->conf->users,
			why);
	if (err < 0 || d->options.check_only)
		return err;
	err = daemon_make_dirs(d, why);
	return err < 0 ? err : open_bus(d, why);
}

static int load(struct daemon *d, struct why *why)
{
	int err = open_early(d, why);

	if (err == 0)
		err = daemon_step_down(d, why);
	if (err == 0 && d->spec->prepare != NULL && !d->options.check_only)
		err = d->spec->prepare(d->conf, why);
	if (err == 0)
		err = daemon_load_topology(d, why);
	if (err == 0 && daemon_may_rest(d))
		daemon_rest(d);
	return err;
}

/* Everything that edge.yaml and the topology say, without a socket. */
static int check_only(struct daemon *d, struct why *why)
{
	char version[TOPOLOGY_VERSION_LEN];
	int err = d->worker == NULL ? daemon_certs_check(d, why) : 0;

	if (err == 0)
		err = d->spec->check(NULL, d->topology, why);
	if (err == 0)
		printf("%s: %s and generation %s are fine\n", d->name,
			d->conf->path,
			topology_version_text(d->topology, version));
	return err;
}

/* As our own user, who may open low ports. */
static int open_all(struct daemon *d, struct why *why)
{
	int err = loop_new(&d->loop);

	if (err == 0)
		err = counters_init(&d->counters, d->spec->counters,
			d->spec->counter_count);
	d->recall = recall_new();
	if (d->recall == NULL)
		err = -ENOMEM;
	if (err == 0)
		err = make_timers(d);
	if (err < 0)
		return why_set(why, err, "%s", err_text(err));
	return d->spec->start(d, &d->state, why);
}

static void say_ready(struct daemon *d)
{
	char version[TOPOLOGY_VERSION_LEN];
	char text[128];

	topology_version_text(d->topology, version);
	snprintf(text, sizeof(text), "READY=1\nSTATUS=%s generation %s",
		d->worker == NULL ? "serving" : "idle, nothing for it in",
		version);
	ready_notify(text);
	if (d->worker != NULL)
		log_notice("daemon.idle", "text=\"the topology gives this "
			"machine no such service\"");
	daemon_event(d, "daemon.started",
		"version=%s generation=%s uid=%u landlock_abi=%u syscalls=%u",
		EDGE_VERSION, version, (unsigned)d->sandbox.uid,
		d->sandbox.landlock_abi, d->sandbox.syscall_count);
}

static int start(struct daemon *d, struct why *why)
{
	int err = open_all(d, why);

	if (err == 0)
		err = daemon_confine(d, why);
	if (err == 0)
		err = start_bus(d, why);
	if (err == 0 && d->spec->ready != NULL)
		err = d->spec->ready(d->state, why);
	if (err < 0)
		return err;
	d->phase = DAEMON_SERVING;
	say_ready(d);
	daemon_follow_state(d);
	return 0;
}

/* ---- end ---------------------------------------------------------------- */

static void close_all(struct daemon *d)
{
	/* The bus first: no question may find a half undone state. */
	bus_server_free(d->bus);
	d->spec->stop(d->state);
	daemon_certs_free(d);
	loop_signal_free(d->hup);
	loop_signal_free(d->term);
	loop_signal_free(d->interrupt);
	loop_timer_free(d->cert_timer);
	loop_timer_free(d->generation_timer);
	loop_timer_free(d->watchdog_timer);
	loop_timer_free(d->drain_timer);
	loop_free(d->loop);
	for (size_t i = 0; i < ARRAY_COUNT(d->bus_fds); i++) {
		if (d->bus_fds[i] >= 0)
			close(d->bus_fds[i]);
	}
	counters_fini(&d->counters);
	recall_free(d->recall);
	topology_unref(d->started_with);
	topology_unref(d->topology);
	conf_free(d->conf);
}

/* Descriptors that nobody closed, beside the standard three. */
static void report_leaks(const struct daemon *d)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	size_t open_count = 0;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		uint32_t fd; /* "." and ".." are no numbers */

		if (str_to_u32(str_of(entry->d_name), &fd) == 0 && fd > 2 &&
			fd != (uint32_t)dirfd(dir))
			open_count++;
	}
	closedir(dir);
	log_debug("daemon.left", "descriptors=%zu sessions=%zu", open_count,
		d->sessions_left);
}

/* 2 = somebody has to correct a file; trying again will not help. */
static int exit_status(int err)
{
	switch (err) {
	case 0:
		return 0;
	case EDGE_ECONFIG:
	case EDGE_EUNKNOWN:
	case EDGE_EMALFORMED:
	case EDGE_EDATABASE:
	case EDGE_ETLS:
	case -ENOENT:
	case -EACCES:
		return 2;
	default:
		return 1;
	}
}

static int live(struct daemon *d, struct why *why)
{
	int err = load(d, why);

	if (err < 0)
		return err;
	if (d->options.check_only)
		return check_only(d, why);
	err = start(d, why);
	if (err < 0)
		return err;
	loop_run(d->loop);
	d->sessions_left = daemon_busy(d);
	daemon_event(d, "daemon.stopped", "sessions=%zu", d->sessions_left);
	return 0;
}

int daemon_run(const struct daemon_spec *spec, int argc, char **argv)
{
	struct daemon *d = calloc(1, sizeof(*d));
	struct why why = {""};
	int err;

	if (d == NULL)
		return 1;
	d->spec = spec;
	d->name = conf_daemon_name(spec->id);
	d->bus_fds[0] = -1;
	d->bus_fds[1] = -1;
	d->started = mono_now();
	list_init(&d->certs);
	list_init(&d->readers);
	daemon_options_parse(&d->options, spec, argc, argv);
	if (d->options.done) {
		err = d->options.status;
		free(d);
		return err;
	}
	log_init(d->name, d->options.level, ready_is_journal());
	ready_init();
	daemon_limits();
	warm_up();
	err = live(d, &why);
	if (err < 0)
		fprintf(stderr, "%s%s: %s\n", ready_is_journal() ? "<3>" : "",
			d->name, why_text(&why, err));
	close_all(d);
	report_leaks(d);
	free(d);
	return exit_status(err);
}
