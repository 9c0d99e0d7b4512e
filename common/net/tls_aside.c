/*
 * The bound on messages of TLS itself. Lives here: counting the steps that
 * OpenSSL makes for them and pulling its source away. Does not live here:
 * what becomes of the connection, which is for whoever reads from it.
 */
#include "common/net/tls_aside.h"

#include <sys/socket.h>

#include <openssl/bio.h>

/* A message is up to three steps. Honest peers need one in hours, or a dozen
 * at the beginning. */
#define STEPS_PER_S 16
#define STEPS_MAX   128

/* The read comes back with nothing; what was sent still goes out. */
static void take_source(struct tls_aside *aside, SSL *ssl)
{
	BIO *nothing = BIO_new(BIO_s_null());

	aside->is_flooded = true;
	if (nothing != NULL)
		SSL_set0_rbio(ssl, nothing);
	else
		shutdown(SSL_get_fd(ssl), SHUT_RD);
}

static void on_state(const SSL *ssl, int where, int value)
{
	struct tls_aside *aside = SSL_get_app_data(ssl);

	(void)value;
	if ((where & SSL_CB_HANDSHAKE_DONE) != 0 && !aside->is_ready) {
		aside->is_ready = true;
		bucket_init(&aside->left, STEPS_PER_S, STEPS_MAX, mono_now());
	}
	if ((where & SSL_CB_LOOP) == 0 || !aside->is_ready ||
		aside->is_flooded || bucket_take(&aside->left, mono_now()))
		return;
	/* OpenSSL's callbacks get theirs const, its setters want it not. */
	take_source(aside, (SSL *)(uintptr_t)ssl);
}

void tls_aside_watch(struct tls_aside *aside, SSL *ssl)
{
	*aside = (struct tls_aside){.is_ready = false};
	SSL_set_app_data(ssl, aside);
	SSL_set_info_callback(ssl, on_state);
}
