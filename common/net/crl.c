/*
 * Revocation lists by the place that a certificate names for them. An entry
 * begins when a chain names it, and holds its issuer's certificate, so that
 * what is fetched over plain HTTP is believed for its signature alone. What
 * stands on a list is crl_list.c's, what it is about crl_point.c's.
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
#include "common/net/crl_parcel.h"
#include "common/net/crl_point.h"
#include "common/net/stream_priv.h"

#define LISTS_MAX   256
#define RETRY_S     600  /* after a fetch that failed */
#define LIFE_MAX_S  (7 * 86400) /* fetched anew, also when it says later */
#define AHEAD_S     3600 /* fetched anew so long before its end */
#define POINTS_MAX  8    /* lists that one certificate may name */
#define MIRRORS_MAX 4    /* addresses of one of them */

struct entry {
	struct list node; /* most recently used last */
	char url[CRL_URL_LEN];
	struct crl_point point;
	struct crl_list *list; /* owned reference, NULL = not here yet */
	struct wall until;     /* what is not on it is good until then */
	struct wall renew_at;
	struct wall retry_at; /* 0 = may be fetched */
	struct wall used;
	bool is_fetched; /* a fetch is under way */
};

struct crl_store {
	struct list entries;
	size_t count;
	size_t bytes;
	size_t bytes_max;
};

int crl_store_new(struct crl_store **out, size_t bytes_max)
{
	struct crl_store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return -ENOMEM;
	list_init(&store->entries);
	store->bytes_max = bytes_max;
	*out = store;
	return 0;
}

static void entry_set(struct crl_store *store, struct entry *e,
	struct crl_list *list)
{
	if (e->list != NULL)
		store->bytes -= crl_list_bytes(e->list);
	crl_list_unref(e->list);
	e->list = list;
	if (list != NULL)
		store->bytes += crl_list_bytes(list);
}

static void entry_free(struct crl_store *store, struct entry *e)
{
	list_remove(&e->node);
	store->count--;
	entry_set(store, e, NULL);
	crl_point_fini(&e->point);
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
	const struct crl_point *point)
{
	struct list *it;

	list_for_each(it, &store->entries) {
		struct entry *e = container_of(it, struct entry, node);

		if (strcmp(e->url, url) == 0 &&
			crl_point_eq(&e->point, point))
			return e;
	}
	return NULL;
}

/* Those used longest ago and not being fetched make room for so much. */
static void make_room(struct crl_store *store, size_t count, size_t bytes)
{
	struct list *it, *next;

	list_for_each_safe(it, next, &store->entries) {
		struct entry *e = container_of(it, struct entry, node);

		if (store->count + count <= LISTS_MAX &&
			store->bytes + bytes <= store->bytes_max)
			return;
		if (!e->is_fetched && (e->list != NULL ||
			store->count + count > LISTS_MAX))
			entry_free(store, e);
	}
}

static struct entry *find_or_make(struct crl_store *store, const char *url,
	const struct crl_point *point, struct wall now)
{
	struct entry *e = find(store, url, point);

	if (e == NULL) {
		make_room(store, 1, 0);
		e = store->count < LISTS_MAX ? calloc(1, sizeof(*e)) : NULL;
		if (e == NULL)
			return NULL;
		snprintf(e->url, sizeof(e->url), "%s", url);
		if (crl_point_copy(&e->point, point) != 0) {
			free(e);
			return NULL;
		}
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

static bool is_in_date(const struct entry *e, struct wall now)
{
	return e->list != NULL && now.s < e->until.s;
}

static bool is_wanted(const struct entry *e, struct wall now)
{
	return !is_in_date(e, now) && !e->is_fetched &&
		now.s >= e->retry_at.s;
}

/* What the lists of one certificate say together. */
struct view {
	struct crl_store *store;
	X509 *cert;
	X509 *issuer;
	struct wall now;
	bool has_place;    /* it names a list that could be fetched */
	bool is_missing;   /* one that is in date is not here */
	bool is_listed;
	unsigned reasons;  /* the lists here are about all these grounds */
	struct crl_finding *out;
};

static void look_at_entry(struct view *v, struct entry *e)
{
	struct crl_finding *out = v->out;

	v->has_place = true;
	if (is_in_date(e, v->now)) {
		v->reasons |= crl_point_reasons(&e->point);
	} else {
		v->is_missing = true;
		out->is_coming = out->is_coming || e->is_fetched ||
			is_wanted(e, v->now);
	}
	if (out->url[0] == '\0' && is_wanted(e, v->now)) {
		e->is_fetched = true;
		snprintf(out->url, sizeof(out->url), "%s", e->url);
	}
}

static bool is_on(const struct entry *e, X509 *cert)
{
	return e->list != NULL && crl_list_has(e->list,
		X509_get0_serialNumber(cert));
}

/* One list of the certificate. It may have several addresses: the first
 * counts that has it, or can be asked, or is being. */
static void look_at_place(struct view *v, const DIST_POINT *place)
{
	const GENERAL_NAMES *names = place->distpoint->name.fullname;
	char url[CRL_URL_LEN];
	struct crl_point point;
	struct entry *e = NULL;
	int mirrors = 0;

	if (crl_point_init(&point, v->cert, v->issuer, place) != 0)
		return;
	for (int i = 0; i < sk_GENERAL_NAME_num(names) &&
		mirrors < MIRRORS_MAX; i++) {
		if (!url_of(sk_GENERAL_NAME_value(names, i), url))
			continue;
		mirrors++;
		e = find_or_make(v->store, url, &point, v->now);
		v->is_listed = v->is_listed || (e != NULL &&
			is_on(e, v->cert));
		if (e == NULL || is_in_date(e, v->now) || e->is_fetched ||
			is_wanted(e, v->now))
			break;
	}
	/* Without room for it nothing is known of it. */
	v->has_place = v->has_place || mirrors > 0;
	v->is_missing = v->is_missing || (mirrors > 0 && e == NULL);
	if (e != NULL)
		look_at_entry(v, e);
	crl_point_fini(&point);
}

static void tell(const struct view *v, enum crl_state state,
	const char *what)
{
	char name[96] = "";

	X509_NAME_get_text_by_NID(X509_get_subject_name(v->cert),
		NID_commonName, name, sizeof(name));
	snprintf(v->out->detail, sizeof(v->out->detail), "'%s' %s", name,
		what);
	v->out->state = state;
}

/* All lists that a certificate names: it may be on any of them. */
static void look_at(struct view *v)
{
	STACK_OF(DIST_POINT) *places = X509_get_ext_d2i(v->cert,
		NID_crl_distribution_points, NULL, NULL);

	for (int i = 0; i < sk_DIST_POINT_num(places) && i < POINTS_MAX;
		i++) {
		const DIST_POINT *p = sk_DIST_POINT_value(places, i);

		if (p->distpoint != NULL && p->distpoint->type == 0)
			look_at_place(v, p);
	}
	sk_DIST_POINT_pop_free(places, DIST_POINT_free);
	if (v->is_listed)
		tell(v, CRL_REVOKED, "is on the list of its issuer");
	else if (v->is_missing)
		tell(v, CRL_MISSING, "names a list that is not here, or out "
			"of date");
	else if (v->has_place && v->reasons != CRL_REASONS_ALL)
		tell(v, CRL_MISSING, "names no list of all grounds");
	else if (v->has_place && v->out->state == CRL_NONE)
		v->out->state = CRL_GOOD;
}

void crl_look(struct crl_store *store, const struct stream *s,
	struct wall now, struct crl_finding *out)
{
	const STACK_OF(X509) *chain = s->io.ssl == NULL ? NULL :
		SSL_get0_verified_chain(s->io.ssl);

	memset(out, 0, sizeof(*out));
	out->state = CRL_NONE;
	for (int i = 0; i + 1 < sk_X509_num(chain) &&
		out->state != CRL_REVOKED; i++) {
		struct view v = {
			.store = store,
			.cert = sk_X509_value(chain, i),
			.issuer = sk_X509_value(chain, i + 1),
			.now = now,
			.out = out,
		};

		look_at(&v);
	}
	ERR_clear_error();
}

/* ---- lists that came ----------------------------------------------------- */

int crl_receive(struct crl_store *store, const char *url, void *room,
	const void *der, size_t len, struct crl_parcel **out)
{
	struct list *it;
	bool is_wanted_by_any = false;
	int err = crl_parcel_new(out, url, room, der, len);

	if (err != 0)
		return err;
	list_for_each(it, &store->entries) {
		struct entry *e = container_of(it, struct entry, node);

		if (strcmp(e->url, url) != 0)
			continue;
		is_wanted_by_any = true;
		crl_parcel_add(*out, e->point.issuer);
	}
	if (is_wanted_by_any)
		return 0;
	crl_parcel_free(*out);
	return EDGE_EUNKNOWN;
}

/* Its next update; without one it counts for as long as we keep any. */
static struct wall until_of(const struct crl_list *list, struct wall now)
{
	const ASN1_TIME *at = crl_list_until(list);
	struct tm tm;

	memset(&tm, 0, sizeof(tm));
	if (at != NULL && ASN1_TIME_to_tm(at, &tm) == 1)
		return (struct wall){timegm(&tm)};
	return (struct wall){now.s + LIFE_MAX_S};
}

static int check(const struct entry *e, const struct crl_parcel *parcel,
	const struct crl_list *list, struct why *why)
{
	struct why cause = {""};
	int err;

	if (!crl_parcel_is_signed(parcel, e->point.issuer))
		return why_set(why, EDGE_EREFUSED,
			"the list at %s is not signed by the issuer of the "
			"certificate", e->url);
	err = crl_point_fits(&e->point, crl_list_issuer(list),
		crl_list_about(list), &cause);
	if (err != 0)
		return why_set(why, err, "the list at %s is of no use: %s",
			e->url, cause.text);
	if (e->list != NULL && ASN1_TIME_compare(crl_list_made(list),
		crl_list_made(e->list)) < 0)
		return why_set(why, EDGE_EREFUSED,
			"the list at %s is older than the one here", e->url);
	return 0;
}

/* Who is on a list that is out of date is refused all the same. */
static int keep(struct crl_store *store, struct entry *e,
	struct crl_list *list, struct wall now, struct why *why)
{
	entry_set(store, e, crl_list_ref(list));
	e->until = until_of(list, now);
	e->renew_at.s = e->until.s < now.s + LIFE_MAX_S ? e->until.s :
		now.s + LIFE_MAX_S;
	e->renew_at.s -= AHEAD_S;
	return is_in_date(e, now) ? 0 : why_set(why, EDGE_EREFUSED,
		"the list at %s was out of date when it came", e->url);
}

/* Every entry of that address: two issuers may share one. */
static int put_all(struct crl_store *store, const struct crl_parcel *parcel,
	struct crl_list *list, struct wall now, struct why *why)
{
	const char *url = crl_parcel_url(parcel);
	struct list *it;
	bool has_any = false;
	int err = EDGE_EUNKNOWN;

	list_for_each(it, &store->entries) {
		struct entry *e = container_of(it, struct entry, node);
		int bad;

		if (strcmp(e->url, url) != 0 || !crl_parcel_is_for(parcel,
			e->point.issuer))
			continue;
		e->is_fetched = false;
		/* However short it lives, it is not fetched without end. */
		e->retry_at.s = now.s + RETRY_S;
		if (list == NULL)
			continue;
		bad = check(e, parcel, list, why);
		if (bad == 0)
			bad = keep(store, e, list, now, why);
		has_any = has_any || bad == 0;
		err = has_any ? 0 : bad;
	}
	return err;
}

int crl_put(struct crl_store *store, struct crl_parcel *parcel,
	struct wall now, struct why *why)
{
	struct why cause;
	int bad, err;
	struct crl_list *list = crl_parcel_list(parcel, &bad, &cause);

	if (list != NULL)
		make_room(store, 0, crl_list_bytes(list));
	err = put_all(store, parcel, list, now, why);
	if (bad != 0)
		err = why_set(why, bad, "what came from %s is of no use: %s",
			crl_parcel_url(parcel), why_text(&cause, bad));
	crl_parcel_free(parcel);
	return err;
}

static void settle(struct crl_store *store, const char *url,
	struct wall retry_at)
{
	struct list *it;

	list_for_each(it, &store->entries) {
		struct entry *e = container_of(it, struct entry, node);

		if (strcmp(e->url, url) != 0)
			continue;
		e->is_fetched = false;
		e->retry_at = retry_at;
	}
}

void crl_failed(struct crl_store *store, const char *url, struct wall now)
{
	settle(store, url, (struct wall){now.s + RETRY_S});
}

void crl_postponed(struct crl_store *store, const char *url)
{
	settle(store, url, (struct wall){0});
}

const char *crl_stale(struct crl_store *store, struct wall now,
	char url[static CRL_URL_LEN])
{
	struct list *it, *next;

	url[0] = '\0';
	list_for_each_safe(it, next, &store->entries) {
		struct entry *e = container_of(it, struct entry, node);

		if (e->is_fetched)
			continue;
		/* No chain has named it lately. */
		if (now.s - e->used.s > LIFE_MAX_S) {
			entry_free(store, e);
			continue;
		}
		if (now.s < e->retry_at.s ||
			(e->list != NULL && now.s < e->renew_at.s))
			continue;
		e->is_fetched = true;
		snprintf(url, CRL_URL_LEN, "%s", e->url);
		break;
	}
	return url;
}
