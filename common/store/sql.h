/*
 * The few things we ask of sqlite, with our error codes: run a statement,
 * walk rows, turn a failure into a reason. No schema knowledge.
 */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/why.h"

/* Parameters are told by one letter each, then given in order:
 *	i  int64_t                  t  const char * (NULL = null)
 *	s  struct str               b  const void *, size_t (NULL = null)
 */

/* Run one statement that gives no rows. EDGE_EDATABASE. */
EDGE_MUST int sql_run(struct sqlite3 *db, struct why *why, const char *sql,
	const char *types, ...);
/* Run a script without parameters. */
EDGE_MUST int sql_script(struct sqlite3 *db, struct why *why,
	const char *sql);

/* Prepare and bind; the caller finalizes. Text is copied. */
EDGE_MUST int sql_query(struct sqlite3_stmt **out, struct sqlite3 *db,
	struct why *why, const char *sql, const char *types, ...);
/* 1 = a row, 0 = no more, < 0. */
EDGE_MUST int sql_next(struct sqlite3_stmt *stmt, struct why *why);
/* Column as text, "" for null; borrowed until the next step. */
const char *sql_text(struct sqlite3_stmt *stmt, int column);
/* Column copied into out; EDGE_ETOOBIG, told in why. */
EDGE_MUST int sql_copy(struct sqlite3_stmt *stmt, int column, char *out,
	size_t cap, struct why *why);

/* The first column of the first row as a number; fallback without rows. */
EDGE_MUST int sql_number(struct sqlite3 *db, struct why *why,
	const char *sql, int64_t fallback, int64_t *out);

/* sqlite's own words into why; returns EDGE_EDATABASE (or -ENOSPC, -ENOMEM,
 * -EACCES where sqlite knows). */
int sql_fault(struct sqlite3 *db, struct why *why, const char *doing);

#endif
