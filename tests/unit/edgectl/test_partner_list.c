/* One partner more, less or other in the current topology. */
#include "edgectl/partner_list.h"

#include <check.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/store/generation.h"
#include "tests/unit/check_main.h"

static char dir[64];
static struct conf conf;

static const char TEXT[] =
	"domains: [contoso.test]\n"
	"edges:\n"
	"  edge.int.contoso.test:\n"
	"    next_hop: fe.int.contoso.test\n"
	"    access: {name: sip.contoso.test}\n"
	"    machines:\n"
	"      edge.int.contoso.test: {internal: 10.0.0.10, access: "
	"198.51.100.10}\n"
	"servers: {fe.int.contoso.test: [sip]}\n"
	"partners: {old.test: allow, bad.test: block}\n";

static void setup(void)
{
	struct generation_stage *stage = NULL;
	struct topology_yaml *y = NULL;
	struct why why = {""};

	snprintf(dir, sizeof(dir), "/tmp/test-partner-list-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	memset(&conf, 0, sizeof(conf));
	conf.state_dir = dir;
	ck_assert_msg(generation_make_folders(dir, getuid(), getgid(),
		&why) == 0, "%s", why.text);
	ck_assert_msg(topology_yaml_parse(&y, "test", str_of(TEXT), &why) ==
		0, "%s", why.text);
	ck_assert_msg(generation_stage_new(&stage, dir, "test",
		topology_yaml_fill, y, &why) == 0, "%s", why.text);
	ck_assert_msg(generation_activate(stage, &why) == 0, "%s", why.text);
	topology_yaml_free(y);
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* The partners afterwards, as topology.yaml says them; NULL on refusal. */
static char *edited(enum partner_list_act act,
	const struct partner_list_entry *e, struct why *why)
{
	struct topology_yaml *y = NULL;
	struct sqlite3 *db = NULL;
	char *text = NULL, *at, *out = NULL;

	if (partner_list_edit(&y, &conf, act, e, why) != 0)
		return NULL;
	ck_assert_int_eq(topology_yaml_scratch(&db, y, why), 0);
	ck_assert_int_eq(topology_yaml_dump(db, &text, why), 0);
	at = strstr(text, "partners:\n");
	out = strdup(at != NULL ? at : "none");
	free(text);
	sqlite3_close(db);
	topology_yaml_free(y);
	return out;
}

static void expect(enum partner_list_act act,
	const struct partner_list_entry *e, const char *wanted)
{
	struct why why = {""};
	char *text = edited(act, e, &why);

	ck_assert_msg(text != NULL, "%s", why.text);
	ck_assert_msg(strncmp(text, wanted, strlen(wanted)) == 0, "%s", text);
	free(text);
}

START_TEST(test_allow_block_and_remove)
{
	const struct partner_list_entry fresh = {.domain = "New.TEST"};
	const struct partner_list_entry below = {.domain = "*.new.test"};
	const struct partner_list_entry old = {.domain = "old.test"};
	const struct partner_list_entry full = {.domain = "bad.test",
		.edge = "Sip.bad.test:5070", .verification = "never",
		.note = "since May"};

	expect(PARTNER_LIST_ALLOW, &fresh, "partners:\n  bad.test: block\n"
		"  new.test: allow\n  old.test: allow\n");
	expect(PARTNER_LIST_BLOCK, &below, "partners:\n"
		"  \"*.new.test\": block\n  bad.test: block\n"
		"  old.test: allow\n");
	expect(PARTNER_LIST_BLOCK, &old, "partners:\n  bad.test: block\n"
		"  old.test: block\n");
	expect(PARTNER_LIST_REMOVE, &old, "partners:\n  bad.test: block\n");
	expect(PARTNER_LIST_REMOVE, &fresh, "partners:\n  bad.test: block\n"
		"  old.test: allow\n");
	expect(PARTNER_LIST_ALLOW, &full, "partners:\n  bad.test: {edge: "
		"sip.bad.test:5070, verification: never, note: \"since May\"}\n"
		"  old.test: allow\n");
}
END_TEST

START_TEST(test_what_is_none_is_refused)
{
	static const struct partner_list_entry bad[] = {
		{.domain = ""}, {.domain = "*"}, {.domain = "*."},
		{.domain = "a b.test"}, {.domain = "192.0.2.1"},
		{.domain = "a.test\n"},
		{.domain = "new.test", .edge = "192.0.2.1"},
		{.domain = "new.test", .edge = "sip.new.test:0"},
		{.domain = "new.test", .edge = "sip.new.test:70000"},
		{.domain = "new.test", .edge = "sip.new.test:5061x"},
		{.domain = "new.test", .verification = "sometimes"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct why why = {""};

		ck_assert_msg(edited(PARTNER_LIST_ALLOW, &bad[i], &why) ==
			NULL, "%zu", i);
		ck_assert_str_ne(why.text, "");
	}
}
END_TEST

START_TEST(test_without_a_topology_it_says_what_to_do)
{
	const struct partner_list_entry e = {.domain = "new.test"};
	struct topology_yaml *y = NULL;
	struct why why = {""};

	conf.state_dir = (char *)(uintptr_t)"/nonexistent";
	ck_assert_int_eq(partner_list_edit(&y, &conf, PARTNER_LIST_ALLOW, &e,
		&why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, "topology apply"));
	conf.state_dir = dir;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/partner_list");
	TCase *c = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_allow_block_and_remove);
	tcase_add_test(c, test_what_is_none_is_refused);
	tcase_add_test(c, test_without_a_topology_it_says_what_to_do);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
