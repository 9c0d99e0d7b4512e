/*
 * What a request looks like when it leaves (RFC 3261 section 16.6): Routes
 * of ours taken off, Record-Route, Path, Via, Max-Forwards, marks.
 */
#ifndef ACCESS_EDGE_PREPARE_H
#define ACCESS_EDGE_PREPARE_H

#include "access-edge/branch.h"
#include "access-edge/contact.h"
#include "access-edge/flow.h"
#include "access-edge/origin.h"
#include "access-edge/partner.h"
#include "access-edge/policy.h"
#include "access-edge/route.h"
#include "access-edge/verdict.h"
#include "common/sip/sip_msg.h"

struct prepare {
	const struct policy *policy;
	const struct flow_keys *keys;
	const struct origin *from;
	const struct route *route;
	bool is_verified; /* From is who signed in on the connection */
	const struct partner *partner; /* it comes from or goes to; or NULL */
	char branch[BRANCH_LEN];
};

/* PASS, or what to answer. */
struct verdict prepare_request(struct sip_msg *m, const struct prepare *p);

#endif
