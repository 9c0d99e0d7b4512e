/*
 * The reason a person reads: what is wrong, where, and what to do next.
 * Travels beside an error code, up to the level that reports it.
 */
#ifndef BASE_WHY_H
#define BASE_WHY_H

#include "common/base/attr.h"

#define WHY_LEN 512

struct why {
	char text[WHY_LEN]; /* "" = nothing said */
};

/* Fill in the text and return err, so that `return why_set(...)` reads
 * well. Control characters in the result are replaced by '?'; too long is
 * cut with "...". why may be NULL. */
int why_set(struct why *why, int err, const char *fmt, ...) EDGE_PRINTF(3, 4);

/* Put "prefix: " before the present text, e.g. a file name. Returns err. */
int why_prefix(struct why *why, int err, const char *fmt, ...)
	EDGE_PRINTF(3, 4);

/* The text, or err_text(err) when nothing was said. */
const char *why_text(const struct why *why, int err);

#endif
