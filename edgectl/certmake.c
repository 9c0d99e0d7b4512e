/*
 * A lab's certificate authority. The names are checked by the caller
 * (init_is_name): they go into an extension's text form.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/net/tls.h"
#include "edgectl/certmake.h"

struct certmake_ca {
	EVP_PKEY *key;
	X509 *cert;
};

struct extension {
	int nid;
	const char *text;
};

static const struct extension CA_EXTENSIONS[] = {
	{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
	{NID_key_usage, "critical,keyCertSign,cRLSign"},
	{NID_subject_key_identifier, "hash"},
};

static const struct extension LEAF_EXTENSIONS[] = {
	{NID_basic_constraints, "critical,CA:FALSE"},
	{NID_key_usage, "critical,digitalSignature"},
	{NID_ext_key_usage, "serverAuth,clientAuth"},
	{NID_subject_key_identifier, "hash"},
	{NID_authority_key_identifier, "keyid:always"},
};

static int refuse(struct why *why)
{
	char text[256];

	return why_set(why, EDGE_ETLS, "making a certificate: %s",
		tls_error_text(text, sizeof(text)));
}

static bool set_serial(X509 *cert)
{
	BIGNUM *number = BN_new();
	bool ok = number != NULL &&
		BN_rand(number, 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
		BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;

	BN_free(number);
	return ok;
}

static bool set_name(X509_NAME *name, const char *common_name)
{
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
		       (const unsigned char *)common_name, -1, -1, 0) == 1;
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *text)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, text);
	ok = ext != NULL && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

static bool add_extensions(X509 *cert, X509 *issuer,
	const struct extension *rows, size_t count)
{
	bool ok = true;

	for (size_t i = 0; ok && i < count; i++)
		ok = add_extension(cert, issuer, rows[i].nid, rows[i].text);
	return ok;
}

/* "DNS:a,DNS:b" on the heap. */
static char *names_text(const char *const *names, size_t count)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (to == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		fprintf(to, "%sDNS:%s", i > 0 ? "," : "", names[i]);
	if (fclose(to) == 0)
		return text;
	free(text);
	return NULL;
}

/* A certificate with everything but extensions and signature. An hour back
 * in time, for hosts whose clocks differ a little. */
static X509 *new_cert(const char *common_name, EVP_PKEY *key, unsigned days)
{
	X509 *cert = X509_new();
	const bool ok = cert != NULL && X509_set_version(cert, 2) == 1 &&
		set_serial(cert) &&
		X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL &&
		X509_time_adj_ex(X509_getm_notAfter(cert), (int)days, 0,
			NULL) != NULL &&
		set_name(X509_get_subject_name(cert), common_name) &&
		X509_set_pubkey(cert, key) == 1;

	if (ok)
		return cert;
	X509_free(cert);
	return NULL;
}

static char *bio_text(BIO *bio)
{
	char *data = NULL;
	long len = BIO_get_mem_data(bio, &data);

	return len > 0 ? strndup(data, (size_t)len) : NULL;
}

static char *cert_pem(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = bio != NULL && PEM_write_bio_X509(bio, cert) == 1 ?
		bio_text(bio) :
		NULL;

	BIO_free(bio);
	return text;
}

static char *request_pem(X509_REQ *req)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = bio != NULL && PEM_write_bio_X509_REQ(bio, req) == 1 ?
		bio_text(bio) :
		NULL;

	BIO_free(bio);
	return text;
}

static char *key_pem(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text = bio != NULL &&
			PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL,
				NULL) == 1 ?
		bio_text(bio) :
		NULL;

	BIO_free(bio);
	return text;
}

void certmake_pem_free(struct certmake_pem *pem)
{
	if (pem->key != NULL)
		digest_wipe(pem->key, strlen(pem->key));
	free(pem->key);
	free(pem->certificate);
	pem->key = NULL;
	pem->certificate = NULL;
}

static int pem_done(struct certmake_pem *pem)
{
	if (pem->certificate != NULL && pem->key != NULL)
		return 0;
	certmake_pem_free(pem);
	return -ENOMEM;
}

int certmake_ca_new(struct certmake_ca **out, const char *common_name,
	unsigned days, struct why *why)
{
	struct certmake_ca *ca = calloc(1, sizeof(*ca));
	int err = 0;

	if (ca == NULL)
		return -ENOMEM;
	ca->key = EVP_EC_gen("P-256");
	if (ca->key != NULL)
		ca->cert = new_cert(common_name, ca->key, days);
	if (ca->cert == NULL ||
		!set_name(X509_get_issuer_name(ca->cert), common_name) ||
		!add_extensions(ca->cert, ca->cert, CA_EXTENSIONS,
			ARRAY_COUNT(CA_EXTENSIONS)) ||
		X509_sign(ca->cert, ca->key, EVP_sha256()) == 0) {
		err = refuse(why);
		certmake_ca_free(ca);
		return err;
	}
	*out = ca;
	return 0;
}

void certmake_ca_free(struct certmake_ca *ca)
{
	if (ca == NULL)
		return;
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key);
	free(ca);
}

int certmake_ca_pem(const struct certmake_ca *ca, struct certmake_pem *out,
	struct why *why)
{
	out->certificate = cert_pem(ca->cert);
	out->key = key_pem(ca->key);
	return pem_done(out) == 0 ? 0 : refuse(why);
}

int certmake_issue(struct certmake_ca *ca, const char *const *names,
	size_t count, unsigned days, struct certmake_pem *out, struct why *why)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = key != NULL ? new_cert(names[0], key, days) : NULL;
	char *sans = names_text(names, count);
	int err = 0;

	if (cert == NULL || sans == NULL ||
		X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)) !=
			1 ||
		!add_extensions(cert, ca->cert, LEAF_EXTENSIONS,
			ARRAY_COUNT(LEAF_EXTENSIONS)) ||
		!add_extension(cert, ca->cert, NID_subject_alt_name, sans) ||
		X509_sign(cert, ca->key, EVP_sha256()) == 0) {
		err = refuse(why);
		goto out;
	}
	out->certificate = cert_pem(cert);
	out->key = key_pem(key);
	err = pem_done(out) == 0 ? 0 : refuse(why);
out:
	free(sans);
	X509_free(cert);
	EVP_PKEY_free(key);
	return err;
}

static bool request_names(X509_REQ *req, const char *sans)
{
	X509_EXTENSION *ext =
		X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, sans);
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	bool ok = ext != NULL && list != NULL &&
		sk_X509_EXTENSION_push(list, ext) > 0 &&
		X509_REQ_add_extensions(req, list) == 1;

	sk_X509_EXTENSION_free(list);
	X509_EXTENSION_free(ext);
	return ok;
}

int certmake_request(const char *const *names, size_t count,
	struct certmake_pem *out, struct why *why)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *req = X509_REQ_new();
	char *sans = names_text(names, count);
	int err = 0;

	if (key == NULL || req == NULL || sans == NULL ||
		!set_name(X509_REQ_get_subject_name(req), names[0]) ||
		X509_REQ_set_pubkey(req, key) != 1 ||
		!request_names(req, sans) ||
		X509_REQ_sign(req, key, EVP_sha256()) == 0) {
		err = refuse(why);
		goto out;
	}
	out->certificate = request_pem(req);
	out->key = key_pem(key);
	err = pem_done(out) == 0 ? 0 : refuse(why);
out:
	free(sans);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
	return err;
}
