/*
 * The order of checks between organisations. One row per step; the first
 * that refuses decides, the first that settles who it is skips the other
 * kinds. What the peer is told is the same for all refusals: nothing.
 */
#include "access-edge/federate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/attr.h"
#include "common/sip/sip_text.h"

/* ---- one decision under way ---------------------------------------------- */

struct run {
	const struct policy *policy;
	const struct federate_in *in;   /* inbound, or */
	const struct federate_out *out; /* outbound */
	const struct discover_answer *srv;
	const struct topology_partner *entry;
	struct federate_plan *plan;
	enum federate_step step;
	bool is_settled;
	bool is_last_chance; /* nothing but a provider can make it good */
};

static enum federate_result EDGE_PRINTF(3, 4) found(struct run *r,
	enum federate_result result, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	federate_found_v(&r->plan->report, r->step, result, fmt, args);
	va_end(args);
	return result;
}

/* A refusal: what servers inside are told, and which line decided. Peers
 * outside get 504 and no word more. */
static enum federate_result EDGE_PRINTF(6, 7) refuse(struct run *r,
	unsigned status, enum diag_id diag, const char *setting,
	const char *cause, const char *fmt, ...)
{
	struct verdict *v = &r->plan->verdict;
	const struct federate_report *report = &r->plan->report;
	struct diag_facts facts = v->facts;
	va_list args;

	va_start(args, fmt);
	federate_found_v(&r->plan->report, r->step, FEDERATE_REFUSED, fmt,
		args);
	va_end(args);
	*v = verdict_by(setting, r->in != NULL ? 504 : status, diag, cause);
	v->rule = federate_step_name(r->step);
	v->facts = facts;
	*v = verdict_detail(*v, report->rows[report->count - 1].text);
	return FEDERATE_REFUSED;
}

static void settle(struct run *r, enum partner_kind kind,
	enum partner_level level, const char *server)
{
	struct partner *p = &r->plan->partner;

	r->is_settled = true;
	p->kind = kind;
	p->level = level;
	snprintf(p->server, sizeof(p->server), "%s", server);
}

static void settle_provider(struct run *r,
	const struct topology_provider *one)
{
	settle(r, PARTNER_PROVIDER, partner_level_of(one->verification),
		one->proxy_fqdn);
	r->plan->partner.is_public = one->is_public;
	r->plan->partner.shares_domains = one->shared_address_space;
}

static void add_target(struct run *r, const char *host, uint16_t port)
{
	struct federate_plan *plan = r->plan;
	struct discover_target *t;

	if (plan->target_count == FEDERATE_TARGETS_MAX)
		return;
	t = &plan->targets[plan->target_count++];
	snprintf(t->host, sizeof(t->host), "%s", host);
	t->port = port != 0 ? port : 5061;
}

static bool names_host(const struct run *r, const char *host)
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

/* ---- the steps ----------------------------------------------------------- */

static enum federate_result check_enabled(struct run *r)
{
	if (r->policy->federation.is_on &&
		r->policy->partners.fqdn[0] != '\0')
		return found(r, FEDERATE_PASSED, "allow_federated_users is "
			"true");
	return refuse(r, 403, DIAG_NO_FEDERATION, "allow_federated_users",
		"federation is off", "allow_federated_users is false");
}

static enum federate_result check_sender(struct run *r)
{
	const struct topology_provider *one;
	char *domain = r->plan->partner.domain;

	if (partner_domain_take(r->in->sender, domain) != 0) {
		domain[0] = '\0';
		return refuse(r, 504, DIAG_FOREIGN_SENDER, NULL,
			"the sender's domain is none",
			"'%.*s' is no domain name", STR_ARG(r->in->sender));
	}
	if (!policy_has_domain(r->policy, str_of(domain)) &&
		!policy_has_domain(r->policy, r->in->from))
		return found(r, FEDERATE_PASSED, "the sender is in %s",
			domain);
	one = partner_provider_of(r->policy, r->in->names);
	if (partner_is_sharing(one))
		return found(r, FEDERATE_PASSED, "the sender is in our own "
			"domain; provider %s shares our address space",
			one->name);
	return refuse(r, 504, DIAG_FOREIGN_SENDER, "domains",
		"a stranger speaks for one of our own domains",
		"the sender is %s, From is in %.*s", domain,
		STR_ARG(r->in->from));
}

static enum federate_result check_destination(struct run *r)
{
	const struct topology_provider *one = partner_provider_at(r->policy,
		r->out->server);
	char *domain = r->plan->partner.domain;

	if (partner_domain_take(r->out->domain, domain) != 0) {
		domain[0] = '\0';
		return refuse(r, 404, DIAG_NO_ROUTE, NULL,
			"the destination's domain is none",
			"'%.*s' is no domain name", STR_ARG(r->out->domain));
	}
	if (!policy_has_domain(r->policy, str_of(domain)))
		return found(r, FEDERATE_PASSED, "the destination is in %s",
			domain);
	if (partner_is_sharing(one))
		return found(r, FEDERATE_PASSED, "the destination is in our "
			"own %s; provider %s shares our address space",
			domain, one->name);
	return refuse(r, 404, DIAG_NO_ROUTE, "domains",
		"the inside asked the edge for its own user",
		"the destination is in our own %s", domain);
}

/* From is what people read: a blocked domain gets in under no other's
 * assertion either. */
static const struct topology_partner *blocked_from(const struct run *r)
{
	char from[DNS_NAME_LEN];
	const struct topology_partner *entry;

	if (r->in == NULL || partner_domain_take(r->in->from, from) != 0)
		return NULL;
	entry = partner_entry(r->policy, str_of(from));
	return entry != NULL && entry->is_blocked ? entry : NULL;
}

static enum federate_result check_blocked(struct run *r)
{
	const struct topology_partner *other = blocked_from(r);
	char line[PARTNER_LINE_LEN];

	r->entry = partner_entry(r->policy,
		str_of(r->plan->partner.domain));
	if (other != NULL)
		r->entry = other;
	if (r->entry == NULL)
		return found(r, FEDERATE_PASSED, "%s is on no list",
			r->plan->partner.domain);
	partner_entry_line(r->entry, line);
	if (!r->entry->is_blocked)
		return found(r, FEDERATE_PASSED, "%s", line);
	return refuse(r, 403, DIAG_NO_FEDERATION, "partners",
		"the domain is blocked", "%s", line);
}

static enum federate_result check_default_route(struct run *r)
{
	const struct policy_federation *f = &r->policy->federation;
	char names[120];

	if (!f->default_routing)
		return found(r, FEDERATE_SKIPPED, "use_default_routing is "
			"false");
	if (r->in != NULL && !names_host(r, f->default_route))
		return refuse(r, 504, DIAG_NO_TRUST, "default_route_fqdn",
			"not the server of the default route",
			"the certificate names %s, not %s", names_text(
			r->in->names, names, sizeof(names)),
			f->default_route);
	settle(r, PARTNER_DEFAULT_ROUTE, partner_level_of(f->default_level),
		f->default_route);
	r->plan->partner.is_public = f->is_public_provider;
	if (r->out != NULL)
		add_target(r, f->default_route, 0);
	return found(r, FEDERATE_SETTLED, "everything goes through %s",
		f->default_route);
}

static enum federate_result check_provider(struct run *r)
{
	const struct topology_provider *one = r->in != NULL ?
		partner_provider_of(r->policy, r->in->names) :
		partner_provider_at(r->policy, r->out->server);

	if (one == NULL)
		return found(r, FEDERATE_SKIPPED, r->in != NULL ?
			"the certificate names no enabled provider" :
			"no Route names an enabled provider");
	settle_provider(r, one);
	if (r->out != NULL)
		add_target(r, one->proxy_fqdn, r->out->server_port);
	return found(r, FEDERATE_SETTLED, "provider %s at %s", one->name,
		one->proxy_fqdn);
}

static enum federate_result check_direct(struct run *r)
{
	const struct topology_partner *e = r->entry;
	char line[PARTNER_LINE_LEN], names[120];

	if (e == NULL || e->edge_fqdn[0] == '\0')
		return found(r, FEDERATE_SKIPPED, "no edge is configured for "
			"%s", r->plan->partner.domain);
	partner_entry_line(e, line);
	if (r->in != NULL && !names_host(r, e->edge_fqdn))
		return refuse(r, 504, DIAG_NO_TRUST, "partners",
			"the certificate does not name the partner's edge",
			"the certificate names %s, not %s", names_text(
			r->in->names, names, sizeof(names)), e->edge_fqdn);
	settle(r, PARTNER_DIRECT, partner_level_of(e->verification),
		e->edge_fqdn);
	if (r->out != NULL)
		add_target(r, e->edge_fqdn, e->edge_port);
	return found(r, FEDERATE_SETTLED, "%s", line);
}

static enum federate_result check_listed(struct run *r)
{
	char line[PARTNER_LINE_LEN];

	if (r->entry != NULL) {
		partner_entry_line(r->entry, line);
		return found(r, FEDERATE_PASSED, "%s", line);
	}
	if (r->policy->federation.discovery)
		return found(r, FEDERATE_PASSED, "on no list, but "
			"enable_partner_discovery is true");
	if (r->out != NULL && partner_has_providers(r->policy)) {
		r->is_last_chance = true;
		return found(r, FEDERATE_PASSED, "on no list and "
			"enable_partner_discovery is false: only a provider "
			"can serve it");
	}
	return refuse(r, 403, DIAG_NO_ROUTE, "enable_partner_discovery",
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
static enum federate_result check_could_name(struct run *r)
{
	const char *domain = r->plan->partner.domain;
	char names[120];

	if (could_be_of(r->in->names, str_of(domain)))
		return FEDERATE_PASSED;
	return refuse(r, 504, DIAG_NO_TRUST, NULL,
		"the certificate names none of the domain's servers",
		"the certificate names %s, nothing in %s", names_text(
		r->in->names, names, sizeof(names)), domain);
}

static enum federate_result check_srv(struct run *r)
{
	const char *domain = r->plan->partner.domain;

	if (r->srv == NULL) {
		r->plan->result = FEDERATE_ASK;
		return found(r, FEDERATE_ASK, "_sipfederationtls._tcp.%s",
			domain);
	}
	if (!r->srv->is_found) {
		diag_fact(&r->plan->verdict.facts, "domain", domain);
		return refuse(r, 504, DIAG_NO_SRV, NULL,
			"no SRV record leads to the domain's edge",
			"%s", r->srv->detail);
	}
	return found(r, FEDERATE_PASSED, "%zu server%s, %s:%u first%s",
		r->srv->count, r->srv->count == 1 ? "" : "s",
		r->srv->targets[0].host, r->srv->targets[0].port,
		r->srv->is_fallback ? " (rfc3263_fallback)" : "");
}

/* DNS leads to a provider: the domain is hosted there. */
static bool settle_hosted(struct run *r)
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

static enum federate_result no_parent(struct run *r)
{
	struct diag_facts *facts = &r->plan->verdict.facts;
	const char *domain = r->plan->partner.domain;
	char first[DNS_NAME_LEN + 8], all[120];

	targets_text(r->srv, all, sizeof(all));
	if (r->is_last_chance)
		return refuse(r, 403, DIAG_NO_ROUTE,
			"enable_partner_discovery",
			"neither allowed nor to be discovered",
			"DNS leads to no provider but to %s", all);
	snprintf(first, sizeof(first), "%s:%u", r->srv->targets[0].host,
		r->srv->targets[0].port);
	diag_fact(facts, "domain", domain);
	diag_fact(facts, "fqdn1", first);
	return refuse(r, 504, DIAG_SRV_MISMATCH, NULL,
		"DNS leads to servers outside the domain",
		"none of %s is directly below %s", all, domain);
}

/* Servers directly below the domain count. A certificate that names the
 * domain itself (RFC 5922) makes up for it. */
static enum federate_result check_parent(struct run *r)
{
	const char *domain = r->plan->partner.domain;
	size_t good = 0;

	if (settle_hosted(r))
		return found(r, FEDERATE_SETTLED, "DNS leads to provider %s",
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
		return found(r, FEDERATE_PASSED, "%zu of %zu are in %s",
			good, r->srv->count, domain);
	if (r->in != NULL && tls_names_has_domain(r->in->names,
		str_of(domain)))
		return found(r, FEDERATE_PASSED, "the certificate names %s "
			"itself", domain);
	return no_parent(r);
}

/* Which of the domain's servers is it? NULL: none of them. */
static const char *proved_target(const struct run *r)
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

static void settle_found(struct run *r, const char *server)
{
	bool is_listed = r->entry != NULL;

	settle(r, is_listed ? PARTNER_ALLOWED : PARTNER_DISCOVERED,
		partner_level_of(is_listed ? r->entry->verification :
			r->policy->federation.discovered_level), server);
}

static enum federate_result check_name(struct run *r)
{
	const char *domain = r->plan->partner.domain;
	const char *server = proved_target(r);
	char names[120];

	if (server == NULL && tls_names_has_domain(r->in->names,
		str_of(domain)))
		server = domain;
	if (server == NULL)
		return refuse(r, 504, DIAG_NO_TRUST, NULL,
			"the certificate names none of the domain's servers",
			"the certificate names %s", names_text(r->in->names,
			names, sizeof(names)));
	settle_found(r, server);
	return found(r, FEDERATE_SETTLED, "the certificate names %s", server);
}

/* Outbound it is proved when the server has shaken hands. */
static enum federate_result plan_name(struct run *r)
{
	struct federate_plan *plan = r->plan;

	settle_found(r, plan->targets[0].host);
	plan->must_name_domain = r->srv->is_fallback;
	plan->may_name_domain = true;
	return found(r, FEDERATE_SETTLED, "the certificate must name %s",
		plan->must_name_domain ? plan->partner.domain :
			plan->targets[0].host);
}

/* Another name in From than in what the partner asserts would be read by
 * people. Providers and clearing houses speak for many domains. */
static enum federate_result check_from(struct run *r)
{
	const struct partner *p = &r->plan->partner;
	struct str from = r->in->from;

	if (p->kind == PARTNER_PROVIDER || p->kind == PARTNER_DEFAULT_ROUTE)
		return found(r, FEDERATE_SKIPPED, "%s speaks for others",
			p->server);
	if (sip_host_eq(from, str_of(p->domain)) ||
		str_ieq_z(from, "anonymous.invalid"))
		return found(r, FEDERATE_PASSED, "From is in %.*s",
			STR_ARG(from));
	return refuse(r, 504, DIAG_FOREIGN_SENDER, NULL,
		"From is in another domain than the sender",
		"the sender is in %s, From in '%.*s'", p->domain,
		STR_ARG(from));
}

/* A Route may choose among the servers that were found, and not lead to
 * others. */
static enum federate_result check_route(struct run *r)
{
	struct federate_plan *plan = r->plan;
	struct str server = r->out->server;

	if (str_is_empty(server))
		return found(r, FEDERATE_SKIPPED, "no Route names a server");
	for (size_t i = 0; i < plan->target_count; i++) {
		if (!sip_host_eq(server, str_of(plan->targets[i].host)))
			continue;
		plan->targets[0] = plan->targets[i];
		plan->target_count = 1;
		return found(r, FEDERATE_PASSED, "the Route leads to %s",
			plan->targets[0].host);
	}
	if (r->out->is_in_dialog)
		return found(r, FEDERATE_PASSED, "the Route's %.*s is behind "
			"%s", STR_ARG(server), plan->targets[0].host);
	return refuse(r, 403, DIAG_NO_ROUTE, NULL,
		"a Route to no peer of ours", "'%.*s' is no server of %s",
		STR_ARG(server), plan->partner.domain);
}

static enum federate_result check_recipient(struct run *r)
{
	const struct federate_in *in = r->in;

	if (in->has_maddr && !in->is_in_dialog)
		return refuse(r, 504, DIAG_DOMAIN_PAIR, NULL,
			"from one stranger to another: we are no transit",
			"the Request-URI leads elsewhere by maddr");
	if (policy_has_domain(r->policy, in->recipient))
		return found(r, FEDERATE_PASSED, "%.*s is ours",
			STR_ARG(in->recipient));
	if (in->is_in_dialog && policy_has_domain(r->policy, in->to))
		return found(r, FEDERATE_PASSED, "in a dialog of ours, with "
			"%.*s", STR_ARG(in->to));
	return refuse(r, 504, DIAG_DOMAIN_PAIR, "domains",
		"from one stranger to another: we are no transit",
		"%.*s is none of our domains", STR_ARG(in->recipient));
}

static enum federate_result check_method(struct run *r)
{
	struct str method = r->in != NULL ? r->in->method : r->out->method;

	if (policy_is_federation_method(r->policy, method))
		return found(r, FEDERATE_PASSED, "%.*s", STR_ARG(method));
	refuse(r, 403, DIAG_METHOD, "federation_methods",
		"this kind of request does not pass between organisations",
		"%.*s is not among the federation_methods", STR_ARG(method));
	/* It says nothing about who may talk to whom. */
	r->plan->verdict.status = 403;
	return FEDERATE_REFUSED;
}

/* ---- the two orders ------------------------------------------------------ */

typedef enum federate_result(step_fn)(struct run *r);

struct row {
	enum federate_step step;
	step_fn *check;
	bool is_of_kind; /* skipped once it is settled who it is */
};

static const struct row inbound[] = {
	{FEDERATE_ENABLED, check_enabled, false},
	{FEDERATE_DOMAIN, check_sender, false},
	{FEDERATE_BLOCKED, check_blocked, false},
	{FEDERATE_DEFAULT_ROUTE, check_default_route, true},
	{FEDERATE_PROVIDER, check_provider, true},
	{FEDERATE_DIRECT, check_direct, true},
	{FEDERATE_LISTED, check_listed, true},
	{FEDERATE_NAME, check_could_name, true},
	{FEDERATE_SRV, check_srv, true},
	{FEDERATE_PARENT, check_parent, true},
	{FEDERATE_NAME, check_name, true},
	{FEDERATE_SENDER, check_from, false},
	{FEDERATE_RECIPIENT, check_recipient, false},
	{FEDERATE_METHOD, check_method, false},
};

static const struct row outbound[] = {
	{FEDERATE_ENABLED, check_enabled, false},
	{FEDERATE_DOMAIN, check_destination, false},
	{FEDERATE_BLOCKED, check_blocked, false},
	{FEDERATE_METHOD, check_method, false},
	{FEDERATE_DEFAULT_ROUTE, check_default_route, true},
	{FEDERATE_PROVIDER, check_provider, true},
	{FEDERATE_DIRECT, check_direct, true},
	{FEDERATE_LISTED, check_listed, true},
	{FEDERATE_SRV, check_srv, true},
	{FEDERATE_PARENT, check_parent, true},
	{FEDERATE_NAME, plan_name, true},
	{FEDERATE_ROUTE, check_route, false},
};

static void walk(struct run *r, const struct row *rows, size_t count)
{
	memset(r->plan, 0, sizeof(*r->plan));
	r->plan->result = FEDERATE_PASSED;
	for (size_t i = 0; i < count; i++) {
		enum federate_result result;

		if (rows[i].is_of_kind && r->is_settled)
			continue;
		r->step = rows[i].step;
		result = rows[i].check(r);
		if (result != FEDERATE_REFUSED && result != FEDERATE_ASK)
			continue;
		r->plan->result = result;
		r->plan->step = r->step;
		return;
	}
}

void federate_inbound(const struct federate_in *in,
	struct federate_plan *out)
{
	struct run r = {.policy = in->policy, .in = in, .srv = in->srv,
		.plan = out};

	walk(&r, inbound, ARRAY_COUNT(inbound));
}

void federate_outbound(const struct federate_out *in,
	struct federate_plan *out)
{
	struct run r = {.policy = in->policy, .out = in, .srv = in->srv,
		.plan = out};

	walk(&r, outbound, ARRAY_COUNT(outbound));
}

bool federate_is_stranger(const struct federate_plan *plan)
{
	return plan->result == FEDERATE_REFUSED &&
		plan->step < FEDERATE_RECIPIENT;
}

bool federate_is_server(const struct federate_plan *plan, size_t n,
	const struct policy *policy, const struct tls_names *names)
{
	struct str domain = str_of(plan->partner.domain);

	if (plan->may_name_domain && tls_names_has_domain(names, domain))
		return true;
	return !plan->must_name_domain && tls_names_has_host(names,
		str_of(plan->targets[n].host),
		policy->federation.allow_wildcard);
}
