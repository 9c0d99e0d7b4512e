/*
 * Keys, requests and a small certificate authority for labs: OpenSSL's EVP
 * and X509, P-256 keys. Everything comes out as PEM text; writing files
 * with the right owner is place.c's.
 */
#ifndef EDGECTL_CERTMAKE_H
#define EDGECTL_CERTMAKE_H

#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/why.h"

struct certmake_ca;

#define CERTMAKE_NAMES_MAX 24

/* PEM on the heap; certmake_pem_free() wipes the key. */
struct certmake_pem {
	char *certificate; /* or the request */
	char *key;
};

EDGE_MUST int certmake_ca_new(struct certmake_ca **out, const char *common_name,
	unsigned days, struct why *why);
void certmake_ca_free(struct certmake_ca *ca); /* accepts NULL */
EDGE_MUST int certmake_ca_pem(const struct certmake_ca *ca,
	struct certmake_pem *out, struct why *why);

/* A certificate for these DNS names, the first is the subject; good for
 * both roles of mutual TLS. */
EDGE_MUST int certmake_issue(struct certmake_ca *ca, const char *const *names,
	size_t count, unsigned days, struct certmake_pem *out, struct why *why);
/* A request (PKCS #10) for somebody else's authority. */
EDGE_MUST int certmake_request(const char *const *names, size_t count,
	struct certmake_pem *out, struct why *why);
void certmake_pem_free(struct certmake_pem *pem);

#endif
