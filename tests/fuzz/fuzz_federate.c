/*
 * Decisions between organisations, from structured input: whatever domains,
 * certificates, lists and answers of DNS there are, nobody comes in who is
 * blocked, speaks for us, or has a certificate that does not prove it; and a
 * report is always printable.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access-edge/federate.h"
#include "common/run/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define WORDS 16

static struct topology t;
static struct topology_listener listeners[3];
static struct topology_partner partners[3];
static struct topology_provider providers[2];
static char domains[1][256] = {"a.test"};
static struct policy policy;
static char words[WORDS][64];

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void start(void)
{
	struct why why = {""};

	if (t.listener_count > 0)
		return;
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++)
		must(setting_set_new(&t.settings[i], conf_daemon_name(i)) ==
			0);
	must(setting_set_put(t.settings[CONF_ACCESS_EDGE],
		"allow_federated_users", "true", &why) == 0);
	listeners[0].usage = TOPOLOGY_SIP_CLIENT;
	listeners[1].usage = TOPOLOGY_SIP_FEDERATION;
	listeners[2].usage = TOPOLOGY_SIP_INTERNAL;
	listeners[0].side = listeners[1].side = TOPOLOGY_EXTERNAL;
	snprintf(listeners[1].public_fqdn, 256, "sip.a.test");
	t.listeners = listeners;
	t.listener_count = 3;
	t.domains = domains;
	t.domain_count = 1;
	t.partners = partners;
	t.providers = providers;
	must(policy_from(&policy, &t, &why) == 0);
}

/* The input as words between zeros; few letters, so that they meet. */
static void read_words(const uint8_t *data, size_t len)
{
	size_t w = 0, at = 0;

	memset(words, 0, sizeof(words));
	for (size_t i = 0; i < len && w < WORDS; i++) {
		if (data[i] == 0) {
			w++;
			at = 0;
		} else if (at + 1 < sizeof(words[0])) {
			words[w][at++] = (char)data[i];
		}
	}
}

static void fill_lists(uint8_t flags)
{
	t.partner_count = flags & 3;
	t.provider_count = flags >> 2 & 1;
	for (size_t i = 0; i < t.partner_count; i++) {
		snprintf(partners[i].domain, 256, "%s", words[i]);
		snprintf(partners[i].edge_fqdn, 256, "%s", words[3 + i]);
		partners[i].is_blocked = (flags >> 3 & 1) != 0 && i == 0;
		snprintf(partners[i].verification, 8, "source");
	}
	snprintf(providers[0].proxy_fqdn, 256, "%s", words[6]);
	providers[0].is_enabled = (flags >> 4 & 1) != 0;
	providers[0].shared_address_space = (flags >> 5 & 1) != 0;
	policy.federation.discovery = (flags >> 6 & 1) != 0;
	policy.federation.default_routing = (flags >> 7 & 1) != 0;
	policy.federation.default_route = words[7];
}

static void check_report(const struct federate_report *r)
{
	must(r->count > 0 && r->count <= FEDERATE_STEP_COUNT);
	for (size_t i = 0; i < r->count; i++) {
		for (const char *p = r->rows[i].text; *p != '\0'; p++)
			must(*p < 0 || *p >= ' ');
	}
}

static bool names_any(const struct tls_names *names,
	const struct discover_answer *srv, const char *domain)
{
	for (size_t i = 0; i < srv->count; i++) {
		if (partner_is_in_domain(str_of(srv->targets[i].host),
			str_of(domain)) && tls_names_has_host(names,
			str_of(srv->targets[i].host), false))
			return true;
	}
	return tls_names_has_domain(names, str_of(domain));
}

/* What must hold of whoever was let in. */
static void check_accepted(const struct federate_in *in,
	const struct federate_plan *plan)
{
	const char *domain = plan->partner.domain;
	const struct topology_partner *e = partner_entry(&policy,
		str_of(domain));
	const struct topology_provider *p = partner_provider_of(&policy,
		in->names);
	bool is_ours = policy_has_domain(&policy, str_of(domain)) ||
		policy_has_domain(&policy, in->from);

	must(e == NULL || !e->is_blocked);
	must(!is_ours || partner_is_sharing(p));
	must(policy_is_federation_method(&policy, in->method));
	switch (plan->partner.kind) {
	case PARTNER_NONE:
		abort();
	case PARTNER_DEFAULT_ROUTE:
		must(tls_names_has_host(in->names, str_of(
			policy.federation.default_route), false));
		break;
	case PARTNER_PROVIDER:
		must(p != NULL && p->is_enabled);
		break;
	case PARTNER_DIRECT:
		must(e != NULL && tls_names_has_host(in->names,
			str_of(e->edge_fqdn), false));
		break;
	case PARTNER_ALLOWED:
	case PARTNER_DISCOVERED:
		must((plan->partner.kind == PARTNER_ALLOWED) == (e != NULL));
		must(e != NULL || policy.federation.discovery);
		must(in->srv != NULL && in->srv->is_found &&
			names_any(in->names, in->srv, domain));
		break;
	}
}

static void fill_srv(struct discover_answer *srv, uint8_t flags)
{
	memset(srv, 0, sizeof(*srv));
	srv->is_found = (flags & 1) != 0;
	srv->is_fallback = (flags >> 1 & 1) != 0;
	for (size_t i = 0; srv->is_found && i < 2; i++) {
		snprintf(srv->targets[i].host, sizeof(srv->targets[i].host),
			"%s", words[8 + i]);
		srv->count++;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char *hosts[2], *uris[1];
	static struct discover_answer srv;
	struct tls_names names = {.hosts = hosts, .domains = uris};
	struct federate_plan plan;
	struct federate_in in = {.policy = &policy, .names = &names};
	struct federate_out out = {.policy = &policy};

	start();
	if (len < 3)
		return 0;
	read_words(data + 3, len - 3);
	fill_lists(data[0]);
	fill_srv(&srv, data[1]);
	hosts[0] = words[10];
	hosts[1] = words[11];
	uris[0] = words[12];
	names.host_count = data[1] >> 2 & 1 ? 2 : 1;
	names.domain_count = data[1] >> 3 & 1;
	in.sender = str_of(words[13]);
	in.from = str_of(data[2] & 1 ? words[14] : words[13]);
	in.recipient = str_of(data[2] & 2 ? words[15] : "a.test");
	in.to = in.recipient;
	in.is_in_dialog = (data[2] & 4) != 0;
	in.has_maddr = (data[2] & 128) != 0;
	in.method = str_of(data[2] & 8 ? words[14] : "MESSAGE");
	in.srv = data[2] & 16 ? NULL : &srv;
	federate_inbound(&in, &plan);
	check_report(&plan.report);
	if (plan.result == FEDERATE_PASSED)
		check_accepted(&in, &plan);
	out.domain = in.sender;
	out.server = str_of(data[2] & 32 ? words[15] : "");
	out.is_in_dialog = (data[2] & 64) != 0;
	out.srv = in.srv;
	out.method = in.method;
	federate_outbound(&out, &plan);
	check_report(&plan.report);
	if (plan.result == FEDERATE_PASSED)
		must(plan.target_count > 0 && (!policy_has_domain(&policy,
			str_of(plan.partner.domain)) ||
			plan.partner.shares_domains ||
			providers[0].shared_address_space));
	return 0;
}
