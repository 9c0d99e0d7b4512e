/* Tests of common/store/topology.c. */
#include <errno.h>
#include <sys/stat.h>

#include "samples.h"

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/run/conf.h"
#include "common/store/generation.h"
#include "common/store/sql.h"
#include "common/store/topology.h"
#include "common/store/topology_port.h"

static char *state_dir;

static void setup(void)
{
	state_dir = sample_folder();
}

static void teardown(void)
{
	sample_remove(state_dir);
}

/* Make text the current generation and give its path. */
static const char *publish(const char *text)
{
	static char path[512];
	struct topology_yaml *y = sample_yaml(text);
	struct generation_stage *stage = NULL;
	struct why why = {""};

	ck_assert_msg(generation_stage_new(&stage, state_dir, "test",
		topology_yaml_fill, y, &why) == 0, "%s", why.text);
	ck_assert_int_eq(generation_activate(stage, &why), 0);
	topology_yaml_free(y);
	ck_assert_int_eq(generation_current_path(state_dir, path,
		sizeof(path), &why), 0);
	return path;
}

static struct topology *load(const char *text, const char *machine)
{
	struct topology *t = NULL;
	struct why why = {""};
	int err = topology_load(&t, publish(text), machine, &why);

	ck_assert_msg(err == 0, "%s", why.text);
	return t;
}

static void assert_addr(const struct addr *a, const char *want)
{
	char text[ADDR_TEXT_LEN];

	ck_assert_str_eq(addr_text(a, text), want);
}

START_TEST(test_sample_is_read_for_its_machine)
{
	struct topology *t = load(SAMPLE, "EDGE.int.contoso.test");
	const struct topology_listener *l;
	char version[TOPOLOGY_VERSION_LEN];

	ck_assert_str_eq(topology_version_text(t, version),
		"00000000-0000000000000001");
	ck_assert_uint_eq(strlen(t->sha256), 64);
	ck_assert_str_eq(t->machine, "edge.int.contoso.test");
	ck_assert_str_eq(t->pool, "edge.int.contoso.test");
	ck_assert_int_eq(t->state, TOPOLOGY_ACTIVE);
	ck_assert(!t->lab);
	ck_assert_str_eq(t->default_domain, "contoso.test");
	ck_assert(topology_has_domain(t, STR_LIT("Contoso.TEST")));
	ck_assert(!topology_has_domain(t, STR_LIT("b.contoso.test")));
	ck_assert_uint_eq(t->listener_count, 11);
	ck_assert_uint_eq(t->hop_count, 1);
	ck_assert_str_eq(t->hops[0].fqdn, "fe.int.contoso.test");
	ck_assert_uint_eq(t->hops[0].port, 5061);
	ck_assert_uint_eq(t->partner_count, 1);
	ck_assert_str_eq(t->partners[0].edge_fqdn, "sip.fabrikam.test");
	ck_assert_uint_eq(t->partners[0].edge_port, 5061);

	l = topology_listener(t, TOPOLOGY_SIP_CLIENT, TOPOLOGY_EXTERNAL);
	ck_assert_ptr_nonnull(l);
	assert_addr(&l->address, "198.51.100.10:443");
	ck_assert(!addr_is_set(&l->nat));
	ck_assert_str_eq(l->public_fqdn, "sip.contoso.test");
	ck_assert_uint_eq(l->public_port, 443);
	l = topology_listener(t, TOPOLOGY_AUTH, TOPOLOGY_INTERNAL);
	assert_addr(&l->address, "10.0.0.10:5062");
	ck_assert_ptr_null(topology_listener(t, TOPOLOGY_AUTH,
		TOPOLOGY_EXTERNAL));
	l = topology_listener(t, TOPOLOGY_TURN_UDP, TOPOLOGY_EXTERNAL);
	assert_addr(&l->address, "198.51.100.30:3478");

	ck_assert_uint_eq(t->media_count, 1);
	assert_addr(&t->media[0].address, "198.51.100.30:0");
	ck_assert_uint_eq(t->media[0].port, 50000);
	ck_assert_uint_eq(t->media[0].port_count, 10000);

	ck_assert_ptr_nonnull(topology_trusted(t, TOPOLOGY_GRANT_SIP,
		"FE.int.contoso.test"));
	ck_assert_ptr_null(topology_trusted(t, TOPOLOGY_GRANT_SIP,
		"cms.int.contoso.test"));
	ck_assert_ptr_null(topology_trusted(t, TOPOLOGY_GRANT_REPLICATION,
		"fe.int.contoso.test"));
	topology_unref(t);
}
END_TEST

START_TEST(test_own_addresses_are_known)
{
	struct topology *t = load(
		"domains: [a.test]\nedges:\n  e.a.test:\n"
		"    next_hop: fe.a.test\n    av: {name: av.a.test}\n"
		"    machines:\n      e.a.test: {internal: 10.0.0.1, av: "
		"[{address: 192.0.2.1, nat: 203.0.113.1}, \"2001:db8::1\"]}\n",
		"e.a.test");
	static const struct {
		const char *text;
		bool is_own;
	} ROWS[] = {{"10.0.0.1", true}, {"192.0.2.1", true},
		{"203.0.113.1", true}, {"2001:db8::1", true},
		{"::ffff:10.0.0.1", true}, {"10.0.0.2", false},
		{"2001:db8::2", false}};

	for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++) {
		struct addr a;

		ck_assert_int_eq(addr_parse_z(ROWS[i].text, 9, &a), 0);
		ck_assert_msg(topology_is_own(t, &a) == ROWS[i].is_own, "%s",
			ROWS[i].text);
	}
	/* One range for each family, with what the other side sees. */
	ck_assert_uint_eq(t->media_count, 2);
	assert_addr(&t->media[0].nat, "203.0.113.1:0");
	ck_assert(!addr_is_set(&t->media[1].nat));
	assert_addr(&topology_listener(t, TOPOLOGY_TURN_UDP,
		TOPOLOGY_EXTERNAL)->nat, "203.0.113.1:3478");
	topology_unref(t);
}
END_TEST

#define TWO                                                                 \
	"domains: [a.test]\nedges:\n  p.a.test:\n"                          \
	"    next_hop: [fe1.a.test, fe2.a.test:5071]\n"                     \
	"    access: {name: sip.a.test}\n"                                  \
	"    settings: {access-edge: {client_rate: 2, client_burst: 2}}\n"  \
	"    machines:\n"                                                   \
	"      e1.a.test: {internal: 10.0.0.1, access: 192.0.2.1}\n"        \
	"      e2.a.test: {internal: 10.0.0.2, access: 192.0.2.2, state: "  \
	"drain, settings: {access-edge: {client_rate: 3}}}\n"               \
	"      e3.a.test: {internal: 10.0.0.3, access: 192.0.2.3, state: "  \
	"disabled}\n"                                                       \
	"settings:\n"                                                       \
	"  access-edge: {client_rate: 1, client_burst: 1, ms_headers: "     \
	"false}\n"

START_TEST(test_narrowest_scope_wins_key_by_key)
{
	struct topology *t = load(TWO, "e2.a.test");
	const struct setting_set *s = topology_settings(t, "access-edge");

	ck_assert_uint_eq(setting_number(s, "client_rate"), 3);
	ck_assert_uint_eq(setting_number(s, "client_burst"), 2);
	ck_assert(!setting_bool(s, "ms_headers"));
	ck_assert_int_eq(t->state, TOPOLOGY_DRAIN);
	ck_assert_uint_eq(t->hops[1].port, 5071);
	ck_assert_ptr_null(topology_settings(t, "nobody"));
	ck_assert_ptr_nonnull(topology_settings(t, "webconf-edge"));
	topology_unref(t);
	t = load(TWO, "e1.a.test");
	s = topology_settings(t, "access-edge");
	ck_assert_uint_eq(setting_number(s, "client_rate"), 2);
	topology_unref(t);
}
END_TEST

START_TEST(test_disabled_machine_has_no_listeners)
{
	struct topology *t = load(TWO, "e3.a.test");

	ck_assert_int_eq(t->state, TOPOLOGY_DISABLED);
	ck_assert_uint_eq(t->listener_count, 0);
	ck_assert_uint_eq(t->media_count, 0);
	topology_unref(t);
}
END_TEST

START_TEST(test_machine_that_is_not_in_it_is_told)
{
	const char *path = publish(SAMPLE);
	struct topology *t = NULL;
	struct why why = {""};

	ck_assert_int_eq(topology_load(&t, path, "other.test", &why),
		EDGE_EUNKNOWN);
	ck_assert_ptr_nonnull(strstr(why.text,
		"machine 'other.test' is not in the topology"));
	ck_assert_int_eq(topology_load(&t, "/nonexistent.db", "e.test", &why),
		-ENOENT);
	ck_assert_ptr_null(t);
}
END_TEST

/* A federation port of the pool is closed on the machine that says no. */
START_TEST(test_federation_is_a_setting_of_the_machine)
{
	static const char TEXT[] =
		"domains: [a.test]\nedges:\n  p.a.test:\n"
		"    next_hop: fe.a.test\n    access: {name: sip.a.test}\n"
		"    machines:\n"
		"      e1.a.test: {internal: 10.0.0.1, access: 192.0.2.1}\n"
		"      e2.a.test: {internal: 10.0.0.2, access: 192.0.2.2, "
		"settings: {access-edge: {allow_federated_users: false}}}\n"
		"settings: {access-edge: {allow_federated_users: true}}\n";
	struct topology *t = load(TEXT, "e1.a.test");

	ck_assert_ptr_nonnull(topology_listener(t, TOPOLOGY_SIP_FEDERATION,
		TOPOLOGY_EXTERNAL));
	topology_unref(t);
	t = load(TEXT, "e2.a.test");
	ck_assert_ptr_null(topology_listener(t, TOPOLOGY_SIP_FEDERATION,
		TOPOLOGY_EXTERNAL));
	topology_unref(t);
}
END_TEST

/* ---- generations of another making -------------------------------------- */

struct change {
	const char *sql;
};

static int fill_changed(struct sqlite3 *db, void *arg, struct why *why)
{
	const struct change *c = arg;
	struct topology_yaml *y = sample_yaml(SAMPLE);
	int err = topology_yaml_fill(db, y, why);

	topology_yaml_free(y);
	return err < 0 ? err : sql_script(db, why, c->sql);
}

static int load_changed(const char *sql, struct topology **out,
	struct why *why)
{
	struct change c = {sql};
	struct generation_stage *stage = NULL;
	char path[512];

	ck_assert_msg(generation_stage_new(&stage, state_dir, "test",
		fill_changed, &c, why) == 0, "%s", why->text);
	ck_assert_int_eq(generation_activate(stage, why), 0);
	ck_assert_int_eq(generation_current_path(state_dir, path,
		sizeof(path), why), 0);
	return topology_load(out, path, "edge.int.contoso.test", why);
}

static void swallow(const char *line, void *arg)
{
	*(int *)arg += strstr(line, "setting.skipped") != NULL;
}

START_TEST(test_unknown_setting_is_skipped_and_logged)
{
	struct topology *t = NULL;
	struct why why = {""};
	int lines = 0;

	log_capture(swallow, &lines);
	ck_assert_int_eq(load_changed("INSERT INTO setting VALUES('global',"
		"'av-edge','tomorrow','1')", &t, &why), 0);
	log_capture(NULL, NULL);
	ck_assert_int_eq(lines, 1);
	topology_unref(t);
}
END_TEST

START_TEST(test_bad_rows_are_refused)
{
	static const char *const BAD[] = {
		("INSERT INTO setting VALUES('global','av-edge',"
		 "'nonce_lifetime','1')"),
		"UPDATE net_interface SET address='ten' WHERE side='external'",
		"UPDATE net_interface SET nat_address='x' WHERE number=3",
		"UPDATE next_hop SET fqdn=printf('%.300c','a')",
		"UPDATE sip_domain SET name=printf('%.300c','a')",
		"UPDATE trusted_server SET server_uuid=printf('%.99c','a')",
	};

	for (size_t i = 0; i < ARRAY_COUNT(BAD); i++) {
		struct topology *t = NULL;
		struct why why = {""};

		ck_assert_msg(load_changed(BAD[i], &t, &why) < 0, "%s",
			BAD[i]);
		ck_assert_str_ne(why.text, "");
		ck_assert_ptr_null(t);
	}
}
END_TEST

START_TEST(test_rows_of_other_products_are_not_bound)
{
	struct topology *t = NULL;
	struct why why = {""};

	ck_assert_int_eq(load_changed("INSERT INTO endpoint(service_id,"
		"component,usage,side,port,transport) VALUES(1,"
		"'XmppFederationProxy','XmppServer','external',5269,'tls')",
		&t, &why), 0);
	ck_assert_uint_eq(t->listener_count, 11);
	topology_unref(t);
}
END_TEST

/* R25: a reload is a new snapshot beside the old one; who holds the old one
 * keeps it whole, the last user frees it. */
START_TEST(test_R25_old_snapshot_lives_as_long_as_its_users)
{
	struct topology *first = load(SAMPLE, "edge.int.contoso.test");
	struct topology *session = topology_ref(first);
	struct topology *second = load(SAMPLE_HEAD SAMPLE_SERVERS,
		"edge.int.contoso.test");

	topology_unref(first);
	ck_assert_uint_eq(session->listener_count, 11);
	ck_assert_uint_eq(second->listener_count, 10);
	ck_assert_uint_eq(second->serial, session->serial + 1);
	topology_unref(session);
	topology_unref(second);
	topology_unref(NULL);
}
END_TEST

START_TEST(test_R25_failed_reload_leaves_the_old_snapshot)
{
	struct topology *t = load(SAMPLE, "edge.int.contoso.test");
	struct topology *next = NULL;
	struct why why = {""};

	ck_assert_int_lt(load_changed("UPDATE net_interface SET address='x'",
		&next, &why), 0);
	ck_assert_ptr_null(next);
	ck_assert_uint_eq(t->listener_count, 11);
	ck_assert_str_eq(t->default_domain, "contoso.test");
	topology_unref(t);
}
END_TEST

START_TEST(test_table_of_ports_is_sound)
{
	for (size_t i = 0; i < topology_port_count(); i++) {
		const struct topology_port *p = topology_port_at(i);

		ck_assert_ptr_eq(topology_port_find(p->component,
			p->usage_name, topology_side_name(p->side),
			p->transport), p);
		ck_assert_ptr_nonnull(p->admin_name);
		ck_assert_ptr_nonnull(topology_usage_name(p->usage));
		ck_assert_ptr_nonnull(topology_usage_daemon(p->usage));
		ck_assert_uint_gt(p->port, 0);
	}
	ck_assert_str_eq(topology_usage_daemon(TOPOLOGY_AUTH), "av-auth");
	ck_assert_ptr_null(topology_port_find("AccessEdge", "SipClient",
		"internal", "tls"));
}
END_TEST

/* Both sides on the loopback device: the laboratory's case. */
START_TEST(test_sides_on_one_device_are_noticed)
{
	struct topology *t = load(
		"lab: true\ndomains: [a.test]\nedges:\n  e.a.test:\n"
		"    next_hop: fe.a.test\n    access: {name: sip.a.test}\n"
		"    machines:\n      e.a.test: {internal: 127.0.0.1, access: "
		"127.0.0.2}\n", "e.a.test");

	ck_assert(t->lab);
	ck_assert(!t->sides_separated);
	topology_unref(t);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("topology");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_sample_is_read_for_its_machine);
	tcase_add_test(tc, test_own_addresses_are_known);
	tcase_add_test(tc, test_narrowest_scope_wins_key_by_key);
	tcase_add_test(tc, test_disabled_machine_has_no_listeners);
	tcase_add_test(tc, test_machine_that_is_not_in_it_is_told);
	tcase_add_test(tc, test_federation_is_a_setting_of_the_machine);
	tcase_add_test(tc, test_unknown_setting_is_skipped_and_logged);
	tcase_add_test(tc, test_bad_rows_are_refused);
	tcase_add_test(tc, test_rows_of_other_products_are_not_bound);
	tcase_add_test(tc, test_R25_old_snapshot_lives_as_long_as_its_users);
	tcase_add_test(tc, test_R25_failed_reload_leaves_the_old_snapshot);
	tcase_add_test(tc, test_table_of_ports_is_sound);
	tcase_add_test(tc, test_sides_on_one_device_are_noticed);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
