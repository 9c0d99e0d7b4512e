/*
 * One question to all shards: a job posted to each, a part for each to fill
 * in, and a count of those that have not spoken yet.
 */
#include "av-edge/census.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/log.h"

struct part {
	struct census *census;
	struct alloc *rows; /* owned */
	size_t count;
	bool is_lost; /* no memory, or could not be asked */
};

struct census {
	struct list node;
	struct census_spec spec;
	struct alloc_filter filter;
	atomic_uint waits; /* shards that have not spoken yet */
	struct part parts[SHARD_MAX];
};

static void census_free(struct census *c)
{
	unsigned i;

	list_remove(&c->node);
	for (i = 0; i < SHARD_MAX; i++)
		free(c->parts[i].rows);
	free(c->spec.arg);
	free(c);
}

void census_free_all(struct list *open)
{
	struct list *node;

	while ((node = list_first(open)) != NULL)
		census_free(container_of(node, struct census, node));
}

/* ---- in the shard's thread --------------------------------------------- */

static void add_row(struct shard *s, struct part *part,
	const struct alloc *a)
{
	struct alloc *row = &part->rows[part->count++];

	*row = *a;
	digest_wipe(row->key, sizeof(row->key));
	hot_add_traffic(&s->turn.hots, a, row);
}

static void end_one(struct shard *s, struct part *part, uint64_t id)
{
	struct alloc *a = alloc_by_id(&s->turn.allocs, id);

	if (a == NULL)
		return;
	add_row(s, part, a);
	turn_end(&s->turn, a, ALLOC_END_CLOSED);
}

static void collect(struct shard *s, struct part *part)
{
	const struct alloc_table *t = &s->turn.allocs;
	const struct alloc *a;
	uint32_t i;

	part->rows = calloc(alloc_table_count(t) + 1, sizeof(*part->rows));
	part->is_lost = part->rows == NULL;
	if (part->is_lost)
		return;
	if (part->census->spec.end_id != 0) {
		end_one(s, part, part->census->spec.end_id);
		return;
	}
	for (i = 0; i < alloc_table_end(t); i++) {
		a = alloc_at(t, i);
		if (a != NULL && alloc_filter_takes(&part->census->filter, a))
			add_row(s, part, a);
	}
}

/* ---- in the caller's thread -------------------------------------------- */

static struct alloc *join(const struct census *c, size_t *count)
{
	unsigned i, shards = c->spec.relay->shard_count;
	size_t n = 0, total = 0;
	struct alloc *all;

	for (i = 0; i < shards; i++) {
		if (c->parts[i].is_lost)
			return NULL;
		total += c->parts[i].count;
	}
	all = calloc(total + 1, sizeof(*all));
	for (i = 0; i < shards && all != NULL; i++) {
		memcpy(all + n, c->parts[i].rows,
			c->parts[i].count * sizeof(*all));
		n += c->parts[i].count;
	}
	*count = n;
	return all;
}

static void finish(void *arg)
{
	struct census *c = arg;
	struct alloc *all;
	size_t count = 0;

	all = join(c, &count);
	c->spec.cb(all, count, c->spec.arg);
	free(all);
	census_free(c);
}

static void speak(struct shard *s, void *arg)
{
	struct part *part = arg;
	struct census *c = part->census;

	collect(s, part);
	if (atomic_fetch_sub(&c->waits, 1) == 1 &&
	    loop_post(c->spec.loop, finish, c) < 0)
		log_error("census.lost", "cause=memory");
}

int census_start(const struct census_spec *spec)
{
	struct census *c = calloc(1, sizeof(*c));
	unsigned i;

	if (c == NULL) {
		free(spec->arg);
		return -ENOMEM;
	}
	c->spec = *spec;
	if (spec->filter != NULL)
		c->filter = *spec->filter;
	list_push_back(spec->open, &c->node);
	/* One more than there are shards: nobody finishes it before all of
	 * them were asked. */
	atomic_init(&c->waits, spec->relay->shard_count + 1);
	for (i = 0; i < spec->relay->shard_count; i++) {
		c->parts[i].census = c;
		if (shard_post(spec->relay->shards[i], speak,
			    &c->parts[i]) == 0)
			continue;
		c->parts[i].is_lost = true;
		atomic_fetch_sub(&c->waits, 1);
	}
	if (atomic_fetch_sub(&c->waits, 1) != 1)
		return 0;
	if (loop_post(spec->loop, finish, c) == 0)
		return 0;
	census_free(c);
	return -ENOMEM;
}
