/*
 * Identity and trust headers: which are taken out, kept and put in, in each
 * of the four directions ([MS-SIPRE] 2.2.15, RFC 3325;
 * docs/protocol/access-edge.md, "Trust").
 */
#ifndef ACCESS_EDGE_TRUST_H
#define ACCESS_EDGE_TRUST_H

#include <stdbool.h>
#include <stddef.h>

#include "access-edge/policy.h"
#include "common/base/str.h"
#include "common/sip/sip_msg.h"

enum trust_way {
	TRUST_FROM_CLIENT,  /* remote user to inside */
	TRUST_FROM_PARTNER, /* federation to inside */
	TRUST_TO_CLIENT,    /* inside to remote user */
	TRUST_TO_PARTNER,   /* inside to federation */
	TRUST_WAY_COUNT,
};

/* Values of one identity header; RFC 3325 section 9.1 knows two. Of more
 * none is looked at: they are there to cost time (threat S7). */
#define TRUST_IDENTITIES_MAX 8

/* What some rules ask about the other side. */
struct trust_peer {
	const struct policy *policy;
	struct str domain;   /* partner: the one it speaks for; else "" */
	bool shares_domains; /* partner: a provider with our address space */
};

/* Take out what must not pass; returns the number of values removed, or
 * -ENOMEM. */
EDGE_MUST int trust_strip(struct sip_msg *m, enum trust_way way,
	const struct trust_peer *peer);

/* What became of one header in one direction: for the manual and the test
 * that goes through the table. */
enum trust_act {
	TRUST_KEEP,
	TRUST_REMOVE,
	TRUST_OWN_DOMAIN, /* values of the sender's side's domain stay */
	TRUST_SHARED,     /* stays only with a provider that shares ours */
	TRUST_REALM,      /* credentials for our servers go */
	TRUST_HISTORY,    /* goes when hide_history says so */
	TRUST_SOFTWARE,   /* its comments go when hide_software says so */
};
size_t trust_rule_count(void);
const char *trust_rule_name(size_t i); /* "P-Charging-*": all that begin so */
enum trust_act trust_rule_act(size_t i, enum trust_way way);

/* Where a message came from, as servers inside are told. */
enum trust_source {
	TRUST_INTERNET_USER,
	TRUST_DIRECT_PARTNER,
	TRUST_AUTO_FEDERATION,
	TRUST_AUTHORIZED_SERVER,
	TRUST_EDGE_GENERATED,
};

struct trust_mark {
	enum trust_source source;
	bool is_verified;
	bool is_public_cloud;    /* ms-source-network; else federation */
	const char *remote_fqdn; /* providers of public IM; NULL = not said */
};

/* Mark a message on its way inside; one line, what was there is replaced. */
EDGE_MUST int trust_put(struct sip_msg *m, const struct policy *p,
	const struct trust_mark *mark);

/* Value of ms-edge-proxy-message-trust. Returns out. */
#define TRUST_VALUE_LEN 768
const char *trust_value(const struct policy *p,
	const struct trust_mark *mark, char out[static TRUST_VALUE_LEN]);

/* What a partner's edge says of the sender; read before trust_strip(). */
enum trust_claim {
	TRUST_CLAIM_NONE,
	TRUST_CLAIM_VERIFIED,
	TRUST_CLAIM_UNVERIFIED,
};
enum trust_claim trust_claim_of(const struct sip_msg *m);
/* Tell a partner's edge the same of ours. */
EDGE_MUST int trust_claim_put(struct sip_msg *m, bool is_verified);

#endif
