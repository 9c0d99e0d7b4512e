/*
 * What one generation has and another has not, in the words of
 * topology.yaml: the two dumps are compared entry by entry, so that order
 * and row numbers play no part.
 */
#ifndef STORE_TOPOLOGY_DIFF_H
#define STORE_TOPOLOGY_DIFF_H

#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/why.h"

struct sqlite3;

enum topology_change_kind {
	TOPOLOGY_ADDED,
	TOPOLOGY_REMOVED,
	TOPOLOGY_CHANGED,
};

struct topology_change {
	enum topology_change_kind kind;
	char *path; /* owned: "servers / fe.int.example.com" */
	char *was;  /* owned; NULL when added */
	char *is;   /* owned; NULL when removed */
};

struct topology_diff {
	struct topology_change *rows; /* owned, sorted by path */
	size_t count;
};

/* before NULL = there is nothing yet. Free with topology_diff_fini, also
 * after a failure. */
EDGE_MUST int topology_diff(struct topology_diff *out,
	struct sqlite3 *before, struct sqlite3 *after, struct why *why);
void topology_diff_fini(struct topology_diff *diff);
/* "added", "removed", "changed" */
const char *topology_change_name(enum topology_change_kind kind);

#endif
