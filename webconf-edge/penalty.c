/*
 * Sets of four places; a source has its place in one set. When a set is full
 * the place that was heard of longest ago goes, banned ones last.
 */
#include "webconf-edge/penalty.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/map.h"
#include "common/base/rand.h"

#define WAYS      4u
#define SETS      1024u
#define WINDOW_MS 60000

struct place {
	struct addr prefix; /* unset = empty */
	unsigned failures;
	struct mono since;  /* of the window */
	struct mono banned_until;
};

struct penalty {
	struct place places[SETS][WAYS];
	uint64_t key[2];
};

int penalty_new(struct penalty **out)
{
	struct penalty *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	rand_bytes(p->key, sizeof(p->key));
	*out = p;
	return 0;
}

void penalty_free(struct penalty *p)
{
	free(p);
}

/* As listeners count: a host of IPv4, a /56 of IPv6. */
static struct addr prefix_of(const struct addr *source)
{
	struct addr prefix = addr_canonical(source);

	prefix.port = 0;
	if (prefix.family == 6)
		memset(prefix.ip + 7, 0, sizeof(prefix.ip) - 7);
	return prefix;
}

static size_t set_of(const struct penalty *p, const struct addr *prefix)
{
	return siphash24(p->key, prefix, sizeof(*prefix)) % SETS;
}

static bool is_banned(const struct place *place, struct mono now)
{
	return addr_is_set(&place->prefix) &&
		!mono_is_past(place->banned_until, now);
}

/* Rather forget `a` than `b`? */
static bool is_older(const struct place *a, const struct place *b,
	struct mono now)
{
	if (!addr_is_set(&a->prefix) || !addr_is_set(&b->prefix))
		return !addr_is_set(&a->prefix);
	if (is_banned(a, now) != is_banned(b, now))
		return is_banned(b, now);
	return a->since.ms < b->since.ms;
}

static struct place *place_for(struct penalty *p, const struct addr *prefix,
	struct mono now)
{
	struct place *set = p->places[set_of(p, prefix)];
	struct place *oldest = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (addr_eq(&set[i].prefix, prefix))
			return &set[i];
		if (is_older(&set[i], oldest, now))
			oldest = &set[i];
	}
	*oldest = (struct place){.prefix = *prefix,
		.since = now,
		.banned_until = {INT64_MIN}};
	return oldest;
}

bool penalty_add(struct penalty *p, const struct addr *source,
	unsigned max_per_min, int64_t ban_ms, struct mono now)
{
	struct addr prefix = prefix_of(source);
	struct place *place = place_for(p, &prefix, now);

	if (mono_since_ms(place->since, now) >= WINDOW_MS) {
		place->since = now;
		place->failures = 0;
	}
	place->failures++;
	if (place->failures <= max_per_min || is_banned(place, now))
		return false;
	place->banned_until = mono_after_ms(now, ban_ms);
	place->failures = 0;
	return true;
}

bool penalty_is_banned(const struct penalty *p, const struct addr *source,
	struct mono now)
{
	struct addr prefix = prefix_of(source);
	const struct place *set = p->places[set_of(p, &prefix)];

	for (size_t i = 0; i < WAYS; i++)
		if (addr_eq(&set[i].prefix, &prefix))
			return is_banned(&set[i], now);
	return false;
}

size_t penalty_count(const struct penalty *p, struct mono now)
{
	size_t count = 0;

	for (size_t i = 0; i < SETS; i++)
		for (size_t k = 0; k < WAYS; k++)
			count += is_banned(&p->places[i][k], now);
	return count;
}
