/*
 * The policy of av-auth. Knows no message, no file and no clock of its own.
 *
 * Which names are handed out (docs/protocol/av-auth.md, "Relays"): outside
 * the A/V name of the edge, inside the internal name of the pool, and never
 * one for the other, because a client outside can't reach the internal
 * name. With route="directip" the addresses, outside those that NAT shows.
 */
#include "av-auth/issue.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"

static const struct {
	enum topology_side side;
	enum avedge_location location;
} PLACES[] = {
	/* Nothing said = both, intranet first. */
	{TOPOLOGY_INTERNAL, AVEDGE_INTRANET},
	{TOPOLOGY_EXTERNAL, AVEDGE_INTERNET},
};

/* Ports are offered only for usages with a service behind them. */
static const struct {
	enum topology_usage usage;
	size_t port_at;
} OFFERED[] = {
	{TOPOLOGY_TURN_UDP, offsetof(struct avedge_relay, udp_port)},
	{TOPOLOGY_TURN_TCP, offsetof(struct avedge_relay, tcp_port)},
};

static void set_port(struct avedge_relay *relay, size_t at, uint16_t port)
{
	memcpy((char *)relay + at, &port, sizeof(port));
}

/* The row of that place and name, or a new one; NULL when all are taken. */
static struct avedge_relay *relay_row(struct issue_relays *relays,
	enum avedge_location location, const char *name, bool is_address)
{
	struct avedge_relay *relay;

	for (size_t i = 0; i < relays->count; i++) {
		relay = &relays->at[i];
		if (relay->location == location &&
			strcmp(relay->name, name) == 0)
			return relay;
	}
	if (relays->count == ISSUE_RELAYS_MAX)
		return NULL;
	relay = &relays->at[relays->count];
	*relay = (struct avedge_relay){.location = location,
		.is_address = is_address};
	if (str_copy(str_of(name), relay->name, sizeof(relay->name)) < 0)
		return NULL;
	relays->count++;
	return relay;
}

static void add_listener(struct issue_policy *p,
	const struct topology_listener *l, enum avedge_location location,
	size_t port_at)
{
	const struct addr *seen = addr_is_set(&l->nat) ? &l->nat : &l->address;
	struct avedge_relay *relay;
	char text[ADDR_TEXT_LEN];

	if (l->public_fqdn[0] != '\0') {
		relay = relay_row(&p->by_name, location, l->public_fqdn, false);
		if (relay != NULL)
			set_port(relay, port_at, l->public_port);
	}
	relay = relay_row(&p->by_address, location, addr_ip_text(seen, text),
		true);
	if (relay != NULL)
		set_port(relay, port_at, l->public_port);
}

static void add_place(struct issue_policy *p, const struct topology *t,
	enum topology_side side, enum avedge_location location)
{
	bool has_tcp_relays = setting_bool(topology_settings(t, "av-edge"),
		"tcp_relays");

	for (size_t row = 0; row < ARRAY_COUNT(OFFERED); row++) {
		/* MS-TURN over TCP wants a TCP relay port, always. */
		if (OFFERED[row].usage == TOPOLOGY_TURN_TCP && !has_tcp_relays)
			continue;
		for (size_t i = 0; i < t->listener_count; i++) {
			const struct topology_listener *l = &t->listeners[i];

			if (l->usage == OFFERED[row].usage && l->side == side)
				add_listener(p, l, location,
					OFFERED[row].port_at);
		}
	}
}

void issue_policy_from(struct issue_policy *out, const struct topology *t)
{
	const struct setting_set *set = topology_settings(t, "av-auth");

	*out = (struct issue_policy){
		.lifetime_max_min = (uint32_t)(
			setting_duration_s(set, "max_token_lifetime") / 60),
		.domains = setting_bool(set, "own_domains_only") ? t : NULL,
	};
	for (size_t i = 0; i < ARRAY_COUNT(PLACES); i++)
		add_place(out, t, PLACES[i].side, PLACES[i].location);
}

uint32_t issue_lifetime_min(const struct issue_policy *policy,
	uint32_t asked_min)
{
	if (asked_min == 0 || asked_min > policy->lifetime_max_min)
		return policy->lifetime_max_min;
	return asked_min;
}

static bool has_relay(const struct avedge_response *a,
	enum avedge_location location)
{
	for (size_t i = 0; i < a->relay_count; i++)
		if (location == AVEDGE_ANYWHERE ||
			a->relays[i].location == location)
			return true;
	return false;
}

/* "sip:alice@contoso.test;gruu" is of contoso.test. */
static bool is_ours(const struct topology *t, struct str identity)
{
	struct str host = str_skip(identity, str_find(identity, '@'));

	if (str_is_empty(host))
		return false;
	host = str_skip(host, 1);
	host.n = str_find(host, ';');
	host.n = str_find(host, '?');
	host.n = str_find(host, ':');
	for (size_t i = 0; i < t->domain_count; i++)
		if (str_ieq_z(host, t->domains[i]))
			return true;
	return false;
}

static enum avedge_reason grant_item(struct avedge_grant *out,
	const struct issue_policy *policy, const struct av_key_ring *ring,
	enum av_cred_version version, const struct avedge_item *item,
	struct wall now)
{
	struct av_cred c;

	out->id = item->id;
	out->location = item->location;
	out->duration_min = issue_lifetime_min(policy, item->duration_min);
	now.s += (int64_t)out->duration_min * 60;
	if (av_cred_mint(&c, ring, version, item->identity, now) < 0)
		return AVEDGE_INTERNAL;
	memcpy(out->client_id, c.client_id, sizeof(out->client_id));
	av_cred_user_text(&c, out->user);
	av_cred_password_text(&c, out->password);
	digest_wipe(&c, sizeof(c));
	return AVEDGE_OK;
}

static enum avedge_reason grant_all(struct avedge_response *out,
	struct avedge_grant *grants, const struct issue_policy *policy,
	const struct av_key_ring *ring, struct wall now)
{
	const struct avedge_request *q = out->request;
	enum avedge_reason reason = AVEDGE_OK;

	for (size_t i = 0; i < q->item_count && reason == AVEDGE_OK; i++) {
		if (!has_relay(out, q->items[i].location))
			return AVEDGE_NOT_SUPPORTED;
		if (policy->domains != NULL &&
			!is_ours(policy->domains, q->items[i].identity))
			return AVEDGE_FORBIDDEN;
		reason = grant_item(&grants[i], policy, ring,
			(enum av_cred_version)q->major, &q->items[i], now);
	}
	return reason;
}

void issue_refuse(struct avedge_response *out,
	const struct avedge_request *request, enum avedge_reason reason)
{
	const char *version = "1.0";

	if (reason == AVEDGE_VERSION_MISMATCH || request->major == AV_CRED_V2)
		version = "2.0";
	*out = (struct avedge_response){.reason = reason,
		.request = request,
		.server_version = version};
}

void issue_answer(struct avedge_response *out,
	const struct issue_policy *policy, const struct av_key_ring *ring,
	const struct avedge_request *request, struct wall now)
{
	const struct issue_relays *relays = request->direct_ip ?
		&policy->by_address : &policy->by_name;
	enum avedge_reason reason = AVEDGE_INTERNAL;
	struct avedge_grant *grants;

	issue_refuse(out, request, AVEDGE_OK);
	if ((request->major != AV_CRED_V1 && request->major != AV_CRED_V2) ||
		request->minor != 0) {
		issue_refuse(out, request, AVEDGE_VERSION_MISMATCH);
		return;
	}
	if (ring->count == 0) {
		issue_refuse(out, request, AVEDGE_NOT_SUPPORTED);
		return;
	}
	out->relays = relays->at;
	out->relay_count = relays->count;
	grants = calloc(request->item_count, sizeof(*grants));
	if (grants != NULL)
		reason = grant_all(out, grants, policy, ring, now);
	out->grants = grants;
	out->grant_count = grants != NULL ? request->item_count : 0;
	if (reason != AVEDGE_OK) {
		issue_response_fini(out);
		issue_refuse(out, request, reason);
	}
}

void issue_response_fini(struct avedge_response *response)
{
	struct avedge_grant *grants = response->grants;

	if (grants != NULL)
		digest_wipe(grants, response->grant_count * sizeof(*grants));
	free(grants);
	response->grants = NULL;
	response->grant_count = 0;
}
