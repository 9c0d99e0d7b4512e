/*
 * How many replies a source may cause that has proved nothing yet: one
 * budget over all shards, because a victim does not care which of our
 * threads hits it (threat T7, requirement R18).
 */
#ifndef AV_EDGE_STRANGERS_H
#define AV_EDGE_STRANGERS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/clock.h"

struct strangers;

EDGE_MUST int strangers_new(struct strangers **out, uint32_t rate_per_s);
void strangers_free(struct strangers *s); /* accepts NULL */
/* Any thread, all three. A new rate forgets what was earned. -ENOMEM. */
EDGE_MUST int strangers_set_rate(struct strangers *s, uint32_t rate_per_s);
bool strangers_may_get_reply(struct strangers *s, const struct addr *source,
	struct mono now);
/* This source sent a request with valid integrity. */
void strangers_earn(struct strangers *s, const struct addr *source,
	struct mono now);

#endif
