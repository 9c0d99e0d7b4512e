/*
 * Somebody out there who looks at a relay: a bare UDP socket that knows how
 * it is seen from outside, and from where datagrams come to it.
 */
#ifndef EDGECTL_PROBE_OBSERVER_H
#define EDGECTL_PROBE_OBSERVER_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"
#include "edgectl/probe/probe.h"

#define PROBE_TOKEN_LEN 24

struct probe_observer;

/* Asks server (STUN Binding) how it is seen. */
EDGE_MUST int probe_observer_new(struct probe_observer **out,
	struct probe *probe, const struct addr *local,
	const struct addr *server, struct why *why);
void probe_observer_free(struct probe_observer *o); /* accepts NULL */

const struct addr *probe_observer_mapped(const struct probe_observer *o);
void probe_observer_send(struct probe_observer *o, const struct addr *to,
	const uint8_t token[static PROBE_TOKEN_LEN]);
/* Waits until this token has come; where it came from. -ETIMEDOUT. */
EDGE_MUST int probe_observer_await(struct probe_observer *o,
	const uint8_t token[static PROBE_TOKEN_LEN], int64_t limit_ms,
	struct addr *from);

#endif
