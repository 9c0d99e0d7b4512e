/*
 * HMAC, hashes, base64 and comparing of secrets, over OpenSSL's EVP. No
 * key or result is ever printed. All outputs are whole: out has the size
 * the function names.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"

#define DIGEST_SHA1_LEN   20
#define DIGEST_SHA256_LEN 32
#define DIGEST_MD5_LEN    16

/* One piece of the input; pieces are hashed one after the other. */
struct digest_part {
	const void *p;
	size_t len;
};

void digest_hmac_sha1(const void *key, size_t key_len,
	const struct digest_part *parts, size_t count,
	uint8_t out[static DIGEST_SHA1_LEN]);
void digest_hmac_sha256(const void *key, size_t key_len,
	const struct digest_part *parts, size_t count,
	uint8_t out[static DIGEST_SHA256_LEN]);
void digest_sha256(const struct digest_part *parts, size_t count,
	uint8_t out[static DIGEST_SHA256_LEN]);
void digest_md5(const struct digest_part *parts, size_t count,
	uint8_t out[static DIGEST_MD5_LEN]);
uint32_t digest_crc32(const void *data, size_t len); /* IEEE, for STUN */

/* Constant time in len. Threat T18: memcmp on secrets is forbidden. */
bool digest_eq(const void *a, const void *b, size_t len);
void digest_wipe(void *p, size_t len);

/* Standard base64 with padding. out has digest_b64_len(len) + 1 bytes. */
size_t digest_b64_len(size_t len);
void digest_b64(const void *data, size_t len, char *out);
/* Strict: right padding, no blanks. *len on return = bytes written. */
EDGE_MUST int digest_unb64(struct str text, uint8_t *out, size_t cap,
	size_t *len);
/* RFC 4648 section 5 without padding; room as digest_b64_len() + 1. */
void digest_b64url(const void *data, size_t len, char *out);
EDGE_MUST int digest_unb64url(struct str text, uint8_t *out, size_t cap,
	size_t *len);

/* AES-256-GCM. out of sealing has DIGEST_SEAL_TAG bytes more than plain, out
 * of opening so many less than sealed. A key seals no two things with the
 * same nonce. EDGE_EFORGED: not sealed with this key, or changed. */
#define DIGEST_SEAL_NONCE 12
#define DIGEST_SEAL_TAG   16
EDGE_MUST int digest_seal(const uint8_t key[static DIGEST_SHA256_LEN],
	const uint8_t nonce[static DIGEST_SEAL_NONCE], const void *plain,
	size_t len, uint8_t *out);
EDGE_MUST int digest_open(const uint8_t key[static DIGEST_SHA256_LEN],
	const uint8_t nonce[static DIGEST_SEAL_NONCE], const uint8_t *sealed,
	size_t len, uint8_t *out);

#endif
