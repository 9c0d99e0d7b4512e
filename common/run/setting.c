/*
 * Finding rows of the settings table, and the effective values of one
 * component. The rows are in setting_table.c, values in setting_value.c.
 */
#include "common/run/setting.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

struct value {
	const struct setting_def *def;
	char *json;     /* owned, canonical; NULL = the default */
	json_t *parsed; /* owned */
};

struct setting_set {
	struct value *values;  /* owned */
	size_t count;
	char name[]; /* of the component */
};

const struct setting_def *setting_find(const char *component,
	const char *name)
{
	for (size_t i = 0; i < setting_count(); i++) {
		const struct setting_def *def = setting_at(i);

		if (strcmp(def->component, component) == 0 &&
			strcmp(def->name, name) == 0)
			return def;
	}
	return NULL;
}

const char *setting_nearest(const char *component, const char *name)
{
	const char **names = calloc(setting_count(), sizeof(char *));
	const char *found;
	size_t count = 0;

	if (names == NULL)
		return NULL;
	for (size_t i = 0; i < setting_count(); i++) {
		if (strcmp(setting_at(i)->component, component) == 0)
			names[count++] = setting_at(i)->name;
	}
	found = str_nearest(name, names, count);
	free(names);
	return found;
}

/* ---- effective values --------------------------------------------------- */

static int value_parse(struct value *v, const char *json)
{
	json_t *parsed = json_loads(json, JSON_DECODE_ANY, NULL);

	if (parsed == NULL)
		return -ENOMEM; /* it was checked before */
	json_decref(v->parsed);
	v->parsed = parsed;
	return 0;
}

static int add_defaults(struct setting_set *set)
{
	for (size_t i = 0; i < setting_count(); i++) {
		struct value *v = &set->values[set->count];
		int err;

		if (strcmp(setting_at(i)->component, set->name) != 0)
			continue;
		v->def = setting_at(i);
		err = value_parse(v, v->def->fallback);
		if (err < 0)
			return err;
		set->count++;
	}
	return 0;
}

int setting_set_new(struct setting_set **out, const char *component)
{
	size_t len = strlen(component) + 1;
	struct setting_set *set;
	int err = -ENOMEM;

	set = calloc(1, sizeof(*set) + len);
	if (set == NULL)
		goto out;
	memcpy(set->name, component, len);
	set->values = calloc(setting_count(), sizeof(struct value));
	if (set->values == NULL)
		goto out;
	err = add_defaults(set);
	if (err < 0)
		goto out;
	*out = set;
	set = NULL; /* handed over */
out:
	setting_set_free(set);
	return err;
}

void setting_set_free(struct setting_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->count; i++) {
		free(set->values[i].json);
		json_decref(set->values[i].parsed);
	}
	free(set->values);
	free(set);
}

static struct value *find_value(const struct setting_set *set,
	const char *name)
{
	for (size_t i = 0; i < set->count; i++) {
		if (strcmp(set->values[i].def->name, name) == 0)
			return &set->values[i];
	}
	return NULL;
}

int setting_set_put(struct setting_set *set, const char *name,
	const char *json, struct why *why)
{
	struct value *v = find_value(set, name);
	const char *near;
	char *copy;
	int err;

	if (v == NULL) {
		near = setting_nearest(set->name, name);
		if (near == NULL)
			return why_set(why, EDGE_EUNKNOWN,
				"%s has no setting '%s'", set->name, name);
		return why_set(why, EDGE_EUNKNOWN,
			"%s has no setting '%s': did you mean '%s'?",
			set->name, name, near);
	}
	err = setting_check(v->def, json, why);
	if (err < 0)
		return err;
	copy = strdup(json);
	if (copy == NULL)
		return -ENOMEM;
	err = value_parse(v, json);
	if (err < 0) {
		free(copy);
		return err;
	}
	free(v->json);
	v->json = copy;
	return 0;
}

/* A name that is not in the table, or of another type, is our mistake. */
static const struct value *need(const struct setting_set *set,
	const char *name)
{
	const struct value *v = find_value(set, name);

	assert(v != NULL);
	return v;
}

bool setting_bool(const struct setting_set *set, const char *name)
{
	const struct value *v = need(set, name);

	assert(v->def->kind == SETTING_BOOL);
	return json_is_true(v->parsed);
}

uint64_t setting_number(const struct setting_set *set, const char *name)
{
	const struct value *v = need(set, name);

	assert(v->def->kind == SETTING_NUMBER);
	return (uint64_t)json_integer_value(v->parsed);
}

uint64_t setting_duration_s(const struct setting_set *set, const char *name)
{
	const struct value *v = need(set, name);

	assert(v->def->kind == SETTING_DURATION);
	return (uint64_t)json_integer_value(v->parsed);
}

const char *setting_text(const struct setting_set *set, const char *name)
{
	const struct value *v = need(set, name);

	assert(json_is_string(v->parsed));
	return json_string_value(v->parsed);
}

size_t setting_list_count(const struct setting_set *set, const char *name)
{
	const struct value *v = need(set, name);

	assert(json_is_array(v->parsed));
	return json_array_size(v->parsed);
}

const char *setting_list_item(const struct setting_set *set,
	const char *name, size_t i)
{
	return json_string_value(json_array_get(need(set, name)->parsed, i));
}

const char *setting_json(const struct setting_set *set, const char *name)
{
	const struct value *v = need(set, name);

	return v->json != NULL ? v->json : v->def->fallback;
}

bool setting_is_default(const struct setting_set *set, const char *name)
{
	const struct value *v = need(set, name);

	return v->json == NULL || strcmp(v->json, v->def->fallback) == 0;
}
