/*
 * Further certificates of a server, chosen by the name that a client asks
 * for (RFC 6066 section 3): a folder of pairs NAME.crt and NAME.key. Inside
 * common/net only.
 */
#ifndef NET_TLS_SNI_H
#define NET_TLS_SNI_H

#include <stdint.h>

#include "common/base/attr.h"
#include "common/net/tls.h"

struct tls_sni;

/* Reads every pair of the folder. why names the file that can't be used. */
EDGE_MUST int tls_sni_new(struct tls_sni **out, const struct tls_spec *spec,
	struct why *why);
void tls_sni_free(struct tls_sni *sni); /* accepts NULL */
/* From now on ssl's handshakes ask sni, which must outlive it. */
void tls_sni_attach(struct tls_sni *sni, SSL_CTX *ssl);
size_t tls_sni_count(const struct tls_sni *sni);

/* A number that changes when a pair comes, goes or is written anew. */
uint64_t tls_sni_stamp(const char *folder);

#endif
