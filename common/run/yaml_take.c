/*
 * Types of values that several files have. edge.yaml has more to say where
 * one is wrong, and its own (conf.c); so has topology.yaml (common/store).
 */
#include "common/run/yaml_take.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "common/base/str.h"

int yaml_take_fields(const struct yaml_fields *fields, void *arg,
	const struct yaml_node *map, struct why *why)
{
	const char *names[YAML_FIELDS_MAX];
	int err;

	assert(fields->count <= ARRAY_COUNT(names));
	if (yaml_kind(map) != YAML_MAP)
		return yaml_fault(map, why, "a map is wanted");
	for (size_t i = 0; i < fields->count; i++)
		names[i] = fields->at(i)->name;
	err = yaml_check_keys(map, names, fields->count, why);
	for (size_t i = 0; i < fields->count && err == 0; i++) {
		const struct yaml_node *n = yaml_get(map, names[i]);

		if (n != NULL)
			err = fields->read(arg, i, n, why);
		else if (fields->at(i)->is_needed)
			err = yaml_fault(map, why, "'%s' is missing: %s",
				names[i], fields->at(i)->help);
	}
	return err;
}

int yaml_take_text(char **out, const struct yaml_node *n, struct why *why)
{
	struct str text = yaml_text(n);
	char *copy;

	if (yaml_kind(n) != YAML_SCALAR || text.n == 0)
		return yaml_fault(n, why, "a text is wanted");
	copy = str_dup(text);
	if (copy == NULL)
		return -ENOMEM;
	free(*out);
	*out = copy;
	return 0;
}

int yaml_take_name(char out[static DNS_NAME_LEN], const struct yaml_node *n,
	struct why *why)
{
	if (yaml_kind(n) != YAML_SCALAR ||
		dns_name_take(yaml_text(n), out, DNS_NAME_LEN) < 0)
		return yaml_fault(n, why, "'%.*s' is not a host name",
			STR_ARG(yaml_text(n)));
	return 0;
}

int yaml_take_number(uint32_t *out, uint32_t min, uint32_t max,
	const struct yaml_node *n, struct why *why)
{
	if (yaml_kind(n) != YAML_SCALAR || str_to_u32(yaml_text(n), out) < 0 ||
		*out < min || *out > max)
		return yaml_fault(n, why, "a number from %u to %u is wanted",
			min, max);
	return 0;
}

int yaml_take_certificate(char **chain, char **key, const struct yaml_node *n,
	struct why *why)
{
	static const char *const KEYS[] = {"chain", "key"};
	const struct yaml_node *chain_node = yaml_get(n, "chain");
	const struct yaml_node *key_node = yaml_get(n, "key");
	int err;

	if (yaml_kind(n) != YAML_MAP || chain_node == NULL || key_node == NULL)
		return yaml_fault(n, why, "{chain: FILE, key: FILE} is wanted");
	err = yaml_check_keys(n, KEYS, ARRAY_COUNT(KEYS), why);
	if (err == 0)
		err = yaml_take_text(chain, chain_node, why);
	return err == 0 ? yaml_take_text(key, key_node, why) : err;
}
