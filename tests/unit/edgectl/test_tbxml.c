/* Tests of edgectl/tbxml*.c, on samples of our own in tests/data/tbxml. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "common/base/err.h"
#include "common/store/sql.h"
#include "edgectl/topology/tbxml.h"

#define DIR "tests/data/tbxml/"

static const char HEAD[] =
	"<Topology xmlns=\"urn:schema:Microsoft.Rtc.Management.Deploy."
	"Topology.2008\">";

static char *read_sample(const char *path)
{
	FILE *from = fopen(path, "re");
	char *text = calloc(1, 1 << 20);

	ck_assert_ptr_nonnull(from);
	ck_assert(fread(text, 1, (1 << 20) - 1, from) > 0);
	fclose(from);
	return text;
}

/* A sample with one text put for another, wherever it stands. */
static char *changed(const char *path, const char *was, const char *is)
{
	char *text = read_sample(path);
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);
	const char *at = text;
	const char *hit;

	ck_assert_ptr_nonnull(strstr(text, was));
	while ((hit = strstr(at, was)) != NULL) {
		fwrite(at, 1, (size_t)(hit - at), to);
		fputs(is, to);
		at = hit + strlen(was);
	}
	fputs(at, to);
	fclose(to);
	free(text);
	return out;
}

static bool has_note(const struct tbxml *t, enum tbxml_level level,
	unsigned long line, const char *text)
{
	for (size_t i = 0; i < t->note_count; i++)
		if (t->notes[i].level == level &&
			(line == 0 || t->notes[i].line == line) &&
			strstr(t->notes[i].text, text) != NULL)
			return true;
	return false;
}

static void load(struct tbxml *t, const char *path)
{
	struct why why = {""};
	int err = tbxml_load(t, path, &why);

	ck_assert_msg(err == 0, "%s: %s", path, why.text);
	ck_assert(!t->has_errors);
}

static void assert_number(struct tbxml *t, const char *sql, int64_t want)
{
	int64_t got = -1;

	ck_assert_int_eq(sql_number(t->db, NULL, sql, -1, &got), 0);
	ck_assert_msg(got == want, "%s: %lld, not %lld", sql, (long long)got,
		(long long)want);
}

static void assert_yaml_has(const struct tbxml *t, const char *want)
{
	struct why why = {""};
	char *text = NULL;

	ck_assert_int_eq(tbxml_yaml(t, "x", &text, &why), 0);
	ck_assert_msg(strstr(text, want) != NULL, "no \"%s\" in\n%s", want,
		text);
	free(text);
}

/* Refused before anything was understood. */
static void assert_refused(const char *text, int want, const char *reason)
{
	struct tbxml t;
	struct why why = {""};
	int err = tbxml_parse(&t, "t.xml", str_of(text), &why);

	ck_assert_int_eq(err, want);
	ck_assert_msg(strstr(why.text, reason) != NULL, "\"%s\" not in \"%s\"",
		reason, why.text);
	tbxml_fini(&t);
}

/* Read to its end, with this error at this line. */
static void assert_error(char *text, unsigned long line, const char *reason)
{
	struct tbxml t;
	struct why why = {""};
	int err = tbxml_parse(&t, "t.xml", str_of(text), &why);

	ck_assert_msg(err == 0, "%s", why.text);
	ck_assert(t.has_errors);
	ck_assert_msg(has_note(&t, TBXML_ERROR, line, reason),
		"no \"%s\" at line %lu, but \"%s\" at %lu", reason, line,
		t.notes[0].text, t.notes[0].line);
	tbxml_fini(&t);
	free(text);
}

START_TEST(test_one_address_pool_has_its_eleven_listeners_per_machine)
{
	struct tbxml t;

	load(&t, DIR "one-address.tbxml");
	ck_assert_int_eq(t.form, TBXML_BUILDER);
	assert_number(&t, "SELECT COUNT(*) FROM listener WHERE"
		" machine='edge1.int.litware.test'", 11);
	assert_number(&t, "SELECT COUNT(*) FROM machine", 2);
	assert_number(&t, "SELECT port FROM endpoint WHERE"
		" usage='PsomClient'", 444);
	assert_number(&t, "SELECT COUNT(*) FROM net_interface WHERE"
		" nat_address='198.51.100.11'", 1);
	tbxml_fini(&t);
}
END_TEST

START_TEST(test_three_addresses_come_by_interface_number)
{
	struct tbxml t;

	load(&t, DIR "three-addresses.tbxml");
	assert_yaml_has(&t, "edge1.int.litware.test: {internal: 10.1.0.11, "
		"access: 198.51.100.11, webconf: 198.51.100.21, "
		"av: 198.51.100.31}");
	assert_yaml_has(&t, "access: {name: sip.litware.test}\n");
	tbxml_fini(&t);
}
END_TEST

START_TEST(test_published_form_gives_the_same_and_the_replication_grant)
{
	struct tbxml t;

	load(&t, DIR "published.xml");
	ck_assert_int_eq(t.form, TBXML_PUBLISHED);
	assert_number(&t, "SELECT COUNT(*) FROM listener", 10);
	assert_yaml_has(&t, "av: {address: 172.16.0.31, nat: 198.51.100.31}");
	assert_yaml_has(&t,
		"fe.int.litware.test: [sip, av-auth, webconf, replication]\n");
	tbxml_fini(&t);
}
END_TEST

START_TEST(test_grants_follow_dependencies_and_names_of_pool_and_machines)
{
	struct tbxml t;

	load(&t, DIR "one-address.tbxml");
	assert_yaml_has(&t, "fe2.int.litware.test: [sip, av-auth, webconf]\n");
	assert_yaml_has(&t,
		"fepool.int.litware.test: [sip, av-auth, webconf]\n");
	assert_yaml_has(&t, "med.int.litware.test: [sip, av-auth]\n");
	assert_yaml_has(&t, "next_hop: fepool.int.litware.test\n");
	tbxml_fini(&t);
}
END_TEST

START_TEST(test_default_domain_comes_first_whatever_the_order)
{
	struct tbxml t;

	load(&t, DIR "one-address.tbxml");
	assert_yaml_has(&t, "domains: [litware.test, branch.litware.test]\n");
	tbxml_fini(&t);
}
END_TEST

START_TEST(test_what_is_not_understood_is_listed_with_its_line)
{
	struct tbxml t;

	load(&t, DIR "one-address.tbxml");
	ck_assert(has_note(&t, TBXML_IGNORED, 92,
		"port XmppFederationProxy XptServer"));
	ck_assert(has_note(&t, TBXML_LEFT, 9, "SimpleUrlConfiguration"));
	ck_assert(has_note(&t, TBXML_LEFT, 60,
		"UserStore on sql.int.litware.test"));
	assert_yaml_has(&t, "#   line 92: port XmppFederationProxy");
	tbxml_fini(&t);
}
END_TEST

START_TEST(test_unknown_elements_and_attributes_are_counted_not_dropped)
{
	char *text = changed(DIR "published.xml", "IPAddress=\"198.51.100.11\"",
		"IPAddress=\"198.51.100.11\" IPv6Address=\"2001:db8::1\"");
	char *more = strstr(text, "<Services>");
	struct tbxml t;

	memcpy(more, "<Sorvices>", 10);
	memcpy(strstr(more, "</Services>"), "</Sorvices>", 11);
	ck_assert_int_eq(tbxml_parse(&t, "x", str_of(text), NULL), 0);
	ck_assert(has_note(&t, TBXML_IGNORED, 22,
		"attribute IPv6Address of NetInterface"));
	ck_assert(has_note(&t, TBXML_IGNORED, 35, "element Sorvices"));
	ck_assert(t.has_errors); /* and so there is no edge in it */
	tbxml_fini(&t);
	free(text);
}
END_TEST

/* The importer's result is fit for `edgectl topology plan`: it parses, and
 * the checks find no error in it. */
START_TEST(test_result_reads_back_and_passes_the_checks)
{
	static const char *const FILES[] = {DIR "one-address.tbxml",
		DIR "three-addresses.tbxml", DIR "published.xml"};

	for (size_t i = 0; i < ARRAY_COUNT(FILES); i++) {
		struct tbxml t;

		load(&t, FILES[i]);
		ck_assert(!has_note(&t, TBXML_REVIEW, 0, "check says error"));
		tbxml_fini(&t);
	}
}
END_TEST

START_TEST(test_clash_of_ports_is_told_for_review)
{
	char *text = changed(DIR "one-address.tbxml", "Port=\"444\"",
		"Port=\"443\"");
	struct tbxml t;

	ck_assert_int_eq(tbxml_parse(&t, "x", str_of(text), NULL), 0);
	ck_assert(has_note(&t, TBXML_REVIEW, 0, "check says error"));
	tbxml_fini(&t);
	free(text);
}
END_TEST

START_TEST(test_any_address_on_an_edge_is_an_error_but_not_elsewhere)
{
	assert_error(changed(DIR "published.xml", "198.51.100.21", "0.0.0.0"),
		23, "no edge pool can use the address 0.0.0.0");
}
END_TEST

/* Each line of the import map once more, on what the other samples lack: two
 * sites, three machines with three outside addresses each, a Director as next
 * hop, no federation, a machine without a name. */
START_TEST(test_two_sites_obey_the_import_map_line_by_line)
{
	struct tbxml t;

	load(&t, DIR "two-sites.tbxml");
	assert_number(&t, "SELECT COUNT(*) FROM site WHERE kind='central'"
		" AND name IN('Head office','Harbour')", 2);
	assert_number(&t, "SELECT COUNT(*) FROM pool JOIN site USING(site_id)"
		" WHERE (fqdn='edge.int.proseware.test' AND name='Head office')"
		" OR (fqdn='edge.harbour.proseware.test' AND name='Harbour')",
		2);
	assert_number(&t, "SELECT COUNT(*) FROM machine WHERE"
		" fqdn LIKE 'edge_.int.proseware.test'", 3);
	/* Without a name of its own it has its pool's. */
	assert_number(&t, "SELECT COUNT(*) FROM machine WHERE"
		" fqdn='edge.harbour.proseware.test'", 1);
	assert_number(&t, "SELECT COUNT(*) FROM net_interface JOIN machine"
		" USING(machine_id) WHERE side='external' AND number IN(1,2,3)"
		" AND fqdn LIKE 'edge_.int.proseware.test'", 9);
	assert_number(&t, "SELECT COUNT(*) FROM net_interface WHERE"
		" number=3 AND nat_address LIKE '203.0.113.3_'", 3);
	/* The Director is the next hop of both, and nobody else is. */
	assert_number(&t, "SELECT COUNT(*) FROM next_hop WHERE"
		" fqdn='dir.int.proseware.test' AND port=5061", 2);
	assert_number(&t, "SELECT COUNT(*) FROM next_hop", 2);
	assert_number(&t, "SELECT COUNT(*) FROM endpoint WHERE"
		" component='AccessEdge' AND side='external' AND"
		" usage='SipServer'", 0);
	assert_number(&t, "SELECT COUNT(*) FROM endpoint WHERE"
		" component='MediaRelayEdge' AND usage='MediaCommunication'"
		" AND port=50000 AND port_count=10000 AND iface_number IN(1,3)",
		2);
	assert_yaml_has(&t, "edge.harbour.proseware.test: {internal: 10.3.0.11,"
		" access: 198.51.100.71, webconf: 198.51.100.71,"
		" av: 198.51.100.71}");
	assert_yaml_has(&t, "av: {address: 192.168.9.33, nat: 203.0.113.33}");
	assert_yaml_has(&t, "access: {name: sip2.proseware.test, port: 5061}");
	assert_yaml_has(&t, "dir1.int.proseware.test: [sip, av-auth]");
	assert_yaml_has(&t, "fe2.int.proseware.test: [sip, av-auth, webconf]");
	assert_yaml_has(&t, "med2.int.proseware.test: [sip, av-auth]");
	tbxml_fini(&t);
}
END_TEST

START_TEST(test_two_sites_list_what_has_no_line_in_the_map)
{
	static const struct {
		enum tbxml_level level;
		const char *text;
	} NOTES[] = {
		{TBXML_IGNORED, "element RemoteSite"},
		{TBXML_IGNORED, "port QoE Report internal 5068/tls"},
		{TBXML_IGNORED, "interface primary 1 of edge1.int"},
		{TBXML_IGNORED, "role EdgeWatcher on the edge pool edge.int"},
		{TBXML_REVIEW, "VoiceMirror on fe.int.proseware.test depends"
			" on an edge"},
		{TBXML_REVIEW, "ConfServices on fe.int.proseware.test depends"
			" on a service that is not in the file"},
		{TBXML_REVIEW, "AllowSubDomains"},
		{TBXML_REVIEW, "203.0.113.32 is taken for everything"},
		{TBXML_REVIEW, "nobody is granted replication"},
		{TBXML_LEFT, "UserStore on sql.int.proseware.test"},
		{TBXML_LEFT, "Registrar on dir.int.proseware.test"},
		{TBXML_LEFT, "MediationServer on med.int.proseware.test"},
	};
	struct tbxml t;

	load(&t, DIR "two-sites.tbxml");
	for (size_t i = 0; i < ARRAY_COUNT(NOTES); i++)
		ck_assert_msg(has_note(&t, NOTES[i].level, 0, NOTES[i].text),
			"no '%s'", NOTES[i].text);
	tbxml_fini(&t);
}
END_TEST

/* The first and the second machine of the pool lose their names. */
static char *nameless(char *text)
{
	static const char *const NAMES[] = {
		" Fqdn=\"edge1.int.proseware.test\"",
		" Fqdn=\"edge.int.proseware.test\">\n                  <Net"};

	for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++) {
		char *at = strstr(text, NAMES[i]);

		ck_assert_ptr_nonnull(at);
		memset(at, ' ', strcspn(at, ">"));
	}
	return text;
}

/* What the tables hold once is never dropped for its likeness. */
START_TEST(test_what_would_be_taken_once_is_told_not_dropped)
{
	const char *path = DIR "two-sites.tbxml";
	struct tbxml t;
	char *text;

	assert_error(changed(path, "Fqdn=\"edge.harbour.proseware.test\"",
		"Fqdn=\"edge.int.proseware.test\""), 0,
		"two edge pools are called edge.int.proseware.test");
	assert_error(changed(path, "Fqdn=\"edge2.int.", "Fqdn=\"edge3.int."),
		0, "two machines of edge pools are called edge3.int");
	/* Two without a name in one pool. */
	text = changed(path, "<Machine Fqdn=\"edge2.int.proseware.test\">",
		"<Machine Fqdn=\"edge.int.proseware.test\">");
	ck_assert_int_eq(tbxml_parse(&t, "t.xml", str_of(text), NULL), 0);
	tbxml_fini(&t);
	assert_error(nameless(text), 0, "must be alone in it");
	assert_error(changed(path, "InterfaceNumber=\"2\" IPAddress="
		"\"198.51.100.22\"", "InterfaceNumber=\"1\" IPAddress="
		"\"198.51.100.22\""), 0, "two addresses for external 1");
	text = changed(path, "Owner=\"urn:component:DataEdge\" Usage="
		"\"PsomServer\" InterfaceSide=\"Internal\" InterfaceNumber="
		"\"1\" Port=\"8057\" Protocol=\"Mtls\"",
		"Owner=\"urn:component:MediaRelayEdge\" Usage=\"TURNServer\""
		" InterfaceSide=\"Internal\" InterfaceNumber=\"1\""
		" Port=\"3478\" Protocol=\"Udp\"");
	ck_assert_int_eq(tbxml_parse(&t, "t.xml", str_of(text), NULL), 0);
	ck_assert(has_note(&t, TBXML_REVIEW, 0, "3478/udp is there 2 times"));
	tbxml_fini(&t);
	free(text);
}
END_TEST

START_TEST(test_links_that_lead_nowhere_are_errors)
{
	assert_error(changed(DIR "published.xml",
			     "<InstalledOn><ClusterId SiteId=\"1\" "
			     "Number=\"2\" />",
			     "<InstalledOn><ClusterId SiteId=\"1\" "
			     "Number=\"7\" />"),
		0, "EdgeServer is installed on a cluster that is not in the "
		"file: 1-7");
	assert_error(changed(DIR "one-address.tbxml",
			     "<Dependency ServiceUniqueId=\"00000011",
			     "<Dependency ServiceUniqueId=\"00000091"),
		0, "EdgeServer depends on a service that is not in the file");
}
END_TEST

START_TEST(test_edge_without_registrar_has_no_next_hop)
{
	assert_error(changed(DIR "published.xml", "RoleName=\"Registrar\"",
			     "RoleName=\"Registra\""),
		18, "depends on no Registrar");
}
END_TEST

START_TEST(test_duplicate_keys_are_errors)
{
	assert_error(changed(DIR "published.xml",
			     "<ServiceId SiteId=\"1\" RoleName="
			     "\"ConfServices\" Instance=\"1\" />",
			     "<ServiceId SiteId=\"1\" RoleName="
			     "\"Registrar\" Instance=\"1\" />"),
		0, "two services have the key 1-Registrar-1");
}
END_TEST

START_TEST(test_names_and_numbers_are_checked_with_their_line)
{
	assert_error(changed(DIR "published.xml", "Fqdn=\"edge.int",
			     "Fqdn=\"edge int"),
		18, "is not a host name");
	assert_error(changed(DIR "published.xml", "Port=\"8057\"",
			     "Port=\"80570\""),
		0, "'80570' is not a number from 1 to 65535");
	assert_error(changed(DIR "published.xml", "Port=\"8057\"", ""), 0,
		"Port has no Port");
	assert_error(changed(DIR "published.xml", "Range=\"10000\"",
			     "Range=\"20000\""),
		0, "end beyond 65535");
	assert_error(changed(DIR "published.xml", "172.16.0.31", "172.16.0"),
		0, "is not an address");
}
END_TEST

START_TEST(test_not_a_topology_says_what_it_should_begin_with)
{
	assert_refused("<a/>", EDGE_ECONFIG, "t.xml: line 1: this is not a "
		"topology");
	/* The right words in another namespace are other words. */
	assert_refused("<Topology xmlns='urn:x'/>", EDGE_ECONFIG,
		"this is not a topology");
	assert_refused("", EDGE_ECONFIG, "t.xml: line 1");
	assert_refused("<Topology", EDGE_ECONFIG, "t.xml: line 1");
}
END_TEST

/* Threat S15: entities would expand, or be fetched. */
START_TEST(test_S15_document_types_are_refused)
{
	assert_refused("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
		EDGE_ECONFIG, "document type declaration is not accepted");
	assert_refused("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
		EDGE_ECONFIG, "document type declaration is not accepted");
}
END_TEST

START_TEST(test_S15_depth_is_bounded)
{
	char *text = calloc(1, 16384);
	size_t at;

	strcpy(text, HEAD); /* NOLINT: it has room */
	at = strlen(text);
	for (int i = 0; i < 100; i++)
		at += (size_t)sprintf(text + at, "<a>"); /* NOLINT */
	assert_refused(text, EDGE_ETOOBIG, "inside each other");
	free(text);
}
END_TEST

START_TEST(test_S15_values_and_files_are_bounded)
{
	size_t len = 17u << 20;
	char *text = malloc(len + 1);

	memset(text, 'x', len);
	text[len] = '\0';
	assert_refused(text, EDGE_ETOOBIG, "more than 16 MiB");
	memcpy(text, HEAD, strlen(HEAD) - 1);
	memcpy(text + strlen(HEAD) - 1, " Signature=\"", 12);
	memcpy(text + 4000, "\"/>", 4);
	assert_refused(text, EDGE_ETOOBIG, "a value of more than");
	free(text);
}
END_TEST

/* Threat S2: what came from the file stays on its comment line. */
START_TEST(test_S2_line_ends_in_names_do_not_leave_their_comment)
{
	char *text = changed(DIR "published.xml", "RoleName=\"CentralMgmt\"",
		"RoleName=\"Evil&#10;lab: true&#13;\"");
	struct tbxml t;
	char *yaml = NULL;

	ck_assert_int_eq(tbxml_parse(&t, "a\nlab: true", str_of(text), NULL),
		0);
	ck_assert(!t.has_errors);
	ck_assert_int_eq(tbxml_yaml(&t, "a\nlab: true", &yaml, NULL), 0);
	ck_assert_ptr_null(strstr(yaml, "\nlab"));
	ck_assert_ptr_null(strchr(yaml, '\r'));
	free(yaml);
	tbxml_fini(&t);
	free(text);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("tbxml");
	TCase *t = tcase_create("import");

	tcase_add_test(t,
		test_one_address_pool_has_its_eleven_listeners_per_machine);
	tcase_add_test(t, test_three_addresses_come_by_interface_number);
	tcase_add_test(t,
		test_published_form_gives_the_same_and_the_replication_grant);
	tcase_add_test(t,
		test_grants_follow_dependencies_and_names_of_pool_and_machines);
	tcase_add_test(t, test_default_domain_comes_first_whatever_the_order);
	tcase_add_test(t, test_what_is_not_understood_is_listed_with_its_line);
	tcase_add_test(t,
		test_unknown_elements_and_attributes_are_counted_not_dropped);
	tcase_add_test(t, test_result_reads_back_and_passes_the_checks);
	tcase_add_test(t, test_clash_of_ports_is_told_for_review);
	tcase_add_test(t,
		test_any_address_on_an_edge_is_an_error_but_not_elsewhere);
	tcase_add_test(t, test_two_sites_obey_the_import_map_line_by_line);
	tcase_add_test(t, test_two_sites_list_what_has_no_line_in_the_map);
	tcase_add_test(t, test_what_would_be_taken_once_is_told_not_dropped);
	tcase_add_test(t, test_links_that_lead_nowhere_are_errors);
	tcase_add_test(t, test_edge_without_registrar_has_no_next_hop);
	tcase_add_test(t, test_duplicate_keys_are_errors);
	tcase_add_test(t, test_names_and_numbers_are_checked_with_their_line);
	tcase_add_test(t, test_not_a_topology_says_what_it_should_begin_with);
	tcase_add_test(t, test_S15_document_types_are_refused);
	tcase_add_test(t, test_S15_depth_is_bounded);
	tcase_add_test(t, test_S15_values_and_files_are_bounded);
	tcase_add_test(t,
		test_S2_line_ends_in_names_do_not_leave_their_comment);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
