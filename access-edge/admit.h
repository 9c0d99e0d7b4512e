/*
 * May this peer send this request at all: the order of checks, as a pure
 * function of the message, facts about its connection, and the policy
 * (docs/protocol/access-edge.md, "Order of checks").
 */
#ifndef ACCESS_EDGE_ADMIT_H
#define ACCESS_EDGE_ADMIT_H

#include "access-edge/load.h"
#include "access-edge/origin.h"
#include "access-edge/policy.h"
#include "access-edge/verdict.h"
#include "common/sip/sip_msg.h"

struct admit {
	const struct policy *policy;
	const struct origin *from;
	bool is_in_rate;    /* a token of the connection's bucket was there */
	enum load_level load; /* of the whole daemon */
	const char *load_setting; /* the line behind it, or NULL */
	bool is_loop;
	const char *full_by; /* the setting that leaves no room for one
	                      * more transaction, or NULL */
	bool is_blocked;    /* too many failed sign-ins */
};

/* A request that parsed and is no NEGOTIATE and no CANCEL. For ACK the
 * caller turns every answer into silence. */
struct verdict admit_request(struct sip_msg *m, const struct admit *a);

#endif
