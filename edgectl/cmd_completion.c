/*
 * edgectl completion: a script for the shell, printed from the table of
 * commands; deploy/completion/edgectl is its output.
 */
#include <stdio.h>
#include <string.h>

#include "edgectl/commands.h"

static void put_words(const struct cmd_option *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		printf(" --%s", rows[i].name);
}

static void put_verb_case(const struct cmd *cmd, const struct cmd_verb *verb)
{
	printf("\t\"%s%s%s\") words=\"", cmd->noun,
		verb->name != NULL ? " " : "",
		verb->name != NULL ? verb->name : "");
	put_words(CMD_GLOBAL, CMD_GLOBAL_COUNT);
	put_words(verb->options, verb->option_count);
	printf("\" ;;\n");
}

static void put_nouns(void)
{
	printf("\t\twords=\"");
	for (size_t i = 0; i < cmd_count(); i++)
		printf("%s%s", i > 0 ? " " : "", cmd_at(i)->noun);
	put_words(CMD_GLOBAL, CMD_GLOBAL_COUNT);
	printf("\" ;;\n");
}

static void put_verbs(const struct cmd *cmd)
{
	if (cmd->verbs[0].name == NULL && cmd->verb_count == 1)
		return;
	printf("\t%s)\n\t\twords=\"", cmd->noun);
	for (size_t i = 0; i < cmd->verb_count; i++)
		if (cmd->verbs[i].name != NULL)
			printf("%s%s", i > 0 ? " " : "", cmd->verbs[i].name);
	if (cmd->verbs[0].name == NULL)
		put_words(cmd->verbs[0].options, cmd->verbs[0].option_count);
	printf("\" ;;\n");
}

static int run_bash(struct cmd_call *call)
{
	(void)call;
	printf("# bash completion for edgectl, made by 'edgectl completion "
	       "bash'.\n"
	       "_edgectl()\n{\n"
	       "\tlocal word noun='' verb='' words='' skip=''\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n"
	       "\tlocal prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tCOMPREPLY=()\n"
	       "\tcase $prev in\n"
	       "\t-c|--config|--directory|--run-dir|--state-dir)\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	       "\t\treturn ;;\n"
	       "\tesac\n"
	       "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
	       "\t\tif [ -n \"$skip\" ]; then skip=; continue; fi\n"
	       "\t\tcase $word in\n"
	       "\t\t-c|--config) skip=1 ;;\n"
	       "\t\t-*) ;;\n"
	       "\t\t*) if [ -z \"$noun\" ]; then noun=$word\n"
	       "\t\t   elif [ -z \"$verb\" ]; then verb=$word; fi ;;\n"
	       "\t\tesac\n"
	       "\tdone\n"
	       "\tcase \"$noun${verb:+ $verb}\" in\n"
	       "\t'')\n");
	put_nouns();
	for (size_t i = 0; i < cmd_count(); i++) {
		const struct cmd *cmd = cmd_at(i);

		put_verbs(cmd);
		for (size_t j = 0; j < cmd->verb_count; j++)
			if (cmd->verbs[j].name != NULL)
				put_verb_case(cmd, &cmd->verbs[j]);
	}
	printf("\tesac\n\tcase $noun in\n");
	for (size_t i = 0; i < cmd_count(); i++)
		if (cmd_at(i)->verbs[0].name == NULL &&
			cmd_at(i)->verb_count == 1)
			put_verb_case(cmd_at(i), &cmd_at(i)->verbs[0]);
	printf("\tesac\n"
	       "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- "
	       "\"$cur\")\n"
	       "\tif [ ${#COMPREPLY[@]} -eq 0 ]; then\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	       "\tfi\n}\n"
	       "complete -F _edgectl edgectl\n");
	return CMD_OK;
}

static const struct cmd_verb VERBS[] = {
	{
		.name = "bash",
		.words = "",
		.help = "print completion for bash",
		.examples = "edgectl completion bash > "
			    "/usr/share/bash-completion/completions/edgectl\n",
		.run = run_bash,
	},
};

const struct cmd cmd_completion = {
	.noun = "completion",
	.help = "print completion for the shell",
	.verbs = VERBS,
	.verb_count = ARRAY_COUNT(VERBS),
};
