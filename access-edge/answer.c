/*
 * Answers of the edge's own. Inside gets diagnostics in full and the mark
 * that the edge made them; a client gets number and reason only.
 */
#include "access-edge/answer.h"

#include <errno.h>
#include <stdlib.h>

#include "access-edge/report.h"
#include "access-edge/trust.h"
#include "common/base/err.h"
#include "common/sip/sip_reply.h"

#define FIELDS_MAX 4

static void count(struct edge *edge, unsigned status)
{
	if (status >= 500)
		counter_add(edge->counters, COUNTER_ANSWERS_5XX, 1);
	else if (status >= 400)
		counter_add(edge->counters, COUNTER_ANSWERS_4XX, 1);
	else if (status >= 200)
		counter_add(edge->counters, COUNTER_ANSWERS_2XX, 1);
}

struct fields {
	struct sip_field list[FIELDS_MAX];
	size_t count;
	char diag[DIAG_VALUE_LEN];
	char trust[TRUST_VALUE_LEN];
};

static void add(struct fields *f, const char *name, const char *value)
{
	if (f->count < FIELDS_MAX)
		f->list[f->count++] = (struct sip_field){name,
			str_of(value)};
}

static void fill(struct fields *f, const struct edge *edge,
	const struct verdict *v, enum origin_role to)
{
	bool is_client = to == ORIGIN_CLIENT;
	const struct trust_mark own = {.source = TRUST_EDGE_GENERATED};
	const struct policy *p = &edge->policy;

	f->count = 0;
	if (v->field != NULL)
		add(f, v->field, v->field_value);
	/* Other organisations are told nothing (threat S11). */
	if (to == ORIGIN_PARTNER)
		return;
	if (v->diag != DIAG_NONE)
		add(f, is_client ? "ms-diagnostics-public" :
			"ms-diagnostics", diag_value(v->diag, is_client,
			p->outside.fqdn, &v->facts, f->diag));
	if (!is_client && p->ms_headers && v->status > 100)
		add(f, "ms-edge-proxy-message-trust",
			trust_value(p, &own, f->trust));
}

static int send_reply(struct edge *edge, struct session *s,
	const struct sip_msg *m, const struct verdict *v)
{
	const struct sip_field logon = {"ms-user-logon-data",
		STR_LIT("RemoteUser")};
	bool is_client = s->origin.role == ORIGIN_CLIENT;
	struct fields f;
	struct sip_reply reply = {
		.status = v->status,
		.reason = v->reason,
		.fields = f.list,
	};
	char *text = NULL;
	size_t len = 0;
	int err;

	fill(&f, edge, v, s->origin.role);
	reply.field_count = f.count;
	if (is_client && v->status > 100) {
		reply.first = &logon;
		reply.first_count = 1;
	}
	err = sip_reply_print(m, &reply, &text, &len);
	if (err != 0)
		return err;
	trace_text(&edge->trace, s, text, len);
	err = session_send(s, text, len);
	free(text);
	count(edge, v->status);
	return err;
}

void answer_verdict(struct edge *edge, struct session *s,
	const struct sip_msg *m, const struct verdict *v)
{
	bool is_mute = v->kind == VERDICT_DROP ||
		m->method_id == SIP_ACK || m->method_id == SIP_BENOTIFY;

	if (v->is_abuse)
		counter_add(edge->counters, COUNTER_ABUSE, 1);
	if (v->is_abuse || (!is_mute && v->status >= 400))
		report_refused(edge, s, m, v);
	if (is_mute)
		counter_add(edge->counters, COUNTER_REQUESTS_DROPPED, 1);
	else if (send_reply(edge, s, m, v) == EDGE_EMALFORMED)
		counter_add(edge->counters, COUNTER_REQUESTS_DROPPED, 1);
	if (v->close)
		session_close(s, v->rule != NULL ? v->rule : "refused");
}

void answer_txn(struct edge *edge, struct txn *txn, const struct verdict *v)
{
	struct session *s = session_find(&edge->sessions, txn->from_cid);
	struct sip_fault fault;
	struct sip_msg *m = NULL;

	if (s == NULL)
		return; /* nobody is there to hear it */
	if (v->status >= 300)
		report_failed(edge, s, txn, v);
	if (sip_msg_parse(&m, (struct str){txn->received,
		txn->received_len}, &fault) == 0 &&
		send_reply(edge, s, m, v) != 0)
		counter_add(edge->counters, COUNTER_RESPONSES_DROPPED, 1);
	sip_msg_free(m);
}
