/* Tests of common/run/conf.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "common/base/err.h"
#include "common/run/conf.h"

static struct conf *parse(const char *text)
{
	struct conf *conf = NULL;
	struct why why = {""};
	int err = conf_parse(&conf, "edge.yaml", str_of(text), &why);

	ck_assert_msg(err == 0, "%s", why.text);
	return conf;
}

static void assert_refused(const char *text, const char *want)
{
	struct conf *conf = NULL;
	struct why why = {""};
	int err = conf_parse(&conf, "edge.yaml", str_of(text), &why);

	ck_assert_msg(err < 0, "taken: %s", text);
	ck_assert_msg(strstr(why.text, want) == why.text,
		"\"%s\" does not begin with \"%s\"", why.text, want);
}

START_TEST(test_one_line_is_enough)
{
	struct conf *conf = parse("machine: Edge.Int.contoso.test\n");

	ck_assert_str_eq(conf->path, "edge.yaml");
	ck_assert_str_eq(conf->machine, "edge.int.contoso.test");
	ck_assert_str_eq(conf->run_dir, "/run/sallyport");
	ck_assert_str_eq(conf->state_dir, "/var/lib/sallyport");
	ck_assert_str_eq(conf->certs[CONF_USE_EXTERNAL_SIP].chain,
		"/etc/sallyport/tls/external-sip.crt");
	ck_assert_str_eq(conf->certs[CONF_USE_INTERNAL].key,
		"/etc/sallyport/tls/internal.key");
	ck_assert(!conf->certs[CONF_USE_INTERNAL].is_set);
	ck_assert(!conf->certs[CONF_USE_EXTERNAL_AV].is_set);
	ck_assert_str_eq(conf->trust_internal,
		"/etc/sallyport/tls/internal-ca.crt");
	ck_assert_ptr_null(conf->trust_external);
	ck_assert_str_eq(conf->users[CONF_AV_EDGE], "sallyport-av-edge");
	ck_assert_uint_eq(conf->workers, 0);
	ck_assert_uint_eq(conf->host_count, 0);
	ck_assert_uint_eq(conf->resolver_external_count, 0);
	conf_free(conf);
}
END_TEST

START_TEST(test_every_key_is_read)
{
	struct conf *conf = parse(
		"machine: edge.int.contoso.test\n"
		"certificates:\n"
		"  external-sip: {chain: /a/sip.crt, key: /a/sip.key}\n"
		"  external-webconf: {chain: /a/w.crt, key: /a/w.key}\n"
		"  external-av: {chain: /a/av.crt, key: /a/av.key}\n"
		"  internal: {chain: /a/i.crt, key: /a/i.key}\n"
		"trust: {internal: /a/ca.crt, external: /a/pub.crt}\n"
		"resolver:\n"
		"  hosts: {FE.int.contoso.test: 10.0.0.20, b.test: [10.0.0.1, "
		"\"2001:db8::1\"]}\n"
		"  external: [198.51.100.53, \"[2001:db8::53]:5353\"]\n"
		"  internal: 10.0.0.53\n"
		"run_dir: /tmp/run/\n"
		"state_dir: /tmp/state\n"
		"users: {av-auth: a, av-edge: b, access-edge: c, webconf-edge: "
		"d, replication-agent: e}\n"
		"workers: 3\n");
	struct addr want;

	ck_assert_str_eq(conf->certs[CONF_USE_EXTERNAL_AV].chain,
		"/a/av.crt");
	ck_assert(conf->certs[CONF_USE_EXTERNAL_AV].is_set);
	ck_assert_str_eq(conf->certs[CONF_USE_INTERNAL].key, "/a/i.key");
	ck_assert_str_eq(conf->trust_external, "/a/pub.crt");
	ck_assert_uint_eq(conf->host_count, 2);
	ck_assert_str_eq(conf->hosts[0].name, "fe.int.contoso.test");
	ck_assert_uint_eq(conf->hosts[0].addr_count, 1);
	ck_assert_uint_eq(conf->hosts[1].addr_count, 2);
	ck_assert_int_eq(addr_parse_z("2001:db8::1", 0, &want), 0);
	ck_assert(addr_eq(&conf->hosts[1].addrs[1], &want));
	ck_assert_uint_eq(conf->resolver_external_count, 2);
	ck_assert_uint_eq(conf->resolver_external[0].port, 53);
	ck_assert_uint_eq(conf->resolver_external[1].port, 5353);
	ck_assert_uint_eq(conf->resolver_internal_count, 1);
	ck_assert_str_eq(conf->run_dir, "/tmp/run");
	ck_assert_str_eq(conf->users[CONF_REPLICATION_AGENT], "e");
	ck_assert_uint_eq(conf->workers, 3);
	conf_free(conf);
}
END_TEST

START_TEST(test_R7_mistakes_are_told_with_line_and_nearest_name)
{
	assert_refused("machin: a.test\n",
		"edge.yaml:1:1: unknown key 'machin': did you mean "
		"'machine'?");
	assert_refused("machine: a.test\ncertificates:\n  internl: {}\n",
		"edge.yaml:3:3: unknown key 'internl': did you mean "
		"'internal'?");
	assert_refused("machine: a.test\ncertificates: {internal: {chian: "
		       "/a}}\n",
		"edge.yaml:2:27: unknown key 'chian': did you mean 'chain'?");
	assert_refused("machine: a.test\nmachine: b.test\n",
		"edge.yaml:2:1: 'machine' is given twice");
	assert_refused("machine: a.test\nworkers: many\n",
		"edge.yaml:2:10: a number from 0");
	assert_refused("machine: a.test\nworkers: 257\n",
		"edge.yaml:2:10: a number from 0");
	assert_refused("run_dir: /run/x\n",
		"edge.yaml:1:1: 'machine' is missing");
	assert_refused("machine:\n", "edge.yaml:1:1: a host name belongs");
	assert_refused("machine: 10.0.0.1\n",
		"edge.yaml:1:10: '10.0.0.1' is not a host name");
	assert_refused("machine: [a.test]\n", "edge.yaml:1:10: a host name");
}
END_TEST

START_TEST(test_wrong_values_are_refused)
{
	assert_refused("machine: a.test\nstate_dir: var\n",
		"edge.yaml:2:12: 'var' is not an absolute path");
	assert_refused("machine: a.test\ntrust: {internal: }\n",
		"edge.yaml:2:9: a path belongs here");
	assert_refused("machine: a.test\ntrust: /a/b\n",
		"edge.yaml:2:8: a map of");
	assert_refused("machine: a.test\ncertificates: {internal: {key: /a}}"
		       "\n",
		"edge.yaml:2:16: 'internal' needs both: chain and key");
	assert_refused("machine: a.test\nresolver: {hosts: [a]}\n",
		"edge.yaml:2:19: a map of names belongs here");
	assert_refused("machine: a.test\nresolver: {hosts: {a.test: b}}\n",
		"edge.yaml:2:28: 'b' is not an address");
	assert_refused("machine: a.test\nresolver: {hosts: {a.test: []}}\n",
		"edge.yaml:2:28: 1 to 16 addresses");
	assert_refused("machine: a.test\nresolver: {hosts: {a.test: "
		       "\"10.0.0.1:53\"}}\n",
		"edge.yaml:2:28: '10.0.0.1:53' is not an address");
	assert_refused("machine: a.test\nresolver: {hosts: {\"a b\": "
		       "10.0.0.1}}\n",
		"edge.yaml:2:20: 'a b' is not a host name");
	assert_refused("machine: a.test\nresolver: {external: [10.0.0.1, "
		       "10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5]}\n",
		"edge.yaml:2:22: at most 4 name servers");
	assert_refused("machine: a.test\nusers: {av-edge: \"a b\"}\n",
		"edge.yaml:2:18: 'a b' is not a user name");
	/* The path of a socket below it must fit into 108 bytes. */
	assert_refused("machine: a.test\nrun_dir: /0123456789012345678901234"
		       "567890123456789012345678901234567890123456789012345678"
		       "\n",
		"edge.yaml:2:10: this path has 80 characters, at most 78");
}
END_TEST

START_TEST(test_R7_unreadable_file_is_named)
{
	struct conf *conf = NULL;
	struct why why = {""};

	ck_assert_int_eq(conf_load(&conf, "/nonexistent/edge.yaml", &why),
		-ENOENT);
	ck_assert_str_eq(why.text,
		"/nonexistent/edge.yaml: cannot read: no such file or "
		"directory");
}
END_TEST

START_TEST(test_shipped_sample_is_taken)
{
	struct conf *conf = NULL;
	struct why why = {""};
	int err = conf_load(&conf, "deploy/conf/edge.yaml", &why);

	ck_assert_msg(err == 0, "%s", why.text);
	conf_free(conf);
}
END_TEST

/* Prose is "# text"; what can be uncommented is "#key" or "#  key". */
START_TEST(test_what_the_sample_comments_out_is_right)
{
	FILE *from = fopen("deploy/conf/edge.yaml", "r");
	struct conf *conf;
	char line[256];
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(from);
	while (fgets(line, sizeof(line), from) != NULL) {
		bool is_prose = line[0] == '#' && line[1] == ' ' &&
			line[2] != ' ';

		fputs(is_prose || line[0] != '#' ? line : line + 1, to);
	}
	fclose(from);
	fclose(to);
	conf = parse(text);
	ck_assert_uint_eq(conf->host_count, 1);
	ck_assert_uint_eq(conf->resolver_internal_count, 1);
	ck_assert(conf->certs[CONF_USE_INTERNAL].is_set);
	conf_free(conf);
	free(text);
}
END_TEST

START_TEST(test_table_of_fields_says_what_is_needed)
{
	for (size_t i = 0; i < conf_field_count(); i++) {
		const struct conf_field *f = conf_field_at(i);

		ck_assert_ptr_nonnull(f->path);
		ck_assert_ptr_nonnull(f->kind);
		ck_assert_uint_gt(strlen(f->help), 8);
	}
}
END_TEST

START_TEST(test_every_key_is_in_the_manual)
{
	FILE *from = fopen("docs/man/edge.yaml.5", "r");
	static char page[65536];
	size_t len;

	ck_assert_ptr_nonnull(from);
	len = fread(page, 1, sizeof(page) - 1, from);
	page[len] = '\0';
	fclose(from);
	for (size_t i = 0; i < conf_field_count(); i++) {
		char path[128];
		char *rest = path;
		char *word;

		snprintf(path, sizeof(path), "%s", conf_field_at(i)->path);
		while ((word = strsep(&rest, ".")) != NULL) {
			char want[64];

			snprintf(want, sizeof(want), "Ic %s", word);
			ck_assert_msg(strstr(page, want) != NULL, "%s",
				conf_field_at(i)->path);
		}
	}
}
END_TEST

START_TEST(test_names_of_uses_and_daemons)
{
	enum conf_daemon d;

	ck_assert_str_eq(conf_use_name(CONF_USE_EXTERNAL_WEBCONF),
		"external-webconf");
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++) {
		ck_assert_int_eq(conf_daemon_parse(
			conf_daemon_name((enum conf_daemon)i), &d), 0);
		ck_assert_uint_eq(d, i);
	}
	ck_assert_int_eq(conf_daemon_parse("av", &d), EDGE_EUNKNOWN);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_test(tc, test_one_line_is_enough);
	tcase_add_test(tc, test_every_key_is_read);
	tcase_add_test(tc,
		test_R7_mistakes_are_told_with_line_and_nearest_name);
	tcase_add_test(tc, test_wrong_values_are_refused);
	tcase_add_test(tc, test_R7_unreadable_file_is_named);
	tcase_add_test(tc, test_shipped_sample_is_taken);
	tcase_add_test(tc, test_what_the_sample_comments_out_is_right);
	tcase_add_test(tc, test_table_of_fields_says_what_is_needed);
	tcase_add_test(tc, test_every_key_is_in_the_manual);
	tcase_add_test(tc, test_names_of_uses_and_daemons);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
