/*
 * The Contact of a client that asks for it (`proxy=replace`, [MS-SIPRE]
 * Contact parameters): its own address becomes the one we see.
 */
#ifndef ACCESS_EDGE_CONTACT_H
#define ACCESS_EDGE_CONTACT_H

#include <stdbool.h>

#include "access-edge/origin.h"
#include "common/base/attr.h"
#include "common/sip/sip_msg.h"

/*
 * Rewrite the Contacts that carry `proxy`; with all also those whose host
 * is an address and that take no part in outbound. 0 or EDGE_EREFUSED: the
 * client must not ask so (answer 400, drop a response), EDGE_EMALFORMED.
 */
EDGE_MUST int contact_replace(struct sip_msg *m, const struct origin *from,
	bool all);

/* Do Contact and Via show a client that uses RFC 5626? */
bool contact_is_outbound(struct sip_msg *m);

#endif
