/* edgectl ports: the port table of the five services. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/err.h"
#include "common/store/generation.h"
#include "edgectl/commands.h"
#include "edgectl/output.h"
#include "edgectl/ports.h"

static const struct output_column COLUMNS[] = {
	{"SERVICE", "service", 28},
	{"INTERFACE", "side", 0},
	{"ADDRESS", "address", 0},
	{"PORT", "port", 0},
	{"PROTOCOL", "protocol", 0},
	{"OVER", "transport", 0},
	{"OWNER", "process", 0},
	{"PID", "pid", 0},
	{"EXPECTED", "expected", 0},
	{"STATE", "state", 0},
	{"NOW", "connections", 0},
};

static void as_text(FILE *to, const json_t *object)
{
	const json_t *rows = json_object_get(object, "ports");
	const json_t *row;
	size_t i;

	output_table(to, rows, COLUMNS, ARRAY_COUNT(COLUMNS));
	fputc('\n', to);
	json_array_foreach(rows, i, row)
	{
		const char *note = output_str(row, "note", NULL);
		char *port;

		if (note == NULL)
			continue;
		port = output_value(json_object_get(row, "port"));
		fputs(output_str(row, "service", ""), to);
		if (json_object_get(row, "port") != NULL && port != NULL)
			fprintf(to, " %s %s", output_str(row, "side", ""),
				port);
		fprintf(to, ": %s, %s\n", output_str(row, "state", ""), note);
		free(port);
	}
}

static int run(struct cmd_call *call)
{
	struct conf *conf = NULL;
	struct topology *topology = NULL;
	struct daemons daemons;
	struct why why = {""};
	char path[PATH_MAX];
	json_t *object;
	int status;
	int err;

	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	err = generation_current_path(conf->state_dir, path, sizeof(path),
		&why);
	if (err == 0)
		err = topology_load(&topology, path, conf->machine, &why);
	if (err != 0) {
		status = cmd_fail(call, CMD_USAGE, err, &why);
		goto out;
	}
	daemons_ask(&daemons, conf);
	object = ports_table(topology, &daemons, port_owner_find);
	status = json_is_true(json_object_get(object, "ok")) ? CMD_OK :
							       CMD_FAILED;
	output_print(call, object, as_text);
	daemons_fini(&daemons);
out:
	topology_unref(topology);
	conf_free(conf);
	return status;
}

static const struct cmd_verb VERBS[] = {
	{
		.words = "",
		.help = "show every port: expected, open, and whose it is",
		.more = "One row for each listener of the topology, as the "
			"five services have them.\n"
			"NOW of the relay ports counts all allocations, over "
			"UDP and TCP.\n"
			"STATE: open; on-demand (relay ports); closed or "
			"down (the daemon is there or\n"
			"not); taken (another process has the port); absent "
			"(this version has no\n"
			"service for it); unset (not in the topology). "
			"Status 1 when a port that is\n"
			"expected is not there.",
		.examples = "edgectl ports\n"
			    "edgectl ports --json | jq '.ports[] | "
			    "select(.state==\"down\")'\n",
		.run = run,
	},
};

const struct cmd cmd_ports = {
	.noun = "ports",
	.help = "show every port: expected, open, and whose it is",
	.verbs = VERBS,
	.verb_count = ARRAY_COUNT(VERBS),
};
