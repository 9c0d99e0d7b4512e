/*
 * Revocation lists for tests. Needs pki.h.
 */
#ifndef TEST_PKI_CRL_H
#define TEST_PKI_CRL_H

#include "tests/unit/net/pki.h"

static inline X509 *pki_cert(struct pki *p, const char *name)
{
	FILE *f = pki_open(p, name, "crt", "r");
	X509 *cert = PEM_read_X509(f, NULL, NULL, NULL);

	fclose(f);
	ck_assert_ptr_nonnull(cert);
	return cert;
}

struct pki_crl_spec {
	const char *ca;      /* signs */
	const char *name_of; /* the CA whose list it says it is; NULL = ca */
	const char *revoked; /* on it; NULL = nobody */
	long made_s;         /* from now */
	long until_s;
	const char *about;   /* issuing distribution point, NULL = none */
};

/* DER on the heap. */
static inline unsigned char *pki_crl_make(struct pki *p,
	const struct pki_crl_spec *spec, int *len)
{
	X509 *issuer = pki_cert(p, spec->name_of != NULL ? spec->name_of :
		spec->ca);
	const char *revoked = spec->revoked;
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *at = ASN1_TIME_new();
	unsigned char *der = NULL;
	EVP_PKEY *key;
	FILE *f;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer));
	X509_gmtime_adj(at, spec->made_s);
	X509_CRL_set1_lastUpdate(crl, at);
	X509_gmtime_adj(at, spec->until_s);
	X509_CRL_set1_nextUpdate(crl, at);
	if (revoked != NULL) {
		X509 *cert = pki_cert(p, revoked);
		X509_REVOKED *row = X509_REVOKED_new();

		X509_REVOKED_set_serialNumber(row,
			X509_get_serialNumber(cert));
		X509_gmtime_adj(at, spec->made_s);
		X509_REVOKED_set_revocationDate(row, at);
		X509_CRL_add0_revoked(crl, row);
		X509_free(cert);
	}
	if (spec->about != NULL) {
		X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL,
			NID_issuing_distribution_point, spec->about);

		ck_assert_ptr_nonnull(ext);
		X509_CRL_add_ext(crl, ext, -1);
		X509_EXTENSION_free(ext);
	}
	f = pki_open(p, spec->ca, "key", "r");
	key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	ck_assert_int_gt(X509_CRL_sign(crl, key, EVP_sha256()), 0);
	*len = i2d_X509_CRL(crl, &der);
	ck_assert_int_gt(*len, 0);
	EVP_PKEY_free(key);
	ASN1_TIME_free(at);
	X509_CRL_free(crl);
	X509_free(issuer);
	return der;
}

/* A list signed by ca, made at made_s from now and good until until_s, with
 * the certificate of `revoked` on it (NULL = empty). DER on the heap. */
static inline unsigned char *pki_crl(struct pki *p, const char *ca,
	const char *revoked, long made_s, long until_s, int *len)
{
	return pki_crl_make(p, &(struct pki_crl_spec){.ca = ca,
		.revoked = revoked, .made_s = made_s, .until_s = until_s},
		len);
}

#endif
