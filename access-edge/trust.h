/*
 * Identity and trust headers: which are taken out and put in, by direction
 * ([MS-SIPRE] 2.2.15, RFC 3325; docs/protocol/access-edge.md, "Trust").
 */
#ifndef ACCESS_EDGE_TRUST_H
#define ACCESS_EDGE_TRUST_H

#include <stddef.h>

#include "access-edge/policy.h"
#include "common/sip/sip_msg.h"

enum trust_way {
	TRUST_FROM_CLIENT, /* outside to inside */
	TRUST_TO_CLIENT,   /* inside to outside */
	TRUST_WAY_COUNT,
};

/* Take out what must not pass; returns the number of lines removed. */
size_t trust_strip(struct sip_msg *m, enum trust_way way);

/* Mark a message of a client on its way inside. */
EDGE_MUST int trust_mark(struct sip_msg *m, const struct policy *p,
	bool is_verified);

/* The header's value for an answer that the edge made itself. */
#define TRUST_VALUE_LEN 400
const char *trust_own_value(const struct policy *p,
	char out[static TRUST_VALUE_LEN]);

#endif
