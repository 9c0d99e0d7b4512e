/*
 * A place that a certificate names for its issuer's revocation list (RFC 5280
 * section 4.2.1.13), and whether a list that came is the one for it (section
 * 6.3.3): a part of a list must not stand for the whole, nor the part of
 * others for ours.
 */
#ifndef NET_CRL_POINT_H
#define NET_CRL_POINT_H

#include <stdbool.h>

#include <openssl/x509v3.h>

#include "common/base/attr.h"
#include "common/base/why.h"

/* One bit for each ground to take a certificate back. */
#define CRL_REASONS_ALL 0x1feu

struct crl_point {
	X509 *issuer;      /* owned reference */
	DIST_POINT *place; /* owned */
	unsigned char *der; /* owned: of place */
	int der_len;
	bool is_ca; /* the certificate is an authority's own */
};

/* -ENOMEM; EDGE_EMALFORMED: its list is another one's than the issuer's. */
EDGE_MUST int crl_point_init(struct crl_point *out, X509 *cert,
	X509 *issuer, const DIST_POINT *place);
EDGE_MUST int crl_point_copy(struct crl_point *out,
	const struct crl_point *from);
void crl_point_fini(struct crl_point *p);
bool crl_point_eq(const struct crl_point *a, const struct crl_point *b);

/* The grounds that lists at this point are about. */
unsigned crl_point_reasons(const struct crl_point *p);

/* Which certificates and grounds a list says it is about: its issuing
 * distribution point, NULL = all of its issuer's. EDGE_EREFUSED: not, or not
 * whole, those of this point. */
EDGE_MUST int crl_point_fits(const struct crl_point *p,
	const X509_NAME *list_issuer, const ISSUING_DIST_POINT *about,
	struct why *why);

#endif
