/*
 * Asking all shards for their allocations. They belong to other threads, so
 * a question goes round and is answered in the main loop when the last
 * shard has spoken.
 */
#ifndef AV_EDGE_CENSUS_H
#define AV_EDGE_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/list.h"
#include "common/run/loop.h"
#include "av-edge/alloc_filter.h"
#include "av-edge/relay.h"

/* Rows are copies without keys, with the channels' traffic added; the
 * callback may sort them. NULL when memory ran out. */
typedef void(census_cb)(struct alloc *rows, size_t count, void *arg);

struct census_spec {
	struct relay *relay;
	struct loop *loop;   /* of the caller's thread */
	struct list *open;   /* where questions under way are kept */
	const struct alloc_filter *filter; /* for the call; NULL = all */
	/* End the allocation with this id (0 = none) and report it alone. */
	uint64_t end_id;
	census_cb *cb;
	void *arg; /* a heap block, taken: freed after the callback */
};

/* -ENOMEM: cb is not called, arg is freed. */
EDGE_MUST int census_start(const struct census_spec *spec);
/* Forget what is under way, cb is not called any more. After the relay has
 * stopped. */
void census_free_all(struct list *open);

#endif
