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
#include "access-edge/trust.h"
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

/* "alice@example.com", in lower case. */
static struct str user_of(const struct sip_addr *party, char *room,
	size_t cap)
{
	const struct str user = party->uri.user, host = party->uri.host;
	int n = snprintf(room, cap, "%.*s@%.*s", (int)MIN(user.n, cap / 2),
		user.p != NULL ? user.p : "", (int)MIN(host.n, cap / 2 - 2),
		host.p != NULL ? host.p : "");

	for (int i = 0; i < n; i++) {
		if (room[i] >= 'A' && room[i] <= 'Z')
			room[i] = (char)(room[i] | 0x20);
	}
	return (struct str){room, (size_t)n};
}

/* ---- sending ------------------------------------------------------------- */

static void hand_over(struct edge *edge, struct session *to,
	const char *text, size_t len)
{
	trace_text(&edge->trace, to, text, len);
	if (session_send(to, text, len) == 0) {
		counter_add(edge->counters, COUNTER_REQUESTS_FORWARDED, 1);
		peer_on_sent(edge->peers, to);
	}
}

/* What the transaction holds goes out on this connection. */
static void txn_send(struct edge *edge, struct txn *txn, struct session *to)
{
	const struct policy *p = &edge->policy;

	if (session_is_congested(to)) {
		forward_fail(edge, txn, 504, DIAG_NO_ROUTE_NOW,
			"the next hop takes less than it is sent");
		return;
	}
	if (txn_aim(txn, to->origin.cid) != 0) {
		forward_fail(edge, txn, 500, DIAG_NONE, "no memory");
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

	if (via == NULL) {
		forward_fail(edge, txn, 504, DIAG_CONNECT, detail);
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
	struct edge *edge;
	char *text; /* owned */
	size_t len;
};

static void stray_free(struct stray *stray)
{
	list_remove(&stray->node);
	stray->edge->stray_count--;
	peer_cancel(&stray->wait);
	free(stray->text);
	free(stray);
}

void forward_free_strays(struct edge *edge)
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
	struct str user = user_of(&m->from, room, sizeof(room));

	w->hash = map_hash(&edge->txns.by_key, user.p, user.n);
	if (to->to == ROUTE_TO_SERVER) {
		memcpy(w->server, to->server, sizeof(w->server));
		w->port = to->port;
	}
}

/* ACK and BENOTIFY: sent and forgotten. text is taken. */
static void send_stray(struct edge *edge, const struct sip_msg *m,
	const struct route *to, char *text, size_t len)
{
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
	aim(&stray->wait, edge, m, to);
	now = peer_request(edge->peers, &stray->wait);
	if (now != NULL)
		on_stray_server(&stray->wait, now, "");
}

/* text is taken. */
static void send_txn(struct edge *edge, struct txn *txn,
	const struct sip_msg *m, const struct route *to, char *text,
	size_t len)
{
	struct session *now;

	txn_hold(txn, text, len);
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
		forward_fail(edge, txn, edge->policy.flow_failed_code,
			DIAG_CLIENT_CONNECTION, NULL);
		return;
	}
	on_server(&txn->wait, now, "");
}

/* ---- the steps ----------------------------------------------------------- */

static bool has_txn(const struct sip_msg *m)
{
	return m->method_id != SIP_ACK && m->method_id != SIP_BENOTIFY;
}

/* Whose sign-in a request belongs to: that of REGISTER is To's, whoever it
 * says that it is from. */
static const struct sip_addr *owner_of(const struct sip_msg *m)
{
	return m->method_id == SIP_REGISTER ? &m->to : &m->from;
}

static bool has_credentials(const struct sip_msg *m)
{
	return sip_msg_has_header(m, "Authorization") ||
		sip_msg_has_header(m, "Proxy-Authorization");
}

/* The account that the credentials name (Digest): a password can be tried
 * for it under any From and To. */
static struct str login_of(const struct sip_msg *m)
{
	static const char name[] = "username=\"";
	struct str s = sip_msg_header(m, "Authorization");

	if (str_is_empty(s))
		s = sip_msg_header(m, "Proxy-Authorization");
	for (; s.n > 0; s = str_skip(s, 1)) {
		if (!str_istarts(s, name))
			continue;
		s = str_skip(s, sizeof(name) - 1);
		return (struct str){s.p, MIN(str_find(s, '"'),
			str_find(s, '@'))};
	}
	return s;
}

static struct logon_id logon_of(const struct edge *edge,
	const struct session *s, const struct sip_msg *m)
{
	char room[256];

	return logon_id_of(edge->logon, &s->origin.remote,
		user_of(owner_of(m), room, sizeof(room)), login_of(m));
}

static bool is_blocked(const struct edge *edge, const struct session *s,
	const struct sip_msg *m)
{
	struct logon_id id;
	char room[256];

	if (s->origin.role != ORIGIN_CLIENT)
		return false;
	if (m->method_id != SIP_REGISTER && (!has_credentials(m) ||
		session_is_user(s, user_of(&m->from, room, sizeof(room)))))
		return false;
	id = logon_of(edge, s, m);
	return logon_is_blocked(edge->logon, &id, loop_now(edge->loop));
}

static void note_facts(struct txn *txn, struct edge *edge,
	const struct session *s, struct sip_msg *m)
{
	struct str keep = sip_msg_header(m, "ms-keep-alive");
	struct str role = {keep.p, str_find(keep, ';')};
	struct str value;

	txn->owner = edge;
	txn->is_from_client = s->origin.role == ORIGIN_CLIENT;
	txn->has_credentials = has_credentials(m);
	txn->has_keep_alive = str_ieq_z(str_trim(role), "UAC") &&
		sip_param_find(sip_params_of(keep), "hop-hop", &value) &&
		str_ieq_z(value, "yes");
	txn->is_outbound = m->method_id == SIP_REGISTER &&
		contact_is_outbound(m);
	user_of(owner_of(m), txn->user, sizeof(txn->user));
	txn->logon = logon_of(edge, s, m);
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

	pr.is_verified = session_is_user(s, user_of(&m->from, room,
		sizeof(room)));
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
		send_txn(edge, txn, m, to, text, len);
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
		forward_fail(edge, txn, 487, DIAG_NONE, NULL);
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
	a.is_blocked = is_blocked(edge, s, m);
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
	return route_decide(m, &in, to);
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
	bool is_client = s->origin.role == ORIGIN_CLIENT;
	uint64_t loop_hash;
	struct route to;
	struct verdict v;

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
	if (is_client)
		counter_add(edge->counters, COUNTER_TRUST_STRIPPED,
			trust_strip(m, TRUST_FROM_CLIENT));
	v = decide(edge, s, m, loop_hash, &to);
	if (v.kind == VERDICT_PASS)
		send_on(edge, s, m, &to, loop_hash);
	else
		answer_verdict(edge, s, m, &v);
}
