/*
 * edgectl credentials: a relay credential for a test or for a client that
 * can't ask for one itself, and the pool keys they are made with. av-auth
 * does the work; keys never come here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "edgectl/ask.h"
#include "edgectl/commands.h"
#include "edgectl/output.h"

#define MINUTES_MAX 480 /* av-auth's own bound */

/* ---- issue -------------------------------------------------------------- */

static const struct output_field CREDENTIAL_FIELDS[] = {
	{"user", "identity", ""},
	{"username", "username", ""},
	{"password", "password", ""},
	{"expires", "expires", ""},
	{"lifetime", "duration_minutes", "min"},
};

static const struct output_column RELAY_COLUMNS[] = {
	{"RELAY", "location", 0},
	{"NAME", "host", 0},
	{"ADDRESS", "address", 0},
	{"UDP", "udp_port", 0},
	{"TCP", "tcp_port", 0},
};

/* One word of a shell, whatever is in it. */
static void print_quoted(FILE *to, const char *text)
{
	putc('\'', to);
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			fputs("'\\''", to);
		else
			putc(*text, to);
	}
	putc('\'', to);
}

/* A line to paste: two clients of one tool that talk through the relay. */
static void print_example(FILE *to, const json_t *object,
	const json_t *relay)
{
	fputs("  turnutils_uclient -c -y -u ", to);
	print_quoted(to, output_str(object, "username", ""));
	fputs(" -w ", to);
	print_quoted(to, output_str(object, "password", ""));
	fprintf(to, " -p %lld ", (long long)json_integer_value(
		json_object_get(relay, "udp_port")));
	print_quoted(to, output_str(relay, "address", ""));
	putc('\n', to);
}

static void issue_as_text(FILE *to, const json_t *object)
{
	const json_t *relays = json_object_get(object, "relays");
	const json_t *relay;
	size_t i;

	output_fields(to, object, CREDENTIAL_FIELDS,
		ARRAY_COUNT(CREDENTIAL_FIELDS));
	fputc('\n', to);
	output_table(to, relays, RELAY_COLUMNS, ARRAY_COUNT(RELAY_COLUMNS));
	if (json_array_size(relays) == 0)
		return;
	fputs("\nTry it from a host that reaches the relay:\n", to);
	json_array_foreach (relays, i, relay)
		print_example(to, object, relay);
}

/* What was asked for as the body of the question, NULL after telling the
 * user what is wrong. */
static json_t *issue_body(struct cmd_call *call)
{
	const char *user = cmd_get(call, "user");
	const char *location = cmd_get(call, "location");
	uint32_t minutes = 0;
	uint32_t version;
	json_t *body;

	if (user == NULL) {
		cmd_fail_text(call, CMD_USAGE, "whose credential? add "
			"--user sip:alice@example.com");
		return NULL;
	}
	if (cmd_get(call, "minutes") != NULL &&
		cmd_get_number(call, "minutes", 1, MINUTES_MAX, &minutes) < 0)
		return NULL;
	if (cmd_get_number(call, "version", 1, 2, &version) < 0)
		return NULL;
	body = json_pack("{s:s, s:i, s:i}", "identity", user,
		"duration_minutes", (int)minutes, "version", (int)version);
	if (body == NULL) {
		cmd_fail_text(call, CMD_USAGE,
			"--user is not UTF-8 text");
		return NULL;
	}
	if (location != NULL)
		json_object_set_new(body, "location", json_string(location));
	return body;
}

/* ---- keys --------------------------------------------------------------- */

static const struct output_column KEY_COLUMNS[] = {
	{"KEY", "id", 0},
	{"FROM", "from", 0},
	{"MADE", "created", 0},
	{"AGE s", "age_s", 0},
	{"USED TO", "use", 0},
};

static void keys_as_text(FILE *to, const json_t *object)
{
	output_table(to, json_object_get(object, "keys"), KEY_COLUMNS,
		ARRAY_COUNT(KEY_COLUMNS));
}

static int run_issue(struct cmd_call *call)
{
	json_t *body = issue_body(call);
	int status;

	if (body == NULL)
		return CMD_USAGE;
	status = ask_daemon(call, CONF_AV_AUTH, "/v1/credentials", body,
		issue_as_text);
	json_decref(body);
	return status;
}

static int run_keys(struct cmd_call *call)
{
	return ask_daemon(call, CONF_AV_AUTH, "/v1/keys", NULL, keys_as_text);
}

static int run_rotate(struct cmd_call *call)
{
	json_t *body =
		json_pack("{s:b}", "drop_old", cmd_has(call, "drop-old"));
	int status = ask_daemon(call, CONF_AV_AUTH, "/v1/keys/rotate", body,
		keys_as_text);

	json_decref(body);
	return status;
}

static const struct cmd_option ISSUE_OPTIONS[] = {
	{.name = "user", .arg = "URI",
		.help = "SIP URI of the user the credential is for"},
	{.name = "minutes", .arg = "N",
		.help = "lifetime, at most what max_token_lifetime allows"},
	{.name = "location", .arg = "WHERE",
		.help = "list the relays of intranet or internet only"},
	{.name = "version", .arg = "N", .fallback = "2",
		.help = "format of the user name: 1 (52 bytes) or 2 (56)"},
};

static const struct cmd_option ROTATE_OPTIONS[] = {
	{.name = "drop-old",
		.help = "forget the old keys now: they have leaked"},
};

static const struct cmd_verb VERBS[] = {
	{
		.name = "issue",
		.words = "",
		.help = "make a relay credential for a user",
		.options = ISSUE_OPTIONS,
		.option_count = ARRAY_COUNT(ISSUE_OPTIONS),
		.more =
"User name and password are text for TURN clients (RFC 8656). They open relay\n"
"ports until they expire: treat the output as a password.",
		.examples =
"edgectl credentials issue --user sip:alice@example.com --minutes 60\n",
		.run = run_issue,
	},
	{
		.name = "keys",
		.words = "",
		.help = "show the pool keys: number, age and use, no bytes",
		.examples = "edgectl credentials keys\n",
		.run = run_keys,
	},
	{
		.name = "rotate",
		.words = "",
		.help = "make a new pool key",
		.options = ROTATE_OPTIONS,
		.option_count = ARRAY_COUNT(ROTATE_OPTIONS),
		.more =
"Credentials made with the old keys stay good until they expire. With\n"
"--drop-old they end at once; calls that run go on.",
		.examples = "edgectl credentials rotate\n"
			    "edgectl credentials rotate --drop-old\n",
		.run = run_rotate,
	},
};

const struct cmd cmd_credentials = {
	.noun = "credentials",
	.help = "relay credentials and the keys they are made with",
	.verbs = VERBS,
	.verb_count = ARRAY_COUNT(VERBS),
};
