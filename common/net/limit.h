/*
 * Token buckets per source prefix (/32, /56) in a table of fixed size: a
 * flood of sources takes no memory. Two sources may share a bucket.
 */
#ifndef NET_LIMIT_H
#define NET_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/clock.h"

struct limit;

struct limit_spec {
	uint32_t rate_per_s;    /* tokens that come back each second */
	uint32_t period_s;      /* ... or each so many seconds; 0 = 1 */
	uint32_t burst;         /* tokens at most */
	uint32_t earned_max;    /* cap a source can earn up to, 0 = none */
	uint32_t forget_s;      /* silence after which what was earned goes */
	size_t slots;           /* rounded up to a power of two */
};

EDGE_MUST int limit_new(struct limit **out, const struct limit_spec *spec);
void limit_free(struct limit *limit); /* accepts NULL */
/* Take one token; false when there is none. */
bool limit_take(struct limit *limit, const struct addr *source,
	struct mono now);
/* The source proved itself: its token comes back and its cap rises by one,
 * up to earned_max (architecture 6, strangers). */
void limit_earn(struct limit *limit, const struct addr *source,
	struct mono now);

/* One bucket on its own, for a connection. */
struct bucket {
	uint32_t rate_per_s;
	uint32_t burst;
	int64_t milli; /* tokens times 1000 */
	struct mono last;
};

void bucket_init(struct bucket *b, uint32_t rate_per_s, uint32_t burst,
	struct mono now);
/* Another rate and bound from now on; what is in it stays, as far as the bound
 * lets it. */
void bucket_set(struct bucket *b, uint32_t rate_per_s, uint32_t burst,
	struct mono now);
bool bucket_take(struct bucket *b, struct mono now);
/* All or none: who is refused has paid nothing, and gets through later. */
bool bucket_take_many(struct bucket *b, size_t count, struct mono now);

#endif
