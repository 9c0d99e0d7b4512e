/*
 * To a partner, step by step: what DNS says if it must be asked, then each
 * server of the plan with all its addresses, until one has proved who it is.
 * Every step leaves its finding (docs/protocol/access-edge.md, "Federation";
 * RFC 5922 section 7).
 */
#include "access-edge/outbound.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access-edge/counters.h"

#define TOTAL_MS 20000 /* then the asker must get its 504 */

struct outbound {
	struct federation *federation;
	struct discover_wait srv;
	struct peer_wait wait;
	struct federate_plan plan;
	size_t next; /* server of the plan */
	struct mono began;
	char server[DNS_NAME_LEN];
	uint16_t server_port;
	bool is_in_dialog;
	char method[32];
	char call_id[128];
	uint64_t hash;
	outbound_cb *cb;
	void *arg;
};

int outbound_new(struct outbound **out, const struct outbound_spec *spec)
{
	struct outbound *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return -ENOMEM;
	o->federation = spec->federation;
	o->plan = *spec->plan;
	snprintf(o->server, sizeof(o->server), "%.*s",
		STR_ARG(spec->server));
	o->server_port = spec->server_port;
	o->is_in_dialog = spec->is_in_dialog;
	snprintf(o->method, sizeof(o->method), "%.*s",
		STR_ARG(spec->method));
	snprintf(o->call_id, sizeof(o->call_id), "%.*s",
		STR_ARG(spec->call_id));
	o->hash = spec->hash;
	o->cb = spec->cb;
	o->arg = spec->arg;
	o->began = loop_now(o->federation->loop);
	peer_wait_init(&o->wait, NULL);
	*out = o;
	return 0;
}

void outbound_free(struct outbound *o)
{
	if (o == NULL)
		return;
	discover_cancel(&o->srv);
	peer_cancel(&o->wait);
	free(o);
}

const struct federate_plan *outbound_plan(const struct outbound *o)
{
	return &o->plan;
}

const char *outbound_server(const struct outbound *o)
{
	return o->next < o->plan.target_count ?
		o->plan.targets[o->next].host : "";
}

/* ---- the end ------------------------------------------------------------- */

static void finish(struct outbound *o, struct session *via)
{
	bool is_refused = o->plan.result == FEDERATE_REFUSED;

	decisions_note(&o->federation->decisions, DECISION_OUT, &o->plan,
		is_refused ? o->plan.verdict.status : 0, str_of(o->call_id),
		wall_now());
	o->cb(o, via, o->arg);
}

static void fail(struct outbound *o, enum federate_step step,
	const struct verdict *v)
{
	o->plan.result = FEDERATE_REFUSED;
	o->plan.step = step;
	o->plan.verdict = *v;
	o->plan.verdict.rule = federate_step_name(step);
	finish(o, NULL);
}

/* ---- servers ------------------------------------------------------------- */

static void try_next(struct outbound *o);

/* What went wrong with the last server, as servers inside are told. */
static struct verdict verdict_of(const struct outbound *o,
	enum federate_step *step, const char *detail)
{
	const char *server = outbound_server(o);
	struct verdict v = verdict_answer(504, DIAG_PARTNER_CONNECT,
		"the partner's edge could not be reached");

	*step = FEDERATE_CONNECT;
	switch (o->wait.fault) {
	case PEER_FAULT_NAME:
		*step = FEDERATE_ADDRESS;
		v = verdict_answer(504, DIAG_NO_ADDRESS,
			"the name of the partner's edge has no address");
		break;
	case PEER_FAULT_ADDRESS:
		*step = FEDERATE_ADDRESS;
		v = verdict_by("allow_targets", 504, DIAG_NO_ADDRESS,
			"the name of the partner's edge leads inside");
		break;
	case PEER_FAULT_TLS:
		*step = FEDERATE_TLS;
		v = verdict_answer(504, DIAG_PARTNER_TLS,
			"TLS with the partner's edge failed");
		break;
	case PEER_FAULT_NONE:
	case PEER_FAULT_BUSY:
	case PEER_FAULT_CONNECT:
		break;
	}
	diag_fact(&v.facts, "PeerServer", server);
	return verdict_detail(v, detail);
}

/* The certificate is good and says that it is somebody else's. */
static struct verdict wrong_name(const struct outbound *o,
	const struct session *via)
{
	struct verdict v = verdict_answer(504, DIAG_NO_TRUST,
		"the partner's certificate does not name its edge");

	diag_fact(&v.facts, "ErrorType", "The peer certificate does not "
		"contain a matching FQDN");
	diag_fact(&v.facts, "tls-target", outbound_server(o));
	diag_fact(&v.facts, "PeerServer", via->origin.peer_name);
	return verdict_detail(v, via->origin.peer_name);
}

static bool has_more(const struct outbound *o)
{
	return o->next + 1 < o->plan.target_count &&
		mono_since_ms(o->began, loop_now(o->federation->loop)) <
		TOTAL_MS;
}

static void take(struct outbound *o, struct session *via)
{
	const struct policy *p = o->federation->policy;
	char text[ADDR_TEXT_LEN];
	struct verdict v;

	addr_text(&via->origin.remote, text);
	federate_found(&o->plan.report, FEDERATE_CONNECT, FEDERATE_PASSED,
		"%s at %s", outbound_server(o), text);
	if (via->names != NULL && federate_is_server(&o->plan, o->next, p,
		via->names)) {
		federate_found(&o->plan.report, FEDERATE_TLS,
			FEDERATE_PASSED, "%s, certificate of %s",
			stream_cipher(via->stream), via->origin.peer_name);
		snprintf(o->plan.partner.server,
			sizeof(o->plan.partner.server), "%s",
			outbound_server(o));
		finish(o, via);
		return;
	}
	federate_found(&o->plan.report, FEDERATE_TLS, FEDERATE_REFUSED,
		"the certificate names %s, not %s", via->origin.peer_name,
		outbound_server(o));
	v = wrong_name(o, via);
	if (has_more(o)) {
		o->next++;
		try_next(o);
		return;
	}
	fail(o, FEDERATE_TLS, &v);
}

static void on_server(struct peer_wait *w, struct session *via,
	const char *detail)
{
	struct outbound *o = container_of(w, struct outbound, wait);
	enum federate_step step;
	struct verdict v;

	if (via != NULL) {
		take(o, via);
		return;
	}
	v = verdict_of(o, &step, detail);
	federate_found(&o->plan.report, step, FEDERATE_REFUSED, "%s: %s",
		outbound_server(o), detail);
	if (has_more(o)) {
		o->next++;
		try_next(o);
		return;
	}
	fail(o, step, &v);
}

static void try_next(struct outbound *o)
{
	const struct discover_target *t = &o->plan.targets[o->next];
	struct mono limit = mono_after_ms(o->began, TOTAL_MS);
	struct session *now;

	peer_wait_init(&o->wait, on_server);
	snprintf(o->wait.server, sizeof(o->wait.server), "%s", t->host);
	o->wait.port = t->port;
	o->wait.hash = o->hash;
	now = peer_request(o->federation->peers, &o->wait);
	if (now != NULL)
		take(o, now);
	else if (mono_since_ms(o->wait.deadline, limit) < 0)
		o->wait.deadline = limit;
}

/* ---- DNS ----------------------------------------------------------------- */

static void decide_again(struct outbound *o,
	const struct discover_answer *srv)
{
	const struct partner p = o->plan.partner;
	const struct federate_out in = {
		.policy = o->federation->policy,
		.domain = str_of(p.domain),
		.server = str_of(o->server),
		.server_port = o->server_port,
		.is_in_dialog = o->is_in_dialog,
		.srv = srv,
		.method = str_of(o->method),
	};

	federate_outbound(&in, &o->plan);
	if (o->plan.result == FEDERATE_PASSED)
		try_next(o);
	else
		finish(o, NULL);
}

static void on_srv(struct discover_wait *w,
	const struct discover_answer *answer)
{
	struct outbound *o = container_of(w, struct outbound, srv);

	w->cb = NULL;
	decide_again(o, answer);
}

void outbound_start(struct outbound *o)
{
	const struct verdict v = verdict_answer(504, DIAG_NO_SRV,
		"DNS can't be asked now");

	if (o->plan.result == FEDERATE_PASSED) {
		try_next(o);
		return;
	}
	if (discover_ask(o->federation->discover, str_of(
		o->plan.partner.domain), &o->srv, on_srv) != 0)
		fail(o, FEDERATE_SRV, &v);
}
