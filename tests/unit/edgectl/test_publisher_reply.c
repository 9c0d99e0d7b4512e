/* Tests of edgectl/publish/publisher_reply.c: what agents' words mean. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "edgectl/publish/publisher_priv.h"

static char text[400];

static const struct bundle_version WANTED = {3, 7};

static enum rollout_event judge(const char *json)
{
	json_t *status = json_loads(json, 0, NULL);
	enum rollout_event event = publisher_judge(status, WANTED, text,
		sizeof(text));

	json_decref(status);
	return event;
}

static void refuse(long status, const char *json)
{
	json_t *body = json_loads(json, 0, NULL);

	publisher_refusal(status, body, text, sizeof(text));
	json_decref(body);
}

START_TEST(test_current_and_run_by_all_is_active)
{
	ck_assert_int_eq(judge("{\"current\":{\"epoch\":3,\"serial\":7}}"),
		ROLLOUT_IS_ACTIVE);
	ck_assert_int_eq(judge("{\"current\":{\"epoch\":3,\"serial\":7},"
		"\"daemons\":[{\"name\":\"av-edge\",\"state\":\"serving\","
		"\"version_running\":\"00000003-0000000000000006\"}]}"),
		ROLLOUT_IS_BEHIND);
	ck_assert_ptr_nonnull(strstr(text, "av-edge runs an older"));
}
END_TEST

START_TEST(test_who_follows_a_higher_epoch_says_no_with_the_way_out)
{
	ck_assert_int_eq(judge("{\"current\":{\"epoch\":4,\"serial\":1},"
		"\"highest_seen\":{\"epoch\":4,\"serial\":1}}"),
		ROLLOUT_SAYS_NO);
	ck_assert_ptr_nonnull(strstr(text, "it has seen 4.1"));
	ck_assert_ptr_nonnull(strstr(text, "--raise-epoch"));
}
END_TEST

START_TEST(test_pin_tells_how_it_ends)
{
	ck_assert_int_eq(judge("{\"current\":{\"epoch\":3,\"serial\":6},"
		"\"pinned\":true}"), ROLLOUT_IS_PINNED);
	ck_assert_ptr_nonnull(strstr(text, "topology unpin"));
}
END_TEST

START_TEST(test_status_that_is_no_object_is_no_answer)
{
	ck_assert_int_eq(judge("[1]"), ROLLOUT_IS_AWAY);
	ck_assert_int_eq(judge("{\"current\":{\"epoch\":-1,\"serial\":7}}"),
		ROLLOUT_IS_BEHIND);
	ck_assert_int_eq(judge("{\"current\":\"3.7\",\"highest_seen\":9}"),
		ROLLOUT_IS_BEHIND);
}
END_TEST

START_TEST(test_refusal_says_what_to_do)
{
	static const struct {
		long status;
		const char *said;
		const char *cure;
	} ROWS[] = {
		{403, "your certificate has no right here",
			"must give the right 'replication'"},
		{403, "made for deployment A, this is B",
			"replication bootstrap"},
		{409, "epoch 1 is over: a publisher of epoch 2 was seen",
			"--raise-epoch"},
		{422, "0 good signature(s) of trusted keys, 1 needed",
			"publish key show"},
		{507, "the disk is full", "make room"},
	};
	char json[200];

	for (size_t i = 0; i < ARRAY_COUNT(ROWS); i++) {
		snprintf(json, sizeof(json), "{\"text\":\"%s\"}",
			ROWS[i].said);
		refuse(ROWS[i].status, json);
		ck_assert_msg(strstr(text, ROWS[i].said) == text, "%s", text);
		ck_assert_msg(strstr(text, ROWS[i].cure) != NULL, "%s", text);
	}
	refuse(500, "{}");
	ck_assert_str_eq(text, "it refused (HTTP 500)");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("publisher_reply");
	TCase *t = tcase_create("publisher_reply");

	tcase_add_test(t, test_current_and_run_by_all_is_active);
	tcase_add_test(t,
		test_who_follows_a_higher_epoch_says_no_with_the_way_out);
	tcase_add_test(t, test_pin_tells_how_it_ends);
	tcase_add_test(t, test_status_that_is_no_object_is_no_answer);
	tcase_add_test(t, test_refusal_says_what_to_do);
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
