/*
 * What the readers of topology.yaml share: the schema being filled, and one
 * reader per kind of word. For topology_yaml*.c only.
 */
#ifndef STORE_TOPOLOGY_YAML_WORD_H
#define STORE_TOPOLOGY_YAML_WORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/dns_name.h"
#include "common/base/str.h"
#include "common/base/why.h"
#include "common/run/yaml.h"

#define TOPOLOGY_SIP_TLS_PORT 5061u
#define TOPOLOGY_TEXT_LEN_MAX 400u
#define TOPOLOGY_SITE_DEFAULT "Default"

struct sqlite3;

/* One filling of one schema. */
struct topology_fill {
	struct sqlite3 *db;
	struct why *why;
	const struct yaml_node *root;
};

/* All fail with EDGE_ECONFIG and the place in why. */
EDGE_MUST int topology_need_map(const struct yaml_node *node,
	const char *what, struct why *why);
EDGE_MUST int topology_read_name(const struct yaml_node *node,
	const char *what, char out[static DNS_NAME_LEN], struct why *why);
EDGE_MUST int topology_read_key_name(const struct yaml_node *value,
	struct str key, const char *what, char out[static DNS_NAME_LEN],
	struct why *why);
EDGE_MUST int topology_read_port(const struct yaml_node *node, uint16_t *out,
	struct why *why);
EDGE_MUST int topology_read_bool(const struct yaml_node *node, bool *out,
	struct why *why);
/* One of a few words; its index through *out. */
EDGE_MUST int topology_read_word(const struct yaml_node *node,
	const char *const *words, size_t count, size_t *out, struct why *why);
/* "name" or "name:port" */
EDGE_MUST int topology_read_target(const struct yaml_node *node,
	uint16_t default_port, char name[static DNS_NAME_LEN],
	uint16_t *port, struct why *why);
EDGE_MUST int topology_read_text(const struct yaml_node *node,
	struct str *out, struct why *why);

/* A single value counts as a list of one. */
size_t topology_item_count(const struct yaml_node *node);
const struct yaml_node *topology_item_at(const struct yaml_node *node,
	size_t i);

/* topology_yaml_edges.c: everything below `edges`. */
EDGE_MUST int topology_fill_edges(struct topology_fill *f);
/* topology_yaml.c: one map of settings, for a scope; NULL is none. */
EDGE_MUST int topology_fill_settings(struct topology_fill *f,
	const struct yaml_node *settings, const char *scope);

#endif
