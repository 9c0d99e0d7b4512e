/*
 * Checking a sender in the order of [MS-TURN] 3.3.5.1: user name, realm,
 * nonce, integrity. An allocation remembers its user, password and key, so
 * that its requests cost one HMAC and a credential that ends in mid-call
 * does not end the call. Any realm the client states is good: the password
 * does not depend on it.
 */
#include "av-edge/ms_auth.h"

#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"

static bool is_allocate(const struct stun_msg *m)
{
	return stun_ms_type(m) == STUN_MS_ALLOCATE;
}

static bool has_integrity(const struct stun_msg *m)
{
	return stun_has(m, STUN_INTEGRITY) ||
	    stun_has(m, STUN_INTEGRITY_SHA256);
}

static struct str bytes_of(const void *p, size_t n)
{
	return (struct str){p, n};
}

/* ---- the user ---------------------------------------------------------- */

static bool is_owner(const struct auth_facts *f, const struct ms_proof *proof)
{
	return f->alloc != NULL && auth_is_user_of(f->alloc, &proof->who);
}

static enum auth_cause find_user(const struct auth_facts *f,
	const struct ms_state *state, const struct stun_msg *m,
	struct ms_proof *proof)
{
	struct av_cred cred = {.user_len = 0};
	enum auth_cause cause;

	proof->user = stun_bytes(m, STUN_USERNAME);
	auth_name_credential(&proof->who, proof->user);
	if (is_owner(f, proof)) {
		memcpy(proof->who.client_id, f->alloc->client_id,
			sizeof(proof->who.client_id));
		memcpy(proof->password, state->password,
			sizeof(proof->password));
		return AUTH_OK;
	}
	cause = auth_check_credential(f, proof->user, &cred, &proof->who);
	if (cause == AUTH_OK)
		memcpy(proof->password, cred.password,
			sizeof(proof->password));
	digest_wipe(&cred, sizeof(cred));
	return cause;
}

/* ---- nonce and integrity ----------------------------------------------- */

static enum auth_cause check_nonce(const struct auth_facts *f,
	const struct ms_state *state, const struct stun_msg *m)
{
	struct str nonce = stun_bytes(m, STUN_NONCE);

	if (state != NULL && nonce.n == sizeof(state->nonce) &&
	    digest_eq(nonce.p, state->nonce, nonce.n))
		return AUTH_OK;
	switch (nonce_check(f->secret, f->client, f->now,
		f->rules->nonce_lifetime_s, nonce)) {
	case NONCE_GOOD:
		return AUTH_OK;
	case NONCE_STALE:
		return AUTH_STALE_NONCE;
	case NONCE_FOREIGN:
		break;
	}
	return AUTH_FOREIGN_NONCE;
}

/* The algorithm is the allocation's, once there is one. */
static bool wants_sha256(const struct ms_state *state,
	const struct ms_proof *proof)
{
	if (state != NULL)
		return state->key.len == DIGEST_SHA256_LEN;
	return proof->version >= STUN_MS_VERSION_SHA256;
}

/* Send and Set Active Destination may lack REALM: what counts then is the
 * allocation's key, or our own realm where there is no allocation. */
static void find_key(const struct auth_facts *f, const struct ms_state *state,
	const struct stun_msg *m, struct ms_proof *proof)
{
	struct str user = proof->user;
	struct str password = bytes_of(proof->password,
		sizeof(proof->password));
	struct str realm = stun_has(m, STUN_REALM) ?
	    stun_bytes(m, STUN_REALM) : str_of(f->rules->realm);

	if (!is_allocate(m) && is_owner(f, proof))
		proof->key = state->key;
	else if (wants_sha256(state, proof))
		stun_ms_key_sha256(&proof->key, user, realm,
			stun_bytes(m, STUN_NONCE), password);
	else
		stun_ms_key_sha1(&proof->key, user, realm, password);
}

enum auth_cause ms_auth_check(const struct auth_facts *f,
	const struct ms_state *state, const struct stun_msg *m,
	struct ms_proof *proof)
{
	enum auth_cause cause;

	memset(proof, 0, sizeof(*proof));
	proof->version = state != NULL ? state->version :
	    stun_ms_announced(stun_ms_version(m), f->rules->turn_sha256);
	if (!has_integrity(m))
		return is_allocate(m) ? AUTH_CHALLENGED : AUTH_INCOMPLETE;
	if (!stun_has(m, STUN_USERNAME))
		return AUTH_INCOMPLETE;
	cause = find_user(f, state, m, proof);
	if (cause != AUTH_OK)
		return cause;
	if (is_allocate(m)) {
		if (!stun_has(m, STUN_REALM) || !stun_has(m, STUN_NONCE))
			return AUTH_INCOMPLETE;
		cause = check_nonce(f, state, m);
		if (cause != AUTH_OK)
			return cause;
	}
	find_key(f, state, m, proof);
	if (stun_ms_check(m, &proof->key) < 0)
		return AUTH_BAD_INTEGRITY;
	proof->who.has_key = true;
	proof->is_there = is_allocate(m) || f->alloc != NULL;
	if (f->alloc != NULL && !is_owner(f, proof))
		return AUTH_WRONG_USER;
	return AUTH_OK;
}

static unsigned incomplete_code(const struct stun_msg *m)
{
	if (!stun_has(m, STUN_USERNAME))
		return 432;
	return stun_has(m, STUN_REALM) ? 435 : 434;
}

/* Who can't be told so signed is told only about Allocate: other requests
 * without an allocation behind them are strays. */
unsigned ms_auth_code(enum auth_cause cause, const struct stun_msg *m)
{
	if (cause == AUTH_WRONG_USER)
		return stun_ms_type(m) == STUN_MS_SEND ? 0 : 441;
	if (!is_allocate(m))
		return 0;
	switch (cause) {
	case AUTH_CHALLENGED:
		return 401;
	case AUTH_INCOMPLETE:
		return incomplete_code(m);
	case AUTH_UNKNOWN_USER:
	case AUTH_FORGED:
	case AUTH_EXPIRED:
	case AUTH_TOO_LONG:
		return 436;
	case AUTH_STALE_NONCE:
	case AUTH_FOREIGN_NONCE:
		return 438;
	case AUTH_NO_KEY:
		return 500;
	default: /* a wrong integrity is met with silence */
		return 0;
	}
}

void ms_auth_adopt(struct ms_state *state, const struct stun_msg *m,
	const struct ms_proof *proof)
{
	struct str nonce = stun_bytes(m, STUN_NONCE);

	if (nonce.n == sizeof(state->nonce))
		memcpy(state->nonce, nonce.p, nonce.n);
	state->key = proof->key;
}
