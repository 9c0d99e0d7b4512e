/*
 * Readers for the kinds of word that topology.yaml is made of; each says
 * where and what would be right. No database.
 */
#include "common/store/topology_yaml_word.h"

#include <stdio.h>

#include "common/base/err.h"

int topology_need_map(const struct yaml_node *node, const char *what,
	struct why *why)
{
	if (yaml_kind(node) == YAML_MAP)
		return 0;
	return yaml_fault(node, why, "%s belongs here", what);
}

int topology_read_name(const struct yaml_node *node, const char *what,
	char out[static DNS_NAME_LEN], struct why *why)
{
	if (yaml_kind(node) == YAML_SCALAR &&
		dns_name_take(yaml_text(node), out, DNS_NAME_LEN) == 0)
		return 0;
	return yaml_fault(node, why,
		"%s belongs here, e.g. sip.example.com, not '%.*s'", what,
		STR_ARG(yaml_text(node)));
}

int topology_read_key_name(const struct yaml_node *value, struct str key,
	const char *what, char out[static DNS_NAME_LEN], struct why *why)
{
	if (dns_name_take(key, out, DNS_NAME_LEN) == 0)
		return 0;
	return yaml_key_fault(value, why, "%s belongs here, not '%.*s'", what,
		STR_ARG(key));
}

int topology_read_port(const struct yaml_node *node, uint16_t *out,
	struct why *why)
{
	uint32_t n;

	if (yaml_kind(node) != YAML_SCALAR ||
		str_to_u32(yaml_text(node), &n) < 0 || n < 1 || n > 65535)
		return yaml_fault(node, why,
			"a port from 1 to 65535 belongs here");
	*out = (uint16_t)n;
	return 0;
}

int topology_read_bool(const struct yaml_node *node, bool *out,
	struct why *why)
{
	struct str text = yaml_text(node);

	*out = str_eq_z(text, "true");
	if (*out || str_eq_z(text, "false"))
		return 0;
	return yaml_fault(node, why, "true or false belongs here");
}

int topology_read_word(const struct yaml_node *node, const char *const *words,
	size_t count, size_t *out, struct why *why)
{
	char all[160] = "";
	size_t len = 0;

	for (size_t i = 0; i < count; i++) {
		if (str_eq_z(yaml_text(node), words[i])) {
			*out = i;
			return 0;
		}
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s",
			i > 0 ? ", " : "", words[i]);
	}
	return yaml_fault(node, why, "one of %s belongs here, not '%.*s'", all,
		STR_ARG(yaml_text(node)));
}

int topology_read_target(const struct yaml_node *node, uint16_t default_port,
	char name[static DNS_NAME_LEN], uint16_t *port, struct why *why)
{
	struct str text = yaml_text(node);
	size_t colon = str_find(text, ':');
	struct str host = {text.p, colon};
	uint32_t n = default_port;

	if (colon < text.n && (str_to_u32(str_skip(text, colon + 1), &n) < 0 ||
				      n < 1 || n > 65535))
		return yaml_fault(node, why,
			"'%.*s': a port from 1 to 65535 belongs behind the "
			"colon", STR_ARG(text));
	if (dns_name_take(host, name, DNS_NAME_LEN) < 0)
		return yaml_fault(node, why,
			"a name or name:port belongs here, not '%.*s': a "
			"server inside is found and checked by its name, "
			"never by an address", STR_ARG(text));
	*port = (uint16_t)n;
	return 0;
}

int topology_read_text(const struct yaml_node *node, struct str *out,
	struct why *why)
{
	*out = yaml_text(node);
	if (yaml_kind(node) == YAML_SCALAR && out->n <= TOPOLOGY_TEXT_LEN_MAX)
		return 0;
	return yaml_fault(node, why,
		"a text of at most %u characters belongs here",
			TOPOLOGY_TEXT_LEN_MAX);
}

size_t topology_item_count(const struct yaml_node *node)
{
	return yaml_kind(node) == YAML_LIST ? yaml_count(node) : 1;
}

const struct yaml_node *topology_item_at(const struct yaml_node *node, size_t i)
{
	return yaml_kind(node) == YAML_LIST ? yaml_item(node, i) : node;
}
