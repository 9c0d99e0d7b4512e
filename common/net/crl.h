/*
 * Revocation lists: which certificates of a verified peer are on one, and
 * which list to fetch when it is not here yet (RFC 5280 section 5). Keeps
 * lists until their next update; fetches nothing itself (http_get.h).
 */
#ifndef NET_CRL_H
#define NET_CRL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/why.h"
#include "common/net/stream.h"

#define CRL_URL_LEN 512

enum crl_state {
	CRL_GOOD,    /* no certificate of the chain is on its list */
	CRL_REVOKED, /* one is, also on one that is out of date */
	CRL_MISSING, /* not known: a list that is in date is not here */
	CRL_NONE,    /* the chain names no list that could be fetched */
};

struct crl_finding {
	enum crl_state state;
	/* A list to be fetched now; "" = none, it is being fetched, or was
	 * tried lately. */
	char url[CRL_URL_LEN];
	bool is_coming;   /* MISSING: a list is being fetched, or will be */
	char detail[160]; /* REVOKED: which; MISSING: whose list */
};

struct crl_store;
struct crl_parcel;

/* bytes_max: of all lists together; those used longest ago make room. */
EDGE_MUST int crl_store_new(struct crl_store **out, size_t bytes_max);
void crl_store_free(struct crl_store *store); /* accepts NULL */
/* Look at the chain of a peer that has shaken hands. A url is said once: the
 * caller then fetches and says how it went. */
void crl_look(struct crl_store *store, const struct stream *s,
	struct wall now, struct crl_finding *out);
/* Bytes came from this url: a parcel to be opened (crl_parcel_open(), off the
 * loop) and then put. room as for crl_parcel_new(). EDGE_EUNKNOWN: nobody asks
 * for them. */
EDGE_MUST int crl_receive(struct crl_store *store, const char *url,
	void *room, const void *der, size_t len, struct crl_parcel **out);
/* What is in it is kept for those whose issuer has signed it and whom it is
 * about, all of them in full. The parcel is taken. EDGE_EREFUSED: for nobody,
 * or it is older than what is here, or out of date; EDGE_EMALFORMED,
 * EDGE_EUNKNOWN (nobody asked for it). */
EDGE_MUST int crl_put(struct crl_store *store, struct crl_parcel *parcel,
	struct wall now, struct why *why);
/* It could not be fetched: asked for again after a while. */
void crl_failed(struct crl_store *store, const char *url, struct wall now);
/* It could not be tried: asked for again soon. */
void crl_postponed(struct crl_store *store, const char *url);
/* A list that is used and not here or near its end, to be fetched; "" when
 * there is none. Returns url. Those nobody uses any more are forgotten. */
const char *crl_stale(struct crl_store *store, struct wall now,
	char url[static CRL_URL_LEN]);
size_t crl_count(const struct crl_store *store); /* lists that are here */

#endif
