/*
 * The way back (replication-agent/keeper_activate.c) when something is in its
 * way: texts that are cut within a character, a disk that takes nothing.
 */
#include "keepers.h"

/* Each one two bytes: any bound cuts within a character for one of the two. */
static void umlauts(char *out, size_t len, bool is_odd)
{
	size_t n = 0;

	if (is_odd)
		out[n++] = 'x';
	while (n + 2 < len) {
		memcpy(out + n, "\u00fc", 2);
		n += 2;
	}
	out[n] = '\0';
}

START_TEST(test_revert_pins_whatever_the_reason_is_made_of)
{
	for (int i = 0; i < 2; i++) {
		struct record_facts facts;
		char reason[400];
		struct pin pin;
		struct why why = {""};

		umlauts(reason, sizeof(reason), i == 1);
		ck_assert_int_eq(bring(1, 3 * i + 1), 200);
		ck_assert_int_eq(bring(1, 3 * i + 2), 200);
		record_get(keeper.record, &facts);
		keeper_revert(&keeper, &facts, reason);
		ck_assert_int_eq(current_number(), 3 * i + 1);
		ck_assert(pin_read(&pin, state_dir));
		ck_assert_ptr_nonnull(strstr(pin.reason, "\u00fc"));
		ck_assert_int_eq(pin_clear(state_dir, &why), 0);
	}
}
END_TEST

/* A name that can't be written, as when the disk is full. */
START_TEST(test_revert_goes_back_though_nothing_can_be_written)
{
	struct record_facts facts;
	char path[PATH_MAX];

	ck_assert_int_eq(bring(1, 1), 200);
	ck_assert_int_eq(bring(1, 2), 200);
	record_get(keeper.record, &facts);
	snprintf(path, sizeof(path), "%s/replication-agent/.pin.json.new",
		state_dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/replication-agent/.state.json.new",
		state_dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	keeper_revert(&keeper, &facts, "av-edge: does not like it");
	ck_assert_int_eq(current_number(), 1);
}
END_TEST

/* The source of a generation is cut from it, and told as JSON. */
START_TEST(test_long_reason_leaves_a_source_that_can_be_told)
{
	for (int i = 0; i < 2; i++) {
		struct bundle_manifest m = manifest_of(1, (uint64_t)i + 1);
		struct bundle_bytes b;
		char *yaml = numbered_yaml(i + 1);
		json_t *told;

		umlauts(m.reason, sizeof(m.reason), i == 1);
		make_bundle(&b, &m, yaml);
		ck_assert_int_eq(stage(&b), 201);
		ck_assert_int_eq(activate(&b, m.version), 200);
		told = json_string(keeper.view.current.source);
		ck_assert_ptr_nonnull(told);
		json_decref(told);
		bundle_bytes_fini(&b);
		free(yaml);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keeper_revert");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_revert_pins_whatever_the_reason_is_made_of);
	tcase_add_test(tc,
		test_revert_goes_back_though_nothing_can_be_written);
	tcase_add_test(tc,
		test_long_reason_leaves_a_source_that_can_be_told);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
