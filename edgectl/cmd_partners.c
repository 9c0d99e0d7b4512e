/*
 * edgectl partners: other organisations. Which may come in is a matter of
 * the topology, so allow, block and forget make a new generation; what was
 * decided about them and why, access-edge tells.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "common/base/err.h"
#include "edgectl/ask.h"
#include "edgectl/commands.h"
#include "edgectl/daemons.h"
#include "edgectl/output.h"
#include "edgectl/partner_list.h"
#include "edgectl/topology/topology_change.h"

/* ---- list ---------------------------------------------------------------- */

static const struct output_column PARTNERS[] = {
	{"DOMAIN", "domain", 0},
	{"KIND", "kind", 0},
	{"EDGE", "edge", 0},
	{"VERIFICATION", "verification", 0},
};

static const struct output_column PROVIDERS[] = {
	{"PROVIDER", "name", 0},
	{"KIND", "kind", 0},
	{"PROXY", "proxy", 0},
	{"VERIFICATION", "verification", 0},
	{"ENABLED", "enabled", 0},
	{"SHARES OUR DOMAINS", "shared_address_space", 0},
};

static const struct output_column DECISIONS[] = {
	{"LAST DECISION ABOUT", "domain", 0},
	{"WAY", "way", 0},
	{"KIND", "kind", 0},
	{"LET PASS", "passed", 0},
	{"REFUSED BY", "step", 0},
	{"PASSED", "passed_count", 0},
	{"REFUSED", "refused_count", 0},
	{"AT", "at", 0},
};

static const struct output_column CERTIFICATES[] = {
	{"CERTIFICATE", "id", 0},
	{"SUBJECT", "subject", 40},
	{"DOMAINS", "domains", 40},
	{"MODE", "mode", 0},
	{"LIMITED", "limited", 0},
	{"MESSAGES", "messages", 0},
	{"NO SUCH USER", "failures", 0},
	{"REFUSED", "refused", 0},
	{"CONTACTS", "contacts", 0},
	{"LAST SEEN", "last_seen", 0},
};

static const struct output_column SERVERS[] = {
	{"SERVER", "name", 0},
	{"ADDRESS", "address", 0},
	{"STATE", "state", 0},
	{"CONNECTIONS", "connections", 0},
	{"REQUESTS", "requests", 0},
	{"FAILURES", "failures", 0},
	{"LAST ERROR", "last_error", 60},
};

/* A table with a line before it; nothing when it is empty. */
static void section(FILE *to, const json_t *object, const char *key,
	const struct output_column *columns, size_t count)
{
	const json_t *rows = json_object_get(object, key);

	if (json_array_size(rows) == 0)
		return;
	putc('\n', to);
	output_table(to, rows, columns, count);
}

static void list_text(FILE *to, const json_t *object)
{
	const char *route = output_str(object, "default_route", "");

	if (!json_is_true(json_object_get(object, "enabled")))
		fputs("Federation is off (access-edge.allow_federated_users)"
			".\n", to);
	else if (route[0] != '\0')
		fprintf(to, "Everything goes through %s.\n", route);
	else if (json_is_true(json_object_get(object, "discovery")))
		fputs("Federation is on, domains on no list are discovered."
			"\n", to);
	else
		fputs("Federation is on, with allowed domains only.\n", to);
	section(to, object, "partners", PARTNERS, ARRAY_COUNT(PARTNERS));
	section(to, object, "providers", PROVIDERS, ARRAY_COUNT(PROVIDERS));
	section(to, object, "decisions", DECISIONS, ARRAY_COUNT(DECISIONS));
	section(to, object, "certificates", CERTIFICATES,
		ARRAY_COUNT(CERTIFICATES));
	section(to, object, "servers", SERVERS, ARRAY_COUNT(SERVERS));
}

static int run_list(struct cmd_call *call)
{
	return ask_daemon(call, CONF_ACCESS_EDGE, "/v1/partners", NULL,
		list_text);
}

/* ---- show ---------------------------------------------------------------- */

static const struct output_column STEPS[] = {
	{"STEP", "step", 0},
	{"RESULT", "result", 0},
	{"FINDING", "finding", 100},
};

static void decision_text(FILE *to, const json_t *object, const char *key,
	const char *title)
{
	const json_t *d = json_object_get(object, key);

	if (!json_is_object(d)) {
		fprintf(to, "\n%s: nothing yet.\n", title);
		return;
	}
	fprintf(to, "\n%s: %s at %s, call-id %s\n", title,
		json_is_true(json_object_get(d, "passed")) ? "let pass" :
		"refused", output_str(d, "at", ""),
		output_str(d, "call_id", ""));
	output_table(to, json_object_get(d, "steps"), STEPS,
		ARRAY_COUNT(STEPS));
}

static void show_text(FILE *to, const json_t *object)
{
	const char *line = output_str(object, "entry.config", "");

	fprintf(to, "%s: %s\n", output_str(object, "domain", ""),
		json_is_true(json_object_get(object, "own")) ?
		"one of our own domains" : line[0] != '\0' ? line :
		"on no list");
	decision_text(to, object, "in", "Last request from it");
	decision_text(to, object, "out", "Last request to it");
	section(to, object, "certificates", CERTIFICATES,
		ARRAY_COUNT(CERTIFICATES));
}

static int run_show(struct cmd_call *call)
{
	char *domain = curl_easy_escape(NULL, call->argv[0], 0);
	char path[1024];
	int n = snprintf(path, sizeof(path), "/v1/partners/show?domain=%s",
		domain != NULL ? domain : "");

	curl_free(domain);
	if (n < 0 || (size_t)n >= sizeof(path))
		return cmd_fail_text(call, CMD_USAGE, "that is no domain");
	return ask_daemon(call, CONF_ACCESS_EDGE, path, NULL, show_text);
}

/* ---- the lists ----------------------------------------------------------- */

static int change(struct cmd_call *call, enum partner_list_act act,
	const char *verb)
{
	const struct partner_list_entry entry = {
		.domain = call->argv[0],
		.edge = act == PARTNER_LIST_ALLOW ? cmd_get(call, "edge") :
			NULL,
		.verification = act == PARTNER_LIST_ALLOW ? cmd_get(call,
			"verification") : NULL,
		.note = act == PARTNER_LIST_ALLOW ? cmd_get(call, "note") :
			NULL,
	};
	struct topology_yaml *next = NULL;
	struct topology_plan plan = {0};
	struct conf *conf = NULL;
	struct why why = {""};
	int status = CMD_USAGE;
	int err;

	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	if (!topology_change_is_allowed(call, conf))
		goto out;
	err = partner_list_edit(&next, conf, act, &entry, &why);
	if (err == 0)
		err = topology_plan_take(&plan, conf, next, &why);
	status = err == 0 ? topology_change_make(call, conf, &plan, verb,
		call->argv[0]) : cmd_fail(call, CMD_USAGE, err, &why);
out:
	topology_plan_fini(&plan);
	conf_free(conf);
	return status;
}

static int run_allow(struct cmd_call *call)
{
	return change(call, PARTNER_LIST_ALLOW, "partners allow");
}

static int run_block(struct cmd_call *call)
{
	return change(call, PARTNER_LIST_BLOCK, "partners block");
}

static void forgotten_text(FILE *to, const json_t *object)
{
	fprintf(to, "Forgotten, with %s certificates of the watch list.\n",
		output_str(object, "count", "0"));
}

/* What access-edge has learned, which it alone can forget: its watch list
 * outlives it in a file. */
static int run_forget(struct cmd_call *call)
{
	const char *certificate = cmd_get(call, "certificate");
	struct conf *conf = NULL;
	struct why why = {""};
	json_t *body, *reply = NULL;
	char count[24];
	int status = CMD_OK, err;

	if ((call->argc == 0) == (certificate == NULL))
		return cmd_fail_text(call, CMD_USAGE, "name a domain, or a "
			"certificate with --certificate");
	if (cmd_has(call, "listed")) {
		if (certificate != NULL)
			return cmd_fail_text(call, CMD_USAGE, "a certificate "
				"is on no list of the topology");
		status = change(call, PARTNER_LIST_REMOVE, "partners forget");
		if (status != CMD_OK)
			return status;
	}
	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	body = certificate != NULL ? json_pack("{s:s}", "certificate",
		certificate) : json_pack("{s:s}", "domain", call->argv[0]);
	err = daemons_call(conf, CONF_ACCESS_EDGE, "/v1/partners/forget",
		body, &reply, &why);
	json_decref(body);
	conf_free(conf);
	if (err != 0 && cmd_has(call, "listed"))
		err = why_prefix(&why, err, "the list is changed, what was "
			"learned is not forgotten");
	if (err != 0)
		return cmd_fail(call, CMD_FAILED, err, &why);
	snprintf(count, sizeof(count), "%lld", (long long)json_integer_value(
		json_object_get(reply, "certificates")));
	json_object_set_new(reply, "count", json_string(count));
	if (!cmd_has(call, "listed") || !call->json)
		output_print(call, reply, forgotten_text);
	else
		json_decref(reply);
	return status;
}

/* ---- the table ----------------------------------------------------------- */

#define OVERRIDE                                                     \
	{.name = "override",                                         \
		.help = "although a publisher rules this machine"}

static const struct cmd_option ALLOW_OPTIONS[] = {
	{.name = "edge",
		.arg = "NAME[:PORT]",
		.help = "their edge (default: found by DNS)"},
	{.name = "verification",
		.arg = "LEVEL",
		.help = "always, source or never (default: source)"},
	{.name = "note", .arg = "TEXT", .help = "for those who read it"},
	OVERRIDE,
};

static const struct cmd_option BLOCK_OPTIONS[] = {OVERRIDE};

static const struct cmd_option FORGET_OPTIONS[] = {
	{.name = "certificate",
		.arg = "ID",
		.help = "only what is held against this certificate"},
	{.name = "listed",
		.help = "also take the domain off the topology's list"},
	OVERRIDE,
};

static const struct cmd_verb VERBS[] = {
	{
		.name = "list",
		.words = "",
		.help = "list partners, decisions, watched certificates",
		.examples = "edgectl partners list\n",
		.run = run_list,
	},
	{
		.name = "show",
		.words = "DOMAIN",
		.words_min = 1,
		.words_max = 1,
		.help = "show one domain, with each step of the last decisions",
		.examples = "edgectl partners show example.org\n",
		.run = run_show,
	},
	{
		.name = "allow",
		.words = "DOMAIN",
		.words_min = 1,
		.words_max = 1,
		.help = "let a domain in and out",
		.options = ALLOW_OPTIONS,
		.option_count = ARRAY_COUNT(ALLOW_OPTIONS),
		.more = "Makes a new topology generation with the domain on "
			"its list, as 'edgectl\ntopology apply' would.",
		.examples = "edgectl partners allow example.org\n"
			    "edgectl partners allow example.org --edge "
			    "sip.example.org\n",
		.run = run_allow,
	},
	{
		.name = "block",
		.words = "DOMAIN",
		.words_min = 1,
		.words_max = 1,
		.help = "refuse everything from and to a domain",
		.options = BLOCK_OPTIONS,
		.option_count = ARRAY_COUNT(BLOCK_OPTIONS),
		.examples = "edgectl partners block spam.example\n"
			    "edgectl partners block '*.spam.example'\n",
		.run = run_block,
	},
	{
		.name = "forget",
		.words = "[DOMAIN]",
		.words_max = 1,
		.help = "forget what was learned of a domain or certificate",
		.options = FORGET_OPTIONS,
		.option_count = ARRAY_COUNT(FORGET_OPTIONS),
		.more = "Decisions, the answer of DNS, and what the watch "
			"list holds against it: a\nsuspicious partner may go "
			"on at its usual rate. *.example.org: of all below.",
		.examples = "edgectl partners forget example.org\n"
			    "edgectl partners forget example.org --listed\n"
			    "edgectl partners forget '*.example.org' "
			    "--listed\n",
		.run = run_forget,
	},
};

const struct cmd cmd_partners = {
	.noun = "partners",
	.help = "list, allow and block other organisations",
	.verbs = VERBS,
	.verb_count = ARRAY_COUNT(VERBS),
};
