/*
 * A database as canonical rows: every row a line, lines in the one order
 * there is, all together or by whom they concern. The way back is
 * bundle_rows_load.c's.
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

/* ---- lines -------------------------------------------------------------- */

struct line {
	const char *text; /* of all lines: where they are told to lie */
	size_t scope;     /* its place there, and its length */
	size_t scope_len;
	size_t at;
	size_t len;
};

struct lines {
	bool is_by_scope; /* else each line's scope is empty */
	struct bundle_text text;
	struct line *rows; /* owned */
	size_t count;
	size_t cap;
};

static void lines_fini(struct lines *l)
{
	bundle_text_fini(&l->text);
	free(l->rows);
}

static struct str scope_of(const struct line *l)
{
	return (struct str){l->text + l->scope, l->scope_len};
}

/* A table's name ends in a quote: the order of lines is that of tables. */
static int by_scope_and_bytes(const void *a, const void *b)
{
	const struct line *x = a;
	const struct line *y = b;
	int order = str_compare(scope_of(x), scope_of(y));

	return order != 0 ? order :
			    str_compare((struct str){x->text + x->at, x->len},
				    (struct str){y->text + y->at, y->len});
}

static int keep_line(struct lines *l, struct line line)
{
	if (l->count == BUNDLE_ROWS_MAX)
		return EDGE_ETOOBIG;
	if (l->count == l->cap) {
		size_t cap = l->cap > 0 ? l->cap * 2 : 64;
		struct line *rows = realloc(l->rows, cap * sizeof(*rows));

		if (rows == NULL)
			return -ENOMEM;
		l->rows = rows;
		l->cap = cap;
	}
	l->rows[l->count++] = line;
	return 0;
}

static int sort_lines(struct lines *l, struct bundle_text *out)
{
	for (size_t i = 0; i < l->count; i++)
		l->rows[i].text = l->text.p;
	if (l->count > 0)
		qsort(l->rows, l->count, sizeof(*l->rows),
			by_scope_and_bytes);
	for (size_t i = 0; i < l->count; i++)
		bundle_text_add(out, l->text.p + l->rows[i].at,
			l->rows[i].len);
	bundle_text_add(out, "", 0); /* empty is a text, too */
	return out->err;
}

/* ---- rows --------------------------------------------------------------- */

/* The first column is the scope, the others are the row's. */
static int dump_row(struct lines *l, const struct bundle_table *t,
	struct sqlite3_stmt *stmt)
{
	struct line line = {.scope = l->text.len};
	int err = 0;

	if (l->is_by_scope)
		bundle_text_add(&l->text, sql_text(stmt, 0),
			(size_t)sqlite3_column_bytes(stmt, 0));
	line.scope_len = l->text.len - line.scope;
	line.at = l->text.len;
	bundle_text_add_char(&l->text, '[');
	bundle_text_add_string(&l->text, t->name, strlen(t->name));
	for (int i = 1; i <= t->columns && err == 0; i++) {
		bundle_text_add_char(&l->text, ',');
		err = add_value(&l->text, stmt, i);
	}
	bundle_text_add(&l->text, "]\n", 2);
	line.len = l->text.len - line.at;
	if (err == 0)
		err = l->text.err;
	return err < 0 ? err : keep_line(l, line);
}

static int dump_table(struct lines *l, struct sqlite3 *db,
	const struct bundle_table *t, struct why *why)
{
	struct sqlite3_stmt *stmt = NULL;
	int err = sql_query(&stmt, db, why, t->select, "");

	if (err < 0)
		return err;
	while ((err = sql_next(stmt, why)) == 1) {
		err = dump_row(l, t, stmt);
		if (err < 0)
			break;
	}
	sqlite3_finalize(stmt);
	return err;
}

/* The lines of all tables, and the text of them in order. */
static int dump_tables(struct lines *l, struct bundle_text *text,
	struct sqlite3 *db, struct why *why)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < BUNDLE_TABLE_COUNT; i++)
		err = dump_table(l, db, &BUNDLE_TABLES[i], why);
	if (err == 0)
		err = sort_lines(l, text);
	if (err == EDGE_ETOOBIG)
		why_set(why, err, "the topology has more than %u rows or "
			"%u MiB of text: split the deployment",
			BUNDLE_ROWS_MAX, BUNDLE_RAW_MAX >> 20);
	return err;
}

int bundle_rows_dump(struct bundle_rows *out, struct sqlite3 *db,
	struct why *why)
{
	struct bundle_text text = {.max = BUNDLE_RAW_MAX};
	struct lines lines = {.text.max = BUNDLE_RAW_MAX};
	int err = dump_tables(&lines, &text, db, why);

	if (err == 0)
		*out = (struct bundle_rows){text.p, text.len, lines.count};
	else
		bundle_text_fini(&text);
	lines_fini(&lines);
	return err;
}

int bundle_rows_sort(struct bundle_rows *rows, struct why *why)
{
	struct bundle_text text = {.max = BUNDLE_RAW_MAX};
	struct lines lines = {.text = {.p = rows->text, .len = rows->len}};
	int err = 0;

	for (size_t at = 0, end; err == 0 && at < rows->len; at = end) {
		end = at + str_find((struct str){rows->text + at,
			rows->len - at}, '\n') + 1;
		if (end > rows->len)
			end = rows->len; /* a line without an end */
		err = keep_line(&lines,
			(struct line){.at = at, .len = end - at});
	}
	if (err == 0)
		err = sort_lines(&lines, &text);
	free(lines.rows);
	if (err < 0) {
		bundle_text_fini(&text);
		return why_set(why, err, "rows: %s", err_text(err));
	}
	free(rows->text);
	*rows = (struct bundle_rows){text.p, text.len, lines.count};
	return 0;
}

/* ---- scopes ------------------------------------------------------------- */

static bool is_same_scope(const struct line *a, const struct line *b)
{
	return str_eq(scope_of(a), scope_of(b));
}

static size_t count_scopes(const struct lines *l)
{
	size_t count = 0;

	for (size_t i = 0; i < l->count; i++)
		count += i == 0 || !is_same_scope(&l->rows[i - 1],
			&l->rows[i]);
	return count;
}

/* Lines lie in order of their scopes, in text as in the list. */
static int find_scopes(struct bundle_scope *scopes, const struct lines *l,
	const char *text, struct why *why)
{
	struct bundle_scope *s = NULL;

	for (size_t i = 0; i < l->count; i++) {
		const struct line *line = &l->rows[i];

		if (i == 0 || !is_same_scope(line - 1, line)) {
			s = s == NULL ? scopes : s + 1;
			if (line->scope_len >= sizeof(s->name))
				return why_set(why, EDGE_ETOOBIG,
					"%.60s...: a name of more than %zu "
					"characters", line->text + line->scope,
					sizeof(s->name) - 1);
			memcpy(s->name, line->text + line->scope,
				line->scope_len);
			s->text.p = text;
		}
		s->text.n += line->len;
		s->rows++;
		text += line->len;
	}
	return 0;
}

int bundle_rows_by_scope(struct bundle_rows *out,
	struct bundle_scope **scopes, size_t *count, struct sqlite3 *db,
	struct why *why)
{
	struct bundle_text text = {.max = BUNDLE_RAW_MAX};
	struct lines lines = {
		.is_by_scope = true,
		.text.max = 2 * BUNDLE_RAW_MAX,
	};
	struct bundle_scope *found = NULL;
	int err = dump_tables(&lines, &text, db, why);

	if (err == 0) {
		*count = count_scopes(&lines);
		found = calloc(*count + 1, sizeof(*found));
		err = found != NULL ?
			find_scopes(found, &lines, text.p, why) : -ENOMEM;
	}
	if (err == 0) {
		*out = (struct bundle_rows){text.p, text.len, lines.count};
		*scopes = found;
	} else {
		bundle_text_fini(&text);
		free(found);
	}
	lines_fini(&lines);
	return err;
}

void bundle_rows_fini(struct bundle_rows *rows)
{
	free(rows->text);
	*rows = (struct bundle_rows){.text = NULL};
}
