/*
 * Bus routes: what can be asked and done. Connections and what is open on
 * them are ctl_connections.c's.
 */
#include "access-edge/ctl.h"

#include "access-edge/ctl_connections.h"
#include "access-edge/partner_ctl.h"
#include "common/base/err.h"
#include "common/daemon/daemon.h"

#define HOPS_MAX 64

/* ---- transactions -------------------------------------------------------- */

static json_t *txn_json(const struct txn *txn, struct mono now)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:b}",
		"method", txn->method_name, "call_id", txn->call_id,
		"state", txn_state_name(txn->state),
		"from", origin_side_name(txn->from_role),
		"age_ms", (json_int_t)mono_since_ms(txn->begun, now),
		"left_ms", (json_int_t)mono_since_ms(now, txn->deadline),
		"cancelled", txn->is_cancelled);
}

static void get_transactions(struct bus_request *req, void *state)
{
	const struct access_edge *a = state;
	struct mono now = loop_now(a->edge->loop);
	json_t *list = json_array();
	const struct session *of = ctl_connection_find(a,
		bus_query(req, "cid"));
	struct list *it;

	list_for_each(it, &a->edge->txns.timed) {
		const struct txn *txn = container_of(it, struct txn, timed);

		if (bus_query(req, "cid")[0] != '\0' && (of == NULL ||
			(txn->from_cid != of->origin.cid &&
				txn->to_cid != of->origin.cid)))
			continue;
		json_array_append_new(list, txn_json(txn, now));
	}
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
	int err;

	if (edge->flow_keys.keys[0].is_shared) {
		bus_reply_error(req, 409, "shared",
			"the key is the pool's: 'edgectl publish FILE "
			"--new-pool-keys' where it is published");
		return;
	}
	err = flow_keys_rotate(&edge->own_flow_keys, edge->flow_key_path,
		&why);
	flow_keys_share(&edge->flow_keys, &edge->own_flow_keys, NULL);
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
static const char *const forget_fields[] = {"domain", "certificate", NULL};
static const char *const test_fields[] = {"domain", "proxy", NULL};
static const char *const close_fields[] = {"cid", "side", "peer", "state",
	"user", "name", "remote", NULL};

const struct bus_route access_edge_routes[] = {
	{"GET", "/v1/connections", BUS_READ, no_fields,
		"SIP connections; ?side=, ?peer=, ?state=, ?user=, ?name=, "
		"?remote=, ?cid= narrow it, ?limit= bounds it",
		ctl_get_connections},
	{"POST", "/v1/connections/close", BUS_CHANGE, close_fields,
		"End one connection, or all that fit", ctl_close_connections},
	{"GET", "/v1/transactions", BUS_READ, no_fields,
		"Requests on their way; ?cid= of one connection",
		get_transactions},
	{"GET", "/v1/next-hops", BUS_READ, no_fields,
		"Inside servers, their addresses and state", get_next_hops},
	{"GET", "/v1/partners", BUS_READ, no_fields,
		"Other organisations: lists, decisions, certificates, servers",
		partner_ctl_list},
	{"GET", "/v1/partners/show", BUS_READ, no_fields,
		"One of them (?domain=): each step of the last decisions",
		partner_ctl_show},
	{"POST", "/v1/partners/forget", BUS_CHANGE, forget_fields,
		"Forget what was learned of a domain or a certificate",
		partner_ctl_forget},
	{"POST", "/v1/partners/test", BUS_CHANGE, test_fields,
		"Send OPTIONS to a partner and tell each step",
		partner_ctl_test},
	{"GET", "/v1/trace", BUS_READ, no_fields,
		"Stream: one line for each message that passes", get_trace},
	{"POST", "/v1/flow-keys/rotate", BUS_CHANGE, no_fields,
		"Make a new flow key; tokens of the one before last a day",
		rotate_flow_key},
};
const size_t access_edge_route_count = ARRAY_COUNT(access_edge_routes);

json_t *ctl_text(struct str s)
{
	json_t *text = json_stringn(s.p != NULL ? s.p : "", s.n);
	char *copy = text == NULL ? str_dup(s) : NULL;

	if (copy == NULL)
		return text;
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)copy[i] >= 0x80)
			copy[i] = '?';
	}
	text = json_stringn(copy, s.n);
	free(copy);
	return text;
}
