/*
 * TLS contexts per role over OpenSSL 3: versions, options, our certificate,
 * whom we trust. Does not live here: what a peer's certificate says
 * (tls_peer.c), swapping contexts (tls_watch.c), bytes (stream_io.c).
 * docs/protocol/access-edge.md 1.1 and 13; threats S9, S3.
 */
#include "common/net/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/net/tls_sni.h"

/* Where Debian keeps the public CAs in one file. Read when the context is
 * made: the sandbox may hide the directory later. */
#define SYSTEM_BUNDLE "/etc/ssl/certs/ca-certificates.crt"

/* A list of CAs longer than this is not sent with the request for a client
 * certificate: it would only make the handshake fat. */
#define CA_NAMES_MAX 32

struct tls_ctx {
	SSL_CTX *ssl; /* owned */
	struct tls_sni *sni; /* owned, NULL = one certificate */
	atomic_uint refs;
};

void tls_warm_up(void)
{
	OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG |
			OPENSSL_INIT_LOAD_SSL_STRINGS |
			OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
}

const char *tls_error_text(char *out, size_t cap)
{
	unsigned long first = ERR_get_error();
	unsigned long code;
	const char *reason = ERR_reason_error_string(first);

	if (reason != NULL)
		snprintf(out, cap, "%s", reason);
	else if (first != 0)
		snprintf(out, cap, "OpenSSL error %lx", first);
	else
		snprintf(out, cap, "no cause given");
	/* The later entries only say who called whom, but the next call to
	 * OpenSSL must not meet them. */
	do {
		code = ERR_get_error();
	} while (code != 0);
	return out;
}

/* What OpenSSL says of a file without any PEM in it is different for each
 * kind, and helps nobody. */
static bool is_no_pem(unsigned long code)
{
	switch (ERR_GET_LIB(code)) {
	case ERR_LIB_PEM:
		return ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
	case ERR_LIB_X509:
		return ERR_GET_REASON(code) ==
			X509_R_NO_CERTIFICATE_OR_CRL_FOUND;
	case ERR_LIB_OSSL_DECODER:
		return ERR_GET_REASON(code) == ERR_R_UNSUPPORTED;
	default:
		return false;
	}
}

/* Set why from OpenSSL's queue. */
static int refuse(struct why *why, const char *what, const char *path)
{
	const unsigned long code = ERR_peek_error();
	char text[160];

	tls_error_text(text, sizeof(text));
	if (is_no_pem(code))
		snprintf(text, sizeof(text), "nothing of the kind in it that "
			"is PEM (-----BEGIN ...)");
	return why_set(why, EDGE_ETLS, "%s %s: %s", what, path, text);
}

static const char *cure_of(int err)
{
	if (err == -ENOENT)
		return "; put it there, or correct the path in edge.yaml";
	if (err == -EACCES)
		return "; let the daemon's user read it, 'edgectl doctor' "
		       "says how";
	return "";
}

/* OpenSSL's own text for a missing file names fopen and no cause. */
static int check_readable(const char *what, const char *path, struct why *why)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int err = 0;

	if (fd < 0) {
		err = -errno;
		return why_set(why, err, "%s %s: %s%s", what, path,
			err_text(err), cure_of(err));
	}
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	else if (st.st_size == 0)
		err = -ENODATA;
	close(fd);
	if (err == -EINVAL)
		return why_set(why, err, "%s %s: no file; name "
			"one in edge.yaml", what, path);
	if (err == -ENODATA)
		return why_set(why, EDGE_ETLS, "%s %s: the file "
			"is empty; put it there, PEM", what, path);
	if (err < 0)
		return why_set(why, err, "%s %s: %s", what, path,
			err_text(err));
	return 0;
}

/* Without this OpenSSL asks the terminal for a passphrase. */
static int on_passphrase(char *out, int cap, int is_writing, void *arg)
{
	bool *was_asked = arg;

	(void)is_writing;
	if (was_asked != NULL)
		*was_asked = true;
	if (cap > 0)
		out[0] = '\0';
	return -1;
}

static void warn_of_dates(SSL_CTX *ssl, const char *path)
{
	const X509 *cert = SSL_CTX_get0_certificate(ssl);

	if (cert == NULL)
		return;
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		log_warning("certificate.expired", "path=%s", log_qz(path));
	else if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
		log_warning("certificate.not_yet_valid", "path=%s",
			log_qz(path));
}

/* A key of another kind loads fine and only fails the check. */
static bool is_mismatch(void)
{
	unsigned long code = ERR_peek_error();

	return ERR_GET_LIB(code) == ERR_LIB_X509 &&
		(ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH ||
			ERR_GET_REASON(code) == X509_R_KEY_TYPE_MISMATCH);
}

static int use_key(SSL_CTX *ssl, const char *chain, const char *key,
	struct why *why)
{
	bool was_asked = false;
	bool is_loaded;

	SSL_CTX_set_default_passwd_cb_userdata(ssl, &was_asked);
	is_loaded = SSL_CTX_use_PrivateKey_file(ssl, key,
		SSL_FILETYPE_PEM) == 1;
	SSL_CTX_set_default_passwd_cb_userdata(ssl, NULL);
	if (was_asked)
		return why_set(why, EDGE_ETLS,
			"key %s: has a passphrase; store it without one, "
			"protected by its file mode", key);
	if (!is_loaded && !is_mismatch())
		return refuse(why, "key", key);
	if (!is_loaded || SSL_CTX_check_private_key(ssl) != 1)
		return why_set(why, EDGE_ETLS,
			"key %s does not belong to certificate %s; put the "
			"two there that were made together", key, chain);
	return 0;
}

static int use_own_certificate(SSL_CTX *ssl, const struct tls_spec *spec,
	struct why *why)
{
	const char *chain = spec->chain_path;
	const char *key = spec->key_path;
	int err;

	if (chain == NULL && spec->role == TLS_ROLE_CLIENT)
		return 0;
	if (chain == NULL || key == NULL)
		return why_set(why, EDGE_ECONFIG, "a certificate and its key "
			"are needed, only one is set");
	err = check_readable("certificate", chain, why);
	if (err == 0)
		err = check_readable("key", key, why);
	if (err < 0)
		return err;
	if (SSL_CTX_use_certificate_chain_file(ssl, chain) != 1)
		return refuse(why, "certificate", chain);
	err = use_key(ssl, chain, key, why);
	if (err < 0)
		return err;
	warn_of_dates(ssl, chain);
	return 0;
}

/* Schannel picks its client certificate by the names we send. */
static void send_ca_names(SSL_CTX *ssl, const char *path)
{
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);

	ERR_clear_error();
	if (names == NULL)
		return;
	if (sk_X509_NAME_num(names) <= CA_NAMES_MAX)
		SSL_CTX_set_client_CA_list(ssl, names); /* takes them */
	else
		sk_X509_NAME_pop_free(names, X509_NAME_free);
}

/* Who asks peers for no certificate trusts nobody, but may find its own
 * issuers in that file all the same: there the doctor looks for them. */
static void use_issuers(SSL_CTX *ssl, const char *path)
{
	X509_STORE *store = path != NULL ? X509_STORE_new() : NULL;

	if (store != NULL && X509_STORE_load_file(store, path) == 1)
		(void)SSL_CTX_set1_chain_cert_store(ssl, store);
	X509_STORE_free(store);
	ERR_clear_error();
}

static int use_trust(SSL_CTX *ssl, const struct tls_spec *spec,
	struct why *why)
{
	const char *path = spec->trust_path;
	int err;

	if (spec->verify == TLS_VERIFY_NONE) {
		use_issuers(ssl, path);
		return 0;
	}
	if (path == NULL)
		path = SYSTEM_BUNDLE;
	err = check_readable("trusted CAs", path, why);
	if (err < 0)
		return err;
	if (SSL_CTX_load_verify_file(ssl, path) != 1)
		return refuse(why, "trusted CAs", path);
	if (spec->role == TLS_ROLE_SERVER && spec->trust_path != NULL)
		send_ca_names(ssl, path);
	return 0;
}

/* With a chain file that has nothing but our own certificate OpenSSL looks
 * for its issuers among the trusted CAs in every handshake, and proves their
 * signatures. Once is enough; the root is left out, a peer has it or does not
 * believe it. */
void tls_complete_chain(SSL_CTX *ssl)
{
	STACK_OF(X509) *issuers = NULL;

	if (SSL_CTX_get0_certificate(ssl) == NULL)
		return;
	(void)SSL_CTX_get0_chain_certs(ssl, &issuers);
	if (sk_X509_num(issuers) <= 0)
		(void)SSL_CTX_build_cert_chain(ssl,
			SSL_BUILD_CHAIN_FLAG_NO_ROOT |
				SSL_BUILD_CHAIN_FLAG_IGNORE_ERROR |
				SSL_BUILD_CHAIN_FLAG_CLEAR_ERROR);
	ERR_clear_error();
}

static int verify_mode(const struct tls_spec *spec)
{
	switch (spec->verify) {
	case TLS_VERIFY_NONE:
		return SSL_VERIFY_NONE;
	case TLS_VERIFY_ASK:
		return SSL_VERIFY_PEER;
	case TLS_VERIFY_REQUIRE:
		return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	}
	return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

static int set_protocol(SSL_CTX *ssl, const struct tls_spec *spec)
{
	/* Level 0 because TLS 1.0 signs with SHA-1 and MD5. */
	const char *ciphers = spec->allow_legacy ?
		"DEFAULT:!PSK:!SRP:@SECLEVEL=0" : "DEFAULT:!PSK:!SRP";
	int lowest = spec->allow_legacy ? TLS1_VERSION :
		spec->only_13 ? TLS1_3_VERSION : TLS1_2_VERSION;

	if (SSL_CTX_set_min_proto_version(ssl, lowest) != 1 ||
		SSL_CTX_set_max_proto_version(ssl, 0) != 1 ||
		SSL_CTX_set_cipher_list(ssl, ciphers) != 1)
		return EDGE_ETLS;
	return 0;
}

static int set_sessions(SSL_CTX *ssl, const struct tls_spec *spec)
{
	static const unsigned char id[] = "sallyport";

	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	if (spec->role == TLS_ROLE_CLIENT)
		return 0;
	/* A resumed handshake would not look at the peer's certificate
	 * again; where none is asked for, one ticket spares a phone that
	 * changes networks a signature. */
	if (spec->verify != TLS_VERIFY_NONE)
		SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
	if (SSL_CTX_set_num_tickets(ssl,
		    spec->verify == TLS_VERIFY_NONE ? 1 : 0) != 1 ||
		SSL_CTX_set_session_id_context(ssl, id, sizeof(id) - 1) != 1)
		return EDGE_ETLS;
	return 0;
}

static int set_verify(SSL_CTX *ssl, const struct tls_spec *spec)
{
	SSL_CTX_set_verify(ssl, verify_mode(spec), NULL);
	/* Most edge and server certificates carry serverAuth alone, and are
	 * shown as client certificates all the same (access-edge.md 13.1). */
	if (spec->role == TLS_ROLE_SERVER &&
		SSL_CTX_set_purpose(ssl, X509_PURPOSE_ANY) != 1)
		return EDGE_ETLS;
	return 0;
}

/* A peer that knows other names only may still mean us. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *in, unsigned in_len, void *arg)
{
	const char *ours = arg;
	const size_t len = strlen(ours);

	(void)ssl;
	for (size_t at = 0; at < in_len; at += 1u + in[at]) {
		if (in[at] != len || at + 1 + len > in_len ||
			memcmp(in + at + 1, ours, len) != 0)
			continue;
		*out = in + at + 1;
		*out_len = (unsigned char)len;
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_NOACK;
}

static int set_alpn(SSL_CTX *ssl, const struct tls_spec *spec)
{
	unsigned char list[256];
	size_t len;

	if (spec->alpn == NULL)
		return 0;
	len = strlen(spec->alpn);
	if (len == 0 || len >= sizeof(list))
		return -EINVAL;
	if (spec->role == TLS_ROLE_SERVER) {
		SSL_CTX_set_alpn_select_cb(ssl, on_alpn,
			(void *)(uintptr_t)spec->alpn);
		return 0;
	}
	list[0] = (unsigned char)len;
	memcpy(list + 1, spec->alpn, len);
	/* This one returns 0 for success. */
	return SSL_CTX_set_alpn_protos(ssl, list, (unsigned)len + 1) == 0 ?
		0 : EDGE_ETLS;
}

static int ctx_fill(SSL_CTX *ssl, const struct tls_spec *spec,
	struct why *why)
{
	char text[160];
	int err;

	SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION |
			SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF |
			SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
			SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
			SSL_MODE_RELEASE_BUFFERS);
	/* Whole records with one read(2); stream_io.c asks for the rest. */
	SSL_CTX_set_read_ahead(ssl, 1);
	SSL_CTX_set_dh_auto(ssl, 1);
	SSL_CTX_set_default_passwd_cb(ssl, on_passphrase);
	err = set_protocol(ssl, spec);
	if (err == 0)
		err = set_sessions(ssl, spec);
	if (err == 0)
		err = set_verify(ssl, spec);
	if (err == 0)
		err = set_alpn(ssl, spec);
	if (err < 0)
		return why_set(why, err, "TLS settings: %s",
			tls_error_text(text, sizeof(text)));
	err = use_own_certificate(ssl, spec, why);
	if (err == 0)
		err = use_trust(ssl, spec, why);
	if (err == 0)
		tls_complete_chain(ssl);
	return err;
}

int tls_ctx_new(struct tls_ctx **out, const struct tls_spec *spec,
	struct why *why)
{
	struct tls_ctx *ctx = calloc(1, sizeof(*ctx));
	int err = -ENOMEM;

	if (ctx == NULL)
		goto out;
	atomic_init(&ctx->refs, 1);
	ERR_clear_error();
	ctx->ssl = SSL_CTX_new(spec->role == TLS_ROLE_SERVER ?
			TLS_server_method() : TLS_client_method());
	if (ctx->ssl == NULL)
		goto out;
	err = ctx_fill(ctx->ssl, spec, why);
	if (err == 0 && spec->more_path != NULL)
		err = tls_sni_new(&ctx->sni, spec, why);
	if (err < 0)
		goto out;
	if (ctx->sni != NULL)
		tls_sni_attach(ctx->sni, ctx->ssl);

	*out = ctx;
	ctx = NULL;
out:
	tls_ctx_unref(ctx);
	ERR_clear_error();
	return err;
}

struct tls_ctx *tls_ctx_ref(struct tls_ctx *ctx)
{
	atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
	return ctx;
}

void tls_ctx_unref(struct tls_ctx *ctx)
{
	if (ctx == NULL)
		return;
	if (atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) > 1)
		return;
	SSL_CTX_free(ctx->ssl);
	tls_sni_free(ctx->sni);
	free(ctx);
}

SSL_CTX *tls_ctx_ssl(struct tls_ctx *ctx)
{
	return ctx->ssl;
}
