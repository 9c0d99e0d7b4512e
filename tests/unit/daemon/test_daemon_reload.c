/* What a running daemon takes, and what it refuses and keeps (R5, R25). */
#include "tests/unit/daemon/toy.h"

/* ---- reload ------------------------------------------------------------- */

START_TEST(test_reload_takes_a_new_generation)
{
	json_t *reply;

	start("one.test");
	activate("two.test");
	must_be("domain", "\"one.test\"");
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 200);
	ck_assert(json_is_true(json_object_get(reply, "changed")));
	ck_assert_str_eq(text_of(reply, "generation"),
		"00000000-0000000000000002");
	json_decref(reply);
	must_be("domain", "\"two.test\"");
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 200);
	ck_assert(json_is_false(json_object_get(reply, "changed")));
	json_decref(reply);
	must_be("applied", "1");
}
END_TEST

START_TEST(test_R25_refused_generation_keeps_the_old_one)
{
	static const char *const bad[] = {"refused.test", "late.test"};
	json_t *before;
	json_t *status;
	json_t *reply;

	start("one.test");
	before = status_now();
	activate(bad[_i]);
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 409);
	ck_assert_ptr_nonnull(strstr(text_of(reply, "text"), "the toy"));
	json_decref(reply);
	status = status_now();
	ck_assert_str_eq(text_of(status, "sha256"), text_of(before, "sha256"));
	ck_assert_str_eq(text_of(status, "domain"), "one.test");
	ck_assert_str_eq(text_of(status, "state"), "degraded");
	ck_assert_ptr_nonnull(
		strstr(text_of(json_object_get(status, "last_error"), "text"),
			"stays in force"));
	json_decref(status);
	json_decref(before);
	/* A good one afterwards is taken. */
	activate("two.test");
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 200);
	json_decref(reply);
	must_be("state", "\"serving\"");
	must_be("domain", "\"two.test\"");
}
END_TEST

START_TEST(test_R25_damaged_generation_keeps_the_old_one)
{
	json_t *reply;
	char path[512];
	char target[256];
	ssize_t n;
	FILE *f;

	start("one.test");
	activate("two.test");
	snprintf(path, sizeof(path), "%s/topology/current", t.state_dir);
	n = readlink(path, target, sizeof(target) - 1);
	ck_assert_int_gt(n, 0);
	target[n] = '\0';
	snprintf(path, sizeof(path), "%s/topology/%s", t.state_dir, target);
	f = fopen(path, "r+");
	ck_assert_ptr_nonnull(f);
	fputs("this is not a database", f);
	fclose(f);
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 409);
	json_decref(reply);
	must_be("domain", "\"one.test\"");
}
END_TEST

START_TEST(test_R6_what_waits_for_a_restart_is_told)
{
	json_t *reply;

	start("one.test");
	must_be("restart_needed", "[]");
	write_conf("workers: 3\n");
	must_be("restart_needed", "[\"edge.yaml\"]");
	write_topology("one.test", "settings: {av-auth: {tls_min: 1.3}}\n");
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 200);
	ck_assert_str_eq(json_string_value(json_array_get(
				 json_object_get(reply, "settings"), 0)),
		"tls_min");
	ck_assert_str_eq(json_string_value(json_array_get(
				 json_object_get(reply, "restart_needed"), 0)),
		"tls_min");
	json_decref(reply);
}
END_TEST

START_TEST(test_check_answers_and_changes_nothing)
{
	json_t *reply;
	char path[512];
	struct why why = {""};

	start("one.test");
	activate("refused.test");
	ck_assert_int_eq(generation_current_path(t.state_dir, path,
				 sizeof(path), &why),
		0);
	ck_assert_int_eq(
		post("/v1/check", json_pack("{s:s}", "generation", path),
			&reply),
		409);
	ck_assert_str_eq(text_of(reply, "text"), "the toy refuses this");
	json_decref(reply);
	activate("two.test");
	ck_assert_int_eq(generation_current_path(t.state_dir, path,
				 sizeof(path), &why),
		0);
	ck_assert_int_eq(
		post("/v1/check", json_pack("{s:s}", "generation", path),
			&reply),
		200);
	ck_assert(json_is_true(json_object_get(reply, "ok")));
	json_decref(reply);
	must_be("domain", "\"one.test\"");
	ck_assert_int_eq(post("/v1/check", NULL, &reply), 400);
	json_decref(reply);
}
END_TEST

START_TEST(test_R5_new_certificate_is_swapped_in)
{
	json_t *reply;

	start("one.test");
	pki_leaf(&t.pki, "ca", "edge", "DNS:new.test");
	chmod(pki_path(&t.pki, "edge.key"), 0644);
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 200);
	ck_assert_int_eq(json_integer_value(
				 json_object_get(reply, "certificates")),
		1);
	json_decref(reply);
	must_be("swapped", "1");
}
END_TEST

START_TEST(test_R25_bad_certificate_keeps_the_old_one)
{
	json_t *reply;
	json_t *status;
	json_t *row;

	start("one.test");
	pki_write(&t.pki, "edge.crt", "rubbish\n");
	ck_assert_int_eq(post("/v1/reload", NULL, &reply), 409);
	ck_assert_ptr_nonnull(strstr(text_of(reply, "text"), "edge.crt"));
	json_decref(reply);
	status = status_now();
	row = json_array_get(json_object_get(status, "certificates"), 0);
	ck_assert_str_eq(json_string_value(json_array_get(
				 json_object_get(row, "names"), 0)),
		"edge.test");
	json_decref(status);
	must_be("swapped", "0");
	must_be("state", "\"degraded\"");
}
END_TEST

START_TEST(test_hangup_signal_reloads)
{
	start("one.test");
	activate("two.test");
	ck_assert_int_eq(kill(t.pid, SIGHUP), 0);
	for (int i = 0; i < 200; i++) {
		json_t *status = status_now();
		bool done = strcmp(text_of(status, "domain"), "two.test") == 0;

		json_decref(status);
		if (done)
			return;
		usleep(10000);
	}
	ck_abort_msg("not reloaded: %s", output_text());
}
END_TEST

int main(void)
{
	Suite *s = suite_create("daemon/daemon_reload");
	TCase *tc = tcase_create("daemon");
	SRunner *runner;
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_reload_takes_a_new_generation);
	tcase_add_loop_test(tc, test_R25_refused_generation_keeps_the_old_one,
		0, 2);
	tcase_add_test(tc, test_R25_damaged_generation_keeps_the_old_one);
	tcase_add_test(tc, test_R6_what_waits_for_a_restart_is_told);
	tcase_add_test(tc, test_check_answers_and_changes_nothing);
	tcase_add_test(tc, test_R5_new_certificate_is_swapped_in);
	tcase_add_test(tc, test_R25_bad_certificate_keeps_the_old_one);
	tcase_add_test(tc, test_hangup_signal_reloads);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
