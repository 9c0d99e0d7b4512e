/*
 * The difference between two generations: both are dumped, flattened to
 * sorted (path, value) pairs and merged. Knows nothing of what the entries
 * mean.
 */
#include "common/store/topology_diff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/str.h"
#include "common/run/yaml.h"
#include "common/store/topology_yaml.h"

#define PATH_LEN 1024

struct pair {
	char *path; /* owned until it is handed over */
	char *value;
};

struct pairs {
	struct pair *rows;
	size_t count;
	size_t cap;
};

static const char *const KIND_NAMES[] = {
	[TOPOLOGY_ADDED] = "added",
	[TOPOLOGY_REMOVED] = "removed",
	[TOPOLOGY_CHANGED] = "changed",
};

const char *topology_change_name(enum topology_change_kind kind)
{
	return KIND_NAMES[kind];
}

static void pairs_fini(struct pairs *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->rows[i].path);
		free(p->rows[i].value);
	}
	free(p->rows);
}

/* value is taken, also on failure. */
static int add(struct pairs *p, const char *path, char *value)
{
	struct pair row = {strdup(path), value};

	if (row.path == NULL || row.value == NULL)
		goto fail;
	if (p->count == p->cap) {
		size_t cap = p->cap != 0 ? p->cap * 2 : 64;
		struct pair *rows = realloc(p->rows, cap * sizeof(*rows));

		if (rows == NULL)
			goto fail;
		p->rows = rows;
		p->cap = cap;
	}
	p->rows[p->count++] = row;
	return 0;
fail:
	free(row.path);
	free(row.value);
	return -ENOMEM;
}

/* A node in one line: lists in brackets, maps in braces. */
static void put_value(FILE *to, const struct yaml_node *node)
{
	switch (yaml_kind(node)) {
	case YAML_SCALAR:
		fprintf(to, "%.*s", STR_ARG(yaml_text(node)));
		return;
	case YAML_LIST:
		putc('[', to);
		for (size_t i = 0; i < yaml_count(node); i++) {
			if (i > 0)
				fputs(", ", to);
			put_value(to, yaml_item(node, i));
		}
		putc(']', to);
		return;
	case YAML_MAP:
		break;
	}
	putc('{', to);
	for (size_t i = 0; i < yaml_count(node); i++) {
		const struct yaml_node *value;
		struct str key = yaml_key_at(node, i, &value);

		fprintf(to, "%s%.*s: ", i > 0 ? ", " : "", STR_ARG(key));
		put_value(to, value);
	}
	putc('}', to);
}

static int add_value(struct pairs *p, const char *path,
	const struct yaml_node *node)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (to == NULL)
		return -ENOMEM;
	put_value(to, node);
	fclose(to);
	return add(p, path, text);
}

static int flatten(struct pairs *p, const char *path,
	const struct yaml_node *node)
{
	int err = 0;

	if (yaml_kind(node) != YAML_MAP)
		return add_value(p, path, node);
	for (size_t i = 0; i < yaml_count(node) && err == 0; i++) {
		const struct yaml_node *value;
		struct str key = yaml_key_at(node, i, &value);
		char below[PATH_LEN];

		snprintf(below, sizeof(below), "%s%s%.*s", path,
			path[0] != '\0' ? " / " : "", STR_ARG(key));
		err = flatten(p, below, value);
	}
	return err;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct pair *)a)->path,
		((const struct pair *)b)->path);
}

static int read_pairs(struct pairs *p, struct sqlite3 *db, struct why *why)
{
	struct yaml_doc *doc = NULL;
	char *text = NULL;
	int err = topology_yaml_dump(db, &text, why);

	if (err == 0)
		err = yaml_parse(&doc, "dump", str_of(text), why);
	if (err == 0)
		err = flatten(p, "", yaml_root(doc));
	if (err == 0 && p->count > 0)
		qsort(p->rows, p->count, sizeof(*p->rows), by_path);
	yaml_free(doc);
	free(text);
	return err;
}

/* The texts of these pairs move over; a side that has none gives NULL. */
static void put(struct topology_diff *d, enum topology_change_kind kind,
	struct pair *named, struct pair *was, struct pair *is)
{
	struct topology_change *row = &d->rows[d->count++];

	row->kind = kind;
	row->path = named->path;
	named->path = NULL;
	if (was != NULL) {
		row->was = was->value;
		was->value = NULL;
	}
	if (is != NULL) {
		row->is = is->value;
		is->value = NULL;
	}
}

static int merge(struct topology_diff *d, struct pairs *was,
	struct pairs *is)
{
	size_t i = 0;
	size_t k = 0;

	d->rows = calloc(was->count + is->count + 1, sizeof(*d->rows));
	if (d->rows == NULL)
		return -ENOMEM;
	while (i < was->count && k < is->count) {
		struct pair *a = &was->rows[i];
		struct pair *b = &is->rows[k];
		int order = by_path(a, b);

		if (order < 0)
			put(d, TOPOLOGY_REMOVED, a, a, NULL);
		else if (order > 0)
			put(d, TOPOLOGY_ADDED, b, NULL, b);
		else if (strcmp(a->value, b->value) != 0)
			put(d, TOPOLOGY_CHANGED, b, a, b);
		i += order <= 0;
		k += order >= 0;
	}
	for (; i < was->count; i++)
		put(d, TOPOLOGY_REMOVED, &was->rows[i], &was->rows[i], NULL);
	for (; k < is->count; k++)
		put(d, TOPOLOGY_ADDED, &is->rows[k], NULL, &is->rows[k]);
	return 0;
}

int topology_diff(struct topology_diff *out, struct sqlite3 *before,
	struct sqlite3 *after, struct why *why)
{
	struct pairs was = {NULL, 0, 0};
	struct pairs is = {NULL, 0, 0};
	int err = 0;

	memset(out, 0, sizeof(*out));
	if (before != NULL)
		err = read_pairs(&was, before, why);
	if (err == 0)
		err = read_pairs(&is, after, why);
	if (err == 0)
		err = merge(out, &was, &is);
	pairs_fini(&was);
	pairs_fini(&is);
	return err;
}

void topology_diff_fini(struct topology_diff *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->rows[i].path);
		free(d->rows[i].was);
		free(d->rows[i].is);
	}
	free(d->rows);
	memset(d, 0, sizeof(*d));
}
