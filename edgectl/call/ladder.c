/*
 * Arrows between columns. Columns stand in the order of the house, from the
 * Internet to the inside; only parties that take part get one.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/attr.h"
#include "edgectl/call/ladder.h"
#include "edgectl/output.h"

#define WIDTH     19 /* of a column, with its line at the left */
#define LINES_MAX 12 /* parties */
#define TIME_LEN  9

static const char *const ORDER[] = {
	"outside",
	"access-edge",
	"av-edge",
	"webconf-edge",
	"av-auth",
	"registrar",
	"inside",
};

struct ladder {
	const char *names[LINES_MAX];
	size_t count;
};

static size_t rank(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(ORDER); i++)
		if (strcmp(ORDER[i], name) == 0)
			break;
	return i;
}

static void add(struct ladder *l, const char *name)
{
	size_t at = 0;

	if (name == NULL)
		return;
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->names[i], name) == 0)
			return;
	if (l->count == LINES_MAX)
		return;
	while (at < l->count && rank(l->names[at]) <= rank(name))
		at++;
	memmove(&l->names[at + 1], &l->names[at],
		(l->count - at) * sizeof(l->names[0]));
	l->names[at] = name;
	l->count++;
}

static size_t column(const struct ladder *l, const char *name)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->names[i], name) == 0)
			return i;
	return 0;
}

/* Fixed width on a screen, in cells of UTF-8. */
static void put_text(FILE *to, const char *text, size_t cells, const char *fill)
{
	size_t n = 0;

	for (; *text != '\0' && n <= cells; text++) {
		if (((unsigned char)*text & 0xc0) != 0x80 && n++ == cells)
			break;
		fputc(*text, to);
	}
	for (; n < cells; n++)
		fputs(fill, to);
}

static void print_head(FILE *to, const struct ladder *l)
{
	fprintf(to, "%*s  ", TIME_LEN, "ms");
	for (size_t i = 0; i < l->count; i++)
		put_text(to, l->names[i],
			i + 1 == l->count ? output_width(l->names[i]) : WIDTH,
			" ");
	fputc('\n', to);
}

/* "├─ REGISTER ───────>┤" between two columns. */
static void print_arrow(FILE *to, const struct ladder *l, size_t from,
	size_t to_column, const char *what)
{
	const size_t low = from < to_column ? from : to_column;
	const size_t high = from < to_column ? to_column : from;
	const bool is_right = from < to_column;
	const size_t cells = (high - low) * WIDTH - 5;
	char label[96];

	for (size_t i = 0; i < low; i++)
		put_text(to, "│", WIDTH, " ");
	snprintf(label, sizeof(label), "%.90s ", what);
	fputs(is_right ? "├── " : "│<─ ", to);
	put_text(to, label, cells, "─");
	fputs(is_right ? ">│" : "─┤", to);
	for (size_t i = high + 1; i < l->count; i++) {
		for (size_t n = 1; n < WIDTH; n++)
			fputc(' ', to);
		fputs("│", to);
	}
	fputc('\n', to);
}

/* "200 OK (INVITE)": between arrows the method is clear. */
static void drop_method(char *what)
{
	char *at = strstr(what, " (");

	if (what[0] >= '1' && what[0] <= '6' && at != NULL)
		*at = '\0';
}

void ladder_print(FILE *to, const json_t *rows)
{
	struct ladder l = {.count = 0};
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		add(&l, output_str(row, "from", NULL));
		add(&l, output_str(row, "to", NULL));
	}
	if (l.count < 2)
		return;
	print_head(to, &l);
	json_array_foreach(rows, i, row)
	{
		const size_t a = column(&l, output_str(row, "from", ""));
		const size_t b = column(&l, output_str(row, "to", ""));
		char *what = output_value(json_object_get(row, "what"));

		if (a != b && what != NULL) {
			drop_method(what);
			fprintf(to, "%*.1f  ", TIME_LEN,
				json_number_value(
					json_object_get(row, "t_ms")));
			print_arrow(to, &l, a, b, what);
		}
		free(what);
	}
}

/* ---- rows ---------------------------------------------------------------- */

void ladder_add(json_t *ladder, double t_ms, const char *from, const char *to,
	const char *what)
{
	json_array_append_new(ladder, json_pack("{s:f,s:s,s:s,s:s}", "t_ms",
		t_ms, "from", from, "to", to, "what", what));
}

static int by_time(const void *a, const void *b)
{
	const double t =
		json_real_value(json_object_get(*(json_t *const *)a, "t_ms"));
	const double u =
		json_real_value(json_object_get(*(json_t *const *)b, "t_ms"));

	return (t > u) - (t < u);
}

void ladder_sort(json_t *ladder)
{
	const size_t count = json_array_size(ladder);
	json_t **rows = calloc(count + 1, sizeof(*rows));

	if (rows == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		rows[i] = json_incref(json_array_get(ladder, i));
	qsort(rows, count, sizeof(*rows), by_time);
	json_array_clear(ladder);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(ladder, rows[i]);
	free(rows);
}
