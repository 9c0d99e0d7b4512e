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
	{"SIDE", "side", 0},
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
	{"AGE_S", "age_s", 0},
	{"LEFT_S", "expires_in_s", 0},
	{"PERMISSIONS", "permissions", 0},
	{"CHANNELS", "channels", 0},
	{"UP", "up_packets", 0},
	{"DOWN", "down_packets", 0},
	{"DROPS", "drops", 0},
};

static const char *const CONNECTION_FILTERS[] = {"side", "user", "remote",
	NULL};
static const char *const ALLOCATION_FILTERS[] = {"sort", "limit", NULL};

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

static int run_connections(struct cmd_call *call)
{
	return show(call, &CONNECTIONS, connections_text);
}

static int run_allocations(struct cmd_call *call)
{
	return show(call, &ALLOCATIONS, allocations_text);
}

static const struct cmd_option CONNECTION_OPTIONS[] = {
	{.name = "close", .arg = "CID", .help = "end this connection"},
	{.name = "side",
		.arg = "SIDE",
		.help = "only those outside (external) or inside (internal)"},
	{.name = "user", .arg = "SIP-URI", .help = "only this user's"},
	{.name = "remote", .arg = "ADDR", .help = "only from this address"},
};

static const struct cmd_option ALLOCATION_OPTIONS[] = {
	{.name = "close", .arg = "ID", .help = "end this allocation"},
	{.name = "sort", .arg = "BY", .help = "bytes, age or drops"},
	{.name = "limit", .arg = "N", .help = "show so many at most"},
};

static const struct cmd_verb CONNECTION_VERBS[] = {
	{
		.words = "",
		.help = "list SIP connections, or end one",
		.options = CONNECTION_OPTIONS,
		.option_count = ARRAY_COUNT(CONNECTION_OPTIONS),
		.examples = "edgectl connections\n"
			    "edgectl connections --user alice@example.com\n"
			    "edgectl connections --close 1D5400\n",
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
