/*
 * The daemon's life between its parts: what happens at start, when a new
 * topology comes, at the end. Called by common/daemon through the table in
 * main.c.
 */
#include "av-auth/av_auth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "av-auth/counters.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/run/rights.h"

#define PORTS_MAX (SERVER_PORTS_MAX / 2)

/* Started with installed users but not as root (a unit with User=), we can
 * give the file to the group that av-edge reads with only as its member. */
static bool is_member(gid_t group)
{
	gid_t groups[RIGHTS_MEMBERSHIPS_MAX];
	int count = getgroups(ARRAY_COUNT(groups), groups);

	for (int i = 0; i < count; i++)
		if (groups[i] == group)
			return true;
	return false;
}

static struct keys_source source_of(const struct av_auth *a,
	const struct topology *t)
{
	const struct conf_certificate *cert =
		&daemon_conf(a->daemon)->certs[CONF_USE_INTERNAL];

	return (struct keys_source){t, cert->chain, cert->key};
}

static int open_keys(struct av_auth *a, struct why *why)
{
	const struct keys_source source =
		source_of(a, daemon_topology(a->daemon));
	struct keys_place place = {.folder = daemon_state_dir(a->daemon),
		.owner = (uid_t)-1,
		.group = (gid_t)-1,
		.source = &source};
	const struct rights *rights = daemon_rights(a->daemon);

	if (rights->is_root)
		place.owner = rights->uid;
	if (rights->is_root || is_member(rights->groups[RIGHTS_AV]))
		place.group = rights->groups[RIGHTS_AV];
	return keys_open(&a->keys, &place, wall_now(), why);
}

static int open_service(struct av_auth *a, struct why *why)
{
	struct topology *t = daemon_topology(a->daemon);
	int err;

	issue_policy_from(&a->policy, t);
	err = rates_init(&a->rates, t, mono_now());
	if (err < 0)
		return why_set(why, err, "%s", err_text(err));
	a->service.policy = &a->policy;
	a->service.ring = &a->keys.ring;
	a->service.rates = &a->rates;
	a->service.counters = daemon_counters(a->daemon);
	a->service.recall = daemon_recall(a->daemon);
	err = service_init(&a->service);
	if (err < 0)
		return why_set(why, err, "%s", err_text(err));
	a->has_service = true;
	return 0;
}

static int open_server(struct av_auth *a, struct why *why)
{
	struct topology *t = daemon_topology(a->daemon);
	int err;

	a->server.loop = daemon_loop(a->daemon);
	a->server.service = &a->service;
	a->server.counters = daemon_counters(a->daemon);
	err = daemon_tls(a->daemon, CONF_USE_INTERNAL, TLS_ROLE_SERVER,
		TLS_VERIFY_REQUIRE, &a->server.tls, why);
	if (err < 0)
		return err;
	server_init(&a->server);
	a->has_server = true;
	server_trust(&a->server, t);
	return server_listen(&a->server, t, why);
}

static void warn_if_idle(const struct av_auth *a, const struct topology *t)
{
	if (a->policy.by_name.count == 0)
		log_warning("topology.warned",
			"text=\"the topology has no relay for this machine; "
			"every request is answered Not Supported\"");
	if (a->rates.count == 0)
		log_warning("topology.warned",
			"text=\"no inside server has the right av-auth; "
			"nobody can connect\"");
	if (topology_listener(t, TOPOLOGY_AUTH, TOPOLOGY_INTERNAL) == NULL)
		log_warning("topology.warned",
			"text=\"the topology gives av-auth no port\"");
}

int av_auth_start(struct daemon *d, void **state, struct why *why)
{
	struct av_auth *a = calloc(1, sizeof(*a));
	int err;

	if (a == NULL)
		return why_set(why, -ENOMEM, "%s", err_text(-ENOMEM));
	*state = a;
	a->daemon = d;
	err = open_keys(a, why);
	if (err == 0)
		err = open_service(a, why);
	if (err == 0)
		err = open_server(a, why);
	if (err == 0)
		warn_if_idle(a, daemon_topology(d));
	return err;
}

int av_auth_ready(void *state, struct why *why)
{
	struct av_auth *a = state;

	return server_start(&a->server, why);
}

int av_auth_check(void *state, const struct topology *next, struct why *why)
{
	const struct av_auth *a = state;
	size_t count = 0;

	for (size_t i = 0; i < next->listener_count; i++)
		count += next->listeners[i].usage == TOPOLOGY_AUTH;
	if (count > PORTS_MAX)
		return why_set(why, EDGE_ETOOBIG,
			"av-auth can have %d ports, the topology gives it %zu",
			PORTS_MAX, count);
	if (a != NULL) {
		const struct keys_source source = source_of(a, next);

		return keys_check(&a->keys, &source, why);
	}
	return 0;
}

/* The keys first: they may refuse, and can be put back. */
static int follow_keys(struct av_auth *a, const struct topology *next,
	struct why *why)
{
	const struct keys_source source = source_of(a, next);
	bool is_changed;
	int err;

	err = keys_follow(&a->keys, &source, wall_now(), &is_changed, why);
	if (err == 0 && is_changed)
		daemon_event(a->daemon, "keys.followed", "id=%u from=%s",
			a->keys.ring.keys[0].id, keys_origin(&a->keys));
	return err;
}

static int apply_all(struct av_auth *a, struct topology *next,
	struct why *why)
{
	struct rates rates;
	int err;

	err = rates_init(&rates, next, loop_now(a->server.loop));
	if (err < 0)
		return why_set(why, err, "%s", err_text(err));
	if (!a->server.is_draining)
		err = server_listen(&a->server, next, why);
	if (err < 0) {
		rates_fini(&rates);
		return err;
	}
	rates_fini(&a->rates);
	a->rates = rates;
	issue_policy_from(&a->policy, next);
	server_trust(&a->server, next);
	warn_if_idle(a, next);
	return 0;
}

int av_auth_apply(void *state, struct topology *next, struct why *why)
{
	struct av_auth *a = state;
	struct av_key_ring before = a->keys.ring;
	int err = follow_keys(a, next, why);

	if (err == 0) {
		err = apply_all(a, next, why);
		if (err < 0)
			keys_put_back(&a->keys, &before);
	}
	av_key_ring_wipe(&before);
	return err;
}

void av_auth_certs(void *state)
{
	struct av_auth *a = state;

	if (a->has_server)
		server_review(&a->server);
}

/* Asked for and not open: drained, or taken by another when we resumed. */
static size_t closed_ports(struct server *s, struct daemon_port *out,
	size_t cap)
{
	const struct topology *t = s->topology;
	size_t count = 0;

	for (size_t i = 0; i < t->listener_count && count < cap; i++) {
		if (t->listeners[i].usage != TOPOLOGY_AUTH ||
			server_is_open(s, &t->listeners[i].address))
			continue;
		out[count++] = (struct daemon_port){.usage = TOPOLOGY_AUTH,
			.side = TOPOLOGY_INTERNAL,
			.address = t->listeners[i].address,
			.protocol = "sip/tls"};
	}
	return count;
}

size_t av_auth_ports(void *state, struct daemon_port *out, size_t cap)
{
	struct av_auth *a = state;
	size_t count = 0;

	for (size_t i = 0; i < SERVER_PORTS_MAX && count < cap; i++) {
		const struct server_port *port = &a->server.ports[i];

		if (port->listener == NULL)
			continue;
		out[count] = (struct daemon_port){.usage = TOPOLOGY_AUTH,
			.side = TOPOLOGY_INTERNAL,
			.address = *listener_address(port->listener),
			.protocol = "sip/tls",
			.is_open = true,
			.open_count = listener_open_count(port->listener)};
		/* both are IFNAMSIZ */
		strncpy(out[count].device, listener_device(port->listener),
			sizeof(out[count].device) - 1);
		count++;
	}
	return count + closed_ports(&a->server, out + count, cap - count);
}

void av_auth_status(void *state, json_t *status)
{
	struct av_auth *a = state;

	json_object_set_new(status, "keys", keys_json(&a->keys, wall_now()));
	json_object_set_new(status, "trusted_servers",
		json_integer((json_int_t)a->rates.count));
	json_object_set_new(status, "lifetime_max_minutes",
		json_integer(a->policy.lifetime_max_min));
}

void av_auth_counted(void *state)
{
	struct av_auth *a = state;

	counter_set(daemon_counters(a->daemon), COUNT_KEYS, a->keys.ring.count);
}

void av_auth_drain(void *state, bool on)
{
	struct av_auth *a = state;

	server_drain(&a->server, on);
}

size_t av_auth_busy(void *state)
{
	const struct av_auth *a = state;

	return a->server.session_count;
}

void av_auth_stop(void *state)
{
	struct av_auth *a = state;

	if (a == NULL)
		return;
	if (a->has_server)
		server_fini(&a->server);
	if (a->has_service)
		service_fini(&a->service);
	rates_fini(&a->rates);
	keys_wipe(&a->keys);
	free(a);
}
