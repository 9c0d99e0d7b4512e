/*
 * Values out of a file for people, for files with a table of fields of their
 * own: what is wrong is told at its line (yaml.h).
 */
#ifndef RUN_YAML_TAKE_H
#define RUN_YAML_TAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/dns_name.h"
#include "common/base/why.h"
#include "common/run/yaml.h"

#define YAML_FIELDS_MAX 64

/* A key of the top level, as its manual page has it. */
struct yaml_field {
	const char *name;
	bool is_needed;
	const char *fallback; /* NULL = none */
	const char *help;
};

struct yaml_fields {
	size_t count; /* at most YAML_FIELDS_MAX */
	const struct yaml_field *(*at)(size_t i);
	int (*read)(void *arg, size_t i, const struct yaml_node *n,
		struct why *why);
};

/* A map with none but these keys, and all that are needed: each one is read,
 * in the table's order. EDGE_ECONFIG, or what read() says. */
EDGE_MUST int yaml_take_fields(const struct yaml_fields *fields, void *arg,
	const struct yaml_node *map, struct why *why);

/* On the heap, in the place of what *out has. EDGE_ECONFIG, -ENOMEM. */
EDGE_MUST int yaml_take_text(char **out, const struct yaml_node *n,
	struct why *why);
EDGE_MUST int yaml_take_name(char out[static DNS_NAME_LEN],
	const struct yaml_node *n, struct why *why);
EDGE_MUST int yaml_take_number(uint32_t *out, uint32_t min, uint32_t max,
	const struct yaml_node *n, struct why *why);
/* {chain: FILE, key: FILE}; both as yaml_take_text() does it. */
EDGE_MUST int yaml_take_certificate(char **chain, char **key,
	const struct yaml_node *n, struct why *why);

#endif
