/*
 * Connections on the bus. The same words narrow the list and say what to
 * end, so that one can look before.
 */
#include "access-edge/ctl_connections.h"

#include <string.h>
#include <strings.h>

#include "common/daemon/daemon.h"

static const char *state_name(const struct session *s)
{
	if (!s->is_ready)
		return "handshake";
	if (s->is_closing)
		return "closing";
	return s->origin.role != ORIGIN_CLIENT || s->origin.is_signed_in ?
		"open" : "pre-auth";
}

static json_t *connection_json(const struct session *s, struct mono now)
{
	char remote[ADDR_TEXT_LEN], local[ADDR_TEXT_LEN];

	addr_text(&s->origin.remote, remote);
	addr_text(&s->origin.local, local);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:I, s:I,"
		" s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:s}",
		"cid", s->origin.cid_text,
		"side", origin_side_name(s->origin.role),
		"state", state_name(s), "remote", remote, "local", local,
		"user", ctl_text(str_of(s->user)),
		"name", ctl_text(str_of(s->origin.peer_name)),
		"tls", s->is_ready && s->stream != NULL ?
			stream_cipher(s->stream) : "",
		"age_s", (json_int_t)(mono_since_ms(s->opened, now) / 1000),
		"idle_s", (json_int_t)(mono_since_ms(s->last_in.ms != 0 ?
			s->last_in : s->opened, now) / 1000),
		"messages_in", (json_int_t)s->messages_in,
		"messages_out", (json_int_t)s->messages_out,
		"bytes_in", (json_int_t)(s->stream != NULL ?
			stream_bytes_in(s->stream) : 0),
		"bytes_out", (json_int_t)(s->stream != NULL ?
			stream_bytes_out(s->stream) : 0),
		"queued", (json_int_t)(s->stream != NULL ?
			stream_queued(s->stream) : 0),
		"dialled", s->listener == NULL,
		"outbound", s->is_outbound,
		"peer", origin_role_name(s->origin.role));
}

/* ---- which ones ---------------------------------------------------------- */

/* Words that narrow; "" = any. */
struct filter {
	const char *cid, *side, *peer, *state, *user, *name, *remote;
};

static bool is(const char *want, const char *have)
{
	return want[0] == '\0' || strcasecmp(want, have) == 0;
}

/* "sip:alice@example.com" is alice@example.com. */
static bool is_user(const char *want, const struct session *s)
{
	if (strncasecmp(want, "sip:", 4) == 0)
		want += 4;
	return is(want, s->user);
}

/* An address with or without its port. */
static bool is_remote(const char *want, const struct session *s)
{
	char ip[ADDR_TEXT_LEN], full[ADDR_TEXT_LEN];

	return want[0] == '\0' ||
		strcmp(want, addr_ip_text(&s->origin.remote, ip)) == 0 ||
		strcmp(want, addr_text(&s->origin.remote, full)) == 0;
}

static bool fits(const struct filter *f, const struct session *s)
{
	return is(f->cid, s->origin.cid_text) &&
		is(f->side, origin_side_name(s->origin.role)) &&
		is(f->peer, origin_role_name(s->origin.role)) &&
		is(f->state, state_name(s)) && is_user(f->user, s) &&
		is(f->name, s->origin.peer_name) && is_remote(f->remote, s);
}

void ctl_get_connections(struct bus_request *req, void *state)
{
	const struct access_edge *a = state;
	const struct filter f = {
		.cid = bus_query(req, "cid"),
		.side = bus_query(req, "side"),
		.peer = bus_query(req, "peer"),
		.state = bus_query(req, "state"),
		.user = bus_query(req, "user"),
		.name = bus_query(req, "name"),
		.remote = bus_query(req, "remote"),
	};
	struct mono now = loop_now(a->edge->loop);
	json_t *list = json_array();
	uint32_t limit = UINT32_MAX;
	size_t count = 0;
	struct list *it;

	if (str_to_u32(str_of(bus_query(req, "limit")), &limit) != 0)
		limit = UINT32_MAX;
	list_for_each(it, &a->edge->sessions.all) {
		const struct session *s = container_of(it, struct session,
			in_table);

		if (fits(&f, s) && count++ < limit)
			json_array_append_new(list, connection_json(s, now));
	}
	bus_reply(req, 200, json_pack("{s:o, s:I}", "connections", list,
		"total", (json_int_t)count));
}

struct session *ctl_connection_find(const struct access_edge *a,
	const char *cid)
{
	struct list *it;

	list_for_each(it, &a->edge->sessions.all) {
		struct session *s = container_of(it, struct session,
			in_table);

		if (strcasecmp(s->origin.cid_text, cid) == 0)
			return s;
	}
	return NULL;
}

/* ---- ending them --------------------------------------------------------- */

static const char *word(const json_t *body, const char *key)
{
	const char *text = json_string_value(json_object_get(body, key));

	return text != NULL ? text : "";
}

static bool has_none(const struct filter *f)
{
	const char *const words[] = {f->cid, f->side, f->peer, f->state,
		f->user, f->name, f->remote};

	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		if (words[i][0] != '\0')
			return false;
	}
	return true;
}

void ctl_close_connections(struct bus_request *req, void *state)
{
	const struct access_edge *a = state;
	const json_t *body = bus_body(req);
	const struct filter f = {word(body, "cid"), word(body, "side"),
		word(body, "peer"), word(body, "state"), word(body, "user"),
		word(body, "name"), word(body, "remote")};
	struct list *it, *next;
	size_t closed = 0;

	if (has_none(&f)) {
		bus_reply_error(req, 400, "EINVAL",
			"say which: the connection's cid as GET "
			"/v1/connections shows it, or the words that narrow "
			"that list");
		return;
	}
	list_for_each_safe(it, next, &a->edge->sessions.all) {
		struct session *s = container_of(it, struct session,
			in_table);

		if (s->is_closing || !fits(&f, s))
			continue;
		session_close(s, "bus");
		closed++;
		daemon_event(a->daemon, "session.dropped",
			"session=%s by=bus", s->origin.cid_text);
	}
	if (closed == 0)
		bus_reply_error(req, 404, "EDGE_EUNKNOWN",
			"no such connection; it may have ended");
	else
		bus_reply(req, 200, json_pack("{s:b, s:I}", "ok", 1,
			"closed", (json_int_t)closed));
}
