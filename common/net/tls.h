/*
 * TLS contexts per role, peer names, and certificates that are swapped
 * while connections go on. OpenSSL 3 directly; no renegotiation, no
 * compression, TLS 1.2 at least unless a setting lowers it.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/str.h"
#include "common/base/why.h"

enum tls_role {
	TLS_ROLE_SERVER,
	TLS_ROLE_CLIENT,
};

enum tls_verify {
	TLS_VERIFY_NONE,    /* the peer's certificate is not asked for */
	TLS_VERIFY_ASK,     /* asked for, checked when given */
	TLS_VERIFY_REQUIRE, /* the handshake fails without a good one */
};

struct tls_spec {
	enum tls_role role;
	enum tls_verify verify;
	const char *chain_path; /* PEM, leaf first; NULL = none (client) */
	const char *key_path;
	const char *more_path;  /* server: folder of further pairs NAME.crt,
	                         * NAME.key, chosen by the name asked for */
	const char *trust_path; /* PEM file of CAs; NULL = system bundle */
	bool allow_legacy;      /* TLS 1.0 and 1.1, security level 0 */
	bool only_13;           /* nothing older than TLS 1.3 */
	const char *alpn;       /* the one protocol we speak, for ever; NULL =
	                         * not told. Peers that tell none are fine. */
};

struct tls_ctx; /* reference counted, the count is atomic */

/* Files are read now. why names the file and the cause (unreadable, not
 * PEM, key does not match, expired: the last is only a warning in the log).
 * EDGE_ETLS or a negated errno. */
EDGE_MUST int tls_ctx_new(struct tls_ctx **out, const struct tls_spec *spec,
	struct why *why);
struct tls_ctx *tls_ctx_ref(struct tls_ctx *ctx);
void tls_ctx_unref(struct tls_ctx *ctx); /* accepts NULL */
SSL_CTX *tls_ctx_ssl(struct tls_ctx *ctx); /* borrowed */
/* Find the issuers of its certificate among whom it trusts, unless the file
 * had them. Again when it trusts others. Inside common/net only. */
void tls_complete_chain(SSL_CTX *ssl);

/* What the files say about our own certificate, for status and doctor. */
struct tls_cert_info {
	char subject[256];
	char issuer[256];
	char serial[64]; /* hex */
	char names[16][256];
	size_t name_count;
	struct wall not_before;
	struct wall not_after;
};
EDGE_MUST int tls_cert_info_load(const char *chain_path,
	struct tls_cert_info *out, struct why *why);

/*
 * A watched context: rebuilt when one of its files changes (looked at by
 * tls_watch_poll, e.g. every 5 s) or when asked. A bad new file keeps the
 * old context and is told through why. The key of session tickets changes
 * every 12 hours.
 */
struct tls_watch;
EDGE_MUST int tls_watch_new(struct tls_watch **out,
	const struct tls_spec *spec, struct why *why);
void tls_watch_free(struct tls_watch *watch); /* accepts NULL */
/* A new reference to the present context; the caller unrefs it. */
struct tls_ctx *tls_watch_get(struct tls_watch *watch);
/* 0 unchanged, 1 swapped, < 0 the new files are bad (old ones go on). Bad
 * files are told once per change. force: rebuild even when unchanged. */
int tls_watch_poll(struct tls_watch *watch, bool force, struct why *why);

/* The peer's certificate after a handshake. */
struct tls_peer {
	bool is_present;
	bool is_verified;
	char names[16][256]; /* SAN DNS names, lower case; CN if no SAN DNS */
	size_t name_count;
	char issuer[256];
	char serial[64];
	uint8_t spki_sha256[32];
};
void tls_peer_from(SSL *ssl, struct tls_peer *out);
/* Exact, case-insensitive; no wildcards (RFC 5922 section 7.2). */
bool tls_peer_has_name(const struct tls_peer *peer, const char *name);
/* The same of the connection's certificate itself, for any count of names. */
bool tls_ssl_has_name(SSL *ssl, const char *name);

/* Before the sandbox is on: what OpenSSL would read files for later. */
void tls_warm_up(void);

/* Text of OpenSSL's error queue, which is emptied. Returns out. */
const char *tls_error_text(char *out, size_t cap);

#endif
