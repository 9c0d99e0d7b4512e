/*
 * Rows to topology.yaml: the shape that topology_yaml.c reads, sorted,
 * without defaults, so that applying what was dumped changes nothing
 * (requirement R11).
 */
#include <errno.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/run/setting.h"
#include "common/store/sql.h"
#include "common/store/topology_port.h"
#include "common/store/topology_yaml.h"
#include "common/store/topology_yaml_word.h"

struct dump {
	struct sqlite3 *db;
	FILE *to;
	struct why *why;
};

/* ---- words -------------------------------------------------------------- */

/* May this text stand without quotes, in a list or map in one line too? */
static bool is_plain(const char *text)
{
	static const char MARKS[] = "-._/:+";
	size_t n = strlen(text);

	if (n == 0 || text[0] == '-' || text[0] == ':' || text[n - 1] == ':')
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || strchr(MARKS, c)))
			return false;
	}
	return true;
}

static void put_word(FILE *to, const char *text)
{
	if (is_plain(text)) {
		fputs(text, to);
		return;
	}
	putc('"', to);
	for (const char *p = text; *p != '\0';) {
		unsigned code;
		size_t n = str_steering_len(p, &code);

		if (*p == '"' || *p == '\\')
			fprintf(to, "\\%c", *p);
		else if (*p == '\n')
			fputs("\\n", to);
		else if (*p == '\t')
			fputs("\\t", to);
		else if (n > 0)
			fprintf(to, "\\u%04x", code);
		else
			putc(*p, to);
		p += n > 0 ? n : 1;
	}
	putc('"', to);
}

/* "name" or "name:port" */
static void put_target(FILE *to, const char *name, int port)
{
	fputs(name, to);
	if (port != 0 && port != (int)TOPOLOGY_SIP_TLS_PORT)
		fprintf(to, ":%d", port);
}

static void put_setting(FILE *to, const char *component, const char *name,
	const char *json)
{
	const struct setting_def *def = setting_find(component, name);
	json_t *v = json_loads(json, JSON_DECODE_ANY, NULL);
	char *text = NULL;
	const json_t *item;
	size_t i;

	fprintf(to, "%s: ", name);
	if (json_is_array(v)) {
		putc('[', to);
		json_array_foreach(v, i, item) {
			if (i > 0)
				fputs(", ", to);
			put_word(to, json_is_string(item) ?
					json_string_value(item) :
					"?");
		}
		putc(']', to);
	} else {
		text = def != NULL ? setting_to_text(def, json) : NULL;
		put_word(to, text != NULL ? text : json);
	}
	free(text);
	json_decref(v);
}

/* ---- walking ------------------------------------------------------------ */

/* Between the entries of a map in one line. */
static void comma(FILE *to, bool *is_first)
{
	if (!*is_first)
		fputs(", ", to);
	*is_first = false;
}

/* "settings: {av-edge: {realm: x}, ...}" of one scope in one line; nothing
 * when it has none. */
static int put_scope(struct dump *d, const char *scope, const char *lead,
	const char *tail)
{
	struct sqlite3_stmt *stmt;
	char last[64] = "";
	int err;

	err = sql_query(&stmt, d->db, d->why,
		"SELECT component, key, value FROM setting WHERE scope=?"
		" ORDER BY component, key", "t", scope);
	if (err < 0)
		return err;
	while ((err = sql_next(stmt, d->why)) == 1) {
		const char *component = sql_text(stmt, 0);

		if (last[0] == '\0')
			fprintf(d->to, "%ssettings: {", lead);
		if (strcmp(last, component) == 0)
			fputs(", ", d->to);
		else
			fprintf(d->to, "%s%s: {", last[0] != '\0' ? "}, " : "",
				component);
		snprintf(last, sizeof(last), "%s", component);
		put_setting(d->to, component, sql_text(stmt, 1),
			sql_text(stmt, 2));
	}
	if (last[0] != '\0')
		fprintf(d->to, "}}%s", tail);
	sqlite3_finalize(stmt);
	return err;
}

static int put_domains(struct dump *d)
{
	struct sqlite3_stmt *stmt;
	bool is_first = true;
	int err;

	err = sql_query(&stmt, d->db, d->why,
		"SELECT name FROM sip_domain ORDER BY is_default DESC, name",
		"");
	if (err < 0)
		return err;
	fputs("domains: [", d->to);
	while ((err = sql_next(stmt, d->why)) == 1) {
		comma(d->to, &is_first);
		put_word(d->to, sql_text(stmt, 0));
	}
	fputs("]\n", d->to);
	sqlite3_finalize(stmt);
	return err;
}

/* ---- edges -------------------------------------------------------------- */

static int put_hops(struct dump *d, int64_t pool)
{
	struct sqlite3_stmt *stmt;
	bool is_first = true;
	bool is_list = false;
	int err;

	err = sql_query(&stmt, d->db, d->why,
		"SELECT fqdn, port, (SELECT COUNT(*) FROM next_hop k WHERE"
		" k.pool_id=n.pool_id) FROM next_hop n WHERE pool_id=?"
		" ORDER BY ordinal", "i", pool);
	if (err < 0)
		return err;
	fputs("    next_hop: ", d->to);
	while ((err = sql_next(stmt, d->why)) == 1) {
		is_list = sqlite3_column_int(stmt, 2) > 1;
		if (is_first && is_list)
			putc('[', d->to);
		comma(d->to, &is_first);
		put_target(d->to, sql_text(stmt, 0),
			sqlite3_column_int(stmt, 1));
	}
	sqlite3_finalize(stmt);
	if (err < 0)
		return err;
	fputs(is_first ? "[]\n" : is_list ? "]\n" : "\n", d->to);
	return 0;
}

/* One port of the table as "key: number", when it isn't the default. */
static int put_port(struct dump *d, int64_t pool,
	const struct topology_port *def, bool *is_first)
{
	struct sqlite3_stmt *stmt;
	int err;

	err = sql_query(&stmt, d->db, d->why,
		"SELECT port FROM endpoint JOIN service USING(service_id)"
		" WHERE pool_id=? AND component=? AND usage=? AND side=?"
		" AND transport=?", "itttt", pool, def->component,
		def->usage_name, topology_side_name(def->side),
		def->transport);
	if (err < 0)
		return err;
	err = sql_next(stmt, d->why);
	if (err == 1 && sqlite3_column_int(stmt, 0) != def->port) {
		comma(d->to, is_first);
		fprintf(d->to, "%s: %d", def->key,
			sqlite3_column_int(stmt, 0));
	}
	sqlite3_finalize(stmt);
	return err < 0 ? err : 0;
}

static int put_media(struct dump *d, int64_t pool, bool *is_first)
{
	struct sqlite3_stmt *stmt;
	int port;
	int count;
	int err;

	err = sql_query(&stmt, d->db, d->why,
		"SELECT port, port_count FROM endpoint"
		" JOIN service USING(service_id) WHERE pool_id=?"
		" AND usage='" TOPOLOGY_MEDIA_USAGE "'", "i", pool);
	if (err < 0)
		return err;
	err = sql_next(stmt, d->why);
	port = err == 1 ? sqlite3_column_int(stmt, 0) : TOPOLOGY_MEDIA_PORT;
	count = err == 1 ? sqlite3_column_int(stmt, 1) : TOPOLOGY_MEDIA_COUNT;
	sqlite3_finalize(stmt);
	if (err < 0)
		return err;
	if (port == TOPOLOGY_MEDIA_PORT && count == TOPOLOGY_MEDIA_COUNT)
		return 0;
	comma(d->to, is_first);
	fprintf(d->to, "media_ports: %d-%d", port, port + count - 1);
	return 0;
}

/* The name outside of a part into out, "" when the pool has not this part.
 * *iface is the number of its external interface. */
static int find_part(struct dump *d, int64_t pool, enum topology_part part,
	char out[static DNS_NAME_LEN], int *iface)
{
	struct sqlite3_stmt *stmt;
	int err = 0;

	out[0] = '\0';
	for (size_t i = 0; i < topology_port_count() && err == 0; i++) {
		const struct topology_port *def = topology_port_at(i);

		if (def->part != part || def->side != TOPOLOGY_EXTERNAL)
			continue;
		err = sql_query(&stmt, d->db, d->why,
			"SELECT COALESCE(public_fqdn, fqdn), iface_number"
			" FROM endpoint JOIN service USING(service_id)"
			" JOIN pool USING(pool_id) WHERE pool_id=?"
			" AND component=? AND usage=? AND side='external'",
			"itt", pool, def->component, def->usage_name);
		if (err < 0)
			return err;
		err = sql_next(stmt, d->why);
		if (err == 1) {
			*iface = sqlite3_column_int(stmt, 1);
			err = sql_copy(stmt, 0, out, DNS_NAME_LEN, d->why);
			sqlite3_finalize(stmt);
			return err;
		}
		sqlite3_finalize(stmt);
	}
	return err;
}

static int put_part(struct dump *d, int64_t pool, enum topology_part part)
{
	char name[DNS_NAME_LEN];
	bool is_first = false;
	int iface;
	int err = find_part(d, pool, part, name, &iface);

	if (err < 0 || name[0] == '\0')
		return err;
	fprintf(d->to, "    %s: {name: ", topology_part_name(part));
	put_word(d->to, name);
	for (size_t i = 0; i < topology_port_count() && err == 0; i++) {
		const struct topology_port *def = topology_port_at(i);

		if (def->part == part && def->side == TOPOLOGY_EXTERNAL)
			err = put_port(d, pool, def, &is_first);
	}
	if (err == 0 && part == TOPOLOGY_PART_AV)
		err = put_media(d, pool, &is_first);
	fputs("}\n", d->to);
	return err;
}

static int put_internal_ports(struct dump *d, int64_t pool)
{
	bool is_first = true;
	FILE *to = d->to;
	char *text = NULL;
	size_t len = 0;
	int err = 0;

	d->to = open_memstream(&text, &len);
	if (d->to == NULL) {
		d->to = to;
		return -ENOMEM;
	}
	for (size_t i = 0; i < topology_port_count() && err == 0; i++) {
		if (topology_port_at(i)->side == TOPOLOGY_INTERNAL)
			err = put_port(d, pool, topology_port_at(i),
				&is_first);
	}
	fclose(d->to);
	d->to = to;
	if (err == 0 && len > 0)
		fprintf(to, "    internal_ports: {%s}\n", text);
	free(text);
	return err;
}

static void put_address(FILE *to, struct sqlite3_stmt *stmt)
{
	const char *nat = sql_text(stmt, 1);

	if (nat[0] != '\0')
		fputs("{address: ", to);
	put_word(to, sql_text(stmt, 0));
	if (nat[0] == '\0')
		return;
	fputs(", nat: ", to);
	put_word(to, nat);
	putc('}', to);
}

static int put_addresses(struct dump *d, int64_t machine, const char *key,
	const char *side, int number, bool *is_first)
{
	struct sqlite3_stmt *stmt;
	bool is_list = false;
	size_t count = 0;
	int err;

	err = sql_query(&stmt, d->db, d->why,
		"SELECT address, nat_address, COUNT(*) OVER ()"
		" FROM net_interface WHERE machine_id=? AND side=?"
		" AND number=? ORDER BY family", "iti", machine, side,
		(int64_t)number);
	if (err < 0)
		return err;
	while ((err = sql_next(stmt, d->why)) == 1) {
		is_list = sqlite3_column_int(stmt, 2) > 1;
		if (count++ == 0) {
			comma(d->to, is_first);
			fprintf(d->to, "%s: %s", key, is_list ? "[" : "");
		} else {
			fputs(", ", d->to);
		}
		put_address(d->to, stmt);
	}
	if (is_list)
		putc(']', d->to);
	sqlite3_finalize(stmt);
	return err;
}

static int put_machine(struct dump *d, int64_t pool, int64_t machine,
	const char *fqdn, const char *state)
{
	char scope[DNS_NAME_LEN + 16];
	char name[DNS_NAME_LEN];
	bool is_first = true;
	int iface = 0;
	int err;

	fprintf(d->to, "      %s: {", fqdn);
	err = put_addresses(d, machine, "internal", "internal", 1, &is_first);
	for (unsigned i = 0; i < TOPOLOGY_PART_COUNT && err == 0; i++) {
		enum topology_part part = (enum topology_part)i;

		err = find_part(d, pool, part, name, &iface);
		if (err == 0 && name[0] != '\0')
			err = put_addresses(d, machine,
				topology_part_name(part), "external", iface,
				&is_first);
	}
	if (err == 0 && strcmp(state, "active") != 0)
		fprintf(d->to, ", state: %s", state);
	snprintf(scope, sizeof(scope), "machine:%s", fqdn);
	if (err == 0)
		err = put_scope(d, scope, ", ", "");
	fputs("}\n", d->to);
	return err;
}

static int put_machines(struct dump *d, int64_t pool)
{
	struct sqlite3_stmt *stmt;
	int err;

	err = sql_query(&stmt, d->db, d->why,
		"SELECT machine_id, fqdn, state FROM machine WHERE pool_id=?"
		" ORDER BY fqdn", "i", pool);
	if (err < 0)
		return err;
	fputs("    machines:\n", d->to);
	while ((err = sql_next(stmt, d->why)) == 1) {
		err = put_machine(d, pool, sqlite3_column_int64(stmt, 0),
			sql_text(stmt, 1), sql_text(stmt, 2));
		if (err < 0)
			break;
	}
	sqlite3_finalize(stmt);
	return err;
}

static int put_pool(struct dump *d, struct sqlite3_stmt *stmt)
{
	int64_t pool = sqlite3_column_int64(stmt, 0);
	const char *balancing = sql_text(stmt, 2);
	const char *site = sql_text(stmt, 3);
	char scope[DNS_NAME_LEN + 16];
	int err;

	fprintf(d->to, "  %s:\n", sql_text(stmt, 1));
	if (strcmp(site, TOPOLOGY_SITE_DEFAULT) != 0) {
		fputs("    site: ", d->to);
		put_word(d->to, site);
		putc('\n', d->to);
	}
	if (strcmp(balancing, "none") != 0)
		fprintf(d->to, "    balancing: %s\n", balancing);
	err = put_hops(d, pool);
	for (unsigned i = 0; i < TOPOLOGY_PART_COUNT && err == 0; i++)
		err = put_part(d, pool, (enum topology_part)i);
	if (err == 0)
		err = put_internal_ports(d, pool);
	snprintf(scope, sizeof(scope), "pool:%s", sql_text(stmt, 1));
	if (err == 0)
		err = put_scope(d, scope, "    ", "\n");
	return err == 0 ? put_machines(d, pool) : err;
}

/* ---- the other maps ----------------------------------------------------- */

typedef int(put_row_fn)(struct dump *d, struct sqlite3_stmt *stmt);

/* "name:" and the rows below it, nothing when there are none. */
static int put_map(struct dump *d, const char *name, const char *sql,
	put_row_fn *fn)
{
	struct sqlite3_stmt *stmt;
	bool is_first = true;
	int err = sql_query(&stmt, d->db, d->why, sql, "");

	if (err < 0)
		return err;
	while ((err = sql_next(stmt, d->why)) == 1) {
		if (is_first)
			fprintf(d->to, "%s:\n", name);
		is_first = false;
		err = fn(d, stmt);
		if (err < 0)
			break;
	}
	sqlite3_finalize(stmt);
	return err;
}

static int put_server(struct dump *d, struct sqlite3_stmt *stmt)
{
	const char *pin = sql_text(stmt, 2);
	const char *uuid = sql_text(stmt, 3);
	bool is_map = pin[0] != '\0' || uuid[0] != '\0';

	fprintf(d->to, "  %s: %s[%s]", sql_text(stmt, 0),
		is_map ? "{grants: " : "", sql_text(stmt, 1));
	if (pin[0] != '\0')
		fprintf(d->to, ", pin: %s", pin);
	if (uuid[0] != '\0')
		fprintf(d->to, ", webconf_id: %s", uuid);
	fputs(is_map ? "}\n" : "\n", d->to);
	return 0;
}

static int put_partner(struct dump *d, struct sqlite3_stmt *stmt)
{
	const char *edge = sql_text(stmt, 2);
	const char *level = sql_text(stmt, 4);
	const char *note = sql_text(stmt, 5);
	bool is_first = true;

	fputs("  ", d->to);
	put_word(d->to, sql_text(stmt, 0));
	fputs(": ", d->to);
	if (edge[0] == '\0' && note[0] == '\0' &&
		strcmp(level, "source") == 0) {
		fprintf(d->to, "%s\n", sql_text(stmt, 1));
		return 0;
	}
	putc('{', d->to);
	if (edge[0] != '\0') {
		comma(d->to, &is_first);
		fputs("edge: ", d->to);
		put_target(d->to, edge, sqlite3_column_int(stmt, 3));
	}
	if (strcmp(level, "source") != 0) {
		comma(d->to, &is_first);
		fprintf(d->to, "verification: %s", level);
	}
	if (note[0] != '\0') {
		comma(d->to, &is_first);
		fputs("note: ", d->to);
		put_word(d->to, note);
	}
	fputs("}\n", d->to);
	return 0;
}

static int put_provider(struct dump *d, struct sqlite3_stmt *stmt)
{
	fputs("  ", d->to);
	put_word(d->to, sql_text(stmt, 0));
	fprintf(d->to, ": {proxy: %s", sql_text(stmt, 2));
	if (strcmp(sql_text(stmt, 1), "hosting") != 0)
		fprintf(d->to, ", kind: %s", sql_text(stmt, 1));
	if (sqlite3_column_int(stmt, 4) == 1)
		fputs(", shared_address_space: true", d->to);
	if (strcmp(sql_text(stmt, 5), "always") != 0)
		fprintf(d->to, ", verification: %s", sql_text(stmt, 5));
	if (sqlite3_column_int(stmt, 3) == 0)
		fputs(", enabled: false", d->to);
	fputs("}\n", d->to);
	return 0;
}

/* Global settings in blocks; what says the default says nothing. */
static int put_globals(struct dump *d)
{
	struct sqlite3_stmt *stmt;
	char last[64] = "";
	int err;

	err = sql_query(&stmt, d->db, d->why,
		"SELECT component, key, value FROM setting"
		" WHERE scope='global' AND component<>'topology'"
		" ORDER BY component, key", "");
	if (err < 0)
		return err;
	while ((err = sql_next(stmt, d->why)) == 1) {
		const char *component = sql_text(stmt, 0);
		const struct setting_def *def =
			setting_find(component, sql_text(stmt, 1));

		if (def != NULL &&
			strcmp(def->fallback, sql_text(stmt, 2)) == 0)
			continue;
		if (last[0] == '\0')
			fputs("settings:\n", d->to);
		if (strcmp(last, component) != 0)
			fprintf(d->to, "  %s:\n", component);
		snprintf(last, sizeof(last), "%s", component);
		fputs("    ", d->to);
		put_setting(d->to, component, sql_text(stmt, 1),
			sql_text(stmt, 2));
		putc('\n', d->to);
	}
	sqlite3_finalize(stmt);
	return err;
}

static int put_lab(struct dump *d)
{
	int64_t on = 0;
	int err = sql_number(d->db, d->why,
		"SELECT 1 FROM setting WHERE scope='global' AND"
		" component='topology' AND key='lab' AND value='true'", 0,
		&on);

	if (err == 0 && on == 1)
		fputs("lab: true\n", d->to);
	return err;
}

static const struct {
	const char *name;
	const char *sql;
	put_row_fn *fn;
} MAPS[] = {
	{"edges", "SELECT pool_id, p.fqdn, balancing, t.name FROM pool p"
		  " JOIN site t USING(site_id) ORDER BY p.fqdn", put_pool},
	/* Grants in the order people write them. */
	{"servers", "SELECT fqdn, group_concat(grants, ', '), lower(hex("
		    "max(spki_sha256))), max(server_uuid) FROM (SELECT"
		    " DISTINCT fqdn, grants, spki_sha256, server_uuid"
		    " FROM trusted_server ORDER BY fqdn, instr("
		    "'sip av-auth webconf replication', grants))"
		    " GROUP BY fqdn ORDER BY fqdn", put_server},
	{"partners", "SELECT domain, action, edge_fqdn, edge_port,"
		     " verification, note FROM federated_domain"
		     " ORDER BY domain", put_partner},
	{"providers", "SELECT name, kind, proxy_fqdn, enabled,"
		      " shared_address_space, verification FROM provider"
		      " ORDER BY name", put_provider},
};

int topology_yaml_dump(struct sqlite3 *db, char **text, struct why *why)
{
	struct dump d = {.db = db, .why = why};
	char *out = NULL;
	size_t len = 0;
	int err;

	d.to = open_memstream(&out, &len);
	if (d.to == NULL)
		return -ENOMEM;
	err = put_lab(&d);
	if (err == 0)
		err = put_domains(&d);
	for (size_t i = 0; i < ARRAY_COUNT(MAPS) && err == 0; i++)
		err = put_map(&d, MAPS[i].name, MAPS[i].sql, MAPS[i].fn);
	if (err == 0)
		err = put_globals(&d);
	if (fclose(d.to) != 0 && err == 0)
		err = -ENOMEM;
	if (err < 0) {
		free(out);
		return err;
	}
	*text = out;
	return 0;
}
