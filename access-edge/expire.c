/*
 * When time runs out or a connection ends: what becomes of transactions
 * (RFC 3261 sections 16.8, 16.9 and 17; RFC 4320: a request other than
 * INVITE is never answered 408).
 */
#include "access-edge/answer.h"
#include "access-edge/forward.h"
#include "common/base/log.h"

void forward_on_trying(struct txn *txn, void *arg)
{
	const struct verdict v = verdict_answer(100, DIAG_NONE, "");

	answer_txn(arg, txn, &v);
}

void forward_fail(struct edge *edge, struct txn *txn,
	const struct verdict *v)
{
	txn_stop_trying(txn);
	answer_txn(edge, txn, v);
	/* No ACK comes from a connection that has ended. */
	if (!txn->is_invite ||
		session_find(&edge->sessions, txn->from_cid) == NULL) {
		txn_free(txn);
		return;
	}
	peer_cancel(&txn->wait);
	outbound_free(txn->outbound);
	txn->outbound = NULL;
	txn_drop_held(txn);
	txn_set_state(txn, TXN_COMPLETED, mono_after_ms(
		loop_now(edge->loop),
		(int64_t)edge->policy.transaction_s * 1000));
}

static struct verdict too_late(const struct txn *txn)
{
	if (txn->is_cancelled)
		return verdict_rule(verdict_answer(487, DIAG_NONE,
			"cancelled"), "cancel");
	return verdict_rule(verdict_by(txn->state == TXN_CALLING ?
		"transaction_timeout" : "invite_timeout", 408, DIAG_NONE,
		"no final answer in time"), "time");
}

static void invite_deadline(struct edge *edge, struct txn *txn)
{
	struct verdict v = too_late(txn);

	if (txn->state == TXN_PROCEEDING && !txn->is_cancel_sent) {
		/* Timer C: ask downstream to stop, then wait once more. */
		forward_cancel(edge, txn);
		return;
	}
	counter_add(edge->counters, COUNTER_TRANSACTION_TIMEOUTS, 1);
	forward_fail(edge, txn, &v);
}

void forward_on_deadline(struct txn *txn, void *arg)
{
	const struct verdict late = verdict_rule(verdict_by(
		"transaction_timeout", 504, DIAG_CONNECT,
		"no next hop could be reached in time"), "time");
	struct edge *edge = arg;

	switch (txn->state) {
	case TXN_CONNECTING:
		forward_fail(edge, txn, &late);
		break;
	case TXN_CALLING:
	case TXN_PROCEEDING:
		if (txn->is_invite) {
			invite_deadline(edge, txn);
			break;
		}
		counter_add(edge->counters, COUNTER_TRANSACTION_TIMEOUTS,
			1);
		txn_free(txn);
		break;
	case TXN_ACCEPTED:
	case TXN_COMPLETED:
		txn_free(txn);
		break;
	}
}

static struct verdict lost_verdict(const struct edge *edge,
	const struct txn *txn)
{
	switch (txn->to_role) {
	case ORIGIN_INTERNAL:
		return verdict_rule(verdict_by("next_hop", 504, DIAG_CONNECT,
			"the connection to the next hop was lost"),
			"next-hop");
	case ORIGIN_PARTNER:
		return verdict_rule(verdict_answer(504, DIAG_PARTNER_CONNECT,
			"the connection to the partner's edge was lost"),
			federate_step_name(FEDERATE_CONNECT));
	case ORIGIN_CLIENT:
		break;
	}
	return verdict_rule(verdict_by("flow_failed_code",
		edge->policy.flow_failed_code, DIAG_CLIENT_CONNECTION,
		"the client's connection was lost"), "flow");
}

/* The connection that the request went out on has ended. */
static void lost_downstream(struct edge *edge, struct txn *txn)
{
	const struct verdict v = lost_verdict(edge, txn);

	switch (txn->state) {
	case TXN_CONNECTING:
	case TXN_COMPLETED:
		break;
	case TXN_ACCEPTED:
		txn_free(txn);
		break;
	case TXN_CALLING:
	case TXN_PROCEEDING:
		forward_fail(edge, txn, &v);
		break;
	}
}

struct loss {
	struct edge *edge;
	uint64_t cid;
};

static void on_loss(struct txn *txn, void *arg)
{
	const struct loss *loss = arg;

	/* Whoever sent it is gone: answers will find nobody and are dropped
	 * (RFC 3261 section 16.9); only the wait for an ACK is pointless. */
	if (txn->from_cid == loss->cid) {
		/* What has not gone out yet need not go any more. */
		if (txn->state == TXN_COMPLETED ||
			txn->state == TXN_CONNECTING)
			txn_free(txn);
		return;
	}
	lost_downstream(loss->edge, txn);
}

void forward_connection_lost(struct edge *edge, uint64_t cid)
{
	struct loss loss = {edge, cid};

	txn_for_connection(&edge->txns, cid, on_loss, &loss);
}
