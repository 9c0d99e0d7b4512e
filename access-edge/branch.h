/*
 * Our Via branches: random, with a hash of what routing depends on, so that
 * a request that comes back unchanged is known (RFC 5393 section 4.2).
 */
#ifndef ACCESS_EDGE_BRANCH_H
#define ACCESS_EDGE_BRANCH_H

#include <stdbool.h>
#include <stdint.h>

#include "access-edge/policy.h"
#include "common/sip/sip_msg.h"

#define BRANCH_LEN 64 /* with NUL */

struct branch_key {
	uint8_t secret[16];
};

/* Of the request as it was received. */
uint64_t branch_loop_hash(const struct sip_msg *m,
	const struct branch_key *key);
const char *branch_make(uint64_t loop_hash, char out[static BRANCH_LEN]);
/* Did this very request pass here before? Reads all Vias. */
bool branch_is_loop(struct sip_msg *m, uint64_t loop_hash,
	const struct policy *p);

#endif
