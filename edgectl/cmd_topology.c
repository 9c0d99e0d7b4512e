/*
 * edgectl topology: from a file people edit to a generation in force, and
 * back. The work is in topology_plan.c, topology_apply.c, topology_show.c
 * and common/store; here are the verbs and what they print.
 */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/store/topology.h"
#include "edgectl/commands.h"
#include "edgectl/output.h"
#include "edgectl/topology/topology_apply.h"
#include "edgectl/topology/topology_change.h"
#include "edgectl/topology/topology_connector.h"
#include "edgectl/topology/topology_import.h"
#include "edgectl/topology/topology_pin.h"
#include "edgectl/topology/topology_plan.h"
#include "edgectl/topology/topology_show.h"

/* A file that is wrong is the answer no; one that can't be read is not. */
static int file_status(int err)
{
	return err == EDGE_ECONFIG || err == EDGE_ETOOBIG ? CMD_FAILED :
							    CMD_USAGE;
}

/* ---- plan --------------------------------------------------------------- */

static void plan_text(FILE *to, const json_t *object)
{
	size_t changes = json_array_size(json_object_get(object, "changes"));

	topology_plan_print(to, object);
	if (!json_is_true(json_object_get(object, "ok")))
		fputs("It can't be applied: correct the errors first.\n", to);
	else if (changes == 0)
		fputs("Nothing would change.\n", to);
	else
		fprintf(to, "%zu change%s. 'edgectl topology apply' with the "
			"same file makes it so.\n", changes,
			changes == 1 ? "" : "s");
}

static int run_plan(struct cmd_call *call)
{
	struct topology_plan plan;
	struct conf *conf = NULL;
	struct why why = {""};
	json_t *object;
	int status;
	int err;

	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	err = topology_plan_make(&plan, conf, call->argv[0], &why);
	if (err < 0) {
		status = cmd_fail(call, file_status(err), err, &why);
		goto out;
	}
	status = plan.has_errors ? CMD_FAILED : CMD_OK;
	object = json_pack("{s:b}", "ok", !plan.has_errors);
	err = topology_plan_tell(&plan, object);
	if (err < 0)
		status = CMD_FAILED;
	output_print(call, object, plan_text);
out:
	topology_plan_fini(&plan);
	conf_free(conf);
	return status;
}

/* ---- apply --------------------------------------------------------------- */

static int run_apply(struct cmd_call *call)
{
	struct topology_plan plan;
	struct conf *conf = NULL;
	struct why why = {""};
	int status;
	int err;

	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	if (!topology_change_is_allowed(call, conf)) {
		conf_free(conf);
		return CMD_USAGE;
	}
	err = topology_plan_make(&plan, conf, call->argv[0], &why);
	if (err < 0)
		status = cmd_fail(call, file_status(err), err, &why);
	else
		status = topology_change_make(call, conf, &plan,
			cmd_has(call, "override") ? "apply --override" :
			"apply", call->argv[0]);
	topology_plan_fini(&plan);
	conf_free(conf);
	return status;
}

/* ---- a generation to look at -------------------------------------------- */

/* The one that --generation names, or the current one. */
static int find_generation(struct cmd_call *call, const struct conf *conf,
	char *path, size_t cap, struct why *why)
{
	const char *wanted = cmd_get(call, "generation");
	int n;

	if (wanted == NULL)
		return generation_current_path(conf->state_dir, path, cap,
			why);
	if (strspn(wanted, "0123456789abcdef-") !=
			GENERATION_VERSION_LEN - 1 ||
		strlen(wanted) != GENERATION_VERSION_LEN - 1)
		return why_set(why, EDGE_EUNKNOWN,
			"'%s' is not a generation: 'edgectl topology history' "
			"lists them", wanted);
	n = snprintf(path, cap, "%s/topology/gen/%s.db", conf->state_dir,
		wanted);
	return n < 0 || (size_t)n >= cap ? EDGE_ETOOBIG : 0;
}

static void show_text(FILE *to, const json_t *object)
{
	topology_show_print(to, object,
		json_is_true(json_object_get(object, "all")));
}

static int run_show(struct cmd_call *call)
{
	struct topology *t = NULL;
	struct sqlite3 *db = NULL;
	struct conf *conf = NULL;
	struct why why = {""};
	char path[PATH_MAX];
	json_t *object = NULL;
	int status = CMD_OK;
	int err;

	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	err = find_generation(call, conf, path, sizeof(path), &why);
	if (err == 0)
		err = topology_load(&t, path,
			cmd_get(call, "machine") != NULL ?
				cmd_get(call, "machine") :
				conf->machine, &why);
	if (err == 0)
		err = generation_open(&db, path, &why);
	if (err == 0)
		err = topology_show(&object, db, t, &why);
	if (err < 0) {
		status = cmd_fail(call, CMD_USAGE, err, &why);
	} else {
		json_object_set_new(object, "all",
			json_boolean(cmd_has(call, "all")));
		output_print(call, object, show_text);
	}
	sqlite3_close(db);
	topology_unref(t);
	conf_free(conf);
	return status;
}

static void dump_text(FILE *to, const json_t *object)
{
	if (json_is_true(json_object_get(object, "part")))
		fputs("# Only what concerns the pool of this machine, and "
			"nothing to publish:\n# the publisher has the "
			"topology of all.\n", to);
	fputs(output_str(object, "yaml", ""), to);
}

static int run_dump(struct cmd_call *call)
{
	struct generation_info info = {0};
	struct sqlite3 *db = NULL;
	struct conf *conf = NULL;
	struct why why = {""};
	char version[GENERATION_VERSION_LEN];
	char path[PATH_MAX];
	char *text = NULL;
	int status = CMD_OK;
	int err;

	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	err = find_generation(call, conf, path, sizeof(path), &why);
	if (err == 0)
		err = generation_open(&db, path, &why);
	if (err == 0)
		err = generation_read_info(db, path, &info, &why);
	if (err == 0)
		err = cmd_has(call, "connector") ?
			topology_connector_yaml(db, &text, &why) :
			topology_yaml_dump(db, &text, &why);
	if (err < 0)
		status = cmd_fail(call, CMD_USAGE, err, &why);
	else
		output_print(call,
			json_pack("{s:b,s:s,s:b,s:s}", "ok", 1, "generation",
				generation_version_text(info.epoch,
					info.serial, version),
				"part", info.is_part, "yaml", text),
			dump_text);
	free(text);
	sqlite3_close(db);
	conf_free(conf);
	return status;
}

/* ---- import ------------------------------------------------------------- */

static int run_import(struct cmd_call *call)
{
	struct why why = {""};
	json_t *object = NULL;
	int status;
	int err = topology_import(&object, call->argv[0], &why);

	if (err < 0)
		return cmd_fail(call, file_status(err), err, &why);
	status = json_is_true(json_object_get(object, "ok")) ? CMD_OK :
							       CMD_FAILED;
	output_print(call, object, topology_import_print);
	return status;
}

/* ---- history ------------------------------------------------------------ */

static const struct output_column HISTORY[] = {
	{"GENERATION", "generation", 0},
	{"MADE", "created", 0},
	{"STATE", "state", 0},
	{"BY", "source", 60},
};

static void history_text(FILE *to, const json_t *object)
{
	output_table(to, json_object_get(object, "generations"), HISTORY,
		ARRAY_COUNT(HISTORY));
}

static json_t *history_row(const struct generation_info *info)
{
	char version[GENERATION_VERSION_LEN];
	char at[WALL_TEXT_LEN];

	return json_pack("{s:s,s:s,s:s,s:s,s:s}", "generation",
		generation_version_text(info->epoch, info->serial, version),
		"created", info->created.s != 0 ? wall_text(info->created, at) :
						  "",
		"state",
		info->is_current  ? "current" :
		info->is_previous ? "previous" :
				    "",
		"source", info->source, "sha256", info->sha256);
}

static int run_history(struct cmd_call *call)
{
	struct generation_info *rows = NULL;
	struct conf *conf = NULL;
	struct why why = {""};
	size_t count = 0;
	json_t *list;
	int err;

	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	err = generation_list(conf->state_dir, &rows, &count, &why);
	conf_free(conf);
	if (err < 0)
		return cmd_fail(call, CMD_USAGE, err, &why);
	list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, history_row(&rows[i]));
	free(rows);
	output_print(call,
		json_pack("{s:b,s:o}", "ok", 1, "generations", list),
		history_text);
	return CMD_OK;
}

/* ---- rollback ----------------------------------------------------------- */

static int run_rollback(struct cmd_call *call)
{
	struct topology_apply result = {0};
	struct conf *conf = NULL;
	struct why why = {""};
	bool is_pinned = false;
	int err;

	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	err = topology_pin(conf, "edgectl topology rollback", &is_pinned,
		&why);
	if (err == 0)
		err = topology_apply_rollback(&result, conf, &why);
	if (err < 0)
		topology_pin_undo(conf, is_pinned);
	conf_free(conf);
	if (err == 0)
		return topology_change_tell(call, json_pack("{s:b}", "ok", 1),
			&result);
	json_decref(result.daemons);
	return cmd_fail(call, CMD_FAILED, err, &why);
}

/* ---- the pin ------------------------------------------------------------ */

static void unpin_text(FILE *to, const json_t *object)
{
	fputs(json_is_true(json_object_get(object, "was_pinned")) ?
			"This machine follows its publisher again.\n" :
			"This machine was not pinned.\n", to);
}

static int run_unpin(struct cmd_call *call)
{
	struct conf *conf = NULL;
	struct why why = {""};
	bool was_pinned = false;
	int err;

	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	err = topology_unpin(conf, &was_pinned, &why);
	conf_free(conf);
	if (err < 0)
		return cmd_fail(call, CMD_FAILED, err, &why);
	output_print(call,
		json_pack("{s:b, s:b}", "ok", 1, "was_pinned", was_pinned),
		unpin_text);
	return CMD_OK;
}

/* ---- the table ---------------------------------------------------------- */

static const struct cmd_option APPLY_OPTIONS[] = {
	{
		.name = "override",
		.help = "apply although a publisher rules this machine",
	},
};

#define GENERATION_OPTION                                              \
	{                                                              \
		.name = "generation", .arg = "VERSION",                \
		.help = "this one instead of the current one",         \
	}

static const struct cmd_option SHOW_OPTIONS[] = {
	GENERATION_OPTION,
	{
		.name = "machine",
		.arg = "NAME",
		.help = "settings of this machine instead of our own",
	},
	{
		.name = "all",
		.help = "list settings that have their default, too",
	},
};

static const struct cmd_option DUMP_OPTIONS[] = {
	GENERATION_OPTION,
	{
		.name = "connector",
		.help = "print the part of connector.yaml that follows from "
			"it",
	},
};

static const struct cmd_verb VERBS[] = {
	{
		.name = "plan",
		.words = "FILE",
		.words_min = 1,
		.words_max = 1,
		.help = "show what a topology.yaml would change, and every "
			"error in it",
		.more =
"Nothing is written. FILE may be - for standard input. Status 1 when the file\n"
"could not be applied. Warnings do not hinder it: an address that no device\n"
"of this host has may come later; until then daemons refuse it, and the\n"
"doctor fails.",
		.examples = "edgectl topology plan "
			    "/etc/sallyport/topology.yaml\n",
		.run = run_plan,
	},
	{
		.name = "apply",
		.words = "FILE",
		.words_min = 1,
		.words_max = 1,
		.help = "bring a topology.yaml into force",
		.options = APPLY_OPTIONS,
		.option_count = ARRAY_COUNT(APPLY_OPTIONS),
		.more =
"A new generation is made beside the current one and checked, every running\n"
"daemon is asked whether it can take it, then it becomes current by one\n"
"rename and the daemons take it without restart. On any error the old one\n"
"stays.",
		.examples = "edgectl topology apply "
			    "/etc/sallyport/topology.yaml\n"
			    "edgectl topology dump | sed s/old/new/ | edgectl "
			    "topology apply -\n",
		.run = run_apply,
	},
	{
		.name = "show",
		.words = "",
		.help = "show the topology in force, by administrators' names",
		.options = SHOW_OPTIONS,
		.option_count = ARRAY_COUNT(SHOW_OPTIONS),
		.examples = "edgectl topology show --all\n",
		.run = run_show,
	},
	{
		.name = "dump",
		.words = "",
		.help = "print the topology in force as topology.yaml",
		.options = DUMP_OPTIONS,
		.option_count = ARRAY_COUNT(DUMP_OPTIONS),
		.more =
"Sorted and without defaults; applying what was dumped changes nothing. A\n"
"machine that was sent only what concerns its pool says so in the first line:\n"
"that is not what to publish, nor all edges that --connector would name.",
		.examples = "edgectl topology dump > topology.yaml\n"
			    "edgectl topology dump --connector\n",
		.run = run_dump,
	},
	{
		.name = "import",
		.words = "FILE",
		.words_min = 1,
		.words_max = 1,
		.help = "turn a topology of Lync or Skype for Business into "
			"a topology.yaml",
		.more =
"FILE is what Topology Builder saves (.tbxml) or the published topology as\n"
"XML; - is standard input. The result is printed for review, and all that\n"
"was not understood stands in it as comments with line numbers; nothing is\n"
"changed. Only edge pools are taken: their machines, addresses, ports, next\n"
"hop, SIP domains, and the servers that may connect. Status 1 when something\n"
"in the file must be mended first.",
		.examples = "edgectl topology import lync.tbxml "
			    ">topology.yaml\n"
			    "edgectl topology plan topology.yaml\n",
		.run = run_import,
	},
	{
		.name = "history",
		.words = "",
		.help = "list the generations on this machine, newest first",
		.examples = "edgectl topology history\n",
		.run = run_history,
	},
	{
		.name = "rollback",
		.words = "",
		.help = "go back to the previous generation",
		.more =
"The running daemons are asked first, as with apply. A second rollback undoes\n"
"the first. A machine with a publisher is pinned: later versions wait until\n"
"'edgectl topology unpin'.",
		.examples = "edgectl topology rollback\n",
		.run = run_rollback,
	},
	{
		.name = "unpin",
		.words = "",
		.help = "let the publisher change this machine again",
		.more =
"A machine is pinned by rollback, by apply --override, and by the replication\n"
"agent when it took a generation back. What was activated meanwhile comes\n"
"into force at once.",
		.examples = "edgectl topology unpin\n",
		.run = run_unpin,
	},
};

const struct cmd cmd_topology = {
	.noun = "topology",
	.help = "plan, apply, show and undo the topology",
	.verbs = VERBS,
	.verb_count = ARRAY_COUNT(VERBS),
};
