/*
 * What a certificate says: names, issuer, serial, dates, key. Reading only;
 * whether the chain holds was OpenSSL's decision during the handshake.
 * RFC 5922 section 7, docs/protocol/access-edge.md 13.1.
 */
#include "common/net/tls.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "common/base/err.h"

#define NAME_LEN  256
#define NAMES_MAX 16

/* The names of a certificate, room borrowed from the struct they go to. */
struct name_list {
	char (*names)[NAME_LEN];
	size_t count;
};

/* A NUL inside would make the C string a shorter, perhaps trusted name. */
static bool is_host_text(const unsigned char *p, size_t len)
{
	size_t i;

	if (len == 0 || len >= NAME_LEN)
		return false;
	for (i = 0; i < len; i++) {
		if (p[i] <= ' ' || p[i] >= 0x7f)
			return false;
	}
	return true;
}

static void list_add(struct name_list *list, const unsigned char *p,
	size_t len)
{
	char *out;
	size_t i;

	if (list->count == NAMES_MAX || !is_host_text(p, len))
		return;
	out = list->names[list->count++];
	for (i = 0; i < len; i++)
		out[i] = (char)tolower(p[i]);
	out[len] = '\0';
}

/* True when there is a DNS name at all, even one that was refused: then
 * the CN does not count. */
static bool add_san(struct name_list *list, const X509 *cert)
{
	GENERAL_NAMES *all;
	bool has_dns = false;
	int i;

	all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *gn = sk_GENERAL_NAME_value(all, i);
		int len;

		if (gn->type != GEN_DNS)
			continue;
		has_dns = true;
		len = ASN1_STRING_length(gn->d.dNSName);
		if (len > 0)
			list_add(list, ASN1_STRING_get0_data(gn->d.dNSName),
				(size_t)len);
	}
	GENERAL_NAMES_free(all);
	return has_dns;
}

/* The last CN is the most specific one. */
static void add_cn(struct name_list *list, const X509 *cert)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	const X509_NAME_ENTRY *entry;
	unsigned char *text = NULL;
	int at = -1;
	int next;
	int len;

	while ((next = X509_NAME_get_index_by_NID(subject, NID_commonName,
			at)) >= 0)
		at = next;
	if (at < 0)
		return;
	entry = X509_NAME_get_entry(subject, at);
	len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
	if (len > 0)
		list_add(list, text, (size_t)len);
	OPENSSL_free(text);
}

static size_t names_of(const X509 *cert, char (*names)[NAME_LEN])
{
	struct name_list list = { names, 0 };

	if (!add_san(&list, cert))
		add_cn(&list, cert);
	return list.count;
}

static void print_name(const X509_NAME *name, char *out, size_t cap)
{
	unsigned long form = XN_FLAG_RFC2253 &
		~(unsigned long)ASN1_STRFLGS_ESC_MSB;
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len = 0;

	out[0] = '\0';
	if (bio == NULL)
		return;
	if (X509_NAME_print_ex(bio, name, 0, form) >= 0)
		len = BIO_get_mem_data(bio, &text);
	if (len > 0)
		snprintf(out, cap, "%.*s", (int)len, text);
	BIO_free(bio);
}

static void print_serial(const X509 *cert, char *out, size_t cap)
{
	BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = bn != NULL ? BN_bn2hex(bn) : NULL;

	snprintf(out, cap, "%s", hex != NULL ? hex : "");
	OPENSSL_free(hex);
	BN_free(bn);
}

static void hash_key(const X509 *cert, uint8_t out[static 32])
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	if (len > 0)
		SHA256(der, (size_t)len, out);
	OPENSSL_free(der);
}

void tls_peer_from(SSL *ssl, struct tls_peer *out)
{
	X509 *cert;

	memset(out, 0, sizeof(*out));
	cert = SSL_get1_peer_certificate(ssl);
	if (cert == NULL)
		return;
	out->is_present = true;
	out->is_verified = (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) != 0 &&
		SSL_get_verify_result(ssl) == X509_V_OK;
	out->name_count = names_of(cert, out->names);
	print_name(X509_get_issuer_name(cert), out->issuer,
		sizeof(out->issuer));
	print_serial(cert, out->serial, sizeof(out->serial));
	hash_key(cert, out->spki_sha256);
	X509_free(cert);
	ERR_clear_error();
}

bool tls_peer_has_name(const struct tls_peer *peer, const char *name)
{
	size_t i;

	if (name[0] == '\0')
		return false;
	for (i = 0; i < peer->name_count; i++) {
		if (strcasecmp(peer->names[i], name) == 0)
			return true;
	}
	return false;
}

bool tls_ssl_has_name(SSL *ssl, const char *name)
{
	X509 *cert;
	bool has = false;

	/* A leading dot would ask for any subdomain. */
	if (name[0] == '\0' || name[0] == '.')
		return false;
	cert = SSL_get1_peer_certificate(ssl);
	if (cert != NULL)
		has = X509_check_host(cert, name, 0,
			X509_CHECK_FLAG_NO_WILDCARDS, NULL) == 1;
	X509_free(cert);
	ERR_clear_error();
	return has;
}

static struct wall wall_of(const ASN1_TIME *at)
{
	struct wall w = { 0 };
	struct tm tm;

	memset(&tm, 0, sizeof(tm));
	if (ASN1_TIME_to_tm(at, &tm) == 1)
		w.s = timegm(&tm);
	return w;
}

int tls_cert_info_load(const char *chain_path, struct tls_cert_info *out,
	struct why *why)
{
	X509 *cert = NULL;
	char text[160];
	FILE *f;
	int err;

	f = fopen(chain_path, "re");
	if (f == NULL) {
		err = -errno;
		return why_set(why, err, "certificate %s: %s", chain_path,
			err_text(err));
	}
	ERR_clear_error();
	cert = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	if (cert == NULL)
		return why_set(why, EDGE_ETLS, "certificate %s: %s", chain_path,
			tls_error_text(text, sizeof(text)));
	memset(out, 0, sizeof(*out));
	print_name(X509_get_subject_name(cert), out->subject,
		sizeof(out->subject));
	print_name(X509_get_issuer_name(cert), out->issuer,
		sizeof(out->issuer));
	print_serial(cert, out->serial, sizeof(out->serial));
	out->name_count = names_of(cert, out->names);
	out->not_before = wall_of(X509_get0_notBefore(cert));
	out->not_after = wall_of(X509_get0_notAfter(cert));
	X509_free(cert);
	ERR_clear_error();
	return 0;
}
