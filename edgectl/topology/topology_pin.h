/* The pin as edgectl sets and lifts it (common/store/pin.h). */
#ifndef EDGECTL_TOPOLOGY_PIN_H
#define EDGECTL_TOPOLOGY_PIN_H

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/conf.h"

/* Keep the publisher from changing this machine; nothing to do on a host
 * that has none. *is_new: it was not pinned before. */
EDGE_MUST int topology_pin(const struct conf *conf, const char *reason,
	bool *is_new, struct why *why);
/* What it was pinned for came to nothing. */
void topology_pin_undo(const struct conf *conf, bool is_new);
/* By the agent when it runs: what waited comes into force. */
EDGE_MUST int topology_unpin(const struct conf *conf, bool *was_pinned,
	struct why *why);

#endif
