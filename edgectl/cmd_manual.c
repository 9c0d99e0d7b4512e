/*
 * edgectl(1), printed from the table of commands; docs/man/edgectl.1 is its
 * output. What does not follow from the table stands here as text.
 */
#include <stdio.h>
#include <string.h>

#include "edgectl/cmd.h"

static const char HEAD[] =
	".\\\" Made by 'edgectl help --mdoc' from the table of commands.\n"
	".Dd March 1, 2026\n"
	".Dt EDGECTL 1\n"
	".Os\n"
	".Sh NAME\n"
	".Nm edgectl\n"
	".Nd set up, watch and test a Sallyport edge server\n"
	".Sh SYNOPSIS\n"
	".Nm edgectl\n"
	".Op Fl c Ar FILE\n"
	".Op Fl -json\n"
	".Ar COMMAND\n"
	".Op Ar ...\n"
	".Sh DESCRIPTION\n"
	".Nm\n"
	"is the one command of an administrator of Sallyport.\n"
	"It sets a machine up, starts the daemons in the foreground where no\n"
	"service manager does, asks running daemons over their control "
	"sockets,\n"
	"changes the topology, and does what users do in order to see "
	"whether it\n"
	"works.\n"
	".Pp\n"
	"Every command takes these options:\n";

static const char TAIL[] =
	".Sh FILES\n"
	".Bl -tag -width Ds\n"
	".It Pa /etc/sallyport/edge.yaml\n"
	"what only this machine knows, see\n"
	".Xr edge.yaml 5\n"
	".It Pa /run/sallyport/\n"
	"control sockets of the daemons:\n"
	".Pa <daemon>.sock\n"
	"for reading (group sallyport),\n"
	".Pa <daemon>.admin.sock\n"
	"for changing (group sallyport-admin)\n"
	".It Pa /var/lib/sallyport/\n"
	"the topology's generations and the daemons' own state\n"
	".El\n"
	".Sh EXIT STATUS\n"
	".Bl -tag -width Ds\n"
	".It 0\n"
	"good: done, or the answer is yes\n"
	".It 1\n"
	"bad news: it ran, and failed, or the answer is no\n"
	".It 2\n"
	"wrong usage, or it could not run at all\n"
	".El\n"
	".Pp\n"
	"With\n"
	".Fl -json\n"
	"failures too are one object on standard output, with\n"
	".Li ok ,\n"
	".Li error\n"
	"and\n"
	".Li text .\n"
	".Sh SEE ALSO\n"
	".Xr edge.yaml 5 ,\n"
	".Xr topology.yaml 5 ,\n"
	".Xr access-edge 8 ,\n"
	".Xr av-auth 8 ,\n"
	".Xr av-edge 8\n";

/* Text that roff takes as it is: no requests, no escapes, and a line of
 * its own for each sentence. */
static void put_text(const char *text, size_t len)
{
	bool at_start = true;

	for (size_t i = 0; i < len; i++) {
		if (i > 1 && text[i] == ' ' && text[i - 1] == '.' &&
			text[i - 2] != '.') {
			putchar('\n');
			at_start = true;
			continue;
		}
		if (at_start && (text[i] == '.' || text[i] == '\''))
			fputs("\\&", stdout);
		if (text[i] == '\\')
			fputs("\\e", stdout);
		else
			putchar(text[i]);
		at_start = text[i] == '\n';
	}
}

static void put_line(const char *text)
{
	put_text(text, strlen(text));
	putchar('\n');
}

static void put_option(const struct cmd_option *option)
{
	printf(".It Fl -%s%s%s\n", option->name,
		option->arg != NULL ? " Ar " : "",
		option->arg != NULL ? option->arg : "");
	put_line(option->help);
	if (option->fallback != NULL)
		printf("(default\n.Li %s )\n", option->fallback);
}

static void put_options(const struct cmd_option *rows, size_t count)
{
	if (count == 0)
		return;
	printf(".Bl -tag -width Ds\n");
	for (size_t i = 0; i < count; i++)
		put_option(&rows[i]);
	printf(".El\n");
}

static void put_verb(const struct cmd *cmd, const struct cmd_verb *verb)
{
	const char *name = verb->name != NULL ? verb->name : "";

	printf(".Ss edgectl %s%s%s\n", cmd->noun, name[0] != '\0' ? " " : "",
		name);
	printf(".Nm edgectl Cm %s%s%s", cmd->noun, name[0] != '\0' ? " " : "",
		name);
	if (verb->option_count > 0)
		printf(" Op Ar option ...");
	if (verb->words[0] != '\0')
		printf(" Ar %s", verb->words);
	printf("\n.Pp\n");
	put_text(verb->help, strlen(verb->help));
	printf(".\n");
	if (verb->more != NULL) {
		printf(".Pp\n");
		put_line(verb->more);
	}
	put_options(verb->options, verb->option_count);
	if (verb->examples == NULL)
		return;
	printf(".Bd -literal -offset indent\n");
	put_text(verb->examples, strlen(verb->examples));
	printf(".Ed\n");
}

void cmd_manual(void)
{
	fputs(HEAD, stdout);
	put_options(CMD_GLOBAL, CMD_GLOBAL_COUNT);
	printf(".Sh COMMANDS\n");
	for (size_t i = 0; i < cmd_count(); i++)
		for (size_t j = 0; j < cmd_at(i)->verb_count; j++)
			put_verb(cmd_at(i), &cmd_at(i)->verbs[j]);
	fputs(TAIL, stdout);
}
