/*
 * From an argument vector to one call of one command: global options, noun,
 * verb, the verb's own options by its table, the remaining words. Knows no
 * command; unknown words are answered with the nearest known one.
 */
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "edgectl/cmd.h"
#include "edgectl/output.h"

#define OPTIONS_MAX 48

/* Options of one verb and the global ones, in getopt's own form. */
struct option_list {
	const struct cmd_option *rows[OPTIONS_MAX];
	struct option longs[OPTIONS_MAX + 1];
	size_t count;
};

static void list_add(struct option_list *list, const struct cmd_option *rows,
	size_t count)
{
	for (size_t i = 0; i < count && list->count < OPTIONS_MAX; i++) {
		list->longs[list->count] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].arg != NULL ? required_argument :
							 no_argument,
			.val = 256 + (int)list->count,
		};
		list->rows[list->count++] = &rows[i];
	}
}

static void list_make(struct option_list *list, const struct cmd_verb *verb)
{
	memset(list, 0, sizeof(*list));
	list_add(list, CMD_GLOBAL, CMD_GLOBAL_COUNT);
	if (verb != NULL)
		list_add(list, verb->options, verb->option_count);
}

static const struct cmd_option *list_find(const struct option_list *list,
	int val)
{
	if (val == 'c')
		val = 256;
	else if (val == 'h')
		val = 256 + 2;
	if (val < 256 || (size_t)(val - 256) >= list->count)
		return NULL;
	return list->rows[val - 256];
}

/* What is wrong with the option that getopt just refused. */
static int refuse_option(const struct option_list *list, int result,
	const char *word, struct why *why)
{
	const char *names[OPTIONS_MAX];
	const char *near;
	char name[64];

	if (result == ':')
		return why_set(why, EDGE_ECONFIG, "option %s needs a value",
			word);
	for (size_t i = 0; i < list->count; i++)
		names[i] = list->rows[i]->name; /* NOLINT: all are set */
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	near = str_nearest(name + strspn(name, "-"), names, list->count);
	if (near != NULL)
		return why_set(why, EDGE_ECONFIG,
			"unknown option %s, did you mean --%s?", name, near);
	return why_set(why, EDGE_ECONFIG, "unknown option %s", name);
}

static int take_value(struct cmd_call *call, const struct cmd_option *option,
	const char *text, struct why *why)
{
	if (strcmp(option->name, "config") == 0) {
		call->conf_path = text;
		return 0;
	}
	if (strcmp(option->name, "json") == 0) {
		call->json = true;
		return 0;
	}
	if (!option->is_many && cmd_has(call, option->name))
		return why_set(why, EDGE_ECONFIG, "option --%s given twice",
			option->name);
	if (call->value_count == CMD_VALUES_MAX)
		return why_set(why, EDGE_ETOOBIG, "too many options");
	call->values[call->value_count++] = (struct cmd_value){
		.option = option,
		.text = text != NULL ? text : "",
	};
	return 0;
}

static int check_words(const struct cmd_call *call, struct why *why)
{
	const struct cmd_verb *verb = call->verb;

	if (call->argc < verb->words_min)
		return why_set(why, EDGE_ECONFIG, "%s is missing", verb->words);
	if (verb->words_max >= 0 && call->argc > verb->words_max)
		return why_set(why, EDGE_ECONFIG, "too many words: \"%s\"",
			call->argv[verb->words_max]);
	return 0;
}

/* Options in argv[1..]; words are left in call->argv. only_first: stop at
 * the first word (for what stands before the noun). */
static int parse_options(struct cmd_call *call, int argc, char **argv,
	bool only_first, bool *want_help, struct why *why)
{
	struct option_list list;
	int c;
	int err;

	list_make(&list, call->verb);
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, only_first ? "+:c:h" : ":c:h",
			list.longs, NULL)) != -1) {
		const struct cmd_option *option = list_find(&list, c);

		if (option == NULL)
			return refuse_option(&list, c, argv[optind - 1], why);
		if (strcmp(option->name, "help") == 0) {
			*want_help = true;
			continue;
		}
		err = take_value(call, option, optarg, why);
		if (err != 0)
			return err;
	}
	call->argv = argv + optind;
	call->argc = argc - optind;
	return 0;
}

int cmd_parse(struct cmd_call *call, int argc, char **argv, bool *want_help,
	struct why *why)
{
	int err = parse_options(call, argc, argv, false, want_help, why);

	if (err != 0 || *want_help)
		return err;
	return check_words(call, why);
}

static int usage(const struct cmd_call *call, const struct why *why)
{
	char where[128] = "edgectl";

	if (call->cmd != NULL)
		snprintf(where, sizeof(where), "edgectl %s%s%s",
			call->cmd->noun,
			call->verb != NULL && call->verb->name != NULL ? " " :
									 "",
			call->verb != NULL && call->verb->name != NULL ?
				call->verb->name :
				"");
	return cmd_fail_text(call, CMD_USAGE, "%s; see %s --help", why->text,
		where);
}

static int find_noun(struct cmd_call *call, struct why *why)
{
	const char *names[64];
	const char *near;
	size_t count = cmd_count() < ARRAY_COUNT(names) ? cmd_count() :
							  ARRAY_COUNT(names);

	call->cmd = cmd_find(call->argv[0]);
	if (call->cmd != NULL)
		return 0;
	for (size_t i = 0; i < count; i++)
		names[i] = cmd_at(i)->noun;
	near = str_nearest(call->argv[0], names, count);
	if (near != NULL)
		return why_set(why, EDGE_EUNKNOWN,
			"unknown command \"%s\", did you mean \"%s\"?",
			call->argv[0], near);
	return why_set(why, EDGE_EUNKNOWN, "unknown command \"%s\"",
		call->argv[0]);
}

static int find_verb(struct cmd_call *call, const char *word, struct why *why)
{
	const char *names[32];
	const char *near;
	size_t count = 0;

	call->verb = cmd_find_verb(call->cmd, word);
	if (call->verb != NULL)
		return 0;
	for (size_t i = 0;
		i < call->cmd->verb_count && count < ARRAY_COUNT(names); i++)
		names[count++] = call->cmd->verbs[i].name;
	near = str_nearest(word, names, count);
	if (near != NULL)
		return why_set(why, EDGE_EUNKNOWN,
			"unknown: %s %s, did you mean \"%s %s\"?",
			call->cmd->noun, word, call->cmd->noun, near);
	return why_set(why, EDGE_EUNKNOWN, "unknown: %s %s", call->cmd->noun,
		word);
}

/* Noun and verb are known or help was asked for: do it. */
static int dispatch(struct cmd_call *call)
{
	struct why why = {""};
	bool want_help = false;
	int argc = call->argc;
	char **argv = call->argv;

	if (find_noun(call, &why) != 0)
		return usage(call, &why);
	if (call->cmd->verbs[0].name == NULL &&
		(call->cmd->verb_count == 1 || argc < 2 ||
			cmd_find_verb(call->cmd, argv[1]) == NULL)) {
		/* Of a noun with verbs it is what no other verb is. */
		call->verb = &call->cmd->verbs[0];
	} else {
		argc--;
		argv++;
		if (argc == 0 || strcmp(argv[0], "--help") == 0 ||
			strcmp(argv[0], "-h") == 0) {
			cmd_help_noun(call->cmd);
			return argc == 0 ? CMD_USAGE : CMD_OK;
		}
		if (find_verb(call, argv[0], &why) != 0)
			return usage(call, &why);
	}
	if (cmd_parse(call, argc, argv, &want_help, &why) != 0)
		return usage(call, &why);
	if (call->verb->name == NULL && call->argc > 0 &&
		cmd_find_verb(call->cmd, call->argv[0]) != NULL) {
		why_set(&why, EDGE_ECONFIG,
			"options of %s come behind it: edgectl %s %s ...",
			call->argv[0], call->cmd->noun, call->argv[0]);
		return usage(call, &why);
	}
	if (want_help && call->verb->name == NULL) {
		cmd_help_noun(call->cmd);
		return CMD_OK;
	}
	if (want_help) {
		cmd_help_verb(call->cmd, call->verb);
		return CMD_OK;
	}
	return call->verb->run(call);
}

int cmd_main(int argc, char **argv)
{
	struct cmd_call call = {
		.program = argv[0],
		.conf_path = CONF_PATH_DEFAULT,
	};
	struct why why = {""};
	bool want_help = false;
	int status;

	signal(SIGPIPE, SIG_IGN);
	log_init("edgectl", LOG_LEVEL_WARNING, false);
	if (parse_options(&call, argc, argv, true, &want_help, &why) != 0)
		return usage(&call, &why);
	if (want_help || call.argc == 0) {
		cmd_help_all();
		return want_help ? CMD_OK : CMD_USAGE;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	status = dispatch(&call);
	curl_global_cleanup();
	if (fflush(stdout) != 0)
		return CMD_USAGE;
	return status;
}

bool cmd_has(const struct cmd_call *call, const char *option)
{
	return cmd_get_nth(call, option, 0) != NULL;
}

const char *cmd_get_nth(const struct cmd_call *call, const char *option,
	size_t n)
{
	for (size_t i = 0; i < call->value_count; i++) {
		if (strcmp(call->values[i].option->name, option) != 0)
			continue;
		if (n-- == 0)
			return call->values[i].text;
	}
	return NULL;
}

const char *cmd_get(const struct cmd_call *call, const char *option)
{
	const char *text = cmd_get_nth(call, option, 0);

	if (text != NULL)
		return text;
	for (size_t i = 0; i < call->verb->option_count; i++)
		if (strcmp(call->verb->options[i].name, option) == 0)
			return call->verb->options[i].fallback;
	return NULL;
}

int cmd_get_number(const struct cmd_call *call, const char *option,
	uint32_t min, uint32_t max, uint32_t *out)
{
	const char *text = cmd_get(call, option);
	uint32_t value;

	if (text == NULL || str_to_u32(str_of(text), &value) != 0 ||
		value < min || value > max) {
		cmd_fail_text(call, CMD_USAGE,
			"--%s %s: a number from %u to %u is needed", option,
			text != NULL ? text : "", min, max);
		return EDGE_ECONFIG;
	}
	*out = value;
	return 0;
}

int cmd_conf(const struct cmd_call *call, struct conf **out)
{
	struct why why = {""};
	int err = conf_load(out, call->conf_path, &why);

	/* What is wrong inside the file has its own advice. */
	if (err != 0)
		cmd_fail_text(call, CMD_USAGE, "%s%s", why_text(&why, err),
			access(call->conf_path, R_OK) == 0
				? ""
				: "; name another file with -c, or make one "
				  "with 'edgectl init'");
	return err;
}

/* It may quote a daemon or a peer: its lines stay, all else that steers a
 * terminal goes (threat S16). */
static void print_lines(const char *text)
{
	char *copy = strdup(text);
	char *rest = copy;
	char *line;

	fputs("edgectl: ", stderr);
	while ((line = strsep(&rest, "\n")) != NULL) {
		output_clean(line);
		fprintf(stderr, "%s\n", line);
	}
	free(copy);
}

static void print_failure(const struct cmd_call *call, int err,
	const char *text)
{
	json_t *object;

	if (!call->json) {
		print_lines(text);
		return;
	}
	object = json_pack("{s:b,s:s,s:s}", "ok", 0, "error",
		err != 0 ? err_name(err) : "usage", "text", text);
	output_json(stdout, object);
	json_decref(object);
}

int cmd_fail(const struct cmd_call *call, int status, int err,
	const struct why *why)
{
	print_failure(call, err, why_text(why, err));
	return status;
}

int cmd_fail_text(const struct cmd_call *call, int status, const char *fmt, ...)
{
	char text[2 * WHY_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	print_failure(call, 0, text);
	return status;
}
