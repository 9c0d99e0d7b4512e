/*
 * Canonical rows out of a database and into one, by a table of what schema 1
 * has: a bundle can name neither a table nor a column of its own
 * (docs/protocol/replication.md 3).
 */
#include "common/bundle/bundle_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/bundle/bundle_text.h"
#include "common/store/sql.h"

struct table {
	const char *name;
	int columns;
	const char *select;
	const char *insert;
};

/* Sorted by name, bytewise. All tables of schema 1 but `meta`, which is
 * written by whoever builds the file: the manifest holds it. */
static const struct table TABLES[] = {
	{.name = "endpoint",
		.columns = 15,
		.select = "SELECT * FROM endpoint",
		.insert = "INSERT INTO endpoint "
			  "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"},
	{.name = "federated_domain",
		.columns = 6,
		.select = "SELECT * FROM federated_domain",
		.insert = "INSERT INTO federated_domain VALUES(?,?,?,?,?,?)"},
	{.name = "machine",
		.columns = 5,
		.select = "SELECT * FROM machine",
		.insert = "INSERT INTO machine VALUES(?,?,?,?,?)"},
	{.name = "net_interface",
		.columns = 6,
		.select = "SELECT * FROM net_interface",
		.insert = "INSERT INTO net_interface VALUES(?,?,?,?,?,?)"},
	{.name = "next_hop",
		.columns = 5,
		.select = "SELECT * FROM next_hop",
		.insert = "INSERT INTO next_hop VALUES(?,?,?,?,?)"},
	{.name = "pool",
		.columns = 7,
		.select = "SELECT * FROM pool",
		.insert = "INSERT INTO pool VALUES(?,?,?,?,?,?,?)"},
	{.name = "provider",
		.columns = 6,
		.select = "SELECT * FROM provider",
		.insert = "INSERT INTO provider VALUES(?,?,?,?,?,?)"},
	{.name = "sealed_key",
		.columns = 5,
		.select = "SELECT * FROM sealed_key",
		.insert = "INSERT INTO sealed_key VALUES(?,?,?,?,?)"},
	{.name = "service",
		.columns = 5,
		.select = "SELECT * FROM service",
		.insert = "INSERT INTO service VALUES(?,?,?,?,?)"},
	{.name = "setting",
		.columns = 4,
		.select = "SELECT * FROM setting",
		.insert = "INSERT INTO setting VALUES(?,?,?,?)"},
	{.name = "sip_domain",
		.columns = 4,
		.select = "SELECT * FROM sip_domain",
		.insert = "INSERT INTO sip_domain VALUES(?,?,?,?)"},
	{.name = "site",
		.columns = 5,
		.select = "SELECT * FROM site",
		.insert = "INSERT INTO site VALUES(?,?,?,?,?)"},
	{.name = "trusted_server",
		.columns = 5,
		.select = "SELECT * FROM trusted_server",
		.insert = "INSERT INTO trusted_server VALUES(?,?,?,?,?)"},
};

/* ---- out ---------------------------------------------------------------- */

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

static void add_number(struct bundle_text *t, int64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRId64, v);

	bundle_text_add(t, text, (size_t)n);
}

static int add_value(struct bundle_text *t, struct sqlite3_stmt *stmt, int at)
{
	switch (sqlite3_column_type(stmt, at)) {
	case SQLITE_NULL:
		bundle_text_add(t, "null", 4);
		return 0;
	case SQLITE_INTEGER:
		add_number(t, sqlite3_column_int64(stmt, at));
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

static int dump_row(struct lines *l, const struct table *t,
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
	struct sqlite3 *db, const struct table *t, struct why *why)
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

	for (size_t i = 0; err == 0 && i < ARRAY_COUNT(TABLES); i++)
		err = dump_table(&text, &count, db, &TABLES[i], why);
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

/* ---- in ----------------------------------------------------------------- */

struct loader {
	struct sqlite3 *db;
	const struct table *table; /* of the line before */
	struct sqlite3_stmt *stmt; /* its INSERT; owned */
	struct str before;         /* the line before */
	struct bundle_text again;  /* a line as we would print it */
};

static int print_json(struct bundle_text *t, const json_t *v)
{
	const json_t *blob = json_object_get(v, "b");

	switch (json_typeof(v)) {
	case JSON_NULL:
		bundle_text_add(t, "null", 4);
		return 0;
	case JSON_INTEGER:
		add_number(t, json_integer_value(v));
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

static const struct table *find_table(const char *name)
{
	for (size_t i = 0; name != NULL && i < ARRAY_COUNT(TABLES); i++)
		if (strcmp(TABLES[i].name, name) == 0)
			return &TABLES[i];
	return NULL;
}

static int bytes_compare(struct str a, struct str b)
{
	int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	if (order != 0)
		return order;
	return a.n < b.n ? -1 : a.n > b.n;
}

/* Tables in alphabetical order, lines sorted in each, none twice. */
static int follow(struct loader *l, const char *name, struct str line,
	struct why *why)
{
	const struct table *t = find_table(name);

	if (t == NULL)
		return why_set(why, EDGE_EMALFORMED, "no such table");
	if (l->table != t) {
		if (l->table != NULL && l->table > t)
			return why_set(why, EDGE_EMALFORMED,
				"tables are not in order");
		sqlite3_finalize(l->stmt);
		l->stmt = NULL;
		l->table = t;
		return sql_query(&l->stmt, l->db, why, t->insert, "");
	}
	if (bytes_compare(l->before, line) >= 0)
		return why_set(why, EDGE_EMALFORMED, "rows are not in order");
	return 0;
}

static int insert(struct loader *l, const json_t *row, struct why *why)
{
	const char *name = json_string_value(json_array_get(row, 0));
	int err = 0;

	if (json_array_size(row) != (size_t)l->table->columns + 1)
		return why_set(why, EDGE_EMALFORMED,
			"%s has %d columns", name, l->table->columns);
	for (int i = 1; i <= l->table->columns && err == 0; i++)
		err = bind_value(l->stmt, i, json_array_get(row, (size_t)i));
	if (err < 0)
		return why_set(why, err, "%s: %s", name, err_text(err));
	err = sql_next(l->stmt, why);
	sqlite3_reset(l->stmt);
	return err < 0 ? err : 0;
}

static int load_line(struct loader *l, struct str line, struct why *why)
{
	json_t *row;
	int err;

	if (line.n > BUNDLE_LINE_MAX)
		return why_set(why, EDGE_ETOOBIG, "longer than %u bytes",
			BUNDLE_LINE_MAX);
	row = json_loadb(line.p, line.n, 0, NULL);
	if (row == NULL || !json_is_array(row))
		err = why_set(why, EDGE_EMALFORMED, "not a JSON array");
	else if (check_canonical(&l->again, row, line) < 0)
		err = why_set(why, EDGE_EMALFORMED, "not in canonical form");
	else
		err = follow(l, json_string_value(json_array_get(row, 0)),
			line, why);
	if (err == 0)
		err = insert(l, row, why);
	l->before = line;
	json_decref(row);
	return err;
}

static int load_all(struct loader *l, struct str text, uint64_t *count,
	struct why *why)
{
	uint64_t n = 0;
	int err = 0;

	while (text.n > 0 && err == 0) {
		size_t end = str_find(text, '\n');

		if (end == text.n)
			return why_set(why, EDGE_EMALFORMED,
				"rows: the last line has no end");
		if (++n > BUNDLE_ROWS_MAX)
			return why_set(why, EDGE_ETOOBIG,
				"rows: more than %u", BUNDLE_ROWS_MAX);
		err = load_line(l, (struct str){text.p, end}, why);
		text = str_skip(text, end + 1);
	}
	if (err < 0)
		return why_prefix(why, err, "row %" PRIu64, n);
	*count = n;
	return 0;
}

int bundle_rows_load(struct sqlite3 *db, struct str text, uint64_t *count,
	struct why *why)
{
	struct loader l = {.db = db, .again.max = 2 * BUNDLE_LINE_MAX};
	int err;

	if (text.n > BUNDLE_RAW_MAX)
		return why_set(why, EDGE_ETOOBIG, "rows: more than %u bytes",
			BUNDLE_RAW_MAX);
	err = load_all(&l, text, count, why);
	sqlite3_finalize(l.stmt);
	bundle_text_fini(&l.again);
	return err;
}
