/*
 * From a plan to a generation in force, for people. The work is in
 * topology_apply.c; what a plan is, in topology_plan.c.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/attr.h"
#include "common/store/generation.h"
#include "edgectl/output.h"
#include "edgectl/topology/topology_change.h"
#include "edgectl/topology/topology_pin.h"

static const struct output_column DAEMONS[] = {
	{"DAEMON", "daemon", 0},
	{"STATE", "state", 0},
	{"RESTART NEEDED FOR", "restart_needed", 0},
	{"WHAT IT SAYS", "text", 0},
};

static void changed_text(FILE *to, const json_t *object)
{
	topology_plan_print(to, object);
	if (!json_is_true(json_object_get(object, "changed"))) {
		fputs("Nothing to change.\n", to);
		return;
	}
	output_table(to, json_object_get(object, "daemons"), DAEMONS,
		ARRAY_COUNT(DAEMONS));
	fprintf(to, "Generation %s is in force.\n",
		output_str(object, "generation", ""));
}

static void refused_text(FILE *to, const json_t *object)
{
	topology_plan_print(to, object);
	fputs("Nothing was changed: correct the errors first.\n", to);
}

/* Who did it, for the history. */
static void source_of(const char *verb, const char *what, char out[256])
{
	const char *name = getenv("SUDO_USER");
	const struct passwd *pw = name == NULL ? getpwuid(getuid()) : NULL;

	if (pw != NULL)
		name = pw->pw_name;
	snprintf(out, 256, "edgectl %s %.160s by %.60s", verb, what,
		name != NULL ? name : "an unknown user");
	/* File names may hold anything; a history is plain text. */
	for (char *p = out; *p != '\0'; p++) {
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
}

int topology_change_tell(struct cmd_call *call, json_t *object,
	struct topology_apply *result)
{
	char version[GENERATION_VERSION_LEN];

	json_object_set_new(object, "changed", json_true());
	json_object_set_new(object, "generation",
		json_string(generation_version_text(result->made.epoch,
			result->made.serial, version)));
	json_object_set_new(object, "sha256",
		json_string(result->made.sha256));
	json_object_set_new(object, "daemons", result->daemons);
	output_print(call, object, changed_text);
	return CMD_OK;
}

int topology_change_make(struct cmd_call *call, const struct conf *conf,
	const struct topology_plan *plan, const char *verb, const char *what)
{
	json_t *object = json_pack("{s:b,s:b}", "ok", !plan->has_errors,
		"changed", 0);
	struct topology_apply result = {0};
	struct why why = {""};
	char source[256];
	bool is_pinned = false;
	int err = topology_plan_tell(plan, object);

	if (err == 0 && plan->has_errors) {
		output_print(call, object, refused_text);
		return CMD_FAILED;
	}
	if (err == 0 && plan->has_current && plan->diff.count == 0) {
		output_print(call, object, changed_text);
		return CMD_OK;
	}
	source_of(verb, what, source);
	/* Before it: the publisher must not come in between. */
	if (err == 0 && cmd_has(call, "override"))
		err = topology_pin(conf, source, &is_pinned, &why);
	if (err == 0)
		err = topology_apply(&result, plan, conf, source, &why);
	if (err == 0)
		return topology_change_tell(call, object, &result);
	topology_pin_undo(conf, is_pinned);
	json_decref(result.daemons);
	json_decref(object);
	return cmd_fail(call, CMD_FAILED, err, &why);
}

bool topology_change_is_allowed(struct cmd_call *call,
	const struct conf *conf)
{
	if (!topology_apply_is_published(conf) || cmd_has(call, "override"))
		return true;
	cmd_fail_text(call, CMD_USAGE,
		"this machine takes its topology from a publisher "
		"(replication-agent/trust.json): change it there, or say "
		"--override, which pins the machine");
	return false;
}
