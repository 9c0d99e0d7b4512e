/*
 * Who a certificate says its holder is, all of it, for decisions between
 * organisations: hosts, SIP domains (RFC 5922 section 7.1), and what the
 * certificate is known by. struct tls_peer has the few that the inside asks
 * about.
 */
#ifndef NET_TLS_NAMES_H
#define NET_TLS_NAMES_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"

/* More make no certificate better: the rest does not count. */
#define TLS_NAMES_MAX 256

struct tls_names {
	char **hosts; /* SAN dNSName in lower case; owned */
	size_t host_count;
	char **domains; /* SAN URI of scheme sip without a user; owned */
	size_t domain_count;
	bool is_cn; /* no SAN of either kind: the one host is the CN */
	char subject[256];
	char issuer[256];
	char serial[64];
	uint8_t sha256[32]; /* of the certificate */
};

/* The peer's certificate after a handshake. EDGE_EUNKNOWN: it showed none. */
EDGE_MUST int tls_names_from(SSL *ssl, struct tls_names **out);
EDGE_MUST int tls_names_of(const X509 *cert, struct tls_names **out);
void tls_names_free(struct tls_names *names); /* accepts NULL */

/* Whole names without case and without the dot at the end. A wildcard
 * stands for one label on the left, and only when it is allowed to (RFC 5922
 * section 7.2 says never). */
bool tls_names_has_host(const struct tls_names *names, struct str host,
	bool allow_wildcard);
/* The domain itself, as sip: URI or as DNS name; never a wildcard. */
bool tls_names_has_domain(const struct tls_names *names, struct str domain);

/* What the certificate's subject has to say, in order: each DNS name, each
 * URI, and the most specific CN. For tls_peer.c. */
enum tls_name_kind {
	TLS_NAME_DNS,
	TLS_NAME_URI,
	TLS_NAME_CN,
};
typedef void(tls_name_cb)(enum tls_name_kind kind, struct str text,
	void *arg);
void tls_names_each(const X509 *cert, tls_name_cb *cb, void *arg);
/* Printable ASCII without blanks, shorter than 256: a NUL inside would make
 * the C string another, perhaps trusted name (threat S10). */
bool tls_name_is_clean(struct str text);

#endif
