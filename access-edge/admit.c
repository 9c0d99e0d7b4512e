/*
 * The order of checks for requests. Each check is one row; the first that
 * does not pass decides. Shape has been checked by the parser; where the
 * request goes is route.c's business.
 */
#include "access-edge/admit.h"

#include <stdio.h>
#include <string.h>

#include "access-edge/anonymous.h"
#include "common/base/attr.h"
#include "common/base/rand.h"

#define VIA_MAX   70
#define ROUTE_MAX 20

typedef struct verdict(admit_check)(struct sip_msg *m,
	const struct admit *a);

static bool is_in_dialog(const struct sip_msg *m)
{
	return m->to_tag.n > 0 || m->method_id == SIP_BYE ||
		m->method_id == SIP_ACK;
}

static struct verdict retry_later(const char *setting, unsigned status,
	const char *cause)
{
	struct verdict v = verdict_by(setting, status, DIAG_NO_ROUTE_NOW,
		cause);

	v.field = "Retry-After";
	snprintf(v.field_value, sizeof(v.field_value), "%u",
		10 + rand_below(51));
	return v;
}

static struct verdict check_rate(struct sip_msg *m, const struct admit *a)
{
	/* A client takes 503 to REGISTER as the end, 504 as a pause. */
	unsigned status = m->method_id == SIP_REGISTER ? 504 : 503;

	if (!a->is_in_rate)
		return retry_later("client_rate", status,
			"too many requests");
	if (a->full_by != NULL)
		return retry_later(a->full_by, status,
			"too many open transactions");
	if (!is_in_dialog(m) && ((a->from->role == ORIGIN_CLIENT &&
		a->load >= LOAD_NO_CLIENTS) ||
		(a->from->role == ORIGIN_PARTNER &&
		a->load >= LOAD_NO_PARTNERS)))
		return retry_later(a->load_setting, status, "overload");
	return verdict_pass();
}

static struct verdict check_scheme(struct sip_msg *m, const struct admit *a)
{
	(void)a;
	if (sip_uri_is_sip(&m->uri))
		return verdict_pass();
	if (str_ieq_z(m->uri.scheme, "tel") && m->route_count > 0)
		return verdict_pass();
	return verdict_answer(416, DIAG_NONE, "scheme of the Request-URI");
}

static struct verdict check_hops(struct sip_msg *m, const struct admit *a)
{
	bool is_for_us = m->method_id == SIP_OPTIONS &&
		str_is_empty(m->uri.user) &&
		policy_is_own_uri(a->policy, &m->uri);

	if (is_for_us && (m->route_count == 0 ||
		(m->has_max_forwards && m->max_forwards == 0)))
		return verdict_answer(200, DIAG_NONE, "OPTIONS for the edge");
	if (m->has_max_forwards && m->max_forwards == 0) {
		if (m->method_id == SIP_OPTIONS)
			return verdict_answer(200, DIAG_NONE,
				"OPTIONS that ends here");
		return verdict_answer(483, DIAG_NONE, "Max-Forwards is 0");
	}
	if (m->via_count > VIA_MAX)
		return verdict_answer(483, DIAG_NONE, "too many Vias");
	if (m->route_count > ROUTE_MAX)
		return verdict_answer(400, DIAG_NONE, "too many Routes");
	if (str_eq_z(sip_msg_header(m, "Max-Breadth"), "0"))
		return verdict_answer(440, DIAG_NONE, "Max-Breadth is 0");
	return verdict_pass();
}

/* Understood without doing anything: clients of the original send them, and
 * a 420 would end their sign-in. */
static bool is_known_extension(struct str tag)
{
	static const char *const known[] = {
		"ms-benotify", "ms-piggyback-first-notify",
		"ms-keepalive-deregister", "com.microsoft.autoextend",
		"path", "outbound", "timer", "gruu", "gruu-10",
	};

	for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
		if (str_ieq_z(tag, known[i]))
			return true;
	}
	return false;
}

static struct verdict check_extensions(struct sip_msg *m,
	const struct admit *a)
{
	struct verdict v = verdict_answer(420, DIAG_NONE, "Proxy-Require");
	struct sip_walk w = sip_walk_begin(m, SIP_HEADER_PROXY_REQUIRE);
	size_t at = 0;
	struct str tag;

	(void)a;
	v.field = "Unsupported";
	while (sip_walk_next(&w, &tag)) {
		int used;

		if (is_known_extension(tag) || !sip_is_token(tag))
			continue;
		used = snprintf(v.field_value + at,
			sizeof(v.field_value) - at, "%s%.*s",
			at > 0 ? ", " : "", STR_ARG(tag));
		if (used < 0 || at + (size_t)used >= sizeof(v.field_value)) {
			v.field_value[at] = '\0';
			break;
		}
		at += (size_t)used;
	}
	return at > 0 ? v : verdict_pass();
}

static struct verdict check_loop(struct sip_msg *m, const struct admit *a)
{
	(void)m;
	if (a->is_loop)
		return verdict_answer(482, DIAG_NONE, "the request looped");
	return verdict_pass();
}

/* ---- remote users -------------------------------------------------------- */

static struct verdict forbid(const char *setting, enum diag_id diag,
	const char *cause)
{
	return verdict_by(setting, 403, diag, cause);
}

static struct verdict check_outside(struct sip_msg *m,
	const struct admit *a)
{
	struct verdict v = forbid("allow_outside_users", DIAG_NO_OUTSIDE,
		"outside users are off");

	(void)m;
	v.close = true;
	return a->policy->allow_outside_users ? verdict_pass() : v;
}

static struct verdict check_sender(struct sip_msg *m, const struct admit *a)
{
	if (anonymous_is_sender(m))
		return a->policy->allow_anonymous_users ? verdict_pass() :
			forbid("allow_anonymous_users", DIAG_NO_OUTSIDE,
				"people without an account are not let in");
	if (!sip_uri_is_sip(&m->from.uri) ||
		!policy_has_domain(a->policy, m->from.uri.host))
		return forbid("domains", DIAG_FOREIGN_SENDER,
			"From is in none of our domains");
	return verdict_pass();
}

static struct verdict check_register(struct sip_msg *m,
	const struct admit *a)
{
	if (m->method_id != SIP_REGISTER)
		return verdict_pass();
	if (!sip_uri_is_sip(&m->to.uri) ||
		!sip_host_eq(m->to.uri.host, m->from.uri.host))
		return forbid("domains", DIAG_FOREIGN_SENDER,
			"REGISTER for another domain than its sender's");
	if (!sip_host_eq(m->uri.host, m->from.uri.host) &&
		!policy_is_own_uri(a->policy, &m->uri))
		return forbid("domains", DIAG_FOREIGN_SENDER,
			"REGISTER to another domain than its sender's");
	return verdict_pass();
}

static struct verdict check_blocked(struct sip_msg *m,
	const struct admit *a)
{
	(void)m;
	if (a->is_blocked)
		return forbid("failed_logon_limit", DIAG_NONE,
			"too many failed sign-ins");
	return verdict_pass();
}

static struct verdict check_unproven(struct sip_msg *m,
	const struct admit *a)
{
	struct verdict v;

	if (a->from->is_signed_in)
		return verdict_pass();
	if (!policy_is_pre_auth_method(a->policy, m->method))
		return forbid("pre_auth_methods", DIAG_NONE,
			"not before signing in");
	if (a->from->requests <= a->policy->pre_auth_requests)
		return verdict_pass();
	v = forbid("pre_auth_requests", DIAG_NONE,
		"too many requests before signing in");
	v.close = true;
	return v;
}

struct row {
	admit_check *check;
	const char *rule; /* its name in the log */
	bool is_client_only;
};

static const struct row order[] = {
	{check_rate, "rate", false},
	{check_scheme, "scheme", false},
	{check_hops, "hops", false},
	{check_extensions, "proxy-require", false},
	{check_loop, "loop", false},
	{check_outside, "client.allowed", true},
	{check_sender, "client.sender", true},
	{check_register, "client.register", true},
	{check_blocked, "client.logon", true},
	{check_unproven, "client.pre-auth", true},
};

struct verdict admit_request(struct sip_msg *m, const struct admit *a)
{
	for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
		struct verdict v;

		if (order[i].is_client_only &&
			a->from->role != ORIGIN_CLIENT)
			continue;
		v = order[i].check(m, a);
		v.rule = order[i].rule;
		if (v.kind != VERDICT_PASS)
			return v;
	}
	if (a->from->role == ORIGIN_INTERNAL &&
		m->method_id == SIP_REGISTER)
		return verdict_rule(forbid(NULL, DIAG_NO_ROUTE,
			"REGISTER from inside"), "inside.register");
	return verdict_pass();
}
