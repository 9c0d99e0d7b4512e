/*
 * Ed25519 keys that sign bundles, and the plug where other signers go in: a
 * command that talks to an HSM, or a key that lies offline.
 */
#ifndef BUNDLE_BUNDLE_KEY_H
#define BUNDLE_BUNDLE_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"

#define BUNDLE_KEY_LEN       32u /* raw public key */
#define BUNDLE_KEY_ID_LEN    32u /* SHA-256 of it */
#define BUNDLE_SIGNATURE_LEN 64u
/* "edge-bundle-v1" 0x00, then SHA-256 of the manifest. */
#define BUNDLE_INPUT_LEN     47u

/* Sign the 47 bytes of input into out. 0 or a negative code with why; may
 * block (a command). The result is verified before it is used. */
typedef int(bundle_sign_cb)(void *arg,
	const uint8_t input[static BUNDLE_INPUT_LEN],
	uint8_t out[static BUNDLE_SIGNATURE_LEN], struct why *why);

struct bundle_signer {
	uint8_t public_key[BUNDLE_KEY_LEN];
	bundle_sign_cb *sign;
	void *arg; /* borrowed */
};

void bundle_key_id(const uint8_t public_key[static BUNDLE_KEY_LEN],
	uint8_t out[static BUNDLE_KEY_ID_LEN]);
/* The signature over 47 bytes. EDGE_EFORGED. */
EDGE_MUST int bundle_key_verify(
	const uint8_t public_key[static BUNDLE_KEY_LEN],
	const uint8_t input[static BUNDLE_INPUT_LEN],
	const uint8_t signature[static BUNDLE_SIGNATURE_LEN]);
/* The public key in PEM (SubjectPublicKeyInfo) as raw bytes: what stands
 * beside a key whose private half is elsewhere. EDGE_EMALFORMED. */
EDGE_MUST int bundle_key_read_public(struct str pem,
	uint8_t out[static BUNDLE_KEY_LEN], struct why *why);

struct bundle_key; /* both halves, in memory */

/* A new pair; from PKCS #8 PEM; from a seed. EDGE_ETLS, EDGE_EMALFORMED. */
EDGE_MUST int bundle_key_make(struct bundle_key **out, struct why *why);
EDGE_MUST int bundle_key_from_pem(struct bundle_key **out, struct str pem,
	struct why *why);
EDGE_MUST int bundle_key_from_seed(struct bundle_key **out,
	const uint8_t seed[static 32], struct why *why);
void bundle_key_free(struct bundle_key *key); /* accepts NULL */
/* PKCS #8 PEM on the heap: the caller wipes and frees it. */
EDGE_MUST int bundle_key_pem(const struct bundle_key *key, char **pem,
	struct why *why);
EDGE_MUST int bundle_key_public_pem(const struct bundle_key *key,
	char **pem, struct why *why);
/* A signer over it; key stays the caller's and must outlive the signer. */
void bundle_key_signer(struct bundle_key *key, struct bundle_signer *out);

#endif
