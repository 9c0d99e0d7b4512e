/* Values and rows that go to and come from either database. */
#include "edgectl/publish/record_db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

struct record_value record_int(int64_t number)
{
	return (struct record_value){.kind = RECORD_INT, .number = number};
}

struct record_value record_text(const char *text)
{
	if (text == NULL)
		return (struct record_value){.kind = RECORD_NULL};
	return (struct record_value){.kind = RECORD_TEXT, .p = text,
		.len = strlen(text)};
}

struct record_value record_blob(const void *p, size_t len)
{
	if (p == NULL)
		return (struct record_value){.kind = RECORD_NULL};
	return (struct record_value){.kind = RECORD_BLOB, .p = p, .len = len};
}

int record_rows_new(struct record_rows *out, size_t rows, size_t columns)
{
	out->rows = rows;
	out->columns = columns;
	out->cells = NULL;
	if (rows == 0 || columns == 0)
		return 0;
	out->cells = calloc(rows * columns, sizeof(*out->cells));
	if (out->cells == NULL) {
		out->rows = 0;
		return -ENOMEM;
	}
	return 0;
}

int record_cell_set(struct record_value *cell, enum record_kind kind,
	const void *p, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy == NULL)
		return -ENOMEM;
	if (len > 0)
		memcpy(copy, p, len);
	copy[len] = '\0';
	cell->kind = kind;
	cell->p = copy;
	cell->len = len;
	return 0;
}

void record_rows_fini(struct record_rows *rows)
{
	for (size_t i = 0; i < rows->rows * rows->columns; i++)
		/* Copies of our own, see record_cell_set(). */
		free((void *)(uintptr_t)rows->cells[i].p);
	free(rows->cells);
	memset(rows, 0, sizeof(*rows));
}

const char *record_cell(const struct record_rows *rows, size_t row,
	size_t column)
{
	const struct record_value *v;

	if (row >= rows->rows || column >= rows->columns)
		return "";
	v = &rows->cells[row * rows->columns + column];
	return v->p != NULL ? v->p : "";
}

int64_t record_number(const struct record_rows *rows, size_t row,
	size_t column)
{
	if (row >= rows->rows || column >= rows->columns)
		return 0;
	return rows->cells[row * rows->columns + column].number;
}
