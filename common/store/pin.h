/*
 * The pin: a host that is pinned keeps the generation it has, whatever its
 * publisher activates, until somebody unpins it. One small file in the
 * replication agent's folder, written by the agent or by edgectl as root.
 */
#ifndef STORE_PIN_H
#define STORE_PIN_H

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/why.h"

struct pin {
	struct wall at;
	char by[64];      /* "edgectl topology apply", "replication-agent" */
	char reason[256]; /* for people */
};

/* True and *out filled when the host is pinned. One that can't be read is a
 * pin, too: reason says so. */
bool pin_read(struct pin *out, const char *state_dir);
/* Pin it; a pin that is there is replaced. 1 = it is pinned, but the disk
 * did not take who and why: one that was there, or the spare, pins. */
EDGE_MUST int pin_set(const char *state_dir, const char *by,
	const char *reason, struct why *why);
/* Have a spare in the folder: on a full disk it becomes the pin by its name
 * alone. */
EDGE_MUST int pin_reserve(const char *state_dir, struct why *why);
EDGE_MUST int pin_clear(const char *state_dir, struct why *why);

#endif
