/*
 * OPTIONS to a partner, with every step on the way there told. What is
 * decided is federate.c's and outbound.c's, as for any other request.
 */
#include "access-edge/partner_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access-edge/outbound.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/rand.h"
#include "common/daemon/recall.h"
#include "common/sip/sip_build.h"

#define TESTS_MAX 8
#define ANSWER_MS 10000

struct partner_test {
	struct list node;
	struct edge *edge;
	struct outbound *outbound; /* owned */
	struct federate_plan plan;
	struct loop_timer *timer;  /* owned: to begin, then for the answer */
	char server[DNS_NAME_LEN];
	char branch[SIP_BRANCH_LEN];
	uint64_t cid; /* the connection it went out on */
	struct mono began;
	bool is_sent;
	partner_test_cb *cb;
	void *arg;
};

static void test_free(struct partner_test *t)
{
	list_remove(&t->node);
	outbound_free(t->outbound);
	loop_timer_free(t->timer);
	free(t);
}

void partner_test_end_all(struct edge *edge)
{
	struct list *it;

	while ((it = list_first(&edge->partner_tests)) != NULL)
		test_free(container_of(it, struct partner_test, node));
}

/* So that `edgectl explain` knows of it, too. */
static void remember(const struct partner_test *t)
{
	const struct federate_report *r = &t->plan.report;

	if (t->plan.result == FEDERATE_PASSED || r->count == 0)
		return;
	recall_add(t->edge->recall, &(struct recall_note){
		.share = RECALL_REFUSED,
		.kind = "partner.test_failed",
		.domain = str_of(t->plan.partner.domain),
		.advice = "edgectl test federated-partner shows every step",
	}, "step=%s finding=%s", federate_step_name(r->rows[r->count -
		1].step), log_qz(r->rows[r->count - 1].text));
}

static void finish(struct partner_test *t)
{
	remember(t);
	t->cb(&t->plan, t->server, mono_since_ms(t->began,
		loop_now(t->edge->loop)), t->arg);
	test_free(t);
}

static void send_options(struct partner_test *t, struct session *via)
{
	const struct policy *p = &t->edge->policy;
	char uri[300], from[300], random[25];
	char *text = NULL;
	size_t len = 0;
	struct sip_request r = {
		.method = "OPTIONS",
		.uri = uri,
		.via_host = p->partners.host_port,
		.branch = sip_branch(t->branch),
		.from = from,
		.to = uri,
		.call_id = random,
		.cseq = 1,
	};
	int err;

	rand_token(random, 24);
	snprintf(uri, sizeof(uri), "sip:%s", t->plan.partner.domain);
	snprintf(from, sizeof(from), "<sip:%s>;tag=%.8s",
		t->edge->topology->default_domain, random);
	err = sip_build(&r, &text, &len);
	if (err == 0)
		err = session_send(via, text, len);
	free(text);
	t->cid = via->origin.cid;
	t->is_sent = err == 0;
	if (err == 0) {
		loop_timer_start(t->timer, ANSWER_MS);
		return;
	}
	t->plan.result = FEDERATE_REFUSED;
	federate_found(&t->plan.report, FEDERATE_ANSWER, FEDERATE_REFUSED,
		"OPTIONS can't be sent: %s", err_text(err));
	finish(t);
}

static void on_reached(struct outbound *o, struct session *via, void *arg)
{
	struct partner_test *t = arg;

	t->plan = *outbound_plan(o);
	snprintf(t->server, sizeof(t->server), "%s", outbound_server(o));
	if (via == NULL)
		finish(t);
	else
		send_options(t, via);
}

static void on_timer(void *arg)
{
	struct partner_test *t = arg;

	if (t->is_sent) {
		t->plan.result = FEDERATE_REFUSED;
		federate_found(&t->plan.report, FEDERATE_ANSWER,
			FEDERATE_REFUSED, "no answer to OPTIONS in %d s",
			ANSWER_MS / 1000);
		finish(t);
		return;
	}
	if (t->outbound == NULL)
		finish(t); /* refused by the first look */
	else
		outbound_start(t->outbound);
}

/* 504 is what an edge says to those that it does not let in, too. */
bool partner_test_on_response(struct edge *edge, const struct session *s,
	const struct sip_msg *m)
{
	struct list *it;

	list_for_each(it, &edge->partner_tests) {
		struct partner_test *t = container_of(it,
			struct partner_test, node);
		bool is_good = m->status < 500 || m->status == 501;

		if (!t->is_sent || t->cid != s->origin.cid ||
			!str_eq_z(m->via.branch, t->branch))
			continue;
		if (m->status < 200)
			return true;
		t->plan.result = is_good ? FEDERATE_PASSED :
			FEDERATE_REFUSED;
		federate_found(&t->plan.report, FEDERATE_ANSWER, is_good ?
			FEDERATE_PASSED : FEDERATE_REFUSED, "%u %.*s%s",
			m->status, STR_ARG(m->reason), is_good ? "" :
			": it does not let us in, or its own inside is not "
			"there; its log says which");
		finish(t);
		return true;
	}
	return false;
}

/* As if the topology named this edge for the domain. */
static void use_proxy(struct federate_plan *plan, struct str proxy)
{
	plan->result = FEDERATE_PASSED;
	plan->partner.kind = PARTNER_DIRECT;
	plan->may_name_domain = false;
	plan->must_name_domain = false;
	plan->target_count = 1;
	plan->targets[0].port = 5061;
	snprintf(plan->targets[0].host, sizeof(plan->targets[0].host),
		"%.*s", STR_ARG(proxy));
	federate_found(&plan->report, FEDERATE_DIRECT, FEDERATE_SETTLED,
		"%.*s, as was asked for", STR_ARG(proxy));
}

static void decide(struct partner_test *t, struct str domain,
	struct str proxy)
{
	struct federation *f = t->edge->federation;
	const struct federate_out out = {
		.policy = &t->edge->policy,
		.domain = domain,
		.method = STR_LIT("OPTIONS"),
	};
	enum federate_step step;

	/* What DNS says now, not what it said. */
	discover_forget(f->discover, domain);
	federate_outbound(&out, &t->plan);
	step = t->plan.step;
	if (!str_is_empty(proxy) && (t->plan.result != FEDERATE_REFUSED ||
		step == FEDERATE_LISTED))
		use_proxy(&t->plan, proxy);
}

int partner_test_begin(struct edge *edge, struct str domain,
	struct str proxy, partner_test_cb *cb, void *arg)
{
	struct partner_test *t;
	struct outbound_spec spec = {.federation = edge->federation,
		.method = STR_LIT("OPTIONS"), .cb = on_reached};
	const struct list *it;
	size_t n = 0;
	int err;

	list_for_each(it, &edge->partner_tests)
		n++;
	if (n >= TESTS_MAX)
		return EDGE_EBUSY;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->edge = edge;
	t->cb = cb;
	t->arg = arg;
	t->began = loop_now(edge->loop);
	list_push_back(&edge->partner_tests, &t->node);
	decide(t, domain, proxy);
	spec.plan = &t->plan;
	spec.arg = t;
	err = loop_timer_new(&t->timer, edge->loop, on_timer, t);
	if (err == 0 && t->plan.result != FEDERATE_REFUSED)
		err = outbound_new(&t->outbound, &spec);
	if (err != 0) {
		test_free(t);
		return err;
	}
	loop_timer_start(t->timer, 0);
	return 0;
}
