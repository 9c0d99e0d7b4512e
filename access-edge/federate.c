/*
 * The order of checks between organisations. One row per step; the first
 * that refuses decides, the first that settles who it is skips the other
 * kinds (federate_kind.c). What the peer is told is the same for all refusals:
 * nothing.
 */
#include "access-edge/federate.h"
#include "access-edge/federate_run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/attr.h"
#include "common/sip/sip_text.h"

/* ---- one decision under way ---------------------------------------------- */

enum federate_result run_say(struct federate_run *r,
	enum federate_result result, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	federate_found_v(&r->plan->report, r->step, result, fmt, args);
	va_end(args);
	return result;
}

enum federate_result run_refuse(struct federate_run *r,
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

/* ---- the steps ----------------------------------------------------------- */

static enum federate_result check_enabled(struct federate_run *r)
{
	if (r->policy->federation.is_on &&
		r->policy->partners.fqdn[0] != '\0')
		return run_say(r, FEDERATE_PASSED, "allow_federated_users is "
			"true");
	return run_refuse(r, 403, DIAG_NO_FEDERATION, "allow_federated_users",
		"federation is off", "allow_federated_users is false");
}

static enum federate_result check_sender(struct federate_run *r)
{
	const struct topology_provider *one;
	char *domain = r->plan->partner.domain;

	if (partner_domain_take(r->in->sender, domain) != 0) {
		domain[0] = '\0';
		return run_refuse(r, 504, DIAG_FOREIGN_SENDER, NULL,
			"the sender's domain is none",
			"'%.*s' is no domain name", STR_ARG(r->in->sender));
	}
	if (!policy_has_domain(r->policy, str_of(domain)) &&
		!policy_has_domain(r->policy, r->in->from))
		return run_say(r, FEDERATE_PASSED, "the sender is in %s",
			domain);
	one = partner_provider_of(r->policy, r->in->names);
	if (partner_is_sharing(one))
		return run_say(r, FEDERATE_PASSED, "the sender is in our own "
			"domain; provider %s shares our address space",
			one->name);
	return run_refuse(r, 504, DIAG_FOREIGN_SENDER, "domains",
		"a stranger speaks for one of our own domains",
		"the sender is %s, From is in %.*s", domain,
		STR_ARG(r->in->from));
}

static enum federate_result check_destination(struct federate_run *r)
{
	const struct topology_provider *one = partner_provider_at(r->policy,
		r->out->server);
	char *domain = r->plan->partner.domain;

	if (partner_domain_take(r->out->domain, domain) != 0) {
		domain[0] = '\0';
		return run_refuse(r, 404, DIAG_NO_ROUTE, NULL,
			"the destination's domain is none",
			"'%.*s' is no domain name", STR_ARG(r->out->domain));
	}
	if (!policy_has_domain(r->policy, str_of(domain)))
		return run_say(r, FEDERATE_PASSED, "the destination is in %s",
			domain);
	if (partner_is_sharing(one))
		return run_say(r, FEDERATE_PASSED, "the destination is in our "
			"own %s; provider %s shares our address space",
			domain, one->name);
	return run_refuse(r, 404, DIAG_NO_ROUTE, "domains",
		"the inside asked the edge for its own user",
		"the destination is in our own %s", domain);
}

/* From is what people read: a blocked domain gets in under no other's
 * assertion either. */
static const struct topology_partner *blocked_from(const struct federate_run *r)
{
	char from[DNS_NAME_LEN];
	const struct topology_partner *entry;

	if (r->in == NULL || partner_domain_take(r->in->from, from) != 0)
		return NULL;
	entry = partner_entry(r->policy, str_of(from));
	return entry != NULL && entry->is_blocked ? entry : NULL;
}

static enum federate_result check_blocked(struct federate_run *r)
{
	const struct topology_partner *other = blocked_from(r);
	char line[PARTNER_LINE_LEN];

	r->entry = partner_entry(r->policy,
		str_of(r->plan->partner.domain));
	if (other != NULL)
		r->entry = other;
	if (r->entry == NULL)
		return run_say(r, FEDERATE_PASSED, "%s is on no list",
			r->plan->partner.domain);
	partner_entry_line(r->entry, line);
	if (!r->entry->is_blocked)
		return run_say(r, FEDERATE_PASSED, "%s", line);
	return run_refuse(r, 403, DIAG_NO_FEDERATION, "partners",
		"the domain is blocked", "%s", line);
}

/* Another name in From than in what the partner asserts would be read by
 * people. Providers and clearing houses speak for many domains. */
static enum federate_result check_from(struct federate_run *r)
{
	const struct partner *p = &r->plan->partner;
	struct str from = r->in->from;

	if (p->kind == PARTNER_PROVIDER || p->kind == PARTNER_DEFAULT_ROUTE)
		return run_say(r, FEDERATE_SKIPPED, "%s speaks for others",
			p->server);
	if (sip_host_eq(from, str_of(p->domain)) ||
		str_ieq_z(from, "anonymous.invalid"))
		return run_say(r, FEDERATE_PASSED, "From is in %.*s",
			STR_ARG(from));
	return run_refuse(r, 504, DIAG_FOREIGN_SENDER, NULL,
		"From is in another domain than the sender",
		"the sender is in %s, From in '%.*s'", p->domain,
		STR_ARG(from));
}

/* A Route may choose among the servers that were found, and not lead to
 * others. */
static enum federate_result check_route(struct federate_run *r)
{
	struct federate_plan *plan = r->plan;
	struct str server = r->out->server;

	if (str_is_empty(server))
		return run_say(r, FEDERATE_SKIPPED, "no Route names a server");
	for (size_t i = 0; i < plan->target_count; i++) {
		if (!sip_host_eq(server, str_of(plan->targets[i].host)))
			continue;
		plan->targets[0] = plan->targets[i];
		plan->target_count = 1;
		return run_say(r, FEDERATE_PASSED, "the Route leads to %s",
			plan->targets[0].host);
	}
	if (r->out->is_in_dialog)
		return run_say(r, FEDERATE_PASSED, "the Route's %.*s is behind "
			"%s", STR_ARG(server), plan->targets[0].host);
	return run_refuse(r, 403, DIAG_NO_ROUTE, NULL,
		"a Route to no peer of ours", "'%.*s' is no server of %s",
		STR_ARG(server), plan->partner.domain);
}

static enum federate_result check_recipient(struct federate_run *r)
{
	const struct federate_in *in = r->in;

	if (in->has_maddr && !in->is_in_dialog)
		return run_refuse(r, 504, DIAG_DOMAIN_PAIR, NULL,
			"from one stranger to another: we are no transit",
			"the Request-URI leads elsewhere by maddr");
	if (policy_has_domain(r->policy, in->recipient))
		return run_say(r, FEDERATE_PASSED, "%.*s is ours",
			STR_ARG(in->recipient));
	if (in->is_in_dialog && policy_has_domain(r->policy, in->to))
		return run_say(r, FEDERATE_PASSED, "in a dialog of ours, with "
			"%.*s", STR_ARG(in->to));
	return run_refuse(r, 504, DIAG_DOMAIN_PAIR, "domains",
		"from one stranger to another: we are no transit",
		"%.*s is none of our domains", STR_ARG(in->recipient));
}

static enum federate_result check_method(struct federate_run *r)
{
	struct str method = r->in != NULL ? r->in->method : r->out->method;

	if (policy_is_federation_method(r->policy, method))
		return run_say(r, FEDERATE_PASSED, "%.*s", STR_ARG(method));
	run_refuse(r, 403, DIAG_METHOD, "federation_methods",
		"this kind of request does not pass between organisations",
		"%.*s is not among the federation_methods", STR_ARG(method));
	/* It says nothing about who may talk to whom. */
	r->plan->verdict.status = 403;
	return FEDERATE_REFUSED;
}

/* ---- the two orders ------------------------------------------------------ */

typedef enum federate_result(step_fn)(struct federate_run *r);

struct row {
	enum federate_step step;
	step_fn *check;
	bool is_of_kind; /* skipped once it is settled who it is */
};

static const struct row inbound[] = {
	{FEDERATE_ENABLED, check_enabled, false},
	{FEDERATE_DOMAIN, check_sender, false},
	{FEDERATE_BLOCKED, check_blocked, false},
	{FEDERATE_DEFAULT_ROUTE, federate_kind_default_route, true},
	{FEDERATE_PROVIDER, federate_kind_provider, true},
	{FEDERATE_DIRECT, federate_kind_direct, true},
	{FEDERATE_LISTED, federate_kind_listed, true},
	{FEDERATE_NAME, federate_kind_could_name, true},
	{FEDERATE_SRV, federate_kind_srv, true},
	{FEDERATE_PARENT, federate_kind_parent, true},
	{FEDERATE_NAME, federate_kind_name, true},
	{FEDERATE_SENDER, check_from, false},
	{FEDERATE_RECIPIENT, check_recipient, false},
	{FEDERATE_METHOD, check_method, false},
};

static const struct row outbound[] = {
	{FEDERATE_ENABLED, check_enabled, false},
	{FEDERATE_DOMAIN, check_destination, false},
	{FEDERATE_BLOCKED, check_blocked, false},
	{FEDERATE_METHOD, check_method, false},
	{FEDERATE_DEFAULT_ROUTE, federate_kind_default_route, true},
	{FEDERATE_PROVIDER, federate_kind_provider, true},
	{FEDERATE_DIRECT, federate_kind_direct, true},
	{FEDERATE_LISTED, federate_kind_listed, true},
	{FEDERATE_SRV, federate_kind_srv, true},
	{FEDERATE_PARENT, federate_kind_parent, true},
	{FEDERATE_NAME, federate_kind_plan, true},
	{FEDERATE_ROUTE, check_route, false},
};

static void walk(struct federate_run *r, const struct row *rows, size_t count)
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
	struct federate_run r = {.policy = in->policy, .in = in, .srv = in->srv,
		.plan = out};

	walk(&r, inbound, ARRAY_COUNT(inbound));
}

void federate_outbound(const struct federate_out *in,
	struct federate_plan *out)
{
	struct federate_run r = {.policy = in->policy, .out = in,
		.srv = in->srv, .plan = out};

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
