/*
 * The table of commands, in the order of `edgectl --help`: set up, look,
 * change, test. One row each; the command itself is in cmd_<noun>.c.
 */
#include <string.h>

#include "common/base/attr.h"
#include "edgectl/cmd.h"
#include "edgectl/commands.h"

const struct cmd_option CMD_GLOBAL[] = {
	{
		.name = "config",
		.arg = "FILE",
		.help = "edge.yaml of this machine (also -c)",
		.fallback = CONF_PATH_DEFAULT,
	},
	{
		.name = "json",
		.help = "print one JSON object instead of text",
	},
	{
		.name = "help",
		.help = "show help for this command (also -h)",
	},
};
const size_t CMD_GLOBAL_COUNT = ARRAY_COUNT(CMD_GLOBAL);

static const struct cmd *const COMMANDS[] = {
	&cmd_init,
	&cmd_up,
	&cmd_status,
	&cmd_ports,
	&cmd_topology,
	&cmd_replication,
	&cmd_publish,
	&cmd_doctor,
	&cmd_partners,
	&cmd_connections,
	&cmd_allocations,
	&cmd_credentials,
	&cmd_webconf,
	&cmd_explain,
	&cmd_test,
	&cmd_reload,
	&cmd_drain,
	&cmd_resume,
	&cmd_completion,
	&cmd_help,
	&cmd_version,
};

size_t cmd_count(void)
{
	return ARRAY_COUNT(COMMANDS);
}

const struct cmd *cmd_at(size_t i)
{
	return i < ARRAY_COUNT(COMMANDS) ? COMMANDS[i] : NULL;
}

const struct cmd *cmd_find(const char *noun)
{
	for (size_t i = 0; i < ARRAY_COUNT(COMMANDS); i++)
		if (strcmp(COMMANDS[i]->noun, noun) == 0)
			return COMMANDS[i];
	return NULL;
}

const struct cmd_verb *cmd_find_verb(const struct cmd *cmd, const char *name)
{
	for (size_t i = 0; i < cmd->verb_count; i++)
		if (cmd->verbs[i].name != NULL &&
			strcmp(cmd->verbs[i].name, name) == 0)
			return &cmd->verbs[i];
	return NULL;
}
