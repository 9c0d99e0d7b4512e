/*
 * One revocation list (RFC 5280 section 5.1), kept as the bytes it came as
 * and an index of its serial numbers: reading one of 10 MB must not hold up
 * whoever shares the thread. Whom it is believed for is crl.c's.
 */
#ifndef NET_CRL_LIST_H
#define NET_CRL_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509v3.h>

#include "common/base/attr.h"
#include "common/base/why.h"

struct crl_list;

/* EDGE_EMALFORMED: no list. EDGE_EREFUSED: changes to another list, or
 * certificates of other issuers are on it, or something that must be
 * understood and is not. Its signature is not looked at. Takes long for a
 * long list; any thread. */
EDGE_MUST int crl_list_read(struct crl_list **out, const void *der,
	size_t len, struct why *why);
struct crl_list *crl_list_ref(struct crl_list *list);
void crl_list_unref(struct crl_list *list); /* accepts NULL */
/* The list in these bytes is signed with this key. Takes long, any thread. */
bool crl_list_is_signed(const void *der, size_t len, EVP_PKEY *key);
bool crl_list_has(const struct crl_list *list, const ASN1_INTEGER *serial);
size_t crl_list_count(const struct crl_list *list);
size_t crl_list_bytes(const struct crl_list *list); /* about what it takes */
const X509_NAME *crl_list_issuer(const struct crl_list *list);
/* What it says it is about: NULL = all certificates of its issuer. */
const ISSUING_DIST_POINT *crl_list_about(const struct crl_list *list);
const ASN1_TIME *crl_list_made(const struct crl_list *list);
const ASN1_TIME *crl_list_until(const struct crl_list *list); /* or NULL */

#endif
