/*
 * Failed tickets by source prefix (/32, /56), and who is banned for them. A
 * table of fixed size: a flood of sources takes no memory, and a ban hits
 * nobody else.
 */
#ifndef WEBCONF_EDGE_PENALTY_H
#define WEBCONF_EDGE_PENALTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/clock.h"

struct penalty;

EDGE_MUST int penalty_new(struct penalty **out);
void penalty_free(struct penalty *p); /* accepts NULL */
/* One more failure; true when it is the one that bans the source. */
bool penalty_add(struct penalty *p, const struct addr *source,
	unsigned max_per_min, int64_t ban_ms, struct mono now);
bool penalty_is_banned(const struct penalty *p, const struct addr *source,
	struct mono now);
/* Sources banned now. */
size_t penalty_count(const struct penalty *p, struct mono now);

#endif
