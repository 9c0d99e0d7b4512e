/*
 * The newest publication as it goes to the edges: its bundle, its rows as a
 * database to ask, and the parts that each pool gets.
 */
#ifndef EDGECTL_PUBLISH_EDITION_H
#define EDGECTL_PUBLISH_EDITION_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/bundle/bundle.h"
#include "common/bundle/bundle_cut.h"

struct sqlite3;

struct edition {
	struct bundle whole;    /* borrows the bytes it was opened with */
	struct sqlite3 *db;     /* owned: the rows of all */
	struct bundle_cut *cut; /* owned; NULL = everyone gets all of it */
};

/* bytes must outlive out. EDGE_EMALFORMED, EDGE_EFORGED, -ENOMEM. */
EDGE_MUST int edition_open(struct edition *out, const void *bytes, size_t len,
	bool is_cut, struct why *why);
void edition_close(struct edition *e); /* also of one that is all zero */
/* What the machines of a pool get, to be freed by bundle_bytes_fini().
 * p is NULL: the whole, as it was opened. -ENOMEM. */
EDGE_MUST int edition_for(struct bundle_bytes *out, const struct edition *e,
	const char *pool, struct why *why);

#endif
