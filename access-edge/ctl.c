/*
 * Bus routes: what can be asked and done. Reads sessions, transactions and
 * the pool of next hops; changes nothing but what a route says.
 */
#include "access-edge/ctl.h"

#include <string.h>

#include "common/base/err.h"
#include "common/daemon/daemon.h"

#define HOPS_MAX 64

/* ---- connections --------------------------------------------------------- */

static json_t *connection_json(const struct session *s, struct mono now)
{
	char remote[ADDR_TEXT_LEN], local[ADDR_TEXT_LEN];
	bool is_client = s->origin.role == ORIGIN_CLIENT;
	const char *state = !s->is_ready ? "handshake" :
		s->is_closing ? "closing" :
		!is_client || s->origin.is_signed_in ? "open" : "pre-auth";

	addr_text(&s->origin.remote, remote);
	addr_text(&s->origin.local, local);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I,"
		" s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:s}",
		"cid", s->origin.cid_text,
		"side", origin_side_name(s->origin.role),
		"state", state, "remote", remote, "local", local,
		"user", s->user, "name", s->origin.peer_name,
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

static bool matches(const char *want, const char *have)
{
	return want[0] == '\0' || strcasecmp(want, have) == 0;
}

/* remote: an address with or without its port. */
static bool is_remote(const char *want, const struct session *s)
{
	char ip[ADDR_TEXT_LEN], full[ADDR_TEXT_LEN];

	return want[0] == '\0' ||
		strcmp(want, addr_ip_text(&s->origin.remote, ip)) == 0 ||
		strcmp(want, addr_text(&s->origin.remote, full)) == 0;
}

static void get_connections(struct bus_request *req, void *state)
{
	const struct access_edge *a = state;
	const struct session_table *t = &a->edge->sessions;
	struct mono now = loop_now(a->edge->loop);
	json_t *list = json_array();
	struct list *it;

	list_for_each(it, &t->all) {
		const struct session *s = container_of(it, struct session,
			in_table);
		const char *side = origin_side_name(s->origin.role);

		if (matches(bus_query(req, "cid"), s->origin.cid_text) &&
			matches(bus_query(req, "side"), side) &&
			matches(bus_query(req, "user"), s->user) &&
			is_remote(bus_query(req, "remote"), s))
			json_array_append_new(list, connection_json(s, now));
	}
	bus_reply(req, 200, json_pack("{s:o}", "connections", list));
}

static struct session *by_cid_text(const struct session_table *t,
	const char *text)
{
	struct list *it;

	list_for_each(it, &t->all) {
		struct session *s = container_of(it, struct session,
			in_table);

		if (strcasecmp(s->origin.cid_text, text) == 0)
			return s;
	}
	return NULL;
}

static void close_connection(struct bus_request *req, void *state)
{
	const struct access_edge *a = state;
	const char *cid = json_string_value(json_object_get(bus_body(req),
		"cid"));
	struct session *s;

	if (cid == NULL) {
		bus_reply_error(req, 400, "EINVAL",
			"give the connection's cid, as GET /v1/connections "
			"shows it");
		return;
	}
	s = by_cid_text(&a->edge->sessions, cid);
	if (s == NULL) {
		bus_reply_error(req, 404, "EDGE_EUNKNOWN",
			"no connection %s; it may have ended", cid);
		return;
	}
	session_close(s, "bus");
	daemon_event(a->daemon, "session.dropped", "session=%s by=bus",
		s->origin.cid_text);
	bus_reply(req, 200, json_pack("{s:b}", "ok", 1));
}

/* ---- transactions -------------------------------------------------------- */

static json_t *txn_json(const struct txn *txn, struct mono now)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:b}",
		"method", txn->method_name, "call_id", txn->call_id,
		"state", txn_state_name(txn->state),
		"from", txn->is_from_client ? "external" : "internal",
		"age_ms", (json_int_t)mono_since_ms(txn->begun, now),
		"left_ms", (json_int_t)mono_since_ms(now, txn->deadline),
		"cancelled", txn->is_cancelled);
}

static void get_transactions(struct bus_request *req, void *state)
{
	const struct access_edge *a = state;
	struct mono now = loop_now(a->edge->loop);
	json_t *list = json_array();
	struct list *it;

	list_for_each(it, &a->edge->txns.timed)
		json_array_append_new(list, txn_json(container_of(it,
			struct txn, timed), now));
	bus_reply(req, 200, json_pack("{s:o}", "transactions", list));
}

/* ---- next hops ----------------------------------------------------------- */

static json_t *hop_json(const struct peer_info *info)
{
	char address[ADDR_TEXT_LEN];

	addr_text(&info->addr, address);
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I,"
		" s:s}", "name", info->name, "address", address,
		"state", info->connections > 0 ? "up" :
			info->is_down ? "down" : "idle",
		"down_ms", (json_int_t)info->down_ms,
		"connections", (json_int_t)info->connections,
		"connecting", (json_int_t)info->connecting,
		"requests", (json_int_t)info->requests,
		"failures", (json_int_t)info->failures,
		"deaf", (json_int_t)info->deaf,
		"last_error", info->last_error);
}

static json_t *hops_json(const struct access_edge *a)
{
	struct peer_info infos[HOPS_MAX];
	size_t n = peer_pool_list(a->edge->peers, infos, HOPS_MAX);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, hop_json(&infos[i]));
	return list;
}

static void get_next_hops(struct bus_request *req, void *state)
{
	bus_reply(req, 200, json_pack("{s:o}", "next_hops",
		hops_json(state)));
}

/* ---- the rest ------------------------------------------------------------ */

static void get_trace(struct bus_request *req, void *state)
{
	const struct access_edge *a = state;

	trace_add_reader(&a->edge->trace, req);
}

static void rotate_flow_key(struct bus_request *req, void *state)
{
	const struct access_edge *a = state;
	struct edge *edge = a->edge;
	struct why why = {""};
	int err = flow_keys_rotate(&edge->flow_keys, edge->flow_key_path,
		&why);

	if (err != 0) {
		bus_reply_error(req, 409, err_name(err), "%s",
			why_text(&why, err));
		return;
	}
	daemon_event(a->daemon, "flow_key.rotated", "number=%u",
		edge->flow_keys.keys[0].number);
	bus_reply(req, 200, json_pack("{s:I}", "number",
		(json_int_t)edge->flow_keys.keys[0].number));
}

void ctl_status(const struct access_edge *a, json_t *status)
{
	const struct edge *edge = a->edge;

	if (edge == NULL)
		return;
	json_object_set_new(status, "sessions",
		json_integer((json_int_t)edge->sessions.count));
	json_object_set_new(status, "transactions",
		json_integer((json_int_t)edge->txns.count));
	json_object_set_new(status, "next_hop_up",
		json_boolean(peer_pool_is_up(edge->peers)));
	json_object_set_new(status, "next_hops", hops_json(a));
	json_object_set_new(status, "logon_watched",
		json_integer((json_int_t)logon_count(edge->logon)));
}

static const char *const no_fields[] = {NULL};
static const char *const close_fields[] = {"cid", NULL};

const struct bus_route access_edge_routes[] = {
	{"GET", "/v1/connections", BUS_READ, no_fields,
		"SIP connections; ?side=, ?user=, ?remote=, ?cid= narrow it",
		get_connections},
	{"POST", "/v1/connections/close", BUS_CHANGE, close_fields,
		"End one connection", close_connection},
	{"GET", "/v1/transactions", BUS_READ, no_fields,
		"Requests on their way", get_transactions},
	{"GET", "/v1/next-hops", BUS_READ, no_fields,
		"Inside servers, their addresses and state", get_next_hops},
	{"GET", "/v1/trace", BUS_READ, no_fields,
		"Stream: one line for each message that passes", get_trace},
	{"POST", "/v1/flow-keys/rotate", BUS_CHANGE, no_fields,
		"Make a new flow key; tokens of the one before last a day",
		rotate_flow_key},
};
const size_t access_edge_route_count = ARRAY_COUNT(access_edge_routes);
