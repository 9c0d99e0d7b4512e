/*
 * The connector's life: what happens at start, each second, in a drain, at
 * the end. It is no daemon of the edge, has no topology and no listener but
 * its two Unix sockets; the order of giving up rights (identity.c) is the
 * same (architecture 9): bind, drop rights, then the first byte.
 */
#include "webconf-edge/connector/connector.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/bus/bus_client.h"
#include "common/run/ready.h"
#include "common/wce/wce_frame.h"
#include "webconf-edge/connector/identity.h"
#include "webconf-edge/connector/upstream.h"

#define NAME          "webconf-connector"
#define TICK_MS       1000
#define DRAIN_TICK_MS 50
#define STOP_GRACE_S  10
#define RESOLVE_EVERY_S 30
#define CERTS_EVERY_S 5

const struct counter_def CONNECTOR_COUNTERS[CONNECTOR_COUNT_END] = {
	[CONNECTOR_TICKETS] = {"tickets_minted", NULL, COUNTER_TOTAL, "",
		"Tickets minted"},
	[CONNECTOR_SESSIONS] = {"sessions", NULL, COUNTER_TOTAL, "",
		"Clients led to the target"},
	[CONNECTOR_SESSIONS_OPEN] = {"sessions_open", NULL, COUNTER_GAUGE, "",
		"Clients led to the target now"},
	[CONNECTOR_REJECTED_TICKET] = {"pairs_rejected", "cause=\"ticket\"",
		COUNTER_TOTAL, "", "Clients that were rejected"},
	[CONNECTOR_REJECTED_TARGET] = {"pairs_rejected", "cause=\"target\"",
		COUNTER_TOTAL, "", "Clients that were rejected"},
	[CONNECTOR_REJECTED_FULL] = {"pairs_rejected", "cause=\"full\"",
		COUNTER_TOTAL, "", "Clients that were rejected"},
	[CONNECTOR_EDGES_CONNECTED] = {"edges_connected", NULL, COUNTER_GAUGE,
		"", "Edges we are registered with"},
	[CONNECTOR_SLOTS_READY] = {"slots_ready", NULL, COUNTER_GAUGE, "",
		"Warm connections to all edges"},
	[CONNECTOR_BYTES_IN] = {"bytes_relayed", "direction=\"in\"",
		COUNTER_TOTAL, "bytes", "Bytes of sessions that have ended"},
	[CONNECTOR_BYTES_OUT] = {"bytes_relayed", "direction=\"out\"",
		COUNTER_TOTAL, "bytes", "Bytes of sessions that have ended"},
};

/* ---- timers -------------------------------------------------------------- */

static void on_target(int err, const struct addr *addrs, size_t count,
	const char *detail, void *arg)
{
	struct connector *c = arg;

	(void)count;
	c->target_query = NULL;
	if (err == 0) {
		c->target = addrs[0];
		return;
	}
	/* The last known address stays. */
	log_limited(LOG_LEVEL_WARNING, 2, "target.unresolved",
		"target=%s reason=%s", log_qz(c->conf->target_host),
		log_qz(detail[0] != '\0' ? detail : err_text(err)));
}

static void resolve_target(struct connector *c)
{
	if (c->target_query == NULL && resolve_host(&c->target_query,
			c->resolver, c->conf->target_host,
			c->conf->target_port, RESOLVE_INSIDE, on_target,
			c) < 0)
		c->target_query = NULL;
}

static void poll_certificates(struct connector *c, bool force)
{
	struct why why = {""};
	int rc = tls_watch_poll(c->tls_edge, force, &why);

	if (rc >= 0 && c->tls_target != NULL)
		rc = tls_watch_poll(c->tls_target, force, &why);
	if (rc < 0)
		log_error("certificate.refused", "text=%s",
			log_qz(why_text(&why, rc)));
	else if (rc > 0)
		log_notice("certificate.swapped", "use=internal");
}

static void on_tick(void *arg)
{
	const int64_t up_s = mono_since_ms(((struct connector *)arg)->started,
		mono_now()) / 1000;
	struct connector *c = arg;

	for (size_t i = 0; i < c->conf->edge_count; i++)
		upstream_tick(c->upstreams[i]);
	if (!addr_is_set(&c->target) || up_s % RESOLVE_EVERY_S == 0)
		resolve_target(c);
	if (up_s % CERTS_EVERY_S == 0)
		poll_certificates(c, false);
	loop_timer_start(c->tick, TICK_MS);
}

static void on_watchdog(void *arg)
{
	struct connector *c = arg;

	ready_notify("WATCHDOG=1");
	loop_timer_start(c->watchdog, ready_watchdog_ms());
}

/* ---- drain --------------------------------------------------------------- */

void connector_drain(struct connector *c, uint32_t grace_s, bool is_stopping)
{
	c->is_stopping = c->is_stopping || is_stopping;
	c->drain_deadline = mono_after_ms(loop_now(c->loop),
		(int64_t)grace_s * 1000);
	if (!c->is_draining) {
		c->is_draining = true;
		log_notice("connector.drained", "sessions=%zu grace_s=%u",
			c->session_count, grace_s);
		for (size_t i = 0; i < c->conf->edge_count; i++)
			upstream_drain(c->upstreams[i], grace_s);
	}
	loop_timer_start(c->drain_timer, 0);
}

/* WCE/1 has no word for it: a new registration is one. */
void connector_resume(struct connector *c)
{
	if (!c->is_draining || c->is_stopping)
		return;
	c->is_draining = false;
	loop_timer_stop(c->drain_timer);
	for (size_t i = 0; i < c->conf->edge_count; i++)
		upstream_restart(c->upstreams[i]);
}

static void on_drain(void *arg)
{
	struct connector *c = arg;

	if (c->session_count > 0 &&
		!mono_is_past(c->drain_deadline, loop_now(c->loop))) {
		loop_timer_start(c->drain_timer, DRAIN_TICK_MS);
		return;
	}
	if (c->is_stopping)
		loop_stop(c->loop);
}

static void on_stop_signal(void *arg)
{
	struct connector *c = arg;

	if (c->is_stopping) {
		loop_stop(c->loop);
		return;
	}
	ready_notify("STOPPING=1");
	connector_drain(c, STOP_GRACE_S, true);
}

static void on_hangup(void *arg)
{
	poll_certificates(arg, true);
}

/* ---- start --------------------------------------------------------------- */

static int open_tls(struct connector *c, struct why *why)
{
	const struct connector_conf *conf = c->conf;
	const struct tls_spec edge = {
		.role = conf->is_tls_server ? TLS_ROLE_SERVER :
			TLS_ROLE_CLIENT,
		.verify = TLS_VERIFY_REQUIRE,
		.chain_path = conf->chain,
		.key_path = conf->key,
		.trust_path = conf->trust,
		.alpn = WCE_ALPN,
	};
	const struct tls_spec target = {
		.role = TLS_ROLE_CLIENT,
		.verify = TLS_VERIFY_REQUIRE,
		.trust_path = conf->target_trust,
	};
	int err = tls_watch_new(&c->tls_edge, &edge, why);

	if (err == 0 && conf->target_tls)
		err = tls_watch_new(&c->tls_target, &target, why);
	return err;
}

static int open_timers(struct connector *c, struct why *why)
{
	int err = loop_timer_new(&c->tick, c->loop, on_tick, c);

	if (err == 0)
		err = loop_timer_new(&c->drain_timer, c->loop, on_drain, c);
	if (err == 0)
		err = loop_timer_new(&c->watchdog, c->loop, on_watchdog, c);
	if (err == 0)
		err = loop_signal_new(&c->term, c->loop, SIGTERM,
			on_stop_signal, c);
	if (err == 0)
		err = loop_signal_new(&c->interrupt, c->loop, SIGINT,
			on_stop_signal, c);
	if (err == 0)
		err = loop_signal_new(&c->hup, c->loop, SIGHUP, on_hangup, c);
	if (err < 0)
		return why_set(why, err, "%s", err_text(err));
	loop_timer_start(c->tick, TICK_MS);
	if (ready_watchdog_ms() > 0)
		loop_timer_start(c->watchdog, ready_watchdog_ms());
	return 0;
}

/* Handed over by systemd, or made here, with rights. */
static int open_bus_fd(const struct connector *c, bool admin, gid_t group,
	struct why *why)
{
	int fd = ready_take_fd(admin ? "bus-admin" : "bus");
	char path[PATH_MAX];
	int err;

	if (fd >= 0)
		return fd;
	err = bus_socket_path(path, sizeof(path), c->conf->run_dir, NAME,
		admin);
	if (err < 0)
		return why_set(why, err, "run_dir: is too long");
	return bus_listen(path, group, why);
}

static int start_bus(struct connector *c, int read_fd, int admin_fd,
	gid_t group, struct why *why)
{
	static const struct bus_route *const tables[] = {CONNECTOR_ROUTES};
	static const size_t counts[] = {CONNECTOR_ROUTE_COUNT};
	const struct bus_server_spec spec = {
		.read_fd = read_fd,
		.admin_fd = admin_fd,
		.read_group = group,
		.admin_group = group,
		.agent_uid = (uid_t)-1,
		.tables = tables,
		.table_counts = counts,
		.table_count = 1,
		.states = c->bus_states,
	};

	c->bus_states[0] = c;
	return bus_server_new(&c->bus, c->loop, &spec, why);
}

/* Behind the sandbox: own files, then the first connections. */
static int open_parts(struct connector *c, struct why *why)
{
	int err = mint_open(&c->mint, c->conf->state_dir, c->conf->alg,
		wall_now(), why);

	if (err == 0)
		err = resolver_new(&c->resolver, c->loop, &c->conf->net, NULL,
			why);
	if (err == 0)
		err = counters_init(&c->counters, CONNECTOR_COUNTERS,
			CONNECTOR_COUNT_END);
	for (size_t i = 0; i < c->conf->edge_count && err == 0; i++)
		err = upstream_new(&c->upstreams[i], c, &c->conf->edges[i]);
	if (err == 0)
		resolve_target(c);
	return err;
}

static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int connector_check(struct connector *c, struct why *why)
{
	int err = identity_check(c->conf, why);

	return err == 0 ? open_tls(c, why) : err;
}

int connector_start(struct connector *c, struct why *why)
{
	struct identity id;
	int read_fd = -1;
	int admin_fd = -1;
	int err;

	umask(0077);
	list_init(&c->sessions);
	raise_descriptors();
	ready_init();
	tls_warm_up();
	c->epoch = (uint64_t)wall_now_ms();
	c->started = mono_now();
	err = loop_new(&c->loop);
	if (err < 0)
		return why_set(why, err, "%s", err_text(err));
	err = identity_find(&id, c->conf, why);
	if (err == 0)
		err = identity_make_state_dir(&id, c->conf, why);
	if (err == 0)
		err = open_tls(c, why);
	if (err == 0)
		err = read_fd = open_bus_fd(c, false, id.minters, why);
	if (err >= 0)
		err = admin_fd = open_bus_fd(c, true, id.minters, why);
	if (err >= 0)
		err = identity_confine(&id, c->conf, &c->sandbox, why);
	if (err == 0)
		err = open_timers(c, why);
	if (err == 0)
		err = open_parts(c, why);
	if (err < 0)
		return err;
	err = start_bus(c, read_fd, admin_fd, id.minters, why);
	if (err < 0)
		return err;
	ready_notify("READY=1\nSTATUS=serving");
	log_notice("connector.started",
		"version=%s edges=%zu target=%s:%u uid=%u landlock_abi=%u",
		EDGE_VERSION, c->conf->edge_count,
		log_qz(c->conf->target_host), c->conf->target_port,
		(unsigned)c->sandbox.uid, c->sandbox.landlock_abi);
	return 0;
}

void connector_run(struct connector *c)
{
	loop_run(c->loop);
}

void connector_stop(struct connector *c)
{
	bus_server_free(c->bus);
	for (size_t i = 0; i < CONNECTOR_EDGES_MAX; i++)
		upstream_free(c->upstreams[i]);
	resolve_cancel(c->target_query);
	if (c->resolver != NULL)
		resolver_free(c->resolver);
	mint_close(&c->mint);
	tls_watch_free(c->tls_edge);
	tls_watch_free(c->tls_target);
	loop_timer_free(c->tick);
	loop_timer_free(c->drain_timer);
	loop_timer_free(c->watchdog);
	loop_signal_free(c->term);
	loop_signal_free(c->interrupt);
	loop_signal_free(c->hup);
	if (c->counters.values != NULL)
		counters_fini(&c->counters);
	if (c->loop != NULL)
		loop_free(c->loop);
	connector_conf_free(c->conf);
}
