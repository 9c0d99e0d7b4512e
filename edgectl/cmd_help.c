/*
 * Help, drawn from the table of commands: overview, one noun, one verb.
 * Teaches by examples; wording lives in the tables.
 */
#include <stdio.h>
#include <string.h>

#include "edgectl/commands.h"

static const char EXIT_STATUS[] =
	"\nExit status: 0 good, 1 bad news, 2 wrong usage or could not run.";

static void print_options(const struct cmd_option *rows, size_t count)
{
	char left[64];

	for (size_t i = 0; i < count; i++) {
		snprintf(left, sizeof(left), "--%s%s%s", rows[i].name,
			rows[i].arg != NULL ? " " : "",
			rows[i].arg != NULL ? rows[i].arg : "");
		printf("  %-26s %s", left, rows[i].help);
		if (rows[i].fallback != NULL)
			printf(" [%s]", rows[i].fallback);
		putchar('\n');
	}
}

static void print_examples(const char *examples)
{
	if (examples == NULL)
		return;
	printf("\nExamples:\n");
	while (*examples != '\0') {
		size_t n = strcspn(examples, "\n");

		printf("  %.*s\n", (int)n, examples);
		examples += n + (examples[n] == '\n');
	}
}

static void print_usage(const struct cmd *cmd, const struct cmd_verb *verb)
{
	printf("edgectl %s%s%s%s%s%s", cmd->noun, verb->name != NULL ? " " : "",
		verb->name != NULL ? verb->name : "",
		verb->option_count > 0 ? " [OPTION...]" : "",
		verb->words[0] != '\0' ? " " : "", verb->words);
}

void cmd_help_all(void)
{
	printf("edgectl sets up, watches and tests a Sallyport edge server.\n"
	       "\n"
	       "Usage: edgectl [-c FILE] [--json] COMMAND ...\n"
	       "\nCommands:\n");
	for (size_t i = 0; i < cmd_count(); i++)
		printf("  %-13s %s\n", cmd_at(i)->noun, cmd_at(i)->help);
	printf("\nOptions of every command:\n");
	print_options(CMD_GLOBAL, CMD_GLOBAL_COUNT);
	print_examples("edgectl init --directory /etc/sallyport\n"
		       "edgectl up\n"
		       "edgectl doctor\n"
		       "edgectl ports --json\n"
		       "edgectl test call --help\n");
	puts(EXIT_STATUS);
}

void cmd_help_noun(const struct cmd *cmd)
{
	if (cmd->verbs[0].name == NULL && cmd->verb_count == 1) {
		cmd_help_verb(cmd, &cmd->verbs[0]);
		return;
	}
	printf("edgectl %s: %s\n\nUsage:\n", cmd->noun, cmd->help);
	for (size_t i = 0; i < cmd->verb_count; i++) {
		printf("  ");
		print_usage(cmd, &cmd->verbs[i]);
		printf("\n      %s\n", cmd->verbs[i].help);
	}
	printf("\nedgectl %s VERB --help tells more.\n", cmd->noun);
	if (cmd->verbs[0].name == NULL) {
		putchar('\n');
		cmd_help_verb(cmd, &cmd->verbs[0]);
	}
}

void cmd_help_verb(const struct cmd *cmd, const struct cmd_verb *verb)
{
	printf("Usage: ");
	print_usage(cmd, verb);
	printf("\n\n%s.\n", verb->help);
	if (verb->more != NULL)
		printf("\n%s\n", verb->more);
	if (verb->option_count > 0) {
		printf("\nOptions:\n");
		print_options(verb->options, verb->option_count);
	}
	printf("\nOptions of every command:\n");
	print_options(CMD_GLOBAL, CMD_GLOBAL_COUNT);
	print_examples(verb->examples);
	puts(EXIT_STATUS);
}

static int run_help(struct cmd_call *call)
{
	const struct cmd *cmd;
	const struct cmd_verb *verb;

	if (cmd_has(call, "mdoc")) {
		cmd_manual();
		return CMD_OK;
	}
	if (call->argc == 0) {
		cmd_help_all();
		return CMD_OK;
	}
	cmd = cmd_find(call->argv[0]);
	if (cmd == NULL)
		return cmd_fail_text(call, CMD_USAGE,
			"no command is called \"%s\"", call->argv[0]);
	verb = call->argc > 1 ? cmd_find_verb(cmd, call->argv[1]) : NULL;
	if (verb != NULL)
		cmd_help_verb(cmd, verb);
	else
		cmd_help_noun(cmd);
	return CMD_OK;
}

static const struct cmd_option OPTIONS[] = {
	{.name = "mdoc", .help = "print the manual page's source"},
};

static const struct cmd_verb VERBS[] = {
	{
		.words = "[COMMAND [VERB]]",
		.words_max = 2,
		.help = "show help",
		.options = OPTIONS,
		.option_count = ARRAY_COUNT(OPTIONS),
		.examples = "edgectl help topology plan\n"
			    "edgectl help --mdoc > docs/man/edgectl.1\n",
		.run = run_help,
	},
};

const struct cmd cmd_help = {
	.noun = "help",
	.help = "show help",
	.verbs = VERBS,
	.verb_count = ARRAY_COUNT(VERBS),
};
