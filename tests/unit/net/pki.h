/*
 * A certificate authority for tests: keys and certificates are made into a
 * temporary folder while the test runs, never stored. Include it once per
 * program; needs <check.h>.
 */
#ifndef TEST_PKI_H
#define TEST_PKI_H

#include <check.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

struct pki {
	char dir[64];
	char path[512]; /* of the last pki_path() */
};

struct pki_spec {
	const char *name;   /* of the files: NAME.crt, NAME.key */
	const char *issuer; /* name of the CA, NULL = itself */
	const char *cn;     /* NULL = none */
	const char *san;    /* "DNS:a.test,DNS:b.test", NULL = none */
	const char *usage;  /* "serverAuth", NULL = none said */
	const char *key_usage; /* "keyCertSign", NULL = none said */
	const char *crl; /* "URI:http://...", where its issuer's list is */
	const char *passphrase;
	bool is_ca;
	int from_days; /* validity, relative to now */
	int to_days;   /* 0 = 30 */
	const void *raw_san; /* one DNS name of these bytes */
	int raw_san_len;
};

/* NAME is "server.crt" ...; valid until the next call. */
static inline const char *pki_path(struct pki *p, const char *file)
{
	snprintf(p->path, sizeof(p->path), "%s/%s", p->dir, file);
	return p->path;
}

static inline char *pki_path_dup(struct pki *p, const char *file)
{
	return strdup(pki_path(p, file));
}

static inline void pki_init(struct pki *p)
{
	snprintf(p->dir, sizeof(p->dir), "/tmp/test-pki-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(p->dir));
}

static inline void pki_fini(struct pki *p)
{
	struct dirent *entry;
	DIR *dir = opendir(p->dir);

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			unlink(pki_path(p, entry->d_name));
	}
	if (dir != NULL)
		closedir(dir);
	rmdir(p->dir);
}

static inline void pki_write(struct pki *p, const char *file,
	const char *text)
{
	FILE *f = fopen(pki_path(p, file), "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static inline FILE *pki_open(struct pki *p, const char *name,
	const char *end, const char *mode)
{
	char file[128];
	FILE *f;

	snprintf(file, sizeof(file), "%s.%s", name, end);
	f = fopen(pki_path(p, file), mode);
	ck_assert_ptr_nonnull(f);
	return f;
}

static inline void pki_extend(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	ck_assert_ptr_nonnull(ext);
	X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
}

static inline void pki_extend_raw(X509 *cert, const struct pki_spec *spec)
{
	GENERAL_NAMES *all = sk_GENERAL_NAME_new_null();
	GENERAL_NAME *one = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();

	ASN1_STRING_set(text, spec->raw_san, spec->raw_san_len);
	GENERAL_NAME_set0_value(one, GEN_DNS, text);
	sk_GENERAL_NAME_push(all, one);
	X509_add1_ext_i2d(cert, NID_subject_alt_name, all, 0, 0);
	GENERAL_NAMES_free(all);
}

static inline X509 *pki_issuer(struct pki *p, const struct pki_spec *spec,
	EVP_PKEY **key)
{
	X509 *cert;
	FILE *f;

	f = pki_open(p, spec->issuer, "key", "r");
	*key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	f = pki_open(p, spec->issuer, "crt", "r");
	cert = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	ck_assert_ptr_nonnull(*key);
	ck_assert_ptr_nonnull(cert);
	return cert;
}

static inline void pki_fill(X509 *cert, const struct pki_spec *spec)
{
	X509_NAME *subject = X509_get_subject_name(cert);
	int64_t serial;

	X509_set_version(cert, X509_VERSION_3);
	RAND_bytes((unsigned char *)&serial, sizeof(serial));
	ASN1_INTEGER_set_int64(X509_get_serialNumber(cert),
		serial & INT64_MAX);
	X509_gmtime_adj(X509_getm_notBefore(cert),
		spec->from_days * 86400L - 60);
	X509_gmtime_adj(X509_getm_notAfter(cert),
		(spec->to_days != 0 ? spec->to_days : 30) * 86400L);
	if (spec->cn != NULL)
		X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
			(const unsigned char *)spec->cn, -1, -1, 0);
	X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8,
		(const unsigned char *)"Test", -1, -1, 0);
	pki_extend(cert, NID_basic_constraints,
		spec->is_ca ? "critical,CA:TRUE" : "CA:FALSE");
	if (spec->usage != NULL)
		pki_extend(cert, NID_ext_key_usage, spec->usage);
	if (spec->key_usage != NULL)
		pki_extend(cert, NID_key_usage, spec->key_usage);
	if (spec->san != NULL)
		pki_extend(cert, NID_subject_alt_name, spec->san);
	if (spec->crl != NULL)
		pki_extend(cert, NID_crl_distribution_points, spec->crl);
	if (spec->raw_san != NULL)
		pki_extend_raw(cert, spec);
}

static inline void pki_make(struct pki *p, const struct pki_spec *spec)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	EVP_PKEY *issuer_key = key;
	X509 *cert = X509_new();
	X509 *issuer = cert;
	FILE *f;

	ck_assert_ptr_nonnull(key);
	pki_fill(cert, spec);
	if (spec->issuer != NULL)
		issuer = pki_issuer(p, spec, &issuer_key);
	X509_set_issuer_name(cert, X509_get_subject_name(issuer));
	X509_set_pubkey(cert, key);
	ck_assert_int_gt(X509_sign(cert, issuer_key, EVP_sha256()), 0);
	f = pki_open(p, spec->name, "crt", "w");
	PEM_write_X509(f, cert);
	fclose(f);
	f = pki_open(p, spec->name, "key", "w");
	PEM_write_PKCS8PrivateKey(f, key,
		spec->passphrase != NULL ? EVP_aes_128_cbc() : NULL,
		spec->passphrase,
		spec->passphrase != NULL ? (int)strlen(spec->passphrase) : 0,
		NULL, NULL);
	fclose(f);
	if (issuer != cert) {
		X509_free(issuer);
		EVP_PKEY_free(issuer_key);
	}
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* A CA "ca" and a leaf of that name for san. */
static inline void pki_ca(struct pki *p, const char *name)
{
	pki_make(p, &(struct pki_spec){ .name = name, .cn = name,
		.is_ca = true });
}

static inline void pki_leaf(struct pki *p, const char *ca, const char *name,
	const char *san)
{
	pki_make(p, &(struct pki_spec){ .name = name, .issuer = ca,
		.cn = name, .san = san, .usage = "serverAuth" });
}

#endif
