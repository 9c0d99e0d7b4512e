/*
 * What the control bus can ask of webconf-edge: who is registered, who is
 * joined to whom, and the end of one relay.
 */
#include <string.h>

#include "common/base/err.h"
#include "webconf-edge/pair.h"
#include "webconf-edge/webconf_edge.h"

/* A list for people and scripts, not a dump: more are counted only. */
#define RELAYS_MAX 1000

static void get_servers(struct bus_request *req, void *state)
{
	const struct webconf_edge *e = state;
	const struct server *s = NULL;
	json_t *list = json_array();

	while ((s = servers_next(&e->servers, s)) != NULL)
		json_array_append_new(list, server_json(s));
	bus_reply(req, 200, json_pack("{s:o}", "servers", list));
}

static int read_id(const char *text, uint8_t id[static WCE_ID_LEN])
{
	size_t len = 0;
	int err = str_unhex(str_of(text), id, WCE_ID_LEN, &len);

	return err == 0 && len != WCE_ID_LEN ? EDGE_EMALFORMED : err;
}

static void get_relays(struct bus_request *req, void *state)
{
	const struct webconf_edge *e = state;
	const char *wanted = bus_query(req, "session");
	uint8_t id[WCE_ID_LEN];
	json_t *list = json_array();
	struct list *at;

	if (wanted[0] != '\0' && read_id(wanted, id) < 0) {
		json_decref(list);
		bus_reply_error(req, 400, "EDGE_EMALFORMED",
			"a session has 32 hexadecimal digits");
		return;
	}
	list_for_each(at, &e->pairs) {
		if (json_array_size(list) >= RELAYS_MAX)
			break;
		if (wanted[0] == '\0' ||
			memcmp(pair_id(pair_of(at)), id, sizeof(id)) == 0)
			json_array_append_new(list, pair_json(pair_of(at)));
	}
	bus_reply(req, 200, json_pack("{s:I, s:o}", "count",
		(json_int_t)e->pair_count, "relays", list));
}

static void post_close(struct bus_request *req, void *state)
{
	struct webconf_edge *e = state;
	const char *text = json_string_value(
		json_object_get(bus_body(req), "session"));
	struct pair *pair = NULL;
	uint8_t id[WCE_ID_LEN];

	if (text == NULL || read_id(text, id) < 0) {
		bus_reply_error(req, 400, "EDGE_EMALFORMED",
			"session is missing; it has 32 hexadecimal digits");
		return;
	}
	pair = pairs_find(e, id);
	if (pair == NULL) {
		bus_reply_error(req, 404, "EDGE_EUNKNOWN",
			"there is no such session now");
		return;
	}
	pair_cut(pair, "administrator");
	bus_reply(req, 200, json_pack("{s:s}", "session", text));
}

static const char *const CLOSE_FIELDS[] = {"session", NULL};

const struct bus_route WEBCONF_EDGE_ROUTES[WEBCONF_EDGE_ROUTE_COUNT] = {
	{.method = "GET",
		.path = "/v1/servers",
		.right = BUS_READ,
		.help = "conferencing servers that are registered",
		.handler = get_servers},
	{.method = "GET",
		.path = "/v1/relays",
		.right = BUS_READ,
		.help = "sessions now, 1000 at most; ?session= picks one",
		.handler = get_relays},
	{.method = "POST",
		.path = "/v1/relays/close",
		.right = BUS_CHANGE,
		.fields = CLOSE_FIELDS,
		.help = "end one relay",
		.handler = post_close},
};
