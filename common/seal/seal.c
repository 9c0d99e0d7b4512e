/*
 * CMS enveloped data over OpenSSL: made for RSA (key transport) and EC (key
 * agreement) certificates, opened with one private key. What the secret
 * means is pool_key.c's.
 */
#include "common/seal/seal.h"

#include <errno.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"

void seal_bytes_fini(struct seal_bytes *b)
{
	free(b->p);
	b->p = NULL;
	b->len = 0;
}

/* OpenSSL's latest words, its queue emptied. */
static int fault(struct why *why, int err, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	char text[160] = "unknown cause";

	if (code != 0)
		ERR_error_string_n(code, text, sizeof(text));
	ERR_clear_error();
	return why_set(why, err, "%s: %s", what, text);
}

static X509 *read_certificate(struct str pem)
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *x = in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;

	BIO_free(in);
	return x;
}

int seal_reader_id(struct str certificate, uint8_t out[static 32],
	struct why *why)
{
	X509 *x = read_certificate(certificate);
	uint8_t *der = NULL;
	struct digest_part part;
	int len;

	if (x == NULL)
		return fault(why, EDGE_EMALFORMED, "not a certificate in PEM");
	len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	X509_free(x);
	if (len <= 0)
		return fault(why, EDGE_EMALFORMED, "its public key");
	part = (struct digest_part){der, (size_t)len};
	digest_sha256(&part, 1, out);
	OPENSSL_free(der);
	return 0;
}

/* ---- sealing ------------------------------------------------------------ */

static int add_reader(STACK_OF(X509) *readers, struct str pem,
	struct why *why)
{
	X509 *x = read_certificate(pem);
	int kind;

	if (x == NULL)
		return fault(why, EDGE_EMALFORMED, "not a certificate in PEM");
	kind = EVP_PKEY_get_base_id(X509_get0_pubkey(x));
	if (kind != EVP_PKEY_RSA && kind != EVP_PKEY_EC) {
		X509_free(x);
		return why_set(why, EDGE_EREFUSED,
			"its key is neither RSA nor EC, so nothing can be "
			"sealed to it: give the machine another internal "
			"certificate");
	}
	if (sk_X509_push(readers, x) <= 0) {
		X509_free(x);
		return -ENOMEM;
	}
	return 0;
}

static int take_der(struct seal_bytes *out, CMS_ContentInfo *cms,
	struct why *why)
{
	uint8_t *der = NULL;
	int len = i2d_CMS_ContentInfo(cms, &der);
	int err = 0;

	if (len <= 0)
		return fault(why, EDGE_ETLS, "sealing");
	if ((size_t)len > SEAL_MAX) {
		err = EDGE_ETOOBIG;
	} else {
		out->p = malloc((size_t)len);
		out->len = (size_t)len;
		if (out->p == NULL)
			err = -ENOMEM;
		else
			memcpy(out->p, der, out->len);
	}
	OPENSSL_free(der);
	return err;
}

int seal_make(struct seal_bytes *out, const void *secret, size_t len,
	const struct str *certificates, size_t count, struct why *why)
{
	STACK_OF(X509) *readers = sk_X509_new_null();
	BIO *in = BIO_new_mem_buf(secret, (int)len);
	CMS_ContentInfo *cms = NULL;
	int err = 0;

	if (readers == NULL || in == NULL)
		err = -ENOMEM;
	else if (len == 0 || len > SEAL_SECRET_MAX || count == 0 ||
		count > SEAL_READERS_MAX)
		err = why_set(why, EDGE_ETOOBIG, "sealing: 1 to %u bytes for "
			"1 to %u certificates", SEAL_SECRET_MAX,
			SEAL_READERS_MAX);
	for (size_t i = 0; i < count && err == 0; i++)
		err = add_reader(readers, certificates[i], why);
	if (err == 0) {
		cms = CMS_encrypt(readers, in, EVP_aes_256_cbc(), CMS_BINARY);
		err = cms != NULL ? take_der(out, cms, why) :
				    fault(why, EDGE_ETLS, "sealing");
	}
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	sk_X509_pop_free(readers, X509_free);
	return err;
}

/* ---- opening ------------------------------------------------------------ */

/* Whole and nothing behind it. */
static CMS_ContentInfo *read_der(const void *sealed, size_t len)
{
	const uint8_t *at = sealed;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)len);

	if (cms != NULL && at != (const uint8_t *)sealed + len) {
		CMS_ContentInfo_free(cms);
		cms = NULL;
	}
	return cms;
}

static int read_own(X509 **certificate, EVP_PKEY **key, const char *chain,
	const char *key_path, struct why *why)
{
	FILE *from = fopen(chain, "re");
	int err = 0;

	if (from == NULL)
		return why_set(why, -errno, "%s: %s", chain, err_text(-errno));
	*certificate = PEM_read_X509(from, NULL, NULL, NULL);
	fclose(from);
	if (*certificate == NULL)
		return fault(why, EDGE_ETLS, chain);
	from = fopen(key_path, "re");
	if (from == NULL)
		return why_set(why, -errno, "%s: %s", key_path,
			err_text(-errno));
	*key = PEM_read_PrivateKey(from, NULL, NULL, NULL);
	if (*key == NULL)
		err = fault(why, EDGE_ETLS, key_path);
	fclose(from);
	return err;
}

static int decrypt(uint8_t *out, size_t *len, CMS_ContentInfo *cms, X509 *x,
	EVP_PKEY *key, struct why *why)
{
	BIO *to = BIO_new(BIO_s_mem());
	int n = -1;

	if (to == NULL)
		return -ENOMEM;
	/* CMS_DEBUG_DECRYPT off: a wrong key gives noise, not an oracle. */
	if (CMS_decrypt(cms, key, x, NULL, to, CMS_BINARY) == 1)
		n = BIO_read(to, out, SEAL_SECRET_MAX);
	if (BIO_pending(to) > 0)
		n = -1;
	BIO_free(to);
	if (n <= 0) {
		ERR_clear_error();
		return why_set(why, EDGE_EFORGED,
			"sealed to another certificate, or damaged");
	}
	*len = (size_t)n;
	return 0;
}

int seal_open(uint8_t out[static SEAL_SECRET_MAX], size_t *len,
	const void *sealed, size_t sealed_len, const char *chain_path,
	const char *key_path, struct why *why)
{
	CMS_ContentInfo *cms = NULL;
	EVP_PKEY *key = NULL;
	X509 *x = NULL;
	int err;

	if (sealed_len > SEAL_MAX)
		return EDGE_ETOOBIG;
	err = read_own(&x, &key, chain_path, key_path, why);
	if (err == 0) {
		cms = read_der(sealed, sealed_len);
		if (cms == NULL || OBJ_obj2nid(CMS_get0_type(cms)) !=
					   NID_pkcs7_enveloped)
			err = fault(why, EDGE_EMALFORMED,
				"not CMS enveloped data");
	}
	if (err == 0)
		err = decrypt(out, len, cms, x, key, why);
	CMS_ContentInfo_free(cms);
	EVP_PKEY_free(key);
	X509_free(x);
	return err;
}
