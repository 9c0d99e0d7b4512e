/*
 * For people: tables and fields drawn from JSON objects. Values may come
 * from peers, so control characters never reach the terminal (threat S16).
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/str.h"
#include "edgectl/output.h"

#define COLUMNS_MAX 16
#define GAP         2

const json_t *output_at(const json_t *object, const char *key)
{
	struct str rest = str_of(key);
	struct str part;
	char name[64];

	while (object != NULL && str_split(&rest, '.', &part)) {
		if (str_copy(part, name, sizeof(name)) != 0)
			return NULL;
		object = json_object_get(object, name);
	}
	return object;
}

const char *output_str(const json_t *object, const char *key,
	const char *fallback)
{
	const char *text = json_string_value(output_at(object, key));

	return text != NULL ? text : fallback;
}

static void clean(char *text, bool keeps_lines)
{
	char *from = text;
	char *to = text;

	while (*from != '\0') {
		unsigned code;
		size_t n = str_steering_len(from, &code);

		if (keeps_lines && *from == '\n')
			n = 0;
		*to++ = n > 0 ? '?' : *from;
		from += n > 0 ? n : 1;
	}
	*to = '\0';
}

void output_clean(char *text)
{
	clean(text, false);
}

static void clean_string(json_t *value, bool keeps_lines)
{
	char *text = strdup(json_string_value(value));

	if (text != NULL) {
		clean(text, keeps_lines);
		json_string_set_nocheck(value, text);
	}
	free(text);
}

/* What is a file is shown as one: its lines stay. */
static bool is_file(const char *key)
{
	return strcmp(key, "yaml") == 0;
}

void output_clean_all(json_t *value)
{
	const char *key;
	json_t *part;
	size_t i;

	if (json_is_string(value))
		clean_string(value, false);
	json_array_foreach(value, i, part) output_clean_all(part);
	json_object_foreach(value, key, part)
	{
		if (json_is_string(part))
			clean_string(part, is_file(key));
		else
			output_clean_all(part);
	}
}

/* "a, b, c" of a list of scalars. */
static char *list_value(const json_t *list)
{
	char *out = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&out, &len);
	size_t i;
	const json_t *item;

	if (to == NULL)
		return NULL;
	json_array_foreach(list, i, item)
	{
		char *text = output_value(item);

		fprintf(to, "%s%s", i > 0 ? ", " : "",
			text != NULL ? text : "");
		free(text);
	}
	if (fclose(to) != 0) {
		free(out);
		return NULL;
	}
	return out;
}

char *output_value(const json_t *value)
{
	char *out;

	if (value == NULL || json_is_null(value))
		return strdup("-");
	if (json_is_boolean(value))
		return strdup(json_is_true(value) ? "yes" : "no");
	if (json_is_array(value))
		return list_value(value);
	if (json_is_string(value))
		out = strdup(json_string_value(value));
	else if (json_is_real(value)) {
		if (asprintf(&out, "%.1f", json_real_value(value)) < 0)
			out = NULL;
	} else
		out = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	if (out != NULL)
		output_clean(out);
	return out;
}

size_t output_width(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* Cut to max columns, the last one "…". s is freed. */
static char *fit(char *s, size_t max)
{
	char *out;
	size_t at = 0;
	size_t columns = 0;

	if (s == NULL || max == 0 || output_width(s) <= max)
		return s;
	while (columns < max - 1 || ((unsigned char)s[at] & 0xc0) == 0x80)
		columns += ((unsigned char)s[at++] & 0xc0) != 0x80;
	if (asprintf(&out, "%.*s…", (int)at, s) < 0)
		out = NULL;
	free(s);
	return out;
}

static char *cell(const json_t *row, const struct output_column *column)
{
	return fit(output_value(output_at(row, column->key)), column->max);
}

static void pad(FILE *to, size_t n)
{
	while (n-- > 0)
		fputc(' ', to);
}

static void print_cell(FILE *to, const char *text, size_t width, bool right,
	bool last)
{
	size_t have = output_width(text);
	size_t fill = width > have ? width - have : 0;

	if (right)
		pad(to, fill);
	fputs(text, to);
	if (last)
		return;
	pad(to, GAP + (right ? 0 : fill));
}

void output_table(FILE *to, const json_t *rows,
	const struct output_column *columns, size_t count)
{
	size_t width[COLUMNS_MAX];
	bool right[COLUMNS_MAX];
	size_t i;
	const json_t *row;

	if (count > COLUMNS_MAX)
		count = COLUMNS_MAX;
	for (size_t c = 0; c < count; c++) {
		width[c] = output_width(columns[c].title);
		right[c] = json_array_size(rows) > 0;
		json_array_foreach(rows, i, row)
		{
			char *text = cell(row, &columns[c]);
			size_t n = text != NULL ? output_width(text) : 0;

			width[c] = n > width[c] ? n : width[c];
			right[c] = right[c] &&
				json_is_number(output_at(row, columns[c].key));
			free(text);
		}
	}
	for (size_t c = 0; c < count; c++)
		print_cell(to, columns[c].title, width[c], right[c],
			c + 1 == count);
	fputc('\n', to);
	json_array_foreach(rows, i, row)
	{
		for (size_t c = 0; c < count; c++) {
			char *text = cell(row, &columns[c]);

			print_cell(to, text != NULL ? text : "", width[c],
				right[c], c + 1 == count);
			free(text);
		}
		fputc('\n', to);
	}
}

void output_fields(FILE *to, const json_t *object,
	const struct output_field *fields, size_t count)
{
	size_t width = 0;

	for (size_t i = 0; i < count; i++) {
		size_t n = output_width(fields[i].title);

		width = n > width ? n : width;
	}
	for (size_t i = 0; i < count; i++) {
		const json_t *value = output_at(object, fields[i].key);
		char *text;

		if (value == NULL || json_is_null(value))
			continue;
		text = output_value(value);
		print_cell(to, fields[i].title, width, false, false);
		fprintf(to, "%s%s%s\n", text != NULL ? text : "",
			fields[i].unit[0] != '\0' ? " " : "", fields[i].unit);
		free(text);
	}
}
