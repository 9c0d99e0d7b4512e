/*
 * Revocation lists by the address they come from. An entry begins when a
 * chain names it, and holds its issuer's certificate, so that what is
 * fetched over plain HTTP is believed for its signature alone. What stands
 * on a list is crl_list.c's.
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
#include "common/net/crl_list.h"
#include "common/net/stream_priv.h"

#define LISTS_MAX   256
#define RETRY_S     600  /* after a fetch that failed */
#define LIFE_MAX_S  (7 * 86400) /* also when it says later, or nothing */
#define AHEAD_S     3600 /* fetched anew so long before its end */
#define POINTS_MAX  8    /* lists that one certificate may name */
#define MIRRORS_MAX 4    /* addresses of one of them */

struct entry {
	struct list node; /* most recently used last */
	char url[CRL_URL_LEN];
	X509 *issuer; /* owned reference */
	struct crl_list *list; /* owned reference, NULL = not here yet */
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
	crl_list_unref(e->list);
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
		n += container_of(it, struct entry, node)->list != NULL;
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

/* An address that can be fetched from. */
static bool url_of(const GENERAL_NAME *gn, char url[static CRL_URL_LEN])
{
	const unsigned char *text;
	size_t len;

	if (gn->type != GEN_URI)
		return false;
	text = ASN1_STRING_get0_data(gn->d.uniformResourceIdentifier);
	len = (size_t)ASN1_STRING_length(gn->d.uniformResourceIdentifier);
	if (len <= 7 || len >= CRL_URL_LEN ||
		memchr(text, '\0', len) != NULL ||
		strncmp((const char *)text, "http://", 7) != 0)
		return false;
	snprintf(url, CRL_URL_LEN, "%.*s", (int)len, text);
	return true;
}

static bool is_wanted(const struct entry *e, struct wall now)
{
	bool is_fresh = e->list != NULL && now.s < e->until.s;

	return !is_fresh && !e->is_fetched && now.s >= e->retry_at.s;
}

static void judge(const struct entry *e, X509 *cert,
	struct crl_finding *out)
{
	char name[96] = "";

	if (!crl_list_has(e->list, X509_get0_serialNumber(cert)))
		return;
	X509_NAME_get_text_by_NID(X509_get_subject_name(cert),
		NID_commonName, name, sizeof(name));
	snprintf(out->detail, sizeof(out->detail),
		"'%s' is on the list of its issuer", name);
	out->state = CRL_REVOKED;
}

/*
 * One certificate against one of its issuer's lists. A list may have several
 * addresses: the first counts that has it, or can be asked, or is being.
 */
static void look_at_list(struct crl_store *store, X509 *cert, X509 *issuer,
	const GENERAL_NAMES *names, struct wall now, struct crl_finding *out)
{
	char url[CRL_URL_LEN];
	struct entry *e = NULL;
	int mirrors = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) &&
		mirrors < MIRRORS_MAX; i++) {
		if (!url_of(sk_GENERAL_NAME_value(names, i), url))
			continue;
		mirrors++;
		e = find_or_make(store, url, issuer, now);
		if (e == NULL)
			return;
		if (e->list != NULL || e->is_fetched || is_wanted(e, now))
			break;
	}
	if (e == NULL)
		return;
	if (out->state == CRL_NONE)
		out->state = CRL_GOOD;
	if (e->list == NULL)
		out->state = CRL_MISSING;
	if (out->url[0] == '\0' && is_wanted(e, now)) {
		e->is_fetched = true;
		snprintf(out->url, sizeof(out->url), "%s", e->url);
		out->state = CRL_MISSING;
	}
	if (e->list != NULL)
		judge(e, cert, out);
}

/* All lists that a certificate names: it may be on any of them. */
static void look_at(struct crl_store *store, X509 *cert, X509 *issuer,
	struct wall now, struct crl_finding *out)
{
	STACK_OF(DIST_POINT) *points = X509_get_ext_d2i(cert,
		NID_crl_distribution_points, NULL, NULL);

	for (int i = 0; i < sk_DIST_POINT_num(points) && i < POINTS_MAX &&
		out->state != CRL_REVOKED; i++) {
		const DIST_POINT *p = sk_DIST_POINT_value(points, i);

		/* With an issuer of its own it is another one's list. */
		if (p->distpoint != NULL && p->distpoint->type == 0 &&
			p->CRLissuer == NULL)
			look_at_list(store, cert, issuer,
				p->distpoint->name.fullname, now, out);
	}
	sk_DIST_POINT_pop_free(points, DIST_POINT_free);
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

static struct wall until_of(const struct crl_list *list, struct wall now)
{
	const ASN1_TIME *at = crl_list_until(list);
	struct wall until = {now.s + LIFE_MAX_S};
	struct tm tm;

	memset(&tm, 0, sizeof(tm));
	if (at != NULL && ASN1_TIME_to_tm(at, &tm) == 1 &&
		timegm(&tm) < until.s)
		until.s = timegm(&tm);
	return until;
}

static int check(const struct entry *e, const struct crl_list *list,
	const void *der, size_t len, struct why *why)
{
	if (!crl_list_is_signed(der, len, X509_get0_pubkey(e->issuer)))
		return why_set(why, EDGE_EREFUSED,
			"the list at %s is not signed by the issuer of the "
			"certificate", e->url);
	if (e->list != NULL && ASN1_TIME_compare(crl_list_made(list),
		crl_list_made(e->list)) < 0)
		return why_set(why, EDGE_EREFUSED,
			"the list at %s is older than the one here", e->url);
	return 0;
}

/* Every entry of that address: two issuers may share one. */
int crl_put(struct crl_store *store, const char *url, const void *der,
	size_t len, struct wall now, struct why *why)
{
	struct why cause = {""};
	struct crl_list *list = NULL;
	struct list *it;
	int bad = crl_list_read(&list, der, len, &cause);
	int err = EDGE_EUNKNOWN;

	if (bad != 0)
		err = why_set(why, bad, "what came from %s is of no use: %s",
			url, why_text(&cause, bad));
	list_for_each(it, &store->entries) {
		struct entry *e = container_of(it, struct entry, node);

		if (strcmp(e->url, url) != 0)
			continue;
		e->is_fetched = false;
		/* However short it lives, it is not fetched without end. */
		e->retry_at.s = now.s + RETRY_S;
		if (bad != 0 ||
			(err = check(e, list, der, len, why)) != 0)
			continue;
		crl_list_unref(e->list);
		e->list = crl_list_ref(list);
		e->until = until_of(list, now);
	}
	crl_list_unref(list);
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
			(e->list != NULL && now.s < e->until.s - AHEAD_S))
			continue;
		e->is_fetched = true;
		snprintf(url, CRL_URL_LEN, "%s", e->url);
		break;
	}
	return url;
}
