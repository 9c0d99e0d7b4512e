/*
 * What was read of a topology to rows of our schema (topology-model, import
 * map): links are resolved, edge pools taken with their machines, ports,
 * next hops and grants; the rest is listed. All of it is queries, because
 * what was read lies in tables.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/addr.h"
#include "common/base/err.h"
#include "common/store/sql.h"
#include "common/store/topology_port.h"
#include "edgectl/topology/tbxml_priv.h"

#define EDGE "role='EdgeServer' COLLATE NOCASE"

/* ---- links -------------------------------------------------------------- */

static const char LINK[] =
	/* Keys are compared as they are written, GUIDs in any case. */
	"UPDATE in_service SET cluster=COALESCE("
	" (SELECT id FROM in_cluster c WHERE c.key=host COLLATE NOCASE),"
	" (SELECT a.cluster FROM in_alias a WHERE a.key=host"
	"  COLLATE NOCASE));"
	"CREATE TEMP TABLE link(source INTEGER, target INTEGER);"
	"INSERT INTO link SELECT d.service, s.id FROM in_dependency d"
	" JOIN in_service s ON s.key=d.target COLLATE NOCASE;"
	"CREATE TEMP TABLE edge(cluster INTEGER PRIMARY KEY, pool INTEGER);"
	"INSERT OR IGNORE INTO edge(cluster) SELECT cluster FROM in_service"
	" WHERE " EDGE " AND cluster IS NOT NULL ORDER BY cluster;"
	/* Grants of each role that depends on an edge, and of those that
	 * edges send to. */
	"CREATE TEMP TABLE role_grant(role TEXT COLLATE NOCASE, grants TEXT);"
	"INSERT INTO role_grant VALUES('Registrar','sip'),"
	" ('Registrar','av-auth'), ('ConfServices','webconf'),"
	" ('ConfServices','sip'), ('ConfServices','av-auth'),"
	" ('MediationServer','sip'), ('MediationServer','av-auth');";

/* ---- what can't be right ------------------------------------------------ */

struct rule {
	enum tbxml_level level;
	const char *sql; /* line, text */
};

static const struct rule RULES[] = {
	{TBXML_ERROR, "SELECT line, 'two clusters have the key '||key"
		" FROM in_cluster GROUP BY key COLLATE NOCASE"
		" HAVING COUNT(*)>1"},
	{TBXML_ERROR, "SELECT line, 'two services have the key '||key"
		" FROM in_service GROUP BY key COLLATE NOCASE"
		" HAVING COUNT(*)>1"},
	{TBXML_ERROR, "SELECT line, role||' is installed on a cluster that is"
		" not in the file: '||COALESCE(host, 'none named')"
		" FROM in_service WHERE cluster IS NULL AND " EDGE},
	{TBXML_ERROR, "SELECT d.line, s.role||' depends on a service that is"
		" not in the file: '||d.target FROM in_dependency d"
		" JOIN in_service s ON s.id=d.service WHERE s." EDGE
		" AND NOT EXISTS(SELECT 1 FROM in_service k WHERE"
		" k.key=d.target COLLATE NOCASE)"},
	{TBXML_ERROR, "SELECT 1, 'there is no edge pool in it: no service"
		" with the role EdgeServer' WHERE NOT EXISTS(SELECT 1 FROM"
		" in_service WHERE " EDGE ")"},
	{TBXML_ERROR, "SELECT 1, 'there is no SIP domain in it:"
		" InternalDomains is missing or empty' WHERE NOT EXISTS("
		"SELECT 1 FROM in_domain)"},
	{TBXML_ERROR, "SELECT i.line, COALESCE(m.fqdn, c.fqdn)||': no edge pool"
		" can use the address '||i.address||' of its '||i.side||"
		"' side: give the machine one of its own in Topology Builder'"
		" FROM in_interface i JOIN in_machine m ON m.id=i.machine"
		" JOIN in_cluster c ON c.id=m.cluster JOIN edge e"
		" ON e.cluster=c.id WHERE i.side IN('internal','external')"
		" AND i.address IN('0.0.0.0','::')"},
	{TBXML_ERROR, "SELECT c.line, c.fqdn||': an edge pool without a next"
		" hop: EdgeServer depends on no Registrar' FROM in_cluster c"
		" JOIN edge e ON e.cluster=c.id WHERE NOT EXISTS(SELECT 1"
		" FROM in_service s JOIN link l ON l.source=s.id"
		" JOIN in_service r ON r.id=l.target WHERE s.cluster=c.id"
		" AND s." EDGE " AND r.role='Registrar' COLLATE NOCASE)"},
	/* What the schema holds once can't be taken twice. */
	{TBXML_ERROR, "SELECT MAX(c.line), 'two edge pools are called '||c.fqdn"
		" FROM in_cluster c JOIN edge e ON e.cluster=c.id"
		" GROUP BY c.fqdn HAVING COUNT(*)>1"},
	{TBXML_ERROR, "SELECT MAX(m.line), 'two machines of edge pools are"
		" called '||COALESCE(m.fqdn, c.fqdn)||': one without a name has"
		" its pool''s, and must be alone in it' FROM in_machine m"
		" JOIN in_cluster c ON c.id=m.cluster JOIN edge e"
		" ON e.cluster=c.id GROUP BY COALESCE(m.fqdn, c.fqdn)"
		" HAVING COUNT(*)>1"},
	{TBXML_ERROR, "SELECT MAX(i.line), COALESCE(m.fqdn, c.fqdn)||': two"
		" addresses for '||i.side||' '||i.number FROM in_interface i"
		" JOIN in_machine m ON m.id=i.machine JOIN in_cluster c"
		" ON c.id=m.cluster JOIN edge e ON e.cluster=c.id"
		" WHERE i.side IN('internal','external') GROUP BY i.machine,"
		" i.side, i.number, i.address LIKE '%:%' HAVING COUNT(*)>1"},
	{TBXML_REVIEW, "SELECT MAX(p.line), 'port '||p.component||' '||p.usage"
		"||' '||p.side||' '||p.port||'/'||p.transport||' is there '"
		"||COUNT(*)||' times, and taken once' FROM in_port p"
		" JOIN in_service s ON s.id=p.service JOIN edge e"
		" USING(cluster) GROUP BY p.service, p.component, p.usage,"
		" p.side, p.iface, p.port, p.transport HAVING COUNT(*)>1"},
	{TBXML_REVIEW, "SELECT s.line, s.role||COALESCE(' on '||c.fqdn, '')"
		"||' depends on an edge: which right it needs there is not"
		" known; if one, add its machines to servers' FROM in_service s"
		" JOIN link l ON l.source=s.id JOIN in_service k"
		" ON k.id=l.target AND k." EDGE " LEFT JOIN in_cluster c"
		" ON c.id=s.cluster WHERE NOT s." EDGE " AND NOT EXISTS("
		"SELECT 1 FROM role_grant g WHERE g.role=s.role)"},
	{TBXML_REVIEW, "SELECT s.line, s.role||' depends on an edge and is"
		" installed on a cluster that is not in the file: nobody has"
		" its rights' FROM in_service s JOIN link l ON l.source=s.id"
		" JOIN in_service k ON k.id=l.target AND k." EDGE
		" JOIN role_grant g ON g.role=s.role WHERE s.cluster IS NULL"
		" GROUP BY s.id"},
	{TBXML_REVIEW, "SELECT d.line, s.role||COALESCE(' on '||c.fqdn, '')"
		"||' depends on a service that is not in the file: '||d.target"
		"||'; were it an edge, its machines would need a right' FROM"
		" in_dependency d JOIN in_service s ON s.id=d.service LEFT JOIN"
		" in_cluster c ON c.id=s.cluster WHERE NOT s." EDGE " AND NOT"
		" EXISTS(SELECT 1 FROM in_service k WHERE k.key=d.target"
		" COLLATE NOCASE)"},
	{TBXML_IGNORED, "SELECT i.line, 'interface '||i.side||' '||i.number"
		"||' of '||COALESCE(m.fqdn, c.fqdn) FROM in_interface i"
		" JOIN in_machine m ON m.id=i.machine JOIN in_cluster c"
		" ON c.id=m.cluster JOIN edge e ON e.cluster=c.id"
		" WHERE i.side NOT IN('internal','external')"},
	{TBXML_IGNORED, "SELECT s.line, 'role '||s.role||' on the edge pool '"
		"||c.fqdn FROM in_service s JOIN edge e USING(cluster)"
		" JOIN in_cluster c ON c.id=s.cluster WHERE NOT s." EDGE
		" AND s.role<>'ManagementServices' COLLATE NOCASE"},
	{TBXML_REVIEW, "SELECT line, 'the default domain '||(SELECT name FROM"
		" in_default)||' is not among the domains: the first one is"
		" the default' FROM in_domain WHERE (SELECT name FROM"
		" in_default)<>'' AND NOT EXISTS(SELECT 1 FROM in_domain d"
		" JOIN in_default USING(name)) LIMIT 1"},
	{TBXML_REVIEW, "SELECT line, name||': AllowSubDomains has no"
		" counterpart in topology.yaml: list each domain'"
		" FROM in_domain WHERE subdomains=1"},
	{TBXML_REVIEW, "SELECT p.line, c.fqdn||': port '||p.port||' for"
		" federation is in the topology; whether federation is on is"
		" not. It stays off until settings have access-edge:"
		" {allow_federated_users: true}' FROM in_port p"
		" JOIN in_service s ON s.id=p.service JOIN in_cluster c"
		" ON c.id=s.cluster WHERE s." EDGE
		" AND p.component='AccessEdge' AND p.usage='SipServer'"
		" AND p.side='external'"},
	{TBXML_REVIEW, "SELECT i.line, COALESCE(m.fqdn, c.fqdn)||': the public"
		" address '||i.nat||' is taken for everything on this"
		" interface' FROM in_interface i JOIN in_machine m"
		" ON m.id=i.machine JOIN in_cluster c ON c.id=m.cluster"
		" JOIN edge e ON e.cluster=c.id WHERE i.nat IS NOT NULL"
		" AND i.side='external'"},
	{TBXML_REVIEW, "SELECT i.line, COALESCE(m.fqdn, c.fqdn)||': an address"
		" in front of the internal side, '||i.nat||', is left out'"
		" FROM in_interface i JOIN in_machine m"
		" ON m.id=i.machine JOIN in_cluster c ON c.id=m.cluster"
		" JOIN edge e ON e.cluster=c.id WHERE i.nat IS NOT NULL"
		" AND i.side='internal'"},
	{TBXML_REVIEW, "SELECT p.line, p.component||' '||p.usage||': the"
		" public port '||p.public_port||' has no counterpart; clients"
		" must find '||p.port FROM in_port p JOIN in_service s"
		" ON s.id=p.service WHERE s." EDGE " AND p.public_port<>p.port"
		" AND p.public_port<>0"},
	{TBXML_REVIEW, "SELECT c.line, 'grants: topology.yaml gives them for"
		" all edge pools at once; this file names them pool by pool'"
		" FROM in_cluster c JOIN edge e ON e.cluster=c.id"
		" WHERE (SELECT COUNT(*) FROM edge)>1 LIMIT 1"},
	{TBXML_REVIEW, "SELECT 0, 'nobody is granted replication: add the"
		" publisher to servers, e.g. cms.example.com: [replication]'"
		" WHERE NOT EXISTS(SELECT 1 FROM in_service WHERE"
		" role='CentralMgmt' COLLATE NOCASE)"},
	{TBXML_LEFT, "SELECT s.line, s.role||COALESCE(' on '||c.fqdn, '')"
		" FROM in_service s LEFT JOIN in_cluster c ON c.id=s.cluster"
		" WHERE s.cluster IS NULL OR s.cluster NOT IN(SELECT cluster"
		" FROM edge)"},
};

static int run_rule(struct tbxml *t, const struct rule *rule,
	struct why *why)
{
	struct sqlite3_stmt *stmt;
	int err = sql_query(&stmt, t->db, why, rule->sql, "");

	if (err < 0)
		return err;
	while ((err = sql_next(stmt, why)) == 1) {
		err = tbxml_note(t, rule->level,
			(unsigned long)sqlite3_column_int64(stmt, 0), "%s",
			sql_text(stmt, 1));
		if (err < 0)
			break;
	}
	sqlite3_finalize(stmt);
	return err;
}

/* ---- ports -------------------------------------------------------------- */

/* An endpoint of the pool for each port we know, a note for the others. */
static int take_port(struct tbxml *t, struct sqlite3_stmt *stmt,
	struct why *why)
{
	const char *component = sql_text(stmt, 1);
	const char *usage = sql_text(stmt, 2);
	const char *side = sql_text(stmt, 3);
	const char *transport = sql_text(stmt, 7);
	const struct topology_port *def = topology_port_find(component, usage,
		side, transport);
	bool is_media = strcmp(component, TOPOLOGY_MEDIA_COMPONENT) == 0 &&
		strcmp(usage, TOPOLOGY_MEDIA_USAGE) == 0 &&
		strcmp(side, "external") == 0;

	if (def == NULL && !is_media)
		return tbxml_note(t, TBXML_IGNORED,
			(unsigned long)sqlite3_column_int64(stmt, 9),
			"port %.80s %.80s %s %d/%s", component, usage, side,
			sqlite3_column_int(stmt, 5), transport);
	if (sqlite3_column_int(stmt, 5) + sqlite3_column_int(stmt, 6) - 1 >
		UINT16_MAX)
		return tbxml_note(t, TBXML_ERROR,
			(unsigned long)sqlite3_column_int64(stmt, 9),
			"ports %d and %d more end beyond 65535",
			sqlite3_column_int(stmt, 5),
			sqlite3_column_int(stmt, 6) - 1);
	return sql_run(t->db, why,
		"INSERT INTO endpoint(service_id, component, usage, side,"
		" iface_number, port, port_count, transport, authorizes,"
		" gruu_type, public_fqdn) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?,"
		" ?, NULLIF(?, '')) ON CONFLICT DO NOTHING", "itttiiititt",
		sqlite3_column_int64(stmt, 0), component, usage, side,
		sqlite3_column_int64(stmt, 4), sqlite3_column_int64(stmt, 5),
		sqlite3_column_int64(stmt, 6), transport,
		(int64_t)(def != NULL && def->authorizes),
		def != NULL ? def->gruu_type : NULL,
		sql_text(stmt, 8));
}

static int take_ports(struct tbxml *t, struct why *why)
{
	struct sqlite3_stmt *stmt;
	int err = sql_query(&stmt, t->db, why,
		"SELECT v.service_id, p.component, p.usage, p.side, p.iface,"
		" p.port, p.count, p.transport, p.fqdn, p.line"
		" FROM in_port p JOIN in_service s ON s.id=p.service"
		" JOIN edge e USING(cluster) JOIN service v"
		" ON v.ext_uid=s.key ORDER BY p.rowid", "");

	if (err < 0)
		return err;
	while ((err = sql_next(stmt, why)) == 1) {
		err = take_port(t, stmt, why);
		if (err < 0)
			break;
	}
	sqlite3_finalize(stmt);
	return err;
}

/* ---- addresses ---------------------------------------------------------- */

static int take_address(struct tbxml *t, struct sqlite3_stmt *stmt,
	struct why *why)
{
	unsigned long line = (unsigned long)sqlite3_column_int64(stmt, 5);
	const char *text = sql_text(stmt, 3);
	const char *nat = sql_text(stmt, 4);
	bool is_internal = strcmp(sql_text(stmt, 1), "internal") == 0;
	char canonical[ADDR_TEXT_LEN];
	char outside[ADDR_TEXT_LEN] = "";
	struct addr a;
	struct addr n;

	if (addr_parse_ip(str_of(text), &a) < 0)
		return tbxml_note(t, TBXML_ERROR, line,
			"'%.60s' is not an address", text);
	addr_ip_text(&a, canonical);
	if (nat[0] != '\0' && !is_internal) {
		if (addr_parse_ip(str_of(nat), &n) < 0 ||
			n.family != a.family)
			return tbxml_note(t, TBXML_ERROR, line,
				"'%.60s' can't stand for %s outside", nat,
				canonical);
		addr_ip_text(&n, outside);
	}
	return sql_run(t->db, why,
		"INSERT INTO net_interface VALUES(?, ?, ?, ?, ?,"
		" NULLIF(?, '')) ON CONFLICT DO NOTHING", "itiitt",
		sqlite3_column_int64(stmt, 0), sql_text(stmt, 1),
		sqlite3_column_int64(stmt, 2), (int64_t)a.family, canonical,
		outside);
}

static int take_addresses(struct tbxml *t, struct why *why)
{
	struct sqlite3_stmt *stmt;
	int err = sql_query(&stmt, t->db, why,
		"SELECT m.machine_id, i.side, i.number, i.address, i.nat,"
		" i.line FROM in_interface i JOIN in_machine k"
		" ON k.id=i.machine JOIN in_cluster c ON c.id=k.cluster"
		" JOIN machine m ON m.fqdn=COALESCE(k.fqdn, c.fqdn)"
		" WHERE i.side IN('internal','external') ORDER BY i.rowid",
		"");

	if (err < 0)
		return err;
	while ((err = sql_next(stmt, why)) == 1) {
		err = take_address(t, stmt, why);
		if (err < 0)
			break;
	}
	sqlite3_finalize(stmt);
	return err;
}

/* ---- the whole ---------------------------------------------------------- */

static const char POOLS[] =
	"INSERT INTO sip_domain(name, is_default, authoritative,"
	" allow_subdomains) SELECT name, name=COALESCE((SELECT d.name FROM"
	"  in_domain d JOIN in_default USING(name)), (SELECT name FROM"
	"  in_domain ORDER BY rowid LIMIT 1)), authoritative, subdomains"
	" FROM in_domain WHERE true ON CONFLICT DO NOTHING;"
	"INSERT INTO site(name, kind) SELECT COALESCE(NULLIF(name, ''),"
	" 'Site '||key), 'central' FROM in_site WHERE key IN(SELECT site_key"
	" FROM in_cluster c JOIN edge e ON e.cluster=c.id) GROUP BY key"
	" ON CONFLICT DO NOTHING;"
	"INSERT INTO site(name, kind) SELECT 'Default', 'central' WHERE NOT"
	" EXISTS(SELECT 1 FROM site);"
	"INSERT INTO pool(site_id, number, ext_uid, fqdn, replicated)"
	" SELECT COALESCE((SELECT site_id FROM site t JOIN in_site k"
	"  ON t.name=COALESCE(NULLIF(k.name, ''), 'Site '||k.key)"
	"  WHERE k.key=c.site_key), (SELECT MIN(site_id) FROM site)),"
	" row_number() OVER (ORDER BY c.id), c.key, c.fqdn, c.replicated"
	" FROM in_cluster c JOIN edge e ON e.cluster=c.id WHERE true"
	" ON CONFLICT DO NOTHING;"
	"UPDATE edge SET pool=(SELECT pool_id FROM pool p JOIN in_cluster c"
	" ON c.key=p.ext_uid WHERE c.id=edge.cluster);"
	"INSERT INTO machine(pool_id, ordinal, fqdn) SELECT e.pool,"
	" row_number() OVER (PARTITION BY e.pool ORDER BY m.ordinal, m.id),"
	" COALESCE(m.fqdn, c.fqdn) FROM in_machine m JOIN in_cluster c"
	" ON c.id=m.cluster JOIN edge e ON e.cluster=c.id"
	" WHERE e.pool IS NOT NULL ON CONFLICT DO NOTHING;"
	"INSERT INTO service(pool_id, role, instance, ext_uid) SELECT e.pool,"
	" s.role, row_number() OVER (PARTITION BY e.pool, s.role ORDER BY"
	" s.id), s.key FROM in_service s JOIN edge e USING(cluster)"
	" WHERE e.pool IS NOT NULL ON CONFLICT DO NOTHING;"
	"INSERT INTO next_hop(pool_id, ordinal, fqdn) SELECT e.pool,"
	" row_number() OVER (PARTITION BY e.pool ORDER BY r.id), c.fqdn"
	" FROM edge e JOIN in_service s ON s.cluster=e.cluster AND s." EDGE
	" JOIN link l ON l.source=s.id JOIN in_service r ON r.id=l.target"
	" AND r.role='Registrar' COLLATE NOCASE JOIN in_cluster c"
	" ON c.id=r.cluster WHERE e.pool IS NOT NULL;";

static const char GRANTS[] =
	/* Who may: services that depend on an edge, next hops, the centre. */
	"CREATE TEMP TABLE granted(cluster INTEGER, grants TEXT);"
	"INSERT INTO granted SELECT s.cluster, g.grants FROM link l"
	" JOIN in_service s ON s.id=l.source JOIN in_service k"
	" ON k.id=l.target AND k." EDGE " JOIN role_grant g USING(role)"
	" UNION SELECT r.cluster, 'sip' FROM link l JOIN in_service s"
	" ON s.id=l.source AND s." EDGE " JOIN in_service r ON r.id=l.target"
	" AND r.role='Registrar' COLLATE NOCASE"
	" UNION SELECT cluster, 'replication' FROM in_service"
	" WHERE role='CentralMgmt' COLLATE NOCASE;"
	/* By the names of machines, and by that of the pool. */
	"INSERT INTO trusted_server(fqdn, edge_pool, grants)"
	" SELECT n.fqdn, p.pool_id, n.grants FROM (SELECT c.fqdn, g.grants"
	"  FROM granted g JOIN in_cluster c ON c.id=g.cluster UNION"
	"  SELECT COALESCE(m.fqdn, c.fqdn), g.grants FROM granted g"
	"  JOIN in_cluster c ON c.id=g.cluster JOIN in_machine m"
	"  ON m.cluster=c.id) n JOIN pool p WHERE n.fqdn<>''"
	" ON CONFLICT DO NOTHING;";

int tbxml_rows(struct tbxml *t, struct why *why)
{
	int err = sql_script(t->db, why, LINK);

	for (size_t i = 0; i < ARRAY_COUNT(RULES) && err == 0; i++)
		err = run_rule(t, &RULES[i], why);
	if (err < 0 || t->has_errors)
		return err;
	err = sql_script(t->db, why, POOLS);
	if (err == 0)
		err = take_ports(t, why);
	if (err == 0)
		err = take_addresses(t, why);
	return err == 0 ? sql_script(t->db, why, GRANTS) : err;
}
