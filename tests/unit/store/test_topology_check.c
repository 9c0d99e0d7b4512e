/* Tests of common/store/topology_check.c: each rule finds its mistake. */
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <sqlite3.h>

#include "common/store/topology_check.h"
#include "samples.h"

/* Rows are changed behind the YAML reader's back, as a publisher of another
 * making could. */
struct row {
	const char *rule;
	bool is_error;
	const char *change; /* SQL */
	const char *text;   /* part of what is said */
};

#define LAB_ON                                                              \
	"INSERT INTO setting VALUES('global','topology','lab','true');"
#define SECOND_MACHINE                                                      \
	"INSERT INTO machine(pool_id,ordinal,fqdn) VALUES(1,2,"             \
	"'e2.contoso.test'); INSERT INTO net_interface(machine_id,side,"    \
	"number,address) VALUES(2,'internal',1,'10.0.0.12'),(2,'external'," \
	"1,'198.51.100.12'),(2,'external',2,'198.51.100.22'),(2,"           \
	"'external',3,'198.51.100.32');"
#define SET(side, number, address)                                          \
	"UPDATE net_interface SET address='" address "' WHERE side='" side  \
	"' AND number=" number ";"

static const struct row ROWS[] = {
	{"no-pool", true, "DELETE FROM trusted_server; DELETE FROM pool;",
		"there is no edge pool"},
	{"no-machine", true, "DELETE FROM machine;",
		"edge pool edge.int.contoso.test has no machine"},
	{"edge-service", true, "DELETE FROM service WHERE role='EdgeServer';",
		"has 0 EdgeServer services"},
	{"edge-service", true,
		"INSERT INTO service(pool_id,role,instance) VALUES(1,"
		"'EdgeServer',2);", "has 2 EdgeServer services"},
	{"no-next-hop", true, "DELETE FROM next_hop;", "has no next_hop"},
	{"next-hop-name", true, "UPDATE next_hop SET fqdn='10.0.0.20';",
		"next hop 10.0.0.20 of edge.int.contoso.test is not a name"},
	{"next-hop-grant", true,
		"DELETE FROM trusted_server WHERE grants='sip';",
		"add it to servers with [sip, av-auth]"},
	{"no-interface", true,
		"DELETE FROM net_interface WHERE side='internal';",
		"machine edge.int.contoso.test has no internal address"},
	{"endpoint-interface", true,
		"DELETE FROM net_interface WHERE number=3;",
		"has no address for av (TURNServer external, interface 3)"},
	{"same-address", true, SET("internal", "1", "198.51.100.10"),
		"has 198.51.100.10 inside and outside"},
	{"address", true, SET("internal", "1", "ten"),
		"ten is not an address"},
	{"address", true, SET("internal", "1", "10.0.0.10:1"),
		"10.0.0.10:1 is not an address"},
	{"any-address", true, SET("external", "1", "0.0.0.0"),
		"0.0.0.0 is the any-address"},
	{"any-address", true, SET("internal", "1", "::"), ":: is the any"},
	{"multicast", true, SET("external", "3", "224.0.0.1"),
		"224.0.0.1 is a multicast"},
	{"multicast", true, SET("external", "3", "ff02::1"),
		"ff02::1 is a multicast"},
	{"loopback", true, SET("external", "1", "127.0.1.10"),
		"127.0.1.10 is a loopback address: for a laboratory on one "
		"host say lab: true"},
	{"loopback", true, SET("internal", "1", "::1"), "::1 is a loopback"},
	{"same-device", true, SET("internal", "1", "127.0.0.2")
		SET("external", "1", "127.0.0.1"),
		"has 127.0.0.2 inside and 127.0.0.1 outside on one device"},
	{"nat-address", true,
		"UPDATE net_interface SET nat_address='224.1.1.1' WHERE"
		" number=3;", "nat 224.1.1.1 is not an address the outside"},
	{"nat-shared", true, SECOND_MACHINE
		"UPDATE net_interface SET nat_address='203.0.113.9' WHERE"
		" number=3;", "have the same nat 203.0.113.9"},
	{"address-shared", true, SECOND_MACHINE
		SET("external", "3", "198.51.100.30"),
		"have the same address 198.51.100.30"},
	{"port-clash", true, SET("external", "2", "198.51.100.10"),
		"access and webconf both want 198.51.100.10 port 443: with "
		"one address for both, give each its own port, e.g. access "
		"{port: 5061}, webconf {port: 444}, av {tcp_port: 443}"},
	{"port-clash", true,
		"UPDATE endpoint SET port=5061 WHERE usage='PsomServer';",
		"access and webconf both want 10.0.0.10 port 5061: with one "
		"address for both, give each its own port in internal_ports"},
	{"media-range", true,
		"UPDATE endpoint SET port=50007 WHERE usage='TURNServer' AND"
		" transport='tcp' AND side='external';",
		"media_ports 50000-59999 of 198.51.100.30 hold port 50007"},
	{"wrong-side", true,
		"UPDATE endpoint SET side='external' WHERE"
		" component='MediaRelayAuthenticationEdge';",
		"MediaRelayAuthenticationEdge SipServer is on the external"},
	{"wrong-side", true,
		"UPDATE endpoint SET side='external' WHERE"
		" component='ReplicationService';", "ReplicationService"},
	{"wrong-side", true,
		"UPDATE endpoint SET side='internal', iface_number=1 WHERE"
		" usage='MediaCommunication';", "MediaCommunication"},
	{"wrong-side", true,
		"UPDATE endpoint SET side='internal', iface_number=1 WHERE"
		" usage='PsomClient';", "PsomClient"},
	{"name", true, "UPDATE pool SET fqdn='edge_1.contoso.test';",
		"edge pool edge_1.contoso.test is not a DNS name"},
	{"name", true, "UPDATE endpoint SET public_fqdn='a b' WHERE"
		       " usage='SipClient';", "outside name a b is not"},
	{"name-case", true, "UPDATE machine SET fqdn='Edge.contoso.test';",
		"machine Edge.contoso.test has capital letters: write "
		"edge.contoso.test"},
	{"name-taken", true, SECOND_MACHINE,
		"machine edge.int.contoso.test of pool edge.int.contoso.test "
		"has the name of the pool, which has more machines"},
	{"name-taken", true,
		"INSERT INTO pool(site_id,number,fqdn) SELECT site_id,"
		" number+1, 'q.test' FROM pool; UPDATE machine SET"
		" fqdn='q.test';",
		"has the name of another pool"},
	{"short-name", false, "UPDATE sip_domain SET name='contoso';",
		"SIP domain contoso has no dot"},
	{"short-name", false, "UPDATE endpoint SET public_fqdn='sip' WHERE"
		" usage='SipClient';", "outside name sip has no dot"},
	{"default-domain", true, "UPDATE sip_domain SET is_default=0;",
		"exactly one default SIP domain"},
	{"own-partner", true,
		"INSERT INTO federated_domain(domain,action) VALUES("
		"'contoso.test','allow');",
		"contoso.test is one of our own SIP domains"},
	{"partner-provider", true,
		"INSERT INTO provider(name,kind,proxy_fqdn) VALUES('p',"
		"'hosting','sip.fabrikam.test');",
		"sip.fabrikam.test is the edge of partner fabrikam.test and "
		"the proxy of provider p"},
	{"default-route", true,
		"INSERT INTO setting VALUES('global','access-edge',"
		"'use_default_routing','true');",
		"default_route_fqdn names no server"},
	{"default-route-unused", true,
		"INSERT INTO setting VALUES('global','access-edge',"
		"'default_route_fqdn','\"hub.test\"');",
		"but use_default_routing is not true"},
	/* What another pool is told is no help. */
	{"default-route", true,
		"INSERT INTO setting VALUES('pool:edge.int.contoso.test',"
		"'access-edge','use_default_routing','true'),('pool:other',"
		"'access-edge','default_route_fqdn','\"hub.test\"');",
		"default_route_fqdn names no server"},
	{"default-route-unused", true,
		"INSERT INTO setting VALUES('pool:other','access-edge',"
		"'use_default_routing','true'),('global','access-edge',"
		"'default_route_fqdn','\"hub.test\"');",
		"but use_default_routing is not true"},
	{"default-route", true,
		"INSERT INTO setting VALUES('global','access-edge',"
		"'use_default_routing','true'),('global','access-edge',"
		"'default_route_fqdn','\"hub.test\"'),"
		"('machine:edge.int.contoso.test','access-edge',"
		"'default_route_fqdn','\"\"');",
		"default_route_fqdn names no server"},
	{"default-route-providers", true,
		"INSERT INTO setting VALUES('global','access-edge',"
		"'use_default_routing','true'),('global','access-edge',"
		"'default_route_fqdn','\"hub.test\"'); INSERT INTO"
		" provider(name,kind,proxy_fqdn) VALUES('p','hosting',"
		"'hub.test');",
		"use_default_routing and provider p do not go together"},
	{"webconf-id", true,
		"INSERT INTO trusted_server(fqdn,edge_pool,grants,server_uuid)"
		" SELECT 'mcu1.a.test',pool_id,'webconf','0f7a2c1e-5b7d-4f0e-"
		"9a53-1f2f3b4c5d6e' FROM pool LIMIT 1;"
		"INSERT INTO trusted_server(fqdn,edge_pool,grants,server_uuid)"
		" SELECT 'mcu2.a.test',pool_id,'webconf','0F7A2C1E-5B7D-4F0E-"
		"9A53-1F2F3B4C5D6E' FROM pool LIMIT 1;",
		"mcu1.a.test and mcu2.a.test have the same webconf_id"},
	{"hlb-nat", true,
		"UPDATE pool SET balancing='hlb'; UPDATE net_interface SET"
		" nat_address='203.0.113.9' WHERE number=3;",
		"balancing hlb and nat 203.0.113.9 for av do not go"},
	{"setting-value", true,
		"INSERT INTO setting VALUES('global','av-edge',"
		"'nonce_lifetime','5');",
		"av-edge (global): nonce_lifetime: a time from 10s to 1d"},
	{"setting-value", true,
		"INSERT INTO setting VALUES('pool:edge.int.contoso.test',"
		"'av-edge','realm','x');", "the stored value is not JSON"},
	{"setting-scope", true,
		"INSERT INTO setting VALUES('pool:other.test','av-edge',"
		"'realm','\"x\"');", "scope 'pool:other.test', which is not"},
	{"setting-unknown", false,
		"INSERT INTO setting VALUES('global','av-edge','new_one',"
		"'1');", "av-edge has no setting new_one in this version"},
	{"lab", false, LAB_ON, "not for production"},
	{"machine-disabled", false, "UPDATE machine SET state='disabled';",
		"machine edge.int.contoso.test is disabled"},
	{"no-grant", false,
		"DELETE FROM trusted_server WHERE grants='av-auth';",
		"nobody can connect to inside port 5062 of "
		"edge.int.contoso.test: give a server 'av-auth'"},
};

static const struct topology_finding *find(
	const struct topology_finding *rows, size_t count, const struct row *r)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(rows[i].rule, r->rule) == 0 &&
			strstr(rows[i].text, r->text) != NULL)
			return &rows[i];
	}
	return NULL;
}

START_TEST(test_each_rule_finds_its_mistake)
{
	const struct row *r = &ROWS[_i];
	struct sqlite3 *db = sample_db(SAMPLE);
	const struct topology_finding *f;
	struct topology_finding *rows = NULL;
	size_t count = 0;
	struct why why = {""};
	int err;

	/* Deferred keys do not stand in the way of a bad example. */
	ck_assert_int_eq(sqlite3_exec(db, r->change, NULL, NULL, NULL),
		SQLITE_OK);
	err = topology_check(db, &rows, &count, &why);
	ck_assert_msg(err == 0, "%s", why.text);
	f = find(rows, count, r);
	if (f == NULL) {
		for (size_t i = 0; i < count; i++)
			fprintf(stderr, "%s: %s\n", rows[i].rule,
				rows[i].text);
	}
	ck_assert_msg(f != NULL, "%s: '%s' not said", r->rule, r->text);
	ck_assert_int_eq(f->is_error, r->is_error);
	free(rows);
	sqlite3_close(db);
}
END_TEST

static size_t error_count(const char *text)
{
	struct sqlite3 *db = sample_db(text);
	struct topology_finding *rows = NULL;
	size_t count = 0;
	size_t errors = 0;

	ck_assert_int_eq(topology_check(db, &rows, &count, NULL), 0);
	for (size_t i = 0; i < count; i++) {
		if (rows[i].is_error)
			fprintf(stderr, "%s: %s\n", rows[i].rule,
				rows[i].text);
		errors += rows[i].is_error;
	}
	free(rows);
	sqlite3_close(db);
	return errors;
}

/* The narrowest scope wins, as it does for the machine. */
START_TEST(test_default_route_may_come_from_several_scopes)
{
	struct sqlite3 *db = sample_db(SAMPLE);
	struct topology_finding *rows = NULL;
	size_t count = 0;

	ck_assert_int_eq(sqlite3_exec(db, "INSERT INTO setting VALUES"
		"('global','access-edge','use_default_routing','false'),"
		"('pool:edge.int.contoso.test','access-edge',"
		"'use_default_routing','true'),"
		"('machine:edge.int.contoso.test','access-edge',"
		"'default_route_fqdn','\"hub.test\"')", NULL, NULL, NULL),
		SQLITE_OK);
	ck_assert_int_eq(topology_check(db, &rows, &count, NULL), 0);
	ck_assert_msg(count == 0, "%s", rows[0].text);
	free(rows);
	sqlite3_close(db);
}
END_TEST

/* Each mistake is told with the line that it is in. */
START_TEST(test_findings_stand_at_their_line)
{
	static const struct {
		const char *change;
		const char *text;
	} CASES[] = {
		{"UPDATE sip_domain SET is_default=0;", "t.yaml:1:1: there"},
		{"DELETE FROM trusted_server WHERE grants='sip';",
			"t.yaml:4:5: next hop fe.a.test of edge.a.test"},
		{"UPDATE endpoint SET public_fqdn='SIP.a.test';",
			"t.yaml:5:14: outside name SIP.a.test has capital"},
		{SET("internal", "1", "ten"),
			"t.yaml:7:7: machine edge.a.test, internal: ten is"},
		{"DELETE FROM trusted_server WHERE grants='sip';",
			"t.yaml:8:1: nobody can connect to inside port 5061"},
	};
	static const char TEXT[] =
		"domains: [a.test]\n"
		"edges:\n"
		"  edge.a.test:\n"
		"    next_hop: fe.a.test\n"
		"    access: {name: sip.a.test}\n"
		"    machines:\n"
		"      edge.a.test: {internal: 10.0.0.1, access: 192.0.2.1}\n"
		"servers: {fe.a.test: [sip, av-auth]}\n";
	struct topology_finding *rows = NULL;
	struct topology_yaml *y = NULL;
	struct sqlite3 *db = NULL;
	struct why why = {""};
	size_t count = 0;
	bool is_told = false;

	ck_assert_int_eq(topology_yaml_parse(&y, "t.yaml", str_of(TEXT), &why),
		0);
	ck_assert_int_eq(topology_yaml_scratch(&db, y, &why), 0);
	ck_assert_int_eq(sqlite3_exec(db, CASES[_i].change, NULL, NULL, NULL),
		SQLITE_OK);
	ck_assert_int_eq(topology_check(db, &rows, &count, &why), 0);
	for (size_t i = 0; i < count; i++) {
		topology_yaml_place(y, rows[i].at, rows[i].text, &why);
		fprintf(stderr, "%s\n", why.text);
		is_told = is_told || strncmp(why.text, CASES[_i].text,
			strlen(CASES[_i].text)) == 0;
	}
	ck_assert_msg(is_told, "not said: %s", CASES[_i].text);
	free(rows);
	sqlite3_close(db);
	topology_yaml_free(y);
}
END_TEST

START_TEST(test_sample_has_no_errors)
{
	ck_assert_uint_eq(error_count(SAMPLE), 0);
}
END_TEST

START_TEST(test_federation_is_nothing_to_warn_of)
{
	struct sqlite3 *db = sample_db(SAMPLE);
	struct topology_finding *rows = NULL;
	size_t count = 0;

	ck_assert_int_eq(topology_check(db, &rows, &count, NULL), 0);
	ck_assert_uint_eq(count, 0);
	free(rows);
	sqlite3_close(db);
}
END_TEST

START_TEST(test_lab_admits_loopback)
{
	static const char TEXT[] =
		"lab: true\n"
		"domains: [contoso.test]\n"
		"edges:\n"
		"  edge.int.contoso.test:\n"
		"    next_hop: fe.int.contoso.test:15061\n"
		"    access: {name: sip.contoso.test}\n"
		"    av: {name: av.contoso.test}\n"
		"    machines:\n"
		"      edge.int.contoso.test: {internal: 127.0.2.10, access: "
		"127.0.1.10, av: 127.0.1.12}\n" SAMPLE_SERVERS;

	ck_assert_uint_eq(error_count(TEXT), 0);
	ck_assert_uint_eq(error_count(TEXT + strlen("lab: true\n")), 5);
}
END_TEST

/* One address outside, ports as the original proposes them. */
START_TEST(test_one_address_with_three_ports_is_right)
{
	ck_assert_uint_eq(error_count(
		"domains: [a.test]\n"
		"edges:\n"
		"  edge.a.test:\n"
		"    next_hop: fe.a.test\n"
		"    access: {name: sip.a.test, port: 5061}\n"
		"    webconf: {name: w.a.test, port: 444}\n"
		"    av: {name: av.a.test}\n"
		"    machines:\n"
		"      edge.a.test: {internal: 10.0.0.1, access: 192.0.2.1, "
		"webconf: 192.0.2.1, av: 192.0.2.1}\n"
		"servers: {fe.a.test: [sip, av-auth]}\n"
		"settings: {access-edge: {allow_federated_users: true}}\n"),
		0);
}
END_TEST

START_TEST(test_shipped_sample_has_no_findings)
{
	struct topology_yaml *y = NULL;
	struct topology_finding *rows = NULL;
	struct sqlite3 *db = NULL;
	struct why why = {""};
	size_t count = 0;
	int err = topology_yaml_load(&y, "deploy/conf/topology.yaml", &why);

	ck_assert_msg(err == 0, "%s", why.text);
	ck_assert_int_eq(topology_yaml_scratch(&db, y, &why), 0);
	ck_assert_int_eq(topology_check(db, &rows, &count, &why), 0);
	ck_assert_msg(count == 0, "%s", rows != NULL ? rows[0].text : "");
	free(rows);
	sqlite3_close(db);
	topology_yaml_free(y);
}
END_TEST

START_TEST(test_errors_come_first_and_are_bounded)
{
	struct sqlite3 *db = sample_db(SAMPLE);
	struct topology_finding *rows = NULL;
	size_t count = 0;
	char sql[160];

	for (int i = 0; i < 300; i++) {
		snprintf(sql, sizeof(sql), "INSERT INTO trusted_server(fqdn,"
			"edge_pool,grants) VALUES('a_%d',1,'sip')", i);
		ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL),
			SQLITE_OK);
	}
	ck_assert_int_eq(topology_check(db, &rows, &count, NULL), 0);
	ck_assert_uint_eq(count, 201);
	ck_assert(rows[0].is_error);
	ck_assert_str_eq(rows[200].rule, "more");
	ck_assert_str_eq(rows[200].text, "and 100 more of this kind");
	free(rows);
	sqlite3_close(db);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("topology_check");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_loop_test(tc, test_each_rule_finds_its_mistake, 0,
		ARRAY_COUNT(ROWS));
	tcase_add_loop_test(tc, test_findings_stand_at_their_line, 0, 5);
	tcase_add_test(tc, test_default_route_may_come_from_several_scopes);
	tcase_add_test(tc, test_sample_has_no_errors);
	tcase_add_test(tc, test_federation_is_nothing_to_warn_of);
	tcase_add_test(tc, test_lab_admits_loopback);
	tcase_add_test(tc, test_one_address_with_three_ports_is_right);
	tcase_add_test(tc, test_shipped_sample_has_no_findings);
	tcase_add_test(tc, test_errors_come_first_and_are_bounded);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
