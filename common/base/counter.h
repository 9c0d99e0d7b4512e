/*
 * Counter tables. A daemon lists its counters once: name, unit, help; a
 * block holds the values, one per thread where threads count, added up when
 * printed. Label values are fixed at compile time (requirement R2).
 */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

enum counter_kind {
	COUNTER_TOTAL, /* only rises; printed with _total */
	COUNTER_GAUGE, /* rises and falls */
};

struct counter_def {
	const char *name;   /* "bytes_relayed": lower snake case, with unit */
	const char *labels; /* "side=\"internal\"" or NULL */
	enum counter_kind kind;
	const char *unit; /* "bytes", "packets", "" */
	const char *help; /* one sentence, no full stop */
};

struct counters {
	const struct counter_def *defs; /* borrowed, static */
	size_t count;
	_Atomic uint64_t *values; /* owned, count of them */
};

EDGE_MUST int counters_init(struct counters *c,
	const struct counter_def *defs, size_t count);
void counters_fini(struct counters *c);
void counter_add(struct counters *c, size_t id, uint64_t n);
void counter_sub(struct counters *c, size_t id, uint64_t n);
void counter_set(struct counters *c, size_t id, uint64_t v);
uint64_t counter_get(const struct counters *c, size_t id);

/* Printing over the sum of several blocks with the same defs. The result
 * is on the heap, the caller frees it; NULL when out of memory.
 * OpenMetrics: names are sallyport_<daemon>_<name>, ends with "# EOF". */
char *counters_openmetrics(const struct counters *const *blocks,
	size_t block_count, const char *daemon);

#endif
