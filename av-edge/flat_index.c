/*
 * Open addressing with linear probing. At most three quarters are filled,
 * so that a probe always ends; removing moves later entries back, so that
 * no tombstones pile up.
 */
#include "av-edge/flat_index.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 64u

static struct flat_entry *entries_new(uint32_t size)
{
	struct flat_entry *entries = malloc(size * sizeof(*entries));

	if (entries != NULL)
		memset(entries, 0xff, size * sizeof(*entries));
	return entries;
}

int flat_index_init(struct flat_index *ix)
{
	memset(ix, 0, sizeof(*ix));
	ix->entries = entries_new(FIRST_SIZE);
	if (ix->entries == NULL)
		return -ENOMEM;
	ix->mask = FIRST_SIZE - 1;
	return 0;
}

void flat_index_fini(struct flat_index *ix)
{
	free(ix->entries);
	memset(ix, 0, sizeof(*ix));
}

static void place(struct flat_index *ix, uint32_t hash, uint32_t number)
{
	uint32_t at = hash;

	while (ix->entries[at & ix->mask].number != FLAT_NONE)
		at++;
	ix->entries[at & ix->mask] = (struct flat_entry){hash, number};
}

static int grow(struct flat_index *ix)
{
	struct flat_entry *old = ix->entries;
	uint32_t old_size = ix->mask + 1, i;

	ix->entries = entries_new(old_size * 2);
	if (ix->entries == NULL) {
		ix->entries = old;
		return -ENOMEM;
	}
	ix->mask = old_size * 2 - 1;
	for (i = 0; i < old_size; i++)
		if (old[i].number != FLAT_NONE)
			place(ix, old[i].hash, old[i].number);
	free(old);
	return 0;
}

int flat_index_put(struct flat_index *ix, uint32_t hash, uint32_t number)
{
	int err;

	if ((ix->count + 1) * 4 > (ix->mask + 1) * 3) {
		err = grow(ix);
		if (err < 0)
			return err;
	}
	place(ix, hash, number);
	ix->count++;
	return 0;
}

/* May the entry at `from` lie at `hole`, without being lost to its probe? */
static bool may_move(const struct flat_index *ix, uint32_t hole,
	uint32_t from)
{
	uint32_t home = ix->entries[from].hash & ix->mask;

	return ((from - home) & ix->mask) >= ((from - hole) & ix->mask);
}

void flat_index_remove(struct flat_index *ix, uint32_t hash, uint32_t number)
{
	uint32_t hole = hash & ix->mask, from;

	while (ix->entries[hole].number != number) {
		if (ix->entries[hole].number == FLAT_NONE)
			return;
		hole = (hole + 1) & ix->mask;
	}
	for (from = (hole + 1) & ix->mask;
	     ix->entries[from].number != FLAT_NONE;
	     from = (from + 1) & ix->mask) {
		if (!may_move(ix, hole, from))
			continue;
		ix->entries[hole] = ix->entries[from];
		hole = from;
	}
	ix->entries[hole].number = FLAT_NONE;
	ix->count--;
}
