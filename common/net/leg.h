/*
 * One of the two ends of a relay (relay.h): a stream, or whatever else takes
 * bytes, can be told to wait, and says its last word.
 */
#ifndef NET_LEG_H
#define NET_LEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/net/stream.h"

struct relay_side;

/* What a relay asks of a leg; each as the function of stream.h of the same
 * name says it. */
struct leg_ops {
	/* From now on the leg tells this side, and nobody else. */
	void (*join)(void *leg, struct relay_side *side);
	int (*send)(void *leg, const void *data, size_t len);
	void (*pause)(void *leg);
	void (*resume)(void *leg);
	void (*shut)(void *leg);
	bool (*is_shut)(const void *leg);
	void (*close)(void *leg);
	void (*abort)(void *leg);
	void (*free)(void *leg);
	size_t (*queued)(const void *leg);
};

struct leg {
	const struct leg_ops *ops;
	void *self; /* NULL = none */
};

struct leg leg_of_stream(struct stream *s);

/* What a leg tells its relay (relay.c). */
void relay_side_data(struct relay_side *side, const uint8_t *data,
	size_t len);
void relay_side_drained(struct relay_side *side);
void relay_side_eof(struct relay_side *side);
/* The last call: the leg is gone when it returns. Never from inside one of
 * the functions above that the relay calls. */
void relay_side_end(struct relay_side *side, enum stream_end end,
	const char *detail);

#endif
