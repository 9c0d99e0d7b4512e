/*
 * The connector's Unix socket: tickets for whoever sends invitations, and
 * what an administrator asks. The socket's mode and group decide who may
 * mint: a ticket opens a way in.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/digest.h"
#include "common/base/dns_name.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "webconf-edge/connector/connector.h"
#include "webconf-edge/connector/upstream.h"

#define REVOKE_MAX 1000u
#define GRACE_MAX  86400

/* ---- reading ------------------------------------------------------------- */

static json_t *edges_json(const struct connector *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->conf->edge_count; i++)
		json_array_append_new(list, upstream_json(c->upstreams[i]));
	return list;
}

static void get_status(struct bus_request *req, void *state)
{
	const struct connector *c = state;
	char id[2 * WCE_ID_LEN + 1];

	str_hex(c->mint.server, sizeof(c->mint.server), id);
	bus_reply(req, 200,
		json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:s, s:I, s:I, "
			  "s:I, s:o}",
			"program", "webconf-connector", "version",
			EDGE_VERSION, "pid", (json_int_t)getpid(), "uid",
			(json_int_t)c->sandbox.uid, "uptime_s",
			(json_int_t)(mono_since_ms(c->started, mono_now()) /
				1000),
			"state", c->is_draining ? "draining" : "serving",
			"server", id, "pool", c->conf->pool, "key",
			(json_int_t)ticket_key_id(c->mint.key), "sessions",
			(json_int_t)c->session_count, "sessions_max",
			(json_int_t)c->conf->sessions_max, "edges",
			edges_json(c)));
}

static void get_metrics(struct bus_request *req, void *state)
{
	struct connector *c = state;
	const struct counters *blocks[] = {&c->counters};
	size_t ready = 0;
	size_t up = 0;
	char *text;

	for (size_t i = 0; i < c->conf->edge_count; i++) {
		up += upstream_is_up(c->upstreams[i]);
		ready += upstream_ready_count(c->upstreams[i]);
	}
	counter_set(&c->counters, CONNECTOR_EDGES_CONNECTED, up);
	counter_set(&c->counters, CONNECTOR_SLOTS_READY, ready);
	text = counters_openmetrics(blocks, 1, "webconf_connector");
	if (text == NULL) {
		bus_reply_error(req, 503, "ENOMEM", "out of memory");
		return;
	}
	bus_reply_text(req, "application/openmetrics-text; version=1.0.0; "
		"charset=utf-8", text);
	free(text);
}

/* ---- tickets ------------------------------------------------------------- */

/* The edge a client is told of: one that takes clients now. */
static const struct upstream *choose(const struct connector *c,
	const char *audience)
{
	for (size_t i = 0; i < c->conf->edge_count; i++) {
		const struct upstream *u = c->upstreams[i];

		if (upstream_is_serving(u) && (audience == NULL ||
				strcmp(upstream_audience(u), audience) == 0))
			return u;
	}
	return NULL;
}

/* NULL when it can be used, else what is wrong with it. */
static const char *read_wish(const json_t *body, struct mint_wish *wish,
	const char **audience)
{
	const char *conference = NULL;
	const char *user = "";
	json_int_t lifetime_s = wish->lifetime_s;
	json_int_t rate = 0;
	int is_single_use = 1;

	if (json_unpack((json_t *)(uintptr_t)body,
		    "{s:s, s?s, s?s, s?I, s?I, s?b}", "conference",
		    &conference, "user", &user, "audience", audience,
		    "lifetime_s", &lifetime_s, "rate_kib_s", &rate,
		    "single_use", &is_single_use) < 0)
		return "conference is missing, or a field has a wrong type";
	wish->conference = str_of(conference);
	wish->user = str_of(user);
	wish->is_reusable = !is_single_use;
	if (wish->conference.n == 0 || wish->conference.n > WCE_URI_MAX ||
		wish->user.n > WCE_URI_MAX)
		return "a URI has 1 to 2048 bytes";
	if (lifetime_s < 1 || lifetime_s > TICKET_LIFE_MAX_S)
		return "lifetime_s is 1 to 28800";
	if (rate < 0 || rate > UINT16_MAX)
		return "rate_kib_s is 0 to 65535";
	wish->lifetime_s = (uint32_t)lifetime_s;
	wish->rate_kib_s = (uint16_t)rate;
	return NULL;
}

/* Names as the invitation carries them: docs/protocol/webconf.md 4. */
static json_t *ticket_json(const struct ticket *t, const char *text,
	const struct upstream *u)
{
	char until[WALL_TEXT_LEN];
	char id[2 * TICKET_ID_LEN + 1];

	str_hex(t->id, sizeof(t->id), id);
	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:b}", "ticket", text,
		"host", t->audience, "port", (int)upstream_public_port(u),
		"id", id, "not_after", wall_text(t->not_after, until),
		"single_use", t->is_single_use);
}

static void post_tickets(struct bus_request *req, void *state)
{
	struct connector *c = state;
	struct mint_wish wish = {.lifetime_s = c->conf->lifetime_s};
	const char *audience = NULL;
	char text[TICKET_TEXT_LEN];
	const struct upstream *u;
	struct ticket ticket;
	const char *fault = read_wish(bus_body(req), &wish, &audience);
	int err;

	if (fault != NULL) {
		bus_reply_error(req, 400, "EDGE_EMALFORMED", "%s", fault);
		return;
	}
	u = choose(c, audience);
	if (u == NULL) {
		bus_reply_error(req, 503, "EDGE_EUNKNOWN",
			"no edge%s%s takes clients now; see GET /v1/status",
			audience != NULL ? " named " : "",
			audience != NULL ? audience : "");
		return;
	}
	wish.audience = upstream_audience(u);
	err = mint_ticket(&c->mint, &wish, wall_now(), &ticket, text);
	if (err < 0) {
		bus_reply_error(req, 503, err_name(err),
			"no ticket can be made: %s", err_text(err));
		return;
	}
	counter_add(&c->counters, CONNECTOR_TICKETS, 1);
	log_info("ticket.minted", "lifetime_s=%u single_use=%d",
		wish.lifetime_s, !wish.is_reusable);
	bus_reply(req, 200, ticket_json(&ticket, text, u));
	digest_wipe(text, sizeof(text));
}

static void post_revoke(struct bus_request *req, void *state)
{
	const json_t *list = json_object_get(bus_body(req), "ids");
	const size_t count = json_array_size(list);
	uint8_t ids[REVOKE_MAX][TICKET_ID_LEN];
	struct connector *c = state;
	size_t len;
	int err = count == 0 || count > REVOKE_MAX ? EDGE_EMALFORMED : 0;

	for (size_t i = 0; i < count && err == 0; i++) {
		err = str_unhex(str_of(json_string_value(
			json_array_get(list, i))), ids[i], TICKET_ID_LEN,
			&len);
		if (err == 0 && len != TICKET_ID_LEN)
			err = EDGE_EMALFORMED;
	}
	if (err < 0) {
		bus_reply_error(req, 400, err_name(err), "ids is a list of 1 "
			"to 1000 ticket ids of 32 hexadecimal digits");
		return;
	}
	for (size_t i = 0; i < count && err == 0; i++)
		err = mint_revoke(&c->mint, ids[i], wall_now());
	if (err < 0) {
		bus_reply_error(req, 503, err_name(err),
			"not all could be kept: %s", err_text(err));
		return;
	}
	for (size_t i = 0; i < c->conf->edge_count; i++)
		upstream_revoke(c->upstreams[i], ids[0], count);
	bus_reply(req, 200, json_pack("{s:I}", "revoked", (json_int_t)count));
}

/* ---- drain --------------------------------------------------------------- */

static void post_drain(struct bus_request *req, void *state)
{
	struct connector *c = state;
	json_int_t grace_s = 3600;

	if (json_unpack((json_t *)(uintptr_t)bus_body(req), "{s?I}",
		    "deadline_s", &grace_s) < 0 || grace_s < 0 ||
		grace_s > GRACE_MAX) {
		bus_reply_error(req, 400, "EDGE_EMALFORMED",
			"deadline_s is 0 to %d", GRACE_MAX);
		return;
	}
	connector_drain(c, (uint32_t)grace_s, false);
	get_status(req, state);
}

static void post_resume(struct bus_request *req, void *state)
{
	connector_resume(state);
	get_status(req, state);
}

static const char *const TICKET_FIELDS[] = {"conference", "user", "audience",
	"lifetime_s", "rate_kib_s", "single_use", NULL};
static const char *const REVOKE_FIELDS[] = {"ids", NULL};
static const char *const DRAIN_FIELDS[] = {"deadline_s", NULL};

const struct bus_route CONNECTOR_ROUTES[CONNECTOR_ROUTE_COUNT] = {
	{.method = "GET",
		.path = "/v1/status",
		.right = BUS_READ,
		.help = "edges, warm connections, sessions",
		.handler = get_status},
	{.method = "GET",
		.path = "/metrics",
		.right = BUS_READ,
		.help = "counters as OpenMetrics text",
		.handler = get_metrics},
	{.method = "POST",
		.path = "/v1/tickets",
		.right = BUS_CHANGE,
		.fields = TICKET_FIELDS,
		.help = "mint a ticket for a client",
		.handler = post_tickets},
	{.method = "POST",
		.path = "/v1/tickets/revoke",
		.right = BUS_CHANGE,
		.fields = REVOKE_FIELDS,
		.help = "refuse tickets here and at every edge from now on",
		.handler = post_revoke},
	{.method = "POST",
		.path = "/v1/drain",
		.right = BUS_CHANGE,
		.fields = DRAIN_FIELDS,
		.help = "take no new clients",
		.handler = post_drain},
	{.method = "POST",
		.path = "/v1/resume",
		.right = BUS_CHANGE,
		.help = "take clients again",
		.handler = post_resume},
};
