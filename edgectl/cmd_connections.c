/*
 * edgectl connections and allocations: what access-edge and av-edge have
 * open, and ending one of them by its id.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "edgectl/commands.h"
#include "edgectl/daemons.h"
#include "edgectl/output.h"

/* A list that a daemon keeps: where it is asked, how it is drawn. */
struct listing {
	enum conf_daemon daemon;
	const char *path;
	const char *end_path; /* POST {"id": ...} */
	const char *key;      /* of the array in the answer */
	const struct output_column *columns;
	size_t column_count;
};

static const struct output_column CONNECTION_COLUMNS[] = {
	{ "ID", "id", 0 },
	{ "SIDE", "side", 0 },
	{ "CLASS", "class", 0 },
	{ "REMOTE", "remote", 0 },
	{ "STATE", "state", 0 },
	{ "USER", "user", 40 },
	{ "AGE_S", "age_s", 0 },
	{ "IDLE_S", "idle_s", 0 },
	{ "BYTES_IN", "bytes_in", 0 },
	{ "BYTES_OUT", "bytes_out", 0 },
};

static const struct output_column ALLOCATION_COLUMNS[] = {
	{ "ID", "id", 0 },
	{ "SIDE", "side", 0 },
	{ "CLIENT", "client", 0 },
	{ "RELAY", "relay", 0 },
	{ "AGE_S", "age_s", 0 },
	{ "LEFT_S", "left_s", 0 },
	{ "PERMISSIONS", "permissions", 0 },
	{ "CHANNELS", "channels", 0 },
	{ "PACKETS_IN", "packets_in", 0 },
	{ "PACKETS_OUT", "packets_out", 0 },
};

static const struct listing CONNECTIONS = {
	.daemon = CONF_ACCESS_EDGE,
	.path = "/v1/connections",
	.end_path = "/v1/connections/drop",
	.key = "connections",
	.columns = CONNECTION_COLUMNS,
	.column_count = ARRAY_COUNT(CONNECTION_COLUMNS),
};

static const struct listing ALLOCATIONS = {
	.daemon = CONF_AV_EDGE,
	.path = "/v1/allocations",
	.end_path = "/v1/allocations/close",
	.key = "allocations",
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

static int show(struct cmd_call *call, const struct listing *l,
	output_text_fn *text)
{
	const char *id = cmd_get(call, "close");
	struct conf *conf = NULL;
	struct why why = { "" };
	json_t *body = NULL;
	json_t *reply = NULL;
	int status = CMD_OK;
	int err;

	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	if (id != NULL)
		body = json_pack("{s:s}", "id", id);
	err = daemons_call(conf, l->daemon, id != NULL ? l->end_path :
		l->path, body, &reply, &why);
	if (err == 0) {
		json_object_set_new(reply, "ok", json_true());
		if (id != NULL)
			json_object_set_new(reply, "ended", json_string(id));
		output_print(call, reply, text);
	} else {
		status = cmd_fail(call, CMD_FAILED, err, &why);
	}
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
	{ .name = "close", .arg = "ID", .help = "end this connection" },
};

static const struct cmd_option ALLOCATION_OPTIONS[] = {
	{ .name = "close", .arg = "ID", .help = "end this allocation" },
};

static const struct cmd_verb CONNECTION_VERBS[] = {
	{
		.words = "",
		.help = "list SIP connections, or end one",
		.options = CONNECTION_OPTIONS,
		.option_count = ARRAY_COUNT(CONNECTION_OPTIONS),
		.examples = "edgectl connections\n"
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
			    "edgectl allocations --close 17\n",
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
