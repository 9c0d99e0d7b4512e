/*
 * Other relays that a client may be sent to when this one is full or
 * drains: "300 Try Alternate" of RFC 8489 section 10 and [MS-TURN] 2.2.2.7.
 * Each side has its own, because each reaches other addresses.
 */
#ifndef AV_EDGE_ALTERNATES_H
#define AV_EDGE_ALTERNATES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/setting.h"
#include "common/store/topology.h"

#define ALTERNATES_MAX 16
#define ALTERNATES_SIDES 2 /* by enum topology_side */

struct alternates {
	struct addr list[ALTERNATES_SIDES][ALTERNATES_MAX]; /* no ports */
	size_t count[ALTERNATES_SIDES];
};

/* From the settings. EDGE_ECONFIG: one is no address. */
EDGE_MUST int alternates_read(struct alternates *out,
	const struct setting_set *set, struct why *why);
/* One of this side and family, by chance: many clients are sent away at
 * once. False: there is none. */
bool alternates_pick(const struct alternates *all, enum topology_side side,
	uint8_t family, struct addr *out);

#endif
