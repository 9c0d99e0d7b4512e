/*
 * What schema 1 has, as canonical rows see it: a bundle can name neither a
 * table nor a column of its own (docs/protocol/replication.md 3).
 */
#include "common/bundle/bundle_table.h"

#include <string.h>

#include "common/base/str.h"

/* Sorted by name, bytewise. All tables of schema 1 but `meta`, which is
 * written by whoever builds the file: the manifest holds it. */
const struct bundle_table BUNDLE_TABLES[] = {
	{.name = "endpoint",
		.columns = 15,
		.select = "SELECT * FROM endpoint",
		.insert = "INSERT INTO endpoint "
			  "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		.keys = 1,
		.remove = "DELETE FROM endpoint WHERE endpoint_id=?"},
	{.name = "federated_domain",
		.columns = 6,
		.select = "SELECT * FROM federated_domain",
		.insert = "INSERT INTO federated_domain VALUES(?,?,?,?,?,?)",
		.keys = 1,
		.remove = "DELETE FROM federated_domain WHERE domain=?"},
	{.name = "machine",
		.columns = 5,
		.select = "SELECT * FROM machine",
		.insert = "INSERT INTO machine VALUES(?,?,?,?,?)",
		.keys = 1,
		.remove = "DELETE FROM machine WHERE machine_id=?"},
	{.name = "net_interface",
		.columns = 6,
		.select = "SELECT * FROM net_interface",
		.insert = "INSERT INTO net_interface VALUES(?,?,?,?,?,?)",
		.keys = 4,
		.remove = "DELETE FROM net_interface WHERE "
			  "machine_id=? AND side=? AND number=? AND family=?"},
	{.name = "next_hop",
		.columns = 5,
		.select = "SELECT * FROM next_hop",
		.insert = "INSERT INTO next_hop VALUES(?,?,?,?,?)",
		.keys = 2,
		.remove = "DELETE FROM next_hop WHERE "
			  "pool_id=? AND ordinal=?"},
	{.name = "pool",
		.columns = 7,
		.select = "SELECT * FROM pool",
		.insert = "INSERT INTO pool VALUES(?,?,?,?,?,?,?)",
		.keys = 1,
		.remove = "DELETE FROM pool WHERE pool_id=?"},
	{.name = "provider",
		.columns = 6,
		.select = "SELECT * FROM provider",
		.insert = "INSERT INTO provider VALUES(?,?,?,?,?,?)",
		.keys = 1,
		.remove = "DELETE FROM provider WHERE name=?"},
	{.name = "sealed_key",
		.columns = 5,
		.select = "SELECT * FROM sealed_key",
		.insert = "INSERT INTO sealed_key VALUES(?,?,?,?,?)",
		.keys = 3,
		.remove = "DELETE FROM sealed_key WHERE "
			  "machine_id=? AND purpose=? AND key_id=?"},
	{.name = "service",
		.columns = 5,
		.select = "SELECT * FROM service",
		.insert = "INSERT INTO service VALUES(?,?,?,?,?)",
		.keys = 1,
		.remove = "DELETE FROM service WHERE service_id=?"},
	{.name = "setting",
		.columns = 4,
		.select = "SELECT * FROM setting",
		.insert = "INSERT INTO setting VALUES(?,?,?,?)",
		.keys = 3,
		.remove = "DELETE FROM setting WHERE "
			  "scope=? AND component=? AND key=?"},
	{.name = "sip_domain",
		.columns = 4,
		.select = "SELECT * FROM sip_domain",
		.insert = "INSERT INTO sip_domain VALUES(?,?,?,?)",
		.keys = 1,
		.remove = "DELETE FROM sip_domain WHERE name=?"},
	{.name = "site",
		.columns = 5,
		.select = "SELECT * FROM site",
		.insert = "INSERT INTO site VALUES(?,?,?,?,?)",
		.keys = 1,
		.remove = "DELETE FROM site WHERE site_id=?"},
	{.name = "trusted_server",
		.columns = 5,
		.select = "SELECT * FROM trusted_server",
		.insert = "INSERT INTO trusted_server VALUES(?,?,?,?,?)",
		.keys = 3,
		.remove = "DELETE FROM trusted_server WHERE "
			  "fqdn=? AND edge_pool=? AND grants=?"},
};

const size_t BUNDLE_TABLE_COUNT = ARRAY_COUNT(BUNDLE_TABLES);

const struct bundle_table *bundle_table_find(const char *name)
{
	for (size_t i = 0; name != NULL && i < BUNDLE_TABLE_COUNT; i++)
		if (strcmp(BUNDLE_TABLES[i].name, name) == 0)
			return &BUNDLE_TABLES[i];
	return NULL;
}
