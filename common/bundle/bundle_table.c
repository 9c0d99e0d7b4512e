/*
 * What schema 1 has, as canonical rows see it: a bundle can name neither a
 * table nor a column of its own (docs/protocol/replication.md 3).
 */
#include "common/bundle/bundle_table.h"

#include <string.h>

#include "common/base/str.h"

/* Scopes (bundle_rows.h); t is the table itself. */
#define ALL "'global'"
#define POOL(id)                                                          \
	"(SELECT 'pool:'||p.fqdn FROM pool p WHERE p.pool_id=" id ")"
#define MACHINE_POOL                                                      \
	"(SELECT m.pool_id FROM machine m WHERE m.machine_id=t.machine_id)"
#define ROWS(scope, table) "SELECT " scope ", t.* FROM " table " t"

/* Sorted by name, bytewise. All tables of schema 1 but `meta`, which is
 * written by whoever builds the file: the manifest holds it. */
const struct bundle_table BUNDLE_TABLES[] = {
	{.name = "endpoint",
		.columns = 15,
		.select = ROWS(POOL("(SELECT s.pool_id FROM service s WHERE"
				" s.service_id=t.service_id)"), "endpoint"),
		.insert = "INSERT INTO endpoint "
			  "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"},
	{.name = "federated_domain",
		.columns = 6,
		.select = ROWS(ALL, "federated_domain"),
		.insert = "INSERT INTO federated_domain VALUES(?,?,?,?,?,?)"},
	{.name = "machine",
		.columns = 5,
		.select = ROWS(POOL("t.pool_id"), "machine"),
		.insert = "INSERT INTO machine VALUES(?,?,?,?,?)"},
	{.name = "net_interface",
		.columns = 6,
		.select = ROWS(POOL(MACHINE_POOL), "net_interface"),
		.insert = "INSERT INTO net_interface VALUES(?,?,?,?,?,?)"},
	{.name = "next_hop",
		.columns = 5,
		.select = ROWS(POOL("t.pool_id"), "next_hop"),
		.insert = "INSERT INTO next_hop VALUES(?,?,?,?,?)"},
	{.name = "pool",
		.columns = 7,
		.select = ROWS("'pool:'||t.fqdn", "pool"),
		.insert = "INSERT INTO pool VALUES(?,?,?,?,?,?,?)"},
	{.name = "provider",
		.columns = 6,
		.select = ROWS(ALL, "provider"),
		.insert = "INSERT INTO provider VALUES(?,?,?,?,?,?)"},
	{.name = "sealed_key",
		.columns = 5,
		.select = ROWS(POOL(MACHINE_POOL), "sealed_key"),
		.insert = "INSERT INTO sealed_key VALUES(?,?,?,?,?)"},
	{.name = "service",
		.columns = 5,
		.select = ROWS(POOL("t.pool_id"), "service"),
		.insert = "INSERT INTO service VALUES(?,?,?,?,?)"},
	{.name = "setting",
		.columns = 4,
		.select = ROWS("CASE WHEN t.scope LIKE 'machine:%' THEN"
			 " coalesce((SELECT 'pool:'||p.fqdn FROM machine m"
			 " JOIN pool p USING(pool_id) WHERE"
			 " m.fqdn=substr(t.scope, 9)), " ALL ")"
			 " ELSE t.scope END", "setting"),
		.insert = "INSERT INTO setting VALUES(?,?,?,?)"},
	{.name = "sip_domain",
		.columns = 4,
		.select = ROWS(ALL, "sip_domain"),
		.insert = "INSERT INTO sip_domain VALUES(?,?,?,?)"},
	{.name = "site",
		.columns = 5,
		.select = ROWS("'site:'||t.name", "site"),
		.insert = "INSERT INTO site VALUES(?,?,?,?,?)"},
	{.name = "trusted_server",
		.columns = 5,
		.select = ROWS(POOL("t.edge_pool"), "trusted_server"),
		.insert = "INSERT INTO trusted_server VALUES(?,?,?,?,?)"},
};

const size_t BUNDLE_TABLE_COUNT = ARRAY_COUNT(BUNDLE_TABLES);

const struct bundle_table *bundle_table_find(const char *name)
{
	for (size_t i = 0; name != NULL && i < BUNDLE_TABLE_COUNT; i++)
		if (strcmp(BUNDLE_TABLES[i].name, name) == 0)
			return &BUNDLE_TABLES[i];
	return NULL;
}
