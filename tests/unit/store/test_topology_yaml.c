/* Tests of common/store/topology_yaml*.c. */
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <sqlite3.h>

#include "common/base/err.h"
#include "common/store/sql.h"
#include "samples.h"

/* Rows of a query as "a|b|c\n" lines. */
static char *rows_of(struct sqlite3 *db, const char *sql)
{
	struct sqlite3_stmt *stmt;
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);

	ck_assert_int_eq(sql_query(&stmt, db, NULL, sql, ""), 0);
	while (sql_next(stmt, NULL) == 1) {
		for (int i = 0; i < sqlite3_column_count(stmt); i++)
			fprintf(to, "%s%s", i > 0 ? "|" : "",
				sql_text(stmt, i));
		putc('\n', to);
	}
	sqlite3_finalize(stmt);
	fclose(to);
	return out;
}

static void assert_rows(struct sqlite3 *db, const char *sql, const char *want)
{
	char *got = rows_of(db, sql);

	ck_assert_str_eq(got, want);
	free(got);
}

static void assert_refused(const char *text, const char *want)
{
	struct topology_yaml *y = NULL;
	struct why why = {""};
	int err = topology_yaml_parse(&y, "t.yaml", str_of(text), &why);

	ck_assert_msg(err < 0, "taken: %s", text);
	ck_assert_msg(strstr(why.text, want) != NULL, "\"%s\" not in \"%s\"",
		want, why.text);
}

START_TEST(test_sample_gives_eleven_listeners)
{
	struct sqlite3 *db = sample_db(SAMPLE);

	assert_rows(db,
		"SELECT component, usage, side, address, port, transport,"
		" public_fqdn FROM listener"
		" WHERE machine='edge.int.contoso.test'"
		" ORDER BY component, usage, side, transport",
		"AccessEdge|SipClient|external|198.51.100.10|443|tls|"
		"sip.contoso.test\n"
		"AccessEdge|SipServer|external|198.51.100.10|5061|mtls|"
		"sip.contoso.test\n"
		"AccessEdge|SipServer|internal|10.0.0.10|5061|mtls|"
		"edge.int.contoso.test\n"
		"DataEdge|PsomClient|external|198.51.100.20|443|tls|"
		"webcon.contoso.test\n"
		"DataEdge|PsomServer|internal|10.0.0.10|8057|mtls|"
		"edge.int.contoso.test\n"
		"MediaRelayAuthenticationEdge|SipServer|internal|10.0.0.10|"
		"5062|mtls|edge.int.contoso.test\n"
		"MediaRelayEdge|TURNServer|external|198.51.100.30|443|tcp|"
		"av.contoso.test\n"
		"MediaRelayEdge|TURNServer|external|198.51.100.30|3478|udp|"
		"av.contoso.test\n"
		"MediaRelayEdge|TURNServer|internal|10.0.0.10|443|tcp|"
		"edge.int.contoso.test\n"
		"MediaRelayEdge|TURNServer|internal|10.0.0.10|3478|udp|"
		"edge.int.contoso.test\n"
		"ReplicationService|Replication|internal|10.0.0.10|4443|https|"
		"edge.int.contoso.test\n");
	assert_rows(db, "SELECT port, port_count, side, iface_number FROM"
			" endpoint WHERE usage='MediaCommunication'",
		"50000|10000|external|3\n");
	assert_rows(db, "SELECT fqdn, grants FROM trusted_server ORDER BY 1,2",
		"cms.int.contoso.test|replication\n"
		"fe.int.contoso.test|av-auth\n"
		"fe.int.contoso.test|sip\n"
		"fe.int.contoso.test|webconf\n");
	assert_rows(db, "SELECT fqdn, port FROM next_hop",
		"fe.int.contoso.test|5061\n");
	sqlite3_close(db);
}
END_TEST

START_TEST(test_federation_port_opens_only_with_the_setting)
{
	struct sqlite3 *db = sample_db(SAMPLE_HEAD SAMPLE_SERVERS);

	assert_rows(db, "SELECT enabled FROM endpoint WHERE"
			" component='AccessEdge' AND usage='SipServer'"
			" AND side='external'", "0\n");
	assert_rows(db, "SELECT COUNT(*) FROM listener", "10\n");
	sqlite3_close(db);
}
END_TEST

START_TEST(test_part_left_out_is_not_run)
{
	struct sqlite3 *db = sample_db(
		"domains: [a.test]\n"
		"edges:\n"
		"  edge.a.test:\n"
		"    next_hop: [fe1.a.test, fe2.a.test:5071]\n"
		"    av: {name: av.a.test}\n"
		"    machines:\n"
		"      edge.a.test: {internal: 10.0.0.1, av: 192.0.2.1}\n");

	assert_rows(db, "SELECT DISTINCT component FROM endpoint ORDER BY 1",
		"MediaRelayAuthenticationEdge\nMediaRelayEdge\n"
		"ReplicationService\n");
	assert_rows(db, "SELECT side, number, address FROM net_interface"
			" ORDER BY 1", "external|1|192.0.2.1\n"
				       "internal|1|10.0.0.1\n");
	assert_rows(db, "SELECT ordinal, fqdn, port FROM next_hop ORDER BY 1",
		"1|fe1.a.test|5061\n2|fe2.a.test|5071\n");
	sqlite3_close(db);
}
END_TEST

/* Everything that can be said at once. */
static const char FULL[] =
	"lab: true\n"
	"domains: [contoso.test, b.test, a.test]\n"
	"edges:\n"
	"  pool.int.contoso.test:\n"
	"    site: \"New York\"\n"
	"    balancing: dns\n"
	"    next_hop: [fe.int.contoso.test:5071, fe2.int.contoso.test]\n"
	"    access: {name: sip.contoso.test, port: 5061, "
	"federation_port: 5062}\n"
	"    webconf: {name: webcon.contoso.test, port: 444}\n"
	"    av: {name: av.contoso.test, tcp_port: 4433, udp_port: 3479, "
	"media_ports: 40000-40999}\n"
	"    internal_ports: {sip: 6061, webconf: 9057, av_auth: 6062, "
	"turn_tcp: 1443, turn_udp: 4478, replication: 5443}\n"
	"    settings: {access-edge: {client_rate: 5}, av-edge: {realm: "
	"r.test}}\n"
	"    machines:\n"
	"      e1.int.contoso.test: {internal: 10.0.0.1, access: 192.0.2.1, "
	"webconf: 192.0.2.1, av: {address: 192.0.2.2, nat: 203.0.113.2}}\n"
	"      e2.int.contoso.test: {internal: [10.0.0.2, 2001:db8::2], "
	"access: 192.0.2.3, webconf: 192.0.2.3, av: [{address: 192.0.2.4, "
	"nat: 203.0.113.4}, \"2001:db8:1::\"], state: drain, settings: "
	"{av-auth: {max_token_lifetime: 1h}}}\n"
	"  single.int.contoso.test:\n"
	"    next_hop: fe.int.contoso.test\n"
	"    access: {name: sip2.contoso.test}\n"
	"    machines:\n"
	"      single.int.contoso.test: {internal: 10.0.0.9, access: "
	"192.0.2.9}\n"
	"servers:\n"
	"  conf.int.contoso.test: {grants: [sip, av-auth, webconf], pin: "
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f, "
	"webconf_id: 0f7a2c1e-5b7d-4f0e-9a53-1f2f3b4c5d6e}\n"
	"  fe.int.contoso.test: [sip, av-auth, replication]\n"
	"  fe2.int.contoso.test: [sip]\n"
	"partners:\n"
	"  \"*.worse.test\": block\n"
	"  bad.test: block\n"
	"  fabrikam.test: {edge: sip.fabrikam.test:5062, verification: "
	"always, note: \"says \\\"hi\\\", a: b # c\\n2\\u202e\"}\n"
	"  good.test: allow\n"
	"providers:\n"
	"  \"Hosted One\": {proxy: sip.hosted.test, shared_address_space: "
	"true, verification: never, enabled: false}\n"
	"  Public: {proxy: sip.public.test, kind: public}\n"
	"settings:\n"
	"  access-edge:\n"
	"    allow_outside_users: false\n"
	"    pre_auth_methods: [REGISTER, \"x*y\"]\n"
	"    tls_min: 1.0\n"
	"  av-edge:\n"
	"    allow_peers: [192.0.2.0/24, \"::1/128\"]\n"
	"    nonce_lifetime: 90s\n";

START_TEST(test_R11_dump_and_apply_change_nothing)
{
	static const char *const TEXTS[] = {FULL, SAMPLE, SAMPLE_HEAD};

	for (size_t i = 0; i < ARRAY_COUNT(TEXTS); i++) {
		struct sqlite3 *db = sample_db(TEXTS[i]);
		struct sqlite3 *again;
		char *first = NULL;
		char *second = NULL;

		ck_assert_int_eq(topology_yaml_dump(db, &first, NULL), 0);
		again = sample_db(first);
		ck_assert_int_eq(topology_yaml_dump(again, &second, NULL), 0);
		ck_assert_str_eq(first, second);
		sqlite3_close(db);
		sqlite3_close(again);
		free(first);
		free(second);
	}
}
END_TEST

/* The text above is in the dump's own order and form. */
START_TEST(test_dump_says_everything)
{
	struct sqlite3 *db = sample_db(FULL);
	char *text = NULL;

	ck_assert_int_eq(topology_yaml_dump(db, &text, NULL), 0);
	ck_assert_ptr_nonnull(strstr(text, "domains: [contoso.test, a.test, "
					   "b.test]\n"));
	ck_assert_ptr_nonnull(strstr(text, "    internal_ports: {sip: 6061, "
					   "webconf: 9057, "));
	ck_assert_ptr_nonnull(strstr(text,
		"      e2.int.contoso.test: {internal: [10.0.0.2, "
		"2001:db8::2], access: 192.0.2.3, webconf: 192.0.2.3, av: "
		"[{address: 192.0.2.4, nat: 203.0.113.4}, "
		"\"2001:db8:1::\"], state: drain, settings: {av-auth: "
		"{max_token_lifetime: 1h}}}\n"));
	ck_assert_ptr_nonnull(strstr(text, strstr(FULL, "servers:\n")));
	sqlite3_close(db);
	free(text);
}
END_TEST

START_TEST(test_defaults_are_left_out_of_the_dump)
{
	struct sqlite3 *db = sample_db(
		"domains: [a.test]\n"
		"edges:\n"
		"  e.a.test:\n"
		"    site: Default\n"
		"    balancing: none\n"
		"    next_hop: fe.a.test:5061\n"
		"    access: {name: sip.a.test, port: 443}\n"
		"    internal_ports: {sip: 5061}\n"
		"    machines:\n"
		"      e.a.test: {internal: 10.0.0.1, access: 192.0.2.1, "
		"state: active}\n"
		"lab: false\n"
		"settings: {access-edge: {client_rate: 20}}\n");
	char *text = NULL;

	ck_assert_int_eq(topology_yaml_dump(db, &text, NULL), 0);
	ck_assert_str_eq(text,
		"domains: [a.test]\n"
		"edges:\n"
		"  e.a.test:\n"
		"    next_hop: fe.a.test\n"
		"    access: {name: sip.a.test}\n"
		"    machines:\n"
		"      e.a.test: {internal: 10.0.0.1, access: 192.0.2.1}\n");
	sqlite3_close(db);
	free(text);
}
END_TEST

#define POOL(more)                                                          \
	"domains: [a.test]\nedges:\n  e.a.test:\n    next_hop: fe.a.test\n"  \
	"    access: {name: sip.a.test}\n" more
#define MACHINE(more)                                                       \
	POOL("    machines:\n      e.a.test: {internal: 10.0.0.1, access: " \
	     "192.0.2.1" more "}\n")

START_TEST(test_R7_mistakes_are_told_with_line_and_nearest_name)
{
	assert_refused("domain: [a.test]\n",
		"t.yaml:1:1: unknown key 'domain': did you mean 'domains'?");
	assert_refused(POOL("    machine: {}\n"),
		"t.yaml:6:5: unknown key 'machine': did you mean 'machines'?");
	assert_refused(MACHINE(", webcon: 192.0.2.2"),
		"t.yaml:7:57: unknown key 'webcon': did you mean 'webconf'?");
	assert_refused(MACHINE("") "settings: {access-edg: {}}\n",
		"t.yaml:8:12: unknown key 'access-edg': did you mean "
		"'access-edge'?");
	assert_refused(MACHINE("") "settings:\n  av-edge: {nonce_lifetim: 9s}"
				   "\n",
		"t.yaml:9:13: av-edge has no setting 'nonce_lifetim': did you "
		"mean 'nonce_lifetime'?");
	assert_refused(MACHINE("") "settings:\n  av-edge: {nonce_lifetime: 9}"
				   "\n",
		"t.yaml:9:29: nonce_lifetime: a time from 10s to 1d");
	assert_refused(MACHINE("") "settings:\n  access-edge: {client_rate: "
				   "[5]}\n",
		"t.yaml:9:30: client_rate: a single value belongs here");
	assert_refused(MACHINE("") "servers: {fe.a.test: [sipp]}\n",
		"t.yaml:8:23: one of sip, av-auth, webconf, replication");
	assert_refused(MACHINE("") "servers: {10.0.0.1: [sip]}\n",
		"t.yaml:8:11: the name of a server belongs here, not "
		"'10.0.0.1'");
	assert_refused(MACHINE("") "domains: [b.test]\n",
		"t.yaml:8:1: 'domains' is given twice, first on line 1");
}
END_TEST

START_TEST(test_missing_parts_are_named)
{
	assert_refused("{}\n", "'domains' needs a list");
	assert_refused("domains: []\n", "'domains' needs a list");
	assert_refused("domains: [a.test]\n", "'edges' needs at least one");
	assert_refused("domains: [a.test, A.test]\n", "listed twice");
	assert_refused(POOL(""), "'e.a.test' needs machines");
	assert_refused(POOL("    machines: {}\n"), "needs machines");
	assert_refused(POOL("    machines:\n      e.a.test: {access: "
			    "192.0.2.1}\n"),
		"t.yaml:7:7: 'internal' is missing");
	assert_refused(POOL("    machines:\n      e.a.test: {internal: "
			    "10.0.0.1}\n"),
		"'access' is missing");
	assert_refused(MACHINE(", av: 192.0.2.2"),
		"the pool has no 'av'");
	assert_refused("domains: [a.test]\nedges:\n  e.a.test:\n    access: "
		       "{name: s.a.test}\n",
		"t.yaml:3:3: 'e.a.test' needs a next_hop");
	assert_refused("domains: [a.test]\nedges:\n  e.a.test:\n    next_hop: "
		       "f.a.test\n",
		"'e.a.test' has no part");
	assert_refused("domains: [a.test]\nedges:\n  e.a.test:\n    next_hop: "
		       "f.a.test\n    access: {port: 443}\n",
		"'access' needs the name");
	assert_refused(MACHINE("") "servers: {fe.a.test: []}\n",
		"a list of what it may ask");
	assert_refused(MACHINE("") "providers: {p: {}}\n",
		"'proxy' is missing");
}
END_TEST

START_TEST(test_wrong_values_are_refused)
{
	assert_refused("domains: [a.test]\nedges:\n  e.a.test:\n    next_hop: "
		       "10.0.0.1\n",
		"t.yaml:4:15: a name or name:port belongs here");
	assert_refused("domains: [a.test]\nedges:\n  e.a.test:\n    next_hop: "
		       "fe.a.test:0\n",
		"a port from 1 to 65535");
	assert_refused(MACHINE(", state: off"),
		"one of active, drain, disabled");
	assert_refused(POOL("    internal_ports: {sip: 65536}\n"),
		"a port from 1 to 65535");
	assert_refused(POOL("    balancing: yes\n"), "one of none, dns, hlb");
	assert_refused(POOL("    machines:\n      e.a.test: {internal: "
			    "{address: 10.0.0.1, nat: 10.0.0.2}, access: "
			    "192.0.2.1}\n"),
		"no address translation on the inside");
	assert_refused(POOL("    machines:\n      e.a.test: {internal: "
			    "[10.0.0.1, 10.0.0.2], access: 192.0.2.1}\n"),
		"a second IPv4 address");
	assert_refused(POOL("    machines:\n      e.a.test: {internal: "
			    "10.0.0.1:80, access: 192.0.2.1}\n"),
		"an address in numbers belongs here");
	assert_refused("domains: [a.test]\nedges:\n  e.a.test:\n    next_hop: "
		       "f.a.test\n    av: {name: av.a.test, media_ports: "
		       "60000-50000}\n",
		"a range within 1024-65535");
	assert_refused(MACHINE("") "servers: {fe.a.test: {grants: [sip], pin: "
				   "00}}\n",
		"64 hex digits");
	assert_refused(MACHINE("") "servers: {fe.a.test: {grants: [webconf], "
				   "webconf_id: 1}}\n",
		"a UUID belongs here");
	assert_refused(MACHINE("") "servers: {fe.a.test: [sip, sip]}\n",
		"'sip' is granted twice");
	assert_refused(MACHINE("") "partners: {b.test: maybe}\n",
		"one of allow, block");
	assert_refused(MACHINE("") "partners: {b.test: allow, B.test: block}"
				   "\n",
		"'b.test' is there twice");
	assert_refused(MACHINE("") "lab: yes\n", "true or false");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("topology_yaml");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_test(tc, test_sample_gives_eleven_listeners);
	tcase_add_test(tc, test_federation_port_opens_only_with_the_setting);
	tcase_add_test(tc, test_part_left_out_is_not_run);
	tcase_add_test(tc, test_R11_dump_and_apply_change_nothing);
	tcase_add_test(tc, test_dump_says_everything);
	tcase_add_test(tc, test_defaults_are_left_out_of_the_dump);
	tcase_add_test(tc,
		test_R7_mistakes_are_told_with_line_and_nearest_name);
	tcase_add_test(tc, test_missing_parts_are_named);
	tcase_add_test(tc, test_wrong_values_are_refused);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
