/*
 * Canonical rows into a database: each line is parsed, printed again to see
 * that it is spelt in the one way, and brought in by a statement of our own.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/bundle/bundle_rows.h"
#include "common/bundle/bundle_table.h"
#include "common/bundle/bundle_text.h"
#include "common/store/sql.h"

struct loader {
	struct sqlite3 *db;
	const struct bundle_table *table; /* that stmt is of */
	struct sqlite3_stmt *stmt; /* owned */
	struct bundle_text again;  /* a line as we would print it */
};

/* ---- one row ------------------------------------------------------------ */

static int print_json(struct bundle_text *t, const json_t *v)
{
	const json_t *blob = json_object_get(v, "b");

	switch (json_typeof(v)) {
	case JSON_NULL:
		bundle_text_add(t, "null", 4);
		return 0;
	case JSON_INTEGER:
		bundle_text_add_number(t, json_integer_value(v));
		return 0;
	case JSON_STRING:
		bundle_text_add_string(t, json_string_value(v),
			json_string_length(v));
		return 0;
	case JSON_OBJECT:
		if (!json_is_string(blob) || json_object_size(v) != 1)
			return EDGE_EMALFORMED;
		bundle_text_add(t, "{\"b\":", 5);
		bundle_text_add_string(t, json_string_value(blob),
			json_string_length(blob));
		bundle_text_add_char(t, '}');
		return 0;
	case JSON_ARRAY:
	case JSON_REAL:
	case JSON_TRUE:
	case JSON_FALSE:
		break;
	}
	return EDGE_EMALFORMED;
}

/* There is one way to write a row, or its hash would say nothing. */
static int check_canonical(struct bundle_text *again, const json_t *row,
	struct str line)
{
	int err = 0;

	bundle_text_reset(again);
	for (size_t i = 0; i < json_array_size(row) && err == 0; i++) {
		bundle_text_add_char(again, i == 0 ? '[' : ',');
		err = print_json(again, json_array_get(row, i));
	}
	bundle_text_add_char(again, ']');
	if (err == 0)
		err = again->err;
	if (err == 0 && (again->len != line.n ||
				memcmp(again->p, line.p, line.n) != 0))
		err = EDGE_EMALFORMED;
	return err;
}

static int bind_blob(struct sqlite3_stmt *stmt, int at, struct str b64)
{
	uint8_t *bytes = malloc(b64.n + 1);
	size_t len = 0;
	int err = bytes != NULL ? digest_unb64(b64, bytes, b64.n + 1, &len) :
				  -ENOMEM;

	if (err == 0 &&
		sqlite3_bind_blob64(stmt, at, bytes, len, SQLITE_TRANSIENT) !=
			SQLITE_OK)
		err = EDGE_EDATABASE;
	free(bytes);
	return err;
}

static int bind_value(struct sqlite3_stmt *stmt, int at, const json_t *v)
{
	const json_t *blob = json_object_get(v, "b");
	int rc;

	if (blob != NULL)
		return bind_blob(stmt, at,
			(struct str){json_string_value(blob),
				json_string_length(blob)});
	if (json_is_integer(v))
		rc = sqlite3_bind_int64(stmt, at, json_integer_value(v));
	else if (json_is_string(v))
		rc = sqlite3_bind_text64(stmt, at, json_string_value(v),
			json_string_length(v), SQLITE_TRANSIENT, SQLITE_UTF8);
	else
		rc = sqlite3_bind_null(stmt, at);
	return rc == SQLITE_OK ? 0 : EDGE_EDATABASE;
}

/* The table that a row is of, and a row of its width. */
static int judge_row(const struct bundle_table **out, const json_t *row,
	struct why *why)
{
	const struct bundle_table *t = bundle_table_find(
		json_string_value(json_array_get(row, 0)));

	if (t == NULL)
		return why_set(why, EDGE_EMALFORMED, "no such table");
	if (json_array_size(row) != (size_t)t->columns + 1)
		return why_set(why, EDGE_EMALFORMED, "%s has %d columns",
			t->name, t->columns);
	*out = t;
	return 0;
}

/* Rows of a table come together: its statement is made once. */
static int prepare(struct loader *l, const struct bundle_table *t,
	struct why *why)
{
	if (l->table == t)
		return 0;
	sqlite3_finalize(l->stmt);
	l->stmt = NULL;
	l->table = t;
	return sql_query(&l->stmt, l->db, why, t->insert, "");
}

static int insert(struct loader *l, const struct bundle_table *t,
	const json_t *row, struct why *why)
{
	int err = prepare(l, t, why);

	if (err < 0)
		return err;
	for (int i = 1; i <= t->columns && err == 0; i++)
		err = bind_value(l->stmt, i, json_array_get(row, (size_t)i));
	if (err < 0)
		return why_set(why, err, "%s: %s", t->name, err_text(err));
	err = sql_next(l->stmt, why);
	sqlite3_reset(l->stmt);
	return err < 0 ? err : 0;
}

static int load_line(struct loader *l, struct str line, struct why *why)
{
	const struct bundle_table *t = NULL;
	json_t *row;
	int err = 0;

	if (line.n > BUNDLE_LINE_MAX)
		return why_set(why, EDGE_ETOOBIG, "longer than %u bytes",
			BUNDLE_LINE_MAX);
	row = json_loadb(line.p, line.n, 0, NULL);
	if (row == NULL || !json_is_array(row))
		err = why_set(why, EDGE_EMALFORMED, "not a JSON array");
	else if (check_canonical(&l->again, row, line) < 0)
		err = why_set(why, EDGE_EMALFORMED, "not in canonical form");
	else
		err = judge_row(&t, row, why);
	if (err == 0)
		err = insert(l, t, row, why);
	json_decref(row);
	return err;
}

/* ---- all of them -------------------------------------------------------- */

/* Tables in the order of their names and lines sorted in each: as a name
 * ends in a quote, that is the order of all lines. None is there twice. */
static int load_lines(struct loader *l, struct str text, uint64_t *count,
	struct why *why)
{
	struct str last = {NULL, 0};
	int err = 0;

	for (*count = 0; text.n > 0 && err == 0; (*count)++) {
		size_t end = str_find(text, '\n');
		const struct str line = {text.p, end};

		if (end == text.n)
			return why_set(why, EDGE_EMALFORMED,
				"rows: the last line has no end");
		if (*count == BUNDLE_ROWS_MAX)
			return why_set(why, EDGE_ETOOBIG,
				"rows: more than %u", BUNDLE_ROWS_MAX);
		if (last.p != NULL && str_compare(last, line) >= 0)
			err = why_set(why, EDGE_EMALFORMED,
				"rows are not in order");
		else
			err = load_line(l, line, why);
		last = line;
		text = str_skip(text, end + 1);
	}
	return err < 0 ? why_prefix(why, err, "row %" PRIu64, *count) : 0;
}

int bundle_rows_load(struct sqlite3 *db, struct str text, uint64_t *count,
	struct why *why)
{
	struct loader l = {.db = db, .again.max = 2 * BUNDLE_LINE_MAX};
	int err;

	if (text.n > BUNDLE_RAW_MAX)
		return why_set(why, EDGE_ETOOBIG, "rows: more than %u bytes",
			BUNDLE_RAW_MAX);
	err = load_lines(&l, text, count, why);
	sqlite3_finalize(l.stmt);
	bundle_text_fini(&l.again);
	return err;
}
