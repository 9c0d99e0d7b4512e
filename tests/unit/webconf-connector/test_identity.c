/* What `webconf-connector --check` says of user, group and folders. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "webconf-edge/connector/identity.h"

#define NEEDED                                            \
	"edges: [edge.a.test]\n"                          \
	"pool: meet.a.test\n"                             \
	"certificate: {chain: /a/c.crt, key: /a/c.key}\n" \
	"trust: /a/ca.crt\n"                              \
	"target: 127.0.0.1:443\n"

static char folder[] = "/tmp/test_identity.XXXXXX";

/* Fields of connector.yaml, and a part of what is said of them; "" = fine. */
static void expect(const char *fields, const char *wanted)
{
	struct connector_conf *c = NULL;
	struct why why = {""};
	char text[1024];
	int err;

	snprintf(text, sizeof(text), NEEDED "%s", fields);
	ck_assert_msg(connector_conf_parse(&c, "c.yaml", str_of(text), &why) ==
			0, "%s", why.text);
	err = identity_check(c, &why);
	ck_assert_int_eq(err, wanted[0] == '\0' ? 0 : EDGE_ECONFIG);
	ck_assert_msg(strstr(why.text, wanted) != NULL, "%s", why.text);
	connector_conf_free(c);
}

#define SOUND "run_dir: /tmp\nstate_dir: /tmp\n"

START_TEST(test_all_is_there)
{
	expect(SOUND, "");
	expect(SOUND "user: nobody\ngroup: nogroup\n", "");
}
END_TEST

START_TEST(test_a_user_that_does_not_exist)
{
	expect(SOUND "user: no-such-user\n", "user 'no-such-user' does not");
	expect(SOUND "user: root\n", "is root");
}
END_TEST

START_TEST(test_a_group_that_does_not_exist)
{
	expect(SOUND "group: no-such-group\n", "group 'no-such-group' does");
}
END_TEST

START_TEST(test_folders_that_do_not_exist)
{
	char text[256];

	snprintf(text, sizeof(text), "run_dir: %s/none\nstate_dir: %s\n",
		folder, folder);
	expect(text, "none: no such folder");
	/* Made at the start; the one above it is not. */
	snprintf(text, sizeof(text), "run_dir: %s\nstate_dir: %s/new\n",
		folder, folder);
	expect(text, "");
	snprintf(text, sizeof(text), "run_dir: %s\nstate_dir: %s/new/one\n",
		folder, folder);
	expect(text, "state_dir");
}
END_TEST

START_TEST(test_a_file_is_no_folder)
{
	expect("run_dir: /etc/passwd\nstate_dir: /tmp\n", "run_dir");
	expect("run_dir: /tmp\nstate_dir: /etc/passwd\n", "state_dir");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("identity");
	TCase *tc = tcase_create("identity");
	SRunner *runner;
	int failures;

	if (mkdtemp(folder) == NULL)
		return 1;
	tcase_add_test(tc, test_all_is_there);
	tcase_add_test(tc, test_a_user_that_does_not_exist);
	tcase_add_test(tc, test_a_group_that_does_not_exist);
	tcase_add_test(tc, test_folders_that_do_not_exist);
	tcase_add_test(tc, test_a_file_is_no_folder);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	rmdir(folder);
	return failures != 0;
}
