/*
 * Distribution points of certificates against those of lists. Pure: fetches
 * nothing, keeps nothing. Lists that several authorities share (indirect
 * ones) are for nobody here: crl_list.c does not read them.
 */
#include "common/net/crl_point.h"

#include <errno.h>
#include <string.h>

#include "common/base/err.h"

#define REASON_FIRST 1 /* bit 0 of ReasonFlags is unused */
#define REASON_LAST  8

static unsigned mask_of(const ASN1_BIT_STRING *reasons)
{
	unsigned mask = 0;

	if (reasons == NULL)
		return CRL_REASONS_ALL;
	for (int bit = REASON_FIRST; bit <= REASON_LAST; bit++) {
		if (ASN1_BIT_STRING_get_bit(reasons, bit) == 1)
			mask |= 1u << bit;
	}
	return mask;
}

static int take(struct crl_point *out, X509 *issuer,
	const DIST_POINT *place, bool is_ca)
{
	const unsigned char *p;

	memset(out, 0, sizeof(*out));
	out->der_len = i2d_DIST_POINT(place, &out->der);
	p = out->der;
	if (out->der_len > 0)
		out->place = d2i_DIST_POINT(NULL, &p, out->der_len);
	if (out->place == NULL) {
		crl_point_fini(out);
		return -ENOMEM;
	}
	X509_up_ref(issuer);
	out->issuer = issuer;
	out->is_ca = is_ca;
	return 0;
}

int crl_point_init(struct crl_point *out, X509 *cert, X509 *issuer,
	const DIST_POINT *place)
{
	if (place->CRLissuer != NULL)
		return EDGE_EMALFORMED;
	return take(out, issuer, place,
		(X509_get_extension_flags(cert) & EXFLAG_CA) != 0);
}

int crl_point_copy(struct crl_point *out, const struct crl_point *from)
{
	return take(out, from->issuer, from->place, from->is_ca);
}

void crl_point_fini(struct crl_point *p)
{
	X509_free(p->issuer);
	DIST_POINT_free(p->place);
	OPENSSL_free(p->der);
	memset(p, 0, sizeof(*p));
}

bool crl_point_eq(const struct crl_point *a, const struct crl_point *b)
{
	return a->is_ca == b->is_ca && a->der_len == b->der_len &&
		memcmp(a->der, b->der, (size_t)a->der_len) == 0 &&
		X509_cmp(a->issuer, b->issuer) == 0;
}

unsigned crl_point_reasons(const struct crl_point *p)
{
	return mask_of(p->place->reasons);
}

/* ---- names --------------------------------------------------------------- */

/* A name relative to the list's issuer, whole; the caller's, or NULL. */
static X509_NAME *whole_name(const DIST_POINT_NAME *name,
	const X509_NAME *issuer)
{
	X509_NAME *out = X509_NAME_dup(issuer);
	int count = sk_X509_NAME_ENTRY_num(name->name.relativename);

	for (int i = 0; i < count && out != NULL; i++) {
		/* The first begins a part of the name, the others join it. */
		if (X509_NAME_add_entry(out, sk_X509_NAME_ENTRY_value(
			name->name.relativename, i), -1, i == 0 ? 0 : -1) == 1)
			continue;
		X509_NAME_free(out);
		out = NULL;
	}
	return out;
}

static bool has_directory_name(const GENERAL_NAMES *names,
	const X509_NAME *name)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *gn = sk_GENERAL_NAME_value(names, i);

		if (gn->type == GEN_DIRNAME &&
			X509_NAME_cmp(gn->d.directoryName, name) == 0)
			return true;
	}
	return false;
}

static bool have_one_name(const GENERAL_NAMES *a, const GENERAL_NAMES *b)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(a); i++) {
		for (int k = 0; k < sk_GENERAL_NAME_num(b); k++) {
			if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(a, i),
				sk_GENERAL_NAME_value(b, k)) == 0)
				return true;
		}
	}
	return false;
}

/* Has one of them a name of the other? The certificate's names are all whole
 * (crl.c asks for none else). */
static bool is_same_place(const DIST_POINT_NAME *mine,
	const DIST_POINT_NAME *of_list, const X509_NAME *list_issuer)
{
	X509_NAME *whole;
	bool is_same;

	if (mine == NULL || mine->type != 0)
		return false;
	if (of_list->type == 0)
		return have_one_name(mine->name.fullname,
			of_list->name.fullname);
	whole = whole_name(of_list, list_issuer);
	is_same = whole != NULL && has_directory_name(mine->name.fullname,
		whole);
	X509_NAME_free(whole);
	return is_same;
}

int crl_point_fits(const struct crl_point *p, const X509_NAME *list_issuer,
	const ISSUING_DIST_POINT *about, struct why *why)
{
	unsigned wanted = crl_point_reasons(p);

	if (X509_NAME_cmp(list_issuer,
		X509_get_subject_name(p->issuer)) != 0)
		return why_set(why, EDGE_EREFUSED, "it is the list of another "
			"authority than the certificate's");
	if (about == NULL)
		return 0;
	if (about->distpoint != NULL && !is_same_place(p->place->distpoint,
		about->distpoint, list_issuer))
		return why_set(why, EDGE_EREFUSED, "it is a part of the "
			"authority's list, and not that of the certificate");
	if ((about->onlyuser > 0 && p->is_ca) ||
		(about->onlyCA > 0 && !p->is_ca) || about->onlyattr > 0)
		return why_set(why, EDGE_EREFUSED, "it is about another kind "
			"of certificates");
	if ((wanted & ~mask_of(about->onlysomereasons)) != 0)
		return why_set(why, EDGE_EREFUSED, "it is about some grounds "
			"to take a certificate back, and not all that are "
			"asked for");
	return 0;
}
