/*
 * One worker of the proxy: puts the rooms together and hands events to
 * them. Decides nothing.
 */
#include "access-edge/edge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access-edge/answer.h"
#include "access-edge/doorman.h"
#include "access-edge/forward.h"
#include "access-edge/partner_test.h"
#include "access-edge/report.h"
#include "access-edge/response.h"
#include "access-edge/send.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/rand.h"

#define TICK_MS     100
#define SHAKE_MS    1000 /* nobody honest needs longer when it is full */

/* ---- sessions' events ---------------------------------------------------- */

struct peer_pool *edge_peers_of(const struct edge *edge,
	const struct session *s)
{
	return s->origin.role == ORIGIN_PARTNER ? edge->federation->peers :
		edge->peers;
}

static void on_ready(struct session *s, void *arg)
{
	doorman_on_ready(arg, s);
}

static void on_crl(void *arg)
{
	doorman_on_crl(arg);
}

static void refuse_fault(struct edge *edge, struct session *s,
	struct sip_msg *m, const struct sip_fault *fault)
{
	struct verdict v = verdict_rule(verdict_answer(fault->status,
		DIAG_UNREADABLE, fault->cause), "shape");

	counter_add(edge->counters, COUNTER_MALFORMED, 1);
	log_limited(LOG_LEVEL_INFO, 30, "message.malformed",
		"session=%s cause=%s", s->origin.cid_text,
		log_qz(fault->cause));
	if (fault->status == 0 || !m->is_request)
		return;
	v.reason = fault->reason[0] != '\0' ? fault->reason : NULL;
	if (fault->status == 413)
		v.setting = s->origin.role == ORIGIN_CLIENT ?
			"max_client_message_body_size_kb" :
			"max_server_message_body_size_kb";
	answer_verdict(edge, s, m, &v);
}

static void on_message(struct session *s, struct sip_msg *m,
	const struct sip_fault *fault, void *arg)
{
	struct edge *edge = arg;

	if (fault != NULL)
		refuse_fault(edge, s, m, fault);
	else if (m->is_request)
		forward_request(edge, s, m);
	else
		response_forward(edge, s, m);
}

static void on_lost(struct session *s, struct sip_msg *m, unsigned status,
	const char *cause, void *arg)
{
	struct edge *edge = arg;
	const struct sip_fault fault = {.status = status, .cause = cause};

	if (m != NULL) {
		refuse_fault(edge, s, m, &fault);
		return;
	}
	counter_add(edge->counters, COUNTER_MALFORMED, 1);
	log_limited(LOG_LEVEL_INFO, 30, "message.malformed",
		"session=%s cause=%s", s->origin.cid_text, log_qz(cause));
}

static void on_end(struct session *s, enum stream_end end,
	const char *detail, void *arg)
{
	struct edge *edge = arg;

	/* What we dialled and never got is told by who dialled. */
	if (s->is_ready || s->listener != NULL)
		report_ended(edge, s, end, detail);
	peer_on_end(edge_peers_of(edge, s), s, end, detail);
	federation_session_ended(edge->federation, s);
	if (s->is_ready)
		forward_connection_lost(edge, s->origin.cid);
}

static const struct session_ops session_ops = {
	.on_ready = on_ready,
	.on_message = on_message,
	.on_lost = on_lost,
	.on_end = on_end,
};

/* ---- time ---------------------------------------------------------------- */

/* New work is refused while the daemon can't keep up; old work goes on. */
static void note_load(struct edge *edge, int64_t lag_ms)
{
	size_t memory = load_memory();
	bool is_new = load_note(&edge->load, lag_ms - TICK_MS, memory,
		edge->policy.memory_mark);

	counter_set(edge->counters, COUNTER_LOAD, edge->load.level);
	if (is_new && edge->load.level == LOAD_FINE)
		log_notice("load.eased", "memory=%zu", memory);
	else if (is_new)
		log_warning("load.rose", "level=%s cause=%s lag_ms=%lld "
			"memory=%zu", load_level_name(edge->load.level),
			edge->load.cause, (long long)lag_ms, memory);
}

static void on_tick(void *arg)
{
	struct edge *edge = arg;
	struct mono now = loop_now(edge->loop);

	loop_timer_start(edge->tick, TICK_MS);
	txn_sweep(&edge->txns, now, forward_on_trying, forward_on_deadline);
	counter_set(edge->counters, COUNTER_SESSIONS, edge->sessions.count);
	counter_set(edge->counters, COUNTER_TRANSACTIONS, edge->txns.count);
	federation_tick(edge->federation);
	if (!mono_is_past(edge->next_second, now))
		return;
	note_load(edge, mono_since_ms(edge->next_second, now));
	edge->next_second = mono_after_ms(now, 1000);
	session_table_sweep(&edge->sessions, &edge->policy);
	peer_pool_tick(edge->peers);
	revocation_tick(edge->revocation);
	counter_set(edge->counters, COUNTER_CRLS,
		revocation_lists(edge->revocation));
	federation_second(edge->federation);
}

/* ---- life ---------------------------------------------------------------- */

#define ANONYMOUS_SOURCES 4096u

static int anonymous_limit(struct limit **out, const struct policy *p)
{
	const struct limit_spec spec = {
		.rate_per_s = p->anonymous_dialogs,
		.period_s = 60,
		.burst = p->anonymous_dialogs,
		.slots = ANONYMOUS_SOURCES,
	};

	return limit_new(out, &spec);
}

static struct txn_bounds bounds_of(const struct policy *p)
{
	return (struct txn_bounds){
		.count_max = p->transactions_max,
		.bytes_max = p->transaction_bytes_max,
		.client_max = p->client_transactions_max,
	};
}

static int edge_fill(struct edge *edge, const struct edge_spec *spec,
	struct why *why)
{
	struct peer_pool_spec peers = {
		.loop = spec->loop,
		.sessions = &edge->sessions,
		.resolver = spec->resolver,
		.tls = spec->tls_next_hop,
		.door = ORIGIN_DOOR_INTERNAL,
		.counters = spec->counters,
		.bind_device = spec->bind_device,
	};
	struct revocation_spec crls = {
		.loop = spec->loop,
		.resolver = spec->resolver,
		.counters = spec->counters,
		.bind_device = spec->bind_device,
		.on_news = on_crl,
		.arg = edge,
	};
	const struct federation_spec federation = {
		.loop = spec->loop,
		.resolver = spec->resolver,
		.counters = spec->counters,
		.sessions = &edge->sessions,
		.tls = spec->tls_partner,
		.watch_path = spec->watch_path,
		.bind_device = spec->bind_device,
	};
	struct txn_bounds bounds;
	int err = policy_from(&edge->policy, spec->topology, why);

	if (err == 0)
		err = flow_keys_load(&edge->own_flow_keys,
			edge->flow_key_path, spec->topology->machine, why);
	edge->flow_keys = edge->own_flow_keys;
	if (err == 0)
		err = session_table_init(&edge->sessions, spec->loop,
			&session_ops, edge);
	if (err == 0)
		bounds = bounds_of(&edge->policy);
	if (err == 0)
		err = txn_table_init(&edge->txns, &bounds);
	edge->txns.arg = edge;
	if (err == 0)
		err = logon_new(&edge->logon);
	if (err == 0)
		err = anonymous_limit(&edge->anonymous, &edge->policy);
	if (err == 0)
		err = revocation_new(&edge->revocation, &crls,
			&edge->policy);
	if (err == 0)
		err = peer_pool_new(&edge->peers, &peers, &edge->policy);
	if (err == 0)
		err = federation_new(&edge->federation, &federation,
			&edge->policy);
	if (err == 0)
		err = loop_timer_new(&edge->tick, spec->loop, on_tick,
			edge);
	return err;
}

int edge_new(struct edge **out, const struct edge_spec *spec,
	struct why *why)
{
	struct edge *edge = calloc(1, sizeof(*edge));
	int err;

	if (edge == NULL)
		return -ENOMEM;
	edge->loop = spec->loop;
	edge->topology = topology_ref(spec->topology);
	edge->counters = spec->counters;
	edge->recall = spec->recall;
	snprintf(edge->flow_key_path, sizeof(edge->flow_key_path), "%s",
		spec->flow_key_path);
	list_init(&edge->strays);
	list_init(&edge->partner_tests);
	trace_init(&edge->trace);
	rand_bytes(&edge->branch_key, sizeof(edge->branch_key));
	err = edge_fill(edge, spec, why);
	if (err != 0) {
		edge_free(edge);
		return err;
	}
	edge->next_second = loop_now(edge->loop);
	loop_timer_start(edge->tick, TICK_MS);
	*out = edge;
	return 0;
}

void edge_free(struct edge *edge)
{
	if (edge == NULL)
		return;
	loop_timer_free(edge->tick);
	send_free_strays(edge);
	txn_table_fini(&edge->txns);
	partner_test_end_all(edge);
	federation_free(edge->federation);
	peer_pool_free(edge->peers);
	session_table_fini(&edge->sessions);
	trace_fini(&edge->trace);
	logon_free(edge->logon);
	limit_free(edge->anonymous);
	revocation_free(edge->revocation);
	flow_keys_wipe(&edge->flow_keys);
	flow_keys_wipe(&edge->own_flow_keys);
	topology_unref(edge->topology);
	free(edge);
}

int edge_apply(struct edge *edge, struct topology *t,
	struct tls_watch *tls_partner, struct why *why)
{
	struct policy next;
	struct limit *anonymous = NULL;
	struct txn_bounds bounds;
	int err = policy_from(&next, t, why);

	if (err == 0 && next.anonymous_dialogs !=
		edge->policy.anonymous_dialogs)
		err = anonymous_limit(&anonymous, &next);
	if (err != 0)
		return err;
	if (anonymous != NULL) {
		limit_free(edge->anonymous);
		edge->anonymous = anonymous;
	}
	topology_ref(t);
	topology_unref(edge->topology);
	edge->topology = t;
	edge->policy = next;
	bounds = bounds_of(&next);
	txn_table_bound(&edge->txns, &bounds);
	federation_apply(edge->federation, &edge->policy, tls_partner);
	doorman_follow(edge);
	doorman_on_crl(edge); /* another setting may let go on who waits */
	return peer_pool_apply(edge->peers, &edge->policy);
}

/* A crowd that comes back at once is served one after the other; who only
 * holds a place loses it (threat S8). */
bool edge_may_accept(struct edge *edge)
{
	struct session *oldest = session_oldest_shaking(&edge->sessions);

	if (edge->sessions.shaking_count < edge->policy.handshakes_max ||
		oldest == NULL)
		return true;
	if (mono_since_ms(oldest->opened, loop_now(edge->loop)) <= SHAKE_MS)
		return false;
	session_close(oldest, "handshakes");
	return true;
}

/* Not from outside now: the rule that says so, or NULL. */
static const char *closed_by(const struct edge *edge, enum origin_door door,
	const char **setting)
{
	*setting = "allow_outside_users";
	if (door == ORIGIN_DOOR_CLIENT && !edge->policy.allow_outside_users)
		return "client.allowed";
	*setting = load_setting(&edge->load);
	return door != ORIGIN_DOOR_INTERNAL &&
		edge->load.level >= LOAD_NO_CONNECTIONS ? "overload" : NULL;
}

void edge_accept(struct edge *edge, int fd, const struct addr *remote,
	enum origin_door door, struct tls_watch *tls,
	struct listener *listener)
{
	const char *closed, *setting;
	int err;

	counter_add(edge->counters, door == ORIGIN_DOOR_INTERNAL ?
		COUNTER_CONNECTIONS_INTERNAL : COUNTER_CONNECTIONS_EXTERNAL,
		1);
	closed = closed_by(edge, door, &setting);
	if (closed != NULL) {
		report_not_taken(edge, remote, closed, setting);
		close(fd);
		if (listener != NULL)
			listener_gone(listener, remote);
		return;
	}
	err = session_accept(&edge->sessions, fd, remote, door, tls,
		&edge->policy, listener);
	if (err == 0)
		return;
	log_limited(LOG_LEVEL_WARNING, 6, "session.failed", "error=%s",
		err_name(err));
	if (listener != NULL)
		listener_gone(listener, remote);
}
