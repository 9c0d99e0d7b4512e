/*
 * A request that may go, from here to its connection: held while it waits
 * for one, sent, or failed. Decides nothing.
 */
#include "access-edge/send.h"

#include <stdlib.h>
#include <string.h>

#include "access-edge/forward.h"
#include "access-edge/who.h"

static void hand_over(struct edge *edge, struct session *to,
	const char *text, size_t len)
{
	trace_text(&edge->trace, to, text, len);
	if (session_send(to, text, len) == 0) {
		counter_add(edge->counters, COUNTER_REQUESTS_FORWARDED, 1);
		if (to->origin.role == ORIGIN_INTERNAL)
			peer_on_sent(edge->peers, to);
	}
}

/* What the transaction holds goes out on this connection. */
static void txn_send(struct edge *edge, struct txn *txn, struct session *to)
{
	const struct policy *p = &edge->policy;
	struct verdict v;

	if (session_is_congested(to)) {
		v = verdict_rule(verdict_by("next_hop", 504,
			DIAG_NO_ROUTE_NOW,
			"the next hop takes less than it is sent"),
			"next-hop");
		forward_fail(edge, txn, &v);
		return;
	}
	txn->to_role = to->origin.role;
	if (txn_aim(txn, to->origin.cid) != 0) {
		v = verdict_no_memory();
		forward_fail(edge, txn, &v);
		return;
	}
	txn_set_state(txn, TXN_CALLING, mono_after_ms(loop_now(edge->loop),
		(int64_t)p->transaction_s * 1000));
	hand_over(edge, to, txn->pending, txn->pending_len);
	txn_drop_held(txn);
}

/* The next hop is there, or none is. */
static void on_server(struct peer_wait *w, struct session *via,
	const char *detail)
{
	struct txn *txn = container_of(w, struct txn, wait);
	struct edge *edge = txn->owner;
	struct verdict v;

	if (via == NULL) {
		v = verdict_detail(verdict_by("next_hop", 504, DIAG_CONNECT,
			"no next hop could be reached"), detail);
		v.rule = "next-hop";
		forward_fail(edge, txn, &v);
		return;
	}
	txn_send(edge, txn, via);
}

/* More that wait are dropped: nobody is told of them anyway. */
#define STRAYS_MAX 1024

/* A request that has no transaction and must wait for a connection. */
struct stray {
	struct list node;
	struct peer_wait wait;
	struct outbound *outbound; /* owned: to a partner */
	struct edge *edge;
	char *text; /* owned */
	size_t len;
};

static void stray_free(struct stray *stray)
{
	list_remove(&stray->node);
	stray->edge->stray_count--;
	peer_cancel(&stray->wait);
	outbound_free(stray->outbound);
	free(stray->text);
	free(stray);
}

void send_free_strays(struct edge *edge)
{
	struct list *it;

	while ((it = list_first(&edge->strays)) != NULL)
		stray_free(container_of(it, struct stray, node));
}

static void on_stray_server(struct peer_wait *w, struct session *via,
	const char *detail)
{
	struct stray *stray = container_of(w, struct stray, wait);

	(void)detail;
	if (via != NULL && !session_is_congested(via))
		hand_over(stray->edge, via, stray->text, stray->len);
	stray_free(stray);
}

static void aim(struct peer_wait *w, const struct edge *edge,
	const struct sip_msg *m, const struct route *to)
{
	char room[512];
	struct str user = who_of(&m->from, room, sizeof(room));

	w->hash = map_hash(&edge->txns.by_key, user.p, user.n);
	if (to->to == ROUTE_TO_SERVER) {
		memcpy(w->server, to->server, sizeof(w->server));
		w->port = to->port;
	}
}

/* ---- to partners --------------------------------------------------------- */

static void on_partner(struct outbound *o, struct session *via, void *arg)
{
	struct txn *txn = arg;
	struct edge *edge = txn->owner;
	struct verdict v;

	if (via == NULL) {
		v = outbound_plan(o)->verdict;
		forward_fail(edge, txn, &v);
		return;
	}
	if (txn_set_partner(txn, &outbound_plan(o)->partner) != 0) {
		v = verdict_no_memory();
		forward_fail(edge, txn, &v);
		return;
	}
	txn->outbound = NULL;
	outbound_free(o);
	txn_send(edge, txn, via);
}

static void on_stray_partner(struct outbound *o, struct session *via,
	void *arg)
{
	struct stray *stray = arg;

	(void)o;
	if (via != NULL && !session_is_congested(via))
		hand_over(stray->edge, via, stray->text, stray->len);
	stray_free(stray);
}

/* A dialog that the partner began goes on over its connection, as long as
 * that speaks for the domain. */
static struct session *flow_of(const struct edge *edge,
	const struct passage *way)
{
	struct session *s = session_find(&edge->sessions, way->to.cid);

	if (s == NULL || s->partner == NULL || strcmp(s->partner->domain,
		way->plan.partner.domain) != 0)
		return NULL;
	return s;
}

static struct outbound_spec outbound_to(const struct edge *edge,
	const struct sip_msg *m, const struct passage *way,
	outbound_cb *cb, void *arg)
{
	return (struct outbound_spec){
		.federation = edge->federation,
		.plan = &way->plan,
		.server = str_of(way->to.server),
		.server_port = way->to.port,
		.is_in_dialog = way->to.is_in_dialog,
		.method = m->method,
		.call_id = m->call_id,
		.hash = map_hash(&edge->txns.by_key, m->call_id.p,
			m->call_id.n),
		.cb = cb,
		.arg = arg,
	};
}

static void send_to_partner(struct edge *edge, struct txn *txn,
	const struct sip_msg *m, const struct passage *way)
{
	const struct outbound_spec spec = outbound_to(edge, m, way,
		on_partner, txn);
	struct session *flow = flow_of(edge, way);
	struct verdict v = verdict_no_memory();

	txn->to_role = ORIGIN_PARTNER;
	if (flow != NULL && txn_set_partner(txn, flow->partner) == 0) {
		txn_send(edge, txn, flow);
		return;
	}
	txn_set_state(txn, TXN_CONNECTING, mono_after_ms(
		loop_now(edge->loop),
		(int64_t)edge->policy.transaction_s * 1000));
	if (flow == NULL && outbound_new(&txn->outbound, &spec) == 0)
		outbound_start(txn->outbound);
	else
		forward_fail(edge, txn, &v);
}

static void send_stray_to_partner(struct stray *stray,
	const struct sip_msg *m, const struct passage *way)
{
	const struct outbound_spec spec = outbound_to(stray->edge, m, way,
		on_stray_partner, stray);
	struct session *flow = flow_of(stray->edge, way);

	if (flow != NULL)
		on_stray_partner(NULL, flow, stray);
	else if (outbound_new(&stray->outbound, &spec) == 0)
		outbound_start(stray->outbound);
	else
		stray_free(stray);
}

/* ---- anywhere ------------------------------------------------------------ */

void send_stray(struct edge *edge, const struct sip_msg *m,
	const struct passage *way, char *text, size_t len)
{
	const struct route *to = &way->to;
	struct session *now;
	struct stray *stray;

	if (to->to == ROUTE_TO_CLIENT) {
		now = session_find(&edge->sessions, to->cid);
		if (now != NULL)
			hand_over(edge, now, text, len);
		free(text);
		return;
	}
	stray = edge->stray_count < STRAYS_MAX ? calloc(1, sizeof(*stray)) :
		NULL;
	if (stray == NULL) {
		counter_add(edge->counters, COUNTER_REQUESTS_DROPPED, 1);
		free(text);
		return;
	}
	list_push_back(&edge->strays, &stray->node);
	edge->stray_count++;
	peer_wait_init(&stray->wait, on_stray_server);
	stray->edge = edge;
	stray->text = text;
	stray->len = len;
	if (to->to == ROUTE_TO_PARTNER) {
		send_stray_to_partner(stray, m, way);
		return;
	}
	aim(&stray->wait, edge, m, to);
	now = peer_request(edge->peers, &stray->wait);
	if (now != NULL)
		on_stray_server(&stray->wait, now, "");
}

void send_request(struct edge *edge, struct txn *txn,
	const struct sip_msg *m, const struct passage *way, char *text,
	size_t len)
{
	const struct route *to = &way->to;
	struct session *now;
	struct verdict v;

	txn_hold(txn, text, len);
	if (to->to == ROUTE_TO_PARTNER) {
		send_to_partner(edge, txn, m, way);
		return;
	}
	peer_wait_init(&txn->wait, on_server);
	if (to->to == ROUTE_TO_CLIENT) {
		now = session_find(&edge->sessions, to->cid);
	} else {
		aim(&txn->wait, edge, m, to);
		txn_set_state(txn, TXN_CONNECTING, mono_after_ms(
			loop_now(edge->loop),
			(int64_t)edge->policy.transaction_s * 1000));
		now = peer_request(edge->peers, &txn->wait);
		if (now == NULL)
			return; /* on_server goes on */
	}
	if (now == NULL) {
		v = verdict_rule(verdict_by("flow_failed_code",
			edge->policy.flow_failed_code, DIAG_CLIENT_CONNECTION,
			"the client's connection is gone"), "flow");
		forward_fail(edge, txn, &v);
		return;
	}
	on_server(&txn->wait, now, "");
}
