/*
 * Bytes of a list between the connection that brought them and the store that
 * believes them. Reading and checking 10 MB takes a tenth of a second, which
 * nobody's calls should wait for.
 */
#include "common/net/crl_parcel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

/* One address serves an authority, and it again under its next key. */
#define ISSUERS_MAX 8

struct sender {
	X509 *issuer; /* owned reference */
	bool has_signed;
};

struct crl_parcel {
	char *url;  /* owned */
	void *room; /* owned */
	const void *der;
	size_t len;
	struct sender senders[ISSUERS_MAX];
	size_t sender_count;
	struct crl_list *list; /* owned reference */
	int err;
	struct why why;
};

int crl_parcel_new(struct crl_parcel **out, const char *url, void *room,
	const void *der, size_t len)
{
	struct crl_parcel *p = calloc(1, sizeof(*p));

	if (p != NULL)
		p->url = strdup(url);
	if (p == NULL || p->url == NULL) {
		free(p);
		free(room);
		return -ENOMEM;
	}
	p->room = room;
	p->der = der;
	p->len = len;
	p->err = -ECANCELED;
	*out = p;
	return 0;
}

void crl_parcel_free(struct crl_parcel *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->sender_count; i++)
		X509_free(p->senders[i].issuer);
	crl_list_unref(p->list);
	free(p->room);
	free(p->url);
	free(p);
}

static const struct sender *find(const struct crl_parcel *p,
	const X509 *issuer)
{
	for (size_t i = 0; i < p->sender_count; i++) {
		if (X509_cmp(p->senders[i].issuer, issuer) == 0)
			return &p->senders[i];
	}
	return NULL;
}

void crl_parcel_add(struct crl_parcel *p, X509 *issuer)
{
	if (p->sender_count == ISSUERS_MAX || find(p, issuer) != NULL)
		return;
	X509_up_ref(issuer);
	p->senders[p->sender_count++].issuer = issuer;
}

void crl_parcel_open(struct crl_parcel *p)
{
	p->err = crl_list_read(&p->list, p->der, p->len, &p->why);
	for (size_t i = 0; i < p->sender_count && p->err == 0; i++)
		p->senders[i].has_signed = crl_list_is_signed(p->der, p->len,
			X509_get0_pubkey(p->senders[i].issuer));
	/* The list has its own copy of what it needs. */
	free(p->room);
	p->room = NULL;
	p->der = NULL;
}

const char *crl_parcel_url(const struct crl_parcel *p)
{
	return p->url;
}

struct crl_list *crl_parcel_list(const struct crl_parcel *p, int *err,
	struct why *why)
{
	*err = p->err;
	*why = p->why;
	return p->list;
}

bool crl_parcel_is_for(const struct crl_parcel *p, const X509 *issuer)
{
	return find(p, issuer) != NULL;
}

bool crl_parcel_is_signed(const struct crl_parcel *p, const X509 *issuer)
{
	const struct sender *s = find(p, issuer);

	/* Section 6.3.3 f: a key may be there for other things alone. */
	return s != NULL && s->has_signed && (X509_get_key_usage(
		s->issuer) & KU_CRL_SIGN) != 0;
}
