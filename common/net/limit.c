/*
 * Token buckets: one on its own, and a table of them for source prefixes.
 * The table has fixed size; a slot holds whoever was last hashed to it, and
 * shares its tokens with the one before: a flood of made-up sources can
 * slow a neighbour of the hash down, but takes no memory and frees nobody
 * (threats T7, S8). Pure but for the seed of the hash.
 */
#include "common/net/limit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "common/base/rand.h"

#define MILLI 1000

struct slot {
	struct bucket bucket; /* its burst is the source's cap */
	struct mono proved;   /* when the cap last rose */
};

struct limit {
	struct limit_spec spec;
	uint64_t seed;
	size_t mask;
	struct slot slots[];
};

/* What came back since the last look. Clocks of other threads may lag. */
static void bucket_fill(struct bucket *b, struct mono now)
{
	int64_t gone_ms = mono_since_ms(b->last, now);
	int64_t cap = (int64_t)b->burst * MILLI;
	int64_t back;

	if (gone_ms <= 0)
		return;
	b->last = now;
	/* tokens a second = thousandths a millisecond */
	if (b->rate_per_s != 0 && gone_ms > cap / b->rate_per_s)
		back = cap;
	else
		back = gone_ms * b->rate_per_s;
	b->milli = b->milli + back > cap ? cap : b->milli + back;
}

void bucket_init(struct bucket *b, uint32_t rate_per_s, uint32_t burst,
	struct mono now)
{
	b->rate_per_s = rate_per_s;
	b->burst = burst;
	b->milli = (int64_t)burst * MILLI;
	b->last = now;
}

bool bucket_take_many(struct bucket *b, size_t count, struct mono now)
{
	bucket_fill(b, now);
	if (count > (uint64_t)b->milli / MILLI)
		return false;
	b->milli -= (int64_t)count * MILLI;
	return true;
}

void bucket_set(struct bucket *b, uint32_t rate_per_s, uint32_t burst,
	struct mono now)
{
	bucket_fill(b, now);
	b->rate_per_s = rate_per_s;
	b->burst = burst;
	b->milli = MIN(b->milli, (int64_t)burst * MILLI);
}

bool bucket_take(struct bucket *b, struct mono now)
{
	return bucket_take_many(b, 1, now);
}

int limit_new(struct limit **out, const struct limit_spec *spec)
{
	struct limit *l;
	size_t count = 1;

	while (count < spec->slots && count < SIZE_MAX / 2 / sizeof(*l->slots))
		count *= 2;
	l = calloc(1, sizeof(*l) + count * sizeof(l->slots[0]));
	if (l == NULL)
		return -ENOMEM;
	l->spec = *spec;
	l->seed = rand_u64();
	l->mask = count - 1;
	*out = l;
	return 0;
}

void limit_free(struct limit *limit)
{
	free(limit);
}

/* One IPv4 host, or the /56 that a household of IPv6 gets. */
static struct addr source_prefix(const struct addr *source)
{
	struct addr p = addr_canonical(source);

	p.port = 0;
	if (p.family == 6)
		memset(p.ip + 7, 0, sizeof(p.ip) - 7);
	return p;
}

/* Slow rates are those of a slow clock. */
static struct mono slowed(const struct limit *l, struct mono now)
{
	if (l->spec.period_s > 1)
		now.ms /= l->spec.period_s;
	return now;
}

static struct slot *find(struct limit *l, const struct addr *source,
	struct mono real)
{
	struct mono now = slowed(l, real);
	struct addr prefix = source_prefix(source);
	struct slot *s = &l->slots[addr_hash(&prefix, l->seed) & l->mask];

	/* burst 0 marks a slot that nobody used: calloc made it */
	if (s->bucket.burst == 0) {
		bucket_init(&s->bucket, l->spec.rate_per_s, l->spec.burst,
			now);
		s->proved = real;
	} else if (s->bucket.burst > l->spec.burst &&
		mono_since_ms(s->proved, real) >=
			(int64_t)l->spec.forget_s * 1000) {
		s->bucket.burst = l->spec.burst;
		s->bucket.rate_per_s = l->spec.rate_per_s;
	}
	bucket_fill(&s->bucket, now);
	return s;
}

bool limit_take(struct limit *limit, const struct addr *source,
	struct mono now)
{
	return bucket_take(&find(limit, source, now)->bucket,
		slowed(limit, now));
}

void limit_earn(struct limit *limit, const struct addr *source,
	struct mono now)
{
	struct slot *s = find(limit, source, now);
	struct bucket *b = &s->bucket;

	s->proved = now;
	/* A source that proves itself n times may ask n times as fast, too:
	 * the cap is what comes back in the time the burst stands for. */
	if (b->burst < limit->spec.earned_max) {
		b->burst++;
		b->rate_per_s++;
	}
	b->milli += MILLI;
	if (b->milli > (int64_t)b->burst * MILLI)
		b->milli = (int64_t)b->burst * MILLI;
}
