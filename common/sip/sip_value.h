/*
 * Single header values, parsed by sofia-sip: name-addr, URI, Via. Inside
 * common/sip only.
 */
#ifndef SIP_VALUE_H
#define SIP_VALUE_H

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/sip/sip_arena.h"
#include "common/sip/sip_msg.h"
#include "common/sip/sip_uri.h"

/* All: 0, EDGE_EMALFORMED, -ENOMEM; results live in the arena. */
EDGE_MUST int sip_value_uri(struct sip_arena *a, struct str text,
	struct sip_uri *out);
EDGE_MUST int sip_value_addr(struct sip_arena *a, enum sip_header id,
	struct str text, struct sip_addr *out);
EDGE_MUST int sip_value_via(struct sip_arena *a, struct str text,
	struct sip_via *out);

/* sofia: its url_t. */
EDGE_MUST int sip_uri_from_sofia(const void *sofia, struct str text,
	struct sip_uri *out);

#endif
