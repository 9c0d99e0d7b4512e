/*
 * Canonical rows (docs/protocol/replication.md 3): the tables of a
 * generation as text, one JSON array a line, sorted. The same content gives
 * the same bytes; and who reads them makes the tables from its own schema,
 * so that a bundle carries values and nothing else.
 */
#ifndef BUNDLE_BUNDLE_ROWS_H
#define BUNDLE_BUNDLE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"

#define BUNDLE_RAW_MAX  (64u << 20) /* bytes of text */
#define BUNDLE_ROWS_MAX 1000000u
#define BUNDLE_LINE_MAX (1u << 20)

struct sqlite3;

struct bundle_rows {
	char *text; /* owned, NUL behind it */
	size_t len; /* bytes */
	uint64_t count;
};

/* All tables of a generation but `meta`: an open file, or what
 * topology_yaml_scratch made. EDGE_ETOOBIG, EDGE_EDATABASE, -ENOMEM. */
EDGE_MUST int bundle_rows_dump(struct bundle_rows *out, struct sqlite3 *db,
	struct why *why);
/* Bring text in, inside the caller's transaction, references unchecked.
 * before is what the database holds already, sorted as this wrote it: empty
 * for an empty schema. Else rows that are the same stay untouched, and
 * EDGE_ETOOBIG says that most are not: begin with an empty one. After a
 * failure the database is worth nothing. EDGE_EMALFORMED (not canonical,
 * unknown table, wrong columns; why names the line), EDGE_ETOOBIG,
 * EDGE_EDATABASE. */
EDGE_MUST int bundle_rows_load(struct sqlite3 *db, struct str before,
	struct str text, uint64_t *count, struct why *why);
void bundle_rows_fini(struct bundle_rows *rows);

#endif
