/*
 * Trust headers by direction: one table. Names are compared as the parser
 * told them apart, so no spelling gets past it (threat S1). Every request
 * and every response that crosses the border goes through here.
 */
#include "access-edge/trust.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/attr.h"
#include "common/base/err.h"
#include "common/sip/sip_edit.h"

#define MARK         "ms-edge-proxy-message-trust"
#define OWN_CLASS    "X-Edge-Class"
#define VERIFICATION "ms-asserted-verification-level"
#define EDGE_ROUTE   "ms-edge-route"
/* What servers of the original call the realm of every domain of theirs. */
#define MS_REALM     "SIP Communications Service"
#define ROUTES_MAX   70

struct rule {
	const char *name;
	enum trust_act act[TRUST_WAY_COUNT];
};

#define KEEP   TRUST_KEEP
#define REMOVE TRUST_REMOVE

/* Columns: from client, from partner, to client, to partner. */
static const struct rule rules[] = {
	/* A client reads it: it says where the other party is. */
	{MARK, {REMOVE, REMOVE, KEEP, REMOVE}},
	{OWN_CLASS, {REMOVE, REMOVE, REMOVE, REMOVE}},
	/* Towards clients response.c puts in ours where there is none. */
	{"ms-user-logon-data", {REMOVE, REMOVE, KEEP, REMOVE}},
	{VERIFICATION, {REMOVE, REMOVE, REMOVE, REMOVE}},
	{"ms-split-domain-info", {REMOVE, TRUST_SHARED, REMOVE,
		TRUST_SHARED}},
	/* The mark on a Route, outside its brackets; the Route stays. */
	{"Route", {TRUST_SHARED, TRUST_SHARED, TRUST_SHARED, TRUST_SHARED}},
	/* A client can't assert; what comes from inside is signed for it and
	 * must stay (RFC 3325's rule does not apply). */
	{"P-Asserted-Identity", {REMOVE, TRUST_OWN_DOMAIN, KEEP,
		TRUST_OWN_DOMAIN}},
	{"Remote-Party-ID", {REMOVE, TRUST_OWN_DOMAIN, KEEP,
		TRUST_OWN_DOMAIN}}, /* its elder */
	{"P-Asserted-Service", {REMOVE, REMOVE, KEEP, REMOVE}},
	{"Authorization", {KEEP, KEEP, KEEP, TRUST_REALM}},
	{"Proxy-Authorization", {KEEP, KEEP, KEEP, TRUST_REALM}},
	{"Authentication-Info", {KEEP, KEEP, KEEP, KEEP}},
	{"ms-diagnostics", {KEEP, KEEP, KEEP, REMOVE}},
	{"ms-client-diagnostics", {KEEP, KEEP, KEEP, REMOVE}},
	/* The one that is meant for other companies. */
	{"ms-diagnostics-public", {KEEP, KEEP, KEEP, KEEP}},
	{"History-Info", {KEEP, KEEP, KEEP, TRUST_HISTORY}},
	{"Diversion", {KEEP, KEEP, KEEP, TRUST_HISTORY}},
	{"P-Charging-*", {KEEP, KEEP, KEEP, TRUST_HISTORY}},
	{"P-Access-Network-Info", {KEEP, KEEP, KEEP, TRUST_HISTORY}},
	{"Server", {KEEP, KEEP, KEEP, TRUST_SOFTWARE}},
	{"User-Agent", {KEEP, KEEP, KEEP, TRUST_SOFTWARE}},
};

size_t trust_rule_count(void)
{
	return ARRAY_COUNT(rules);
}

const char *trust_rule_name(size_t i)
{
	return rules[i].name;
}

enum trust_act trust_rule_act(size_t i, enum trust_way way)
{
	return rules[i].act[way];
}

/* ---- what a line says ---------------------------------------------------- */

static bool is_named(const struct sip_line *line, const char *name)
{
	enum sip_header id = sip_header_of(str_of(name));
	size_t n = strlen(name);

	if (name[n - 1] == '*')
		return line->name.n >= n - 1 && str_ieq((struct str){
			line->name.p, n - 1}, (struct str){name, n - 1});
	if (id != SIP_HEADER_OTHER)
		return line->id == id;
	return str_ieq_z(line->name, name);
}

/* Do all values of an identity header speak for the domain (of a partner),
 * or for one of ours? A telephone number can be anybody's: it stays beside
 * a SIP address that may stay. */
static bool is_of_domain(struct sip_msg *m, struct str line,
	enum trust_way way, const struct trust_peer *peer)
{
	struct str value;
	bool has_sip = false;

	for (size_t n = 0; sip_list_next(&line, &value); n++) {
		struct sip_addr a;

		if (n == TRUST_IDENTITIES_MAX ||
			sip_msg_addr_of(m, value, &a) != 0)
			return false;
		if (str_ieq_z(a.uri.scheme, "tel"))
			continue;
		if (!sip_uri_is_sip(&a.uri))
			return false;
		has_sip = true;
		if (way == TRUST_TO_PARTNER ?
			!policy_has_domain(peer->policy, a.uri.host) :
			!sip_host_eq(a.uri.host, peer->domain))
			return false;
	}
	return has_sip;
}

/* Lines of an identity header that has a SIP address of this domain. */
static bool has_own_line(struct sip_msg *m, const char *name,
	enum trust_way way, const struct trust_peer *peer)
{
	for (size_t i = 0; i < m->line_count; i++) {
		if (is_named(&m->lines[i], name) && is_of_domain(m,
			m->lines[i].value, way, peer))
			return true;
	}
	return false;
}

static bool is_number_only(struct sip_msg *m, struct str line)
{
	struct str value;
	struct sip_addr a;

	for (size_t n = 0; sip_list_next(&line, &value); n++) {
		if (n == TRUST_IDENTITIES_MAX ||
			sip_msg_addr_of(m, value, &a) != 0 ||
			!str_ieq_z(a.uri.scheme, "tel"))
			return false;
	}
	return true;
}

/* Are these credentials for servers of ours? */
static bool is_own_realm(struct str value, const struct policy *p)
{
	struct str rest = str_skip(value, str_find(value, ' ')); /* scheme */
	struct str one;

	while (sip_list_next(&rest, &one)) {
		size_t eq = str_find(one, '=');
		struct str realm = sip_unquote(str_trim(str_skip(one,
			eq + 1)));

		if (!str_ieq_z(str_trim((struct str){one.p, eq}), "realm"))
			continue;
		return str_ieq_z(realm, MS_REALM) ||
			policy_has_domain(p, realm);
	}
	return true; /* for whom is not said: not for strangers */
}

/* ---- taking out ---------------------------------------------------------- */

static bool goes(struct sip_msg *m, const struct rule *rule,
	const struct sip_line *line, bool has_own, enum trust_way way,
	const struct trust_peer *peer)
{
	switch (rule->act[way]) {
	case TRUST_KEEP:
	case TRUST_SOFTWARE:
		return false;
	case TRUST_REMOVE:
		return true;
	case TRUST_OWN_DOMAIN:
		return !is_of_domain(m, line->value, way, peer) &&
			!(has_own && is_number_only(m, line->value));
	case TRUST_SHARED:
		return line->id != SIP_HEADER_ROUTE && !peer->shares_domains;
	case TRUST_REALM:
		return is_own_realm(line->value, peer->policy);
	case TRUST_HISTORY:
		return peer->policy->hide_history;
	}
	return true;
}

static int strip_lines(struct sip_msg *m, const struct rule *rule,
	enum trust_way way, const struct trust_peer *peer)
{
	bool has_own = rule->act[way] == TRUST_OWN_DOMAIN &&
		has_own_line(m, rule->name, way, peer);
	int gone = 0;

	for (size_t i = m->line_count; i > 0; i--) {
		const struct sip_line *line = &m->lines[i - 1];

		if (!is_named(line, rule->name) ||
			!goes(m, rule, line, has_own, way, peer))
			continue;
		sip_drop_line(m, i - 1);
		gone++;
	}
	return gone;
}

/* The mark on Routes goes, the Routes stay: route.c judges them. More than
 * there are hops on any way are there to cost time, and go as they are: the
 * request is refused for their number, and in an answer they mean nothing. */
static int strip_edge_route(struct sip_msg *m)
{
	struct str text, value, out;
	int gone = 0;

	if (sip_msg_count(m, SIP_HEADER_ROUTE) > ROUTES_MAX)
		return (int)sip_remove(m, "Route");
	for (size_t n = 0; sip_msg_value(m, SIP_HEADER_ROUTE, n, &text);
		n++) {
		int err;

		if (!sip_param_find(sip_params_of(text), EDGE_ROUTE, &value))
			continue;
		err = sip_param_unset(m, text, EDGE_ROUTE, &out);
		if (err == 0)
			err = sip_replace(m, SIP_HEADER_ROUTE, n, out);
		if (err != 0)
			return err;
		gone++;
	}
	return gone;
}

/* "RTC/6.0 (Microsoft Lync 2010)" becomes "RTC/6.0". */
static int strip_comments(struct sip_msg *m, const char *name)
{
	char out[512];
	struct str v = sip_msg_header(m, name);
	size_t at = 0;
	int depth = 0;

	if (!sip_msg_has_header(m, name) || str_find(v, '(') == v.n)
		return 0;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\\' && depth > 0) {
			i++;
			continue;
		}
		depth += v.p[i] == '(';
		if (depth == 0 && at + 1 < sizeof(out) &&
			(unsigned char)v.p[i] >= ' ')
			out[at++] = v.p[i];
		depth -= v.p[i] == ')' && depth > 0;
	}
	v = str_trim((struct str){out, at});
	if (v.n == 0) {
		sip_remove(m, name);
		return 1;
	}
	return sip_set(m, name, v) != 0 ? -ENOMEM : 1;
}

int trust_strip(struct sip_msg *m, enum trust_way way,
	const struct trust_peer *peer)
{
	int gone = 0;

	for (size_t i = 0; i < ARRAY_COUNT(rules); i++) {
		const struct rule *rule = &rules[i];
		enum trust_act act = rule->act[way];
		int n;

		if (act == TRUST_KEEP)
			continue;
		if (act == TRUST_SOFTWARE)
			n = peer->policy->hide_software ?
				strip_comments(m, rule->name) : 0;
		else if (act == TRUST_SHARED && strcmp(rule->name, "Route") ==
			0)
			n = peer->shares_domains ? 0 : strip_edge_route(m);
		else
			n = strip_lines(m, rule, way, peer);
		if (n < 0)
			return n;
		gone += n;
	}
	return gone;
}

/* ---- putting in ---------------------------------------------------------- */

static const struct {
	const char *type;       /* ms-source-type */
	const char *edge_class; /* X-Edge-Class */
	bool has_network;
} sources[] = {
	[TRUST_INTERNET_USER] = {"InternetUser", "client", false},
	[TRUST_DIRECT_PARTNER] = {"DirectPartner", "federation", true},
	[TRUST_AUTO_FEDERATION] = {"AutoFederation", "federation", true},
	[TRUST_AUTHORIZED_SERVER] = {"AuthorizedServer", "provider", true},
	[TRUST_EDGE_GENERATED] = {"EdgeProxyGenerated", "edge", false},
};

const char *trust_value(const struct policy *p,
	const struct trust_mark *mark, char out[static TRUST_VALUE_LEN])
{
	snprintf(out, TRUST_VALUE_LEN, "ms-source-type=%s;ms-ep-fqdn=%s;"
		"ms-source-verified-user=%s%s%s%s",
		sources[mark->source].type, p->inside.fqdn,
		mark->is_verified ? "verified" : "unverified",
		!sources[mark->source].has_network ? "" :
		mark->is_public_cloud ? ";ms-source-network=publiccloud" :
		";ms-source-network=federation",
		mark->remote_fqdn != NULL ? ";ms-remote-fqdn=" : "",
		mark->remote_fqdn != NULL ? mark->remote_fqdn : "");
	return out;
}

int trust_put(struct sip_msg *m, const struct policy *p,
	const struct trust_mark *mark)
{
	char value[TRUST_VALUE_LEN];

	if (!p->ms_headers)
		return sip_set(m, OWN_CLASS,
			str_of(sources[mark->source].edge_class));
	return sip_set(m, MARK, str_of(trust_value(p, mark, value)));
}

enum trust_claim trust_claim_of(const struct sip_msg *m)
{
	struct str v = sip_msg_header(m, VERIFICATION);
	struct str user;

	if (!sip_param_find(v, "ms-source-verified-user", &user))
		return TRUST_CLAIM_NONE;
	return str_ieq_z(user, "verified") ? TRUST_CLAIM_VERIFIED :
		TRUST_CLAIM_UNVERIFIED;
}

int trust_claim_put(struct sip_msg *m, bool is_verified)
{
	return sip_set(m, VERIFICATION, str_of(is_verified ?
		"ms-source-verified-user=verified" :
		"ms-source-verified-user=unverified"));
}
