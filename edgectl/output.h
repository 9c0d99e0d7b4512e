/*
 * What a command found out, for people or for programs. Every command
 * builds one JSON object; with --json it is printed as it is, else the
 * command's text function draws it from the same object with the tables and
 * fields below, so that both always say the same.
 */
#ifndef EDGECTL_OUTPUT_H
#define EDGECTL_OUTPUT_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "edgectl/cmd.h"

typedef void(output_text_fn)(FILE *to, const json_t *object);

/* Print the object; taken. text may be NULL (then JSON in any case). Daemons
 * are not believed more than peers (threat S16): nothing in it reaches the
 * terminal that would steer it. */
void output_print(const struct cmd_call *call, json_t *object,
	output_text_fn *text);

/* ---- output_json.c ---- */
void output_json(FILE *to, const json_t *object);

/* ---- output_text.c ---- */
struct output_column {
	const char *title;
	const char *key; /* of the row object; dots go deeper: "a.b" */
	size_t max;      /* cut longer values with "…"; 0 = never */
};

/* Rows of objects as aligned columns with a line of titles. Numbers are
 * set to the right. Control characters in values become '?'. */
void output_table(FILE *to, const json_t *rows,
	const struct output_column *columns, size_t count);

struct output_field {
	const char *title;
	const char *key;
	const char *unit; /* "" = none */
};

/* "title   value unit" lines; absent and null values are left out. */
void output_fields(FILE *to, const json_t *object,
	const struct output_field *fields, size_t count);

/* Value at a dotted key, or NULL. */
const json_t *output_at(const json_t *object, const char *key);
/* Any JSON value as one line of plain text. Heap; NULL out of memory. */
char *output_value(const json_t *value);
/* What would steer a terminal (str_steering_len) becomes '?', in place; in
 * every string of a value, however deep. */
void output_clean(char *text);
void output_clean_all(json_t *value);
/* Text at a dotted key, or fallback. */
const char *output_str(const json_t *object, const char *key,
	const char *fallback);
/* Columns that s takes on a screen (UTF-8, one each). */
size_t output_width(const char *s);

#endif
