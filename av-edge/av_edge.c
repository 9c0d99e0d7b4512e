/*
 * The daemon: what topology, pool key and the host's network say becomes
 * rules, and rules go to the relay. A change of any of them makes new rules
 * from scratch; if that fails the old ones stay in force.
 */
#include "av-edge/av_edge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "av-edge/census.h"
#include "av-edge/host_net.h"

#define KEY_POLL_MS    1000
#define AUDIT_MS       60000
#define HEAP_MS        2000
#define HOST_SETTLE_MS 200
#define MEDIA_PORTS_MIN 2

/* ---- rules ------------------------------------------------------------- */

static int make_rules(const struct av_edge *e, const struct topology *t,
	struct rules **out, struct why *why)
{
	struct rules *rules;
	int err;

	err = rules_of_topology(&rules, t, why);
	if (err < 0)
		return err;
	rules->keys = e->key.ring;
	rules->rest = e->secrets.ring;
	if (e->tls != NULL)
		rules->tls = tls_watch_get(e->tls);
	rules->is_draining = e->is_draining;
	*out = rules;
	return 0;
}

/* Something beside the topology changed. */
static void renew_rules(struct av_edge *e, const char *cause)
{
	struct why why = {""};
	struct rules *rules;
	int err;

	err = make_rules(e, e->topology, &rules, &why);
	if (err == 0)
		err = relay_set_rules(e->relay, rules);
	if (err < 0)
		log_error("rules.kept", "cause=%s text=%s", cause,
			log_qz(why_text(&why, err)));
	else
		log_debug("rules.renewed", "cause=%s", cause);
}

static void on_key_timer(void *arg)
{
	struct av_edge *e = arg;

	if (pool_key_poll(&e->key)) {
		daemon_event(e->daemon, "key.read", "keys=%zu",
			e->key.ring.count);
		renew_rules(e, "key");
	}
	if (rest_secrets_poll(&e->secrets)) {
		daemon_event(e->daemon, "secrets.read", "secrets=%zu",
			e->secrets.ring.count);
		renew_rules(e, "secrets");
	}
	loop_timer_start(e->key_timer, KEY_POLL_MS);
}

/* Requirement R4: free and used make up the range, at any time. */
static void on_audit_timer(void *arg)
{
	struct av_edge *e = arg;
	size_t i;

	for (i = 0; i < RULES_FAMILY_COUNT; i++)
		if (!port_pool_is_sound(e->relay->shared.ports[i]))
			log_error("ports.unsound", "family=%d", i == RULES_V6 ?
				6 : 4);
	loop_timer_start(e->audit_timer, AUDIT_MS);
}

static void on_heap_timer(void *arg)
{
	struct av_edge *e = arg;

	if (heap_is_slack(&e->heap, relay_counter(e->relay, AV_CONN_INTERNAL) +
		relay_counter(e->relay, AV_CONN_EXTERNAL)))
		heap_give_back();
	loop_timer_start(e->heap_timer, HEAP_MS);
}

static void on_host_settled(void *arg)
{
	renew_rules(arg, "host");
}

static void on_host_changed(unsigned ready, void *arg)
{
	struct av_edge *e = arg;

	(void)ready;
	if (host_net_watch_drain(e->host_fd) &&
	    !loop_timer_is_running(e->host_timer))
		loop_timer_start(e->host_timer, HOST_SETTLE_MS);
}

/* ---- ports ------------------------------------------------------------- */

static bool is_ours(const struct topology_listener *l)
{
	return l->usage == TOPOLOGY_TURN_UDP || l->usage == TOPOLOGY_TURN_TCP;
}

static enum topology_usage usage_of(const struct relay_port *p)
{
	return p->tcp != NULL ? TOPOLOGY_TURN_TCP : TOPOLOGY_TURN_UDP;
}

static bool wants_port(const struct topology *t, const struct relay_port *p)
{
	size_t i;

	for (i = 0; i < t->listener_count; i++)
		if (t->listeners[i].usage == usage_of(p) &&
		    addr_eq(&t->listeners[i].address, &p->address))
			return true;
	return false;
}

static bool has_port(const struct relay *r, const struct topology_listener *l)
{
	return (l->usage == TOPOLOGY_TURN_TCP ?
		relay_find_tcp(r, &l->address) :
		relay_find_port(r, &l->address)) != NULL;
}

static int open_tcp(struct relay *r, const struct topology *t,
	const struct topology_listener *l, struct why *why)
{
	const struct setting_set *set = topology_settings(t, "av-edge");
	struct tcp_port_spec spec = {
		.address = l->address,
		.side = l->side,
		.bind_device = t->sides_separated,
		.max_open = (unsigned)setting_number(set, "max_connections"),
	};

	/* Inside, all users of a site may come from one address. */
	if (l->side == TOPOLOGY_EXTERNAL) {
		spec.max_per_source = (unsigned)setting_number(set,
			"max_connections_per_source");
		spec.new_per_s_per_source = (unsigned)setting_number(set,
			"new_connections_per_source");
	}
	return relay_open_tcp(r, &spec, why);
}

static int open_one(struct relay *r, const struct topology *t,
	const struct topology_listener *l, struct why *why)
{
	if (l->usage == TOPOLOGY_TURN_TCP)
		return open_tcp(r, t, l, why);
	return relay_open_port(r, &l->address, l->side, t->sides_separated,
		why);
}

static void close_one(struct relay *r, enum topology_usage usage,
	const struct addr *address)
{
	if (usage == TOPOLOGY_TURN_TCP)
		relay_close_tcp(r, address);
	else
		relay_close_port(r, address);
}

/* Open what t wants and is not open yet. On failure what this call opened
 * is closed again. */
static int open_ports(struct relay *r, const struct topology *t,
	struct why *why)
{
	const struct topology_listener *opened[RELAY_PORT_MAX];
	size_t count = 0, i;
	int err = 0;

	for (i = 0; i < t->listener_count && err == 0; i++) {
		const struct topology_listener *l = &t->listeners[i];

		if (!is_ours(l) || has_port(r, l))
			continue;
		err = open_one(r, t, l, why);
		if (err == 0)
			opened[count++] = l;
	}
	while (err < 0 && count > 0) {
		count--;
		close_one(r, opened[count]->usage, &opened[count]->address);
	}
	return err;
}

static void close_ports(struct relay *r, const struct topology *t)
{
	size_t i = r->port_count;

	while (i > 0) {
		const struct relay_port port = r->ports[--i];

		if (!wants_port(t, &port))
			close_one(r, usage_of(&port), &port.address);
	}
}

/* ---- life -------------------------------------------------------------- */

static void read_first_key(struct av_edge *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/av-auth/pool.key",
		daemon_conf(e->daemon)->state_dir);
	pool_key_init(&e->key, path);
	if (!pool_key_poll(&e->key))
		log_notice("key.awaited", "path=%s", log_qz(path));
	snprintf(path, sizeof(path), "%s/av-edge/rest.secrets",
		daemon_conf(e->daemon)->state_dir);
	rest_secrets_init(&e->secrets, path);
}

static int watch_host(struct av_edge *e)
{
	struct loop *loop = daemon_loop(e->daemon);
	int err;

	e->host_fd = host_net_watch_open();
	if (e->host_fd < 0)
		return e->host_fd;
	err = loop_fd_new(&e->host_watch, loop, e->host_fd, LOOP_READ,
		on_host_changed, e);
	if (err == 0)
		err = loop_timer_new(&e->host_timer, loop, on_host_settled, e);
	if (err == 0)
		err = loop_timer_new(&e->key_timer, loop, on_key_timer, e);
	if (err == 0)
		err = loop_timer_new(&e->audit_timer, loop, on_audit_timer,
			e);
	if (err == 0)
		err = loop_timer_new(&e->heap_timer, loop, on_heap_timer, e);
	return err;
}

/* TLS is offered when edge.yaml names a certificate for it. */
static int read_certificate(struct av_edge *e, struct why *why)
{
	const struct conf *conf = daemon_conf(e->daemon);

	if (!conf->certs[CONF_USE_EXTERNAL_AV].is_set)
		return 0;
	return daemon_tls(e->daemon, CONF_USE_EXTERNAL_AV, TLS_ROLE_SERVER,
		TLS_VERIFY_NONE, &e->tls, why);
}

int av_edge_start(struct daemon *d, void **state, struct why *why)
{
	struct topology *t = daemon_topology(d);
	struct av_edge *e = calloc(1, sizeof(*e));
	struct rules *rules = NULL;
	int err;

	if (e == NULL)
		return -ENOMEM;
	*state = e;
	e->daemon = d;
	e->host_fd = -1;
	list_init(&e->questions);
	heap_init(&e->heap);
	e->topology = topology_ref(t);
	read_first_key(e);
	err = watch_host(e);
	if (err == 0)
		err = read_certificate(e, why);
	if (err == 0)
		err = make_rules(e, t, &rules, why);
	if (err == 0)
		err = relay_new(&e->relay, rules, daemon_conf(d)->workers);
	rules_unref(rules);
	if (err == 0)
		e->relay->shared.recall = daemon_recall(d);
	if (err == 0)
		err = open_ports(e->relay, t, why);
	return err;
}

int av_edge_ready(void *state, struct why *why)
{
	struct av_edge *e = state;
	int err;

	/* Only av-auth's group may read it: now as the daemon's user. */
	loop_timer_start(e->key_timer, 0);
	loop_timer_start(e->audit_timer, AUDIT_MS);
	loop_timer_start(e->heap_timer, HEAP_MS);
	err = relay_start(e->relay);
	if (err < 0)
		return why_set(why, err, "can't start %u worker threads: %s",
			e->relay->shard_count, err_text(err));
	return 0;
}

int av_edge_check(void *state, const struct topology *next, struct why *why)
{
	struct rules *rules = NULL;
	size_t i;
	int err;

	(void)state;
	if (next->media_count == 0)
		return why_set(why, EDGE_ECONFIG,
			"the topology gives this machine no relay address; "
			"add `av` to its machine entry");
	for (i = 0; i < next->media_count; i++)
		if (next->media[i].port_count < MEDIA_PORTS_MIN)
			return why_set(why, EDGE_ECONFIG,
				"media_ports: a relay needs at least %d ports",
				MEDIA_PORTS_MIN);
	for (i = 0; i < next->listener_count; i++)
		if (is_ours(&next->listeners[i]))
			break;
	if (i == next->listener_count)
		return why_set(why, EDGE_ECONFIG,
			"the topology gives this machine no TURN port");
	/* Made for the sake of what it says: addresses that are not here. */
	err = rules_of_topology(&rules, next, why);
	rules_unref(rules);
	return err;
}

int av_edge_apply(void *state, struct topology *next, struct why *why)
{
	struct av_edge *e = state;
	struct rules *rules;
	int err;

	err = make_rules(e, next, &rules, why);
	if (err < 0)
		return err;
	err = open_ports(e->relay, next, why);
	if (err < 0) {
		rules_unref(rules);
		return err;
	}
	err = relay_set_rules(e->relay, rules);
	if (err < 0) {
		close_ports(e->relay, e->topology);
		return why_set(why, err, "%s", err_text(err));
	}
	close_ports(e->relay, next);
	topology_unref(e->topology);
	e->topology = topology_ref(next);
	return 0;
}

void av_edge_certs(void *state)
{
	renew_rules(state, "certificate");
}

void av_edge_drain(void *state, bool on)
{
	struct av_edge *e = state;

	e->is_draining = on;
	renew_rules(e, on ? "drain" : "resume");
}

void av_edge_expire(void *state)
{
	struct av_edge *e = state;

	relay_expire(e->relay);
}

size_t av_edge_busy(void *state)
{
	const struct av_edge *e = state;

	return e->relay == NULL ? 0 : (size_t)relay_allocations(e->relay);
}

void av_edge_stop(void *state)
{
	struct av_edge *e = state;

	if (e == NULL)
		return;
	relay_free(e->relay);
	census_free_all(&e->questions);
	loop_fd_free(e->host_watch);
	loop_timer_free(e->host_timer);
	loop_timer_free(e->key_timer);
	loop_timer_free(e->audit_timer);
	loop_timer_free(e->heap_timer);
	if (e->host_fd >= 0)
		close(e->host_fd);
	pool_key_fini(&e->key);
	rest_secrets_fini(&e->secrets);
	topology_unref(e->topology);
	free(e);
}

/* ---- what a person sees ------------------------------------------------ */

/* Allocations of UDP ports (and of the side's TCP port as well), connections
 * of TCP ports. */
static enum av_counter shown_of(const struct relay_port *p)
{
	if (p->tcp != NULL)
		return p->side == TOPOLOGY_INTERNAL ? AV_CONN_INTERNAL :
						      AV_CONN_EXTERNAL;
	return p->side == TOPOLOGY_INTERNAL ? AV_LIVE_INTERNAL :
					      AV_LIVE_EXTERNAL;
}

size_t av_edge_ports(void *state, struct daemon_port *out, size_t cap)
{
	const struct av_edge *e = state;
	size_t i;

	for (i = 0; i < e->relay->port_count && i < cap; i++) {
		const struct relay_port *p = &e->relay->ports[i];

		memset(&out[i], 0, sizeof(out[i]));
		out[i].usage = usage_of(p);
		out[i].side = p->side;
		out[i].address = p->address;
		out[i].protocol = p->tcp != NULL ? "turn/tcp" : "turn/udp";
		snprintf(out[i].device, sizeof(out[i].device), "%s",
			p->device);
		out[i].is_open = true;
		out[i].open_count = relay_counter(e->relay, shown_of(p));
	}
	return i;
}

void av_edge_status(void *state, json_t *status)
{
	const struct av_edge *e = state;

	json_object_set_new(status, "workers",
		json_integer(e->relay->shard_count));
	json_object_set_new(status, "pool_keys",
		json_integer((json_int_t)e->key.ring.count));
	json_object_set_new(status, "rest_secrets",
		json_integer((json_int_t)e->secrets.ring.count));
	json_object_set_new(status, "users", json_integer(
		(json_int_t)quota_user_count(e->relay->shared.quota)));
	json_object_set_new(status, "media", av_edge_media_json(e));
}

void av_edge_counted(void *state)
{
	const struct av_edge *e = state;
	struct counters *shown = daemon_counters(e->daemon);
	struct port_count ports;
	uint64_t free_ports = 0, used_ports = 0;
	size_t i;

	for (i = 0; i < AV_COUNTER_COUNT; i++)
		counter_set(shown, i,
			relay_counter(e->relay, (enum av_counter)i));
	for (i = 0; i < RULES_FAMILY_COUNT; i++) {
		ports = port_pool_count(e->relay->shared.ports[i]);
		free_ports += ports.free;
		used_ports += ports.used;
	}
	counter_set(shown, AV_PORTS_FREE, free_ports);
	counter_set(shown, AV_PORTS_USED, used_ports);
	counter_set(shown, AV_USERS,
		quota_user_count(e->relay->shared.quota));
	counter_set(shown, AV_KEYS, e->key.ring.count);
}
