/*
 * Strict YAML for people's files, over libfyaml: every node knows its line,
 * duplicate keys and aliases are refused, size and depth are bounded.
 * Messages read "file:line:column: what".
 */
#ifndef RUN_YAML_H
#define RUN_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"

#define YAML_FILE_MAX  (4u << 20)
#define YAML_DEPTH_MAX 16

struct yaml_doc;
struct yaml_node; /* borrowed from its document */

enum yaml_kind {
	YAML_SCALAR,
	YAML_LIST,
	YAML_MAP,
};

/* path "-" is standard input. */
EDGE_MUST int yaml_load(struct yaml_doc **out, const char *path,
	struct why *why);
/* name stands for the file in messages. The text is copied. */
EDGE_MUST int yaml_parse(struct yaml_doc **out, const char *name,
	struct str text, struct why *why);
void yaml_free(struct yaml_doc *doc); /* accepts NULL */

const struct yaml_node *yaml_root(const struct yaml_doc *doc);
enum yaml_kind yaml_kind(const struct yaml_node *node);
/* A plain empty value ("key:"), which is most often a mistake. */
bool yaml_is_null(const struct yaml_node *node);
struct str yaml_text(const struct yaml_node *node); /* scalar, else empty */
/* True when the scalar was quoted, so "true" or "12" is text. */
bool yaml_is_quoted(const struct yaml_node *node);
size_t yaml_count(const struct yaml_node *node); /* list or map */
const struct yaml_node *yaml_item(const struct yaml_node *list, size_t i);
/* i-th pair of a map, in file order. */
struct str yaml_key_at(const struct yaml_node *map, size_t i,
	const struct yaml_node **value);
/* NULL when absent. */
const struct yaml_node *yaml_get(const struct yaml_node *map,
	const char *key);

/* "file:line:column: text" into why; returns EDGE_ECONFIG. */
int yaml_fault(const struct yaml_node *node, struct why *why,
	const char *fmt, ...) EDGE_PRINTF(3, 4);
/* The same at the key that this value of a map belongs to. */
int yaml_key_fault(const struct yaml_node *value, struct why *why,
	const char *fmt, ...) EDGE_PRINTF(3, 4);
/* All keys of map are in names[count]; else a fault that names the nearest
 * valid key, at the line of the wrong one. */
EDGE_MUST int yaml_check_keys(const struct yaml_node *map,
	const char *const *names, size_t count, struct why *why);

#endif
