/*
 * What every daemon answers on its control bus. Each daemon's own nouns are
 * in its ctl.c; the table type and the rights are in bus/.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/daemon/daemon_life.h"

#define READERS_MAX          32
#define DRAIN_DEFAULT_S      60
#define DRAIN_DEADLINE_MAX_S 86400

struct reader {
	struct list node;
	struct daemon *d;
	struct bus_stream *stream;
};

static void get_status(struct bus_request *req, void *state)
{
	bus_reply(req, 200, daemon_status_json(state));
}

static void get_config(struct bus_request *req, void *state)
{
	bus_reply(req, 200, daemon_config_json(state));
}

static void get_metrics(struct bus_request *req, void *state)
{
	struct daemon *d = state;
	const struct counters *block = &d->counters;
	char *text;

	if (d->spec->counted != NULL)
		d->spec->counted(d->state);
	text = counters_openmetrics(&block, 1, d->name);
	if (text == NULL)
		bus_reply_error(req, 503, "no_memory", "out of memory");
	else
		bus_reply_text(req,
			"application/openmetrics-text; version=1.0.0; "
			"charset=utf-8", text);
	free(text);
}

static void get_explain(struct bus_request *req, void *state)
{
	const struct daemon *d = state;
	const char *about = bus_query(req, "about");
	json_t *answer;

	if (about[0] == '\0') {
		bus_reply_error(req, 400, "bad_query",
			"about: name a call-id, user, address, domain, "
			"credential id, or the id of a session");
		return;
	}
	answer = recall_about(d->recall, about);
	if (answer == NULL)
		bus_reply_error(req, 503, "no_memory", "out of memory");
	else
		bus_reply(req, 200, answer);
}

/* ---- events ------------------------------------------------------------- */

static json_t *event_json(const char *event, const char *text)
{
	char at[WALL_TEXT_LEN];

	return json_pack("{s:s, s:s, s:s}", "at", wall_text(wall_now(), at),
		"event", event, "text", text);
}

static void on_reader_gone(struct bus_stream *s, void *arg)
{
	struct reader *r = arg;

	(void)s;
	r->d->reader_count--;
	list_remove(&r->node);
	free(r);
}

static void get_events(struct bus_request *req, void *state)
{
	struct daemon *d = state;
	struct reader *r;

	if (d->reader_count >= READERS_MAX) {
		bus_reply_error(req, 503, "busy",
			"%d readers follow the events already", READERS_MAX);
		return;
	}
	r = calloc(1, sizeof(*r));
	if (r == NULL) {
		bus_reply_error(req, 503, "no_memory", "out of memory");
		return;
	}
	r->d = d;
	list_init(&r->node);
	r->stream = bus_stream_start(req, on_reader_gone, r);
	if (r->stream == NULL) {
		free(r);
		return;
	}
	d->reader_count++;
	list_push_back(&d->readers, &r->node);
	/* So that a reader knows where it joins. */
	bus_stream_line(r->stream,
		event_json("events.joined", daemon_phase_name(d)));
}

void daemon_tell(struct daemon *d, const char *event, const char *text)
{
	struct list *node;

	list_for_each(node, &d->readers)
		bus_stream_line(container_of(node, struct reader, node)->stream,
			event_json(event, text));
}

/* ---- configuration ------------------------------------------------------ */

static void post_check(struct bus_request *req, void *state)
{
	struct daemon *d = state;
	const char *path = json_string_value(
		json_object_get(bus_body(req), "generation"));
	struct why why = {""};
	int err;

	if (path == NULL) {
		bus_reply_error(req, 400, "bad_field",
			"generation: give the path of a generation file");
		return;
	}
	err = daemon_check_path(d, path, &why);
	if (err < 0)
		bus_reply_error(req, 409, err_name(err), "%s",
			why_text(&why, err));
	else
		bus_reply(req, 200, json_pack("{s:b}", "ok", 1));
}

static void post_reload(struct bus_request *req, void *state)
{
	struct daemon *d = state;
	char version[TOPOLOGY_VERSION_LEN];
	struct daemon_reload result;
	struct why why = {""};
	bool with_certs =
		!json_is_false(json_object_get(bus_body(req), "certificates"));
	int err = daemon_reload(d, with_certs, &result, &why);
	json_t *body = json_pack("{s:s, s:b, s:i, s:O, s:O}", "generation",
		topology_version_text(d->topology, version), "changed",
		result.is_changed, "certificates", result.certificates,
		"settings", result.settings, "restart_needed",
		result.restart_needed);

	if (err < 0 && body != NULL) {
		json_object_set_new(body, "error", json_string(err_name(err)));
		json_object_set_new(body, "text",
			json_string(why_text(&why, err)));
	}
	bus_reply(req, err < 0 ? 409 : 200, body);
	daemon_reload_fini(&result);
}

/* ---- drain -------------------------------------------------------------- */

static void reply_phase(struct bus_request *req, const struct daemon *d)
{
	bus_reply(req, 200,
		json_pack("{s:s, s:I}", "state", daemon_phase_name(d),
			"sessions", (json_int_t)daemon_busy(d)));
}

static void post_drain(struct bus_request *req, void *state)
{
	struct daemon *d = state;
	const json_t *field = json_object_get(bus_body(req), "deadline_s");
	json_int_t deadline_s =
		field != NULL ? json_integer_value(field) : DRAIN_DEFAULT_S;

	if ((field != NULL && !json_is_integer(field)) || deadline_s < 0 ||
		deadline_s > DRAIN_DEADLINE_MAX_S) {
		bus_reply_error(req, 400, "bad_field",
			"deadline_s: a whole number of seconds from 0 to %d",
			DRAIN_DEADLINE_MAX_S);
		return;
	}
	if (d->phase == DAEMON_SERVING)
		daemon_drain(d, DAEMON_DRAINING, deadline_s * 1000);
	reply_phase(req, d);
}

static void post_resume(struct bus_request *req, void *state)
{
	struct daemon *d = state;

	if (d->is_drained_by_topology) {
		bus_reply_error(req, 409, "drained_by_topology",
			"the topology says that this machine takes no work; "
			"set its state to active and apply");
		return;
	}
	daemon_resume(d);
	reply_phase(req, d);
}

static const char *const check_fields[] = {"generation", NULL};
static const char *const reload_fields[] = {"certificates", NULL};
static const char *const drain_fields[] = {"deadline_s", NULL};

const struct bus_route daemon_routes[] = {
	{
		.method = "GET",
		.path = "/v1/status",
		.right = BUS_READ,
		.help = "state, generation, ports, certificates, sandbox",
		.handler = get_status,
	},
	{
		.method = "GET",
		.path = "/metrics",
		.right = BUS_READ,
		.help = "all counters as OpenMetrics text",
		.handler = get_metrics,
	},
	{
		.method = "GET",
		.path = "/v1/config",
		.right = BUS_READ,
		.help = "the configuration in force, without secrets",
		.handler = get_config,
	},
	{
		.method = "GET",
		.path = "/v1/events",
		.right = BUS_READ,
		.help = "what happens from now on, a line each",
		.handler = get_events,
	},
	{
		.method = "GET",
		.path = "/v1/explain",
		.right = BUS_READ,
		.help = "the latest decisions about a call, user or address",
		.handler = get_explain,
	},
	{
		.method = "POST",
		.path = "/v1/check",
		.right = BUS_CHECK,
		.fields = check_fields,
		.help = "could this generation be taken? Changes nothing",
		.handler = post_check,
	},
	{
		.method = "POST",
		.path = "/v1/reload",
		.right = BUS_CHECK,
		.fields = reload_fields,
		.help = "take the current generation and the certificates",
		.handler = post_reload,
	},
	{
		.method = "POST",
		.path = "/v1/drain",
		.right = BUS_CHANGE,
		.fields = drain_fields,
		.help = "take no new work; done when idle or at the deadline",
		.handler = post_drain,
	},
	{
		.method = "POST",
		.path = "/v1/resume",
		.right = BUS_CHANGE,
		.help = "take new work again",
		.handler = post_resume,
	},
};
const size_t daemon_route_count = ARRAY_COUNT(daemon_routes);
