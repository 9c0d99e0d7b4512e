/* edgectl status: what each daemon says of itself. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "edgectl/commands.h"
#include "edgectl/daemons.h"
#include "edgectl/output.h"
#include "edgectl/ports.h"

static const struct output_column COLUMNS[] = {
	{"SERVICE", "service", 28},
	{"DAEMON", "daemon", 0},
	{"STATE", "state", 0},
	{"PID", "pid", 0},
	{"UPTIME_S", "uptime_s", 0},
	{"SESSIONS", "sessions", 0},
	{"GENERATION", "generation", 0},
	{"VERSION", "version", 0},
};

static void print_errors(FILE *to, const json_t *row)
{
	const char *daemon = output_str(row, "daemon", "");
	const char *text = output_str(row, "last_error.text", NULL);
	const json_t *reload = output_at(row, "last_reload.ok");

	if (text != NULL)
		fprintf(to, "%s: last error %s: %s\n", daemon,
			output_str(row, "last_error.at", ""), text);
	if (json_is_false(reload))
		fprintf(to,
			"%s: reload of %s refused, the old state is kept: "
			"%s\n",
			daemon, output_str(row, "last_reload.at", ""),
			output_str(row, "last_reload.text", ""));
	if (json_object_get(row, "error") != NULL)
		fprintf(to, "%s\n", output_str(row, "text", ""));
	if (json_is_true(json_object_get(row, "lab")))
		fprintf(to, "%s: lab topology%s\n", daemon,
			json_is_false(json_object_get(row, "sides_separated")) ?
				", sides not separated" :
				"");
}

static void as_text(FILE *to, const json_t *object)
{
	const json_t *rows = json_object_get(object, "daemons");
	const json_t *row;
	size_t i;

	fprintf(to, "machine %s\n\n", output_str(object, "machine", ""));
	output_table(to, rows, COLUMNS, ARRAY_COUNT(COLUMNS));
	fputc('\n', to);
	json_array_foreach(rows, i, row) print_errors(to, row);
}

/* A daemon that answered is shown whole; others with the reason. */
static json_t *row_of(const struct daemons *d, enum conf_daemon id)
{
	json_t *row = json_pack("{s:s,s:s}", "service", ports_service_name(id),
		"daemon", conf_daemon_name(id));

	if (d->status[id] != NULL) {
		json_object_update_missing(row, d->status[id]);
		return row;
	}
	json_object_set_new(row, "state",
		json_string(d->err[id] == -EACCES ? "unknown" : "down"));
	json_object_set_new(row, "error", json_string(err_name(d->err[id])));
	json_object_set_new(row, "text",
		json_string(why_text(&d->why[id], d->err[id])));
	return row;
}

/* Idle is who has nothing to do on this machine. */
static bool is_well(const json_t *status)
{
	const char *state = output_str(status, "state", "");

	return strcmp(state, "serving") == 0 || strcmp(state, "idle") == 0;
}

/* Never started here: no socket was ever made for it. */
static bool is_unused(const struct daemons *d, enum conf_daemon id)
{
	return d->status[id] == NULL && d->err[id] == -ENOENT;
}

static int run(struct cmd_call *call)
{
	struct conf *conf = NULL;
	struct daemons d;
	json_t *rows = json_array();
	bool ok = true;
	size_t up = 0;

	if (cmd_conf(call, &conf) != 0) {
		json_decref(rows);
		return CMD_USAGE;
	}
	daemons_ask(&d, conf);
	for (size_t i = 0; i < CONF_DAEMON_COUNT; i++) {
		enum conf_daemon id = PORTS_SERVICES[i].daemon;

		if (is_unused(&d, id))
			continue;
		up += d.status[id] != NULL;
		ok = ok && d.status[id] != NULL && is_well(d.status[id]);
		json_array_append_new(rows, row_of(&d, id));
	}
	ok = ok && up > 0;
	if (json_array_size(rows) == 0 && !call->json)
		cmd_fail_text(call, CMD_FAILED,
			"no daemon runs here (no "
			"control socket in %s); start them with 'edgectl up' "
			"or systemctl",
			conf->run_dir);
	else
		output_print(call,
			json_pack("{s:b,s:s,s:O}", "ok", ok, "machine",
				conf->machine, "daemons", rows),
			as_text);
	json_decref(rows);
	daemons_fini(&d);
	conf_free(conf);
	return ok ? CMD_OK : CMD_FAILED;
}

static const struct cmd_verb VERBS[] = {
	{
		.words = "",
		.help = "show how each daemon is",
		.more = "Status 0 when every daemon that runs here is "
			"serving, or idle because the\n"
			"topology gives this machine nothing for it. With "
			"--json each daemon's whole\n"
			"answer is there: ports, certificates, sandbox, last "
			"error.",
		.examples = "edgectl status\n"
			    "edgectl status --json | jq "
			    "'.daemons[].certificates'\n",
		.run = run,
	},
};

const struct cmd cmd_status = {
	.noun = "status",
	.help = "show how each daemon is",
	.verbs = VERBS,
	.verb_count = ARRAY_COUNT(VERBS),
};
