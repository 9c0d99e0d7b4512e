/*
 * The edge's check of a ticket, one question after the other. What is cheap
 * and tells a stranger nothing comes first; the single-use set is touched by
 * tickets that are good in every other respect only.
 */
#include "webconf-edge/admit.h"

#include <errno.h>

#include "common/base/digest.h"
#include "common/base/err.h"

static const struct {
	enum wce_code code;
	const char *name;
} VERDICTS[ADMIT_VERDICTS] = {
	[ADMIT_OK] = {WCE_E_NONE, "ok"},
	[ADMIT_SHAPE] = {WCE_E_TICKET, "shape"},
	[ADMIT_SERVER] = {WCE_E_SERVER, "server"},
	[ADMIT_KEY] = {WCE_E_TICKET, "key"},
	[ADMIT_SIGNATURE] = {WCE_E_TICKET, "signature"},
	[ADMIT_AUDIENCE] = {WCE_E_TICKET, "audience"},
	[ADMIT_TIME] = {WCE_E_TICKET, "time"},
	[ADMIT_CONFERENCE] = {WCE_E_TICKET, "conference"},
	[ADMIT_REVOKED] = {WCE_E_TICKET, "revoked"},
	[ADMIT_FULL] = {WCE_E_SERVER_FULL, "server_full"},
	[ADMIT_REPLAYED] = {WCE_E_TICKET, "replayed"},
	[ADMIT_SET_FULL] = {WCE_E_EDGE_FULL, "tickets_full"},
};

enum wce_code admit_code(enum admit_verdict verdict)
{
	return VERDICTS[verdict].code;
}

const char *admit_name(enum admit_verdict verdict)
{
	return VERDICTS[verdict].name;
}

/* Is it this server's, and for us, now, for this conference? */
static enum admit_verdict check_proof(struct str bytes, struct str conference,
	const struct admit_facts *facts, const struct ticket *t,
	const struct server *server)
{
	const struct ticket_key *key = server_key(server, t->key_id);
	uint8_t hash[TICKET_HASH_LEN];
	int err;

	if (key == NULL || ticket_key_alg(key) != t->alg)
		return ADMIT_KEY;
	if (ticket_verify(bytes, key) < 0)
		return ADMIT_SIGNATURE;
	err = ticket_check(t, facts->audience, facts->now, facts->skew_s);
	if (err == EDGE_EREFUSED)
		return ADMIT_AUDIENCE;
	if (err < 0)
		return ADMIT_TIME;
	ticket_hash(conference, hash);
	if (!digest_eq(hash, t->conference, sizeof(hash)))
		return ADMIT_CONFERENCE;
	if (ticket_set_has(server->revoked, t->id))
		return ADMIT_REVOKED;
	return ADMIT_OK;
}

static enum admit_verdict use_up(const struct admit_facts *facts,
	const struct ticket *t)
{
	const struct wall until = {t->not_after.s + facts->skew_s};
	int err;

	if (!t->is_single_use)
		return ADMIT_OK;
	err = ticket_set_add(facts->used, t->id, until, facts->now);
	if (err == -EEXIST)
		return ADMIT_REPLAYED;
	return err < 0 ? ADMIT_SET_FULL : ADMIT_OK;
}

enum admit_verdict admit_check(struct str bytes, struct str conference,
	const struct admit_facts *facts, struct ticket *ticket,
	struct server **server)
{
	enum admit_verdict verdict;
	struct server *s;

	if (ticket_read(bytes, ticket) < 0)
		return ADMIT_SHAPE;
	s = servers_find(facts->servers, ticket->server);
	if (s == NULL || s->control_count == 0)
		return ADMIT_SERVER;
	*server = s;
	verdict = check_proof(bytes, conference, facts, ticket, s);
	if (verdict != ADMIT_OK)
		return verdict;
	if (!server_may_join(s))
		return ADMIT_FULL;
	return use_up(facts, ticket);
}
