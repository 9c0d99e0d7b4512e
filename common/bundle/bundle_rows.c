/*
 * A database as canonical rows: every row a line, lines in the one order
 * there is. The way back is bundle_rows_load.c's.
 */
#include "common/bundle/bundle_rows.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/bundle/bundle_table.h"
#include "common/bundle/bundle_text.h"
#include "common/store/sql.h"

static void add_blob(struct bundle_text *t, const void *p, size_t len)
{
	char *text = malloc(digest_b64_len(len) + 1);

	if (text == NULL) {
		t->err = -ENOMEM;
		return;
	}
	digest_b64(len > 0 ? p : "", len, text);
	bundle_text_add(t, "{\"b\":\"", 6);
	bundle_text_add(t, text, strlen(text));
	bundle_text_add(t, "\"}", 2);
	free(text);
}

static int add_value(struct bundle_text *t, struct sqlite3_stmt *stmt, int at)
{
	switch (sqlite3_column_type(stmt, at)) {
	case SQLITE_NULL:
		bundle_text_add(t, "null", 4);
		return 0;
	case SQLITE_INTEGER:
		bundle_text_add_number(t, sqlite3_column_int64(stmt, at));
		return 0;
	case SQLITE_TEXT:
		bundle_text_add_string(t, sql_text(stmt, at),
			(size_t)sqlite3_column_bytes(stmt, at));
		return 0;
	case SQLITE_BLOB:
		add_blob(t, sqlite3_column_blob(stmt, at),
			(size_t)sqlite3_column_bytes(stmt, at));
		return 0;
	default:
		return EDGE_EMALFORMED; /* no floats */
	}
}

struct line {
	const char *text; /* of all lines: where they are told to lie */
	size_t at;
	size_t len;
};

struct lines {
	struct bundle_text text;
	struct line *rows; /* owned */
	size_t count;
	size_t cap;
};

static int by_bytes(const void *a, const void *b)
{
	const struct line *x = a;
	const struct line *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int order = memcmp(x->text + x->at, y->text + y->at, n);

	if (order != 0)
		return order;
	return x->len < y->len ? -1 : x->len > y->len;
}

static int keep_line(struct lines *l, size_t at)
{
	if (l->count == l->cap) {
		size_t cap = l->cap > 0 ? l->cap * 2 : 64;
		struct line *rows = realloc(l->rows, cap * sizeof(*rows));

		if (rows == NULL)
			return -ENOMEM;
		l->rows = rows;
		l->cap = cap;
	}
	l->rows[l->count++] =
		(struct line){.at = at, .len = l->text.len - at};
	return 0;
}

static int dump_row(struct lines *l, const struct bundle_table *t,
	struct sqlite3_stmt *stmt)
{
	size_t at = l->text.len;
	int err = 0;

	bundle_text_add_char(&l->text, '[');
	bundle_text_add_string(&l->text, t->name, strlen(t->name));
	for (int i = 0; i < t->columns && err == 0; i++) {
		bundle_text_add_char(&l->text, ',');
		err = add_value(&l->text, stmt, i);
	}
	bundle_text_add(&l->text, "]\n", 2);
	if (err == 0)
		err = l->text.err;
	return err < 0 ? err : keep_line(l, at);
}

static void sort_lines(struct lines *l, struct bundle_text *out)
{
	if (l->count == 0)
		return;
	for (size_t i = 0; i < l->count; i++)
		l->rows[i].text = l->text.p;
	qsort(l->rows, l->count, sizeof(*l->rows), by_bytes);
	for (size_t i = 0; i < l->count; i++)
		bundle_text_add(out, l->text.p + l->rows[i].at,
			l->rows[i].len);
}

static int dump_table(struct bundle_text *out, uint64_t *count,
	struct sqlite3 *db, const struct bundle_table *t, struct why *why)
{
	struct lines lines = {.text.max = BUNDLE_RAW_MAX};
	struct sqlite3_stmt *stmt = NULL;
	int err = sql_query(&stmt, db, why, t->select, "");

	if (err < 0)
		return err;
	while ((err = sql_next(stmt, why)) == 1) {
		err = lines.count < BUNDLE_ROWS_MAX ?
			dump_row(&lines, t, stmt) : EDGE_ETOOBIG;
		if (err < 0)
			break;
	}
	sqlite3_finalize(stmt);
	if (err == 0) {
		sort_lines(&lines, out);
		*count += lines.count;
		err = out->err;
	}
	bundle_text_fini(&lines.text);
	free(lines.rows);
	return err;
}

int bundle_rows_dump(struct bundle_rows *out, struct sqlite3 *db,
	struct why *why)
{
	struct bundle_text text = {.max = BUNDLE_RAW_MAX};
	uint64_t count = 0;
	int err = 0;

	for (size_t i = 0; err == 0 && i < BUNDLE_TABLE_COUNT; i++)
		err = dump_table(&text, &count, db, &BUNDLE_TABLES[i], why);
	if (err == 0 && count > BUNDLE_ROWS_MAX)
		err = EDGE_ETOOBIG;
	bundle_text_add(&text, "", 0); /* empty is a text, too */
	if (err == 0)
		err = text.err;
	if (err == EDGE_ETOOBIG)
		why_set(why, err, "the topology has more than %u rows or "
			"%u MiB of text: split the deployment",
			BUNDLE_ROWS_MAX, BUNDLE_RAW_MAX >> 20);
	if (err < 0) {
		bundle_text_fini(&text);
		return err;
	}
	*out = (struct bundle_rows){text.p, text.len, count};
	return 0;
}

void bundle_rows_fini(struct bundle_rows *rows)
{
	free(rows->text);
	*rows = (struct bundle_rows){.text = NULL};
}
