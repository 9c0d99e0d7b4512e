/*
 * A revocation list on its way in: the bytes that came from an address, and
 * the authorities whose list it may be. Opening it takes long and is done on
 * any thread; the parcel is one thread's at a time.
 */
#ifndef NET_CRL_PARCEL_H
#define NET_CRL_PARCEL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/net/crl_list.h"

struct crl_parcel;

/* der lies in room, which comes from malloc() and is taken, also on failure;
 * url is copied. */
EDGE_MUST int crl_parcel_new(struct crl_parcel **out, const char *url,
	void *room, const void *der, size_t len);
void crl_parcel_free(struct crl_parcel *p); /* accepts NULL */
/* It may be the list of this one, too; a few are remembered. */
void crl_parcel_add(struct crl_parcel *p, X509 *issuer);
/* Read the list, and see who has signed it. */
void crl_parcel_open(struct crl_parcel *p);

const char *crl_parcel_url(const struct crl_parcel *p);
/* NULL = it is none, or was not opened: err and why say so. Borrowed. */
struct crl_list *crl_parcel_list(const struct crl_parcel *p, int *err,
	struct why *why);
/* Was this one asked for, and has it signed? */
bool crl_parcel_is_for(const struct crl_parcel *p, const X509 *issuer);
bool crl_parcel_is_signed(const struct crl_parcel *p, const X509 *issuer);

#endif
