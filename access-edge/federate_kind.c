/*
 * Which kind of partner it is: behind the default route, of a provider, with a
 * named edge, or found by DNS and proved by its certificate. One function per
 * step; federate.c has their order.
 */
#include "access-edge/federate_run.h"

#include <stdio.h>
#include <string.h>

#include "common/sip/sip_text.h"

static void settle(struct federate_run *r, enum partner_kind kind,
	enum partner_level level, const char *server)
{
	struct partner *p = &r->plan->partner;

	r->is_settled = true;
	p->kind = kind;
	p->level = level;
	snprintf(p->server, sizeof(p->server), "%s", server);
}

static void settle_provider(struct federate_run *r,
	const struct topology_provider *one)
{
	settle(r, PARTNER_PROVIDER, partner_level_of(one->verification),
		one->proxy_fqdn);
	r->plan->partner.is_public = one->is_public;
	r->plan->partner.shares_domains = one->shared_address_space;
}

static void add_target(struct federate_run *r, const char *host, uint16_t port)
{
	struct federate_plan *plan = r->plan;
	struct discover_target *t;

	if (plan->target_count == FEDERATE_TARGETS_MAX)
		return;
	t = &plan->targets[plan->target_count++];
	snprintf(t->host, sizeof(t->host), "%s", host);
	t->port = port != 0 ? port : 5061;
}

static bool names_host(const struct federate_run *r, const char *host)
{
	return tls_names_has_host(r->in->names, str_of(host),
		r->policy->federation.allow_wildcard);
}

/* "sip.a.test, b.test": for people. */
static const char *names_text(const struct tls_names *names, char *out,
	size_t cap)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < names->host_count + names->domain_count; i++) {
		bool is_host = i < names->host_count;
		int n = snprintf(out + at, cap - at, "%s%s%s",
			at > 0 ? ", " : "", is_host ? "" : "sip:",
			is_host ? names->hosts[i] :
				names->domains[i - names->host_count]);

		if (n < 0 || (size_t)n >= cap - at)
			break;
		at += (size_t)n;
	}
	return out[0] != '\0' ? out : "no name that counts";
}

enum federate_result federate_kind_default_route(struct federate_run *r)
{
	const struct policy_federation *f = &r->policy->federation;
	char names[120];

	if (!f->default_routing)
		return run_say(r, FEDERATE_SKIPPED, "use_default_routing is "
			"false");
	if (r->in != NULL && !names_host(r, f->default_route))
		return run_refuse(r, 504, DIAG_NO_TRUST, "default_route_fqdn",
			"not the server of the default route",
			"the certificate names %s, not %s", names_text(
			r->in->names, names, sizeof(names)),
			f->default_route);
	settle(r, PARTNER_DEFAULT_ROUTE, partner_level_of(f->default_level),
		f->default_route);
	r->plan->partner.is_public = f->is_public_provider;
	if (r->out != NULL)
		add_target(r, f->default_route, 0);
	return run_say(r, FEDERATE_SETTLED, "everything goes through %s",
		f->default_route);
}

enum federate_result federate_kind_provider(struct federate_run *r)
{
	const struct topology_provider *one = r->in != NULL ?
		partner_provider_of(r->policy, r->in->names) :
		partner_provider_at(r->policy, r->out->server);

	if (one == NULL)
		return run_say(r, FEDERATE_SKIPPED, r->in != NULL ?
			"the certificate names no enabled provider" :
			"no Route names an enabled provider");
	settle_provider(r, one);
	if (r->out != NULL)
		add_target(r, one->proxy_fqdn, r->out->server_port);
	return run_say(r, FEDERATE_SETTLED, "provider %s at %s", one->name,
		one->proxy_fqdn);
}

enum federate_result federate_kind_direct(struct federate_run *r)
{
	const struct topology_partner *e = r->entry;
	char line[PARTNER_LINE_LEN], names[120];

	if (e == NULL || e->edge_fqdn[0] == '\0')
		return run_say(r, FEDERATE_SKIPPED, "no edge is configured for "
			"%s", r->plan->partner.domain);
	partner_entry_line(e, line);
	if (r->in != NULL && !names_host(r, e->edge_fqdn))
		return run_refuse(r, 504, DIAG_NO_TRUST, "partners",
			"the certificate does not name the partner's edge",
			"the certificate names %s, not %s", names_text(
			r->in->names, names, sizeof(names)), e->edge_fqdn);
	settle(r, PARTNER_DIRECT, partner_level_of(e->verification),
		e->edge_fqdn);
	if (r->out != NULL)
		add_target(r, e->edge_fqdn, e->edge_port);
	return run_say(r, FEDERATE_SETTLED, "%s", line);
}

enum federate_result federate_kind_listed(struct federate_run *r)
{
	char line[PARTNER_LINE_LEN];

	if (r->entry != NULL) {
		partner_entry_line(r->entry, line);
		return run_say(r, FEDERATE_PASSED, "%s", line);
	}
	if (r->policy->federation.discovery)
		return run_say(r, FEDERATE_PASSED, "on no list, but "
			"enable_partner_discovery is true");
	if (r->out != NULL && partner_has_providers(r->policy)) {
		r->is_last_chance = true;
		return run_say(r, FEDERATE_PASSED, "on no list and "
			"enable_partner_discovery is false: only a provider "
			"can serve it");
	}
	return run_refuse(r, 403, DIAG_NO_ROUTE, "enable_partner_discovery",
		"neither allowed nor to be discovered",
		"%s is not among the partners and enable_partner_discovery "
		"is false", r->plan->partner.domain);
}

static bool could_be_of(const struct tls_names *names, struct str domain)
{
	if (tls_names_has_domain(names, domain))
		return true;
	for (size_t i = 0; i < names->host_count; i++) {
		if (partner_is_in_domain(str_of(names->hosts[i]), domain))
			return true;
	}
	return false;
}

/* Whatever DNS says, the certificate must name the domain or a server
 * directly below it (a provider's is known by now). So no stranger chooses
 * what we ask DNS for (threat S11). */
enum federate_result federate_kind_could_name(struct federate_run *r)
{
	const char *domain = r->plan->partner.domain;
	char names[120];

	if (could_be_of(r->in->names, str_of(domain)))
		return FEDERATE_PASSED;
	return run_refuse(r, 504, DIAG_NO_TRUST, NULL,
		"the certificate names none of the domain's servers",
		"the certificate names %s, nothing in %s", names_text(
		r->in->names, names, sizeof(names)), domain);
}

enum federate_result federate_kind_srv(struct federate_run *r)
{
	const char *domain = r->plan->partner.domain;

	if (r->srv == NULL) {
		r->plan->result = FEDERATE_ASK;
		return run_say(r, FEDERATE_ASK, "_sipfederationtls._tcp.%s",
			domain);
	}
	if (!r->srv->is_found) {
		diag_fact(&r->plan->verdict.facts, "domain", domain);
		return run_refuse(r, 504, DIAG_NO_SRV, NULL,
			"no SRV record leads to the domain's edge",
			"%s", r->srv->detail);
	}
	return run_say(r, FEDERATE_PASSED, "%zu server%s, %s:%u first%s",
		r->srv->count, r->srv->count == 1 ? "" : "s",
		r->srv->targets[0].host, r->srv->targets[0].port,
		r->srv->is_fallback ? " (rfc3263_fallback)" : "");
}

/* DNS leads to a provider: the domain is hosted there. */
static bool settle_hosted(struct federate_run *r)
{
	for (size_t i = 0; i < r->srv->count; i++) {
		const struct discover_target *t = &r->srv->targets[i];
		const struct topology_provider *one = partner_provider_at(
			r->policy, str_of(t->host));

		if (one == NULL || (r->in != NULL &&
			!names_host(r, t->host)))
			continue;
		settle_provider(r, one);
		if (r->out != NULL)
			add_target(r, t->host, t->port);
		return true;
	}
	return false;
}

/* A plain target list for people and for fqdn1. */
static void targets_text(const struct discover_answer *srv, char *out,
	size_t cap)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < srv->count; i++) {
		int n = snprintf(out + at, cap - at, "%s%s:%u",
			at > 0 ? ", " : "", srv->targets[i].host,
			srv->targets[i].port);

		if (n < 0 || (size_t)n >= cap - at)
			return;
		at += (size_t)n;
	}
}

static enum federate_result no_parent(struct federate_run *r)
{
	struct diag_facts *facts = &r->plan->verdict.facts;
	const char *domain = r->plan->partner.domain;
	char first[DNS_NAME_LEN + 8], all[120];

	targets_text(r->srv, all, sizeof(all));
	if (r->is_last_chance)
		return run_refuse(r, 403, DIAG_NO_ROUTE,
			"enable_partner_discovery",
			"neither allowed nor to be discovered",
			"DNS leads to no provider but to %s", all);
	snprintf(first, sizeof(first), "%s:%u", r->srv->targets[0].host,
		r->srv->targets[0].port);
	diag_fact(facts, "domain", domain);
	diag_fact(facts, "fqdn1", first);
	return run_refuse(r, 504, DIAG_SRV_MISMATCH, NULL,
		"DNS leads to servers outside the domain",
		"none of %s is directly below %s", all, domain);
}

/* Servers directly below the domain count. A certificate that names the
 * domain itself (RFC 5922) makes up for it. */
enum federate_result federate_kind_parent(struct federate_run *r)
{
	const char *domain = r->plan->partner.domain;
	size_t good = 0;

	if (settle_hosted(r))
		return run_say(r, FEDERATE_SETTLED, "DNS leads to provider %s",
			r->plan->partner.server);
	for (size_t i = 0; i < r->srv->count && !r->is_last_chance; i++) {
		const struct discover_target *t = &r->srv->targets[i];

		if (!r->srv->is_fallback && !partner_is_in_domain(
			str_of(t->host), str_of(domain)))
			continue;
		good++;
		if (r->out != NULL)
			add_target(r, t->host, t->port);
	}
	if (good > 0)
		return run_say(r, FEDERATE_PASSED, "%zu of %zu are in %s",
			good, r->srv->count, domain);
	if (r->in != NULL && tls_names_has_domain(r->in->names,
		str_of(domain)))
		return run_say(r, FEDERATE_PASSED, "the certificate names %s "
			"itself", domain);
	return no_parent(r);
}

/* Which of the domain's servers is it? NULL: none of them. */
static const char *proved_target(const struct federate_run *r)
{
	const char *domain = r->plan->partner.domain;

	for (size_t i = 0; i < r->srv->count; i++) {
		const char *host = r->srv->targets[i].host;

		if (!r->srv->is_fallback && partner_is_in_domain(
			str_of(host), str_of(domain)) && names_host(r, host))
			return host;
	}
	return NULL;
}

static void settle_found(struct federate_run *r, const char *server)
{
	bool is_listed = r->entry != NULL;

	settle(r, is_listed ? PARTNER_ALLOWED : PARTNER_DISCOVERED,
		partner_level_of(is_listed ? r->entry->verification :
			r->policy->federation.discovered_level), server);
}

enum federate_result federate_kind_name(struct federate_run *r)
{
	const char *domain = r->plan->partner.domain;
	const char *server = proved_target(r);
	char names[120];

	if (server == NULL && tls_names_has_domain(r->in->names,
		str_of(domain)))
		server = domain;
	if (server == NULL)
		return run_refuse(r, 504, DIAG_NO_TRUST, NULL,
			"the certificate names none of the domain's servers",
			"the certificate names %s", names_text(r->in->names,
			names, sizeof(names)));
	settle_found(r, server);
	return run_say(r, FEDERATE_SETTLED, "the certificate names %s", server);
}

/* Outbound it is proved when the server has shaken hands. */
enum federate_result federate_kind_plan(struct federate_run *r)
{
	struct federate_plan *plan = r->plan;

	settle_found(r, plan->targets[0].host);
	plan->must_name_domain = r->srv->is_fallback;
	plan->may_name_domain = true;
	return run_say(r, FEDERATE_SETTLED, "the certificate must name %s",
		plan->must_name_domain ? plan->partner.domain :
			plan->targets[0].host);
}
