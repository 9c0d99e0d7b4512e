/*
 * The daemon's life between its parts: what happens at start, when a new
 * topology comes, each second, at the end. Called by common/daemon through
 * the table in main.c.
 */
#include "replication-agent/agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/store/pin.h"
#include "common/store/topology.h"
#include "replication-agent/vault.h"

#define TICK_MS      500
#define LOOK_TICKS   30 /* between looks at daemons that are well */
#define WATCH_TICKS  2  /* while they are watched, once all have confirmed: a
			 * service manager waits a second before it restarts */
#define NO_RIGHT_MAX (64u << 10)

/* ---- what follows from a snapshot --------------------------------------- */

static const struct setting_set *settings_of(const struct topology *t)
{
	return topology_settings(t, "replication-agent");
}

static struct guest_limits limits_of(const struct topology *t)
{
	const struct setting_set *set = settings_of(t);
	const int64_t header_ms =
		1000 * (int64_t)setting_duration_s(set, "header_timeout");

	return (struct guest_limits){
		.handshake_ms = header_ms,
		.header_ms = header_ms,
		.request_ms = 1000 *
			(int64_t)setting_duration_s(set, "upload_timeout"),
		.no_right_max = NO_RIGHT_MAX,
	};
}

static void take_snapshot(struct agent *a, struct topology *t)
{
	const struct setting_set *set = settings_of(t);
	const struct keeper_settings settings = {
		.confirm_ms =
			1000 * (int64_t)setting_duration_s(set, "confirm"),
		.check_timeout_ms = 1000 *
			(int)setting_duration_s(set, "check_timeout"),
		.auto_revert = setting_bool(set, "auto_revert"),
	};
	struct topology *before = a->topology;

	a->topology = topology_ref(t);
	a->is_bare = t->pool[0] == '\0';
	topology_unref(before);
	keeper_set(&a->keeper, &settings);
}

static size_t addresses_of(const struct agent *a, const struct topology *t,
	struct addr out[static HTTPS_PORTS_MAX])
{
	struct record_facts facts;
	size_t count = 0;

	for (size_t i = 0; i < t->listener_count && count < HTTPS_PORTS_MAX;
		i++)
		if (t->listeners[i].usage == TOPOLOGY_REPLICATION)
			out[count++] = t->listeners[i].address;
	if (count > 0)
		return count;
	/* Without a topology, or switched off by it: where we listened
	 * before, or nobody could switch us on again. */
	record_get(a->keeper.record, &facts);
	for (size_t i = 0; i < RECORD_LISTEN_MAX && count < HTTPS_PORTS_MAX;
		i++)
		if (addr_parse_z(facts.listen[i], 0, &out[count]) == 0)
			count++;
	return count;
}

static int listen_on(struct agent *a, const struct topology *t,
	struct why *why)
{
	struct addr addrs[HTTPS_PORTS_MAX];
	const size_t count = addresses_of(a, t, addrs);

	return https_listen(a->https, addrs, count,
		!t->lab || t->sides_separated, why);
}

/* For days without a topology. */
static void remember_ports(struct agent *a)
{
	struct https_port ports[HTTPS_PORTS_MAX];
	const size_t count = https_ports(a->https, ports, HTTPS_PORTS_MAX);
	char listen[RECORD_LISTEN_MAX][ADDR_TEXT_LEN] = {""};
	struct why why = {""};

	for (size_t i = 0; i < count && i < RECORD_LISTEN_MAX; i++)
		addr_text(&ports[i].address, listen[i]);
	if (record_set_listen(a->keeper.record, listen, &why) < 0)
		log_error("record.unsaved", "text=%s", log_qz(why.text));
}

/* ---- looking at the daemons --------------------------------------------- */

struct look_job {
	struct job job;
	struct agent *agent;
};

static void run_look(struct job *job)
{
	struct look_job *l = container_of(job, struct look_job, job);

	keeper_look(&l->agent->keeper);
}

static void done_look(struct job *job)
{
	struct look_job *l = container_of(job, struct look_job, job);

	l->agent->is_looking = false;
	api_poke(l->agent);
	free(l);
}

static void look(struct agent *a)
{
	struct look_job *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return; /* the next tick will do */
	l->job.run = run_look;
	l->job.done = done_look;
	l->agent = a;
	a->is_looking = true;
	worker_add(a->worker, &l->job);
}

/* While there is a watch, a pull gives way to a look. */
static bool is_look_due(const struct agent *a, const struct keeper_view *view)
{
	if (!view->is_watching)
		return worker_load(a->worker) == 0 &&
			a->ticks % LOOK_TICKS == 0;
	return !view->is_confirmed || a->ticks % WATCH_TICKS == 0;
}

static void on_tick(void *arg)
{
	struct agent *a = arg;
	struct keeper_view *view = malloc(sizeof(*view));

	if (view != NULL) {
		keeper_see(&a->keeper, view);
		if (!a->is_looking && is_look_due(a, view))
			look(a);
		free(view);
	}
	a->ticks++;
	api_poke(a);
	loop_timer_start(a->tick, TICK_MS);
}

/* ---- the table ---------------------------------------------------------- */

int agent_prepare(const struct conf *conf, struct why *why)
{
	struct keeper *k;
	char dir[PATH_MAX];
	struct stat st;
	int err;

	snprintf(dir, sizeof(dir), "%s/replication-agent", conf->state_dir);
	if (stat(dir, &st) < 0) /* the first start: nothing to mend */
		return 0;
	k = calloc(1, sizeof(*k));
	if (k == NULL)
		return why_set(why, -ENOMEM, "%s", err_text(-ENOMEM));
	err = keeper_init(k, conf, why);
	if (err == 0)
		err = keeper_recover(k, why);
	keeper_fini(k);
	free(k);
	if (err == 0)
		return 0;
	/* A full disk must not keep anybody from serving. */
	log_error("record.unsaved", "text=%s", log_qz(why_text(why, err)));
	return 0;
}

static void on_guest(enum guest_event what, void *arg)
{
	static const enum agent_counter COUNTERS[] = {
		[GUEST_CAME] = COUNT_CONNECTIONS,
		[GUEST_TLS_LATE] = COUNT_CUT_HANDSHAKE,
		[GUEST_HEADER_LATE] = COUNT_CUT_HEADER,
		[GUEST_BODY_LATE] = COUNT_CUT_BODY,
		[GUEST_NO_RIGHT] = COUNT_CUT_NO_RIGHT,
		[GUEST_CROWDED] = COUNT_CUT_CROWDED,
		[GUEST_FLOODED] = COUNT_CUT_FLOODED,
	};
	struct agent *a = arg;

	counter_add(a->counters, COUNTERS[what], 1);
	if (what != GUEST_CAME)
		log_limited(LOG_LEVEL_WARNING, 10, "connection.cut",
			"cause=%s", AGENT_COUNTERS[COUNTERS[what]].labels);
}

static int open_parts(struct agent *a, struct topology *t, struct why *why)
{
	struct https_spec spec = {
		.loop = a->loop,
		.has_right = api_has_right,
		.on_event = on_guest,
		.on_request = api_request,
		.arg = a,
	};
	int err = keeper_init(&a->keeper, a->conf, why);

	if (err < 0)
		return err;
	take_snapshot(a, t);
	err = daemon_tls(a->daemon, CONF_USE_INTERNAL, TLS_ROLE_SERVER,
		TLS_VERIFY_REQUIRE, &a->tls, why);
	if (err < 0)
		return err;
	spec.tls = a->tls;
	spec.limits = limits_of(t);
	err = https_new(&a->https, &spec, why);
	if (err == 0)
		err = worker_new(&a->worker, a->loop);
	if (err == 0)
		err = loop_timer_new(&a->tick, a->loop, on_tick, a);
	if (err == 0)
		err = puller_new(&a->puller, a, why);
	return err;
}

int agent_start(struct daemon *d, void **state, struct why *why)
{
	struct agent *a = calloc(1, sizeof(*a));
	struct topology *t = daemon_topology(d);
	int err;

	if (a == NULL)
		return why_set(why, -ENOMEM, "%s", err_text(-ENOMEM));
	*state = a;
	a->daemon = d;
	a->loop = daemon_loop(d);
	a->counters = daemon_counters(d);
	a->conf = daemon_conf(d);
	list_init(&a->waiters);
	/* Before there are threads. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return why_set(why, -ENOMEM, "libcurl: %s", err_text(-ENOMEM));
	err = open_parts(a, t, why);
	return err < 0 ? err : listen_on(a, t, why);
}

int agent_ready(void *state, struct why *why)
{
	struct agent *a = state;
	int err = vault_make(a->keeper.dir, why);

	if (err == 0)
		err = worker_start(a->worker);
	if (err == 0)
		err = https_start(a->https, why);
	if (err < 0)
		return err;
	if (!a->is_bare)
		remember_ports(a);
	loop_timer_start(a->tick, TICK_MS);
	puller_follow(a->puller);
	return 0;
}

int agent_check(void *state, const struct topology *next, struct why *why)
{
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < next->listener_count; i++)
		count += next->listeners[i].usage == TOPOLOGY_REPLICATION;
	if (count > HTTPS_PORTS_MAX / 2)
		return why_set(why, EDGE_ETOOBIG, "replication-agent can have "
			"%u ports, the topology gives it %zu",
			HTTPS_PORTS_MAX / 2, count);
	return 0;
}

int agent_apply(void *state, struct topology *next, struct why *why)
{
	const struct guest_limits limits = limits_of(next);
	struct agent *a = state;
	int err = listen_on(a, next, why);

	if (err < 0)
		return err;
	take_snapshot(a, next);
	https_set_limits(a->https, &limits);
	remember_ports(a);
	puller_follow(a->puller);
	/* Not by us, perhaps: what is current is to be seen at once. */
	if (!a->is_looking)
		look(a);
	return 0;
}

size_t agent_ports(void *state, struct daemon_port *out, size_t cap)
{
	struct agent *a = state;
	struct https_port ports[HTTPS_PORTS_MAX];
	size_t count = 0;

	if (a->https == NULL)
		return 0;
	count = https_ports(a->https, ports, HTTPS_PORTS_MAX);
	for (size_t i = 0; i < count && i < cap; i++) {
		out[i] = (struct daemon_port){
			.usage = TOPOLOGY_REPLICATION,
			.side = TOPOLOGY_INTERNAL,
			.address = ports[i].address,
			.protocol = "https",
			.is_open = ports[i].is_open,
			.open_count = https_connections(a->https),
		};
		memcpy(out[i].device, ports[i].device, sizeof(out[i].device));
	}
	return count < cap ? count : cap;
}

void agent_status(void *state, json_t *status)
{
	json_object_set_new(status, "replication", report_json(state));
}

void agent_counted(void *state)
{
	struct agent *a = state;
	struct keeper_view *view = malloc(sizeof(*view));
	struct record_facts facts;
	const struct wall now = wall_now();
	struct pin pin;

	if (view == NULL)
		return;
	keeper_see(&a->keeper, view);
	record_get(a->keeper.record, &facts);
	counter_set(a->counters, COUNT_OPEN, https_connections(a->https));
	counter_set(a->counters, COUNT_ACTIVATED, view->activated);
	counter_set(a->counters, COUNT_REVERTED, view->reverted);
	counter_set(a->counters, COUNT_PINNED,
		keeper_is_pinned(&a->keeper, view, &pin));
	counter_set(a->counters, COUNT_STALE,
		view->head.is_set && view->head.expires.s < now.s);
	counter_set(a->counters, COUNT_BEHIND_S,
		facts.behind_since.s > 0 && now.s > facts.behind_since.s ?
			(uint64_t)(now.s - facts.behind_since.s) : 0);
	free(view);
}

void agent_drain(void *state, bool on)
{
	struct agent *a = state;

	a->is_draining = on;
	https_pause(a->https, on);
	if (on)
		api_stop(a);
}

size_t agent_busy(void *state)
{
	const struct agent *a = state;

	return a->is_uploading ? 1 : 0;
}

void agent_stop(void *state)
{
	struct agent *a = state;

	if (a == NULL)
		return;
	if (a->tick != NULL)
		loop_timer_stop(a->tick);
	/* Answers that are owed go to requests that still are. */
	worker_free(a->worker);
	api_stop(a);
	puller_free(a->puller);
	https_free(a->https);
	loop_timer_free(a->tick);
	keeper_fini(&a->keeper);
	topology_unref(a->topology);
	curl_global_cleanup();
	free(a);
}
