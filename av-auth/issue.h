/*
 * Who gets which credential: lifetime, location and relay names. Pure: the
 * policy is taken from a topology snapshot once, then request, keys and
 * clock in, answer out.
 */
#ifndef AV_AUTH_ISSUE_H
#define AV_AUTH_ISSUE_H

#include <stddef.h>
#include <stdint.h>

#include "av-auth/avedge_xml.h"
#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/cred/av_cred.h"
#include "common/cred/av_key.h"
#include "common/store/topology.h"

#define ISSUE_RELAYS_MAX 8

struct issue_relays {
	struct avedge_relay at[ISSUE_RELAYS_MAX]; /* intranet first */
	size_t count;
};

struct issue_policy {
	uint32_t lifetime_max_min;
	const struct topology *domains; /* borrowed: whose users alone may
					 * have any; NULL = everybody */
	struct issue_relays by_name;    /* route="loadbalanced" */
	struct issue_relays by_address; /* route="directip" */
};

/* t must live as long as the policy. */
void issue_policy_from(struct issue_policy *out, const struct topology *t);

/* Minutes that are granted when asked_min (0 = not said) are asked for. */
uint32_t issue_lifetime_min(const struct issue_policy *policy,
	uint32_t asked_min);

/* The answer to a request that could be read. *out borrows from the request
 * and the policy; its grants are owned, issue_response_fini wipes and frees
 * them. All items or none: the schema knows no partial success. */
void issue_answer(struct avedge_response *out,
	const struct issue_policy *policy, const struct av_key_ring *ring,
	const struct avedge_request *request, struct wall now);
/* The answer that says no. */
void issue_refuse(struct avedge_response *out,
	const struct avedge_request *request, enum avedge_reason reason);
void issue_response_fini(struct avedge_response *response);

#endif
