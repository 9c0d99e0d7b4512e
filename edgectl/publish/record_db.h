/*
 * What the publisher's record asks of a database, and the two that give it:
 * sqlite for one site, PostgreSQL where publishers stand by for each other.
 * One SQL text for both; parameters are $1, $2, ... in order.
 */
#ifndef EDGECTL_PUBLISH_RECORD_DB_H
#define EDGECTL_PUBLISH_RECORD_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"

enum record_kind {
	RECORD_NULL,
	RECORD_INT,
	RECORD_TEXT,
	RECORD_BLOB,
};

struct record_value {
	enum record_kind kind;
	int64_t number;
	const char *p; /* text and blob; text of a result has a NUL behind */
	size_t len;
};

struct record_value record_int(int64_t number);
struct record_value record_text(const char *text); /* NULL = null */
struct record_value record_blob(const void *p, size_t len);

struct record_rows {
	struct record_value *cells; /* row by row */
	size_t rows;
	size_t columns;
	int64_t changed; /* rows that an INSERT, UPDATE, DELETE touched */
};
void record_rows_fini(struct record_rows *rows);
/* Cell as text ("" for null), as number (0). */
const char *record_cell(const struct record_rows *rows, size_t row,
	size_t column);
int64_t record_number(const struct record_rows *rows, size_t row,
	size_t column);
/* Room for rows * columns cells; for drivers. */
EDGE_MUST int record_rows_new(struct record_rows *out, size_t rows,
	size_t columns);
/* A copy with a NUL behind; for drivers. */
EDGE_MUST int record_cell_set(struct record_value *cell,
	enum record_kind kind, const void *p, size_t len);

/* A file or a folder that the database reads again later, or where it writes:
 * then with all that lies beside it. */
typedef void(record_file_cb)(void *arg, const char *path, bool is_written);

struct record_driver {
	const char *name;
	/* where: a path, or what libpq takes. */
	int (*open)(void **db, const char *where, struct why *why);
	void (*close)(void *db); /* accepts NULL; gives up the lock */
	/* What it still reads and writes by name. */
	void (*files)(void *db, record_file_cb *tell, void *arg);
	/* One statement; out may be NULL. EDGE_EPEER: the connection is
	 * gone, open anew. */
	int (*run)(void *db, const char *sql, const struct record_value *in,
		size_t count, struct record_rows *out, struct why *why);
	/* Statements that make the tables, for nobody else at the time. */
	const char *begin;
	/* The office of the publisher, as long as this connection lives.
	 * EDGE_EBUSY when somebody else has it. */
	int (*lock)(void *db, struct why *why);
	/* A descriptor that turns readable on news, -1 = none. */
	int (*fd)(void *db);
	/* Has anything changed since the last look? < 0: the connection is
	 * gone. Costs no round trip. */
	int (*poll)(void *db, bool *is_news);
	/* Tell the others, after a commit; NULL where looking is enough. */
	const char *notify;
	const char *next_epoch; /* a statement with one number; NULL = it
				 * stays until a person raises it */
	const char *set_epoch;  /* $1 was the last one; NULL likewise */
};

extern const struct record_driver RECORD_SQLITE;
extern const struct record_driver RECORD_POSTGRES;

#endif
