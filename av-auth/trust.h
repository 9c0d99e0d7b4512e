/*
 * Which inside servers may ask for credentials, and how many a second. The
 * certificate decides (name, and the pin when there is one); addresses say
 * nothing.
 */
#ifndef AV_AUTH_TRUST_H
#define AV_AUTH_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/net/limit.h"
#include "common/net/tls.h"
#include "common/store/topology.h"

/* The row with the grant av-auth that this certificate fits, or NULL with a
 * literal for the log. */
const struct topology_trust *trust_find(const struct topology *t,
	const struct tls_peer *peer, const char **cause);

struct trust_rate;

/* One bucket for each server name. */
struct trust_rates {
	struct trust_rate *rows; /* owned */
	size_t count;
	uint32_t rate_per_s;
};

/* Take the names and the rate of this snapshot; buckets start full. */
EDGE_MUST int trust_rates_init(struct trust_rates *r,
	const struct topology *t, struct mono now);
void trust_rates_fini(struct trust_rates *r);
/* count tokens of this server; false when there are not so many (those
 * that were there are spent). */
bool trust_rates_take(struct trust_rates *r, const char *server,
	size_t count, struct mono now);

#endif
