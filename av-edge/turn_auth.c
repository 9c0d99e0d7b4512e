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
#include "common/cred/rest_cred.h"
#include "common/stun/stun_password.h"

#define CLOCKS_APART_S 300

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
	[AUTH_TOO_LONG] = {"too-long", 401, true},
	[AUTH_REST_OFF] = {"rest-off", 401, true},
	[AUTH_ALGORITHMS] = {"algorithms", 400, false},
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
	return digest_eq(a->credential, proof->credential,
		sizeof(a->credential));
}

void auth_name_credential(struct auth_proof *proof, struct str user)
{
	const struct digest_part part = {user.p, user.n};

	digest_sha256(&part, 1, proof->credential);
}

/* ---- credentials of av-auth -------------------------------------------- */

/* Nothing is made for longer than the bound: a later end is of a clock that
 * is wrong here, or was wrong there. Clocks that are nearly right pass. */
static bool ends_too_late(const struct auth_facts *f, struct wall expires,
	uint32_t longest_s)
{
	return expires.s - f->wall.s >
	    (int64_t)longest_s + CLOCKS_APART_S;
}

enum auth_cause auth_check_credential(const struct auth_facts *f,
	struct str user, struct av_cred *cred, struct auth_proof *proof)
{
	int err;

	if (f->rules->keys.count == 0)
		return AUTH_NO_KEY;
	err = av_cred_check(cred, &f->rules->keys, user.p, user.n, f->wall,
		f->rules->credential_skew_s);
	if (err == EDGE_EEXPIRED) {
		proof->expired_ago_s = f->wall.s - cred->expires.s;
		return AUTH_EXPIRED;
	}
	if (err < 0)
		return err == EDGE_EFORGED ? AUTH_FORGED : AUTH_UNKNOWN_USER;
	if (ends_too_late(f, cred->expires, AV_CRED_LIFETIME_MAX_S))
		return AUTH_TOO_LONG;
	memcpy(proof->client_id, cred->client_id, sizeof(proof->client_id));
	return AUTH_OK;
}

/* What one request is about. */
struct claim {
	const struct auth_facts *f;
	const struct stun_msg *m;
	struct str user;
	enum stun_algorithm algorithm;
};

static void make_key(const struct claim *c, const char *password,
	struct auth_proof *proof)
{
	proof->key_len = (uint8_t)stun_password_key(c->algorithm, c->user,
		str_of(c->f->rules->realm), str_of(password), proof->key);
}

/* RFC 8489 14.6: whole, because no use of it in TURN cuts it short. */
static bool is_signed_with(const struct stun_msg *m,
	const struct auth_proof *proof)
{
	if (stun_has(m, STUN_INTEGRITY_SHA256) &&
	    stun_bytes(m, STUN_INTEGRITY_SHA256).n != DIGEST_SHA256_LEN)
		return false;
	return stun_check_integrity(m, proof->key, proof->key_len) == 0;
}

static enum auth_cause check_integrity(const struct claim *c,
	const struct auth_proof *proof)
{
	if (is_signed_with(c->m, proof))
		return AUTH_OK;
	if (!str_eq_z(stun_bytes(c->m, STUN_REALM), c->f->rules->realm))
		return AUTH_WRONG_REALM;
	return AUTH_BAD_INTEGRITY;
}

static enum auth_cause check_minted(const struct claim *c, struct str raw,
	struct auth_proof *proof)
{
	char password[AV_CRED_PASSWORD_TEXT];
	struct av_cred cred = {.user_len = 0};
	enum auth_cause cause;

	cause = auth_check_credential(c->f, raw, &cred, proof);
	if (cause == AUTH_OK) {
		av_cred_password_text(&cred, password);
		make_key(c, password, proof);
		digest_wipe(password, sizeof(password));
		cause = check_integrity(c, proof);
	}
	digest_wipe(&cred, sizeof(cred));
	return cause;
}

/* ---- credentials made from a shared secret ------------------------------ */

/* Integrity before expiry: until a secret fits, the user name is anybody's
 * invention. */
static enum auth_cause check_rest(const struct claim *c,
	const struct rest_user *user, struct auth_proof *proof)
{
	const struct rest_ring *ring = &c->f->rules->rest;
	enum auth_cause cause = AUTH_REST_OFF;
	char password[REST_PASSWORD_TEXT];
	size_t i;

	rest_user_client_id(user, proof->client_id);
	for (i = 0; i < ring->count; i++) {
		rest_password(&ring->secrets[i], c->user, password);
		make_key(c, password, proof);
		cause = check_integrity(c, proof);
		if (cause == AUTH_OK)
			break;
	}
	digest_wipe(password, sizeof(password));
	if (cause != AUTH_OK)
		return cause;
	if (c->f->wall.s >= user->expires.s +
	    (int64_t)c->f->rules->credential_skew_s) {
		proof->expired_ago_s = c->f->wall.s - user->expires.s;
		return AUTH_EXPIRED;
	}
	return ends_too_late(c->f, user->expires, c->f->rules->rest_max_s) ?
	    AUTH_TOO_LONG : AUTH_OK;
}

/* ---- all of them -------------------------------------------------------- */

/* The allocation's own key, if this is its user and its algorithm. */
static bool has_kept_key(const struct claim *c, struct auth_proof *proof)
{
	const struct alloc *a = c->f->alloc;

	if (a == NULL || !auth_is_user_of(a, proof) ||
	    a->key_len != (c->algorithm == STUN_SHA256 ? DIGEST_SHA256_LEN :
							 DIGEST_MD5_LEN))
		return false;
	memcpy(proof->key, a->key, sizeof(proof->key));
	proof->key_len = a->key_len;
	memcpy(proof->client_id, a->client_id, sizeof(proof->client_id));
	return true;
}

static enum auth_cause check_user(const struct claim *c,
	struct auth_proof *proof)
{
	uint8_t raw[AV_CRED_USER_MAX];
	struct rest_user rest;
	size_t raw_len;
	bool is_rest = rest_user_parse(c->user, &rest) == 0;

	if (is_rest)
		auth_name_credential(proof, c->user);
	else if (av_cred_user_from_text(c->user, raw, &raw_len) == 0)
		auth_name_credential(proof, (struct str){(char *)raw,
			raw_len});
	else
		return AUTH_UNKNOWN_USER;
	if (has_kept_key(c, proof))
		return check_integrity(c, proof);
	if (is_rest)
		return check_rest(c, &rest, proof);
	return check_minted(c, (struct str){(char *)raw, raw_len}, proof);
}

/* ConnectionBind comes from another port than its allocation, and may bring
 * the nonce that was given there (RFC 6062 4.3). */
static enum nonce_state judge_nonce(const struct auth_facts *f,
	struct str nonce)
{
	enum nonce_state v = nonce_check(f->secret, f->client, f->now,
		f->rules->nonce_lifetime_s, nonce);

	if (v != NONCE_FOREIGN || f->alloc == NULL)
		return v;
	return nonce_check(f->secret, &f->alloc->client, f->now,
		f->rules->nonce_lifetime_s, nonce);
}

static enum auth_cause check_nonce(const struct auth_facts *f,
	const struct stun_msg *m)
{
	switch (judge_nonce(f, stun_bytes(m, STUN_NONCE))) {
	case NONCE_GOOD:
		return AUTH_OK;
	case NONCE_STALE:
		return AUTH_STALE_NONCE;
	case NONCE_FOREIGN:
		break;
	}
	return AUTH_FOREIGN_NONCE;
}

/* RFC 8489 9.2.4: what is said of algorithms counts when the nonce says
 * that they were offered. */
static enum auth_cause check_algorithm(const struct stun_msg *m,
	enum stun_algorithm *out)
{
	*out = STUN_MD5;
	if (!nonce_is_offer(stun_bytes(m, STUN_NONCE)))
		return AUTH_OK;
	return stun_password_choice(m, out) == 0 ? AUTH_OK : AUTH_ALGORITHMS;
}

enum auth_cause auth_check(const struct auth_facts *f,
	const struct stun_msg *m, struct auth_proof *proof)
{
	struct claim c = {.f = f, .m = m};
	enum auth_cause cause;

	memset(proof, 0, sizeof(*proof));
	cause = check_shape(m);
	if (cause == AUTH_OK)
		cause = check_algorithm(m, &c.algorithm);
	if (cause != AUTH_OK)
		return cause;
	c.user = stun_bytes(m, STUN_USERNAME);
	cause = check_user(&c, proof);
	if (cause == AUTH_OK)
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
