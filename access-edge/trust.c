/*
 * Trust headers by direction: one table. Names are compared as the parser
 * told them apart, so no spelling gets past it (threat S1).
 */
#include "access-edge/trust.h"

#include <stdio.h>

#include "common/base/attr.h"
#include "common/sip/sip_edit.h"

#define MARK       "ms-edge-proxy-message-trust"
#define OWN_CLASS  "X-Edge-Class"

enum trust_act {
	PASS,
	REMOVE,
};

struct trust_rule {
	const char *name;
	enum trust_act act[TRUST_WAY_COUNT];
};

static const struct trust_rule rules[] = {
	/* The client reads it: it says where the other party is. */
	{MARK, {[TRUST_FROM_CLIENT] = REMOVE, [TRUST_TO_CLIENT] = PASS}},
	{OWN_CLASS, {[TRUST_FROM_CLIENT] = REMOVE,
		[TRUST_TO_CLIENT] = REMOVE}},
	/* Towards clients response.c puts in ours where there is none. */
	{"ms-user-logon-data", {[TRUST_FROM_CLIENT] = REMOVE,
		[TRUST_TO_CLIENT] = PASS}},
	{"ms-asserted-verification-level", {[TRUST_FROM_CLIENT] = REMOVE,
		[TRUST_TO_CLIENT] = REMOVE}},
	{"ms-split-domain-info", {[TRUST_FROM_CLIENT] = REMOVE,
		[TRUST_TO_CLIENT] = REMOVE}},
	/* An untrusted sender can't assert; what comes from inside is signed
	 * for the client and must stay (RFC 3325's rule does not apply). */
	{"P-Asserted-Identity", {[TRUST_FROM_CLIENT] = REMOVE,
		[TRUST_TO_CLIENT] = PASS}},
	{"Remote-Party-ID", {[TRUST_FROM_CLIENT] = REMOVE, /* its elder */
		[TRUST_TO_CLIENT] = PASS}},
	{"P-Asserted-Service", {[TRUST_FROM_CLIENT] = REMOVE,
		[TRUST_TO_CLIENT] = PASS}},
};

size_t trust_strip(struct sip_msg *m, enum trust_way way)
{
	size_t removed = 0;

	for (size_t i = 0; i < ARRAY_COUNT(rules); i++) {
		if (rules[i].act[way] == REMOVE)
			removed += sip_remove(m, rules[i].name);
	}
	return removed;
}

int trust_mark(struct sip_msg *m, const struct policy *p, bool is_verified)
{
	char value[TRUST_VALUE_LEN];

	if (!p->ms_headers)
		return sip_set(m, OWN_CLASS, STR_LIT("client"));
	snprintf(value, sizeof(value), "ms-source-type=InternetUser;"
		"ms-ep-fqdn=%s;ms-source-verified-user=%s", p->inside.fqdn,
		is_verified ? "verified" : "unverified");
	return sip_set(m, MARK, str_of(value));
}

const char *trust_own_value(const struct policy *p,
	char out[static TRUST_VALUE_LEN])
{
	snprintf(out, TRUST_VALUE_LEN, "ms-source-type=EdgeProxyGenerated;"
		"ms-ep-fqdn=%s;ms-source-verified-user=unverified",
		p->inside.fqdn);
	return out;
}
