/*
 * edgectl publish: topologies for a fleet of edges. The work is in
 * edgectl/publish/; here are the verbs and what they print.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/run/yaml.h"
#include "common/store/sql.h"
#include "edgectl/commands.h"
#include "edgectl/output.h"
#include "edgectl/place.h"
#include "edgectl/publish/export.h"
#include "edgectl/publish/fleet_status.h"
#include "edgectl/publish/issue.h"
#include "edgectl/publish/key_command.h"
#include "edgectl/publish/order.h"
#include "edgectl/publish/serve.h"
#include "edgectl/publish/trust_store.h"

#define WATCH_S 2

/* ---- publish FILE ------------------------------------------------------- */

static int read_text(const char *path, char **out, struct why *why)
{
	bool is_input = strcmp(path, "-") == 0;
	FILE *from = is_input ? stdin : fopen(path, "re");
	char *text = malloc(YAML_FILE_MAX + 1);
	size_t len;
	int err = 0;

	if (from == NULL || text == NULL) {
		err = text == NULL ? -ENOMEM : -errno;
		free(text);
		return why_set(why, err, "%s: %s", path, err_text(err));
	}
	len = fread(text, 1, YAML_FILE_MAX + 1, from);
	if (ferror(from))
		err = why_set(why, -errno, "%s: %s", path, err_text(-errno));
	else if (len > YAML_FILE_MAX)
		err = why_set(why, EDGE_ETOOBIG, "%s: more than %u MiB", path,
			YAML_FILE_MAX >> 20);
	else if (memchr(text, '\0', len) != NULL)
		err = why_set(why, EDGE_EMALFORMED, "%s: not a text", path);
	if (!is_input)
		fclose(from);
	if (err < 0) {
		free(text);
		return err;
	}
	text[len] = '\0';
	*out = text;
	return 0;
}

static void print_findings(FILE *to, const json_t *object)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(object, "findings"), i, row)
		fprintf(to, "%s: %s\n", output_str(row, "level", ""),
			output_str(row, "text", ""));
	fputs(json_is_true(json_object_get(object, "ok")) ?
		"It can be published.\n" :
		"Nothing was published: correct the errors first.\n", to);
}

/* A canary that is no machine would be watched in vain, and nobody told. */
static int check_canaries(struct cmd_call *call, struct sqlite3 *db)
{
	struct why why = {""};
	const char *name;
	int64_t found;

	for (size_t i = 0; (name = cmd_get_nth(call, "canary", i)) != NULL;
		i++) {
		struct sqlite3_stmt *stmt = NULL;
		int err = sql_query(&stmt, db, &why, "SELECT COUNT(*) FROM"
			" machine WHERE fqdn=?", "t", name);

		if (err == 0)
			err = sql_next(stmt, &why);
		found = err == 1 ? sqlite3_column_int64(stmt, 0) : 0;
		sqlite3_finalize(stmt);
		if (err < 0)
			return cmd_fail(call, CMD_USAGE, err, &why);
		if (found == 0)
			return cmd_fail_text(call, CMD_USAGE, "--canary %s: no "
				"machine of this topology has that name",
				name);
	}
	return -1;
}

/* Here and now, with the file's name and lines: status, or -1 = go on. */
static int check_here(struct cmd_call *call, const struct publish_conf *conf,
	const char *yaml)
{
	struct sqlite3 *db = NULL;
	json_t *findings = NULL;
	struct why why = {""};
	bool has_errors = false;
	int err = issue_check(yaml, call->argv[0], conf->name, &db, &findings,
		&has_errors, &why);

	int status = err == 0 ? check_canaries(call, db) : -1;

	sqlite3_close(db);
	if (err < 0)
		status = cmd_fail(call, err == EDGE_ECONFIG ? CMD_FAILED :
							      CMD_USAGE, err,
			&why);
	if (err < 0 || status >= 0 || (!has_errors && !cmd_has(call,
							"check"))) {
		json_decref(findings);
		return status;
	}
	output_print(call, json_pack("{s:b,s:o}", "ok", !has_errors,
		"findings", findings), print_findings);
	return has_errors ? CMD_FAILED : CMD_OK;
}

static int run_publish(struct cmd_call *call)
{
	struct publish_conf *conf = order_conf(call);
	json_t *options;
	struct why why = {""};
	char *yaml = NULL;
	int status;
	int err;

	if (conf == NULL)
		return CMD_USAGE;
	err = read_text(call->argv[0], &yaml, &why);
	if (err < 0) {
		publish_conf_free(conf);
		return cmd_fail(call, CMD_USAGE, err, &why);
	}
	status = check_here(call, conf, yaml);
	options = status < 0 ? order_options(call) : NULL;
	if (status < 0 && options == NULL)
		status = CMD_USAGE;
	if (status < 0)
		status = order_run(call, conf, "publish", json_pack(
			"{s:s,s:s,s:o,s:b,s:b}", "yaml", yaml, "reason",
			cmd_get(call, "reason") != NULL ?
				cmd_get(call, "reason") : "",
			"options", options, "force", cmd_has(call, "force"),
			"new_keys", cmd_has(call, "new-pool-keys")));
	free(yaml);
	publish_conf_free(conf);
	return status;
}

/* ---- orders ------------------------------------------------------------- */

static int run_rollback(struct cmd_call *call)
{
	struct publish_conf *conf = order_conf(call);
	json_t *options = conf != NULL ? order_options(call) : NULL;
	int status;

	if (options == NULL) {
		publish_conf_free(conf);
		return CMD_USAGE;
	}
	status = order_run(call, conf, "rollback", json_pack("{s:s,s:s,s:o}",
		"to", cmd_get(call, "to") != NULL ? cmd_get(call, "to") : "",
		"reason", cmd_get(call, "reason") != NULL ?
			cmd_get(call, "reason") : "",
		"options", options));
	publish_conf_free(conf);
	return status;
}

static int run_order(struct cmd_call *call)
{
	struct publish_conf *conf = order_conf(call);
	int status;

	if (conf == NULL)
		return CMD_USAGE;
	status = order_run(call, conf, call->verb->name, json_object());
	publish_conf_free(conf);
	return status;
}

static int run_serve(struct cmd_call *call)
{
	struct publish_conf *conf = order_conf(call);
	int status;

	if (conf == NULL)
		return CMD_USAGE;
	status = serve_run(call, conf);
	publish_conf_free(conf);
	return status;
}

/* ---- status ------------------------------------------------------------- */

static const struct output_column HISTORY[] = {
	{"VERSION", "version", 0},
	{"PUBLISHED", "created", 0},
	{"STATE", "state", 0},
	{"BY", "by", 40},
	{"REASON", "reason", 60},
};

static void print_history(FILE *to, const json_t *object)
{
	output_table(to, json_object_get(object, "publications"), HISTORY,
		ARRAY_COUNT(HISTORY));
}

static int show_history(struct cmd_call *call, struct record *r)
{
	struct record_publication *list = NULL;
	json_t *rows = json_array();
	struct why why = {""};
	size_t count = 0;
	int err = record_history(r, 100, &list, &count, &why);

	for (size_t i = 0; i < count; i++) {
		char version[BUNDLE_VERSION_LEN];
		char at[WALL_TEXT_LEN];

		json_array_append_new(rows, json_pack(
			"{s:s,s:s,s:s,s:s,s:s,s:s}", "version",
			bundle_version_text(list[i].version, version),
			"created", wall_text(list[i].created, at), "state",
			list[i].state, "by", list[i].who, "reason",
			list[i].reason, "sha256", list[i].sha256));
		record_publication_fini(&list[i]);
	}
	free(list);
	if (err < 0) {
		json_decref(rows);
		return cmd_fail(call, CMD_USAGE, err, &why);
	}
	output_print(call, json_pack("{s:b,s:o}", "ok", 1, "publications",
		rows), print_history);
	return CMD_OK;
}

static int show_status(struct cmd_call *call, struct record *r)
{
	json_t *object = NULL;
	struct why why = {""};
	bool is_good;
	int err = fleet_status(r, &object, &why);

	if (err < 0)
		return cmd_fail(call, CMD_USAGE, err, &why);
	is_good = json_is_true(json_object_get(object, "ok"));
	output_print(call, object, fleet_status_print);
	return is_good ? CMD_OK : CMD_FAILED;
}

static int run_status(struct cmd_call *call)
{
	struct publish_conf *conf = order_conf(call);
	bool is_watched = cmd_has(call, "watch");
	struct record *r = NULL;
	struct why why = {""};
	int status;
	int err;

	if (conf == NULL)
		return CMD_USAGE;
	err = record_open(&r, conf->driver, conf->record, &why);
	publish_conf_free(conf);
	if (err < 0)
		return cmd_fail(call, CMD_USAGE, err, &why);
	do {
		if (is_watched && !call->json)
			fputs("\033[H\033[2J", stdout);
		status = cmd_has(call, "history") ? show_history(call, r) :
						    show_status(call, r);
		fflush(stdout);
		if (is_watched)
			sleep(WATCH_S);
	} while (is_watched && status != CMD_USAGE);
	record_close(r);
	return status;
}

/* ---- the table ---------------------------------------------------------- */

#define PUBLISHER_OPTION                                                     \
	{                                                                    \
		.name = "publisher", .arg = "FILE",                          \
		.help = "publisher.yaml(5) of this machine",                 \
		.fallback = PUBLISH_CONF_PATH,                               \
	}
#define ROLLOUT_OPTIONS                                                      \
	{                                                                    \
		.name = "hold", .arg = "S",                                  \
		.help = "watch the canaries for so many seconds instead of " \
			"the configured time",                               \
	},                                                                   \
	{                                                                    \
		.name = "confirm", .arg = "S",                               \
		.help = "seconds a machine may take to run what it "         \
			"activated",                                         \
	},                                                                   \
	{                                                                    \
		.name = "canary", .arg = "NAME", .is_many = true,            \
		.help = "this machine takes it first; may be repeated",      \
	},                                                                   \
	{                                                                    \
		.name = "reason", .arg = "TEXT",                             \
		.help = "why, for the history",                              \
	},                                                                   \
	{                                                                    \
		.name = "no-wait",                                           \
		.help = "return when it is published, do not wait for the "  \
			"machines",                                          \
	}

static const struct cmd_option PUBLISH_OPTIONS[] = {
	PUBLISHER_OPTION,
	{.name = "check", .help = "only check the file"},
	ROLLOUT_OPTIONS,
	{.name = "force", .help = "publish also when nothing changed"},
	{
		.name = "new-pool-keys",
		.help = "give each pool new shared keys",
	},
};

static const struct cmd_option ROLLBACK_OPTIONS[] = {
	PUBLISHER_OPTION,
	{
		.name = "to",
		.arg = "VERSION",
		.help = "this version instead of the one before",
	},
	ROLLOUT_OPTIONS,
};

static const struct cmd_option ORDER_OPTIONS[] = {
	PUBLISHER_OPTION,
};

static const struct cmd_option EXPORT_OPTIONS[] = {
	PUBLISHER_OPTION,
	{
		.name = "pool",
		.arg = "NAME",
		.help = "only what concerns this pool, as its machines get "
			"it later",
		.fallback = "the topology of all",
	},
};

static const struct cmd_option SERVE_OPTIONS[] = {
	PUBLISHER_OPTION,
	{
		.name = "raise-epoch",
		.help = "the record was carried here, or edges follow "
			"somebody else: end every older office",
	},
};

static const struct cmd_option STATUS_OPTIONS[] = {
	PUBLISHER_OPTION,
	{.name = "watch", .help = "show it anew every 2 seconds"},
	{.name = "history", .help = "list what was published instead"},
};

static const struct cmd_option KEY_OPTIONS[] = {
	PUBLISHER_OPTION,
	{
		.name = "file",
		.arg = "FILE",
		.help = "generate: where to put the new key",
	},
	{
		.name = "add",
		.arg = "[NAME=]FILE",
		.help = "rotate: believe this public key, too",
		.is_many = true,
	},
	{
		.name = "remove",
		.arg = "KEY",
		.help = "rotate: no longer believe this one, by name or id",
		.is_many = true,
	},
	{
		.name = "threshold",
		.arg = "N",
		.help = "rotate: so many signatures are wanted from now on",
	},
	{
		.name = "name",
		.arg = "NAME",
		.help = "rotate: publishers that may connect to an edge "
			"without a topology; replaces the list",
		.is_many = true,
	},
	{
		.name = "with",
		.arg = "FILE",
		.help = "rotate: sign with this key file as well",
		.is_many = true,
	},
};

static const struct cmd_verb VERBS[] = {
	{
		.words = "FILE",
		.words_min = 1,
		.words_max = 1,
		.help = "publish a reviewed topology.yaml to all edges",
		.options = PUBLISH_OPTIONS,
		.option_count = ARRAY_COUNT(PUBLISH_OPTIONS),
		.more =
"The file is checked, signed and put into the record; every machine gets it\n"
"and lets its daemons try it; then one machine of each pool activates it\n"
"(the canaries), they are watched, and the others follow, one machine of a\n"
"pool at a time. When machines refuse it, the roll-out stops: 'resume' goes\n"
"on, 'rollback' brings back what was before. A 'publish serve' that is in\n"
"office does the work, otherwise this command does it itself. Machines that\n"
"can't be reached get it later. FILE may be - for standard input. A file\n"
"called like a verb: ./status",
		.examples = "edgectl publish topology.yaml --reason 'ticket "
			    "4711'\n"
			    "edgectl publish topology.yaml --canary "
			    "edge1.int.example.com --hold 300\n"
			    "edgectl publish --check topology.yaml\n",
		.run = run_publish,
	},
	{
		.name = "serve",
		.words = "",
		.help = "stay in office, or stand by for it (a service)",
		.options = SERVE_OPTIONS,
		.option_count = ARRAY_COUNT(SERVE_OPTIONS),
		.more =
"Carries out orders, tries machines that are behind again and again, sends\n"
"each the signed head every five minutes, renews keys of pools. Several may\n"
"run on one PostgreSQL record: one is in office, the others stand by and take\n"
"over within seconds, with a higher epoch.",
		.examples = "systemctl enable --now sallyport-publisher\n"
			    "edgectl publish serve --publisher "
			    "/etc/sallyport/publisher.yaml\n",
		.run = run_serve,
	},
	{
		.name = "status",
		.words = "",
		.help = "show how every edge is with its topology",
		.options = STATUS_OPTIONS,
		.option_count = ARRAY_COUNT(STATUS_OPTIONS),
		.more =
"Status 1 when a machine has been behind for ten minutes.",
		.examples = "edgectl publish status --watch\n"
			    "edgectl publish status --history\n"
			    "edgectl --json publish status\n",
		.run = run_status,
	},
	{
		.name = "rollback",
		.words = "",
		.help = "publish an earlier topology again",
		.options = ROLLBACK_OPTIONS,
		.option_count = ARRAY_COUNT(ROLLBACK_OPTIONS),
		.more =
"The old content goes out under a new version, so that no edge ever takes an\n"
"older one. Without --to it is the topology that was published before this\n"
"one; versions that only brought other keys of pools are passed over.",
		.examples = "edgectl publish rollback\n"
			    "edgectl publish rollback --to 1.42 --hold 0\n",
		.run = run_rollback,
	},
	{
		.name = "resume",
		.words = "",
		.help = "go on with a roll-out that stopped or was left",
		.options = ORDER_OPTIONS,
		.option_count = ARRAY_COUNT(ORDER_OPTIONS),
		.more =
"Machines that refused are tried once more. Also for a roll-out that nobody\n"
"brings on, because the command was left by Ctrl-C and no service runs.",
		.examples = "edgectl publish resume\n",
		.run = run_order,
	},
	{
		.name = "stop",
		.words = "",
		.help = "stop the roll-out where it is",
		.options = ORDER_OPTIONS,
		.option_count = ARRAY_COUNT(ORDER_OPTIONS),
		.more =
"Machines that have activated it keep it.",
		.examples = "edgectl publish stop\n",
		.run = run_order,
	},
	{
		.name = "key",
		.words = "generate|show|rotate",
		.words_min = 1,
		.words_max = 1,
		.help = "make, show and change the keys that sign",
		.options = KEY_OPTIONS,
		.option_count = ARRAY_COUNT(KEY_OPTIONS),
		.more =
"'generate' makes the key file that publisher.yaml names; the first one also\n"
"makes the deployment. 'rotate' changes whom the edges believe: it must be\n"
"signed by as many of the old keys, and of the new, as each set wants, and\n"
"reaches the edges by itself. Recommended: two signatures of three keys, one\n"
"of them offline.",
		.examples = "edgectl publish key generate\n"
			    "edgectl publish key generate --file offline.pem\n"
			    "edgectl publish key rotate --add safe=offline.pem"
			    " --with offline.pem --threshold 2\n"
			    "edgectl publish key show\n",
		.run = key_command,
	},
	{
		.name = "export",
		.words = "FILE",
		.words_min = 1,
		.words_max = 1,
		.help = "write what a new edge needs for its first start",
		.options = EXPORT_OPTIONS,
		.option_count = ARRAY_COUNT(EXPORT_OPTIONS),
		.more =
"FILE gets the newest bundle, trust.json beside it whom to believe. Carry\n"
"both by hand and compare what 'edgectl replication bootstrap' prints.",
		.examples = "edgectl publish export first.edgb\n"
			    "edgectl publish export --pool "
			    "edge.int.example.com first.edgb\n",
		.run = export_command,
	},
};

const struct cmd cmd_publish = {
	.noun = "publish",
	.help = "bring topologies to a fleet of edges",
	.verbs = VERBS,
	.verb_count = ARRAY_COUNT(VERBS),
};
