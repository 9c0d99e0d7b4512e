/*
 * The check that OpenSSL makes in a handshake, once more for a connection
 * that has shaken hands. What the peer sent of its chain is still with it:
 * contexts that ask for certificates resume no sessions (tls.c).
 */
#include "common/net/stream_review.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "common/net/stream_priv.h"

static bool verifies(X509_STORE_CTX *check, SSL *ssl, SSL_CTX *ctx, X509 *cert)
{
	X509_VERIFY_PARAM *param;

	if (X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(ctx), cert,
		SSL_get_peer_cert_chain(ssl)) != 1 ||
		X509_STORE_CTX_set_default(check, SSL_is_server(ssl) ?
			"ssl_client" : "ssl_server") != 1)
		return false;
	param = X509_STORE_CTX_get0_param(check);
	if (X509_VERIFY_PARAM_set1(param, SSL_CTX_get0_param(ctx)) != 1 ||
		X509_VERIFY_PARAM_set_flags(param,
			X509_V_FLAG_NO_CHECK_TIME) != 1)
		return false;
	X509_VERIFY_PARAM_set_auth_level(param,
		SSL_CTX_get_security_level(ctx));
	return X509_verify_cert(check) == 1;
}

bool stream_review(const struct stream *s, struct tls_ctx *ctx)
{
	SSL *ssl = s->io.ssl;
	SSL_CTX *now = tls_ctx_ssl(ctx);
	X509_STORE_CTX *check;
	X509 *cert;
	bool is_good;

	if (ssl == NULL || SSL_CTX_get_verify_mode(now) == SSL_VERIFY_NONE)
		return true;
	cert = SSL_get1_peer_certificate(ssl);
	if (cert == NULL)
		return true;
	check = X509_STORE_CTX_new();
	is_good = check != NULL && verifies(check, ssl, now, cert);
	X509_STORE_CTX_free(check);
	X509_free(cert);
	ERR_clear_error();
	return is_good;
}
