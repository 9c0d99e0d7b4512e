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
/* Lines from several such texts, one after the other, put in order. rows
 * keeps what it had when this fails: EDGE_ETOOBIG, -ENOMEM. */
EDGE_MUST int bundle_rows_sort(struct bundle_rows *rows, struct why *why);

/* Whom rows concern: every edge, those of a site ("site:NAME"), the machines
 * of a pool ("pool:FQDN"). */
#define BUNDLE_ALL "global"
struct bundle_scope {
	char name[300];
	struct str text; /* canonical, of the rows they were cut from */
	uint64_t rows;
};
/* As bundle_rows_dump, but scope by scope, in the order of their names, each
 * sorted. *scopes is the caller's to free. EDGE_ETOOBIG also for a name. */
EDGE_MUST int bundle_rows_by_scope(struct bundle_rows *out,
	struct bundle_scope **scopes, size_t *count, struct sqlite3 *db,
	struct why *why);

/* Bring text into an empty schema, inside the caller's transaction,
 * references unchecked. EDGE_EMALFORMED (not canonical,
 * unknown table, wrong columns; why names the line), EDGE_ETOOBIG,
 * EDGE_EDATABASE. */
EDGE_MUST int bundle_rows_load(struct sqlite3 *db, struct str text,
	uint64_t *count, struct why *why);
void bundle_rows_fini(struct bundle_rows *rows);

#endif
