/* Bytes that came and can't be used yet: the end of a stream's beginning. */
#ifndef AV_EDGE_TAIL_H
#define AV_EDGE_TAIL_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

/* Begins zeroed. */
struct tail {
	uint8_t *bytes; /* owned; NULL when there are none */
	size_t len;
};

/* Behind those that are there. -ENOMEM: it is as it was. */
EDGE_MUST int tail_add(struct tail *t, const void *data, size_t len);
/* The first len bytes are done with. */
void tail_cut(struct tail *t, size_t len);
void tail_free(struct tail *t); /* and zeroed again */

#endif
