/*
 * Rows of a generation to the names of A5 of the topology model. Only
 * reads; what the names mean is topology.yaml(5).
 */
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/run/setting.h"
#include "common/store/sql.h"
#include "common/store/topology.h"
#include "common/store/topology_port.h"
#include "edgectl/output.h"
#include "edgectl/topology/topology_show.h"

struct show {
	struct sqlite3 *db;
	struct why *why;
	int64_t pool;
	json_t *object; /* of the pool */
};

/* First column of all rows as an array of strings. */
static int add_list(struct show *s, const char *key, const char *sql)
{
	struct sqlite3_stmt *stmt;
	json_t *list = json_array();
	int err = sql_query(&stmt, s->db, s->why, sql, "i", s->pool);

	if (err < 0) {
		json_decref(list);
		return err;
	}
	while ((err = sql_next(stmt, s->why)) == 1)
		json_array_append_new(list, json_string(sql_text(stmt, 0)));
	sqlite3_finalize(stmt);
	json_object_set_new(s->object, key, list);
	return err;
}

static int add_port(struct show *s, const struct topology_port *def)
{
	struct sqlite3_stmt *stmt;
	int err;

	err = sql_query(&stmt, s->db, s->why,
		"SELECT port, enabled FROM endpoint JOIN service"
		" USING(service_id) WHERE pool_id=? AND component=? AND"
		" usage=? AND side=? AND transport=?", "itttt", s->pool,
		def->component, def->usage_name,
		topology_side_name(def->side), def->transport);
	if (err < 0)
		return err;
	err = sql_next(stmt, s->why);
	/* As in the original: no federation, no port. */
	if (err == 1)
		json_object_set_new(s->object, def->admin_name,
			sqlite3_column_int(stmt, 1) == 1 ?
				json_integer(sqlite3_column_int(stmt, 0)) :
				json_null());
	sqlite3_finalize(stmt);
	return err < 0 ? err : 0;
}

static int add_media(struct show *s)
{
	struct sqlite3_stmt *stmt;
	int err;

	err = sql_query(&stmt, s->db, s->why,
		"SELECT port, port_count FROM endpoint JOIN service"
		" USING(service_id) WHERE pool_id=? AND usage='"
		TOPOLOGY_MEDIA_USAGE "'", "i", s->pool);
	if (err < 0)
		return err;
	err = sql_next(stmt, s->why);
	if (err == 1) {
		json_object_set_new(s->object, "MediaCommunicationPortStart",
			json_integer(sqlite3_column_int(stmt, 0)));
		json_object_set_new(s->object, "MediaCommunicationPortCount",
			json_integer(sqlite3_column_int(stmt, 1)));
	}
	sqlite3_finalize(stmt);
	return err < 0 ? err : 0;
}

static int add_outside_names(struct show *s)
{
	static const struct {
		const char *key;
		const char *component;
	} ROWS[] = {
		{"AccessEdgeExternalFqdn", "AccessEdge"},
		{"DataEdgeExternalFqdn", "DataEdge"},
		{"AVEdgeExternalFqdn", "MediaRelayEdge"},
	};
	int err = 0;

	for (size_t i = 0; i < ARRAY_COUNT(ROWS) && err == 0; i++) {
		struct sqlite3_stmt *stmt;

		err = sql_query(&stmt, s->db, s->why,
			"SELECT public_fqdn FROM endpoint JOIN service"
			" USING(service_id) WHERE pool_id=? AND component=?"
			" AND public_fqdn IS NOT NULL", "it", s->pool,
			ROWS[i].component);
		if (err < 0)
			return err;
		err = sql_next(stmt, s->why);
		if (err == 1)
			json_object_set_new(s->object, ROWS[i].key,
				json_string(sql_text(stmt, 0)));
		sqlite3_finalize(stmt);
		err = err < 0 ? err : 0;
	}
	return err;
}

static int add_machines(struct show *s)
{
	struct sqlite3_stmt *stmt;
	json_t *list = json_array();
	int err;

	err = sql_query(&stmt, s->db, s->why,
		"SELECT m.fqdn, m.state, n.side, n.number, n.address,"
		" n.nat_address FROM machine m JOIN net_interface n"
		" USING(machine_id) WHERE m.pool_id=? ORDER BY m.ordinal,"
		" n.side DESC, n.number, n.family", "i", s->pool);
	if (err < 0) {
		json_decref(list);
		return err;
	}
	while ((err = sql_next(stmt, s->why)) == 1)
		json_array_append_new(list,
			json_pack("{s:s,s:s,s:s,s:i,s:s,s:s?}", "Machine",
				sql_text(stmt, 0), "State", sql_text(stmt, 1),
				"InterfaceSide", sql_text(stmt, 2),
				"InterfaceNumber", sqlite3_column_int(stmt, 3),
				"IPAddress", sql_text(stmt, 4),
				"ConfiguredIPAddress",
				(const char *)sqlite3_column_text(stmt, 5)));
	sqlite3_finalize(stmt);
	json_object_set_new(s->object, "NetInterfaces", list);
	return err;
}

static int fill_pool(struct show *s)
{
	int err = add_list(s, "Registrar",
		"SELECT fqdn||':'||port FROM next_hop WHERE pool_id=?"
		" ORDER BY ordinal");

	for (size_t i = 0; i < topology_port_count() && err == 0; i++)
		err = add_port(s, topology_port_at(i));
	if (err == 0)
		err = add_media(s);
	if (err == 0)
		err = add_outside_names(s);
	if (err == 0)
		err = add_list(s, "DependentServiceList",
			"SELECT fqdn||' ('||group_concat(grants, ', ')||')'"
			" FROM trusted_server WHERE edge_pool=? GROUP BY fqdn"
			" ORDER BY fqdn");
	return err == 0 ? add_machines(s) : err;
}

static int add_pools(json_t *object, struct sqlite3 *db, struct why *why)
{
	struct show s = {.db = db, .why = why};
	json_t *pools = json_array();
	struct sqlite3_stmt *stmt;
	int err;

	json_object_set_new(object, "pools", pools);
	err = sql_query(&stmt, db, why,
		"SELECT p.pool_id, p.fqdn, t.name, p.balancing,"
		" t.site_id||'-EdgeServer-'||p.number FROM pool p JOIN site t"
		" USING(site_id) ORDER BY p.fqdn", "");
	if (err < 0)
		return err;
	while ((err = sql_next(stmt, why)) == 1) {
		const char *fqdn = sql_text(stmt, 1);
		char identity[300];

		snprintf(identity, sizeof(identity), "EdgeServer:%s", fqdn);
		s.pool = sqlite3_column_int64(stmt, 0);
		s.object = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}",
			"Identity", identity, "PoolFqdn", fqdn,
			"InternalInterfaceFqdn", fqdn, "ServiceId",
			sql_text(stmt, 4), "SiteId", sql_text(stmt, 2), "Role",
			"EdgeServer", "Balancing", sql_text(stmt, 3));
		json_array_append_new(pools, s.object);
		err = fill_pool(&s);
		if (err < 0)
			break;
	}
	sqlite3_finalize(stmt);
	return err;
}

static json_t *setting_row(const struct setting_def *def,
	const struct setting_set *set)
{
	char *text = setting_to_text(def, setting_json(set, def->name));
	json_t *row = json_pack("{s:s,s:s,s:s?,s:b,s:s?,s:s,s:b,s:s}",
		"daemon", def->component, "name", def->name, "value", text,
		"default", setting_is_default(set, def->name), "original",
		def->original, "unit", def->unit, "restart", def->restart,
		"help", def->help);

	free(text);
	return row;
}

static void add_settings(json_t *object, const struct topology *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < setting_count(); i++) {
		const struct setting_def *def = setting_at(i);
		const struct setting_set *set =
			topology_settings(t, def->component);

		if (set != NULL)
			json_array_append_new(list, setting_row(def, set));
	}
	json_object_set_new(object, "settings", list);
}

int topology_show(json_t **out, struct sqlite3 *db, const struct topology *t,
	struct why *why)
{
	char version[TOPOLOGY_VERSION_LEN];
	json_t *object = json_pack("{s:b,s:s,s:s,s:s,s:b}", "ok", 1,
		"generation", topology_version_text(t, version), "sha256",
		t->sha256, "machine", t->machine, "lab", t->lab);
	int err = add_pools(object, db, why);

	if (err < 0) {
		json_decref(object);
		return err;
	}
	add_settings(object, t);
	*out = object;
	return 0;
}

/* ---- for people --------------------------------------------------------- */

static const struct output_column INTERFACES[] = {
	{"MACHINE", "Machine", 0},
	{"STATE", "State", 0},
	{"SIDE", "InterfaceSide", 0},
	{"NUMBER", "InterfaceNumber", 0},
	{"ADDRESS", "IPAddress", 0},
	{"NAT", "ConfiguredIPAddress", 0},
};

static const struct output_column SETTINGS[] = {
	{"DAEMON", "daemon", 0},
	{"SETTING", "name", 0},
	{"VALUE", "value", 40},
	{"ORIGINAL", "original", 0},
};

static void print_pool(FILE *to, const json_t *pool)
{
	struct output_field fields[64];
	size_t count = 0;
	const char *key;
	json_t *value;

	/* jansson keeps the order in which keys were set. */
	json_object_foreach ((json_t *)(uintptr_t)pool, key, value) {
		if (strcmp(key, "NetInterfaces") == 0 ||
			count == ARRAY_COUNT(fields))
			continue;
		fields[count++] = (struct output_field){key, key, ""};
	}
	output_fields(to, pool, fields, count);
	fputc('\n', to);
	output_table(to, json_object_get(pool, "NetInterfaces"), INTERFACES,
		ARRAY_COUNT(INTERFACES));
	fputc('\n', to);
}

void topology_show_print(FILE *to, const json_t *object, bool all)
{
	json_t *rows = json_array();
	const json_t *row;
	size_t i;

	fprintf(to, "Generation %s, machine %s%s\n\n",
		output_str(object, "generation", ""),
		output_str(object, "machine", ""),
		json_is_true(json_object_get(object, "lab")) ? ", lab" : "");
	json_array_foreach (json_object_get(object, "pools"), i, row)
		print_pool(to, row);
	json_array_foreach (json_object_get(object, "settings"), i, row) {
		if (all || !json_is_true(json_object_get(row, "default")))
			json_array_append(rows, (json_t *)(uintptr_t)row);
	}
	if (json_array_size(rows) > 0)
		output_table(to, rows, SETTINGS, ARRAY_COUNT(SETTINGS));
	else
		fputs("Every setting has its default (--all lists them).\n",
			to);
	json_decref(rows);
}
