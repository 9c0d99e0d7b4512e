/*
 * Look-ups about partners. No order of checks, no network, no state.
 */
#include "access-edge/partner.h"

#include <stdio.h>
#include <string.h>

#include "common/base/attr.h"
#include "common/base/dns_name.h"
#include "common/sip/sip_text.h"

static const char *const LEVELS[] = {
	[PARTNER_ALWAYS] = "always",
	[PARTNER_SOURCE] = "source",
	[PARTNER_NEVER] = "never",
};

const char *partner_kind_name(enum partner_kind kind)
{
	static const char *const names[] = {
		[PARTNER_NONE] = "none",
		[PARTNER_DIRECT] = "direct",
		[PARTNER_ALLOWED] = "allowed",
		[PARTNER_DISCOVERED] = "discovered",
		[PARTNER_PROVIDER] = "provider",
		[PARTNER_DEFAULT_ROUTE] = "default-route",
	};

	return names[kind];
}

/* An unknown word is taken for the most cautious one. */
enum partner_level partner_level_of(const char *word)
{
	for (size_t i = 0; i < ARRAY_COUNT(LEVELS); i++) {
		if (strcmp(word, LEVELS[i]) == 0)
			return (enum partner_level)i;
	}
	return PARTNER_NEVER;
}

const char *partner_level_name(enum partner_level level)
{
	return LEVELS[level];
}

bool partner_is_verified(enum partner_level level, enum trust_claim claim)
{
	switch (level) {
	case PARTNER_ALWAYS:
		return true;
	case PARTNER_SOURCE:
		return claim == TRUST_CLAIM_VERIFIED;
	case PARTNER_NEVER:
		return false;
	}
	return false;
}

struct trust_mark partner_mark(const struct partner *p,
	enum trust_claim claim)
{
	struct trust_mark mark = {
		.source = TRUST_AUTO_FEDERATION,
		.is_verified = partner_is_verified(p->level, claim),
		.is_public_cloud = p->is_public,
		.remote_fqdn = p->is_public ? p->server : NULL,
	};

	if (p->kind == PARTNER_DIRECT)
		mark.source = TRUST_DIRECT_PARTNER;
	else if (p->kind == PARTNER_PROVIDER ||
		p->kind == PARTNER_DEFAULT_ROUTE)
		mark.source = TRUST_AUTHORIZED_SERVER;
	return mark;
}

/* ---- the lists ----------------------------------------------------------- */

/* How much of the domain the entry names; 0 = it is not about it. */
static size_t match(const struct topology_partner *entry, struct str domain)
{
	struct str tail = str_of(entry->domain);

	if (!str_starts(tail, "*."))
		return str_ieq(tail, domain) ? domain.n + 1 : 0;
	tail = str_skip(tail, 1); /* ".example.org" */
	if (domain.n <= tail.n || !str_ieq(str_skip(domain,
		domain.n - tail.n), tail))
		return 0;
	return tail.n;
}

const struct topology_partner *partner_entry(const struct policy *p,
	struct str domain)
{
	const struct topology *t = p->topology;
	const struct topology_partner *best = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < t->partner_count; i++) {
		size_t n = match(&t->partners[i], domain);

		if (n > longest) {
			longest = n;
			best = &t->partners[i];
		}
	}
	return best;
}

const char *partner_entry_line(const struct topology_partner *entry,
	char out[static PARTNER_LINE_LEN])
{
	if (entry->is_blocked)
		snprintf(out, PARTNER_LINE_LEN, "partners: {%s: block}",
			entry->domain);
	else if (entry->edge_fqdn[0] == '\0')
		snprintf(out, PARTNER_LINE_LEN, "partners: {%s: allow}",
			entry->domain);
	else
		snprintf(out, PARTNER_LINE_LEN, "partners: {%s: {edge: %s}}",
			entry->domain, entry->edge_fqdn);
	return out;
}

const struct topology_provider *partner_provider_of(const struct policy *p,
	const struct tls_names *names)
{
	const struct topology *t = p->topology;

	for (size_t i = 0; i < t->provider_count; i++) {
		const struct topology_provider *one = &t->providers[i];

		if (one->is_enabled && tls_names_has_host(names,
			str_of(one->proxy_fqdn),
			p->federation.allow_wildcard))
			return one;
	}
	return NULL;
}

const struct topology_provider *partner_provider_at(const struct policy *p,
	struct str host)
{
	const struct topology *t = p->topology;

	for (size_t i = 0; i < t->provider_count; i++) {
		if (t->providers[i].is_enabled && sip_host_eq(host,
			str_of(t->providers[i].proxy_fqdn)))
			return &t->providers[i];
	}
	return NULL;
}

bool partner_has_providers(const struct policy *p)
{
	for (size_t i = 0; i < p->topology->provider_count; i++) {
		if (p->topology->providers[i].is_enabled)
			return true;
	}
	return false;
}

bool partner_is_sharing(const struct topology_provider *provider)
{
	return provider != NULL && provider->is_enabled &&
		provider->shared_address_space;
}

bool partner_is_peer(const struct policy *p, struct str host)
{
	const struct topology *t = p->topology;

	if (p->federation.default_routing)
		return sip_host_eq(host, str_of(p->federation.default_route));
	if (partner_provider_at(p, host) != NULL)
		return true;
	for (size_t i = 0; i < t->partner_count; i++) {
		if (t->partners[i].edge_fqdn[0] != '\0' && sip_host_eq(host,
			str_of(t->partners[i].edge_fqdn)))
			return true;
	}
	return false;
}

/* ---- names --------------------------------------------------------------- */

bool partner_is_in_domain(struct str host, struct str domain)
{
	size_t dot;

	host = dns_name_without_dot(host);
	dot = str_find(host, '.');
	return dot > 0 && dot < host.n &&
		str_ieq(str_skip(host, dot + 1), dns_name_without_dot(domain));
}

int partner_domain_take(struct str host, char out[static DNS_NAME_LEN])
{
	return dns_name_take(dns_name_without_dot(host), out, DNS_NAME_LEN);
}

int partner_pattern_take(struct str text,
	char out[static PARTNER_PATTERN_LEN])
{
	const size_t at = str_starts(text, "*.") ? 2 : 0;

	memcpy(out, "*.", at);
	return partner_domain_take(str_skip(text, at), out + at);
}

bool partner_matches(const char *domain, const char *pattern)
{
	if (pattern[0] != '*')
		return strcmp(domain, pattern) == 0;
	return str_ends(str_of(domain), pattern + 1) &&
		domain[0] != pattern[1];
}
