/*
 * Names of a certificate. Reading only; whether the chain holds was
 * OpenSSL's decision during the handshake, and what a name is good for is
 * that of whoever asks. RFC 5922 section 7, docs/protocol/access-edge.md.
 */
#include "common/net/tls_names.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "common/base/dns_name.h"
#include "common/base/err.h"
#include "common/net/tls_text.h"

#define NAME_LEN 256

bool tls_name_is_clean(struct str text)
{
	if (text.n == 0 || text.n >= NAME_LEN)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] <= ' ' || text.p[i] >= 0x7f)
			return false;
	}
	return true;
}

static struct str text_of(const ASN1_STRING *s)
{
	int len = ASN1_STRING_length(s);

	return (struct str){(const char *)ASN1_STRING_get0_data(s),
		len > 0 ? (size_t)len : 0};
}

static void each_san(const X509 *cert, tls_name_cb *cb, void *arg)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name,
		NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *gn = sk_GENERAL_NAME_value(all, i);

		if (gn->type == GEN_DNS)
			cb(TLS_NAME_DNS, text_of(gn->d.dNSName), arg);
		else if (gn->type == GEN_URI)
			cb(TLS_NAME_URI, text_of(
				gn->d.uniformResourceIdentifier), arg);
	}
	GENERAL_NAMES_free(all);
}

/* The last CN is the most specific one. */
static void each_cn(const X509 *cert, tls_name_cb *cb, void *arg)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	unsigned char *text = NULL;
	int at = -1;
	int next;
	int len;

	while ((next = X509_NAME_get_index_by_NID(subject, NID_commonName,
			at)) >= 0)
		at = next;
	if (at < 0)
		return;
	len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(
		X509_NAME_get_entry(subject, at)));
	if (len > 0)
		cb(TLS_NAME_CN, (struct str){(const char *)text,
			(size_t)len}, arg);
	OPENSSL_free(text);
}

void tls_names_each(const X509 *cert, tls_name_cb *cb, void *arg)
{
	each_san(cert, cb, arg);
	each_cn(cert, cb, arg);
}

/* ---- the list ------------------------------------------------------------ */

struct filling {
	struct tls_names *names;
	bool has_san; /* of a kind that counts, even one that was refused */
	int err;
};

static void add(struct filling *f, char ***list, size_t *count,
	struct str text)
{
	char **more;

	if (f->err != 0 || *count == TLS_NAMES_MAX)
		return;
	more = realloc(*list, (*count + 1) * sizeof(*more));
	if (more == NULL) {
		f->err = -ENOMEM;
		return;
	}
	*list = more;
	more[*count] = str_dup(text);
	if (more[*count] == NULL) {
		f->err = -ENOMEM;
		return;
	}
	for (char *p = more[*count]; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	++*count;
}

/* "sip:example.org": the host of a SIP URI that stands for a domain. One
 * with a user is that user's certificate. */
static bool domain_of(struct str uri, struct str *out)
{
	if (!str_istarts(uri, "sip:") || str_find(uri, '@') != uri.n)
		return false;
	uri = str_skip(uri, 4);
	uri.n = str_find(uri, ';');
	uri.n = str_find(uri, '?');
	uri.n = str_find(uri, ':');
	*out = uri;
	return dns_name_is_valid(uri);
}

static void take(enum tls_name_kind kind, struct str text, void *arg)
{
	struct filling *f = arg;
	struct tls_names *n = f->names;
	struct str domain;

	switch (kind) {
	case TLS_NAME_DNS:
		f->has_san = true;
		if (tls_name_is_clean(text))
			add(f, &n->hosts, &n->host_count, text);
		break;
	case TLS_NAME_URI:
		if (!str_istarts(text, "sip:"))
			break;
		f->has_san = true;
		if (tls_name_is_clean(text) && domain_of(text, &domain))
			add(f, &n->domains, &n->domain_count, domain);
		break;
	case TLS_NAME_CN:
		if (f->has_san || !tls_name_is_clean(text))
			break;
		add(f, &n->hosts, &n->host_count, text);
		n->is_cn = true;
		break;
	}
}

int tls_names_of(const X509 *cert, struct tls_names **out)
{
	struct filling f = {.names = calloc(1, sizeof(*f.names))};
	unsigned len = 0;

	if (f.names == NULL)
		return -ENOMEM;
	tls_names_each(cert, take, &f);
	tls_text_name(X509_get_subject_name(cert), f.names->subject,
		sizeof(f.names->subject));
	tls_text_name(X509_get_issuer_name(cert), f.names->issuer,
		sizeof(f.names->issuer));
	tls_text_serial(cert, f.names->serial, sizeof(f.names->serial));
	if (f.err == 0 && X509_digest(cert, EVP_sha256(), f.names->sha256,
		&len) != 1)
		f.err = EDGE_ETLS;
	ERR_clear_error();
	if (f.err != 0) {
		tls_names_free(f.names);
		return f.err;
	}
	*out = f.names;
	return 0;
}

int tls_names_from(SSL *ssl, struct tls_names **out)
{
	X509 *cert = SSL_get1_peer_certificate(ssl);
	int err = EDGE_EUNKNOWN;

	if (cert != NULL)
		err = tls_names_of(cert, out);
	X509_free(cert);
	return err;
}

void tls_names_free(struct tls_names *names)
{
	if (names == NULL)
		return;
	for (size_t i = 0; i < names->host_count; i++)
		free(names->hosts[i]);
	for (size_t i = 0; i < names->domain_count; i++)
		free(names->domains[i]);
	free(names->hosts);
	free(names->domains);
	free(names);
}

/* ---- asking -------------------------------------------------------------- */

/* "*.example.org" stands for "sip.example.org" and for nothing deeper; what
 * is left must be a domain of at least two labels. */
static bool is_wildcard_for(const char *name, struct str host)
{
	size_t dot = str_find(host, '.');

	return name[0] == '*' && name[1] == '.' && dot > 0 &&
		strchr(name + 2, '.') != NULL && strchr(name + 1, '*') ==
		NULL && str_ieq_z(str_skip(host, dot), name + 1);
}

bool tls_names_has_host(const struct tls_names *names, struct str host,
	bool allow_wildcard)
{
	host = dns_name_without_dot(host);
	if (host.n == 0 || host.p[0] == '*' || host.p[0] == '.')
		return false;
	for (size_t i = 0; i < names->host_count; i++) {
		struct str have = dns_name_without_dot(str_of(names->hosts[i]));

		if (str_ieq(have, host) || (allow_wildcard &&
			is_wildcard_for(names->hosts[i], host)))
			return true;
	}
	return false;
}

bool tls_names_has_domain(const struct tls_names *names, struct str domain)
{
	domain = dns_name_without_dot(domain);
	if (domain.n == 0)
		return false;
	for (size_t i = 0; i < names->domain_count; i++) {
		if (str_ieq_z(domain, names->domains[i]))
			return true;
	}
	return tls_names_has_host(names, domain, false);
}
