/*
 * Orders to the daemons of this machine: drain (take no new work, keep what
 * runs, requirement R20), resume, reload (requirement R5: the answer is
 * there when the work is done).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "edgectl/commands.h"
#include "edgectl/daemons.h"
#include "edgectl/output.h"
#include "edgectl/ports.h"

struct round {
	const struct cmd_call *call;
	const struct conf *conf;
	const char *path;
	const json_t *body;
	json_t *rows; /* owned by the caller of ask_round */
	bool ok;
	size_t asked;
};

static const struct output_column COLUMNS[] = {
	{"DAEMON", "daemon", 0},
	{"STATE", "state", 0},
	{"SESSIONS", "sessions", 0},
	{"NOTE", "text", 0},
};

static const struct output_column RELOAD_COLUMNS[] = {
	{"DAEMON", "daemon", 0},
	{"STATE", "state", 0},
	{"GENERATION", "generation", 0},
	{"CERTIFICATES READ", "certificates", 0},
	{"RESTART NEEDED FOR", "restart_needed", 0},
	{"NOTE", "text", 0},
};

static void as_text(FILE *to, const json_t *object)
{
	output_table(to, json_object_get(object, "daemons"), COLUMNS,
		ARRAY_COUNT(COLUMNS));
}

static void reload_as_text(FILE *to, const json_t *object)
{
	output_table(to, json_object_get(object, "daemons"), RELOAD_COLUMNS,
		ARRAY_COUNT(RELOAD_COLUMNS));
}

/* What the answer to a reload tells goes into the row. */
static void keep_answer(json_t *row, const json_t *reply)
{
	static const char *const KEYS[] = {"generation", "changed",
		"certificates", "settings", "restart_needed"};

	for (size_t i = 0; i < ARRAY_COUNT(KEYS); i++)
		if (json_object_get(reply, KEYS[i]) != NULL)
			json_object_set(row, KEYS[i],
				json_object_get(reply, KEYS[i]));
}

static bool is_named(const struct cmd_call *call, const char *name)
{
	for (int i = 0; i < call->argc; i++)
		if (strcmp(call->argv[i], name) == 0)
			return true;
	return call->argc == 0;
}

static void ask_one(struct round *r, enum conf_daemon id)
{
	const char *name = conf_daemon_name(id);
	struct why why = {""};
	json_t *row = json_pack("{s:s}", "daemon", name);
	json_t *reply = NULL;
	json_t *status = NULL;
	int err = daemons_call(r->conf, id, r->path, r->body, &reply, &why);

	/* Not started on this machine, and nobody asked for it by name. */
	if (err == -ENOENT && r->call->argc == 0) {
		json_decref(row);
		return;
	}
	r->asked++;
	keep_answer(row, reply);
	if (err == 0 &&
		daemons_call(r->conf, id, "/v1/status", NULL, &status, &why) ==
			0) {
		json_object_set(row, "state", json_object_get(status, "state"));
		json_object_set(row, "sessions",
			json_object_get(status, "sessions"));
	}
	if (err != 0) {
		r->ok = false;
		json_object_set_new(row, "text",
			json_string(why_text(&why, err)));
	}
	json_array_append_new(r->rows, row);
	json_decref(reply);
	json_decref(status);
}

static int check_names(const struct cmd_call *call)
{
	for (int i = 0; i < call->argc; i++) {
		enum conf_daemon id;

		if (conf_daemon_parse(call->argv[i], &id) != 0)
			return cmd_fail_text(call, CMD_USAGE,
				"no daemon is "
				"called \"%s\"; access-edge, av-auth, av-edge, "
				"webconf-edge, replication-agent",
				call->argv[i]);
	}
	return CMD_OK;
}

static int ask_all(struct cmd_call *call, const char *path,
	const json_t *body, void (*as_rows)(FILE *to, const json_t *object))
{
	struct conf *conf = NULL;
	struct round r = {
		.call = call,
		.path = path,
		.body = body,
		.ok = true,
	};
	int status = check_names(call);

	if (status != CMD_OK)
		return status;
	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	r.conf = conf;
	r.rows = json_array();
	for (size_t i = 0; i < CONF_DAEMON_COUNT; i++) {
		enum conf_daemon id = PORTS_SERVICES[i].daemon;

		if (is_named(call, conf_daemon_name(id)))
			ask_one(&r, id);
	}
	if (r.asked == 0)
		status = cmd_fail_text(call, CMD_FAILED,
			"no daemon runs "
			"here (no control socket in %s)",
			conf->run_dir);
	else
		output_print(call,
			json_pack("{s:b,s:O}", "ok", r.ok, "daemons", r.rows),
			as_rows);
	json_decref(r.rows);
	conf_free(conf);
	if (status != CMD_OK)
		return status;
	return r.ok ? CMD_OK : CMD_FAILED;
}

static int run_drain(struct cmd_call *call)
{
	uint32_t deadline_s;
	json_t *body;
	int status;

	if (cmd_get_number(call, "deadline", 1, 86400, &deadline_s) != 0)
		return CMD_USAGE;
	body = json_pack("{s:i}", "deadline_s", (int)deadline_s);
	status = ask_all(call, "/v1/drain", body, as_text);
	json_decref(body);
	return status;
}

static int run_resume(struct cmd_call *call)
{
	json_t *body = json_object();
	int status = ask_all(call, "/v1/resume", body, as_text);

	json_decref(body);
	return status;
}

static int run_reload(struct cmd_call *call)
{
	json_t *body = json_object();
	int status = ask_all(call, "/v1/reload", body, reload_as_text);

	json_decref(body);
	return status;
}

static const struct cmd_option DRAIN_OPTIONS[] = {
	{.name = "deadline",
		.arg = "SECONDS",
		.fallback = "3600",
		.help = "drained after this, even if some are left"},
};

static const struct cmd_verb DRAIN_VERBS[] = {
	{
		.words = "[DAEMON...]",
		.words_max = -1,
		.help = "take no new work, let what runs come to its end",
		.options = DRAIN_OPTIONS,
		.option_count = ARRAY_COUNT(DRAIN_OPTIONS),
		.more = "Without names: every daemon of this machine. "
			"'edgectl status' shows how many\n"
			"sessions are left; 'edgectl resume' takes it back. "
			"At the deadline av-edge and\n"
			"webconf-edge end what is left; the others let it go "
			"on.",
		.examples = "edgectl drain\n"
			    "edgectl drain av-edge --deadline 600\n",
		.run = run_drain,
	},
};

static const struct cmd_verb RESUME_VERBS[] = {
	{
		.words = "[DAEMON...]",
		.words_max = -1,
		.help = "take new work again after 'edgectl drain'",
		.examples = "edgectl resume\n",
		.run = run_resume,
	},
};

static const struct cmd_verb RELOAD_VERBS[] = {
	{
		.words = "[DAEMON...]",
		.words_max = -1,
		.help = "take the current topology and read the certificates "
			"again",
		.more = "Without names: every daemon of this machine. Returns "
			"when the work is done; a\n"
			"daemon that can't take something keeps what it has "
			"and says why (status 1).",
		.examples = "edgectl reload\n"
			    "edgectl reload access-edge\n",
		.run = run_reload,
	},
};

const struct cmd cmd_drain = {
	.noun = "drain",
	.help = "take no new work, let what runs come to its end",
	.verbs = DRAIN_VERBS,
	.verb_count = ARRAY_COUNT(DRAIN_VERBS),
};

const struct cmd cmd_resume = {
	.noun = "resume",
	.help = "take new work again after 'edgectl drain'",
	.verbs = RESUME_VERBS,
	.verb_count = ARRAY_COUNT(RESUME_VERBS),
};

const struct cmd cmd_reload = {
	.noun = "reload",
	.help = "take the current topology and read the certificates again",
	.verbs = RELOAD_VERBS,
	.verb_count = ARRAY_COUNT(RELOAD_VERBS),
};
