/*
 * The time-limited A/V credential: minted by av-auth, checked by av-edge
 * from the pool key and the clock alone (docs/protocol/av-credential.md).
 *
 *	username = blob | HMAC-SHA1(SK1, blob)      52 or 56 bytes
 *	password = HMAC-SHA1(SK2, username)         20 bytes
 *
 * As text both are base64; RFC TURN clients use the text itself.
 */
#ifndef CRED_AV_CRED_H
#define CRED_AV_CRED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/str.h"
#include "common/cred/av_key.h"

#define AV_CRED_USER_MAX      56
#define AV_CRED_PASSWORD_LEN  20
#define AV_CRED_CLIENT_ID_LEN 20
#define AV_CRED_USER_TEXT     80 /* base64 with NUL */
#define AV_CRED_PASSWORD_TEXT 32
/* Nothing is minted for longer; one that ends later tells of a clock that
 * is wrong here or was wrong there (requirement R10). */
#define AV_CRED_LIFETIME_MAX_S 28800

enum av_cred_version {
	AV_CRED_V1 = 1, /* [MS-AVEDGEA] 1.0: 52 bytes */
	AV_CRED_V2 = 2, /* 2.0: 56 bytes */
};

struct av_cred {
	uint8_t user[AV_CRED_USER_MAX];
	size_t user_len;
	uint8_t password[AV_CRED_PASSWORD_LEN];
	uint8_t client_id[AV_CRED_CLIENT_ID_LEN]; /* same for one identity */
	struct wall expires;
	uint32_t key_id; /* of the pool key that made it */
};

/* Mint for identity (a SIP URI), good until expires. Rolls the sub-second
 * part of the expiry on until no byte trips libnice's trimming. Uses
 * ring->keys[0]; -ENOKEY when the ring is empty, -EINVAL for an empty
 * identity or a moment before 1970. */
EDGE_MUST int av_cred_mint(struct av_cred *out,
	const struct av_key_ring *ring, enum av_cred_version version,
	struct str identity, struct wall expires);

/* What all credentials of one identity have in common under one key. */
void av_cred_client_id(const struct av_key *key, struct str identity,
	uint8_t out[static AV_CRED_CLIENT_ID_LEN]);

/* Check raw user name bytes against every key of the ring and fill *out
 * (password included). EDGE_EMALFORMED not a credential of ours by shape,
 * EDGE_EFORGED no key fits, EDGE_EEXPIRED (then *out is filled too). */
EDGE_MUST int av_cred_check(struct av_cred *out,
	const struct av_key_ring *ring, const void *user, size_t user_len,
	struct wall now, unsigned skew_s);

/* libnice (so sipe) drops `"` at both ends and NULs at the end before it
 * hashes; a credential with such bytes there would fail with it. */
bool av_cred_survives_trimming(const struct av_cred *c);

/* Base64 forms, NUL-terminated. */
void av_cred_user_text(const struct av_cred *c,
	char out[static AV_CRED_USER_TEXT]);
void av_cred_password_text(const struct av_cred *c,
	char out[static AV_CRED_PASSWORD_TEXT]);
/* The text form back to bytes: 72 or 76 base64 characters. */
EDGE_MUST int av_cred_user_from_text(struct str text,
	uint8_t out[static AV_CRED_USER_MAX], size_t *len);

#endif
