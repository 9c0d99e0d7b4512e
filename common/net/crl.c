/*
 * Revocation lists by the address they come from. An entry begins when a
 * chain names it, and holds its issuer's certificate, so that what is
 * fetched over plain HTTP is believed for its signature alone.
 */
#include "common/net/crl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "common/base/err.h"
#include "common/base/list.h"
#include "common/net/stream_priv.h"

#define LISTS_MAX   256
#define RETRY_S     600  /* after a fetch that failed */
#define LIFE_MAX_S  (7 * 86400) /* also when it says later, or nothing */
#define AHEAD_S     3600 /* fetched anew so long before its end */

struct entry {
	struct list node; /* most recently used last */
	char url[CRL_URL_LEN];
	X509 *issuer;   /* owned reference */
	X509_CRL *crl;  /* owned, NULL = not here yet */
	struct wall until;    /* of the list */
	struct wall retry_at; /* 0 = may be fetched */
	struct wall used;
	bool is_fetched; /* a fetch is under way */
};

struct crl_store {
	struct list entries;
	size_t count;
};

int crl_store_new(struct crl_store **out)
{
	struct crl_store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return -ENOMEM;
	list_init(&store->entries);
	*out = store;
	return 0;
}

static void entry_free(struct crl_store *store, struct entry *e)
{
	list_remove(&e->node);
	store->count--;
	X509_free(e->issuer);
	X509_CRL_free(e->crl);
	free(e);
}

void crl_store_free(struct crl_store *store)
{
	struct list *it;

	if (store == NULL)
		return;
	while ((it = list_first(&store->entries)) != NULL)
		entry_free(store, container_of(it, struct entry, node));
	free(store);
}

size_t crl_count(const struct crl_store *store)
{
	struct list *it;
	size_t n = 0;

	list_for_each(it, &store->entries)
		n += container_of(it, struct entry, node)->crl != NULL;
	return n;
}

/* ---- entries ------------------------------------------------------------- */

static struct entry *find(struct crl_store *store, const char *url,
	const X509 *issuer)
{
	struct list *it;

	list_for_each(it, &store->entries) {
		struct entry *e = container_of(it, struct entry, node);

		if (strcmp(e->url, url) == 0 &&
			(issuer == NULL || X509_cmp(e->issuer, issuer) == 0))
			return e;
	}
	return NULL;
}

/* The one used longest ago and not being fetched makes room. */
static void make_room(struct crl_store *store)
{
	struct list *it, *next;

	list_for_each_safe(it, next, &store->entries) {
		struct entry *e = container_of(it, struct entry, node);

		if (store->count < LISTS_MAX)
			return;
		if (!e->is_fetched)
			entry_free(store, e);
	}
}

static struct entry *find_or_make(struct crl_store *store, const char *url,
	X509 *issuer, struct wall now)
{
	struct entry *e = find(store, url, issuer);

	if (e == NULL) {
		make_room(store);
		e = store->count < LISTS_MAX ? calloc(1, sizeof(*e)) : NULL;
		if (e == NULL)
			return NULL;
		snprintf(e->url, sizeof(e->url), "%s", url);
		X509_up_ref(issuer);
		e->issuer = issuer;
		list_init(&e->node);
		store->count++;
	}
	list_remove(&e->node);
	list_push_back(&store->entries, &e->node);
	e->used = now;
	return e;
}

/* ---- what a chain says --------------------------------------------------- */

/* The first plain HTTP address of the certificate's distribution points. */
static bool url_of(const X509 *cert, char *url, size_t cap)
{
	STACK_OF(DIST_POINT) *points = X509_get_ext_d2i(cert,
		NID_crl_distribution_points, NULL, NULL);
	bool has = false;

	for (int i = 0; i < sk_DIST_POINT_num(points) && !has; i++) {
		const DIST_POINT *p = sk_DIST_POINT_value(points, i);

		if (p->distpoint == NULL || p->distpoint->type != 0)
			continue;
		for (int k = 0; k < sk_GENERAL_NAME_num(
			p->distpoint->name.fullname) && !has; k++) {
			const GENERAL_NAME *gn = sk_GENERAL_NAME_value(
				p->distpoint->name.fullname, k);
			const unsigned char *text;
			size_t len;

			if (gn->type != GEN_URI)
				continue;
			text = ASN1_STRING_get0_data(
				gn->d.uniformResourceIdentifier);
			len = (size_t)ASN1_STRING_length(
				gn->d.uniformResourceIdentifier);
			has = len > 7 && len < cap &&
				memchr(text, '\0', len) == NULL &&
				strncmp((const char *)text, "http://", 7) ==
				0;
			if (has)
				snprintf(url, cap, "%.*s", (int)len, text);
		}
	}
	sk_DIST_POINT_pop_free(points, DIST_POINT_free);
	return has;
}

static bool is_listed(const struct entry *e, X509 *cert)
{
	X509_REVOKED *row = NULL;

	/* 2: it was on the list and has been taken off it. */
	return X509_CRL_get0_by_cert(e->crl, &row, cert) == 1;
}

static bool is_wanted(const struct entry *e, struct wall now)
{
	bool is_fresh = e->crl != NULL && now.s < e->until.s;

	return !is_fresh && !e->is_fetched && now.s >= e->retry_at.s;
}

/* One certificate against the list of its issuer. */
static void look_at(struct crl_store *store, X509 *cert, X509 *issuer,
	struct wall now, struct crl_finding *out)
{
	char url[CRL_URL_LEN], name[96] = "";
	struct entry *e;

	if (!url_of(cert, url, sizeof(url)))
		return;
	e = find_or_make(store, url, issuer, now);
	if (e == NULL)
		return;
	if (e->crl != NULL && is_listed(e, cert)) {
		X509_NAME_get_text_by_NID(X509_get_subject_name(cert),
			NID_commonName, name, sizeof(name));
		snprintf(out->detail, sizeof(out->detail),
			"'%s' is on the list of its issuer", name);
		out->state = CRL_REVOKED;
		return;
	}
	if (out->state == CRL_NONE)
		out->state = CRL_GOOD;
	if (e->crl == NULL)
		out->state = CRL_MISSING;
	if (out->url[0] == '\0' && is_wanted(e, now)) {
		e->is_fetched = true;
		snprintf(out->url, sizeof(out->url), "%s", url);
		out->state = CRL_MISSING;
	}
}

void crl_look(struct crl_store *store, const struct stream *s,
	struct wall now, struct crl_finding *out)
{
	const STACK_OF(X509) *chain = s->io.ssl == NULL ? NULL :
		SSL_get0_verified_chain(s->io.ssl);

	memset(out, 0, sizeof(*out));
	out->state = CRL_NONE;
	for (int i = 0; i + 1 < sk_X509_num(chain) &&
		out->state != CRL_REVOKED; i++)
		look_at(store, sk_X509_value(chain, i),
			sk_X509_value(chain, i + 1), now, out);
	ERR_clear_error();
}

/* ---- lists that came ----------------------------------------------------- */

static struct wall until_of(const X509_CRL *crl, struct wall now)
{
	const ASN1_TIME *at = X509_CRL_get0_nextUpdate(crl);
	struct wall until = {now.s + LIFE_MAX_S};
	struct tm tm;

	memset(&tm, 0, sizeof(tm));
	if (at != NULL && ASN1_TIME_to_tm(at, &tm) == 1 &&
		timegm(&tm) < until.s)
		until.s = timegm(&tm);
	return until;
}

static int check(const struct entry *e, X509_CRL *crl, struct why *why)
{
	const ASN1_TIME *was = e->crl != NULL ?
		X509_CRL_get0_lastUpdate(e->crl) : NULL;

	if (X509_CRL_verify(crl, X509_get0_pubkey(e->issuer)) != 1)
		return why_set(why, EDGE_EREFUSED,
			"the list at %s is not signed by the issuer of the "
			"certificate", e->url);
	if (was != NULL && ASN1_TIME_compare(X509_CRL_get0_lastUpdate(crl),
		was) < 0)
		return why_set(why, EDGE_EREFUSED,
			"the list at %s is older than the one here", e->url);
	return 0;
}

/* Every entry of that address: two issuers may share one. */
int crl_put(struct crl_store *store, const char *url, const void *der,
	size_t len, struct wall now, struct why *why)
{
	const unsigned char *p = der;
	X509_CRL *crl = len > LONG_MAX ? NULL :
		d2i_X509_CRL(NULL, &p, (long)len);
	struct list *it;
	int err = EDGE_EUNKNOWN;

	if (crl == NULL)
		err = why_set(why, EDGE_EMALFORMED,
			"what came from %s is no revocation list", url);
	list_for_each(it, &store->entries) {
		struct entry *e = container_of(it, struct entry, node);

		if (strcmp(e->url, url) != 0)
			continue;
		e->is_fetched = false;
		if (crl == NULL || (err = check(e, crl, why)) != 0) {
			e->retry_at.s = now.s + RETRY_S;
			continue;
		}
		X509_CRL_free(e->crl);
		X509_CRL_up_ref(crl);
		e->crl = crl;
		e->until = until_of(crl, now);
		e->retry_at.s = now.s + RETRY_S; /* however short it lives */
	}
	X509_CRL_free(crl);
	ERR_clear_error();
	return err;
}

void crl_failed(struct crl_store *store, const char *url, struct wall now)
{
	struct list *it;

	list_for_each(it, &store->entries) {
		struct entry *e = container_of(it, struct entry, node);

		if (strcmp(e->url, url) != 0)
			continue;
		e->is_fetched = false;
		e->retry_at.s = now.s + RETRY_S;
	}
}

const char *crl_stale(struct crl_store *store, struct wall now,
	char url[static CRL_URL_LEN])
{
	struct list *it;

	url[0] = '\0';
	list_for_each(it, &store->entries) {
		struct entry *e = container_of(it, struct entry, node);

		/* Of those that some chain named lately. */
		if (e->is_fetched || now.s < e->retry_at.s ||
			now.s - e->used.s > LIFE_MAX_S ||
			(e->crl != NULL && now.s < e->until.s - AHEAD_S))
			continue;
		e->is_fetched = true;
		snprintf(url, CRL_URL_LEN, "%s", e->url);
		break;
	}
	return url;
}
