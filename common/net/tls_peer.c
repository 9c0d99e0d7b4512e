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

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "common/base/err.h"
#include "common/net/tls_names.h"
#include "common/net/tls_text.h"

#define NAME_LEN  256
#define NAMES_MAX 16

/* The names of a certificate, room borrowed from the struct they go to. */
struct name_list {
	char (*names)[NAME_LEN];
	size_t count;
	bool has_dns;
};

static void list_add(struct name_list *list, struct str text)
{
	char *out;
	size_t i;

	if (list->count == NAMES_MAX || !tls_name_is_clean(text))
		return;
	out = list->names[list->count++];
	for (i = 0; i < text.n; i++)
		out[i] = (char)tolower((unsigned char)text.p[i]);
	out[text.n] = '\0';
}

/* Once there is a DNS name at all, even one that was refused, the CN does
 * not count. */
static void take_name(enum tls_name_kind kind, struct str text, void *arg)
{
	struct name_list *list = arg;

	if (kind == TLS_NAME_URI || (kind == TLS_NAME_CN && list->has_dns))
		return;
	list->has_dns = list->has_dns || kind == TLS_NAME_DNS;
	list_add(list, text);
}

static size_t names_of(const X509 *cert, char (*names)[NAME_LEN])
{
	struct name_list list = { .names = names };

	tls_names_each(cert, take_name, &list);
	return list.count;
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
	tls_text_name(X509_get_issuer_name(cert), out->issuer,
		sizeof(out->issuer));
	tls_text_serial(cert, out->serial, sizeof(out->serial));
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
	tls_text_name(X509_get_subject_name(cert), out->subject,
		sizeof(out->subject));
	tls_text_name(X509_get_issuer_name(cert), out->issuer,
		sizeof(out->issuer));
	tls_text_serial(cert, out->serial, sizeof(out->serial));
	out->name_count = names_of(cert, out->names);
	out->not_before = wall_of(X509_get0_notBefore(cert));
	out->not_after = wall_of(X509_get0_notAfter(cert));
	X509_free(cert);
	ERR_clear_error();
	return 0;
}
