/*
 * Revocation lists: which certificates of a verified peer are on one, and
 * which list to fetch when it is not here yet (RFC 5280 section 5). Keeps
 * lists until their next update; fetches nothing itself (http_get.h).
 */
#ifndef NET_CRL_H
#define NET_CRL_H

#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/why.h"
#include "common/net/stream.h"

#define CRL_URL_LEN 512

enum crl_state {
	CRL_GOOD,    /* no certificate of the chain is on its list */
	CRL_REVOKED, /* one is: detail says which */
	CRL_MISSING, /* a list is not here, or out of date: url says which */
	CRL_NONE,    /* the chain names no list that could be fetched */
};

struct crl_finding {
	enum crl_state state;
	char url[CRL_URL_LEN]; /* MISSING: to be fetched now; "" = it is
	                        * being fetched, or was tried lately */
	char detail[160];
};

struct crl_store;

EDGE_MUST int crl_store_new(struct crl_store **out);
void crl_store_free(struct crl_store *store); /* accepts NULL */
/* Look at the chain of a peer that has shaken hands. MISSING with a url is
 * said once: the caller then fetches and says how it went. An old list
 * counts until the new one is there. */
void crl_look(struct crl_store *store, const struct stream *s,
	struct wall now, struct crl_finding *out);
/* The list behind this url: checked against its issuer's key and kept.
 * EDGE_EREFUSED: not signed by the issuer, or older than the one here;
 * EDGE_EMALFORMED, EDGE_EUNKNOWN (nobody asked for it). */
EDGE_MUST int crl_put(struct crl_store *store, const char *url,
	const void *der, size_t len, struct wall now, struct why *why);
/* It could not be fetched: asked for again after a while. */
void crl_failed(struct crl_store *store, const char *url, struct wall now);
/* A list that is used and near its next update, to be fetched anew; ""
 * when there is none. Returns url. */
const char *crl_stale(struct crl_store *store, struct wall now,
	char url[static CRL_URL_LEN]);
size_t crl_count(const struct crl_store *store); /* lists that are here */

#endif
