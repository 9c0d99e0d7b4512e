/*
 * Answering a message of RFC 8489, and finding out who asks. What integrity
 * an answer carries, and whether a stranger gets one at all, is decided here
 * for all methods alike.
 */
#include "av-edge/rfc_ask.h"

#include "common/stun/stun_password.h"
#include "av-edge/refusal.h"

/* ---- answering --------------------------------------------------------- */

void rfc_ask_begin(struct rfc_ask *ask, enum stun_class class)
{
	stun_write_begin(&ask->w, &stun_rfc, ask->out->answer,
		TURN_ANSWER_MAX, class, ask->m.method, ask->m.tid);
}

/* RFC 8489 9.2.4: with the kind of integrity that the request had. */
void rfc_ask_end(struct rfc_ask *ask)
{
	const struct auth_proof *proof = &ask->proof;
	int len;

	if (proof->has_key && stun_has(&ask->m, STUN_INTEGRITY_SHA256))
		stun_write_integrity_sha256(&ask->w, proof->key,
			proof->key_len);
	else if (proof->has_key)
		stun_write_integrity(&ask->w, proof->key, proof->key_len);
	if (stun_has(&ask->m, STUN_FINGERPRINT))
		stun_write_fingerprint(&ask->w);
	len = stun_write_end(&ask->w);
	if (len < 0 || (!proof->has_key &&
	    !refusal_may_be_told(ask->t, ask->in, (size_t)len)))
		return;
	ask->out->answer_len = (size_t)len;
}

void rfc_ask_refuse(struct rfc_ask *ask, unsigned code)
{
	refusal_note(ask->t, ask->in, &ask->proof,
		stun_method_name(ask->m.method), code);
	rfc_ask_begin(ask, STUN_ERROR);
	stun_write_error(&ask->w, code);
	if (code == 420)
		stun_write_unknown(&ask->w, &ask->m);
	rfc_ask_end(ask);
}

void rfc_ask_redirect(struct rfc_ask *ask, const struct addr *other)
{
	refusal_note(ask->t, ask->in, &ask->proof,
		stun_method_name(ask->m.method), 300);
	rfc_ask_begin(ask, STUN_ERROR);
	stun_write_error(&ask->w, 300);
	stun_write_addr(&ask->w, STUN_ALTERNATE_SERVER, other);
	rfc_ask_end(ask);
}

/* RFC 8489 9.2.4: with the nonce goes what it says was offered. */
static void write_challenge(struct rfc_ask *ask, bool with_offer)
{
	const struct turn *t = ask->t;
	char nonce[NONCE_OFFER_LEN + 1];

	if (with_offer)
		nonce_make_offer(&t->shared->secret, ask->in->client, t->now,
			nonce);
	else
		nonce_make(&t->shared->secret, ask->in->client, t->now,
			nonce);
	stun_write_text(&ask->w, STUN_REALM, str_of(t->rules->realm));
	stun_write_text(&ask->w, STUN_NONCE, str_of(nonce));
	if (with_offer)
		stun_password_write_offer(&ask->w);
}

static void write_refusal(struct rfc_ask *ask, enum auth_cause cause,
	bool with_offer)
{
	rfc_ask_begin(ask, STUN_ERROR);
	stun_write_error(&ask->w, auth_cause_code(cause));
	if (auth_cause_challenges(cause))
		write_challenge(ask, with_offer);
}

/* A challenge that would be too long for its request, because the realm is,
 * is told without a choice of algorithms. */
static void refuse_sender(struct rfc_ask *ask, enum auth_cause cause)
{
	write_refusal(ask, cause, true);
	if (!refusal_is_short(ask->in, ask->w.w.len))
		write_refusal(ask, cause, false);
	rfc_ask_end(ask);
}

/* ---- the request ------------------------------------------------------- */

unsigned rfc_ask_byte(const struct rfc_ask *ask, enum stun_attr attr)
{
	uint32_t value = 0;

	return stun_number(&ask->m, attr, &value) == 0 ? value >> 24 : 0;
}

/* ---- who asks ---------------------------------------------------------- */

bool rfc_ask_check_sender(struct rfc_ask *ask)
{
	struct turn *t = ask->t;
	const struct auth_facts facts = {
		.rules = t->rules,
		.secret = &t->shared->secret,
		.client = ask->in->client,
		.alloc = ask->alloc,
		.now = t->now,
		.wall = t->wall,
	};
	enum auth_cause cause = auth_check(&facts, &ask->m, &ask->proof);

	if (ask->proof.has_key)
		strangers_earn(t->shared->strangers, ask->in->client, t->now);
	if (cause == AUTH_OK)
		return true;
	refusal_note_sender(t, ask->in, cause, stun_method_name(ask->m.method),
		ask->proof.expired_ago_s);
	refuse_sender(ask, cause);
	return false;
}
