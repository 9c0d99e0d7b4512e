/*
 * What is put in and taken out of messages between the inside and partners,
 * both ways, requests and responses. Edits a message, decides nothing.
 */
#ifndef ACCESS_EDGE_PARTNER_EDIT_H
#define ACCESS_EDGE_PARTNER_EDIT_H

#include "access-edge/partner.h"
#include "access-edge/policy.h"
#include "common/base/attr.h"
#include "common/sip/sip_msg.h"

/* Each returns how many values were taken out, or an error. */

/* From a partner to inside: what it may not say goes, our mark is put in. A
 * failure that says nothing of its cause gets a word about where it comes
 * from. */
EDGE_MUST int partner_edit_in(struct sip_msg *m, const struct policy *p,
	const struct partner *partner);
/* From inside to a partner. */
EDGE_MUST int partner_edit_out(struct sip_msg *m, const struct policy *p,
	const struct partner *partner);

#endif
