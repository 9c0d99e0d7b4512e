/*
 * Lines for people. Peers get less: that is answer.c's.
 */
#include "access-edge/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "access-edge/who.h"
#include "common/base/attr.h"
#include "common/base/log.h"
#include "common/daemon/recall.h"

#define FACTS_LEN 640

/* "session=... rule=... config=...": the same for log and memory. */
static const char *facts(const struct edge *edge, const struct session *s,
	const struct verdict *v, const char *method,
	char out[static FACTS_LEN])
{
	char line[POLICY_LINE_LEN];

	policy_line(&edge->policy, v->setting, line);
	snprintf(out, FACTS_LEN, "session=%s method=%s status=%u rule=%s "
		"cause=%s config=%s detail=%s%s", s->origin.cid_text,
		log_qz(method), v->status, v->rule != NULL ? v->rule : "-",
		log_qz(v->cause), log_qz(line), log_qz(v->detail),
		v->facts.text);
	return out;
}

static void remember(const struct edge *edge, const struct session *s,
	const char *kind, struct str call_id, struct str user,
	struct str domain, const char *text)
{
	bool is_stranger = s->origin.role == ORIGIN_CLIENT &&
		!s->origin.is_signed_in;

	recall_add(edge->recall, &(struct recall_note){
		.share = is_stranger ? RECALL_STRANGER : RECALL_REFUSED,
		.kind = kind,
		.id = str_of(s->origin.cid_text),
		.call_id = call_id,
		.user = user,
		.domain = domain,
		.address = &s->origin.remote,
		.speaks_for_many = s->origin.role == ORIGIN_INTERNAL,
	}, "%s", text);
}

/* The other organisation that a request comes from or was to go to. */
static struct str organisation_of(const struct session *s,
	const struct sip_msg *m)
{
	switch (s->origin.role) {
	case ORIGIN_PARTNER:
		return m->from.uri.host;
	case ORIGIN_INTERNAL:
		return m->to.uri.host;
	case ORIGIN_CLIENT:
		break;
	}
	return (struct str){"", 0};
}

void report_refused(const struct edge *edge, const struct session *s,
	const struct sip_msg *m, const struct verdict *v)
{
	char text[FACTS_LEN], method[32], from[WHO_LEN];
	struct str user = who_of(&m->from, from, sizeof(from));

	snprintf(method, sizeof(method), "%.*s", STR_ARG(m->method));
	facts(edge, s, v, method, text);
	if (v->is_abuse)
		log_limited(LOG_LEVEL_WARNING, 30, "abuse.refused",
			"call_id=%s from=%s %s", log_q(m->call_id),
			log_q(user), text);
	else
		log_limited(LOG_LEVEL_INFO, 60, "request.refused",
			"call_id=%s from=%s %s", log_q(m->call_id),
			log_q(user), text);
	remember(edge, s, v->is_abuse ? "abuse.refused" : "request.refused",
		m->call_id, user, organisation_of(s, m), text);
}

void report_failed(const struct edge *edge, const struct session *s,
	const struct txn *txn, const struct verdict *v)
{
	char text[FACTS_LEN];

	facts(edge, s, v, txn->method_name, text);
	log_limited(LOG_LEVEL_INFO, 60, "request.failed",
		"call_id=%s from=%s %s", log_qz(txn->call_id),
		log_qz(txn->user), text);
	remember(edge, s, "request.failed", str_of(txn->call_id),
		str_of(txn->user), str_of(txn->partner != NULL ?
		txn->partner->domain : ""), text);
}

/* ---- connections --------------------------------------------------------- */

/* Which line of the configuration is behind a ground of ours. What is not
 * here has none: the protocol's rules, an order of the administrator. */
static const struct {
	const char *why;
	const char *setting;
} grounds[] = {
	{"allow_outside_users", "allow_outside_users"},
	{"client.allowed", "allow_outside_users"},
	{"client.pre-auth", "pre_auth_requests"},
	{"first-message", "first_message_timeout"},
	{"message", "message_timeout"},
	{"sign-in", "pre_auth_time"},
	{"flood", "client_rate"},
	{"handshakes", "max_handshakes"},
	{"untrusted", "servers"},
	{"revoked", "servers"},
	{"revoked certificate", "keep_crls_up_to_date_for_peers"},
	{"authority", "trust"},
	{"unchecked certificate", "require_crls_for_peers"},
	{"deaf", "next_hop_probe"},
};

static const char *setting_behind(const struct session *s,
	enum stream_end end)
{
	if (end == STREAM_END_HANDSHAKE)
		return "handshake_timeout";
	if (end == STREAM_END_IDLE)
		return s->idle_setting;
	for (size_t i = 0; s->why_closed != NULL &&
		i < ARRAY_COUNT(grounds); i++) {
		if (strcmp(s->why_closed, grounds[i].why) != 0)
			continue;
		/* Partners go when there is no federation any more. */
		return s->origin.role == ORIGIN_PARTNER &&
			strcmp(s->why_closed, "revoked") == 0 ?
			"allow_federated_users" : grounds[i].setting;
	}
	return NULL;
}

void report_not_taken(const struct edge *edge, const struct addr *remote,
	const char *rule, const char *setting)
{
	char line[POLICY_LINE_LEN], from[ADDR_TEXT_LEN];

	log_limited(LOG_LEVEL_WARNING, 6, "connection.refused",
		"remote=%s reason=%s config=%s", addr_text(remote, from), rule,
		log_qz(policy_line(&edge->policy, setting, line)));
}

void report_ended(const struct edge *edge, const struct session *s,
	enum stream_end end, const char *detail)
{
	char text[FACTS_LEN], line[POLICY_LINE_LEN], remote[ADDR_TEXT_LEN];
	struct mono now = loop_now(edge->loop);

	policy_line(&edge->policy, setting_behind(s, end), line);
	snprintf(text, sizeof(text), "session=%s peer=%s remote=%s user=%s "
		"name=%s reason=%s why=%s config=%s detail=%s "
		"lasted_s=%" PRId64 " messages_in=%" PRIu64
		" messages_out=%" PRIu64, s->origin.cid_text,
		origin_role_name(s->origin.role),
		addr_text(&s->origin.remote, remote), log_qz(s->user),
		log_qz(s->origin.peer_name), stream_end_name(end),
		s->why_closed != NULL ? s->why_closed : "-", log_qz(line),
		log_qz(s->fault != NULL ? s->fault : detail),
		mono_since_ms(s->opened, now) / 1000,
		s->messages_in, s->messages_out);
	/* Whoever never shook hands can be anybody, at any rate. */
	if (s->is_ready)
		log_info("session.closed", "%s", text);
	else
		log_limited(LOG_LEVEL_INFO, 30, "handshake.failed", "%s",
			text);
	recall_add(edge->recall, &(struct recall_note){
		.share = s->is_ready ? RECALL_ENDED : RECALL_STRANGER,
		.kind = s->is_ready ? "session.closed" : "handshake.failed",
		.id = str_of(s->origin.cid_text),
		.user = str_of(s->user),
		.address = &s->origin.remote,
	}, "%s", text);
}
