/* Tests of edgectl/ladder.c: arrows between the right columns. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "edgectl/call/ladder.h"
#include "edgectl/output.h"

#define DASHES7 "───────"
#define GAP "                  "

static char *text;

static const char *draw(const char *json)
{
	json_t *rows = json_loads(json, 0, NULL);
	size_t len;
	FILE *to;

	ck_assert_ptr_nonnull(rows);
	free(text);
	text = NULL;
	to = open_memstream(&text, &len);
	ladder_print(to, rows);
	fclose(to);
	json_decref(rows);
	return text;
}

START_TEST(test_arrows_point_from_sender_to_receiver)
{
	ck_assert_str_eq(
		draw("[{\"t_ms\":1.25,\"from\":\"outside\","
		     "\"to\":\"access-edge\","
		     "\"what\":\"INVITE\"},"
		     "{\"t_ms\":2,\"from\":\"inside\",\"to\":\"outside\","
		     "\"what\":\"200 OK (INVITE)\"}]"),
		"       ms  outside            access-edge        inside\n"
		"      1.2  ├── INVITE " DASHES7 ">│" GAP "│\n"
		"      2.0  │<─ 200 OK " DASHES7 DASHES7 DASHES7
		"──────┤\n");
}
END_TEST

START_TEST(test_every_line_has_the_same_width)
{
	const char *drawn = draw(
		"[{\"t_ms\":1,\"from\":\"outside\",\"to\":\"av-edge\","
		"\"what\":\"a label that is far too long for its arrow, so "
		"that it must be cut somewhere\"},"
		"{\"t_ms\":2,\"from\":\"av-edge\",\"to\":\"inside\","
		"\"what\":\"äöü\"},"
		"{\"t_ms\":3,\"from\":\"registrar\",\"to\":\"inside\","
		"\"what\":\"x\"}]");
	char *copy = strdup(drawn);
	char *rest = copy;
	char *line = strsep(&rest, "\n"); /* the names */
	size_t width = 0;

	while ((line = strsep(&rest, "\n")) != NULL && line[0] != '\0') {
		if (width == 0)
			width = output_width(line);
		ck_assert_uint_eq(output_width(line), width);
	}
	free(copy);
}
END_TEST

START_TEST(test_nothing_to_draw_draws_nothing)
{
	ck_assert_str_eq(draw("[]"), "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/ladder");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_arrows_point_from_sender_to_receiver);
	tcase_add_test(tc, test_every_line_has_the_same_width);
	tcase_add_test(tc, test_nothing_to_draw_draws_nothing);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
