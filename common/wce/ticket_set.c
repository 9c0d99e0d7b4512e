/*
 * Open addressing with linear probing, 24 bytes for each place, half of the
 * places empty. What is over is swept while new ids come in, a few places
 * for each; when the set is full the whole of it is swept, once a second at
 * most.
 */
#include "common/wce/ticket_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/map.h"
#include "common/base/rand.h"

#define PLACES_MIN 1024u
#define SWEEP_STEP 4u

struct place {
	uint8_t id[TICKET_ID_LEN];
	int64_t until_s; /* 0 = empty */
};

struct ticket_set {
	struct place *places; /* owned */
	size_t place_count;   /* power of two */
	size_t count;
	size_t max;
	size_t sweep_at;
	struct wall swept; /* the last time as a whole */
	uint64_t key[2];   /* of the hash: ids come from outside */
};

int ticket_set_new(struct ticket_set **out, size_t max)
{
	struct ticket_set *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return -ENOMEM;
	set->max = max;
	set->place_count = PLACES_MIN;
	set->places = calloc(set->place_count, sizeof(*set->places));
	if (set->places == NULL) {
		free(set);
		return -ENOMEM;
	}
	rand_bytes(set->key, sizeof(set->key));
	*out = set;
	return 0;
}

void ticket_set_free(struct ticket_set *set)
{
	if (set == NULL)
		return;
	free(set->places);
	free(set);
}

void ticket_set_limit(struct ticket_set *set, size_t max)
{
	set->max = max;
	set->swept = (struct wall){0};
}

static size_t home(const struct ticket_set *set, const uint8_t *id)
{
	return siphash24(set->key, id, TICKET_ID_LEN) &
		(set->place_count - 1);
}

/* The place of this id, or the empty one where it would go. */
static size_t find(const struct ticket_set *set, const uint8_t *id)
{
	size_t at = home(set, id);

	while (set->places[at].until_s != 0 &&
		memcmp(set->places[at].id, id, TICKET_ID_LEN) != 0)
		at = (at + 1) & (set->place_count - 1);
	return at;
}

/* Take one out and close the gap, so that no search ends too early. */
static void drop(struct ticket_set *set, size_t at)
{
	const size_t mask = set->place_count - 1;
	size_t next = at;

	set->count--;
	for (;;) {
		set->places[at].until_s = 0;
		for (;;) {
			size_t want;

			next = (next + 1) & mask;
			if (set->places[next].until_s == 0)
				return;
			want = home(set, set->places[next].id);
			if (((next - want) & mask) >= ((next - at) & mask))
				break; /* may lie at `at` */
		}
		set->places[at] = set->places[next];
		at = next;
	}
}

/* Look at n places from where the last sweep ended. What moves into a place
 * that was swept is looked at again. */
static void sweep(struct ticket_set *set, size_t n, struct wall now)
{
	while (n-- > 0) {
		struct place *p = &set->places[set->sweep_at];

		if (p->until_s != 0 && p->until_s < now.s)
			drop(set, set->sweep_at);
		else
			set->sweep_at = (set->sweep_at + 1) &
				(set->place_count - 1);
	}
}

static int grow(struct ticket_set *set)
{
	struct place *old = set->places;
	const size_t old_count = set->place_count;
	struct place *places = calloc(old_count * 2, sizeof(*places));

	if (places == NULL)
		return -ENOMEM;
	set->places = places;
	set->place_count = old_count * 2;
	set->sweep_at = 0;
	for (size_t i = 0; i < old_count; i++)
		if (old[i].until_s != 0)
			set->places[find(set, old[i].id)] = old[i];
	free(old);
	return 0;
}

static int make_room(struct ticket_set *set, struct wall now)
{
	if (set->count >= set->max) {
		if (set->swept.s == now.s)
			return EDGE_EBUSY;
		set->swept = now;
		sweep(set, set->place_count * 2, now);
		return set->count >= set->max ? EDGE_EBUSY : 0;
	}
	if (set->count * 2 < set->place_count)
		return 0;
	return grow(set);
}

int ticket_set_add(struct ticket_set *set,
	const uint8_t id[static TICKET_ID_LEN], struct wall until,
	struct wall now)
{
	size_t at;
	int err;

	if (ticket_set_has(set, id))
		return -EEXIST;
	sweep(set, SWEEP_STEP, now);
	err = make_room(set, now);
	if (err < 0)
		return err;
	at = find(set, id);
	memcpy(set->places[at].id, id, TICKET_ID_LEN);
	set->places[at].until_s = until.s > 0 ? until.s : 1;
	set->count++;
	return 0;
}

void ticket_set_remove(struct ticket_set *set,
	const uint8_t id[static TICKET_ID_LEN])
{
	size_t at = find(set, id);

	if (set->places[at].until_s != 0)
		drop(set, at);
}

bool ticket_set_has(const struct ticket_set *set,
	const uint8_t id[static TICKET_ID_LEN])
{
	return set->places[find(set, id)].until_s != 0;
}

size_t ticket_set_count(const struct ticket_set *set)
{
	return set->count;
}
