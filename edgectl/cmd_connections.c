/*
 * edgectl connections and allocations: what access-edge and av-edge have
 * open, and ending one of them by its id.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "common/base/err.h"
#include "edgectl/commands.h"
#include "edgectl/daemons.h"
#include "edgectl/output.h"

/* A list that a daemon keeps: where it is asked, how it is drawn. */
struct listing {
	enum conf_daemon daemon;
	const char *path;
	const char *end_path; /* POST {id_key: ...} */
	const char *id_key;
	const char *key; /* of the array in the answer */
	const char *const
		*filters; /* options that narrow it, NULL at the end */
	const struct output_column *columns;
	size_t column_count;
};

static const struct output_column CONNECTION_COLUMNS[] = {
	{"CID", "cid", 0},
	{"PEER", "peer", 0},
	{"REMOTE", "remote", 0},
	{"STATE", "state", 0},
	{"USER", "user", 40},
	{"NAME", "name", 40},
	{"AGE_S", "age_s", 0},
	{"IDLE_S", "idle_s", 0},
	{"IN", "messages_in", 0},
	{"OUT", "messages_out", 0},
	{"TLS", "tls", 0},
};

static const struct output_column ALLOCATION_COLUMNS[] = {
	{"ID", "id", 0},
	{"DIALECT", "dialect", 0},
	{"OVER", "transport", 0},
	{"SIDE", "side", 0},
	{"CLIENT", "client", 0},
	{"RELAY", "relayed", 0},
	{"PORT", "relay_protocol", 0},
	{"AGE_S", "age_s", 0},
	{"LEFT_S", "expires_in_s", 0},
	{"PERMISSIONS", "permissions", 0},
	{"CHANNELS", "channels", 0},
	{"UP", "up_packets", 0},
	{"DOWN", "down_packets", 0},
	{"DROPS", "drops", 0},
};

static const char *const CONNECTION_FILTERS[] = {"side", "peer", "state",
	"user", "name", "remote", "limit", NULL};
static const char *const CONNECTION_ENDS[] = {"side", "peer", "state", "user",
	"name", "remote", NULL};
static const char *const ALLOCATION_FILTERS[] = {"sort", "limit", "user",
	"side", "address", "port", NULL};

static const struct listing CONNECTIONS = {
	.daemon = CONF_ACCESS_EDGE,
	.path = "/v1/connections",
	.end_path = "/v1/connections/close",
	.id_key = "cid",
	.key = "connections",
	.filters = CONNECTION_FILTERS,
	.columns = CONNECTION_COLUMNS,
	.column_count = ARRAY_COUNT(CONNECTION_COLUMNS),
};

static const struct listing ALLOCATIONS = {
	.daemon = CONF_AV_EDGE,
	.path = "/v1/allocations",
	.end_path = "/v1/allocations/close",
	.id_key = "id",
	.key = "allocations",
	.filters = ALLOCATION_FILTERS,
	.columns = ALLOCATION_COLUMNS,
	.column_count = ARRAY_COUNT(ALLOCATION_COLUMNS),
};

static void draw(FILE *to, const json_t *object, const struct listing *l)
{
	const json_t *rows = json_object_get(object, l->key);

	if (json_object_get(object, "ended") != NULL) {
		fprintf(to, "ended %s\n", output_str(object, "ended", ""));
		return;
	}
	if (json_object_get(object, "closed") != NULL) {
		fprintf(to, "ended %lld %s\n", (long long)json_integer_value(
			json_object_get(object, "closed")), l->key);
		return;
	}
	output_table(to, rows, l->columns, l->column_count);
	fprintf(to, "\n%zu %s\n", json_array_size(rows), l->key);
}

static void connections_text(FILE *to, const json_t *object)
{
	draw(to, object, &CONNECTIONS);
}

static void allocations_text(FILE *to, const json_t *object)
{
	draw(to, object, &ALLOCATIONS);
}

/* "/v1/connections?user=..." on the heap, NULL when out of memory. */
static char *path_of(const struct cmd_call *call, const struct listing *l)
{
	char *path = NULL;
	size_t len;
	FILE *to = open_memstream(&path, &len);
	char separator = '?';

	if (to == NULL)
		return NULL;
	fputs(l->path, to);
	for (size_t i = 0; l->filters[i] != NULL; i++) {
		const char *value = cmd_get(call, l->filters[i]);
		char *escaped =
			value != NULL ? curl_easy_escape(NULL, value, 0) : NULL;

		if (escaped == NULL)
			continue;
		fprintf(to, "%c%s=%s", separator, l->filters[i], escaped);
		separator = '&';
		curl_free(escaped);
	}
	if (fclose(to) == 0)
		return path;
	free(path);
	return NULL;
}

static int show(struct cmd_call *call, const struct listing *l,
	output_text_fn *text)
{
	const char *id = cmd_get(call, "close");
	struct conf *conf = NULL;
	struct why why = {""};
	json_t *body = NULL;
	json_t *reply = NULL;
	char *path = NULL;
	int status = CMD_OK;
	int err = -ENOMEM;

	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	path = path_of(call, l);
	if (id != NULL)
		body = json_pack("{s:s}", l->id_key, id);
	if (path != NULL)
		err = daemons_call(conf, l->daemon,
			id != NULL ? l->end_path : path, body, &reply, &why);
	if (err == 0) {
		json_object_set_new(reply, "ok", json_true());
		if (id != NULL)
			json_object_set_new(reply, "ended", json_string(id));
		output_print(call, reply, text);
	} else {
		status = cmd_fail(call, CMD_FAILED, err, &why);
	}
	free(path);
	json_decref(body);
	conf_free(conf);
	return status;
}

/* ---- one connection in full ---------------------------------------------- */

static const struct output_field CONNECTION_FIELDS[] = {
	{"cid", "cid", ""},
	{"peer", "peer", ""},
	{"state", "state", ""},
	{"user", "user", ""},
	{"certificate", "name", ""},
	{"remote", "remote", ""},
	{"local", "local", ""},
	{"tls", "tls", ""},
	{"age", "age_s", "s"},
	{"idle", "idle_s", "s"},
	{"messages in", "messages_in", ""},
	{"messages out", "messages_out", ""},
	{"bytes in", "bytes_in", ""},
	{"bytes out", "bytes_out", ""},
	{"queued", "queued", "bytes"},
	{"we dialled", "dialled", ""},
	{"RFC 5626", "outbound", ""},
};

static const struct output_column TRANSACTION_COLUMNS[] = {
	{"METHOD", "method", 0},
	{"FROM", "from", 0},
	{"STATE", "state", 0},
	{"AGE_MS", "age_ms", 0},
	{"LEFT_MS", "left_ms", 0},
	{"CALL-ID", "call_id", 60},
};

static void connection_text(FILE *to, const json_t *object)
{
	const json_t *open = json_object_get(object, "transactions");

	output_fields(to, json_object_get(object, "connection"),
		CONNECTION_FIELDS, ARRAY_COUNT(CONNECTION_FIELDS));
	if (json_array_size(open) == 0)
		return;
	fputs("\nrequests on their way\n", to);
	output_table(to, open, TRANSACTION_COLUMNS,
		ARRAY_COUNT(TRANSACTION_COLUMNS));
}

/* "PATH?cid=CID" */
static int ask_of(const struct conf *conf, const char *path, const char *cid,
	json_t **reply, struct why *why)
{
	char *escaped = curl_easy_escape(NULL, cid, 0);
	char *full = NULL;
	int err = -ENOMEM;

	if (escaped != NULL && asprintf(&full, "%s?cid=%s", path,
		escaped) >= 0)
		err = daemons_call(conf, CONF_ACCESS_EDGE, full, NULL, reply,
			why);
	free(full);
	curl_free(escaped);
	return err;
}

static int show_connection(struct cmd_call *call, const char *cid)
{
	struct conf *conf = NULL;
	struct why why = {""};
	json_t *found = NULL, *open = NULL;
	json_t *row = NULL;
	int status = CMD_FAILED;
	int err;

	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	err = ask_of(conf, "/v1/connections", cid, &found, &why);
	if (err == 0)
		row = json_array_get(json_object_get(found, "connections"),
			0);
	if (err == 0 && row == NULL)
		err = why_set(&why, EDGE_EUNKNOWN,
			"no connection %s; it may have ended", cid);
	if (err == 0)
		err = ask_of(conf, "/v1/transactions", cid, &open, &why);
	if (err == 0) {
		output_print(call, json_pack("{s:b, s:O, s:O}", "ok", 1,
			"connection", row, "transactions",
			json_object_get(open, "transactions")),
			connection_text);
		status = CMD_OK;
	} else {
		status = cmd_fail(call, CMD_FAILED, err, &why);
	}
	json_decref(found);
	json_decref(open);
	conf_free(conf);
	return status;
}

/* All that the filters narrow to; none given is refused. */
static int close_connections(struct cmd_call *call)
{
	struct conf *conf = NULL;
	struct why why = {""};
	json_t *body = json_object();
	json_t *reply = NULL;
	int status = CMD_OK;
	int err;

	for (size_t i = 0; CONNECTION_ENDS[i] != NULL; i++) {
		const char *value = cmd_get(call, CONNECTION_ENDS[i]);

		if (value != NULL)
			json_object_set_new(body, CONNECTION_ENDS[i],
				json_string(value));
	}
	if (cmd_conf(call, &conf) != 0) {
		json_decref(body);
		return CMD_USAGE;
	}
	err = daemons_call(conf, CONF_ACCESS_EDGE, "/v1/connections/close",
		body, &reply, &why);
	if (err == 0)
		output_print(call, reply, connections_text);
	else
		status = cmd_fail(call, CMD_FAILED, err, &why);
	json_decref(body);
	conf_free(conf);
	return status;
}

static int run_connections(struct cmd_call *call)
{
	if (cmd_get(call, "show") != NULL)
		return show_connection(call, cmd_get(call, "show"));
	if (cmd_has(call, "close-all"))
		return close_connections(call);
	return show(call, &CONNECTIONS, connections_text);
}

static int run_allocations(struct cmd_call *call)
{
	return show(call, &ALLOCATIONS, allocations_text);
}

static const struct cmd_option CONNECTION_OPTIONS[] = {
	{.name = "show",
		.arg = "CID",
		.help = "everything about this one, and its open requests"},
	{.name = "close", .arg = "CID", .help = "end this connection"},
	{.name = "close-all",
		.help = "end all that the options below narrow to"},
	{.name = "side",
		.arg = "SIDE",
		.help = "only those outside (external) or inside (internal)"},
	{.name = "peer",
		.arg = "CLASS",
		.help = "only client, partner or internal"},
	{.name = "state",
		.arg = "STATE",
		.help = "only handshake, pre-auth, open or closing"},
	{.name = "user", .arg = "SIP-URI", .help = "only this user's"},
	{.name = "name",
		.arg = "NAME",
		.help = "only with this name in the certificate"},
	{.name = "remote", .arg = "ADDR", .help = "only from this address"},
	{.name = "limit", .arg = "N", .help = "show so many at most"},
};

static const struct cmd_option ALLOCATION_OPTIONS[] = {
	{.name = "close", .arg = "ID", .help = "end this allocation"},
	{.name = "sort", .arg = "BY", .help = "bytes, age or drops"},
	{.name = "limit", .arg = "N", .help = "show so many at most"},
	{.name = "user",
		.arg = "USER",
		.help = "only this one's: a SIP URI, a name, or the 40 digits "
			"of --json"},
	{.name = "side",
		.arg = "SIDE",
		.help = "only those made outside (external) or inside "
			"(internal)"},
	{.name = "address",
		.arg = "ADDR",
		.help = "only with this address of client or relay"},
	{.name = "port",
		.arg = "N",
		.help = "only with this port of client or relay"},
};

static const struct cmd_verb CONNECTION_VERBS[] = {
	{
		.words = "",
		.help = "list SIP connections, or end one",
		.options = CONNECTION_OPTIONS,
		.option_count = ARRAY_COUNT(CONNECTION_OPTIONS),
		.examples = "edgectl connections\n"
			    "edgectl connections --user alice@example.com\n"
			    "edgectl connections --show 6B0106E500000002\n"
			    "edgectl connections --close 6B0106E500000002\n"
			    "edgectl connections --close-all --remote "
			    "192.0.2.77\n",
		.run = run_connections,
	},
};

static const struct cmd_verb ALLOCATION_VERBS[] = {
	{
		.words = "",
		.help = "list media relay allocations, or end one",
		.options = ALLOCATION_OPTIONS,
		.option_count = ARRAY_COUNT(ALLOCATION_OPTIONS),
		.examples = "edgectl allocations\n"
			    "edgectl allocations --sort drops --limit 20\n"
			    "edgectl allocations --user alice@example.com\n"
			    "edgectl allocations --port 50012\n"
			    "edgectl allocations --close 0100000000000001\n",
		.run = run_allocations,
	},
};

const struct cmd cmd_connections = {
	.noun = "connections",
	.help = "list SIP connections, or end one",
	.verbs = CONNECTION_VERBS,
	.verb_count = ARRAY_COUNT(CONNECTION_VERBS),
};

const struct cmd cmd_allocations = {
	.noun = "allocations",
	.help = "list media relay allocations, or end one",
	.verbs = ALLOCATION_VERBS,
	.verb_count = ARRAY_COUNT(ALLOCATION_VERBS),
};
