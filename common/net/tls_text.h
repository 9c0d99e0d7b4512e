/*
 * Parts of a certificate as text, for logs, status and comparisons. Private
 * to common/net.
 */
#ifndef NET_TLS_TEXT_H
#define NET_TLS_TEXT_H

#include <openssl/x509.h>
#include <stddef.h>

/* RFC 2253 form, UTF-8 as it is; "" when it can't be printed. */
void tls_text_name(const X509_NAME *name, char *out, size_t cap);
/* Hexadecimal. */
void tls_text_serial(const X509 *cert, char *out, size_t cap);

#endif
