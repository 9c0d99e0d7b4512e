/*
 * edgectl webconf: who is registered, who is joined to whom, a ticket, and a
 * local port that leads to the conferencing server inside.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "edgectl/ask.h"
#include "edgectl/commands.h"
#include "edgectl/output.h"
#include "edgectl/webconf_join.h"
#include "edgectl/webconf_plan.h"

#define CONNECTIONS_MAX 1000000

/* ---- servers and relays -------------------------------------------------- */

static const struct output_column SERVER_COLUMNS[] = {
	{"SERVER", "server", 0},
	{"POOL", "pool", 0},
	{"SINCE", "since", 0},
	{"WARM", "warm", 0},
	{"SESSIONS", "sessions", 0},
	{"MAX", "sessions_max", 0},
	{"ACCEPTING", "accepting", 0},
	{"DRAINING", "draining", 0},
	{"WEBCONF-ID", "webconf_id", 0},
};

static void servers_as_text(FILE *to, const json_t *object)
{
	output_table(to, json_object_get(object, "servers"), SERVER_COLUMNS,
		ARRAY_COUNT(SERVER_COLUMNS));
}

static const struct output_column RELAY_COLUMNS[] = {
	{"SESSION", "session", 0},
	{"STATE", "state", 0},
	{"CLIENT", "remote", 0},
	{"SERVER", "server", 0},
	{"SECONDS", "duration_s", 0},
	{"IN", "bytes_in", 0},
	{"OUT", "bytes_out", 0},
	{"SILENT s", "silent_s", 0},
};

static void relays_as_text(FILE *to, const json_t *object)
{
	const json_t *rows = json_object_get(object, "relays");
	const json_int_t count = json_integer_value(
		json_object_get(object, "count"));

	output_table(to, rows, RELAY_COLUMNS, ARRAY_COUNT(RELAY_COLUMNS));
	if (count > (json_int_t)json_array_size(rows))
		fprintf(to, "\n%zu of %lld are shown\n", json_array_size(rows),
			(long long)count);
}

static int run_servers(struct cmd_call *call)
{
	return ask_daemon(call, CONF_WEBCONF_EDGE, "/v1/servers", NULL,
		servers_as_text);
}

static int run_relays(struct cmd_call *call)
{
	const char *session = cmd_get(call, "session");
	char path[128] = "/v1/relays";

	if (session != NULL && snprintf(path, sizeof(path),
			"/v1/relays?session=%s", session) >=
			(int)sizeof(path))
		return cmd_fail_text(call, CMD_USAGE,
			"--session: 32 hexadecimal digits");
	return ask_daemon(call, CONF_WEBCONF_EDGE, path, NULL, relays_as_text);
}

static void close_as_text(FILE *to, const json_t *object)
{
	fprintf(to, "session %s is being closed\n",
		output_str(object, "session", ""));
}

static int run_close(struct cmd_call *call)
{
	json_t *body = json_pack("{s:s}", "session", call->argv[0]);
	int status = ask_daemon(call, CONF_WEBCONF_EDGE, "/v1/relays/close",
		body, close_as_text);

	json_decref(body);
	return status;
}

/* ---- ticket -------------------------------------------------------------- */

static void ticket_as_text(FILE *to, const json_t *object)
{
	fprintf(to, "%s\n", output_str(object, "ticket", ""));
}

static int run_ticket(struct cmd_call *call)
{
	struct why why = {""};
	json_t *reply = NULL;
	int err = webconf_plan_mint(call, &reply, &why);

	if (err < 0)
		return cmd_fail(call, err == EDGE_ECONFIG ? CMD_USAGE :
			CMD_FAILED, err, &why);
	json_object_set_new(reply, "ok", json_true());
	output_print(call, reply, ticket_as_text);
	return CMD_OK;
}

/* ---- join ---------------------------------------------------------------- */

static void on_listen(const struct addr *at, void *arg)
{
	const struct cmd_call *call = arg;
	char text[ADDR_TEXT_LEN];

	addr_text(at, text);
	if (call->json)
		printf("{\"event\":\"listening\",\"address\":\"%s\"}\n", text);
	else
		printf("listening on %s; connections come out inside\n", text);
	fflush(stdout);
}

static void event_as_text(FILE *to, const json_t *object)
{
	fprintf(to, "%s %s: %s\n", output_str(object, "remote", ""),
		output_str(object, "event", ""),
		output_str(object, "text", ""));
}

static void on_event(const char *event, const struct addr *from,
	const char *text, void *arg)
{
	const struct cmd_call *call = arg;
	char remote[ADDR_TEXT_LEN];
	json_t *line;

	addr_text(from, remote);
	line = json_pack("{s:s, s:s, s:s}", "event", event, "remote", remote,
		"text", text);
	output_print(call, line, event_as_text);
	fflush(stdout);
}

static int fill_way(struct webconf_way *way, const struct cmd_call *call,
	struct why *why)
{
	const char *text = cmd_get(call, "ticket");
	int err;

	if (text == NULL)
		return why_set(why, EDGE_ECONFIG, "--ticket is needed; "
			"`edgectl webconf ticket` on the inside mints one");
	err = webconf_plan_ticket(way, text, why);
	return err == 0 ? webconf_plan_way(way, call, why) : err;
}

static int run_join(struct cmd_call *call)
{
	struct webconf_way way = {.name = ""};
	struct webconf_join_spec spec = {
		.way = &way,
		.on_listen = on_listen,
		.on_event = on_event,
		.arg = call,
	};
	const char *listen = cmd_get(call, "listen");
	struct why why = {""};
	int err;

	if (addr_parse(str_of(listen), &spec.listen) < 0)
		return cmd_fail_text(call, CMD_USAGE, "--listen %s: not an "
			"address such as 127.0.0.1:8443", listen);
	if (cmd_get(call, "count") != NULL && cmd_get_number(call, "count", 1,
			CONNECTIONS_MAX, &spec.count) < 0)
		return CMD_USAGE;
	err = fill_way(&way, call, &why);
	if (err < 0) {
		webconf_plan_fini(&way);
		return cmd_fail(call, CMD_USAGE, err, &why);
	}
	err = webconf_join_run(&spec, &why);
	webconf_plan_fini(&way);
	return err < 0 ? cmd_fail(call, CMD_FAILED, err, &why) : CMD_OK;
}

/* ---- the table ----------------------------------------------------------- */

static const struct cmd_option RELAYS_OPTIONS[] = {
	{.name = "session", .arg = "ID", .help = "show this one only"},
};

static const struct cmd_option TICKET_OPTIONS[] = {
	{.name = "conference", .arg = "URI",
		.help = "URI of the meeting the ticket is for"},
	{.name = "user", .arg = "URI",
		.help = "who will join (default: anonymous)"},
	{.name = "lifetime", .arg = "SECONDS",
		.help = "how long it is good (default: connector.yaml)"},
	{.name = "rate", .arg = "N",
		.help = "most KiB/s in each direction"},
	{.name = "reusable",
		.help = "good for more than one connection until it expires"},
	{.name = "connector", .arg = "SOCKET",
		.fallback = WEBCONF_CONNECTOR_SOCKET,
		.help = "changing socket of webconf-connector"},
};

static const struct cmd_option JOIN_OPTIONS[] = {
	{.name = "ticket", .arg = "TEXT",
		.help = "the ticket; @FILE reads it from a file, @- from "
			"standard input"},
	{.name = "conference", .arg = "URI",
		.help = "URI of the meeting the ticket is for"},
	{.name = "listen", .arg = "ADDR:PORT", .fallback = "127.0.0.1:8443",
		.help = "local port to open"},
	{.name = "edge", .arg = "HOST:PORT",
		.help = "where webconf-edge listens (default: the name in the "
			"ticket)"},
	{.name = "name", .arg = "NAME",
		.help = "name its certificate must have (default: of the "
			"ticket)"},
	{.name = "trust", .arg = "FILE",
		.help = "who signed it (default: trust.external, or the "
			"system's CAs)"},
	{.name = "local-address", .arg = "ADDR",
		.help = "address to connect from"},
	{.name = "count", .arg = "N",
		.help = "end after so many connections"},
};

static const struct cmd_verb VERBS[] = {
	{
		.name = "servers",
		.words = "",
		.help = "conferencing servers that are registered",
		.examples = "edgectl webconf servers\n",
		.run = run_servers,
	},
	{
		.name = "relays",
		.words = "",
		.help = "sessions that run now",
		.options = RELAYS_OPTIONS,
		.option_count = ARRAY_COUNT(RELAYS_OPTIONS),
		.examples = "edgectl webconf relays\n",
		.run = run_relays,
	},
	{
		.name = "close",
		.words = "SESSION",
		.words_min = 1,
		.words_max = 1,
		.help = "end one relay",
		.examples = "edgectl webconf close "
			    "505152535455565758595a5b5c5d5e5f\n",
		.run = run_close,
	},
	{
		.name = "ticket",
		.words = "",
		.help = "mint a ticket (on the inside host)",
		.options = TICKET_OPTIONS,
		.option_count = ARRAY_COUNT(TICKET_OPTIONS),
		.more =
"Asks webconf-connector over its Unix socket. A ticket opens a way in until\n"
"it is used or expires: treat the output as a password.",
		.examples = "edgectl webconf ticket --conference "
			    "sip:board@example.com\n",
		.run = run_ticket,
	},
	{
		.name = "join",
		.words = "",
		.help = "open a local port that leads to the server inside",
		.options = JOIN_OPTIONS,
		.option_count = ARRAY_COUNT(JOIN_OPTIONS),
		.more =
"For programs that know nothing of tickets: each connection to the local port\n"
"goes through the edge and comes out at the connector's target. A browser\n"
"opens several, so it needs a ticket minted with --reusable.",
		.examples =
"edgectl webconf join --ticket @board.ticket --conference "
"sip:board@example.com\n",
		.run = run_join,
	},
};

const struct cmd cmd_webconf = {
	.noun = "webconf",
	.help = "conferencing servers, relays, tickets, joining",
	.verbs = VERBS,
	.verb_count = ARRAY_COUNT(VERBS),
};
