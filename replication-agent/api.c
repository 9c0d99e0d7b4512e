/*
 * What is asked on 4443 and what is answered: right, request, then an answer
 * at once, a job for the worker, or a wait for events. What a job does is
 * the keeper's affair (docs/protocol/replication.md 6).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/http.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/bundle/bundle_wire.h"
#include "common/bus/http_ask.h"
#include "common/store/trusted.h"
#include "replication-agent/agent.h"
#include "replication-agent/request.h"

#define JSON_TYPE "application/json"

/* Says nothing of what there is. */
#define NOT_FOUND "{\"error\":\"EDGE_EUNKNOWN\",\"text\":\"not found\"}\n"

/* ---- rights ------------------------------------------------------------- */

/* While there is no generation, the trusted publishers stand in for it. */
static bool is_first_publisher(const struct agent *a,
	const struct tls_peer *peer)
{
	struct bundle_trust trust;

	if (!a->is_bare || !peer->is_verified ||
		keeper_trust(&a->keeper, &trust, NULL) < 0)
		return false;
	for (size_t i = 0; i < peer->name_count; i++)
		if (bundle_trust_is_publisher(&trust, peer->names[i]))
			return true;
	return false;
}

bool api_has_right(SSL *ssl, void *arg)
{
	const struct agent *a = arg;
	struct tls_peer peer;
	const char *cause = "";

	tls_peer_from(ssl, &peer);
	if (trusted_find(a->topology, TOPOLOGY_GRANT_REPLICATION, &peer,
		    &cause) != NULL || is_first_publisher(a, &peer))
		return true;
	log_limited(LOG_LEVEL_WARNING, 10, "publisher.refused",
		"name=%s cause=%s",
		log_qz(peer.name_count > 0 ? peer.names[0] : ""),
		log_qz(cause));
	return false;
}

/* ---- answers ------------------------------------------------------------ */

static void answer_json(struct http_ask *ask, int status, json_t *body)
{
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	if (text == NULL)
		status = 503;
	if (status == 503)
		http_ask_header(ask, "Retry-After", "2");
	http_ask_answer(ask, status, JSON_TYPE, text != NULL ? text : "",
		text != NULL ? strlen(text) : 0);
	free(text);
}

static void answer_error(struct http_ask *ask, int status, const char *code,
	const char *text)
{
	json_t *o = json_pack("{s:s, s:s}", "error", code, "text", text);

	if (o == NULL) /* what it quotes is no UTF-8 */
		o = json_pack("{s:s, s:s}", "error", code, "text",
			http_reason(status));
	answer_json(ask, status, o);
}

/* ---- orders ------------------------------------------------------------- */

struct order {
	struct job job;
	struct agent *agent;
	struct http_ask ask;
	struct request request; /* body points into bytes */
	char *bytes;            /* owned */
	struct keeper_result result;
};

static void run_bundle(struct order *o, struct keeper *k)
{
	keeper_stage(k, o->request.body.p, o->request.body.n,
		o->request.sha256, &o->request.version, &o->result);
	if ((o->result.status != 200 && o->result.status != 201) ||
		!o->request.is_activating)
		return;
	keeper_activate(k, o->request.version, o->request.sha256, &o->result);
}

static void run_order(struct job *job)
{
	struct order *o = container_of(job, struct order, job);
	struct keeper *k = &o->agent->keeper;

	switch (o->request.kind) {
	case REQUEST_BUNDLE:
		run_bundle(o, k);
		break;
	case REQUEST_ACTIVATE:
		keeper_activate(k, o->request.version, o->request.sha256,
			&o->result);
		break;
	case REQUEST_ABORT:
		keeper_abort(k, o->request.version, o->request.sha256,
			&o->result);
		break;
	case REQUEST_HEAD:
		keeper_take_head(k, o->request.body.p, o->request.body.n,
			&o->result);
		break;
	case REQUEST_STATUS:
	case REQUEST_EVENTS:
		break;
	}
}

void api_count(struct agent *a, const struct keeper_result *result,
	bool is_stage)
{
	if (result->status >= 400)
		counter_add(a->counters, COUNT_REFUSED, 1);
	else if (is_stage && result->status == 201)
		counter_add(a->counters, COUNT_STAGED, 1);
	else if (is_stage && result->status == 200)
		counter_add(a->counters, COUNT_KNOWN, 1);
}

static json_t *result_json(const struct keeper_result *r)
{
	json_t *o = json_pack("{s:I, s:I}", "epoch",
		(json_int_t)r->version.epoch, "serial",
		(json_int_t)r->version.serial);

	if (r->sha256[0] != '\0')
		json_object_set_new(o, "sha256", json_string(r->sha256));
	if (r->status >= 400) {
		json_t *text = json_string(r->why.text);

		json_object_set_new(o, "error", json_string("refused"));
		json_object_set_new(o, "text",
			text != NULL ? text : json_string(
				http_reason(r->status)));
	}
	if (r->details != NULL)
		json_object_set(o, "details", r->details);
	return o;
}

static void done_order(struct job *job)
{
	struct order *o = container_of(job, struct order, job);
	struct agent *a = o->agent;

	/* Never run: we are ending. */
	if (o->result.status == 0)
		o->result.status = 503;
	api_count(a, &o->result, o->request.kind == REQUEST_BUNDLE);
	if (o->request.kind == REQUEST_BUNDLE)
		a->is_uploading = false;
	if (o->result.status == 204)
		http_ask_answer(&o->ask, 204, NULL, "", 0);
	else
		answer_json(&o->ask, o->result.status,
			result_json(&o->result));
	keeper_result_fini(&o->result);
	free(o->bytes);
	free(o);
	api_poke(a);
}

static void start_order(struct agent *a, struct evhttp_request *ev,
	const struct request *request)
{
	struct order *o = calloc(1, sizeof(*o));

	if (o != NULL)
		o->bytes = malloc(request->body.n + 1);
	if (o == NULL || o->bytes == NULL) {
		free(o);
		evhttp_send_error(ev, 503, NULL);
		return;
	}
	o->job.run = run_order;
	o->job.done = done_order;
	o->agent = a;
	o->request = *request;
	if (request->body.n > 0)
		memcpy(o->bytes, request->body.p, request->body.n);
	o->request.body.p = o->bytes;
	if (request->kind == REQUEST_BUNDLE)
		a->is_uploading = true;
	http_ask_init(&o->ask, ev);
	worker_add(a->worker, &o->job);
}

/* ---- long polls --------------------------------------------------------- */

struct waiter {
	struct list node;
	struct http_ask ask;
	uint64_t after;
	struct mono until;
};

static void answer_events(struct agent *a, struct http_ask *ask,
	uint64_t after)
{
	answer_json(ask, 200, record_events(a->keeper.record, after));
}

static void wait_for_events(struct agent *a, struct evhttp_request *ev,
	const struct request *request)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		evhttp_send_error(ev, 503, NULL);
		return;
	}
	w->after = request->after;
	w->until = mono_after_ms(loop_now(a->loop),
		1000 * (int64_t)request->wait_s);
	http_ask_init(&w->ask, ev);
	list_push_back(&a->waiters, &w->node);
	api_poke(a);
}

static void finish_waiter(struct agent *a, struct waiter *w)
{
	list_remove(&w->node);
	answer_events(a, &w->ask, w->after);
	free(w);
}

void api_poke(struct agent *a)
{
	const uint64_t last = record_last_event(a->keeper.record);
	const struct mono now = loop_now(a->loop);
	struct list *node;
	struct list *next;

	list_for_each_safe(node, next, &a->waiters) {
		struct waiter *w = container_of(node, struct waiter, node);

		if (last > w->after || mono_is_past(w->until, now) ||
			http_ask_is_gone(&w->ask))
			finish_waiter(a, w);
	}
}

void api_stop(struct agent *a)
{
	struct list *node;

	while ((node = list_first(&a->waiters)) != NULL)
		finish_waiter(a, container_of(node, struct waiter, node));
}

/* ---- requests ----------------------------------------------------------- */

static void dispatch(struct agent *a, struct evhttp_request *ev,
	const struct request *request)
{
	struct http_ask ask;

	counter_add(a->counters,
		COUNT_REQUEST_STATUS + (size_t)request->kind, 1);
	if (request->kind == REQUEST_EVENTS) {
		wait_for_events(a, ev, request);
		return;
	}
	if (request->kind != REQUEST_STATUS && !a->is_draining &&
		!(request->kind == REQUEST_BUNDLE && a->is_uploading)) {
		start_order(a, ev, request);
		return;
	}
	http_ask_init(&ask, ev);
	if (request->kind == REQUEST_STATUS) {
		answer_json(&ask, 200, report_json(a));
		return;
	}
	counter_add(a->counters, COUNT_BUSY, 1);
	answer_error(&ask, 503, "EDGE_EBUSY",
		a->is_draining ? "this edge is going down" :
				 "another upload is being worked on");
}

static void refuse(struct agent *a, struct evhttp_request *ev, int status,
	const struct why *why)
{
	struct http_ask ask;

	http_ask_init(&ask, ev);
	if (status == 404)
		http_ask_answer(&ask, 404, JSON_TYPE, NOT_FOUND,
			sizeof(NOT_FOUND) - 1);
	else
		answer_error(&ask, status,
			status == 403 ? "EDGE_EREFUSED" : "EDGE_EMALFORMED",
			why->text);
	counter_add(a->counters,
		status == 403 ? COUNT_NO_RIGHT : COUNT_REQUEST_BAD, 1);
}

void api_request(struct evhttp_request *ev, SSL *ssl, void *arg)
{
	struct agent *a = arg;
	struct evbuffer *body = evhttp_request_get_input_buffer(ev);
	const size_t len = evbuffer_get_length(body);
	const struct request_raw raw = {
		.method = str_of(http_method_name(ev)),
		.uri = str_of(evhttp_request_get_uri(ev)),
		.version = evhttp_find_header(
			evhttp_request_get_input_headers(ev),
			BUNDLE_HEADER_VERSION),
		.body = {(const char *)evbuffer_pullup(body, -1), len},
	};
	struct why why = {"your certificate has no right here"};
	struct request request;
	int status;

	if (!api_has_right(ssl, a)) {
		refuse(a, ev, 403, &why);
		return;
	}
	status = request_read(&request, &raw, &why);
	if (status != 0)
		refuse(a, ev, status, &why);
	else
		dispatch(a, ev, &request);
}
