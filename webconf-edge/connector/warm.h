/*
 * The connections to one edge that wait for clients: slots, each for one
 * client, or trunks that many share. How many there are, and opening them.
 */
#ifndef WEBCONF_CONNECTOR_WARM_H
#define WEBCONF_CONNECTOR_WARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/list.h"
#include "common/net/stream.h"

#define WARM_WINDOW_S 10u /* of the join rate */

struct upstream;

struct warm {
	struct upstream *upstream; /* borrowed */
	struct list slots;
	struct list trunks;
	size_t opening_count; /* of slots */
	size_t ready_count;
	size_t trunk_count;   /* that take clients, or will */
	unsigned joins[WARM_WINDOW_S]; /* by second */
	uint64_t seconds;
	uint64_t hold_until; /* in seconds */
};

void warm_init(struct warm *w, struct upstream *u);
/* Everything at once. */
void warm_fini(struct warm *w);
struct upstream *warm_upstream(const struct warm *w);

/* Each second. */
void warm_tick(struct warm *w);
/* The edge takes clients: open what is missing. */
void warm_begin(struct warm *w);
/* Close what carries nobody; trunks that do are closed when they no longer
 * do, and only with is_all. */
void warm_retire(struct warm *w, bool is_all);
/* So many slots should wait now. */
size_t warm_wanted(const struct warm *w);

/* ---- for slot.c and trunk.c ---- */
enum warm_event {
	WARM_READY,
	WARM_TAKEN,    /* PAIR came */
	WARM_RETURNED, /* and was rejected after all */
	WARM_FAILED,   /* before it was ready */
	WARM_LOST,     /* while it was ready */
	WARM_TRUNK_LOST,
	WARM_TRUNK_JOINED, /* one more client on a trunk */
};
void warm_tell(struct warm *w, enum warm_event event);
EDGE_MUST int warm_dial(struct warm *w, struct stream **out,
	const struct stream_ops *ops, void *arg);
/* The first frame; channels 0 = a slot. */
void warm_send_ready(struct warm *w, struct stream *stream, uint64_t id,
	uint32_t channels);

#endif
