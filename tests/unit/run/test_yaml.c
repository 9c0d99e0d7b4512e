/* Tests of common/run/yaml.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "common/base/err.h"
#include "common/run/yaml.h"

#define ck_str(s, text) ck_assert_msg(str_eq_z((s), (text)), \
	"\"%.*s\" is not \"%s\"", STR_ARG(s), (text))

static struct yaml_doc *parse(const char *text)
{
	struct yaml_doc *doc = NULL;
	struct why why = {""};
	int err = yaml_parse(&doc, "f.yaml", str_of(text), &why);

	ck_assert_msg(err == 0, "%s", why.text);
	return doc;
}

static void assert_refused_str(struct str text, const char *want)
{
	struct yaml_doc *doc = NULL;
	struct why why = {""};
	int err = yaml_parse(&doc, "f.yaml", text, &why);

	ck_assert_msg(err < 0, "taken: %.*s", STR_ARG(text));
	ck_assert_msg(strstr(why.text, want) == why.text,
		"\"%s\" does not begin with \"%s\"", why.text, want);
	ck_assert_ptr_null(doc);
}

static void assert_refused(const char *text, const char *want)
{
	assert_refused_str(str_of(text), want);
}

START_TEST(test_maps_lists_and_scalars_are_read)
{
	struct yaml_doc *doc = parse("# a comment\n"
				     "b: [x, \"12\", 'y']\n"
				     "a:\n"
				     "  c: plain words\n"
				     "  d:\n"
				     "  e: ~\n"
				     "  f: {}\n");
	const struct yaml_node *root = yaml_root(doc);
	const struct yaml_node *list = yaml_get(root, "b");
	const struct yaml_node *map = yaml_get(root, "a");
	const struct yaml_node *value;

	ck_assert_int_eq(yaml_kind(root), YAML_MAP);
	ck_assert_uint_eq(yaml_count(root), 2);
	ck_str(yaml_key_at(root, 0, &value), "b");
	ck_assert_ptr_eq(value, list);
	ck_assert_int_eq(yaml_kind(list), YAML_LIST);
	ck_assert_uint_eq(yaml_count(list), 3);
	ck_str(yaml_text(yaml_item(list, 0)), "x");
	ck_assert(!yaml_is_quoted(yaml_item(list, 0)));
	ck_str(yaml_text(yaml_item(list, 1)), "12");
	ck_assert(yaml_is_quoted(yaml_item(list, 1)));
	ck_assert(yaml_is_quoted(yaml_item(list, 2)));
	ck_assert_ptr_null(yaml_item(list, 3));
	ck_str(yaml_text(yaml_get(map, "c")), "plain words");
	ck_assert(yaml_is_null(yaml_get(map, "d")));
	ck_assert(yaml_is_null(yaml_get(map, "e")));
	ck_assert(!yaml_is_null(yaml_get(map, "c")));
	ck_assert_uint_eq(yaml_count(yaml_get(map, "f")), 0);
	ck_assert_ptr_null(yaml_get(map, "g"));
	ck_assert_ptr_null(yaml_get(list, "x"));
	yaml_free(doc);
}
END_TEST

START_TEST(test_R7_duplicate_key_is_refused)
{
	assert_refused("a: 1\nb: 2\n  \na: 3\n",
		"f.yaml:4:1: 'a' is given twice, first on line 1");
	assert_refused("x: {k: 1, \"k\": 2}\n",
		"f.yaml:1:11: 'k' is given twice");
}
END_TEST

START_TEST(test_R7_faults_name_line_and_column)
{
	struct yaml_doc *doc = parse("a: 1\nb:\n  - x\n  - {y: 2}\nc:\n");
	const struct yaml_node *root = yaml_root(doc);
	const struct yaml_node *b = yaml_get(root, "b");
	struct why why = {""};

	ck_assert_int_eq(yaml_fault(yaml_item(b, 1), &why, "is %d", 5),
		EDGE_ECONFIG);
	ck_assert_str_eq(why.text, "f.yaml:4:5: is 5");
	ck_assert_int_eq(yaml_fault(yaml_get(yaml_item(b, 1), "y"), &why,
		"z"), EDGE_ECONFIG);
	ck_assert_str_eq(why.text, "f.yaml:4:9: z");
	ck_assert_int_eq(yaml_key_fault(yaml_get(root, "b"), &why, "k"),
		EDGE_ECONFIG);
	ck_assert_str_eq(why.text, "f.yaml:2:1: k");
	/* An empty value stands where its key stands. */
	ck_assert_int_eq(yaml_fault(yaml_get(root, "c"), &why, "empty"),
		EDGE_ECONFIG);
	ck_assert_str_eq(why.text, "f.yaml:5:1: empty");
	yaml_free(doc);
}
END_TEST

START_TEST(test_R7_unknown_key_names_the_nearest)
{
	static const char *const NAMES[] = {"machine", "trust", "resolver"};
	struct yaml_doc *doc = parse("machine: a\ntrsut: b\n");
	struct why why = {""};

	ck_assert_int_eq(yaml_check_keys(yaml_root(doc), NAMES, 3, &why),
		EDGE_ECONFIG);
	ck_assert_str_eq(why.text,
		"f.yaml:2:1: unknown key 'trsut': did you mean 'trust'?");
	yaml_free(doc);

	doc = parse("{wholly_different: 1}\n");
	ck_assert_int_eq(yaml_check_keys(yaml_root(doc), NAMES, 3, &why),
		EDGE_ECONFIG);
	ck_assert_str_eq(why.text, "f.yaml:1:2: unknown key "
		"'wholly_different': known here: machine, trust, resolver");
	yaml_free(doc);

	doc = parse("[a]\n");
	ck_assert_int_eq(yaml_check_keys(yaml_root(doc), NAMES, 3, &why),
		EDGE_ECONFIG);
	ck_assert_str_eq(why.text,
		"f.yaml:1:1: a map of 'key: value' belongs here");
	yaml_free(doc);

	doc = parse("trust: 1\n");
	ck_assert_int_eq(yaml_check_keys(yaml_root(doc), NAMES, 3, &why), 0);
	yaml_free(doc);
}
END_TEST

START_TEST(test_extras_of_the_language_are_refused)
{
	assert_refused("a: &x 1\nb: *x\n", "f.yaml:1:");
	assert_refused("b: *x\n", "f.yaml:1:4: aliases");
	assert_refused("a: !!int 1\n", "f.yaml:1:");
	assert_refused("a: 1\n---\nb: 2\n", "f.yaml:2:");
	assert_refused("? [a, b]\n: 1\n", "f.yaml:1:3: a key must be a plain");
	assert_refused("\"\": 1\n", "f.yaml:1:1: a key must not be empty");
	assert_refused("", "f.yaml:1:1: the file is empty");
	assert_refused("# nothing\n", "f.yaml:1:1: the file is empty");
	assert_refused("a: [1, 2\n", "f.yaml:");
	assert_refused("a: b: c\n", "f.yaml:1:");
	assert_refused("a: \"x\n", "f.yaml:");
}
END_TEST

START_TEST(test_bytes_that_are_no_text_are_refused)
{
	assert_refused("a:\n\tb: 1\n", "f.yaml:2:1: tab in the indentation");
	assert_refused("a: 1\n  \tb\n", "f.yaml:2:3: tab in the indentation");
	assert_refused("a: \x01\n", "f.yaml:1:4: control character");
	assert_refused("a: \x7f\n", "f.yaml:1:4: control character");
	assert_refused("a: \xff\n", "f.yaml:1:4: this byte is not UTF-8");
	assert_refused("a: \xc3\x28\n", "f.yaml:1:4: this byte is not UTF-8");
	assert_refused("a: \xc0\xaf\n", "f.yaml:1:4: this byte is not UTF-8");
	assert_refused("a: \xed\xa0\x80\n", "f.yaml:1:4: this byte is not");
	assert_refused("a: \xf5\x80\x80\x80\n", "f.yaml:1:4: this byte is");
	assert_refused_str((struct str){"a: 1\0\n", 6}, "f.yaml:1:5: control");
	assert_refused("a: \"x\\0y\"\n", "f.yaml:1:4: this value has a");
	assert_refused("a: \"x\\ey\"\n", "f.yaml:1:4: this value has a");
}
END_TEST

START_TEST(test_utf8_text_is_taken)
{
	struct yaml_doc *doc = parse("note: \"M\xc3\xbcnchen \xe2\x82\xac "
				     "\xf0\x9f\x98\x80\"\n");

	ck_str(yaml_text(yaml_get(yaml_root(doc), "note")),
		"M\xc3\xbcnchen \xe2\x82\xac \xf0\x9f\x98\x80");
	yaml_free(doc);
}
END_TEST

START_TEST(test_depth_and_size_are_bounded)
{
	char deep[128];
	char *big;

	memset(deep, '[', 17);
	memset(deep + 17, ']', 17);
	deep[34] = '\0';
	assert_refused(deep, "f.yaml:1:17: nested deeper than 16 levels");
	memset(deep, '[', 16);
	memset(deep + 16, ']', 16);
	deep[32] = '\0';
	yaml_free(parse(deep));

	big = malloc(YAML_FILE_MAX + 1);
	ck_assert_ptr_nonnull(big);
	memset(big, 'a', YAML_FILE_MAX + 1);
	assert_refused_str((struct str){big, YAML_FILE_MAX + 1},
		"f.yaml: larger than");
	assert_refused_str((struct str){big, 70000},
		"f.yaml:1:1: this value is longer than 65536 bytes");
	/* A flow of brackets must not cost more than its bytes. */
	memset(big, '[', YAML_FILE_MAX);
	assert_refused_str((struct str){big, YAML_FILE_MAX},
		"f.yaml:1:17: nested deeper");
	free(big);
}
END_TEST

START_TEST(test_S16_messages_carry_no_control_characters)
{
	struct yaml_doc *doc = parse("a: \"x\\ny\\tz\"\n");
	struct why why = {""};

	ck_assert_int_eq(yaml_fault(yaml_root(doc), &why, "'%.*s'",
		STR_ARG(yaml_text(yaml_get(yaml_root(doc), "a")))),
		EDGE_ECONFIG);
	ck_assert_str_eq(why.text, "f.yaml:1:1: 'x?y?z'");
	yaml_free(doc);
}
END_TEST

START_TEST(test_R7_unreadable_file_is_named)
{
	struct yaml_doc *doc = NULL;
	struct why why = {""};

	ck_assert_int_eq(yaml_load(&doc, "/nonexistent/x.yaml", &why),
		-ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text,
		"/nonexistent/x.yaml: cannot read: "));
	ck_assert_int_eq(yaml_load(&doc, "/tmp", &why), -EISDIR);
	ck_assert_ptr_nonnull(strstr(why.text, "/tmp: cannot read: "));
}
END_TEST

START_TEST(test_files_are_read_whole)
{
	char path[] = "/tmp/sallyport-yaml-XXXXXX";
	struct yaml_doc *doc = NULL;
	struct why why = {""};
	int fd = mkstemp(path);
	FILE *to = fdopen(fd, "w");

	ck_assert_ptr_nonnull(to);
	fputs("a:\n", to);
	for (int i = 0; i < 20000; i++)
		fprintf(to, "  k%d: v%d\n", i, i);
	fclose(to);
	ck_assert_int_eq(yaml_load(&doc, path, &why), 0);
	ck_assert_uint_eq(yaml_count(yaml_get(yaml_root(doc), "a")), 20000);
	yaml_free(doc);
	unlink(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("yaml");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failures;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_maps_lists_and_scalars_are_read);
	tcase_add_test(tc, test_R7_duplicate_key_is_refused);
	tcase_add_test(tc, test_R7_faults_name_line_and_column);
	tcase_add_test(tc, test_R7_unknown_key_names_the_nearest);
	tcase_add_test(tc, test_extras_of_the_language_are_refused);
	tcase_add_test(tc, test_bytes_that_are_no_text_are_refused);
	tcase_add_test(tc, test_utf8_text_is_taken);
	tcase_add_test(tc, test_depth_and_size_are_bounded);
	tcase_add_test(tc, test_S16_messages_carry_no_control_characters);
	tcase_add_test(tc, test_R7_unreadable_file_is_named);
	tcase_add_test(tc, test_files_are_read_whole);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures != 0;
}
