/*
 * Long-term credentials of RFC 8489: how a password becomes a key, which
 * algorithms a server offers and which one a client chose. No state.
 */
#ifndef STUN_STUN_PASSWORD_H
#define STUN_STUN_PASSWORD_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/digest.h"
#include "common/base/str.h"
#include "common/stun/stun_msg.h"

/* RFC 8489 18.5. */
enum stun_algorithm {
	STUN_MD5 = 1,
	STUN_SHA256 = 2,
};

#define STUN_PASSWORD_KEY_MAX DIGEST_SHA256_LEN

/* The hash of user ":" realm ":" password (9.2.2). Returns its length. */
size_t stun_password_key(enum stun_algorithm algorithm, struct str user,
	struct str realm, struct str password,
	uint8_t out[static STUN_PASSWORD_KEY_MAX]);
/* USERHASH, SHA-256 of user ":" realm (14.4). */
void stun_password_userhash(struct str user, struct str realm,
	uint8_t out[static DIGEST_SHA256_LEN]);

/* PASSWORD-ALGORITHMS as we offer it: SHA-256, then MD5. */
void stun_password_write_offer(struct stun_writer *sw);
/* A client's choice, with the offer repeated as it has to be. */
void stun_password_write_choice(struct stun_writer *sw,
	enum stun_algorithm algorithm);
/* What a request chose of our offer (9.2.4). MD5 when it says nothing of
 * algorithms; EDGE_EMALFORMED when offer and choice are not both there, the
 * offer is not ours, or the choice is not in it. */
EDGE_MUST int stun_password_choice(const struct stun_msg *m,
	enum stun_algorithm *out);

#endif
