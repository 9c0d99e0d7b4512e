/*
 * edgectl replication: how this edge is with its publisher, and the first
 * trust of a new one. The publisher's own view is `edgectl publish status`;
 * both draw the same rows (replica_table.c).
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "edgectl/commands.h"
#include "edgectl/daemons.h"
#include "edgectl/output.h"
#include "edgectl/replica_table.h"
#include "edgectl/replication_bootstrap.h"

#define WATCH_S 2

/* ---- status ------------------------------------------------------------- */

static const struct output_field FIELDS[] = {
	{"Current", "replica.current.source", ""},
	{"Staged serial", "replica.staged.serial", ""},
	{"Highest serial seen", "replica.highest_seen.serial", ""},
	{"Pinned by", "replica.pin.by", ""},
	{"Pinned because", "replica.pin.reason", ""},
	{"Last error at", "replica.last_error.time", ""},
	{"Last error", "replica.last_error.text", ""},
};

static const struct output_column DAEMONS[] = {
	{"DAEMON", "name", 0},
	{"STATE", "state", 0},
	{"VERSION RUNNING", "version_running", 0},
};

static void status_text(FILE *to, const json_t *object)
{
	replica_table_print(to, object);
	fputc('\n', to);
	output_fields(to, object, FIELDS, ARRAY_COUNT(FIELDS));
	output_table(to, output_at(object, "replica.daemons"), DAEMONS,
		ARRAY_COUNT(DAEMONS));
}

static const char *state_of(const json_t *status)
{
	if (json_is_true(json_object_get(status, "pinned")))
		return "pinned";
	if (json_is_true(json_object_get(status, "confirming")))
		return "confirming";
	if (json_is_object(json_object_get(status, "staged")))
		return "staged";
	if (json_is_true(json_object_get(status, "stale")))
		return "stale";
	return json_is_object(json_object_get(status, "current")) ?
		"active" : "empty";
}

/* What went wrong before it came to what it has says nothing of how it is. */
static bool is_past(const json_t *status, const char *state)
{
	return strcmp(state, "pinned") != 0 &&
		strcmp(output_str(output_at(status, "last_error"), "time", ""),
			output_str(output_at(status, "current"), "activated",
				"")) < 0;
}

static json_t *row_of(const json_t *status)
{
	const json_t *lag = json_object_get(status, "lag");
	const json_int_t seconds =
		json_integer_value(json_object_get(lag, "seconds"));
	json_t *row = replica_table_row(
		output_str(status, "replica_fqdn", "?"), status);
	char text[64];

	json_object_set_new(row, "state", json_string(state_of(status)));
	if (is_past(status, state_of(status)))
		json_object_del(row, "error");
	json_object_set_new(row, "lag_s", json_integer(seconds));
	json_object_set(row, "lag_serials", json_object_get(lag, "serials"));
	if (seconds > 0) {
		snprintf(text, sizeof(text), "%lld s", (long long)seconds);
		json_object_set_new(row, "lag", json_string(text));
	}
	return row;
}

static int show(struct cmd_call *call, const struct conf *conf)
{
	struct why why = {""};
	json_t *status = NULL;
	json_t *object;
	json_t *row;
	bool ok;
	int err = daemons_call(conf, CONF_REPLICATION_AGENT,
		"/v1/replication", NULL, &status, &why);

	if (err < 0)
		return cmd_fail(call, CMD_USAGE, err, &why);
	row = row_of(status);
	ok = json_integer_value(json_object_get(row, "lag_s")) <=
		REPLICA_BEHIND_S;
	object = json_pack("{s:b, s:[o], s:o}", "ok", ok, "replicas", row,
		"replica", status);
	output_print(call, object, status_text);
	return ok ? CMD_OK : CMD_FAILED;
}

static int run_status(struct cmd_call *call)
{
	const bool is_watched = cmd_has(call, "watch");
	struct conf *conf = NULL;
	int status;

	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	do {
		if (is_watched && !call->json)
			fputs("\033[H\033[2J", stdout);
		status = show(call, conf);
		fflush(stdout);
		if (is_watched)
			sleep(WATCH_S);
	} while (is_watched && status != CMD_USAGE);
	conf_free(conf);
	return status;
}

/* ---- bootstrap ---------------------------------------------------------- */

static const struct output_column KEYS[] = {
	{"KEY", "id", 0},
	{"NAME", "name", 0},
};

static const struct output_field BOOTSTRAP[] = {
	{"Deployment", "deployment", ""},
	{"Signatures needed", "threshold", ""},
	{"Version", "version", ""},
	{"Bundle", "sha256", ""},
};

static void bootstrap_text(FILE *to, const json_t *object)
{
	output_fields(to, object, BOOTSTRAP, ARRAY_COUNT(BOOTSTRAP));
	output_table(to, json_object_get(object, "keys"), KEYS,
		ARRAY_COUNT(KEYS));
	fputs("Deployment and keys must be those that 'edgectl publish "
	      "export' printed.\n", to);
}

static int run_bootstrap(struct cmd_call *call)
{
	const struct replication_bootstrap what = {
		.trust_path = cmd_get(call, "trust"),
		.bundle_path = call->argc > 0 ? call->argv[0] : NULL,
		.may_replace = cmd_has(call, "replace"),
	};
	struct conf *conf = NULL;
	struct why why = {""};
	json_t *object = NULL;
	int err;

	if (what.trust_path == NULL)
		return cmd_fail_text(call, CMD_USAGE,
			"--trust FILE is missing: the trust.json that lies "
			"beside the bundle");
	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	err = replication_bootstrap(&object, &what, conf, &why);
	conf_free(conf);
	if (err < 0)
		return cmd_fail(call, CMD_FAILED, err, &why);
	output_print(call, object, bootstrap_text);
	return CMD_OK;
}

/* ---- the table ---------------------------------------------------------- */

static const struct cmd_option STATUS_OPTIONS[] = {
	{.name = "watch", .help = "show it anew every 2 seconds"},
};

static const struct cmd_option BOOTSTRAP_OPTIONS[] = {
	{.name = "trust",
		.arg = "FILE",
		.help = "trust.json as 'edgectl publish export' wrote it"},
	{.name = "replace",
		.help = "although this machine has another trust.json"},
};

static const struct cmd_verb VERBS[] = {
	{
		.name = "status",
		.words = "",
		.help = "show how this edge is with its publisher",
		.options = STATUS_OPTIONS,
		.option_count = ARRAY_COUNT(STATUS_OPTIONS),
		.more =
"Status 1 when the publisher has had something newer for more than ten\n"
"minutes. All edges at once: 'edgectl publish status' on the publisher.",
		.examples = "edgectl replication status\n"
			    "edgectl replication status --json\n",
		.run = run_status,
	},
	{
		.name = "bootstrap",
		.words = "[FILE]",
		.words_max = 1,
		.help = "trust a publisher, and take its first topology from a "
			"file",
		.options = BOOTSTRAP_OPTIONS,
		.option_count = ARRAY_COUNT(BOOTSTRAP_OPTIONS),
		.more =
"FILE is the bundle that 'edgectl publish export' wrote; without it only the\n"
"keys are put in place. Compare what is printed with the inside. From then\n"
"on this machine takes its topology from the publisher.",
		.examples = "edgectl replication bootstrap --trust trust.json "
			    "first.edgb\n",
		.run = run_bootstrap,
	},
};

const struct cmd cmd_replication = {
	.noun = "replication",
	.help = "how this edge is with its publisher, and its first trust",
	.verbs = VERBS,
	.verb_count = ARRAY_COUNT(VERBS),
};
