/* A daemon that the topology gives this machine nothing to do. */
#include "tests/unit/daemon/toy.h"

/* No media relay here, so nothing for av-auth, which the toy is. */
static const char NOTHING[] =
	"domains: [%s]\n"
	"edges:\n"
	"  edge.test:\n"
	"    next_hop: fe.test\n"
	"    access:  {name: sip.one.test}\n"
	"    machines:\n"
	"      edge.test: {internal: 10.0.0.10, access: 198.51.100.10}\n"
	"servers: {fe.test: [sip]}\n";

static void activate_nothing(const char *domain)
{
	char text[512];

	snprintf(text, sizeof(text), NOTHING, domain);
	activate_text(text);
}

static void lose(const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", t.pki.dir, name);
	ck_assert_int_eq(unlink(path), 0);
}

static void rest(void)
{
	activate_nothing("one.test");
	spawn("--log-level=debug");
	await_bus();
	must_be("state", "\"idle\"");
}

START_TEST(test_no_work_needs_no_certificate)
{
	lose("edge.crt");
	lose("edge.key");
	rest();
	must_be("ports", "[]");
	must_be("certificates", "[]");
	must_be("domain", "(absent)"); /* the worker's own word */
	ck_assert_int_eq(kill(t.pid, SIGTERM), 0);
	must_exit(0);
	ck_assert_ptr_nonnull(strstr(output_text(), "event=daemon.idle"));
}
END_TEST

START_TEST(test_check_of_no_work_is_fine)
{
	lose("edge.crt");
	activate_nothing("one.test");
	spawn("--check");
	must_exit(0);
}
END_TEST

START_TEST(test_another_generation_without_work_is_taken)
{
	json_t *reply;

	rest();
	activate_nothing("two.test");
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 200);
	ck_assert(json_is_true(json_object_get(reply, "changed")));
	json_decref(reply);
	must_be("state", "\"idle\"");
	must_be("generation", "\"00000000-0000000000000002\"");
}
END_TEST

START_TEST(test_work_is_answered_then_it_ends_to_be_started_anew)
{
	json_t *reply;

	rest();
	activate("two.test");
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 200);
	ck_assert(json_is_true(json_object_get(reply, "changed")));
	json_decref(reply);
	must_exit(0);
	ck_assert_ptr_nonnull(strstr(output_text(), "event=daemon.called"));
	spawn("--log-level=debug");
	await_bus();
	must_be("state", "\"serving\"");
	must_be("domain", "\"two.test\"");
}
END_TEST

/* Else it would end and not come up again. */
START_TEST(test_work_that_it_could_not_do_is_refused)
{
	json_t *reply;

	lose("edge.crt");
	rest();
	activate("two.test");
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 409);
	ck_assert_ptr_nonnull(strstr(text_of(reply, "text"), "edge.crt"));
	json_decref(reply);
	activate("refused.test");
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 409);
	ck_assert_ptr_nonnull(strstr(text_of(reply, "text"), "the toy"));
	json_decref(reply);
	must_be("state", "\"degraded\"");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("daemon/daemon_rest");
	TCase *tc = tcase_create("daemon_rest");
	SRunner *runner;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_no_work_needs_no_certificate);
	tcase_add_test(tc, test_check_of_no_work_is_fine);
	tcase_add_test(tc, test_another_generation_without_work_is_taken);
	tcase_add_test(tc,
		test_work_is_answered_then_it_ends_to_be_started_anew);
	tcase_add_test(tc, test_work_that_it_could_not_do_is_refused);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
