/*
 * A topology cut by whom its rows concern, so that an edge gets what is its
 * own and proof of it, and not what all the others have: work and bytes of
 * an edge do not grow with the fleet (decision 0085).
 */
#ifndef BUNDLE_BUNDLE_CUT_H
#define BUNDLE_BUNDLE_CUT_H

#include <stdbool.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/bundle/bundle.h"

struct sqlite3;
struct bundle_cut;

/* Cut what db holds. The same rows give the same parts as long as zstd
 * presses them the same way. EDGE_ETOOBIG, EDGE_EDATABASE, -ENOMEM. */
EDGE_MUST int bundle_cut_make(struct bundle_cut **out, struct sqlite3 *db,
	struct why *why);
void bundle_cut_free(struct bundle_cut *cut); /* accepts NULL */

/* Into the manifest that is to be signed; and whether one says so. */
void bundle_cut_describe(const struct bundle_cut *cut,
	struct bundle_manifest *m);
bool bundle_cut_is_of(const struct bundle_cut *cut,
	const struct bundle_manifest *m);

/* The bundle for the machines of a pool: manifest and signatures of
 * `whole`, which this is a cut of, and of db's rows what the pool needs: its
 * own, its sites', those of pools that these route to. EDGE_ETOOBIG: more
 * than BUNDLE_PARTS_MAX parts, send the whole. -ENOENT: no such pool. */
EDGE_MUST int bundle_cut_for(struct bundle_bytes *out,
	const struct bundle_cut *cut, struct sqlite3 *db,
	const struct bundle *whole, const char *pool, struct why *why);

#endif
