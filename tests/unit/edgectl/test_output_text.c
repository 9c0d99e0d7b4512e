/* Tests of edgectl/output_text.c: tables and fields for people. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "edgectl/output.h"

static char *text;
static size_t text_len;

static json_t *load(const char *json)
{
	json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);

	ck_assert_ptr_nonnull(value);
	return value;
}

static const char *table(const char *json, const struct output_column *columns,
	size_t count)
{
	json_t *rows = load(json);
	FILE *to;

	free(text);
	text = NULL;
	to = open_memstream(&text, &text_len);
	output_table(to, rows, columns, count);
	fclose(to);
	json_decref(rows);
	return text;
}

START_TEST(test_columns_are_aligned_and_numbers_stand_right)
{
	static const struct output_column COLUMNS[] = {
		{"NAME", "name", 0},
		{"N", "n", 0},
		{"LAST", "last", 0},
	};

	ck_assert_str_eq(table("[{\"name\":\"a\",\"n\":5,\"last\":\"x\"},"
			       "{\"name\":\"longer\",\"n\":1234,"
			       "\"last\":\"y\"}]",
				 COLUMNS, 3),
		"NAME       N  LAST\n"
		"a          5  x\n"
		"longer  1234  y\n");
}
END_TEST

START_TEST(test_missing_values_are_a_dash)
{
	static const struct output_column COLUMNS[] = {
		{"A", "a", 0},
		{"B", "b.c", 0},
	};

	ck_assert_str_eq(table("[{\"a\":null},{\"b\":{\"c\":true}}]", COLUMNS,
				 2),
		"A  B\n-  -\n-  yes\n");
}
END_TEST

START_TEST(test_long_values_are_cut_visibly_and_wide_letters_count_once)
{
	static const struct output_column COLUMNS[] = {
		{"A", "a", 5},
		{"B", "b", 0},
	};

	ck_assert_str_eq(table("[{\"a\":\"abcdefgh\",\"b\":\"x\"},"
			       "{\"a\":\"äöüßé\",\"b\":\"y\"}]",
				 COLUMNS, 2),
		"A      B\nabcd…  x\näöüßé  y\n");
}
END_TEST

START_TEST(test_S16_control_characters_do_not_reach_the_terminal)
{
	static const struct output_column COLUMNS[] = {{"A", "a", 0}};

	ck_assert_str_eq(table("[{\"a\":\"x\\u001b[2J\\ny\"}]", COLUMNS, 1),
		"A\nx?[2J?y\n");
}
END_TEST

/* U+009B is CSI in one character; U+202E turns what follows round. */
START_TEST(test_S16_c1_and_bidi_characters_do_not_reach_the_terminal)
{
	static const struct output_column COLUMNS[] = {{"A", "a", 0}};

	ck_assert_str_eq(table("[{\"a\":\"x\\u009b2J\\u0085y\\u202egro"
			       "\\u2066z\\u200f\"}]", COLUMNS, 1),
		"A\nx?2J?y?gro?z?\n");
	ck_assert_str_eq(table("[{\"a\":\"\u00a0\u2014\u20ac\u00c2\"}]",
				 COLUMNS, 1),
		"A\n\u00a0\u2014\u20ac\u00c2\n");
}
END_TEST

/* Text functions put strings out as they are: what comes from a daemon is
 * made harmless before, at whatever depth, and only a file keeps its lines. */
START_TEST(test_S16_a_whole_answer_is_made_harmless)
{
	json_t *object = load("{\"a\":\"x\\u001b]0;y\\nok\","
			      "\"b\":[{\"c\":\"\\u009b\"},\"\\u202e\",7],"
			      "\"yaml\":\"k: 1\\nl: \\u001b[2J\\n\"}");
	char *out;

	output_clean_all(object);
	out = json_dumps(object, JSON_COMPACT);
	ck_assert_str_eq(out, "{\"a\":\"x?]0;y?ok\",\"b\":[{\"c\":\"?\"},"
		"\"?\",7],\"yaml\":\"k: 1\\nl: ?[2J\\n\"}");
	free(out);
	json_decref(object);
}
END_TEST

static void put_name(FILE *to, const json_t *object)
{
	fputs(output_str(object, "name", ""), to);
}

START_TEST(test_S16_what_a_command_prints_is_harmless)
{
	struct cmd_call call = {.json = false};
	FILE *was = stdout;
	char *out = NULL;
	size_t len;

	stdout = open_memstream(&out, &len);
	output_print(&call, load("{\"name\":\"\\u001b[2J\"}"), put_name);
	fclose(stdout);
	stdout = was;
	ck_assert_str_eq(out, "?[2J");
	free(out);
}
END_TEST

START_TEST(test_S16_json_holds_what_steers_a_terminal_escaped)
{
	json_t *object = load("{\"a\":\"\\u001b\\u007f\\u009b\\u202eé\"}");
	json_t *again;
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);

	output_json(to, object);
	fclose(to);
	ck_assert_str_eq(out,
		"{\"a\":\"\\u001B\\u007f\\u009b\\u202eé\"}\n");
	again = load(out);
	ck_assert_int_eq(json_equal(object, again), 1);
	json_decref(again);
	json_decref(object);
	free(out);
}
END_TEST

START_TEST(test_lists_are_joined)
{
	json_t *list = load("[\"a\",2,null]");
	char *value = output_value(list);

	ck_assert_str_eq(value, "a, 2, -");
	free(value);
	json_decref(list);
}
END_TEST

START_TEST(test_fields_leave_out_what_is_not_there)
{
	static const struct output_field FIELDS[] = {
		{"Name", "name", ""},
		{"Gone", "gone", ""},
		{"Time", "time", "ms"},
	};
	json_t *object = load("{\"name\":\"x\",\"time\":3}");
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);

	output_fields(to, object, FIELDS, 3);
	fclose(to);
	ck_assert_str_eq(out, "Name  x\nTime  3 ms\n");
	free(out);
	json_decref(object);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/output_text");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_columns_are_aligned_and_numbers_stand_right);
	tcase_add_test(tc, test_missing_values_are_a_dash);
	tcase_add_test(tc,
		test_long_values_are_cut_visibly_and_wide_letters_count_once);
	tcase_add_test(tc,
		test_S16_control_characters_do_not_reach_the_terminal);
	tcase_add_test(tc,
		test_S16_c1_and_bidi_characters_do_not_reach_the_terminal);
	tcase_add_test(tc, test_S16_a_whole_answer_is_made_harmless);
	tcase_add_test(tc, test_S16_what_a_command_prints_is_harmless);
	tcase_add_test(tc,
		test_S16_json_holds_what_steers_a_terminal_escaped);
	tcase_add_test(tc, test_lists_are_joined);
	tcase_add_test(tc, test_fields_leave_out_what_is_not_there);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
