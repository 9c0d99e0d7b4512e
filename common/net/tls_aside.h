/*
 * What a peer says of TLS itself once hands are shaken: new keys, session
 * tickets, wishes to begin anew. OpenSSL takes such messages for as long as
 * they come, all inside one read, and RFC 8446 4.6.3 sets no bound: a peer
 * that sends nothing else would stop the loop.
 */
#ifndef NET_TLS_ASIDE_H
#define NET_TLS_ASIDE_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "common/net/limit.h"

struct tls_aside {
	struct bucket left;
	bool is_ready;   /* both have shaken hands */
	bool is_flooded; /* the read ended for that; call no more */
};

/* From now on ssl, which is about to shake hands, is bounded. aside has to
 * live as long; it takes the place of ssl's application data and of its
 * callback for information. */
void tls_aside_watch(struct tls_aside *aside, SSL *ssl);

#endif
