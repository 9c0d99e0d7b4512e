/* connector.yaml: what it may say, and the message when it does not. */
#include <check.h>
#include <string.h>

#include "tests/unit/run/manual.h"
#include "webconf-edge/connector/connector_conf.h"

#define NEEDED                                          \
	"edges: [edge.a.test, edge2.a.test:9057]\n"     \
	"pool: Meet.A.test\n"                           \
	"certificate: {chain: /a/c.crt, key: /a/c.key}\n" \
	"trust: /a/ca.crt\n"                            \
	"target: 127.0.0.1:443\n"

static struct connector_conf *parse(const char *text)
{
	struct connector_conf *c = NULL;
	struct why why = {""};

	ck_assert_msg(connector_conf_parse(&c, "c.yaml", str_of(text), &why) ==
			0, "%s", why.text);
	return c;
}

START_TEST(test_defaults)
{
	struct connector_conf *c = parse(NEEDED);

	ck_assert_uint_eq(c->edge_count, 2);
	ck_assert_str_eq(c->edges[0].name, "edge.a.test");
	ck_assert_uint_eq(c->edges[0].port, 8057);
	ck_assert_uint_eq(c->edges[1].port, 9057);
	ck_assert_str_eq(c->pool, "meet.a.test");
	ck_assert_str_eq(c->target_host, "127.0.0.1");
	ck_assert_uint_eq(c->target_port, 443);
	ck_assert(!c->target_tls);
	ck_assert(!c->is_tls_server);
	ck_assert_int_eq(c->alg, TICKET_ED25519);
	ck_assert_uint_eq(c->lifetime_s, 300);
	ck_assert_uint_eq(c->sessions_max, 1000);
	ck_assert_str_eq(c->run_dir, "/run/sallyport");
	ck_assert_ptr_null(c->user);
	connector_conf_free(c);
}
END_TEST

START_TEST(test_everything)
{
	struct connector_conf *c = parse(NEEDED
		"target_tls: {trust: /a/t.crt, name: meet.a.test}\n"
		"tls_role: server\n"
		"ticket_algorithm: p256\n"
		"ticket_lifetime: 60\n"
		"max_sessions: 5\n"
		"max_warm: 8\n"
		"hosts: {edge.a.test: 10.0.0.1, edge2.a.test: [10.0.0.2, "
		"\"2001:db8::1\"]}\n"
		"state_dir: /s\n"
		"run_dir: /r\n"
		"user: nobody\n"
		"group: nogroup\n");

	ck_assert(c->target_tls && c->is_tls_server);
	ck_assert_str_eq(c->target_trust, "/a/t.crt");
	ck_assert_str_eq(c->target_name, "meet.a.test");
	ck_assert_int_eq(c->alg, TICKET_P256);
	ck_assert_uint_eq(c->lifetime_s, 60);
	ck_assert_uint_eq(c->warm_max, 8);
	ck_assert_uint_eq(c->net.host_count, 2);
	ck_assert_uint_eq(c->net.hosts[1].addr_count, 2);
	ck_assert_str_eq(c->group, "nogroup");
	connector_conf_free(c);
}
END_TEST

START_TEST(test_faults_name_file_line_and_cause)
{
	static const struct {
		const char *text;
		const char *says;
	} rows[] = {
		{"pool: a.test\n", "'edges' is missing"},
		{NEEDED "tagret: x\n", "'target'"},
		{NEEDED "target: nowhere\n", "given twice"},
		{NEEDED "max_warm: 0\n", "c.yaml:6:"},
		{NEEDED "ticket_lifetime: 28801\n", "from 10 to 28800"},
		{NEEDED "ticket_algorithm: hmac\n", "ed25519 or p256"},
		{NEEDED "tls_role: both\n", "client or server"},
		{NEEDED "hosts: {a.test: here}\n", "'here' is not an address"},
		{NEEDED "hosts: [a]\n", "address"},
		{NEEDED "target_tls: yes\n", "target_tls"},
		{"edges: []\n", "a list of edges"},
		{"edges: [\"a b\"]\npool: a\n", "not host:port"},
		{"- a\n", "a map is wanted"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct connector_conf *c = NULL;
		struct why why = {""};

		ck_assert_msg(connector_conf_parse(&c, "c.yaml",
				      str_of(rows[i].text), &why) < 0,
			"row %zu was taken", i);
		ck_assert_msg(strstr(why.text, rows[i].says) != NULL,
			"row %zu says: %s", i, why.text);
		ck_assert_ptr_null(c);
	}
}
END_TEST

START_TEST(test_every_key_is_in_the_manual)
{
	for (size_t i = 0; i < connector_conf_field_count(); i++)
		manual_has("docs/man/webconf-connector.8",
			connector_conf_field_at(i)->name);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("connector_conf");
	TCase *tc = tcase_create("connector_conf");
	SRunner *runner;
	int failures;

	tcase_add_test(tc, test_defaults);
	tcase_add_test(tc, test_everything);
	tcase_add_test(tc, test_faults_name_file_line_and_cause);
	tcase_add_test(tc, test_every_key_is_in_the_manual);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
