/*
 * Requests on their way: the order of steps, transactions, and sending.
 * What a request looks like when it leaves is prepare.c's; what happens
 * when time runs out is expire.c's.
 */
#include "access-edge/forward.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "access-edge/admit.h"
#include "access-edge/answer.h"
#include "access-edge/prepare.h"
#include "access-edge/route.h"
#include "access-edge/send.h"
#include "access-edge/trust.h"
#include "access-edge/who.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/sip/sip_edit.h"

/* ---- what decisions ask of the world ------------------------------------- */

static const struct addr *client_at(const void *arg, uint64_t cid)
{
	const struct edge *edge = arg;
	const struct session *s = session_find(&edge->sessions, cid);

	if (s == NULL || s->origin.role != ORIGIN_CLIENT)
		return NULL;
	return &s->origin.remote;
}

static const char *server_at(const void *arg, const struct addr *a)
{
	const struct edge *edge = arg;

	return peer_server_at(edge->peers, a);
}

static struct route_in route_input(const struct edge *edge,
	const struct session *s)
{
	return (struct route_in){
		.policy = &edge->policy,
		.keys = &edge->flow_keys,
		.from = &s->origin,
		.now = wall_now(),
		.world = {client_at, server_at, edge},
	};
}

/* ---- the steps ----------------------------------------------------------- */

static bool has_txn(const struct sip_msg *m)
{
	return m->method_id != SIP_ACK && m->method_id != SIP_BENOTIFY;
}

static void note_facts(struct txn *txn, struct edge *edge,
	const struct session *s, struct sip_msg *m)
{
	struct str keep = sip_msg_header(m, "ms-keep-alive");
	struct str role = {keep.p, str_find(keep, ';')};
	struct str value;

	txn->owner = edge;
	txn->is_from_client = s->origin.role == ORIGIN_CLIENT;
	txn->has_credentials = who_has_credentials(m);
	txn->has_keep_alive = str_ieq_z(str_trim(role), "UAC") &&
		sip_param_find(sip_params_of(keep), "hop-hop", &value) &&
		str_ieq_z(value, "yes");
	txn->is_outbound = m->method_id == SIP_REGISTER &&
		contact_is_outbound(m);
	who_of(who_owns(m), txn->user, sizeof(txn->user));
	txn->logon = who_logs_on(edge, s, m);
}

/* Edit, print and send a request that may go. */
static void send_on(struct edge *edge, struct session *s,
	struct sip_msg *m, const struct route *to, uint64_t loop_hash)
{
	struct prepare pr = {
		.policy = &edge->policy,
		.keys = &edge->flow_keys,
		.from = &s->origin,
		.route = to,
	};
	struct verdict v;
	struct txn *txn = NULL;
	char room[256];
	char *text = NULL;
	size_t len = 0;
	int err = 0;

	pr.is_verified = session_is_user(s, who_of(&m->from, room,
		sizeof(room))) || (edge->policy.verified_before_sign_in &&
		!anonymous_is_sender(m));
	branch_make(loop_hash, pr.branch);
	if (has_txn(m)) {
		err = txn_new(&txn, &edge->txns, m, s->origin.cid,
			pr.branch, loop_now(edge->loop));
		if (err == 0)
			note_facts(txn, edge, s, m);
	}
	v = err == 0 ? prepare_request(m, &pr) :
		verdict_answer(500, DIAG_NONE, "no memory");
	if (v.kind == VERDICT_PASS && txn != NULL && txn->is_invite &&
		txn_keep_sent(txn, m) != 0)
		v = verdict_answer(500, DIAG_NONE, "no memory");
	if (v.kind == VERDICT_PASS && sip_msg_print(m, &text, &len) != 0)
		v = verdict_answer(500, DIAG_NONE, "no memory");
	if (v.kind != VERDICT_PASS) {
		answer_verdict(edge, s, m, &v);
		txn_free(txn);
		return;
	}
	if (txn != NULL)
		send_request(edge, txn, m, to, text, len);
	else
		send_stray(edge, m, to, text, len);
}

static void on_cancel(struct edge *edge, struct session *s,
	struct sip_msg *m, struct txn *txn)
{
	struct verdict v = verdict_answer(200, DIAG_NONE, "");

	if (txn == NULL || !txn->is_invite)
		v = verdict_answer(481, DIAG_NONE,
			"CANCEL of no transaction");
	answer_verdict(edge, s, m, &v);
	if (v.status != 200 || txn->state > TXN_PROCEEDING)
		return;
	txn->is_cancelled = true;
	if (txn->state == TXN_CONNECTING) {
		v = verdict_answer(487, DIAG_NONE, "cancelled");
		forward_fail(edge, txn, &v);
	} else if (txn->state == TXN_PROCEEDING) {
		forward_cancel(edge, txn);
	}
}

void forward_cancel(struct edge *edge, struct txn *txn)
{
	struct session *to = session_find(&edge->sessions, txn->to_cid);
	char *text = NULL;
	size_t len = 0;

	if (txn->is_cancel_sent)
		return;
	txn->is_cancel_sent = true;
	/* RFC 3261 section 9.1: an answer comes within 64*T1, or never. */
	txn_set_state(txn, txn->state, mono_after_ms(loop_now(edge->loop),
		(int64_t)edge->policy.transaction_s * 1000));
	if (to != NULL && txn_make_cancel(txn, &text, &len) == 0) {
		trace_text(&edge->trace, to, text, len);
		session_send(to, text, len);
	}
	free(text);
}

/* True when the request belongs to a transaction that is there. */
static bool is_known(struct edge *edge, struct session *s,
	struct sip_msg *m)
{
	uint8_t key[DIGEST_SHA256_LEN];
	struct txn *txn;

	txn_key(m, s->origin.cid, key);
	txn = txn_find_key(&edge->txns, key);
	if (m->method_id == SIP_CANCEL) {
		on_cancel(edge, s, m, txn);
		return true;
	}
	if (txn == NULL)
		return false;
	if (m->method_id != SIP_ACK)
		return true; /* a stream repeats nothing: drop it */
	if (txn->state == TXN_ACCEPTED)
		return false; /* the ACK of a 2xx goes its own way */
	if (txn->state == TXN_COMPLETED)
		txn_free(txn);
	return true;
}

/* Of somebody without an account; what it begins is counted last, when
 * nothing else stands against it. */
static struct verdict decide_anonymous(struct edge *edge, struct session *s,
	struct sip_msg *m, bool in_own_dialog)
{
	const struct anonymous_in in = {&edge->policy, &s->anonymous,
		in_own_dialog};
	struct verdict v = anonymous_check(m, &in);
	uint64_t dialog = map_hash(&edge->txns.by_key, m->call_id.p,
		m->call_id.n) ^ map_hash(&edge->txns.by_branch,
		m->from_tag.p, m->from_tag.n);

	if (v.kind == VERDICT_PASS &&
		anonymous_is_new_dialog(&s->anonymous, m, dialog) &&
		!limit_take(edge->anonymous, &s->origin.remote,
			loop_now(edge->loop))) {
		v = verdict_by("anonymous_dialogs_per_minute", 503,
			DIAG_NO_ROUTE_NOW,
			"too many dialogs of people without an account");
		v.rule = "anonymous.rate";
		v.field = "Retry-After";
		snprintf(v.field_value, sizeof(v.field_value), "60");
	}
	if (v.kind == VERDICT_PASS)
		anonymous_note(&s->anonymous, m, dialog);
	return v;
}

static struct verdict decide(struct edge *edge, struct session *s,
	struct sip_msg *m, uint64_t loop_hash, struct route *to)
{
	struct mono now = loop_now(edge->loop);
	struct admit a = {
		.policy = &edge->policy,
		.from = &s->origin,
		.is_in_rate = s->origin.role == ORIGIN_INTERNAL ||
			bucket_take(&s->bucket, now),
		.is_crowded = has_txn(m) && txn_is_full(&edge->txns,
			s->origin.cid, s->origin.role == ORIGIN_CLIENT),
		.is_overloaded = edge->is_overloaded,
		.is_loop = branch_is_loop(m, loop_hash, &edge->policy),
	};
	struct route_in in = route_input(edge, s);
	struct verdict v;

	if (s->origin.role == ORIGIN_PARTNER)
		return verdict_answer(504, DIAG_NONE, "no such partner");
	a.is_blocked = who_is_blocked(edge, s, m);
	v = admit_request(m, &a);
	if (v.kind != VERDICT_PASS) {
		if (a.is_blocked && v.status == 403)
			counter_add(edge->counters, COUNTER_LOGON_BLOCKED,
				1);
		return v;
	}
	if (route_repair(m, &edge->policy) != 0)
		return verdict_answer(400, DIAG_UNREADABLE,
			"a Route can't be read");
	v = route_decide(m, &in, to);
	if (v.kind == VERDICT_PASS && s->origin.role == ORIGIN_CLIENT &&
		anonymous_is_sender(m))
		return decide_anonymous(edge, s, m, to->in_own_dialog);
	if (v.rule == NULL)
		v.rule = "route";
	return v;
}

/* NEGOTIATE is for us alone and is always declined: clients go on without
 * compression ([MS-SIPCOMP]). */
static void refuse_compression(struct edge *edge, struct session *s,
	struct sip_msg *m)
{
	struct verdict v = verdict_answer(488, DIAG_NONE, "NEGOTIATE");

	v.reason = "Compression algorithm refused";
	if (sip_msg_via(m, 0, &m->via) == 0 && sip_mark_received(m,
		&s->origin.remote, s->origin.cid_text) != 0)
		return;
	answer_verdict(edge, s, m, &v);
}

void forward_request(struct edge *edge, struct session *s,
	struct sip_msg *m)
{
	const struct trust_peer peer = {.policy = &edge->policy};
	bool is_client = s->origin.role == ORIGIN_CLIENT;
	uint64_t loop_hash;
	struct route to;
	struct verdict v;
	int gone;

	counter_add(edge->counters, is_client ? COUNTER_REQUESTS_CLIENT :
		COUNTER_REQUESTS_INTERNAL, 1);
	if (s->origin.requests < UINT32_MAX)
		s->origin.requests++;
	trace_message(&edge->trace, s, TRACE_IN, m);
	if (m->method_id == SIP_NEGOTIATE) {
		refuse_compression(edge, s, m);
		return;
	}
	loop_hash = branch_loop_hash(m, &edge->branch_key);
	if (sip_mark_received(m, &s->origin.remote, s->origin.cid_text) !=
		0)
		return;
	if (is_known(edge, s, m))
		return;
	gone = is_client ? trust_strip(m, TRUST_FROM_CLIENT, &peer) : 0;
	if (gone < 0)
		return;
	counter_add(edge->counters, COUNTER_TRUST_STRIPPED, (uint64_t)gone);
	v = decide(edge, s, m, loop_hash, &to);
	if (v.kind == VERDICT_PASS)
		send_on(edge, s, m, &to, loop_hash);
	else
		answer_verdict(edge, s, m, &v);
}
