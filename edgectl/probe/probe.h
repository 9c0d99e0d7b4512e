/*
 * What the synthetic clients behind `edgectl test` share: one loop that is
 * turned until something has happened or its deadline is over, and the
 * trace of everything that was said.
 */
#ifndef EDGECTL_PROBE_H
#define EDGECTL_PROBE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/run/loop.h"

struct probe {
	struct loop *loop; /* owned */
	struct mono start;
	uint64_t start_us; /* the same moment, finer */
	int64_t start_wall_us;
	struct mono deadline; /* of the whole test */
	json_t *trace;        /* owned: [{t_ms (real), from, to, what}] */
};

EDGE_MUST int probe_init(struct probe *p, int64_t limit_ms);
void probe_fini(struct probe *p);

/* True when what is waited for has come, or never will. */
typedef bool(probe_done_fn)(void *arg);

/* Turn the loop until done says so. -ETIMEDOUT after limit_ms, or when the
 * whole test's time is over. */
EDGE_MUST int probe_wait(struct probe *p, int64_t limit_ms, probe_done_fn *done,
	void *arg);

/* One message between two parties: "outside", "access-edge", "REGISTER". */
void probe_trace(struct probe *p, const char *from, const char *to,
	const char *fmt, ...) EDGE_PRINTF(4, 5);
int64_t probe_elapsed_ms(const struct probe *p);

#endif
