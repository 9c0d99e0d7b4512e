/*
 * Nonces that need no memory: the moment they were made and a MAC over it
 * and the client's address, under a secret of this process (RFC 8489 9.2;
 * docs/decisions/0051-nonce.md). 20 characters, or 33 with the cookie of RFC
 * 8489 9.2 in front, which says that PASSWORD-ALGORITHMS came with it.
 */
#ifndef AV_EDGE_NONCE_H
#define AV_EDGE_NONCE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/clock.h"
#include "common/base/str.h"

#define NONCE_LEN        20
#define NONCE_COOKIE     "obMatJos2gAAA" /* of the security bits, bit 0 */
#define NONCE_COOKIE_LEN 13
#define NONCE_OFFER_LEN  (NONCE_COOKIE_LEN + NONCE_LEN)
#define NONCE_SECRET_LEN 32

struct nonce_secret {
	uint8_t bytes[NONCE_SECRET_LEN];
};

enum nonce_state {
	NONCE_GOOD,
	NONCE_STALE,   /* ours and this client's, but too old */
	NONCE_FOREIGN, /* not made here for this client */
};

void nonce_secret_new(struct nonce_secret *secret);
/* NUL-terminated text. */
void nonce_make(const struct nonce_secret *secret, const struct addr *client,
	struct mono now, char out[static NONCE_LEN + 1]);
/* With the cookie. */
void nonce_make_offer(const struct nonce_secret *secret,
	const struct addr *client, struct mono now,
	char out[static NONCE_OFFER_LEN + 1]);
/* Has it the cookie? Of a nonce that is ours: nobody can add or remove it. */
bool nonce_is_offer(struct str text);
/* Takes both kinds. */
enum nonce_state nonce_check(const struct nonce_secret *secret,
	const struct addr *client, struct mono now, uint32_t lifetime_s,
	struct str text);

#endif
