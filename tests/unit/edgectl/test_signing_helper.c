/* Tests of edgectl/publish/signing_helper.c, with small commands. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "common/base/err.h"
#include "edgectl/publish/signing_helper.h"

static char folder[64];
static char script[96];
static struct publish_conf conf;
static struct signing signing;

/* A public key as good as any: nobody verifies here. */
static void write_public(const char *path)
{
	char command[300];

	snprintf(command, sizeof(command),
		"openssl genpkey -algorithm ed25519 2>/dev/null |"
		" openssl pkey -pubout -out %s", path);
	ck_assert_int_eq(system(command), 0);
}

static void write_script(const char *text)
{
	FILE *f = fopen(script, "we");

	ck_assert_ptr_nonnull(f);
	fprintf(f, "#!/bin/sh\n%s\n", text);
	fclose(f);
	ck_assert_int_eq(chmod(script, 0755), 0);
}

static void setup(void)
{
	struct why why = {""};
	static char public[96];

	snprintf(folder, sizeof(folder), "/tmp/test_helper.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	signal(SIGPIPE, SIG_IGN); /* as edgectl has it */
	snprintf(script, sizeof(script), "%s/sign", folder);
	snprintf(public, sizeof(public), "%s/public.pem", folder);
	write_public(public);
	memset(&conf, 0, sizeof(conf));
	conf.signer_count = 1;
	conf.signers[0].command[0] = script;
	conf.signers[0].public = public;
	ck_assert_msg(signing_open(&signing, &conf, &why) == 0, "%s",
		why.text);
}

static void teardown(void)
{
	char command[128];

	signing_fini(&signing);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static int sign(uint8_t out[static BUNDLE_SIGNATURE_LEN], struct why *why)
{
	uint8_t input[BUNDLE_INPUT_LEN];

	memset(input, 'i', sizeof(input));
	return signing.signers[0].sign(signing.signers[0].arg, input, out,
		why);
}

START_TEST(test_helper_runs_the_command_and_hands_back_what_it_says)
{
	uint8_t out[BUNDLE_SIGNATURE_LEN] = {0};
	struct why why = {""};

	/* Its process is a child of the helper, not ours. */
	write_script("head -c 47; printf '%s' \"$PPID\" | head -c 17;"
		     " head -c 17 /dev/zero | head -c $((17 - ${#PPID}))");
	ck_assert_int_eq(signing_delegate(&signing, &why), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_msg(sign(out, &why) == 0, "%s", why.text);
		ck_assert_int_eq(out[46], 'i');
		ck_assert_int_ne(atoi((const char *)out + 47), getpid());
	}
}
END_TEST

START_TEST(test_command_that_fails_says_so_through_the_helper)
{
	uint8_t out[BUNDLE_SIGNATURE_LEN];
	struct why why = {""};

	write_script("exit 3");
	ck_assert_int_eq(signing_delegate(&signing, &why), 0);
	ck_assert_int_eq(sign(out, &why), EDGE_EREFUSED);
	ck_assert_msg(strstr(why.text, "not status 3 and 0 bytes") != NULL,
		"%s", why.text);
}
END_TEST

START_TEST(test_helper_that_died_is_told_not_waited_for)
{
	uint8_t out[BUNDLE_SIGNATURE_LEN];
	struct why why = {""};

	write_script("kill -9 \"$PPID\"; sleep 1");
	ck_assert_int_eq(signing_delegate(&signing, &why), 0);
	ck_assert_int_eq(sign(out, &why), EDGE_EPEER);
	ck_assert_ptr_nonnull(strstr(why.text, "restart this service"));
	ck_assert_int_eq(sign(out, &why), EDGE_EPEER);
	ck_assert_int_gt(waitpid(-1, NULL, 0), 0);
}
END_TEST

START_TEST(test_helper_ends_with_its_publisher)
{
	struct why why = {""};
	int status = -1;

	write_script("exit 3");
	ck_assert_int_eq(signing_delegate(&signing, &why), 0);
	signing_fini(&signing);
	ck_assert_int_gt(waitpid(-1, &status, 0), 0);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(test_S18_command_gets_no_descriptor_of_ours)
{
	uint8_t out[BUNDLE_SIGNATURE_LEN] = {0};
	struct why why = {""};
	int leaked = dup(STDOUT_FILENO); /* without FD_CLOEXEC */

	/* ls has its own three and the folder it lists. */
	write_script("n=$(ls /proc/self/fd | wc -l); printf '%064d' \"$n\"");
	ck_assert_int_ge(leaked, 3);
	ck_assert_int_eq(signing_delegate(&signing, &why), 0);
	ck_assert_msg(sign(out, &why) == 0, "%s", why.text);
	ck_assert_int_eq(out[63], '4');
	close(leaked);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("signing_helper");
	TCase *t = tcase_create("signing_helper");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t,
		test_helper_runs_the_command_and_hands_back_what_it_says);
	tcase_add_test(t,
		test_command_that_fails_says_so_through_the_helper);
	tcase_add_test(t, test_helper_that_died_is_told_not_waited_for);
	tcase_add_test(t, test_helper_ends_with_its_publisher);
	tcase_add_test(t, test_S18_command_gets_no_descriptor_of_ours);
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
