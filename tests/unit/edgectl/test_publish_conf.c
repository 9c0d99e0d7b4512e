/* publisher.yaml: what it may say, and the message when it does not. */
#include <check.h>
#include <string.h>

#include "common/base/err.h"
#include "edgectl/publish/publish_conf.h"
#include "tests/unit/run/manual.h"
#include "tests/unit/check_main.h"

#define NEEDED                                            \
	"name: Pub.A.test\n"                              \
	"certificate: {chain: /a/c.crt, key: /a/c.key}\n" \
	"trust: /a/ca.crt\n"

static struct publish_conf *parse(const char *text)
{
	struct publish_conf *c = NULL;
	struct why why = {""};

	ck_assert_msg(publish_conf_parse(&c, "p.yaml", str_of(text), &why) ==
			0, "%s", why.text);
	return c;
}

START_TEST(test_defaults)
{
	struct publish_conf *c = parse(NEEDED);

	ck_assert_str_eq(c->name, "pub.a.test");
	ck_assert_str_eq(c->chain, "/a/c.crt");
	ck_assert_str_eq(c->key, "/a/c.key");
	ck_assert_ptr_eq(c->driver, &RECORD_SQLITE);
	ck_assert_str_eq(c->record, "/var/lib/sallyport/publisher/record.db");
	ck_assert_uint_eq(c->signer_count, 1);
	ck_assert_str_eq(c->signers[0].key,
		"/var/lib/sallyport/publisher/signing.pem");
	ck_assert_uint_eq(c->canary_count, 0);
	ck_assert_uint_eq(c->parallel, 32);
	ck_assert(!c->is_all);
	ck_assert_uint_eq(c->hold_s, 30);
	ck_assert_uint_eq(c->key_life_s, 30 * 86400);
	ck_assert_ptr_null(c->user);
	publish_conf_free(c);
}
END_TEST

START_TEST(test_everything)
{
	struct publish_conf *c = parse(NEEDED
		"record: {postgres: \"service=sallyport\"}\n"
		"signing: [{key: /k.pem}, {command: [/bin/sign, -x], "
		"public: /p.pem}]\n"
		"canaries: [edge1.a.test, edge2.a.test]\n"
		"hold: 2m\nconfirm: 90s\npoll: 60\nparallel: 4\n"
		"edges_get: all\n"
		"expires: 30d\npool_key_life: 0s\nstate_dir: /s\n"
		"user: nobody\n");

	ck_assert_ptr_eq(c->driver, &RECORD_POSTGRES);
	ck_assert_str_eq(c->record, "service=sallyport");
	ck_assert_uint_eq(c->signer_count, 2);
	ck_assert_str_eq(c->signers[1].command[1], "-x");
	ck_assert_ptr_null(c->signers[1].command[2]);
	ck_assert_uint_eq(c->canary_count, 2);
	ck_assert_str_eq(c->canaries[1], "edge2.a.test");
	ck_assert_uint_eq(c->hold_s, 120);
	ck_assert_uint_eq(c->poll_s, 60);
	ck_assert_uint_eq(c->parallel, 4);
	ck_assert(c->is_all);
	ck_assert_uint_eq(c->expires_s, 30 * 86400);
	ck_assert_uint_eq(c->key_life_s, 0);
	publish_conf_free(c);
}
END_TEST

START_TEST(test_faults_name_file_line_and_cause)
{
	static const struct {
		const char *text;
		const char *says;
	} rows[] = {
		{"trust: /a\n", "'name' is missing"},
		{NEEDED "nmae: x\n", "p.yaml:4:1"},
		{NEEDED "record: /r.db\n", "{sqlite: FILE}"},
		{NEEDED "record: {postgres: \"postgresql://a:b@c/d\"}\n",
			"no password here"},
		{NEEDED "record: {postgres: \"password=x\"}\n",
			"no password here"},
		{NEEDED "signing: []\n", "a list of 1 to"},
		{NEEDED "signing: [{key: /k, public: /p}]\n", "{key: FILE}"},
		{NEEDED "signing: [{command: [sign], public: /p}]\n",
			"the whole path"},
		{NEEDED "canaries: [\"a b\"]\n", "'a b' is not a host name"},
		{NEEDED "parallel: 257\n", "from 1 to 256"},
		{NEEDED "edges_get: some\n", "own or all"},
		{NEEDED "parallel: 0\n", "from 1 to 256"},
		{NEEDED "confirm: 0s\n", "a time from 1s"},
		{NEEDED "hold: 2w\n", "a time from 0s"},
		{NEEDED "expires: 50000000d\n", "a time from 3600s"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct publish_conf *c = NULL;
		struct why why = {""};

		ck_assert_msg(publish_conf_parse(&c, "p.yaml",
				      str_of(rows[i].text), &why) ==
				EDGE_ECONFIG, "row %zu was taken", i);
		ck_assert_msg(strstr(why.text, rows[i].says) != NULL,
			"row %zu says: %s", i, why.text);
		ck_assert_ptr_null(c);
	}
}
END_TEST

START_TEST(test_every_key_is_in_the_manual)
{
	for (size_t i = 0; i < publish_conf_field_count(); i++)
		manual_has("docs/man/publisher.yaml.5",
			publish_conf_field_at(i)->name);
}
END_TEST

int main(void)
{
	RUN_SUITE("edgectl/publish_conf", test_defaults, test_everything,
		test_faults_name_file_line_and_cause,
		test_every_key_is_in_the_manual);
}
