/*
 * What stands below `edges` in topology.yaml, to rows: pools, the ports of
 * their parts by the table of topology_port.c, next hops, machines and
 * their addresses.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "common/base/addr.h"
#include "common/base/err.h"
#include "common/store/sql.h"
#include "common/store/topology_port.h"
#include "common/store/topology_yaml_word.h"

#define MACHINES_MAX 10000u

/* A pool while its ports and machines are read. */
struct pool {
	int64_t id;
	char fqdn[DNS_NAME_LEN];
	const struct yaml_node *parts[TOPOLOGY_PART_COUNT]; /* or NULL */
	int iface[TOPOLOGY_PART_COUNT]; /* external interface number */
	int64_t services[2];            /* rows of EdgeServer, Management */
};

/* ---- edges: the ports of a pool ----------------------------------------- */

static int service_row(struct topology_fill *f, struct pool *pool,
	const char *role, int64_t *out)
{
	int64_t *slot = &pool->services[strcmp(role, "EdgeServer") != 0];
	int err = 0;

	if (*slot == 0) {
		err = sql_run(f->db, f->why,
			"INSERT INTO service(pool_id, role) VALUES(?, ?)",
			"it", pool->id, role);
		*slot = sqlite3_last_insert_rowid(f->db);
	}
	*out = *slot;
	return err;
}

static int fill_port(struct topology_fill *f, struct pool *pool,
	const struct topology_port *def, const struct yaml_node *internal)
{
	bool is_inside = def->side == TOPOLOGY_INTERNAL;
	const struct yaml_node *part = def->part < TOPOLOGY_PART_COUNT ?
		pool->parts[def->part] :
		NULL;
	const struct yaml_node *map = is_inside ? internal : part;
	const struct yaml_node *node;
	char name[DNS_NAME_LEN];
	uint16_t port = def->port;
	int64_t service = 0;
	int err = 0;

	if (def->part < TOPOLOGY_PART_COUNT && part == NULL)
		return 0; /* this part is not run */
	node = map != NULL ? yaml_get(map, def->key) : NULL;
	if (node != NULL)
		err = topology_read_port(node, &port, f->why);
	if (err == 0 && !is_inside)
		err = topology_read_name(yaml_get(part, "name"), "a name", name,
			f->why);
	if (err == 0)
		err = service_row(f, pool, def->role, &service);
	if (err < 0)
		return err;
	return sql_run(f->db, f->why,
		"INSERT INTO endpoint(service_id, component, usage, side,"
		" iface_number, port, transport, authorizes, gruu_type,"
		" public_fqdn) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"itttiititt", service, def->component, def->usage_name,
		topology_side_name(def->side),
		(int64_t)(is_inside ? 1 : pool->iface[def->part]),
		(int64_t)port, def->transport, (int64_t)def->authorizes,
		def->gruu_type, is_inside ? NULL : name);
}

static int read_range(const struct yaml_node *node, uint32_t *low,
	uint32_t *high, struct why *why)
{
	struct str text = yaml_text(node);
	size_t dash = str_find(text, '-');

	if (yaml_kind(node) == YAML_SCALAR && dash < text.n &&
		str_to_u32((struct str){text.p, dash}, low) == 0 &&
		str_to_u32(str_skip(text, dash + 1), high) == 0 &&
		*low >= 1024 && *low <= *high && *high <= 65535)
		return 0;
	return yaml_fault(node, why,
		"a range within 1024-65535 belongs here, e.g. 50000-59999");
}

static int fill_media(struct topology_fill *f, struct pool *pool)
{
	const struct yaml_node *av = pool->parts[TOPOLOGY_PART_AV];
	const struct yaml_node *node;
	uint32_t low = TOPOLOGY_MEDIA_PORT;
	uint32_t high = TOPOLOGY_MEDIA_PORT + TOPOLOGY_MEDIA_COUNT - 1;
	int64_t service = 0;
	int err = 0;

	if (av == NULL)
		return 0;
	node = yaml_get(av, "media_ports");
	if (node != NULL)
		err = read_range(node, &low, &high, f->why);
	if (err == 0)
		err = service_row(f, pool, "EdgeServer", &service);
	if (err < 0)
		return err;
	return sql_run(f->db, f->why,
		"INSERT INTO endpoint(service_id, component, usage, side,"
		" iface_number, port, port_count, transport)"
		" VALUES(?, ?, ?, 'external', ?, ?, ?, 'tcp_or_udp')",
		"ittiii", service, TOPOLOGY_MEDIA_COMPONENT,
		TOPOLOGY_MEDIA_USAGE, (int64_t)pool->iface[TOPOLOGY_PART_AV],
		(int64_t)low, (int64_t)(high - low + 1));
}

/* Keys that a part, or internal_ports, may have: from the table. */
static size_t port_keys(enum topology_side side, unsigned part,
	const char **out)
{
	size_t count = 0;

	for (size_t i = 0; i < topology_port_count(); i++) {
		const struct topology_port *p = topology_port_at(i);

		if (p->side == side &&
			(side == TOPOLOGY_INTERNAL || p->part == part))
			out[count++] = p->key;
	}
	return count;
}

static int check_part(struct topology_fill *f, struct pool *pool, unsigned part)
{
	const struct yaml_node *node = pool->parts[part];
	const char *keys[16];
	size_t count = port_keys(TOPOLOGY_EXTERNAL, part, keys);
	int err;

	keys[count++] = "name";
	if (part == TOPOLOGY_PART_AV)
		keys[count++] = "media_ports";
	err = yaml_check_keys(node, keys, count, f->why);
	if (err == 0 && yaml_get(node, "name") == NULL)
		err = yaml_key_fault(node, f->why,
			"'%s' needs the name that the outside uses: "
			"%s: {name: ...}",
			topology_part_name((enum topology_part)part),
			topology_part_name((enum topology_part)part));
	return err;
}

/* External interfaces are numbered in the order of the parts there are, so
 * that every pool has an external/1. */
static int fill_ports(struct topology_fill *f, struct pool *pool,
	const struct yaml_node *node)
{
	const struct yaml_node *internal = yaml_get(node, "internal_ports");
	const char *keys[16];
	int next = 1;
	int err = 0;

	for (unsigned i = 0; i < TOPOLOGY_PART_COUNT && err == 0; i++) {
		pool->parts[i] = yaml_get(node,
			topology_part_name((enum topology_part)i));
		if (pool->parts[i] == NULL)
			continue;
		pool->iface[i] = next++;
		err = check_part(f, pool, i);
	}
	if (err == 0 && internal != NULL)
		err = yaml_check_keys(internal, keys,
			port_keys(TOPOLOGY_INTERNAL, 0, keys), f->why);
	if (err == 0 && next == 1)
		err = yaml_key_fault(node, f->why,
			"'%s' has no part: add access, av or webconf",
			pool->fqdn);
	for (size_t i = 0; i < topology_port_count() && err == 0; i++)
		err = fill_port(f, pool, topology_port_at(i), internal);
	return err == 0 ? fill_media(f, pool) : err;
}

/* ---- edges: machines ---------------------------------------------------- */

static int fill_address(struct topology_fill *f, int64_t machine,
	const struct yaml_node *node, const char *side, int number)
{
	static const char *const KEYS[] = {"address", "nat"};
	const struct yaml_node *address = node;
	const struct yaml_node *nat = NULL;
	struct addr a = {.port = 0};
	struct addr n = {.port = 0};
	char text[ADDR_TEXT_LEN];
	char nat_text[ADDR_TEXT_LEN];
	int err = 0;

	if (yaml_kind(node) == YAML_MAP) {
		err = yaml_check_keys(node, KEYS, ARRAY_COUNT(KEYS), f->why);
		address = yaml_get(node, "address");
		nat = yaml_get(node, "nat");
		if (err == 0 && address == NULL)
			err = yaml_fault(node, f->why,
				"'address' is missing: {address: 10.0.0.30, "
				"nat: 203.0.113.30}");
	}
	if (err < 0)
		return err;
	if (addr_parse(yaml_text(address), &a) < 0 || a.port != 0)
		return yaml_fault(address, f->why,
			"an address in numbers belongs here, not '%.*s'",
			STR_ARG(yaml_text(address)));
	if (nat != NULL && number == 0)
		return yaml_fault(nat, f->why,
			"no address translation on the inside: inside clients "
			"must reach the edge's own address");
	if (nat != NULL && (addr_parse(yaml_text(nat), &n) < 0 ||
				   n.port != 0 || n.family != a.family))
		return yaml_fault(nat, f->why,
			"an address of the same family belongs here, not "
			"'%.*s'", STR_ARG(yaml_text(nat)));
	err = sql_run(f->db, f->why,
		"INSERT INTO net_interface(machine_id, side, number, family,"
		" address, nat_address) VALUES(?, ?, ?, ?, ?, ?)"
		" ON CONFLICT DO NOTHING", "itiitt", machine, side,
		(int64_t)(number == 0 ? 1 : number), (int64_t)a.family,
		addr_ip_text(&a, text),
		nat != NULL ? addr_ip_text(&n, nat_text) : NULL);
	if (err == 0 && sqlite3_changes(f->db) == 0)
		err = yaml_fault(node, f->why,
			"a second IPv%d address: one for each family",
			a.family);
	return err;
}

/* number 0 = the internal interface. */
static int fill_addresses(struct topology_fill *f, int64_t machine,
	const struct yaml_node *node, const char *side, int number)
{
	int err = 0;

	if (topology_item_count(node) == 0)
		return yaml_fault(node, f->why, "an address belongs here");
	for (size_t i = 0; i < topology_item_count(node) && err == 0; i++)
		err = fill_address(f, machine, topology_item_at(node, i), side,
			number);
	return err;
}

static int fill_interfaces(struct topology_fill *f, const struct pool *pool,
	const struct yaml_node *node, int64_t machine)
{
	const struct yaml_node *inside = yaml_get(node, "internal");
	int err;

	if (inside == NULL)
		return yaml_key_fault(node, f->why,
			"'internal' is missing: the machine's address on the "
			"inside");
	err = fill_addresses(f, machine, inside, "internal", 0);
	for (unsigned i = 0; i < TOPOLOGY_PART_COUNT && err == 0; i++) {
		const char *name = topology_part_name((enum topology_part)i);
		const struct yaml_node *value = yaml_get(node, name);

		if (value == NULL && pool->parts[i] == NULL)
			continue;
		if (value == NULL)
			return yaml_key_fault(node, f->why,
				"'%s' is missing: the machine's address for "
				"%s", name, name);
		if (pool->parts[i] == NULL)
			return yaml_key_fault(value, f->why,
				"the pool has no '%s': add '%s: {name: ...}' "
				"to it, or take this address out", name, name);
		err = fill_addresses(f, machine, value, "external",
			pool->iface[i]);
	}
	return err;
}

static int fill_machine(struct topology_fill *f, const struct pool *pool,
	size_t ordinal, struct str key, const struct yaml_node *node)
{
	static const char *const KEYS[] = {"internal", "access", "webconf",
		"av", "state", "settings"};
	static const char *const STATES[] = {"active", "drain", "disabled"};
	const struct yaml_node *state;
	char fqdn[DNS_NAME_LEN];
	char scope[DNS_NAME_LEN + 16];
	size_t word = 0;
	int64_t id;
	int err;

	err = topology_read_key_name(node, key, "the name of a machine", fqdn,
		f->why);
	if (err == 0)
		err = yaml_check_keys(node, KEYS, ARRAY_COUNT(KEYS), f->why);
	if (err < 0)
		return err;
	state = yaml_get(node, "state");
	if (state != NULL)
		err = topology_read_word(state, STATES, ARRAY_COUNT(STATES),
			&word, f->why);
	if (err < 0)
		return err;
	err = sql_run(f->db, f->why,
		"INSERT INTO machine(pool_id, ordinal, fqdn, state)"
		" VALUES(?, ?, ?, ?) ON CONFLICT DO NOTHING", "iitt", pool->id,
		(int64_t)ordinal, fqdn, STATES[word]);
	if (err < 0)
		return err;
	if (sqlite3_changes(f->db) == 0)
		return yaml_key_fault(node, f->why,
			"machine '%s' is already in another pool", fqdn);
	id = sqlite3_last_insert_rowid(f->db);
	err = fill_interfaces(f, pool, node, id);
	snprintf(scope, sizeof(scope), "machine:%s", fqdn);
	return err < 0 ? err :
			topology_fill_settings(f, yaml_get(node, "settings"),
				scope);
}

static int fill_machines(struct topology_fill *f, const struct pool *pool,
	const struct yaml_node *node)
{
	const struct yaml_node *map = yaml_get(node, "machines");
	int err = 0;

	if (map == NULL || yaml_kind(map) != YAML_MAP || yaml_count(map) == 0)
		return yaml_key_fault(map != NULL ? map : node, f->why,
			"'%s' needs machines: machines: {%s: {internal: ..., "
			"access: ..., ...}}", pool->fqdn, pool->fqdn);
	if (yaml_count(map) > MACHINES_MAX)
		return yaml_fault(map, f->why, "more than %u machines",
			MACHINES_MAX);
	for (size_t i = 0; i < yaml_count(map) && err == 0; i++) {
		const struct yaml_node *value;
		struct str key = yaml_key_at(map, i, &value);

		err = fill_machine(f, pool, i + 1, key, value);
	}
	return err;
}

/* ---- edges: pools ------------------------------------------------------- */

static int fill_hops(struct topology_fill *f, const struct pool *pool,
	const struct yaml_node *node)
{
	const struct yaml_node *list = yaml_get(node, "next_hop");
	int err = 0;

	if (list == NULL || topology_item_count(list) == 0)
		return yaml_key_fault(node, f->why,
			"'%s' needs a next_hop: the server inside that "
			"requests from outside go to", pool->fqdn);
	for (size_t i = 0; i < topology_item_count(list) && err == 0; i++) {
		char name[DNS_NAME_LEN];
		uint16_t port;

		err = topology_read_target(topology_item_at(list, i),
			TOPOLOGY_SIP_TLS_PORT, name, &port, f->why);
		if (err == 0)
			err = sql_run(f->db, f->why,
				"INSERT INTO next_hop(pool_id, ordinal, fqdn,"
				" port) VALUES(?, ?, ?, ?)", "iiti", pool->id,
				(int64_t)i + 1, name, (int64_t)port);
	}
	return err;
}

static int site_row(struct topology_fill *f, struct str name, int64_t *id,
	int64_t *next_pool)
{
	struct sqlite3_stmt *stmt = NULL;
	int err;

	err = sql_run(f->db, f->why,
		"INSERT INTO site(name, kind) VALUES(?, 'central')"
		" ON CONFLICT DO NOTHING", "s", name);
	if (err == 0)
		err = sql_query(&stmt, f->db, f->why,
			"SELECT site_id, (SELECT COUNT(*) FROM pool p WHERE"
			" p.site_id=s.site_id) FROM site s WHERE name=?", "s",
			name);
	if (err < 0)
		return err;
	err = sql_next(stmt, f->why);
	if (err == 1) {
		*id = sqlite3_column_int64(stmt, 0);
		*next_pool = sqlite3_column_int64(stmt, 1) + 1;
		err = 0;
	}
	sqlite3_finalize(stmt);
	return err;
}

static int pool_row(struct topology_fill *f, struct pool *pool,
	const struct yaml_node *node)
{
	static const char *const BALANCING[] = {"none", "dns", "hlb"};
	const struct yaml_node *site = yaml_get(node, "site");
	const struct yaml_node *balancing = yaml_get(node, "balancing");
	struct str site_name = STR_LIT(TOPOLOGY_SITE_DEFAULT);
	int64_t site_id = 0;
	int64_t number = 1;
	size_t word = 0;
	int err = 0;

	if (site != NULL)
		err = topology_read_text(site, &site_name, f->why);
	if (err == 0 && site_name.n == 0)
		err = yaml_fault(site, f->why, "a name belongs here");
	if (err == 0 && balancing != NULL)
		err = topology_read_word(balancing, BALANCING,
			ARRAY_COUNT(BALANCING), &word, f->why);
	if (err == 0)
		err = site_row(f, site_name, &site_id, &number);
	if (err == 0)
		err = sql_run(f->db, f->why,
			"INSERT INTO pool(site_id, number, fqdn, balancing)"
			" VALUES(?, ?, ?, ?) ON CONFLICT DO NOTHING", "iitt",
			site_id, number, pool->fqdn, BALANCING[word]);
	if (err == 0 && sqlite3_changes(f->db) == 0)
		err = yaml_key_fault(node, f->why, "'%s' is there twice",
			pool->fqdn);
	pool->id = sqlite3_last_insert_rowid(f->db);
	return err;
}

static int fill_pool(struct topology_fill *f, struct str key,
	const struct yaml_node *node)
{
	static const char *const KEYS[] = {"next_hop", "access", "webconf",
		"av", "machines", "internal_ports", "balancing", "site",
		"settings"};
	struct pool pool = {.id = 0};
	char scope[DNS_NAME_LEN + 16];
	int err;

	err = topology_read_key_name(node, key,
		"the internal name of an edge pool", pool.fqdn, f->why);
	if (err == 0)
		err = yaml_check_keys(node, KEYS, ARRAY_COUNT(KEYS), f->why);
	if (err == 0)
		err = pool_row(f, &pool, node);
	if (err == 0)
		err = fill_hops(f, &pool, node);
	if (err == 0)
		err = fill_ports(f, &pool, node);
	if (err == 0)
		err = fill_machines(f, &pool, node);
	snprintf(scope, sizeof(scope), "pool:%s", pool.fqdn);
	return err < 0 ? err :
			topology_fill_settings(f, yaml_get(node, "settings"),
				scope);
}

/* The federation port is there always and enabled where a machine of the
 * pool has allow_federated_users (topology-model B5). */
static int enable_federation(struct topology_fill *f)
{
	return sql_script(f->db, f->why,
		"UPDATE endpoint SET enabled = EXISTS(SELECT 1"
		" FROM service s JOIN pool p USING(pool_id)"
		" JOIN machine m USING(pool_id)"
		" WHERE s.service_id=endpoint.service_id AND 'true'=("
		"  SELECT value FROM setting WHERE component='access-edge'"
		"  AND key='allow_federated_users' AND scope IN('global',"
		"   'pool:'||p.fqdn, 'machine:'||m.fqdn)"
		"  ORDER BY scope='global', scope LIKE 'pool:%' LIMIT 1))"
		" WHERE component='AccessEdge' AND usage='SipServer'"
		"  AND side='external'");
}

int topology_fill_edges(struct topology_fill *f)
{
	const struct yaml_node *map = yaml_get(f->root, "edges");
	int err = 0;

	if (map == NULL || yaml_kind(map) != YAML_MAP || yaml_count(map) == 0)
		return yaml_fault(map != NULL ? map : f->root, f->why,
			"'edges' needs at least one edge pool by its internal "
			"name: edges: {edge.int.example.com: {...}}");
	for (size_t i = 0; i < yaml_count(map) && err == 0; i++) {
		const struct yaml_node *value;
		struct str key = yaml_key_at(map, i, &value);

		err = fill_pool(f, key, value);
	}
	return err < 0 ? err : enable_federation(f);
}
