/*
 * Records for `edgectl explain`, with what to do about them. Called where
 * the same is counted and logged.
 */
#include "av-auth/remember.h"

#include <inttypes.h>

#include "common/base/log.h"

#define CREDENTIAL_LEN (AV_CRED_CLIENT_ID_LEN * 2 + 1)

static const char *const ADVICE[AVEDGE_REASON_COUNT] = {
	[AVEDGE_MALFORMED] = "the body is not what [MS-AVEDGEA] asks for: a "
		"fault of the client or of the server that asks",
	[AVEDGE_TOO_LARGE] = "ask for at most 100 credentials in one request",
	[AVEDGE_NOT_SUPPORTED] = "the topology has no relay for that "
		"location, or there is no pool key: see 'edgectl ports' and "
		"'edgectl credentials keys'",
	[AVEDGE_BUSY] = "the server asks for more than the setting "
		"credential_rate allows",
	[AVEDGE_INTERNAL] = "out of memory, or no entropy: see 'edgectl "
		"status'",
	[AVEDGE_FORBIDDEN] = "the user is of none of our domains, and the "
		"setting own_domains_only is on",
	[AVEDGE_VERSION_MISMATCH] = "the client speaks another version than "
		"1.0 or 2.0",
};

static void remember_grants(struct recall *r, const struct sip_msg *m,
	const struct avedge_response *a, const struct service_from *from)
{
	const struct avedge_request *q = a->request;
	char credential[CREDENTIAL_LEN];
	struct recall_note note = {
		.share = RECALL_ADMITTED,
		.kind = "credentials.issued",
		.id = str_of(from->session),
		.call_id = m->call_id,
		.credential = {credential, CREDENTIAL_LEN - 1},
		.address = from->remote,
		.speaks_for_many = true,
	};

	for (size_t i = 0; i < a->grant_count; i++) {
		const struct avedge_grant *grant = &a->grants[i];

		str_hex(grant->client_id, sizeof(grant->client_id),
			credential);
		note.user = q->items[i].identity;
		recall_add(r, &note,
			"server=%s version=%u.%u location=%s lifetime_min=%"
			PRIu32, log_qz(from->server), q->major, q->minor,
			log_qz(avedge_location_text(grant->location)),
			grant->duration_min);
	}
}

void remember_answer(struct recall *r, const struct sip_msg *m,
	const struct avedge_response *a, const struct service_from *from,
	const char *cause)
{
	const struct avedge_request *q = a->request;
	const struct recall_note note = {
		.share = RECALL_REFUSED,
		.kind = "credentials.refused",
		.advice = ADVICE[a->reason],
		.id = str_of(from->session),
		.call_id = m->call_id,
		.user = q->item_count > 0 ? q->items[0].identity : q->from,
		.address = from->remote,
		.speaks_for_many = true,
	};

	if (a->reason == AVEDGE_OK)
		remember_grants(r, m, a, from);
	else
		recall_add(r, &note, "server=%s reason=%s cause=%s",
			log_qz(from->server),
			log_qz(avedge_reason_text(a->reason)), log_qz(cause));
}

void remember_by_bus(struct recall *r, const char *identity,
	const struct av_cred *c, uint32_t lifetime_min)
{
	char credential[CREDENTIAL_LEN];
	const struct recall_note note = {
		.share = RECALL_ADMITTED,
		.kind = "credentials.issued_by_bus",
		.user = str_of(identity),
		.credential = {credential, CREDENTIAL_LEN - 1},
	};

	str_hex(c->client_id, sizeof(c->client_id), credential);
	recall_add(r, &note, "lifetime_min=%" PRIu32, lifetime_min);
}

void remember_refusal(struct recall *r, const struct sip_msg *m,
	const struct service_from *from, unsigned status, const char *cause)
{
	struct recall_note note = {
		.share = RECALL_REFUSED,
		.kind = "message.refused",
		.id = str_of(from->session),
		.address = from->remote,
	};

	if (m != NULL)
		note.call_id = m->call_id;
	recall_add(r, &note, "server=%s status=%u cause=%s",
		log_qz(from->server), status, log_qz(cause));
}

void remember_stranger(struct recall *r, const struct remember_peer *peer,
	const char *cause)
{
	const struct recall_note note = {
		.share = RECALL_STRANGER,
		.kind = "session.refused",
		.advice = "only inside servers whose certificate leads to the "
			"trust anchor and whose name has the right av-auth "
			"may connect: see trusted_servers in the topology",
		.id = str_of(peer->session),
		.domain = str_of(peer->name),
		.address = peer->remote,
	};

	recall_add(r, &note, "reason=%s", log_qz(cause));
}

void remember_end(struct recall *r, const struct remember_peer *peer,
	const char *reason, const char *detail)
{
	const struct recall_note note = {
		.share = RECALL_ENDED,
		.kind = "session.closed",
		.id = str_of(peer->session),
		.domain = str_of(peer->name),
		.address = peer->remote,
	};

	recall_add(r, &note, "reason=%s detail=%s", reason, log_qz(detail));
}
