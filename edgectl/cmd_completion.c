/*
 * edgectl completion: scripts for shells, printed from the table of commands;
 * what is in deploy/completion/ is their output. The two differ in how they
 * write a list of words; what is offered where is the same.
 */
#include <stdio.h>
#include <string.h>

#include "edgectl/commands.h"

#define FILE_OPTIONS_MAX 64

/* How a shell writes its list of words. */
struct shell {
	const char *open;
	void (*word)(const char *dashes, const char *word, const char *help);
	const char *close;
};

/* ---- the cases, the same for every shell -------------------------------- */

static void put_options(const struct shell *sh, const struct cmd_option *rows,
	size_t count)
{
	for (size_t i = 0; i < count; i++)
		sh->word("--", rows[i].name, rows[i].help);
}

static void put_nouns(const struct shell *sh)
{
	printf("\t'')\n\t\t%s", sh->open);
	for (size_t i = 0; i < cmd_count(); i++)
		sh->word("", cmd_at(i)->noun, cmd_at(i)->help);
	put_options(sh, CMD_GLOBAL, CMD_GLOBAL_COUNT);
	printf("%s ;;\n", sh->close);
}

static bool has_no_verbs(const struct cmd *cmd)
{
	return cmd->verbs[0].name == NULL && cmd->verb_count == 1;
}

static void put_verbs(const struct shell *sh, const struct cmd *cmd)
{
	printf("\t%s)\n\t\t%s", cmd->noun, sh->open);
	for (size_t i = 0; i < cmd->verb_count; i++)
		if (cmd->verbs[i].name != NULL)
			sh->word("", cmd->verbs[i].name, cmd->verbs[i].help);
	if (cmd->verbs[0].name == NULL)
		put_options(sh, cmd->verbs[0].options,
			cmd->verbs[0].option_count);
	printf("%s ;;\n", sh->close);
}

static void put_verb(const struct shell *sh, const struct cmd *cmd,
	const struct cmd_verb *verb)
{
	printf("\t\"%s%s%s\")\n\t\t%s", cmd->noun,
		verb->name != NULL ? " " : "",
		verb->name != NULL ? verb->name : "", sh->open);
	put_options(sh, CMD_GLOBAL, CMD_GLOBAL_COUNT);
	put_options(sh, verb->options, verb->option_count);
	printf("%s ;;\n", sh->close);
}

/* What comes behind "$noun $verb"; then, where a noun has no verbs and any
 * word may follow it, what comes behind "$noun". */
static void put_cases(const struct shell *sh)
{
	printf("\tcase \"$noun${verb:+ $verb}\" in\n");
	put_nouns(sh);
	for (size_t i = 0; i < cmd_count(); i++) {
		const struct cmd *cmd = cmd_at(i);

		if (has_no_verbs(cmd))
			continue;
		put_verbs(sh, cmd);
		for (size_t j = 0; j < cmd->verb_count; j++)
			if (cmd->verbs[j].name != NULL)
				put_verb(sh, cmd, &cmd->verbs[j]);
	}
	printf("\tesac\n\tcase $noun in\n");
	for (size_t i = 0; i < cmd_count(); i++)
		if (has_no_verbs(cmd_at(i)))
			put_verb(sh, cmd_at(i), &cmd_at(i)->verbs[0]);
	printf("\tesac\n");
}

/* ---- options whose value is a file -------------------------------------- */

struct names {
	const char *rows[FILE_OPTIONS_MAX];
	size_t count;
};

static bool takes_file(const struct cmd_option *option)
{
	return option->arg != NULL && (strstr(option->arg, "FILE") != NULL ||
		strstr(option->arg, "DIR") != NULL ||
		strstr(option->arg, "SOCKET") != NULL);
}

static void add_file_options(struct names *names,
	const struct cmd_option *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t k = 0;

		if (!takes_file(&rows[i]))
			continue;
		while (k < names->count &&
			strcmp(names->rows[k], rows[i].name) != 0)
			k++;
		if (k == names->count && k < FILE_OPTIONS_MAX)
			names->rows[names->count++] = rows[i].name;
	}
}

static void put_file_options(void)
{
	struct names names = {.count = 0};

	add_file_options(&names, CMD_GLOBAL, CMD_GLOBAL_COUNT);
	for (size_t i = 0; i < cmd_count(); i++)
		for (size_t j = 0; j < cmd_at(i)->verb_count; j++)
			add_file_options(&names, cmd_at(i)->verbs[j].options,
				cmd_at(i)->verbs[j].option_count);
	printf("\t-c");
	for (size_t i = 0; i < names.count; i++)
		printf("|--%s", names.rows[i]);
	printf(")\n");
}

/* ---- bash --------------------------------------------------------------- */

static void bash_word(const char *dashes, const char *word, const char *help)
{
	(void)help;
	printf(" %s%s", dashes, word);
}

static int run_bash(struct cmd_call *call)
{
	static const struct shell BASH = {"words=\"", bash_word, "\""};

	(void)call;
	printf("# bash completion for edgectl, made by 'edgectl completion "
	       "bash'.\n"
	       "_edgectl()\n{\n"
	       "\tlocal word noun='' verb='' words='' skip=''\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n"
	       "\tlocal prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tCOMPREPLY=()\n"
	       "\tcase $prev in\n");
	put_file_options();
	printf("\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
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
	       "\tdone\n");
	put_cases(&BASH);
	printf("\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- "
	       "\"$cur\")\n"
	       "\tif [ ${#COMPREPLY[@]} -eq 0 ]; then\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	       "\tfi\n}\n"
	       "complete -F _edgectl edgectl\n");
	return CMD_OK;
}

/* ---- zsh ---------------------------------------------------------------- */

/* 'word:help', as _describe takes it. */
static void zsh_word(const char *dashes, const char *word, const char *help)
{
	printf("\n\t\t\t'%s%s:", dashes, word);
	for (; *help != '\0'; help++)
		if (*help == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*help);
	putchar('\'');
}

static int run_zsh(struct cmd_call *call)
{
	static const struct shell ZSH = {"rows=(", zsh_word, ")"};

	(void)call;
	printf("#compdef edgectl\n"
	       "# zsh completion for edgectl, made by 'edgectl completion "
	       "zsh'.\n"
	       "_edgectl()\n{\n"
	       "\tlocal word noun='' verb='' skip=''\n"
	       "\tlocal -a rows\n"
	       "\tcase $words[CURRENT-1] in\n");
	put_file_options();
	printf("\t\t_files\n"
	       "\t\treturn ;;\n"
	       "\tesac\n"
	       "\tfor word in \"${(@)words[2,CURRENT-1]}\"; do\n"
	       "\t\tif [[ -n $skip ]]; then skip=; continue; fi\n"
	       "\t\tcase $word in\n"
	       "\t\t-c|--config) skip=1 ;;\n"
	       "\t\t-*) ;;\n"
	       "\t\t*) if [[ -z $noun ]]; then noun=$word\n"
	       "\t\t   elif [[ -z $verb ]]; then verb=$word; fi ;;\n"
	       "\t\tesac\n"
	       "\tdone\n");
	put_cases(&ZSH);
	printf("\t_describe edgectl rows || _files\n"
	       "}\n"
	       "if [[ $funcstack[1] = _edgectl ]]; then\n"
	       "\t_edgectl \"$@\"\n"
	       "else\n"
	       "\tcompdef _edgectl edgectl\n"
	       "fi\n");
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
	{
		.name = "zsh",
		.words = "",
		.help = "print completion for zsh",
		.examples = "edgectl completion zsh > "
			    "/usr/share/zsh/vendor-completions/_edgectl\n",
		.run = run_zsh,
	},
};

const struct cmd cmd_completion = {
	.noun = "completion",
	.help = "print completion for the shell",
	.verbs = VERBS,
	.verb_count = ARRAY_COUNT(VERBS),
};
