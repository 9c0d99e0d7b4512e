/*
 * Snapshots of what is in force. Made on the main thread, read by all
 * shards, freed by whoever lets go last.
 */
#include "av-edge/rules.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/net/device.h"

#define DAEMON "av-edge"

struct shared_rules {
	struct rules rules; /* first, so that both have one address */
	atomic_uint refs;
};

int rules_new(struct rules **out)
{
	struct shared_rules *shared = calloc(1, sizeof(*shared));
	struct rules *r;

	if (shared == NULL)
		return -ENOMEM;
	atomic_init(&shared->refs, 1);
	r = &shared->rules;
	r->default_lifetime_s = 600;
	r->max_lifetime_s = 3600;
	r->allocation_lifetime_s = 43200;
	r->allocations_per_user = 48;
	r->allocations_per_credential = 48;
	r->allocations_per_minute = 600;
	r->user_kbps = 10000;
	r->port_kbps = 3000;
	r->nonce_lifetime_s = 900;
	r->rest_max_s = 86400;
	r->stranger_rate = 10;
	r->greet_ms = 10000;
	r->void_ms = 60000;
	r->tcp_relays = true;
	r->turn_tcp_rfc4571 = true;
	r->peer_connections = 8;
	r->connects_per_minute = 120;
	r->connect_ms = 30000;
	peer_policy_init(&r->peers);
	*out = r;
	return 0;
}

struct rules *rules_ref(struct rules *r)
{
	atomic_fetch_add(&container_of(r, struct shared_rules, rules)->refs,
		1);
	return r;
}

void rules_unref(struct rules *r)
{
	struct shared_rules *shared;

	if (r == NULL)
		return;
	shared = container_of(r, struct shared_rules, rules);
	if (atomic_fetch_sub(&shared->refs, 1) != 1)
		return;
	peer_policy_fini(&r->peers);
	av_key_ring_wipe(&r->keys);
	rest_ring_wipe(&r->rest);
	tls_ctx_unref(r->tls);
	free(shared);
}

static void take_tcp_relays(struct rules *r, const struct setting_set *set)
{
	r->tcp_relays = setting_bool(set, "tcp_relays");
	r->turn_tcp_rfc4571 = setting_bool(set, "turn_tcp_rfc4571");
	r->peer_connections =
	    (uint32_t)setting_number(set, "connections_per_allocation");
	r->connects_per_minute =
	    (uint32_t)setting_number(set, "connects_per_minute");
	r->connect_ms =
	    (uint32_t)setting_duration_s(set, "connect_timeout") * 1000;
}

struct addr rules_shown(const struct rules *r, enum topology_side side,
	const struct addr *listener)
{
	const struct rules_media *m = &r->media[rules_family_of(listener)];

	if (side == TOPOLOGY_EXTERNAL && addr_ip_eq(&m->bind, listener))
		return addr_with_port(&m->shown, listener->port);
	return *listener;
}

static int take_settings(struct rules *r, const struct topology *t,
	struct why *why)
{
	const struct setting_set *set = topology_settings(t, DAEMON);
	const char *realm = setting_text(set, "realm");
	size_t i;
	int err;

	if (realm[0] == '\0')
		realm = t->default_domain;
	snprintf(r->realm, sizeof(r->realm), "%s", realm);
	r->default_lifetime_s =
	    (uint32_t)setting_duration_s(set, "default_lifetime");
	r->max_lifetime_s = (uint32_t)setting_duration_s(set, "max_lifetime");
	r->allocation_lifetime_s =
	    (uint32_t)setting_duration_s(set, "allocation_lifetime");
	r->allocations_per_user =
	    (uint32_t)setting_number(set, "allocations_per_user");
	r->allocations_per_credential =
	    (uint32_t)setting_number(set, "allocations_per_credential");
	r->allocations_per_minute =
	    (uint32_t)setting_number(set, "allocations_per_minute");
	r->user_kbps =
	    (uint32_t)setting_number(set, "max_bandwidth_per_user_kb");
	r->port_kbps =
	    (uint32_t)setting_number(set, "max_bandwidth_per_port_kb");
	r->credential_skew_s =
	    (uint32_t)setting_duration_s(set, "credential_skew");
	r->rest_max_s =
	    (uint32_t)setting_duration_s(set, "rest_max_lifetime");
	r->nonce_lifetime_s =
	    (uint32_t)setting_duration_s(set, "nonce_lifetime");
	r->stranger_rate = (uint32_t)setting_number(set, "stranger_rate");
	r->rest_us = (uint32_t)setting_number(set, "rest_us");
	r->turn_sha256 = setting_bool(set, "turn_sha256");
	take_tcp_relays(r, set);
	r->feigns_peers =
	    strcmp(setting_text(set, "denied_peers"), "drop") == 0;
	r->names_itself = setting_bool(set, "behind_load_balancer");
	r->grants_bandwidth = setting_bool(set, "grant_bandwidth");
	for (i = 0; i < setting_list_count(set, "allow_peers"); i++) {
		err = netset_add_text(&r->peers.allow,
			str_of(setting_list_item(set, "allow_peers", i)));
		if (err < 0)
			return err;
	}
	err = nat64_read(&r->peers.nat64, set, why);
	return err < 0 ? err : alternates_read(&r->alternates, set, why);
}

static int take_media(struct rules *r, const struct topology *t,
	struct why *why)
{
	char text[ADDR_TEXT_LEN];
	size_t i;

	for (i = 0; i < t->media_count; i++) {
		const struct topology_media *from = &t->media[i];
		struct rules_media *m =
		    &r->media[rules_family_of(&from->address)];

		m->bind = from->address;
		m->shown = addr_is_set(&from->nat) ? from->nat :
						     from->address;
		m->port = from->port;
		m->port_count = from->port_count;
		if (t->sides_separated &&
		    net_device_of(&m->bind, m->device) < 0)
			return why_set(why, -EADDRNOTAVAIL,
				"relay address %s is on no device of this "
				"host; set it up or correct the topology",
				addr_ip_text(&m->bind, text));
		peer_policy_add_own(&r->peers, &m->bind);
		peer_policy_add_own(&r->peers, &m->shown);
	}
	if (t->media_count == 0)
		return why_set(why, EDGE_ECONFIG,
			"the topology gives this machine no relay address; "
			"add `av` to its machine entry");
	return 0;
}

static int take_host(struct rules *r, const struct topology *t,
	struct why *why)
{
	const struct topology_listener *inside =
	    topology_listener(t, TOPOLOGY_TURN_UDP, TOPOLOGY_INTERNAL);
	char device[NET_DEVICE_LEN] = "";
	char text[ADDR_TEXT_LEN];
	size_t i;
	int err;

	for (i = 0; i < t->listener_count; i++) {
		peer_policy_add_suite(&r->peers, &t->listeners[i].address);
		peer_policy_add_suite(&r->peers, &t->listeners[i].nat);
	}
	/* With both sides on one device nothing tells inside from outside. */
	if (t->sides_separated && inside != NULL &&
	    net_device_of(&inside->address, device) < 0)
		return why_set(why, -EADDRNOTAVAIL,
			"%s (internal) is on no device of this "
			"host; set it up or correct the topology",
			addr_ip_text(&inside->address, text));
	err = host_net_read(&r->peers.host, device);
	if (err < 0)
		return why_set(why, err,
			"can't read this host's addresses and routes: %s",
			err_text(err));
	return 0;
}

int rules_of_topology(struct rules **out, const struct topology *t,
	struct why *why)
{
	struct rules *r = NULL;
	int err;

	err = rules_new(&r);
	if (err == 0)
		err = take_settings(r, t, why);
	if (err == 0)
		err = take_media(r, t, why);
	if (err == 0)
		err = take_host(r, t, why);
	if (err < 0) {
		rules_unref(r);
		return err;
	}
	*out = r;
	return 0;
}
