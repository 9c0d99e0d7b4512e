/*
 * The ticket that admits a client to the relay (docs/protocol/webconf.md 4):
 * signed by the server it leads to, checked by the edge with the public key
 * that this server registered. An edge can check tickets and make none.
 */
#ifndef WCE_TICKET_H
#define WCE_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/str.h"
#include "common/base/why.h"

#define TICKET_ID_LEN     16u
#define TICKET_HASH_LEN   32u
#define TICKET_MAX_LEN    443u
#define TICKET_TEXT_LEN   593u /* base64url with NUL */
#define TICKET_PUBLIC_MAX 65u
#define TICKET_LIFE_MAX_S 28800
#define TICKET_AUDIENCE_LEN 254u /* with NUL */

enum ticket_alg {
	TICKET_ED25519 = 1,
	TICKET_P256 = 2, /* ECDSA with SHA-256 */
};

struct ticket {
	enum ticket_alg alg;
	bool is_single_use;
	uint16_t key_id;
	struct wall not_before;
	struct wall not_after;
	uint8_t id[TICKET_ID_LEN];
	uint8_t server[TICKET_ID_LEN];
	uint8_t conference[TICKET_HASH_LEN];
	uint8_t user[TICKET_HASH_LEN]; /* zeros = anonymous */
	uint16_t rate_kib_s;           /* per direction, 0 = the site's */
	char audience[TICKET_AUDIENCE_LEN]; /* lower case */
};

/* Shape alone, no signature. EDGE_EMALFORMED. */
EDGE_MUST int ticket_read(struct str bytes, struct ticket *out);

/* SHA-256 of the URI in lower case (ASCII). */
void ticket_hash(struct str uri, uint8_t out[static TICKET_HASH_LEN]);

/* ---- keys ---- */
struct ticket_key;

/* A new pair. EDGE_ETLS. */
EDGE_MUST int ticket_key_make(struct ticket_key **out, enum ticket_alg alg,
	uint16_t id);
/* From a private key in PEM (PKCS #8); the algorithm follows from it. */
EDGE_MUST int ticket_key_from_pem(struct ticket_key **out, struct str pem,
	uint16_t id);
/* From what travels: 32 bytes, or an uncompressed point of 65. */
EDGE_MUST int ticket_key_from_public(struct ticket_key **out,
	enum ticket_alg alg, struct str bytes, uint16_t id);
/* From an Ed25519 seed of 32 bytes. */
EDGE_MUST int ticket_key_from_seed(struct ticket_key **out,
	const uint8_t seed[static 32], uint16_t id);
void ticket_key_free(struct ticket_key *key); /* accepts NULL */

enum ticket_alg ticket_key_alg(const struct ticket_key *key);
uint16_t ticket_key_id(const struct ticket_key *key);
/* Length of the public part. */
size_t ticket_key_public(const struct ticket_key *key,
	uint8_t out[static TICKET_PUBLIC_MAX]);
/* Private part as PEM on the heap, to be wiped and freed by the caller. */
EDGE_MUST int ticket_key_pem(const struct ticket_key *key, char **pem);

/* ---- proof ---- */
/* Print and sign; algorithm and key id are the key's. EDGE_EMALFORMED when
 * the ticket can't be one (no audience), EDGE_ETLS. */
EDGE_MUST int ticket_sign(const struct ticket *t,
	const struct ticket_key *key, uint8_t out[static TICKET_MAX_LEN],
	size_t *len);
/* Does this key's owner stand for these bytes? EDGE_EFORGED. */
EDGE_MUST int ticket_verify(struct str bytes, const struct ticket_key *key);

/* Audience and time: EDGE_EREFUSED, EDGE_EEXPIRED (also: not yet). */
EDGE_MUST int ticket_check(const struct ticket *t, const char *audience,
	struct wall now, int64_t skew_s);

#endif
