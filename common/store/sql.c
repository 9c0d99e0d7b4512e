/*
 * A thin coat over sqlite's C interface: binding by letters, stepping,
 * errors as codes with reasons. Which tables there are is not known here.
 */
#include "common/store/sql.h"

#include <errno.h>
#include <stdarg.h>

#include "common/base/err.h"
#include "common/base/str.h"

int sql_fault(struct sqlite3 *db, struct why *why, const char *doing)
{
	int err = EDGE_EDATABASE;

	switch (sqlite3_errcode(db) & 0xff) {
	case SQLITE_FULL:
		err = -ENOSPC;
		break;
	case SQLITE_NOMEM:
		err = -ENOMEM;
		break;
	case SQLITE_PERM:
	case SQLITE_READONLY:
		err = -EACCES;
		break;
	default:
		break;
	}
	return why_set(why, err, "%s: %s", doing, sqlite3_errmsg(db));
}

static int bind_one(struct sqlite3_stmt *stmt, int at, char type, va_list *ap)
{
	const void *blob;
	const char *text;
	struct str s;
	size_t len;

	switch (type) {
	case 'i':
		return sqlite3_bind_int64(stmt, at, va_arg(*ap, int64_t));
	case 't':
		text = va_arg(*ap, const char *);
		if (text == NULL)
			return sqlite3_bind_null(stmt, at);
		return sqlite3_bind_text(stmt, at, text, -1,
			SQLITE_TRANSIENT);
	case 's':
		s = va_arg(*ap, struct str);
		return sqlite3_bind_text64(stmt, at, s.p != NULL ? s.p : "",
			s.n, SQLITE_TRANSIENT, SQLITE_UTF8);
	case 'b':
		blob = va_arg(*ap, const void *);
		len = va_arg(*ap, size_t);
		if (blob == NULL)
			return sqlite3_bind_null(stmt, at);
		return sqlite3_bind_blob64(stmt, at, blob, len,
			SQLITE_TRANSIENT);
	default:
		return SQLITE_MISUSE;
	}
}

static int prepare(struct sqlite3_stmt **out, struct sqlite3 *db,
	struct why *why, const char *sql, const char *types, va_list *ap)
{
	struct sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return sql_fault(db, why, "topology store");
	for (int i = 0; types[i] != '\0'; i++) {
		if (bind_one(stmt, i + 1, types[i], ap) != SQLITE_OK) {
			sqlite3_finalize(stmt);
			return sql_fault(db, why, "topology store");
		}
	}
	*out = stmt;
	return 0;
}

int sql_query(struct sqlite3_stmt **out, struct sqlite3 *db, struct why *why,
	const char *sql, const char *types, ...)
{
	va_list ap;
	int err;

	va_start(ap, types);
	err = prepare(out, db, why, sql, types, &ap);
	va_end(ap);
	return err;
}

int sql_next(struct sqlite3_stmt *stmt, struct why *why)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return sql_fault(sqlite3_db_handle(stmt), why, "topology store");
}

int sql_run(struct sqlite3 *db, struct why *why, const char *sql,
	const char *types, ...)
{
	struct sqlite3_stmt *stmt = NULL;
	va_list ap;
	int err;

	va_start(ap, types);
	err = prepare(&stmt, db, why, sql, types, &ap);
	va_end(ap);
	if (err < 0)
		return err;
	err = sql_next(stmt, why);
	sqlite3_finalize(stmt);
	return err < 0 ? err : 0;
}

int sql_script(struct sqlite3 *db, struct why *why, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sql_fault(db, why, "topology store");
	return 0;
}

const char *sql_text(struct sqlite3_stmt *stmt, int column)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	return text != NULL ? (const char *)text : "";
}

int sql_copy(struct sqlite3_stmt *stmt, int column, char *out, size_t cap,
	struct why *why)
{
	const char *text = sql_text(stmt, column);

	if (str_copy(str_of(text), out, cap) < 0)
		return why_set(why, EDGE_ETOOBIG,
			"topology store: %s '%.40s...' is longer than %zu "
			"characters",
			sqlite3_column_name(stmt, column), text, cap - 1);
	return 0;
}

int sql_number(struct sqlite3 *db, struct why *why, const char *sql,
	int64_t fallback, int64_t *out)
{
	struct sqlite3_stmt *stmt;
	int err = sql_query(&stmt, db, why, sql, "");

	if (err < 0)
		return err;
	err = sql_next(stmt, why);
	if (err >= 0) {
		*out = err == 1 ? sqlite3_column_int64(stmt, 0) : fallback;
		err = 0;
	}
	sqlite3_finalize(stmt);
	return err;
}
