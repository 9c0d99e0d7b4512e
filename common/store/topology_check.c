/*
 * What makes a topology one that can run, rule by rule (topology-model B4,
 * admin-model 3.4). Most rules are a query whose rows are the findings:
 * the text a person reads is written in it. What sqlite can't tell, names,
 * kinds of address, values of settings, it asks from functions below.
 */
#include "common/store/topology_check.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/addr.h"
#include "common/base/dns_name.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/net/device.h"
#include "common/run/setting.h"
#include "common/store/sql.h"
#include "common/store/topology_port.h"

#define FINDINGS_MAX 200u

struct findings {
	struct topology_finding *rows;
	size_t count;
	size_t left_out;
};

struct rule {
	const char *name;
	bool is_error;
	/* A row per finding: its text; where in the file (topology_check.h). */
	const char *sql;
};

/* Enabled sockets of each machine, with what shares an address and port
 * number in the same layer-4 protocol. */
#define SOCKETS                                                              \
	"(SELECT m.machine_id, m.fqdn machine, e.endpoint_id id, e.component," \
	" e.usage, e.transport, e.side, n.number, n.address, n.family,"      \
	" e.port low, e.port+e.port_count-1 high,"                           \
	" e.transport<>'udp' is_tcp, e.transport IN('udp','tcp_or_udp')"     \
	" is_udp FROM endpoint e JOIN service USING(service_id)"             \
	" JOIN machine m USING(pool_id)"                                     \
	" JOIN net_interface n ON n.machine_id=m.machine_id"                 \
	" AND n.side=e.side AND n.number=e.iface_number WHERE e.enabled=1)"

/* "web conferencing (DataEdge PsomClient)" is nobody's word: part names. */
#define WHO(t)                                                              \
	"CASE " t ".component WHEN 'AccessEdge' THEN 'access' WHEN"         \
	" 'DataEdge' THEN 'webconf' WHEN 'MediaRelayEdge' THEN 'av'"        \
	" WHEN 'MediaRelayAuthenticationEdge' THEN 'av-auth'"               \
	" WHEN 'ReplicationService' THEN 'replication' ELSE " t             \
	".component END"

/* Each other machine (y) with what the first one (s.low) has. */
#define SHARED(column)                                                      \
	"(SELECT " column ", MIN(machine_id) low FROM net_interface"        \
	" WHERE " column " IS NOT NULL GROUP BY " column                    \
	" HAVING MIN(machine_id)<>MAX(machine_id)) s JOIN net_interface y"  \
	" ON y." column "=s." column " AND y.machine_id>s.low"

/* Where things stand in topology.yaml. */
#define POOL_AT(p)     "'edges/'||" p ".fqdn"
#define NEXT_HOP_AT(p) POOL_AT(p) "||'/next_hop'"
#define MACHINE_AT(m)                                                       \
	"(SELECT 'edges/'||o.fqdn||'/machines/'||k.fqdn FROM machine k JOIN" \
	" pool o USING(pool_id) WHERE k.machine_id=" m ".machine_id)"

#define LAB                                                                 \
	"EXISTS(SELECT 1 FROM setting WHERE component='topology' AND"       \
	" key='lab' AND value='true')"

/* Every name there is, with what it is. */
#define NAMES                                                               \
	"(SELECT fqdn name, 'edge pool' what, " POOL_AT("pool") " at"       \
	"  FROM pool"                                                       \
	" UNION ALL SELECT fqdn, 'machine', " MACHINE_AT("machine")         \
	"  FROM machine"                                                    \
	" UNION ALL SELECT name, 'SIP domain', 'domains/'||name FROM"       \
	"  sip_domain"                                                      \
	" UNION ALL SELECT n.fqdn, 'next hop', " NEXT_HOP_AT("p") " FROM"   \
	"  next_hop n JOIN pool p USING(pool_id)"                           \
	" UNION ALL SELECT DISTINCT fqdn, 'server', 'servers/'||fqdn FROM"  \
	"  trusted_server"                                                  \
	" UNION ALL SELECT CASE WHEN domain LIKE '*.%' THEN"                \
	"  substr(domain, 3) ELSE domain END, 'partner',"                   \
	"  'partners/'||domain FROM federated_domain"                       \
	" UNION ALL SELECT edge_fqdn, 'edge of partner', 'partners/'||"     \
	"  domain||'/edge' FROM federated_domain WHERE edge_fqdn IS NOT"    \
	"  NULL"                                                            \
	" UNION ALL SELECT proxy_fqdn, 'proxy of provider', 'providers/'||" \
	"  name||'/proxy' FROM provider"                                    \
	" UNION ALL SELECT DISTINCT e.public_fqdn, 'outside name', "        \
	POOL_AT("p") "||'/'||" WHO("e") "||'/name' FROM endpoint e JOIN"    \
	"  service USING(service_id) JOIN pool p USING(pool_id)"            \
	"  WHERE e.public_fqdn IS NOT NULL)"

/* A setting as machine m of pool p at site z goes by it: the narrowest scope
 * wins, and all but the widest sort by width. A pool by itself is judged as
 * it is among others: its machines are sent nothing else. */
#define IN_FORCE(name)                                                      \
	"coalesce((SELECT t.value FROM setting t WHERE"                     \
	" t.component='access-edge' AND t.key='" name "' AND t.scope"       \
	" IN('global', 'site:'||z.name, 'pool:'||p.fqdn, 'machine:'||m.fqdn)" \
	" ORDER BY t.scope='global', t.scope LIMIT 1), '')"
#define MACHINE_WHERE                                                       \
	" WHERE EXISTS(SELECT 1 FROM machine m JOIN pool p USING(pool_id)"  \
	" JOIN site z USING(site_id) WHERE "

static const struct rule RULES[] = {
	/* ---- 1: pools ---- */
	{"no-pool", true,
		"SELECT 'there is no edge pool: add one below edges', 'edges'"
		" WHERE NOT EXISTS(SELECT 1 FROM pool)"},
	{"no-machine", true,
		"SELECT format('edge pool %s has no machine: add one below"
		" its machines', fqdn), " POOL_AT("p")
		" FROM pool p WHERE NOT EXISTS(SELECT 1"
		" FROM machine m WHERE m.pool_id=p.pool_id)"},
	{"edge-service", true,
		"SELECT format('edge pool %s has %d EdgeServer services: it"
		" needs exactly one', fqdn, n),"
		" 'edges/'||fqdn FROM (SELECT p.fqdn, (SELECT"
		" COUNT(*) FROM service s WHERE s.pool_id=p.pool_id AND"
		" role='EdgeServer') n FROM pool p) WHERE n<>1"},
	{"no-next-hop", true,
		"SELECT format('edge pool %s has no next_hop: name the server"
		" inside that requests from outside go to', fqdn),"
		" " POOL_AT("p") " FROM pool p"
		" WHERE NOT EXISTS(SELECT 1 FROM next_hop n WHERE"
		" n.pool_id=p.pool_id)"},
	{"next-hop-name", true,
		"SELECT format('next hop %s of %s is not a name: servers"
		" inside are found and checked by name', n.fqdn, p.fqdn),"
		" " NEXT_HOP_AT("p")
		" FROM next_hop n JOIN pool p USING(pool_id)"
		" WHERE is_name(n.fqdn)=0"},
	{"next-hop-grant", true,
		"SELECT format('next hop %s of %s may not talk to the edge:"
		" add it to servers with [sip, av-auth]', n.fqdn, p.fqdn),"
		" " NEXT_HOP_AT("p")
		" FROM next_hop n JOIN pool p USING(pool_id) WHERE NOT"
		" EXISTS(SELECT 1 FROM trusted_server t WHERE"
		" t.edge_pool=p.pool_id AND t.grants='sip' AND"
		" t.fqdn=n.fqdn)"},

	/* ---- 2: interfaces ---- */
	{"no-interface", true,
		"SELECT format('machine %s has no %s address', m.fqdn, w.side),"
		" " MACHINE_AT("m")
		" FROM machine m, (SELECT 'internal' side UNION ALL SELECT"
		" 'external') w WHERE NOT EXISTS(SELECT 1 FROM net_interface"
		" n WHERE n.machine_id=m.machine_id AND n.side=w.side AND"
		" n.number=1)"},
	{"endpoint-interface", true,
		"SELECT format('machine %s has no address for %s (%s %s,"
		" interface %d)', m.fqdn, " WHO("e") ", e.usage, e.side,"
		" e.iface_number), " MACHINE_AT("m")
		" FROM endpoint e JOIN service"
		" USING(service_id) JOIN machine m USING(pool_id) WHERE"
		" e.enabled=1 AND NOT EXISTS(SELECT 1 FROM net_interface n"
		" WHERE n.machine_id=m.machine_id AND n.side=e.side AND"
		" n.number=e.iface_number)"},
	{"same-address", true,
		"SELECT DISTINCT format('machine %s has %s inside and outside:"
		" the two sides need two addresses, on two devices', m.fqdn,"
		" a.address), " MACHINE_AT("m")
		" FROM net_interface a JOIN net_interface b"
		" USING(machine_id) JOIN machine m USING(machine_id) WHERE"
		" a.side='internal' AND b.side='external' AND"
		" a.address=b.address"},
	{"address", true,
		"SELECT format('machine %s, %s: %s is not an address: write"
		" one such as 192.0.2.10, without a port',"
		" m.fqdn, n.side, n.address), " MACHINE_AT("m")
		" FROM net_interface n JOIN"
		" machine m USING(machine_id) WHERE"
		" address_kind(n.address)='none'"},
	{"any-address", true,
		"SELECT format('machine %s, %s: %s is the any-address: write"
		" the address itself, so that each side listens only on its"
		" own', m.fqdn, n.side, n.address), " MACHINE_AT("m")
		" FROM net_interface n JOIN"
		" machine m USING(machine_id) WHERE"
		" address_kind(n.address)='any'"},
	{"multicast", true,
		"SELECT format('machine %s, %s: %s is a multicast address:"
		" write one that a device of the machine has',"
		" m.fqdn, n.side, n.address), " MACHINE_AT("m")
		" FROM net_interface n JOIN"
		" machine m USING(machine_id) WHERE"
		" address_kind(n.address)='multicast'"},
	{"loopback", true,
		"SELECT format('machine %s, %s: %s is a loopback address: for"
		" a laboratory on one host say lab: true', m.fqdn, n.side,"
		" n.address), " MACHINE_AT("m")
		" FROM net_interface n JOIN machine m"
		" USING(machine_id) WHERE address_kind(n.address)='loopback'"
		" AND NOT " LAB},
	{"same-device", true,
		/* device() asks the kernel: once for each address. */
		"WITH d AS MATERIALIZED (SELECT machine_id, side, address,"
		" device(address) device FROM net_interface WHERE NOT " LAB ")"
		" SELECT DISTINCT format('machine %s has %s inside and %s"
		" outside on one device, %s: each side needs its own, or say"
		" lab: true', m.fqdn, a.address, b.address, a.device),"
		" " MACHINE_AT("m") " FROM d a"
		" JOIN d b USING(machine_id) JOIN machine m USING(machine_id)"
		" WHERE a.side='internal' AND b.side='external' AND"
		" a.device<>'' AND a.device=b.device"},
	{"nat-address", true,
		"SELECT format('machine %s: nat %s is not an address the"
		" outside can reach', m.fqdn, n.nat_address), " MACHINE_AT("m")
		" FROM"
		" net_interface n JOIN machine m USING(machine_id) WHERE"
		" n.nat_address IS NOT NULL AND address_kind(n.nat_address)"
		" IN('none','any','multicast')"},
	{"nat-shared", true,
		"SELECT DISTINCT format('machines %s and %s have the same nat"
		" %s: each machine needs its own, or media ends at the wrong"
		" one', a.fqdn, b.fqdn, s.nat_address), " MACHINE_AT("b")
		" FROM " SHARED(
		"nat_address") " JOIN machine a ON a.machine_id=s.low JOIN"
		" machine b ON b.machine_id=y.machine_id"},
	{"address-shared", true,
		"SELECT DISTINCT format('machines %s and %s have the same"
		" address %s: each needs its own', a.fqdn, b.fqdn,"
		" s.address), " MACHINE_AT("b")
		" FROM " SHARED(
		"address") " JOIN machine a ON a.machine_id=s.low JOIN"
		" machine b ON b.machine_id=y.machine_id"},

	/* ---- 3: ports ---- */
	{"port-clash", true,
		"SELECT format('machine %s: %s and %s both want %s port %d:"
		" with one address for both, give each its own port%s',"
		" a.machine, " WHO("a") ", " WHO("b") ", a.address, a.low,"
		" CASE WHEN a.side='external' THEN ', e.g. access {port:"
		" 5061}, webconf {port: 444}, av {tcp_port: 443}' ELSE"
		" ' in internal_ports' END), " MACHINE_AT("a")
		" FROM " SOCKETS " a JOIN " SOCKETS
		" b ON a.machine_id=b.machine_id AND a.address=b.address AND"
		" a.low=b.low AND a.id<b.id AND (a.is_tcp=b.is_tcp OR"
		" a.is_udp=b.is_udp) WHERE a.usage<>'MediaCommunication' AND"
		" b.usage<>'MediaCommunication' AND NOT("
		"a.component='AccessEdge' AND b.component='AccessEdge' AND"
		" a.transport<>b.transport AND a.transport IN('tls','mtls')"
		" AND b.transport IN('tls','mtls'))"},
	{"media-range", true,
		"SELECT format('machine %s: media_ports %d-%d of %s hold port"
		" %d of %s: move the port or the range', a.machine, a.low,"
		" a.high, a.address, b.low, " WHO("b") "), " MACHINE_AT("a")
		" FROM " SOCKETS
		" a JOIN " SOCKETS " b ON a.machine_id=b.machine_id AND"
		" a.address=b.address WHERE a.usage='MediaCommunication' AND"
		" b.usage<>'MediaCommunication' AND b.low BETWEEN a.low AND"
		" a.high"},

	/* ---- 4: sides ---- */
	{"wrong-side", true,
		"SELECT format('%s: %s %s is on the %s side: it belongs on the"
		" other', p.fqdn, e.component, e.usage, e.side), " POOL_AT("p")
		" FROM endpoint"
		" e JOIN service USING(service_id) JOIN pool p USING(pool_id)"
		" WHERE (e.component IN('MediaRelayAuthenticationEdge',"
		"'ReplicationService') AND e.side<>'internal') OR"
		" (e.usage='MediaCommunication' AND e.side<>'external') OR"
		" (e.usage='PsomServer' AND e.side<>'internal') OR"
		" (e.usage IN('PsomClient','SipClient') AND"
		" e.side<>'external')"},

	/* ---- 5: names ---- */
	{"name", true,
		"SELECT format('%s %s is not a DNS name: letters, digits and"
		" hyphens between dots', what, name), at FROM " NAMES
		" WHERE is_name(name)=0"},
	{"name-case", true,
		"SELECT format('%s %s has capital letters: write %s', what,"
		" name, lower(name)), at FROM " NAMES " WHERE name<>lower(name)"
		" COLLATE BINARY"},
	{"name-taken", true,
		"SELECT format('machine %s of pool %s has the name of %s: only"
		" the one machine of a pool may be called like its pool;"
		" rename the pool', m.fqdn, p.fqdn, CASE WHEN o.pool_id="
		"p.pool_id THEN 'the pool, which has more machines' ELSE"
		" 'another pool' END), " MACHINE_AT("m")
		" FROM machine m"
		" JOIN pool p USING(pool_id) JOIN pool o ON o.fqdn=m.fqdn"
		" WHERE o.pool_id<>p.pool_id OR (SELECT COUNT(*) FROM machine"
		" k WHERE k.pool_id=p.pool_id)>1"},
	{"default-domain", true,
		"SELECT 'there must be exactly one default SIP domain: the"
		" first one below domains',"
		" 'domains' WHERE (SELECT COUNT(*) FROM"
		" sip_domain WHERE is_default=1)<>1"},
	{"own-partner", true,
		"SELECT format('%s is one of our own SIP domains: take it out"
		" of partners', domain),"
		" 'partners/'||domain FROM federated_domain f JOIN"
		" sip_domain d ON d.name=f.domain"},
	{"partner-provider", true,
		"SELECT format('%s is the edge of partner %s and the proxy of"
		" provider %s: it can be one of them', edge_fqdn, domain,"
		" p.name),"
		" 'partners/'||domain"
		" FROM federated_domain f JOIN provider p ON"
		" p.proxy_fqdn=f.edge_fqdn"},

	{"default-route", true,
		"SELECT 'use_default_routing is true and default_route_fqdn"
		" names no server: it needs one',"
		" 'settings/access-edge/use_default_routing'"
		MACHINE_WHERE IN_FORCE("use_default_routing") "='true' AND "
		IN_FORCE("default_route_fqdn") " IN('', '\"\"'))"},
	{"default-route-unused", true,
		"SELECT 'default_route_fqdn is set, but use_default_routing"
		" is not true: set both or none',"
		" 'settings/access-edge/default_route_fqdn'"
		MACHINE_WHERE IN_FORCE("use_default_routing") "<>'true' AND "
		IN_FORCE("default_route_fqdn") " NOT IN('', '\"\"'))"},
	{"default-route-providers", true,
		"SELECT format('use_default_routing and provider %s do not go"
		" together: take one of them out', name),"
		" 'providers/'||name FROM provider"
		MACHINE_WHERE IN_FORCE("use_default_routing") "='true')"},

	{"webconf-id", true,
		"SELECT format('%s and %s have the same webconf_id: each"
		" server has its own', MIN(fqdn), MAX(fqdn)),"
		" 'servers/'||MIN(fqdn) FROM trusted_server WHERE server_uuid"
		" IS NOT NULL GROUP BY lower(server_uuid) HAVING"
		" MIN(fqdn)<>MAX(fqdn)"},

	/* ---- 6: balancing ---- */
	{"hlb-nat", true,
		"SELECT DISTINCT format('%s: balancing hlb and nat %s for av"
		" do not go together: behind a hardware load balancer the A/V"
		" address must be a public one', p.fqdn, n.nat_address),"
		" " POOL_AT("p") " FROM"
		" pool p JOIN service s USING(pool_id) JOIN endpoint e"
		" USING(service_id) JOIN machine m USING(pool_id) JOIN"
		" net_interface n ON n.machine_id=m.machine_id AND"
		" n.side=e.side AND n.number=e.iface_number WHERE"
		" p.balancing='hlb' AND e.component='MediaRelayEdge' AND"
		" e.side='external' AND n.nat_address IS NOT NULL"},

	/* ---- 8: counts ---- */
	{"too-many", true,
		"SELECT format('%d machines: at most 10000', n) FROM (SELECT"
		" COUNT(*) n FROM machine) WHERE n>10000"},
	{"too-many-ports", true,
		"SELECT format('a service of %s has %d ports: at most 64',"
		" p.fqdn, COUNT(*)), " POOL_AT("p")
		" FROM endpoint e JOIN service s"
		" USING(service_id) JOIN pool p USING(pool_id) GROUP BY"
		" s.service_id HAVING COUNT(*)>64"},

	/* ---- warnings ---- */
	{"lab", false,
		"SELECT 'lab is true: loopback addresses and both sides on one"
		" device are accepted; not for production', 'lab' WHERE " LAB},
	{"short-name", false,
		"SELECT format('%s %s has no dot: outside, names are looked up"
		" as they are; write it with its domain', what, name), at FROM "
		NAMES " WHERE what IN('SIP domain', 'outside name', 'partner',"
		" 'edge of partner') AND instr(name, '.')=0"},
	{"machine-disabled", false,
		"SELECT format('machine %s is disabled: none of its ports will"
		" be opened', fqdn), " MACHINE_AT("machine")
		" FROM machine WHERE state='disabled'"},
};

/* ---- functions that the queries ask ------------------------------------- */

static void sql_is_name(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	const unsigned char *text = sqlite3_value_text(argv[0]);

	(void)argc;
	sqlite3_result_int(ctx, text != NULL &&
			dns_name_is_valid(str_of((const char *)text)));
}

static bool is_multicast(const struct addr *a)
{
	return a->family == 4 ? a->ip[12] >= 224 : a->ip[0] == 0xff;
}

static void sql_address_kind(sqlite3_context *ctx, int argc,
	sqlite3_value **argv)
{
	const unsigned char *text = sqlite3_value_text(argv[0]);
	const char *kind = "other";
	struct addr a;

	(void)argc;
	if (text == NULL || addr_parse(str_of((const char *)text), &a) < 0 ||
		a.port != 0)
		kind = "none";
	else if (addr_is_any(&a))
		kind = "any";
	else if (addr_is_loopback(&a))
		kind = "loopback";
	else if (is_multicast(&a))
		kind = "multicast";
	sqlite3_result_text(ctx, kind, -1, SQLITE_STATIC);
}

/* The device of an address on this host, '' when it is another host's. */
static void sql_device(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	const unsigned char *text = sqlite3_value_text(argv[0]);
	char name[NET_DEVICE_LEN] = "";
	struct addr a;

	(void)argc;
	if (text == NULL || addr_parse(str_of((const char *)text), &a) < 0 ||
		net_device_of(&a, name) < 0)
		name[0] = '\0';
	sqlite3_result_text(ctx, name, -1, SQLITE_TRANSIENT);
}

static int add_functions(struct sqlite3 *db, struct why *why)
{
	int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;

	if (sqlite3_create_function(db, "is_name", 1, flags, NULL,
		    sql_is_name, NULL, NULL) != SQLITE_OK ||
		sqlite3_create_function(db, "address_kind", 1, flags, NULL,
			sql_address_kind, NULL, NULL) != SQLITE_OK ||
		sqlite3_create_function(db, "device", 1, flags, NULL,
			sql_device, NULL, NULL) != SQLITE_OK)
		return sql_fault(db, why, "topology store");
	return 0;
}

/* ---- collecting --------------------------------------------------------- */

static int add(struct findings *f, const char *rule, bool is_error,
	const char *text, const char *at)
{
	struct topology_finding *row;

	if (f->count == FINDINGS_MAX) {
		f->left_out++;
		return 0;
	}
	if (f->rows == NULL) {
		f->rows = calloc(FINDINGS_MAX + 1, sizeof(*f->rows));
		if (f->rows == NULL)
			return -ENOMEM;
	}
	row = &f->rows[f->count++];
	row->rule = rule;
	row->is_error = is_error;
	snprintf(row->text, sizeof(row->text), "%s", text);
	snprintf(row->at, sizeof(row->at), "%s", at);
	return 0;
}

static int run_rule(struct sqlite3 *db, const struct rule *rule,
	struct findings *f, struct why *why)
{
	struct sqlite3_stmt *stmt;
	int err = sql_query(&stmt, db, why, rule->sql, "");

	if (err < 0)
		return why_prefix(why, err, "rule %s", rule->name);
	while ((err = sql_next(stmt, why)) == 1) {
		err = add(f, rule->name, rule->is_error, sql_text(stmt, 0),
			sql_text(stmt, 1));
		if (err < 0)
			break;
	}
	sqlite3_finalize(stmt);
	return err;
}

/* 7: an inside port that nobody may use is most often a forgotten server.
 * Read from the table of ports, which knows the grant of each. */
static int check_grants(struct sqlite3 *db, struct findings *f,
	struct why *why)
{
	static const char SQL[] =
		"SELECT p.fqdn, e.port FROM endpoint e JOIN service"
		" USING(service_id) JOIN pool p USING(pool_id) WHERE"
		" e.component=? AND e.usage=? AND e.side=? AND e.enabled=1"
		" AND NOT EXISTS(SELECT 1 FROM trusted_server t WHERE"
		" t.edge_pool=p.pool_id AND t.grants=?)";
	int err = 0;

	for (size_t i = 0; i < topology_port_count() && err == 0; i++) {
		const struct topology_port *def = topology_port_at(i);
		const char *grant = topology_grant_name(def->grant);
		struct sqlite3_stmt *stmt;
		char text[WHY_LEN];

		if (!def->needs_grant)
			continue;
		err = sql_query(&stmt, db, why, SQL, "tttt", def->component,
			def->usage_name, topology_side_name(def->side),
			grant);
		if (err < 0)
			return err;
		while ((err = sql_next(stmt, why)) == 1) {
			snprintf(text, sizeof(text),
				"nobody can connect to inside port %d of %s: "
				"give a server '%s' below servers",
				sqlite3_column_int(stmt, 1),
				sql_text(stmt, 0), grant);
			err = add(f, "no-grant", false, text, "servers");
			if (err < 0)
				break;
		}
		sqlite3_finalize(stmt);
	}
	return err;
}

/* A scope must name what there is, or its settings do nothing. */
static const char SCOPES_SQL[] =
	"SELECT scope, component, key, value, scope='global' OR EXISTS("
	"SELECT 1 FROM machine WHERE 'machine:'||fqdn=scope) OR EXISTS("
	"SELECT 1 FROM pool WHERE 'pool:'||fqdn=scope) OR EXISTS("
	"SELECT 1 FROM site WHERE 'site:'||name=scope) FROM setting"
	" ORDER BY component, key, scope";

static int check_setting(struct sqlite3_stmt *stmt, struct findings *f)
{
	const char *scope = sql_text(stmt, 0);
	const char *component = sql_text(stmt, 1);
	const char *key = sql_text(stmt, 2);
	const struct setting_def *def = setting_find(component, key);
	struct why why = {""};
	char text[WHY_LEN];

	if (sqlite3_column_int(stmt, 4) != 1) {
		snprintf(text, sizeof(text),
			"setting %s of %s has the scope '%s', which is not in "
			"this topology", key, component, scope);
		return add(f, "setting-scope", true, text, "");
	}
	if (def == NULL) {
		snprintf(text, sizeof(text),
			"%s has no setting %s in this version: it is skipped",
			component, key);
		return add(f, "setting-unknown", false, text, "");
	}
	if (setting_check(def, sql_text(stmt, 3), &why) == 0)
		return 0;
	snprintf(text, sizeof(text), "%.100s (%.200s): %.180s", component,
		scope, why.text);
	return add(f, "setting-value", true, text, "");
}

static int check_settings(struct sqlite3 *db, struct findings *f,
	struct why *why)
{
	struct sqlite3_stmt *stmt;
	int err = sql_query(&stmt, db, why, SCOPES_SQL, "");

	if (err < 0)
		return err;
	while ((err = sql_next(stmt, why)) == 1) {
		err = check_setting(stmt, f);
		if (err < 0)
			break;
	}
	sqlite3_finalize(stmt);
	return err;
}

/* Errors first, else in the order of the rules: a stable sort by hand. */
static void sort_errors_first(struct findings *f)
{
	size_t at = 0;

	for (size_t i = 0; i < f->count; i++) {
		struct topology_finding row = f->rows[i];

		if (!row.is_error)
			continue;
		memmove(&f->rows[at + 1], &f->rows[at],
			(i - at) * sizeof(row));
		f->rows[at++] = row;
	}
}

static void tell_left_out(struct findings *f)
{
	if (f->left_out == 0)
		return;
	f->rows[f->count].rule = "more"; /* at: "" of calloc */
	f->rows[f->count].is_error = f->rows[0].is_error;
	snprintf(f->rows[f->count].text, sizeof(f->rows[f->count].text),
		"and %zu more of this kind", f->left_out);
	f->count++;
}

int topology_check(struct sqlite3 *db, struct topology_finding **out,
	size_t *count, struct why *why)
{
	struct findings f = {NULL, 0, 0};
	int err = add_functions(db, why);

	for (size_t i = 0; i < ARRAY_COUNT(RULES) && err == 0; i++)
		err = run_rule(db, &RULES[i], &f, why);
	if (err == 0)
		err = check_settings(db, &f, why);
	if (err == 0)
		err = check_grants(db, &f, why);
	if (err < 0) {
		free(f.rows);
		return err;
	}
	sort_errors_first(&f);
	tell_left_out(&f);
	*out = f.rows;
	*count = f.count;
	return 0;
}
