/*
 * Who sent this request? Long-term credentials of RFC 8489 9.2, with user
 * names and passwords that av-auth minted, or that an application made from
 * a secret it shares with the relay. A pure decision: nothing is kept
 * and nothing is sent; the peer learns less than the cause says (R10).
 */
#ifndef AV_EDGE_TURN_AUTH_H
#define AV_EDGE_TURN_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/cred/av_cred.h"
#include "common/stun/stun_msg.h"
#include "av-edge/alloc.h"
#include "av-edge/nonce.h"
#include "av-edge/rules.h"

enum auth_cause {
	AUTH_OK,
	AUTH_CHALLENGED,    /* no integrity: the normal first request (R9) */
	AUTH_INCOMPLETE,    /* integrity, but not all that belongs to it */
	AUTH_UNKNOWN_USER,  /* not a user name of ours by its shape */
	AUTH_FORGED,        /* no key of ours made it */
	AUTH_EXPIRED,
	AUTH_TOO_LONG,      /* it would be good for longer than any may */
	AUTH_REST_OFF,      /* "expiry:user", and there is no secret */
	AUTH_ALGORITHMS,    /* offer or choice of algorithm is not right */
	AUTH_WRONG_REALM,   /* integrity fails, and the realm is not ours */
	AUTH_BAD_INTEGRITY, /* wrong password, or changed on the way */
	AUTH_STALE_NONCE,
	AUTH_FOREIGN_NONCE, /* of another address, or another process */
	AUTH_WRONG_USER,    /* the allocation is somebody else's */
	AUTH_NO_KEY,        /* av-auth has left us no key yet */
	AUTH_CAUSE_COUNT,
};

struct auth_proof {
	uint8_t key[ALLOC_KEY_MAX];
	uint8_t key_len;
	bool has_key; /* integrity held: answers are signed with it */
	uint8_t client_id[AV_CRED_CLIENT_ID_LEN];
	/* SHA-256 of the user name, as bytes where it is one of av-auth. */
	uint8_t credential[QUOTA_CREDENTIAL_LEN];
	int64_t expired_ago_s; /* for AUTH_EXPIRED, a hint at clock skew */
};

struct auth_facts {
	const struct rules *rules;
	const struct nonce_secret *secret;
	const struct addr *client;
	const struct alloc *alloc; /* of this 5-tuple, or NULL */
	struct mono now;
	struct wall wall;
};

enum auth_cause auth_check(const struct auth_facts *facts,
	const struct stun_msg *m, struct auth_proof *proof);

/* Is this the user whose allocation it is? */
bool auth_is_user_of(const struct alloc *a, const struct auth_proof *proof);

/* The user name, as it is compared and counted. */
void auth_name_credential(struct auth_proof *proof, struct str user);
/* A credential of av-auth, raw bytes: fills in client id and *cred, which is
 * the caller's to wipe. */
enum auth_cause auth_check_credential(const struct auth_facts *f,
	struct str user, struct av_cred *cred, struct auth_proof *proof);

/* The error code that the peer is told. */
unsigned auth_cause_code(enum auth_cause cause);
/* "bad-integrity" ... for logs and counters. */
const char *auth_cause_name(enum auth_cause cause);
/* Do answers of this cause carry realm and a fresh nonce? */
bool auth_cause_challenges(enum auth_cause cause);

#endif
