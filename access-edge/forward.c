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
#include "access-edge/hide.h"
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

static const char *partner_at(const void *arg, uint64_t cid)
{
	const struct edge *edge = arg;
	const struct session *s = session_find(&edge->sessions, cid);

	if (s == NULL || s->origin.role != ORIGIN_PARTNER)
		return NULL;
	return s->origin.peer_name;
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
		.world = {client_at, partner_at, server_at, edge},
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
	txn->from_role = s->origin.role;
	txn->has_credentials = who_has_credentials(m);
	txn->has_keep_alive = str_ieq_z(str_trim(role), "UAC") &&
		sip_param_find(sip_params_of(keep), "hop-hop", &value) &&
		str_ieq_z(value, "yes");
	txn->is_outbound = m->method_id == SIP_REGISTER &&
		contact_is_outbound(m);
	who_of(who_owns(m), txn->user, sizeof(txn->user));
	txn->logon = who_logs_on(edge, s, m);
}

static enum access_edge_counter received_counter(const struct session *s)
{
	switch (s->origin.role) {
	case ORIGIN_CLIENT:
		return COUNTER_REQUESTS_CLIENT;
	case ORIGIN_PARTNER:
		return COUNTER_REQUESTS_PARTNER;
	case ORIGIN_INTERNAL:
		break;
	}
	return COUNTER_REQUESTS_INTERNAL;
}

/* The other organisation on its way, or NULL when there is none. */
static const struct partner *partner_of(const struct session *s,
	const struct passage *way)
{
	return s->origin.role == ORIGIN_PARTNER ||
		way->to.to == ROUTE_TO_PARTNER ? &way->plan.partner : NULL;
}

/* Edit, print and send a request that may go. */
static void send_on(struct edge *edge, struct session *s,
	struct sip_msg *m, const struct passage *way)
{
	const struct route *to = &way->to;
	struct prepare pr = {
		.policy = &edge->policy,
		.keys = &edge->flow_keys,
		.from = &s->origin,
		.route = to,
		.partner = partner_of(s, way),
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
	branch_make(way->loop_hash, pr.branch);
	if (has_txn(m)) {
		err = txn_new(&txn, &edge->txns, m, &(struct txn_begin){
			s->origin.cid, way->key, pr.branch,
			loop_now(edge->loop)});
		if (err == 0)
			note_facts(txn, edge, s, m);
		if (err == 0 && pr.partner != NULL)
			err = txn_set_partner(txn, pr.partner);
	}
	v = err == 0 ? prepare_request(m, &pr) : verdict_no_memory();
	if (v.kind == VERDICT_PASS && txn != NULL && txn->is_invite &&
		txn_keep_sent(txn, m) != 0)
		v = verdict_no_memory();
	if (v.kind == VERDICT_PASS && sip_msg_print(m, &text, &len) != 0)
		v = verdict_no_memory();
	if (v.kind != VERDICT_PASS) {
		answer_verdict(edge, s, m, &v);
		txn_free(txn);
		return;
	}
	if (txn != NULL)
		send_request(edge, txn, m, way, text, len);
	else
		send_stray(edge, m, way, text, len);
}

/* Nothing is answered to whom we do not know, not even OPTIONS. */
static bool is_stranger(const struct session *s, const struct passage *way)
{
	return s->origin.role == ORIGIN_PARTNER &&
		federate_is_stranger(&way->plan);
}

static void on_cancel(struct edge *edge, struct session *s,
	struct sip_msg *m, struct txn *txn, const struct passage *way)
{
	struct verdict v = verdict_answer(200, DIAG_NONE, "");

	/* What was let in before may be ended, whoever he is by now. */
	if (txn == NULL && is_stranger(s, way))
		v = way->plan.verdict;
	else if (txn == NULL || !txn->is_invite)
		v = verdict_rule(verdict_answer(481, DIAG_NONE,
			"CANCEL of no transaction"), "cancel");
	answer_verdict(edge, s, m, &v);
	if (v.status != 200 || txn->state > TXN_PROCEEDING)
		return;
	txn->is_cancelled = true;
	if (txn->state == TXN_CONNECTING) {
		v = verdict_rule(verdict_answer(487, DIAG_NONE, "cancelled"),
			"cancel");
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
	struct sip_msg *m, const struct passage *way)
{
	struct txn *txn = txn_find_key(&edge->txns, way->key);

	if (m->method_id == SIP_CANCEL) {
		on_cancel(edge, s, m, txn, way);
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

/* Of what goes to another organisation: whether and to whom. */
static struct verdict decide_outbound(struct edge *edge,
	const struct sip_msg *m, struct passage *way)
{
	const struct federate_out out = {
		.policy = &edge->policy,
		.domain = way->to.is_in_dialog ? m->to.uri.host :
			m->uri.host,
		.server = str_of(way->to.server),
		.server_port = way->to.port,
		.is_in_dialog = way->to.is_in_dialog,
		.srv = discover_find(edge->federation->discover,
			way->to.is_in_dialog ? m->to.uri.host : m->uri.host),
		.method = m->method,
	};

	federate_outbound(&out, &way->plan);
	if (way->plan.result != FEDERATE_REFUSED)
		return verdict_pass();
	decisions_note(&edge->federation->decisions, DECISION_OUT,
		&way->plan, way->plan.verdict.status, m->call_id, wall_now());
	return way->plan.verdict;
}

/* Other organisations learn nothing from how they are refused. */
static struct verdict hide(const struct session *s, struct verdict v)
{
	if (s->origin.role == ORIGIN_PARTNER && v.kind == VERDICT_ANSWER &&
		(v.status == 403 || v.status == 404) && v.diag != DIAG_METHOD)
		v.status = 504;
	return v;
}

static struct verdict decide(struct edge *edge, struct session *s,
	struct sip_msg *m, struct passage *way)
{
	struct route *to = &way->to;
	struct mono now = loop_now(edge->loop);
	struct admit a = {
		.policy = &edge->policy,
		.from = &s->origin,
		.is_in_rate = s->origin.role != ORIGIN_CLIENT ||
			bucket_take(&s->bucket, now),
		.full_by = has_txn(m) ? txn_full_by(&edge->txns,
			s->origin.cid, s->origin.role) : NULL,
		.load = edge->load.level,
		.load_setting = load_setting(&edge->load),
		.is_loop = branch_is_loop(m, way->loop_hash, &edge->policy),
	};
	struct route_in in = route_input(edge, s);
	struct verdict v;

	if (is_stranger(s, way))
		return way->plan.verdict;
	a.is_blocked = who_is_blocked(edge, s, m);
	v = admit_request(m, &a);
	if (v.kind != VERDICT_PASS) {
		if (a.is_blocked && v.status == 403)
			counter_add(edge->counters, COUNTER_LOGON_BLOCKED,
				1);
		return v;
	}
	if (s->origin.role == ORIGIN_PARTNER &&
		way->plan.result == FEDERATE_REFUSED)
		return way->plan.verdict;
	if (s->origin.role == ORIGIN_PARTNER && hide_show_request(m,
		&(struct hide){&edge->policy, &edge->flow_keys,
			wall_now()}) != 0)
		return verdict_rule(verdict_by("hide_record_routes", 400,
			DIAG_UNREADABLE, "hidden Routes can't be shown"),
			"hide");
	/* Of partners the Request-URI has been judged already. */
	if ((s->origin.role != ORIGIN_PARTNER || way->is_in_dialog) &&
		route_repair(m, &edge->policy) != 0)
		return verdict_rule(verdict_answer(400, DIAG_UNREADABLE,
			"a Route can't be read"), "route");
	v = route_decide(m, &in, to);
	if (v.kind == VERDICT_PASS && s->origin.role == ORIGIN_CLIENT &&
		anonymous_is_sender(m))
		return decide_anonymous(edge, s, m, to->in_own_dialog);
	if (v.kind == VERDICT_PASS && to->to == ROUTE_TO_PARTNER)
		v = decide_outbound(edge, m, way);
	if (v.rule == NULL)
		v.rule = "route";
	return hide(s, v);
}

/* NEGOTIATE is for us alone and is always declined: clients go on without
 * compression ([MS-SIPCOMP]). */
static void refuse_compression(struct edge *edge, struct session *s,
	struct sip_msg *m)
{
	struct verdict v = verdict_rule(verdict_answer(488, DIAG_NONE,
		"NEGOTIATE"), "compression");

	v.reason = "Compression algorithm refused";
	session_waste(s);
	if (sip_msg_via(m, 0, &m->via) == 0 && sip_mark_received(m,
		&s->origin.remote, s->origin.cid_text) != 0)
		return;
	answer_verdict(edge, s, m, &v);
}

/* False: not yet. */
static bool take_partner(struct edge *edge, struct session *s,
	struct sip_msg *m, struct passage *way)
{
	const struct route_in in = route_input(edge, s);

	way->is_in_dialog = route_is_in_dialog(m, &in);
	return federation_take(edge->federation, s, m, way->is_in_dialog,
		&way->plan);
}

void forward_request(struct edge *edge, struct session *s,
	struct sip_msg *m)
{
	const struct trust_peer peer = {.policy = &edge->policy};
	bool is_client = s->origin.role == ORIGIN_CLIENT;
	struct passage way;
	struct verdict v;
	int gone;

	way.is_in_dialog = false;
	/* NEGOTIATE comes before anybody speaks for a domain. */
	if (s->origin.role == ORIGIN_PARTNER &&
		m->method_id != SIP_NEGOTIATE &&
		!take_partner(edge, s, m, &way))
		return; /* it comes again */
	counter_add(edge->counters, received_counter(s), 1);
	if (s->origin.requests < UINT32_MAX)
		s->origin.requests++;
	trace_message(&edge->trace, s, TRACE_IN, m);
	if (m->method_id == SIP_NEGOTIATE) {
		refuse_compression(edge, s, m);
		return;
	}
	way.loop_hash = branch_loop_hash(m, &edge->branch_key);
	if (sip_mark_received(m, &s->origin.remote, s->origin.cid_text) !=
		0)
		return;
	txn_key(m, s->origin.cid, way.key);
	if (is_known(edge, s, m, &way))
		return;
	gone = is_client ? trust_strip(m, TRUST_FROM_CLIENT, &peer) : 0;
	if (gone < 0)
		return;
	counter_add(edge->counters, COUNTER_TRUST_STRIPPED, (uint64_t)gone);
	v = decide(edge, s, m, &way);
	if (v.kind == VERDICT_PASS)
		send_on(edge, s, m, &way);
	else
		answer_verdict(edge, s, m, &v);
}
