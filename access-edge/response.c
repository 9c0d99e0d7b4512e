/*
 * Responses on their way back. States are moved here; what a client must
 * find in a response is put in here; what is signed stays as it is.
 */
#include "access-edge/response.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "access-edge/answer.h"
#include "access-edge/contact.h"
#include "access-edge/forward.h"
#include "access-edge/hide.h"
#include "access-edge/partner_edit.h"
#include "access-edge/partner_test.h"
#include "access-edge/trust.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/netset.h"
#include "common/sip/sip_edit.h"

#define FLOW_TIMER_MAX_S 86400u
#define REDIRECTS_MAX    70
#define ANSWERS_MAX      32

/* ---- what a client must find --------------------------------------------- */

/* We are the first hop, so keep-alives are agreed with us ([MS-CONMGMT]
 * 3.4): our word replaces the server's. */
static int answer_keep_alive(struct edge *edge, const struct txn *txn,
	struct session *to, struct sip_msg *m)
{
	const struct policy *p = &edge->policy;
	char value[96];

	if (!txn->has_keep_alive || !p->white_space_keep_alive)
		return 0;
	snprintf(value, sizeof(value), "UAS; tcp=no; hop-hop=yes; "
		"end-end=no; timeout=%u", p->keep_alive_s);
	/* And a transaction's time of grace. */
	to->idle_setting = "keep_alive_timeout";
	stream_set_idle_ms(to->stream, (int64_t)(p->keep_alive_s + 32) *
		1000);
	return sip_set(m, "ms-keep-alive", str_of(value));
}

/*
 * RFC 5626 section 5.4. Only when the registrar took part: a client that is
 * told nothing of outbound sends no keep-alives, and must not be let go for
 * that. What the registrar asks for stands.
 */
static int add_flow_timer(struct edge *edge, const struct txn *txn,
	struct session *to, struct sip_msg *m)
{
	uint32_t seconds = edge->policy.flow_timer_s;
	char value[16];

	if (txn->method != SIP_REGISTER || m->status >= 300 ||
		!txn->is_outbound ||
		(!sip_msg_has_token(m, SIP_HEADER_REQUIRE, "outbound") &&
			!sip_msg_has_token(m, SIP_HEADER_SUPPORTED,
				"outbound")))
		return 0;
	if (str_to_u32(sip_msg_header(m, "Flow-Timer"), &seconds) != 0 ||
		seconds == 0 || seconds > FLOW_TIMER_MAX_S)
		seconds = edge->policy.flow_timer_s;
	to->is_outbound = true;
	to->idle_setting = "flow_timer";
	stream_set_idle_ms(to->stream, ((int64_t)seconds + 30) * 1000);
	if (sip_msg_has_header(m, "Flow-Timer"))
		return 0;
	snprintf(value, sizeof(value), "%u", seconds);
	return sip_set(m, "Flow-Timer", str_of(value));
}

/* RFC 6223: a bare ;keep in the client's Via is answered with a value. */
static int answer_keep(struct edge *edge, struct sip_msg *m)
{
	struct str via, value, out;
	char seconds[16];
	int err;

	if (!sip_msg_value(m, SIP_HEADER_VIA, 0, &via) ||
		!sip_param_find(sip_params_of(via), "keep", &value) ||
		value.n > 0)
		return 0;
	snprintf(seconds, sizeof(seconds), "%u", edge->policy.flow_timer_s);
	err = sip_param_set(m, via, "keep", seconds, &out);
	return err != 0 ? err : sip_replace(m, SIP_HEADER_VIA, 0, out);
}

static int edit_for_client(struct edge *edge, const struct txn *txn,
	struct session *to, struct sip_msg *m)
{
	const struct trust_peer peer = {.policy = &edge->policy};
	int err;

	err = trust_strip(m, TRUST_TO_CLIENT, &peer);
	if (err < 0)
		return err;
	err = 0;
	if (!sip_msg_has_header(m, "ms-user-logon-data"))
		err = sip_add_first(m, "ms-user-logon-data",
			STR_LIT("RemoteUser"));
	if (err == 0)
		err = answer_keep_alive(edge, txn, to, m);
	if (err == 0)
		err = add_flow_timer(edge, txn, to, m);
	if (err == 0)
		err = answer_keep(edge, m);
	return err;
}

/* The request as it came, for as long as the caller needs it. */
static struct sip_msg *request_of(const struct txn *txn)
{
	struct sip_msg *asked = NULL;
	struct sip_fault fault;

	if (sip_msg_parse(&asked, (struct str){txn->received,
		txn->received_len}, &fault) == 0)
		return asked;
	sip_msg_free(asked);
	return NULL;
}

/* Where servers inside send a response on to is in its Vias: they get back
 * those that they wrote, not what a client has made of them. */
static int restore_vias(const struct txn *txn, struct sip_msg *m)
{
	struct sip_msg *asked = request_of(txn);
	int err = asked == NULL ? -ENOMEM :
		sip_take_lines(m, asked, SIP_HEADER_VIA);

	sip_msg_free(asked);
	return err;
}

static int edit_for_inside(struct edge *edge, const struct session *from,
	struct sip_msg *m)
{
	const struct trust_peer peer = {.policy = &edge->policy};
	const struct trust_mark mark = {
		.source = TRUST_INTERNET_USER,
		.is_verified = from->user[0] != '\0',
	};
	int err = trust_strip(m, TRUST_FROM_CLIENT, &peer);

	if (err < 0)
		return err;
	counter_add(edge->counters, COUNTER_TRUST_STRIPPED, (uint64_t)err);
	err = trust_put(m, &edge->policy, &mark);
	if (err == 0)
		err = contact_replace(m, &from->origin, false);
	return err;
}

/* ---- signing in ---------------------------------------------------------- */

/* A sign-in in several steps (NTLM, TLS-DSK), or a nonce that grew old:
 * nothing has failed. */
static bool is_next_step(const struct sip_msg *m)
{
	for (size_t i = 0; i < m->line_count; i++) {
		struct str v = m->lines[i].value;

		if (!str_ieq_z(m->lines[i].name, "WWW-Authenticate") &&
			!str_ieq_z(m->lines[i].name, "Proxy-Authenticate"))
			continue;
		for (; v.n > 0; v = str_skip(v, 1)) {
			if (str_istarts(v, "gssapi-data=\"") ||
				str_istarts(v, "stale=true"))
				return true;
		}
	}
	return false;
}

/* A password that was not the right one, or a sign-in that is refused. A
 * challenge meets any request, so passwords could be tried with any. */
static bool is_failed_logon(const struct txn *txn, const struct session *to,
	const struct sip_msg *m)
{
	bool is_register = txn->method == SIP_REGISTER;

	if (is_register && m->status == 403)
		return true;
	if (!is_register && session_is_user(to, str_of(txn->user)))
		return false;
	return (m->status == 401 || m->status == 407) &&
		txn->has_credentials && !is_next_step(m);
}

static void note_logon(struct edge *edge, const struct txn *txn,
	struct session *to, const struct sip_msg *m)
{
	const struct policy *p = &edge->policy;
	struct mono now = loop_now(edge->loop);
	bool proves = txn->method == SIP_REGISTER ||
		txn->method == SIP_INVITE || txn->method == SIP_SUBSCRIBE;

	if (m->status >= 200 && m->status < 300 && proves) {
		/* Only a registrar vouches for who it is. */
		session_signed_in(to, p, str_of(txn->method ==
			SIP_REGISTER ? txn->user : ""));
		if (txn->method == SIP_REGISTER && txn->has_credentials)
			logon_succeeded(edge->logon, &txn->logon, now);
		return;
	}
	if (!is_failed_logon(txn, to, m))
		return;
	counter_add(edge->counters, COUNTER_LOGON_FAILURES, 1);
	log_limited(LOG_LEVEL_INFO, 60, "logon.failed",
		"session=%s user=%s status=%u", to->origin.cid_text,
		log_qz(txn->user), m->status);
	logon_failed(edge->logon, &txn->logon, p->failed_logon_limit,
		p->failed_logon_window_s, now);
}

/* ---- sending back -------------------------------------------------------- */

/* A redirect to a machine inside must not reach a client: it could not go
 * there and learns what it need not know. */
static bool is_inside_redirect(struct edge *edge, struct sip_msg *m)
{
	struct sip_addr c;

	if (m->status < 300 || m->status >= 400)
		return false;
	if (sip_msg_count(m, SIP_HEADER_CONTACT) > REDIRECTS_MAX)
		return true; /* nobody looks at all of them */
	for (size_t n = 0; sip_msg_addr(m, SIP_HEADER_CONTACT, n, &c) == 0;
		n++) {
		struct str host = c.uri.host;
		struct addr a;

		if (policy_trusts(&edge->policy, host))
			return true;
		if (host.n > 2 && host.p[0] == '[')
			host = (struct str){host.p + 1, host.n - 2};
		if (addr_parse(host, &a) == 0 && netset_special(&a) != NULL)
			return true;
	}
	return false;
}

/* A status that must not go up as it is: what goes instead, or 0. */
static unsigned replaced_status(struct edge *edge, const struct txn *txn,
	struct sip_msg *m)
{
	if (txn->from_role != ORIGIN_INTERNAL && is_inside_redirect(edge, m)) {
		log_warning("redirect.hidden", "call_id=%s",
			log_q(m->call_id));
		return 500;
	}
	if (m->status != 503)
		return 0;
	/* RFC 3261 section 16.7 step 6. What is signed can't be changed, and
	 * Retry-After speaks for the whole pool. */
	if (sip_msg_has_header(m, "Authentication-Info") ||
		sip_msg_has_header(m, "Retry-After"))
		return 0;
	return txn->from_role != ORIGIN_INTERNAL ? 504 : 500;
}

/* Between inside and a partner, either way. */
static int edit_for_partner(struct edge *edge, const struct txn *txn,
	struct sip_msg *m)
{
	const struct hide hide = {&edge->policy, &edge->flow_keys,
		wall_now()};
	int gone = txn->from_role == ORIGIN_PARTNER ?
		partner_edit_out(m, &edge->policy, txn->partner) :
		partner_edit_in(m, &edge->policy, txn->partner);

	if (gone < 0)
		return gone;
	counter_add(edge->counters, COUNTER_TRUST_STRIPPED, (uint64_t)gone);
	return txn->from_role == ORIGIN_PARTNER ? hide_response(m, &hide) :
		hide_show_response(m, &hide);
}

/* How often a partner's recipients do not exist is held against it. */
static void note_answer(struct edge *edge, const struct txn *txn,
	const struct session *to, const struct sip_msg *m)
{
	struct sip_msg *asked;

	if (txn->from_role != ORIGIN_PARTNER || m->status < 200)
		return;
	asked = request_of(txn);
	if (asked != NULL)
		federation_answered(edge->federation, to, asked, m);
	sip_msg_free(asked);
}

/* Whoever asked has hung up. A connection is the only way back: nobody is
 * dialled to be answered (RFC 3261 section 16.9: drop it, and let the other
 * side be). */
static void undelivered(struct edge *edge, const struct txn *txn,
	const struct sip_msg *m)
{
	counter_add(edge->counters, COUNTER_RESPONSES_DROPPED, 1);
	log_limited(LOG_LEVEL_INFO, 60, "response.undelivered",
		"session=%016" PRIX64 " peer=%s call_id=%s status=%u",
		txn->from_cid, origin_role_name(txn->from_role),
		log_qz(txn->call_id), m->status);
}

static void send_back(struct edge *edge, struct txn *txn,
	const struct session *from, struct sip_msg *m)
{
	struct session *to = session_find(&edge->sessions, txn->from_cid);
	unsigned instead = replaced_status(edge, txn, m);
	struct verdict v;
	char *text = NULL;
	size_t len = 0;
	int err;

	if (to == NULL) {
		undelivered(edge, txn, m);
		return;
	}
	if (instead != 0) {
		v = verdict_rule(verdict_answer(instead, instead == 504 ?
			DIAG_NO_ROUTE_NOW : DIAG_NONE,
			"an answer that can't go on as it is"), "answer");
		answer_txn(edge, txn, &v);
		return;
	}
	note_answer(edge, txn, to, m);
	err = txn->from_role != ORIGIN_INTERNAL ?
		sip_pop(m, SIP_HEADER_VIA) : restore_vias(txn, m);
	if (err == 0 && to->origin.role == ORIGIN_CLIENT) {
		note_logon(edge, txn, to, m);
		err = edit_for_client(edge, txn, to, m);
	} else if (err == 0 && txn->partner != NULL) {
		err = edit_for_partner(edge, txn, m);
	} else if (err == 0) {
		err = edit_for_inside(edge, from, m);
	}
	if (err == 0)
		err = sip_msg_print(m, &text, &len);
	if (err != 0 || session_send(to, text, len) != 0) {
		counter_add(edge->counters, COUNTER_RESPONSES_DROPPED, 1);
	} else {
		trace_message(&edge->trace, to, TRACE_OUT, m);
		counter_add(edge->counters, COUNTER_RESPONSES_FORWARDED, 1);
	}
	free(text);
}

/* ---- states -------------------------------------------------------------- */

static struct mono after_s(const struct edge *edge, uint32_t s)
{
	return mono_after_ms(loop_now(edge->loop), (int64_t)s * 1000);
}

static void on_provisional(struct edge *edge, struct txn *txn,
	const struct session *from, struct sip_msg *m)
{
	const struct policy *p = &edge->policy;

	if (txn->state > TXN_PROCEEDING)
		return; /* too late */
	if (txn->state == TXN_CALLING || m->status > 100) {
		/* Timer C begins, and begins again with 101 to 199. */
		if (txn->is_invite && !txn->is_cancel_sent)
			txn_set_state(txn, TXN_PROCEEDING,
				after_s(edge, p->invite_s));
		else
			txn_set_state(txn, TXN_PROCEEDING, txn->deadline);
	}
	if (txn->is_cancelled)
		forward_cancel(edge, txn);
	if (m->status == 100)
		return;
	txn_stop_trying(txn);
	send_back(edge, txn, from, m);
}

static void acknowledge(struct edge *edge, const struct txn *txn,
	struct session *from, const struct sip_msg *m)
{
	char *text = NULL;
	size_t len = 0;

	if (txn_make_ack(txn, m, &text, &len) == 0) {
		trace_text(&edge->trace, from, text, len);
		session_send(from, text, len);
	}
	free(text);
}

static void on_invite_final(struct edge *edge, struct txn *txn,
	struct session *from, struct sip_msg *m)
{
	bool is_first = txn->state <= TXN_PROCEEDING;
	bool is_ok = m->status < 300;

	txn_stop_trying(txn);
	if (!is_ok)
		acknowledge(edge, txn, from, m);
	if (is_first)
		txn_set_state(txn, is_ok ? TXN_ACCEPTED : TXN_COMPLETED,
			after_s(edge, edge->policy.transaction_s));
	/* Several 2xx may come, and all go up (RFC 6026). */
	if (is_first || is_ok)
		send_back(edge, txn, from, m);
}

/* A response must come from where the request went: from that very
 * connection, or from inside when it went inside (RFC 3261 18.2.2 lets a
 * server open another one). */
static bool may_answer(const struct session *s, const struct txn *txn)
{
	if (s->origin.cid == txn->to_cid)
		return true;
	return txn->to_cid != 0 && txn->to_role == ORIGIN_INTERNAL &&
		s->origin.role == ORIGIN_INTERNAL;
}

/* Whoever outside knows our branch may answer that request and no other. */
static bool is_answer_to(const struct txn *txn, const struct sip_msg *m)
{
	struct sip_msg *asked = request_of(txn);
	bool is = asked != NULL && m->cseq == asked->cseq &&
		str_eq(m->call_id, asked->call_id) &&
		str_eq(m->from_tag, asked->from_tag) &&
		(asked->to_tag.n == 0 || str_eq(m->to_tag, asked->to_tag));

	sip_msg_free(asked);
	return is;
}

static void drop(struct edge *edge, struct session *s,
	const struct sip_msg *m, const char *cause)
{
	counter_add(edge->counters, COUNTER_RESPONSES_DROPPED, 1);
	session_waste(s);
	log_debug("response.dropped", "session=%s status=%u cause=%s "
		"call_id=%s", s->origin.cid_text, m->status, log_qz(cause),
		log_q(m->call_id));
}

void response_forward(struct edge *edge, struct session *s,
	struct sip_msg *m)
{
	struct txn *txn;

	trace_message(&edge->trace, s, TRACE_IN, m);
	if (peer_on_response(edge->peers, s, m) ||
		partner_test_on_response(edge, s, m))
		return;
	txn = txn_find_branch(&edge->txns, m->via.branch);
	if (txn == NULL || !may_answer(s, txn)) {
		drop(edge, s, m, "no transaction");
		return;
	}
	/* One that was asked may not answer without end. */
	if (++txn->answers > ANSWERS_MAX)
		session_waste(s);
	if (m->method_id == SIP_CANCEL)
		return; /* the answer to our CANCEL says nothing new */
	if (m->method_id != txn->method) {
		drop(edge, s, m, "another method");
		return;
	}
	if (s->origin.role != ORIGIN_INTERNAL && !is_answer_to(txn, m)) {
		drop(edge, s, m, "another request");
		return;
	}
	if (m->status < 200) {
		on_provisional(edge, txn, s, m);
	} else if (txn->is_invite) {
		on_invite_final(edge, txn, s, m);
	} else {
		/* RFC 4320 section 4.2: a late 408 helps nobody. */
		if (m->status != 408)
			send_back(edge, txn, s, m);
		txn_free(txn);
	}
}
