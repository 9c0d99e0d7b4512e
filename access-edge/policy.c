/*
 * Topology and settings in the form decisions need. Names of settings occur
 * here and nowhere else in this daemon.
 */
#include "access-edge/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/dns_name.h"
#include "common/base/err.h"
#include "common/base/netset.h"
#include "common/sip/sip_text.h"

static int side_from(struct policy_side *out, const struct topology *t,
	enum topology_usage usage, enum topology_side side, struct why *why)
{
	const struct topology_listener *l = topology_listener(t, usage, side);

	if (l == NULL)
		return why_set(why, EDGE_ECONFIG,
			"the topology has no %s listener on the %s side of "
			"%s; give the edge pool an address for it",
			topology_usage_name(usage), topology_side_name(side),
			t->machine);
	snprintf(out->fqdn, sizeof(out->fqdn), "%s", l->public_fqdn);
	out->port = l->public_port;
	snprintf(out->host_port, sizeof(out->host_port), "%s:%u",
		l->public_fqdn, l->public_port);
	out->address = l->address;
	out->nat = l->nat;
	return 0;
}

static uint32_t seconds(const struct setting_set *s, const char *name)
{
	uint64_t n = setting_duration_s(s, name);

	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static unsigned number(const struct setting_set *s, const char *name)
{
	return (unsigned)setting_number(s, name);
}

static void times_from(struct policy *p, const struct setting_set *s)
{
	p->failed_logon_window_s = seconds(s, "failed_logon_window");
	p->keep_alive_s = seconds(s, "keep_alive_timeout");
	p->flow_timer_s = seconds(s, "flow_timer");
	p->max_idle_s = seconds(s, "max_keep_alive_interval");
	p->pre_auth_s = seconds(s, "pre_auth_time");
	p->first_message_s = seconds(s, "first_message_timeout");
	p->message_s = seconds(s, "message_timeout");
	p->handshake_s = seconds(s, "handshake_timeout");
	p->transaction_s = seconds(s, "transaction_timeout");
	p->invite_s = seconds(s, "invite_timeout");
	p->connect_s = seconds(s, "connect_timeout");
	p->probe_s = seconds(s, "next_hop_probe");
	p->down_s = seconds(s, "next_hop_down");
}

static void rules_from(struct policy *p, const struct setting_set *s)
{
	const char *path = setting_text(s, "register_path");

	p->allow_outside_users = setting_bool(s, "allow_outside_users");
	p->allow_anonymous_users = setting_bool(s, "allow_anonymous_users");
	p->verified_before_sign_in =
		setting_bool(s, "verified_before_sign_in");
	p->hide_software = setting_bool(s, "hide_software");
	p->hide_vias = setting_bool(s, "hide_vias");
	p->hide_record_routes = setting_bool(s, "hide_record_routes");
	p->keep_crls = setting_bool(s, "keep_crls_up_to_date_for_peers");
	p->require_crls = setting_bool(s, "require_crls_for_peers");
	p->hide_history = setting_bool(s, "hide_history");
	p->ms_headers = setting_bool(s, "ms_headers");
	p->add_supported_path = setting_bool(s, "add_supported_path");
	p->fix_nated_contact = setting_bool(s, "fix_nated_contact");
	p->white_space_keep_alive =
		setting_bool(s, "enable_white_space_keep_alive");
	p->flow_failed_code =
		strcmp(setting_text(s, "flow_failed_code"), "480") == 0 ?
		480 : 430;
	p->register_path = REGISTER_PATH_BOTH;
	if (strcmp(path, "path") == 0)
		p->register_path = REGISTER_PATH_PATH;
	else if (strcmp(path, "record-route") == 0)
		p->register_path = REGISTER_PATH_RECORD_ROUTE;
	p->pre_auth_requests = number(s, "pre_auth_requests");
	p->anonymous_dialogs = number(s, "anonymous_dialogs_per_minute");
	p->client_rate = number(s, "client_rate");
	p->client_burst = number(s, "client_burst");
	p->failed_logon_limit = number(s, "failed_logon_limit");
	p->tls_count = number(s, "outgoing_tls_count");
	p->handshakes_max = number(s, "max_handshakes");
	p->memory_mark = (size_t)setting_number(s, "memory_mark_mb") << 20;
	p->transactions_max = number(s, "max_transactions");
	p->client_transactions_max =
		number(s, "max_transactions_per_client");
	p->transaction_bytes_max =
		(size_t)setting_number(s, "max_transaction_memory_mb") << 20;
	p->client_body_max =
		setting_number(s, "max_client_message_body_size_kb") * 1024;
	p->server_body_max =
		setting_number(s, "max_server_message_body_size_kb") * 1024;
}

static void federation_from(struct policy_federation *f,
	const struct setting_set *s)
{
	f->is_on = setting_bool(s, "allow_federated_users");
	f->discovery = setting_bool(s, "enable_partner_discovery");
	f->default_routing = setting_bool(s, "use_default_routing");
	f->default_route = setting_text(s, "default_route_fqdn");
	f->is_public_provider = setting_bool(s, "is_public_provider");
	f->mark_verifiable = setting_bool(s,
		"mark_source_verifiable_on_outgoing_messages");
	f->contacts_limit = setting_bool(s,
		"enable_discovered_partner_contacts_limit");
	f->allow_wildcard = setting_bool(s, "allow_wildcard_federation");
	f->rfc3263_fallback = setting_bool(s, "rfc3263_fallback");
	f->discovered_level = setting_text(s,
		"discovered_partner_verification_level");
	f->default_level = setting_text(s, "verification_level");
	f->tls_count = number(s, "outgoing_tls_count_for_federated_partners");
	f->rate = number(s, "discovered_partner_standard_rate");
	f->contacts = number(s, "max_contacts_per_discovered_partner");
	f->accepted_max = number(s, "max_accepted_certificates_stored");
	f->rejected_max = number(s, "max_rejected_certificates_stored");
	f->deleted_percent = number(s, "certificates_deleted_percentage");
	f->srv_max = number(s, "dns_srv_cache_record_count");
	f->report_s = number(s, "discovered_partner_report_period_minutes") *
		60;
}

int policy_from(struct policy *out, const struct topology *t,
	struct why *why)
{
	struct policy p = {.topology = t};
	int err = side_from(&p.inside, t, TOPOLOGY_SIP_INTERNAL,
		TOPOLOGY_INTERNAL, why);

	if (err == 0)
		err = side_from(&p.outside, t, TOPOLOGY_SIP_CLIENT,
			TOPOLOGY_EXTERNAL, why);
	if (err == 0 && topology_listener(t, TOPOLOGY_SIP_FEDERATION,
		TOPOLOGY_EXTERNAL) != NULL)
		err = side_from(&p.partners, t, TOPOLOGY_SIP_FEDERATION,
			TOPOLOGY_EXTERNAL, why);
	if (err != 0)
		return err;
	p.settings = topology_settings(t, "access-edge");
	times_from(&p, p.settings);
	federation_from(&p.federation, p.settings);
	rules_from(&p, p.settings);
	*out = p;
	return 0;
}

static bool is_listed(const struct policy *p, const char *setting,
	struct str word)
{
	size_t count = setting_list_count(p->settings, setting);

	for (size_t i = 0; i < count; i++) {
		if (str_eq_z(word, setting_list_item(p->settings, setting,
			i)))
			return true;
	}
	return false;
}

bool policy_is_pre_auth_method(const struct policy *p, struct str method)
{
	return is_listed(p, "pre_auth_methods", method);
}

bool policy_is_federation_method(const struct policy *p, struct str method)
{
	return is_listed(p, "federation_methods", method);
}

bool policy_allows_target(const struct policy *p, const struct addr *a)
{
	size_t count = setting_list_count(p->settings, "allow_targets");
	struct addr plain = addr_canonical(a);

	for (size_t i = 0; i < count; i++) {
		struct net_prefix net;

		if (net_prefix_parse(str_of(setting_list_item(p->settings,
			"allow_targets", i)), &net) == 0 &&
			net_prefix_has(&net, &plain))
			return true;
	}
	return false;
}

const char *policy_line(const struct policy *p, const char *name,
	char out[static POLICY_LINE_LEN])
{
	const struct setting_def *def = name != NULL ?
		setting_find("access-edge", name) : NULL;
	char *value;

	snprintf(out, POLICY_LINE_LEN, "%s", name != NULL ? name : "");
	if (def == NULL)
		return out;
	value = setting_to_text(def, setting_json(p->settings, name));
	snprintf(out, POLICY_LINE_LEN, "access-edge.%s: %s", name,
		value != NULL ? value : "?");
	free(value);
	return out;
}

bool policy_is_anonymous_method(const struct policy *p, struct str method)
{
	return is_listed(p, "anonymous_methods", method);
}

static bool is_side(const struct policy_side *side, struct str host)
{
	struct addr named;

	if (sip_host_eq(host, str_of(side->fqdn)))
		return true;
	if (host.n > 2 && host.p[0] == '[')
		host = (struct str){host.p + 1, host.n - 2};
	if (addr_parse(host, &named) != 0)
		return false;
	return addr_ip_eq(&named, &side->address) ||
		(addr_is_set(&side->nat) && addr_ip_eq(&named, &side->nat));
}

bool policy_is_own_uri(const struct policy *p, const struct sip_uri *uri)
{
	uint16_t port = sip_uri_port(uri);

	if (!sip_uri_is_sip(uri))
		return false;
	/* Clients write the outside name with either port, or with none. */
	if (is_side(&p->outside, uri->host) ||
		(p->partners.fqdn[0] != '\0' &&
			is_side(&p->partners, uri->host)))
		return uri->port == 0 || port == p->outside.port ||
			port == p->partners.port || port == 5061;
	return is_side(&p->inside, uri->host) &&
		(uri->port == 0 || port == p->inside.port);
}

bool policy_has_domain(const struct policy *p, struct str host)
{
	return topology_has_domain(p->topology, dns_name_without_dot(host));
}

bool policy_trusts(const struct policy *p, struct str host)
{
	char name[DNS_NAME_LEN];

	if (str_copy(dns_name_without_dot(host), name, sizeof(name)) != 0)
		return false;
	return topology_trusted(p->topology, TOPOLOGY_GRANT_SIP, name) !=
		NULL;
}
