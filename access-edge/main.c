/*
 * access-edge: the SIP proxy between the outside and the enterprise. One
 * table; the life of the daemon is daemon_run().
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "access-edge/counters.h"
#include "access-edge/ctl.h"
#include "access-edge/doorman.h"
#include "common/base/log.h"
#include "common/daemon/daemon.h"
#include "common/store/pool_keys.h"

/* Who shows which certificate, and who is asked for one. Partners' rows need
 * the public CAs and are left out where there is no federation. */
static int load_tls(struct access_edge *a, const struct topology *t,
	struct why *why)
{
	const struct {
		enum conf_use use;
		enum tls_role role;
		enum tls_verify verify;
		struct tls_watch **out;
		bool is_partners;
	} rows[] = {
		{CONF_USE_EXTERNAL_SIP, TLS_ROLE_SERVER, TLS_VERIFY_NONE,
			&a->tls.of[ORIGIN_DOOR_CLIENT], false},
		{CONF_USE_INTERNAL, TLS_ROLE_SERVER, TLS_VERIFY_REQUIRE,
			&a->tls.of[ORIGIN_DOOR_INTERNAL], false},
		{CONF_USE_INTERNAL, TLS_ROLE_CLIENT, TLS_VERIFY_REQUIRE,
			&a->tls_next_hop, false},
		{CONF_USE_EXTERNAL_SIP, TLS_ROLE_SERVER, TLS_VERIFY_REQUIRE,
			&a->tls.of[ORIGIN_DOOR_PARTNER], true},
		{CONF_USE_EXTERNAL_SIP, TLS_ROLE_SERVER, TLS_VERIFY_ASK,
			&a->tls.of[ORIGIN_DOOR_SHARED], true},
		{CONF_USE_EXTERNAL_SIP, TLS_ROLE_CLIENT, TLS_VERIFY_REQUIRE,
			&a->tls_partner, true},
	};
	bool has_partners = topology_listener(t, TOPOLOGY_SIP_FEDERATION,
		TOPOLOGY_EXTERNAL) != NULL;
	int err = 0;

	for (size_t i = 0; i < ARRAY_COUNT(rows) && err == 0; i++) {
		if (!rows[i].is_partners || has_partners)
			err = daemon_tls(a->daemon, rows[i].use,
				rows[i].role, rows[i].verify, rows[i].out,
				why);
	}
	return err;
}

/* With rights: certificates and listeners. */
static int start(struct daemon *d, void **state, struct why *why)
{
	struct access_edge *a = calloc(1, sizeof(*a));
	int err;

	if (a == NULL)
		return -ENOMEM;
	*state = a;
	a->daemon = d;
	err = load_tls(a, daemon_topology(d), why);
	if (err != 0)
		return err;
	return front_new(&a->front, daemon_topology(d), &a->tls, why);
}

/* A pool's key for flow tokens, so that each member knows what another one
 * made. What can't be opened leaves what there is: our clients go on. */
static void share_flow_keys(struct access_edge *a, const struct topology *t)
{
	const struct conf_certificate *own =
		&daemon_conf(a->daemon)->certs[CONF_USE_INTERNAL];
	struct pool_keys shared = {.count = 0};
	struct why why = {""};

	if (pool_keys_are_shared(t, POOL_KEY_FLOW) &&
		pool_keys_open(&shared, t, POOL_KEY_FLOW, own->chain, own->key,
			&why) < 0) {
		log_error("flow_key.unreadable", "text=%s", log_qz(why.text));
		return;
	}
	flow_keys_share(&a->edge->flow_keys, &a->edge->own_flow_keys,
		&shared);
	pool_keys_wipe(&shared);
}

/* Without rights: the key file is ours, so is every connection. */
static int ready(void *state, struct why *why)
{
	struct access_edge *a = state;
	struct topology *t = daemon_topology(a->daemon);
	char key_path[512], watch_path[512];
	struct edge_spec spec = {
		.loop = daemon_loop(a->daemon),
		.topology = t,
		.counters = daemon_counters(a->daemon),
		.tls_next_hop = a->tls_next_hop,
		.tls_partner = a->tls_partner,
		.watch_path = watch_path,
		.flow_key_path = key_path,
		.recall = daemon_recall(a->daemon),
		.bind_device = !t->lab,
	};
	const struct topology_listener *outside = topology_listener(t,
		TOPOLOGY_SIP_CLIENT, TOPOLOGY_EXTERNAL);
	struct addr local = {0};
	int err;

	/* Questions about other organisations leave on the outside. */
	if (outside != NULL)
		local = addr_with_port(&outside->address, 0);
	err = resolver_new(&a->resolver, spec.loop,
		daemon_conf(a->daemon), &local, why);

	if (err != 0)
		return err;
	spec.resolver = a->resolver;
	snprintf(key_path, sizeof(key_path), "%s/flow.key",
		daemon_state_dir(a->daemon));
	snprintf(watch_path, sizeof(watch_path), "%s/partners.db",
		daemon_state_dir(a->daemon));
	err = edge_new(&a->edge, &spec, why);
	if (err != 0)
		return err;
	share_flow_keys(a, t);
	return front_start(a->front, a->edge, why);
}

static int check(void *state, const struct topology *next, struct why *why)
{
	struct policy policy;

	(void)state;
	return policy_from(&policy, next, why);
}

static int apply(void *state, struct topology *next, struct why *why)
{
	struct access_edge *a = state;
	int err = check(a, next, why);

	if (err == 0)
		err = load_tls(a, next, why);
	if (err == 0)
		front_set_tls(a->front, &a->tls);
	if (err == 0)
		err = front_apply(a->front, next, why);
	if (err == 0)
		err = edge_apply(a->edge, next, a->tls_partner, why);
	if (err == 0)
		share_flow_keys(a, next);
	return err;
}

static void certs(void *state)
{
	struct access_edge *a = state;

	if (a->edge != NULL)
		doorman_review(a->edge);
}

static size_t ports(void *state, struct daemon_port *out, size_t cap)
{
	const struct access_edge *a = state;

	return front_ports(a->front, out, cap);
}

static void status(void *state, json_t *object)
{
	ctl_status(state, object);
}

static void drain(void *state, bool on)
{
	struct access_edge *a = state;
	struct why why = {""};
	int err = front_drain(a->front, on, &why);

	if (err != 0)
		daemon_event(a->daemon, "resume.failed", "text=\"%s\"",
			why_text(&why, err));
}

static size_t busy(void *state)
{
	const struct access_edge *a = state;

	return a->edge != NULL ? txn_open_count(&a->edge->txns) : 0;
}

static void stop(void *state)
{
	struct access_edge *a = state;

	if (a == NULL)
		return;
	edge_free(a->edge);
	front_free(a->front);
	resolver_free(a->resolver);
	free(a);
}

int main(int argc, char **argv)
{
	const struct daemon_spec spec = {
		.id = CONF_ACCESS_EDGE,
		.summary = "SIP proxy between remote users, partners and "
			"the enterprise",
		.counters = access_edge_counters,
		.counter_count = COUNTER_ACCESS_EDGE_COUNT,
		.routes = access_edge_routes,
		.route_count = access_edge_route_count,
		.may_bind_low = true,
		.needs = SANDBOX_KEEPS_FILES | SANDBOX_DIALS | SANDBOX_WORKS,
		.start = start,
		.ready = ready,
		.check = check,
		.apply = apply,
		.certs = certs,
		.ports = ports,
		.status = status,
		.drain = drain,
		.busy = busy,
		.stop = stop,
	};

	return daemon_run(&spec, argc, argv);
}
