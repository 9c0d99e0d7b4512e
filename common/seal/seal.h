/*
 * Small secrets sealed to certificates: CMS enveloped data (RFC 5652) with
 * AES-256. Whoever has the private key of one of the certificates opens
 * it; who made it, it does not say: it travels inside something signed.
 */
#ifndef SEAL_SEAL_H
#define SEAL_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"

#define SEAL_SECRET_MAX 1024u  /* bytes of a secret */
#define SEAL_MAX        16384u /* bytes of an envelope */
#define SEAL_READERS_MAX 8u

struct seal_bytes {
	uint8_t *p; /* owned; DER */
	size_t len;
};
void seal_bytes_fini(struct seal_bytes *b);

/* certificates: PEM texts, the first certificate of each counts. RSA and EC
 * keys can be sealed to; others are EDGE_EREFUSED. */
EDGE_MUST int seal_make(struct seal_bytes *out, const void *secret, size_t len,
	const struct str *certificates, size_t count, struct why *why);
/* By the certificate and key in these PEM files. EDGE_EFORGED when it was
 * sealed to somebody else or is damaged, EDGE_EMALFORMED, EDGE_ETOOBIG,
 * EDGE_ETLS (the files). *len bytes in out; the caller wipes them. */
EDGE_MUST int seal_open(uint8_t out[static SEAL_SECRET_MAX], size_t *len,
	const void *sealed, size_t sealed_len, const char *chain_path,
	const char *key_path, struct why *why);
/* SHA-256 of the public key of the first certificate: sealing anew is
 * needed when this changes, not when a certificate is renewed. */
EDGE_MUST int seal_reader_id(struct str certificate, uint8_t out[static 32],
	struct why *why);

#endif
