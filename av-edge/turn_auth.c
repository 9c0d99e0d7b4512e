/*
 * Checking a request's sender in the order of RFC 8489 9.2.4: integrity
 * there, complete, user, integrity right, nonce. An allocation remembers
 * its user and key, so that a refresh costs one HMAC and a credential that
 * ends in mid-call does not end the call.
 */
#include "av-edge/turn_auth.h"

#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"

static const struct {
	const char *name;
	unsigned code;
	bool challenges;
} causes[AUTH_CAUSE_COUNT] = {
	[AUTH_OK] = {"ok", 0, false},
	[AUTH_CHALLENGED] = {"challenged", 401, true},
	[AUTH_INCOMPLETE] = {"incomplete", 400, false},
	[AUTH_UNKNOWN_USER] = {"unknown-user", 401, true},
	[AUTH_FORGED] = {"forged-user", 401, true},
	[AUTH_EXPIRED] = {"expired", 401, true},
	[AUTH_WRONG_REALM] = {"wrong-realm", 401, true},
	[AUTH_BAD_INTEGRITY] = {"bad-integrity", 401, true},
	[AUTH_STALE_NONCE] = {"stale-nonce", 438, true},
	[AUTH_FOREIGN_NONCE] = {"foreign-nonce", 438, true},
	[AUTH_WRONG_USER] = {"wrong-user", 441, false},
	[AUTH_NO_KEY] = {"no-key", 500, false},
};

unsigned auth_cause_code(enum auth_cause cause)
{
	return causes[cause].code;
}

const char *auth_cause_name(enum auth_cause cause)
{
	return causes[cause].name;
}

bool auth_cause_challenges(enum auth_cause cause)
{
	return causes[cause].challenges;
}

static enum auth_cause check_shape(const struct stun_msg *m)
{
	if (!stun_has(m, STUN_INTEGRITY) && !stun_has(m, STUN_INTEGRITY_SHA256))
		return AUTH_CHALLENGED;
	if (!stun_has(m, STUN_REALM) || !stun_has(m, STUN_NONCE))
		return AUTH_INCOMPLETE;
	/* A hash of the user name can't be turned back into a credential;
	 * our nonces do not announce it (RFC 8489 9.2, bit 1). */
	if (!stun_has(m, STUN_USERNAME))
		return stun_has(m, STUN_USERHASH) ? AUTH_UNKNOWN_USER :
						    AUTH_INCOMPLETE;
	return AUTH_OK;
}

bool auth_is_user_of(const struct alloc *a, const struct auth_proof *proof)
{
	return a->user_len == proof->user_len &&
	    digest_eq(a->user, proof->user, proof->user_len);
}

/* Key and client id from the credential itself. */
static enum auth_cause derive(const struct auth_facts *f, struct str user,
	struct auth_proof *proof)
{
	char password[AV_CRED_PASSWORD_TEXT];
	struct av_cred cred;
	int err;

	if (f->rules->keys.count == 0)
		return AUTH_NO_KEY;
	err = av_cred_check(&cred, &f->rules->keys, proof->user,
		proof->user_len, f->wall, f->rules->credential_skew_s);
	if (err == EDGE_EEXPIRED) {
		proof->expired_ago_s = f->wall.s - cred.expires.s;
		digest_wipe(&cred, sizeof(cred));
		return AUTH_EXPIRED;
	}
	if (err < 0)
		return err == EDGE_EFORGED ? AUTH_FORGED : AUTH_UNKNOWN_USER;
	av_cred_password_text(&cred, password);
	stun_key(user, str_of(f->rules->realm), str_of(password), proof->key);
	memcpy(proof->client_id, cred.client_id, sizeof(proof->client_id));
	digest_wipe(password, sizeof(password));
	digest_wipe(&cred, sizeof(cred));
	return AUTH_OK;
}

static enum auth_cause find_key(const struct auth_facts *f,
	const struct stun_msg *m, struct auth_proof *proof)
{
	struct str user = stun_bytes(m, STUN_USERNAME);

	if (av_cred_user_from_text(user, proof->user, &proof->user_len) < 0)
		return AUTH_UNKNOWN_USER;
	if (f->alloc == NULL || !auth_is_user_of(f->alloc, proof))
		return derive(f, user, proof);
	memcpy(proof->key, f->alloc->key, sizeof(proof->key));
	memcpy(proof->client_id, f->alloc->client_id,
		sizeof(proof->client_id));
	return AUTH_OK;
}

static enum auth_cause check_nonce(const struct auth_facts *f,
	const struct stun_msg *m)
{
	switch (nonce_check(f->secret, f->client, f->now,
		f->rules->nonce_lifetime_s, stun_bytes(m, STUN_NONCE))) {
	case NONCE_GOOD:
		return AUTH_OK;
	case NONCE_STALE:
		return AUTH_STALE_NONCE;
	case NONCE_FOREIGN:
		break;
	}
	return AUTH_FOREIGN_NONCE;
}

enum auth_cause auth_check(const struct auth_facts *f,
	const struct stun_msg *m, struct auth_proof *proof)
{
	enum auth_cause cause;

	memset(proof, 0, sizeof(*proof));
	cause = check_shape(m);
	if (cause == AUTH_OK)
		cause = find_key(f, m, proof);
	if (cause != AUTH_OK)
		return cause;
	if (stun_check_integrity(m, proof->key, sizeof(proof->key)) < 0) {
		if (!str_eq_z(stun_bytes(m, STUN_REALM), f->rules->realm))
			return AUTH_WRONG_REALM;
		return AUTH_BAD_INTEGRITY;
	}
	cause = check_nonce(f, m);
	if (cause != AUTH_OK)
		return cause;
	proof->has_key = true;
	/* RFC 8656 5: of an Allocate it is the 5-tuple that is wrong, 437. */
	if (f->alloc != NULL && m->method != STUN_ALLOCATE &&
	    !auth_is_user_of(f->alloc, proof))
		return AUTH_WRONG_USER;
	return AUTH_OK;
}
