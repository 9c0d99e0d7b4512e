/*
 * Who another organisation is to us: what the topology says of a domain, a
 * server's name, a certificate. Pure look-ups; which of them counts in which
 * order is federate.c's.
 */
#ifndef ACCESS_EDGE_PARTNER_H
#define ACCESS_EDGE_PARTNER_H

#include <stdbool.h>
#include <stddef.h>

#include "access-edge/policy.h"
#include "access-edge/trust.h"
#include "common/base/dns_name.h"
#include "common/base/str.h"
#include "common/net/tls_names.h"

enum partner_kind {
	PARTNER_NONE,
	PARTNER_DIRECT,        /* allowed, its edge is named */
	PARTNER_ALLOWED,       /* allowed, its edge is found by DNS */
	PARTNER_DISCOVERED,    /* found by DNS alone: watched and limited */
	PARTNER_PROVIDER,      /* a hosting or public provider */
	PARTNER_DEFAULT_ROUTE, /* everything goes through one server */
};

/* "direct", "allowed" ... */
const char *partner_kind_name(enum partner_kind kind);

/* Whose word counts for "this sender is who he says he is". */
enum partner_level {
	PARTNER_ALWAYS, /* ours: yes */
	PARTNER_SOURCE, /* the partner's own */
	PARTNER_NEVER,  /* ours: no */
};
enum partner_level partner_level_of(const char *word);
const char *partner_level_name(enum partner_level level);
/* Silence is no word for anybody. */
bool partner_is_verified(enum partner_level level, enum trust_claim claim);

/* What a decision found out about the other side of one request. */
struct partner {
	enum partner_kind kind;
	enum partner_level level;
	bool is_public;      /* public IM */
	bool shares_domains; /* a provider with our address space */
	char domain[DNS_NAME_LEN]; /* it speaks for, in lower case */
	char server[DNS_NAME_LEN]; /* name that was proved or must be */
};
/* How servers inside are told. server of *p is borrowed by the mark. */
struct trust_mark partner_mark(const struct partner *p,
	enum trust_claim claim);

/* The entry for this domain: by its name, or the longest "*.". NULL. */
const struct topology_partner *partner_entry(const struct policy *p,
	struct str domain);
/* "partners: {example.org: block}": the line that decided. */
#define PARTNER_LINE_LEN 560
const char *partner_entry_line(const struct topology_partner *entry,
	char out[static PARTNER_LINE_LEN]);

/* An enabled provider whose edge the certificate names, or which is at this
 * name; NULL. */
const struct topology_provider *partner_provider_of(const struct policy *p,
	const struct tls_names *names);
const struct topology_provider *partner_provider_at(const struct policy *p,
	struct str host);
bool partner_has_providers(const struct policy *p);
/* One that has our address space in common with us. */
bool partner_is_sharing(const struct topology_provider *provider);
/* Is this a server that the configuration names: the edge of a partner, a
 * provider, the default route? */
bool partner_is_peer(const struct policy *p, struct str host);

/* "sip.example.org" for "example.org", and for nothing else: what a domain's
 * SRV record must lead to (docs/protocol/access-edge.md, "Federation"). */
bool partner_is_in_domain(struct str host, struct str domain);
/* A domain that can be one: a DNS name in lower case into out, no address.
 * EDGE_EMALFORMED. */
EDGE_MUST int partner_domain_take(struct str host,
	char out[static DNS_NAME_LEN]);
/* The same, or "*." and a domain: everything below it. */
#define PARTNER_PATTERN_LEN (DNS_NAME_LEN + 2)
EDGE_MUST int partner_pattern_take(struct str text,
	char out[static PARTNER_PATTERN_LEN]);
bool partner_matches(const char *domain, const char *pattern);

#endif
