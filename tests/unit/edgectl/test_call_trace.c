/* Tests of edgectl/call_trace.c: two views of one call in order. */
#include <string.h>

#include <check.h>

#include "edgectl/call/call_trace.h"
#include "edgectl/output.h"

START_TEST(test_lines_between_servers_are_merged_by_time)
{
	json_t *ladder = json_loads(
		"[{\"t_ms\":1.0,\"from\":\"outside\",\"to\":\"access-edge\","
		"\"what\":\"REGISTER\"},"
		"{\"t_ms\":3.0,\"from\":\"access-edge\",\"to\":\"outside\","
		"\"what\":\"200 OK (REGISTER)\"}]",
		0, NULL);
	const json_t *row;

	call_trace_merge(ladder,
		STR_LIT("{\"time_us\":900,\"from\":\"access-edge\","
			"\"to\":\"inside\","
			"\"method\":\"OPTIONS\"}\n"
			"junk\n"
			"{\"time_us\":3000,\"from\":\"inside\","
			"\"to\":\"access-edge\""
			",\"method\":\"REGISTER\",\"status\":200,"
			"\"reason\":\"OK\"}\n"
			"{\"time_us\":2500,\"from\":\"access-edge\","
			"\"to\":\"inside\""
			",\"method\":\"REGISTER\"}\n"
			"{\"time_us\":2600,\"from\":\"bob@x\","
			"\"to\":\"inside\","
			"\"method\":\"REGISTER\"}\n"
			"{\"time_us\":99"),
		1000);
	/* Before the start, junk, and clients' legs are left out. */
	ck_assert_uint_eq(json_array_size(ladder), 4);
	row = json_array_get(ladder, 1);
	ck_assert_str_eq(output_str(row, "from", ""), "access-edge");
	ck_assert_str_eq(output_str(row, "to", ""), "registrar");
	ck_assert_str_eq(output_str(row, "what", ""), "REGISTER");
	row = json_array_get(ladder, 2);
	ck_assert_str_eq(output_str(row, "what", ""), "200 OK (REGISTER)");
	json_decref(ladder);
}
END_TEST

START_TEST(test_a_file_that_is_not_there_adds_nothing)
{
	json_t *ladder = json_array();

	call_trace_merge_file(ladder, "/nonexistent/trace", 0);
	ck_assert_uint_eq(json_array_size(ladder), 0);
	json_decref(ladder);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/call_trace");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_lines_between_servers_are_merged_by_time);
	tcase_add_test(tc, test_a_file_that_is_not_there_adds_nothing);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
