/*
 * Who may be connected: at the end of the handshake, when a revocation list
 * comes, after another topology, after other trusted authorities. What may be
 * said on a connection is admit.c's and federate.c's.
 */
#include "access-edge/doorman.h"

#include "access-edge/counters.h"
#include "common/base/log.h"
#include "common/store/trusted.h"

/* ---- servers inside ------------------------------------------------------ */

/* An inside peer must have a certificate that names a trusted server; with
 * a pin, it must be that very key. */
static bool is_trusted(const struct edge *edge, const struct session *s,
	const char **cause)
{
	const struct tls_peer *peer = stream_peer(s->stream);

	*cause = "no certificate";
	return peer != NULL && trusted_find(edge->topology,
		TOPOLOGY_GRANT_SIP, peer, cause) != NULL;
}

static void refuse_server(struct edge *edge, struct session *s,
	const char *cause)
{
	char text[ADDR_TEXT_LEN];

	counter_add(edge->counters, COUNTER_CONNECTIONS_REFUSED, 1);
	log_limited(LOG_LEVEL_WARNING, 12, "session.refused",
		"session=%s remote=%s name=%s cause=\"%s\"",
		s->origin.cid_text, addr_text(&s->origin.remote, text),
		log_qz(s->origin.peer_name), cause);
	session_close(s, "untrusted");
}

/* ---- certificates -------------------------------------------------------- */

/* Its certificate leads to nobody that is trusted any more: it goes. */
static bool is_reviewed(struct session *s)
{
	s->is_to_be_reviewed = false;
	if (s->origin.role == ORIGIN_CLIENT || session_is_trusted(s))
		return true;
	log_notice("session.revoked", "session=%s name=%s cause=\"no trusted "
		"authority stands behind its certificate\"",
		s->origin.cid_text, log_qz(s->origin.peer_name));
	session_close(s, "authority");
	return false;
}

static void refuse_certificate(struct edge *edge, struct session *s,
	bool is_listed, const char *detail)
{
	counter_add(edge->counters, is_listed ? COUNTER_REVOKED :
		COUNTER_UNCHECKED, 1);
	log_limited(LOG_LEVEL_WARNING, 12, is_listed ? "certificate.revoked" :
		"certificate.unchecked", "session=%s name=%s cause=%s",
		s->origin.cid_text, log_qz(s->origin.peer_name),
		log_qz(detail));
	session_close(s, is_listed ? "revoked certificate" :
		"unchecked certificate");
}

/* A new partner: has its issuer taken its certificate back? False: it ends, or
 * waits for the list. */
static bool is_checked(struct edge *edge, struct session *s)
{
	char detail[REVOCATION_DETAIL_LEN];
	enum revocation_state state;

	if (s->origin.role != ORIGIN_PARTNER)
		return true;
	state = revocation_look(edge->revocation, s->stream, detail);
	if (state == REVOCATION_WAIT)
		session_wait(s);
	else if (state != REVOCATION_FINE)
		refuse_certificate(edge, s, state == REVOCATION_LISTED,
			detail);
	return state == REVOCATION_FINE;
}

/* ---- moments ------------------------------------------------------------- */

static void open_session(struct edge *edge, struct session *s)
{
	char text[ADDR_TEXT_LEN];

	log_info("session.opened", "session=%s side=%s peer=%s remote=%s "
		"tls=%s name=%s", s->origin.cid_text,
		origin_side_name(s->origin.role),
		origin_role_name(s->origin.role),
		addr_text(&s->origin.remote, text),
		log_qz(stream_cipher(s->stream)),
		log_qz(s->origin.peer_name));
	if (s->origin.role != ORIGIN_CLIENT)
		peer_on_ready(edge_peers_of(edge, s), s);
}

void doorman_on_ready(struct edge *edge, struct session *s)
{
	const char *cause;

	if (s->origin.role == ORIGIN_CLIENT &&
		!edge->policy.allow_outside_users) {
		session_close(s, "allow_outside_users");
		return;
	}
	if (s->origin.role == ORIGIN_INTERNAL &&
		!is_trusted(edge, s, &cause)) {
		refuse_server(edge, s, cause);
		return;
	}
	if (s->is_to_be_reviewed && !is_reviewed(s))
		return;
	if (is_checked(edge, s))
		open_session(edge, s);
}

void doorman_on_crl(struct edge *edge)
{
	struct list *it, *next;
	char detail[REVOCATION_DETAIL_LEN];

	list_for_each_safe(it, next, &edge->sessions.all) {
		struct session *s = container_of(it, struct session,
			in_table);

		if (s->is_closing || s->origin.role != ORIGIN_PARTNER)
			continue;
		if (s->is_waiting && is_checked(edge, s)) {
			session_go_on(s);
			open_session(edge, s);
		} else if (s->is_ready && revocation_look(edge->revocation,
			s->stream, detail) == REVOCATION_LISTED) {
			refuse_certificate(edge, s, true, detail);
		}
	}
}

/* May it still be there? Servers that the topology no longer trusts must go,
 * partners when there is no federation any more, clients with
 * allow_outside_users. NULL = yes. */
static const char *gone_by(const struct edge *edge, const struct session *s)
{
	const char *cause;

	switch (s->origin.role) {
	case ORIGIN_CLIENT:
		return edge->policy.allow_outside_users ? NULL :
			"allow_outside_users";
	case ORIGIN_PARTNER:
		return edge->policy.federation.is_on ? NULL : "revoked";
	case ORIGIN_INTERNAL:
		break;
	}
	return is_trusted(edge, s, &cause) ? NULL : "revoked";
}

void doorman_follow(struct edge *edge)
{
	struct list *it, *next;

	list_for_each_safe(it, next, &edge->sessions.all) {
		struct session *s = container_of(it, struct session,
			in_table);
		const char *why;

		if (s->is_closing)
			continue;
		session_follow(s, &edge->policy);
		why = s->is_ready || s->is_waiting ? gone_by(edge, s) : NULL;
		if (why == NULL)
			continue;
		log_notice("session.revoked", "session=%s name=%s cause=%s",
			s->origin.cid_text, log_qz(s->origin.peer_name), why);
		session_close(s, why);
	}
}

void doorman_review(struct edge *edge)
{
	struct list *it, *next;

	list_for_each_safe(it, next, &edge->sessions.all) {
		struct session *s = container_of(it, struct session,
			in_table);

		s->is_to_be_reviewed = true;
		if (!s->is_closing && (s->is_ready || s->is_waiting))
			(void)is_reviewed(s);
	}
}
