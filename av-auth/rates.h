/*
 * How many credentials a second each inside server may ask for.
 */
#ifndef AV_AUTH_RATES_H
#define AV_AUTH_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/net/limit.h"
#include "common/store/topology.h"

struct rate;

/* One bucket for each server name. */
struct rates {
	struct rate *rows; /* owned */
	size_t count;
	uint32_t rate_per_s;
};

/* Take the names and the rate of this snapshot; buckets start full. */
EDGE_MUST int rates_init(struct rates *r,
	const struct topology *t, struct mono now);
void rates_fini(struct rates *r);
/* count tokens of this server; false when there are not so many (those
 * that were there are spent). */
bool rates_take(struct rates *r, const char *server,
	size_t count, struct mono now);

#endif
