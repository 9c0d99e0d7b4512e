/* Tests of edgectl/cmd_parse.c and of the table it works on. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "edgectl/cmd.h"

static struct cmd_call call;
static struct why why;
static bool want_help;

/* Words end with NULL; the first is the verb's own name. */
static int parse(const char *noun, const char *verb, char **argv)
{
	int argc = 0;

	memset(&call, 0, sizeof(call));
	memset(&why, 0, sizeof(why));
	want_help = false;
	call.conf_path = CONF_PATH_DEFAULT;
	call.cmd = cmd_find(noun);
	ck_assert_ptr_nonnull(call.cmd);
	call.verb = verb != NULL ? cmd_find_verb(call.cmd, verb) :
				   &call.cmd->verbs[0];
	while (argv[argc] != NULL)
		argc++;
	return cmd_parse(&call, argc, argv, &want_help, &why);
}

/* getopt wants words that it may move about. */
static char **copy(const char *const *words)
{
	static char room[16][64];
	static char *argv[17];
	size_t n = 0;

	for (; words[n] != NULL && n < 16; n++) {
		snprintf(room[n], sizeof(room[n]), "%s", words[n]);
		argv[n] = room[n];
	}
	argv[n] = NULL;
	return argv;
}

#define WORDS(...) copy((const char *const[]){__VA_ARGS__, NULL})

START_TEST(test_global_options_are_taken_anywhere)
{
	ck_assert_int_eq(parse("status", NULL,
				 WORDS("status", "--json", "-c",
					 "/x/edge.yaml")),
		0);
	ck_assert(call.json);
	ck_assert_str_eq(call.conf_path, "/x/edge.yaml");
	ck_assert_int_eq(parse("status", NULL, WORDS("status", "-h")), 0);
	ck_assert(want_help);
}
END_TEST

START_TEST(test_fallbacks_and_repeated_options)
{
	ck_assert_int_eq(parse("init", NULL,
				 WORDS("init", "--domain", "a", "--domain=b")),
		0);
	ck_assert_str_eq(cmd_get_nth(&call, "domain", 0), "a");
	ck_assert_str_eq(cmd_get_nth(&call, "domain", 1), "b");
	ck_assert_ptr_null(cmd_get_nth(&call, "domain", 2));
	ck_assert_str_eq(cmd_get(&call, "directory"), "/etc/sallyport");
	ck_assert(!cmd_has(&call, "directory"));
	ck_assert(!cmd_has(&call, "force"));
}
END_TEST

START_TEST(test_wrong_usage_says_what_is_wrong)
{
	ck_assert_int_ne(parse("drain", NULL, WORDS("drain", "--dedline", "3")),
		0);
	ck_assert_ptr_nonnull(strstr(why.text, "--deadline"));
	ck_assert_int_ne(parse("drain", NULL, WORDS("drain", "--deadline")), 0);
	ck_assert_ptr_nonnull(strstr(why.text, "needs a value"));
	ck_assert_int_ne(parse("drain", NULL,
				 WORDS("drain", "--deadline", "1", "--deadline",
					 "2")),
		0);
	ck_assert_ptr_nonnull(strstr(why.text, "twice"));
	ck_assert_int_ne(parse("status", NULL, WORDS("status", "extra")), 0);
	ck_assert_ptr_nonnull(strstr(why.text, "extra"));
	ck_assert_int_ne(parse("topology", "apply", WORDS("apply")), 0);
	ck_assert_ptr_nonnull(strstr(why.text, "missing"));
}
END_TEST

START_TEST(test_words_are_left_in_order)
{
	ck_assert_int_eq(parse("drain", NULL,
				 WORDS("drain", "av-edge", "--deadline", "5",
					 "av-auth")),
		0);
	ck_assert_int_eq(call.argc, 2);
	ck_assert_str_eq(call.argv[0], "av-edge");
	ck_assert_str_eq(call.argv[1], "av-auth");
}
END_TEST

static void check_option(const struct cmd *cmd, const struct cmd_option *o)
{
	ck_assert_msg(o->name[0] != '\0' && o->help != NULL &&
			o->help[0] != '\0',
		"%s: option without help", cmd->noun);
	ck_assert_msg(o->help[strlen(o->help) - 1] != '.', "%s --%s", cmd->noun,
		o->name);
	for (size_t i = 0; i < CMD_GLOBAL_COUNT; i++)
		ck_assert_msg(strcmp(CMD_GLOBAL[i].name, o->name) != 0 ||
				o == &CMD_GLOBAL[i],
			"%s --%s hides a global option", cmd->noun, o->name);
}

START_TEST(test_every_row_of_the_table_is_complete)
{
	for (size_t i = 0; i < cmd_count(); i++) {
		const struct cmd *cmd = cmd_at(i);

		ck_assert_ptr_eq(cmd_find(cmd->noun), cmd);
		ck_assert_uint_gt(cmd->verb_count, 0);
		ck_assert_ptr_nonnull(cmd->help);
		for (size_t j = 0; j < cmd->verb_count; j++) {
			const struct cmd_verb *v = &cmd->verbs[j];

			/* The verb that is meant when none is said. */
			ck_assert(v->name != NULL || j == 0);
			ck_assert_ptr_nonnull(v->run);
			ck_assert_ptr_nonnull(v->help);
			ck_assert(!isupper((unsigned char)v->help[0]) ||
				strncmp(v->help, "SIP", 3) == 0);
			for (size_t k = 0; k < v->option_count; k++)
				check_option(cmd, &v->options[k]);
		}
	}
}
END_TEST

START_TEST(test_exit_status_two_for_wrong_usage)
{
	ck_assert_int_eq(cmd_main(2, WORDS("edgectl", "no-such-thing")),
		CMD_USAGE);
	ck_assert_int_eq(cmd_main(3, WORDS("edgectl", "topology", "aply")),
		CMD_USAGE);
	ck_assert_int_eq(cmd_main(3, WORDS("edgectl", "status", "--nope")),
		CMD_USAGE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edgectl/cmd_parse");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_global_options_are_taken_anywhere);
	tcase_add_test(tc, test_fallbacks_and_repeated_options);
	tcase_add_test(tc, test_wrong_usage_says_what_is_wrong);
	tcase_add_test(tc, test_words_are_left_in_order);
	tcase_add_test(tc, test_every_row_of_the_table_is_complete);
	tcase_add_test(tc, test_exit_status_two_for_wrong_usage);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
