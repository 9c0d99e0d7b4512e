/*
 * OpenSSL takes a list apart into one object for each row, which for 10 MB
 * needs half a second and six times the memory. Here it reads the frame and
 * leaves the rows as they are; these are walked once, and found again by an
 * open table of the offsets of their serial numbers.
 */
#include "common/net/crl_list.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "common/base/attr.h"
#include "common/base/err.h"
#include "common/base/map.h"
#include "common/base/rand.h"

struct frame { /* CertificateList */
	ASN1_STRING *tbs; /* with its tag and length */
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *signature;
};

struct body { /* TBSCertList */
	ASN1_INTEGER *version;
	X509_ALGOR *algorithm;
	X509_NAME *issuer;
	ASN1_TIME *made;
	ASN1_TIME *until;  /* or NULL */
	ASN1_STRING *rows; /* with its tag and length, or NULL */
	STACK_OF(X509_EXTENSION) *extensions;
};

/* clang-format off */
ASN1_SEQUENCE(frame) = {
	ASN1_SIMPLE(struct frame, tbs, ASN1_SEQUENCE),
	ASN1_SIMPLE(struct frame, algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct frame, signature, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END_name(struct frame, frame)

ASN1_SEQUENCE(body) = {
	ASN1_OPT(struct body, version, ASN1_INTEGER),
	ASN1_SIMPLE(struct body, algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct body, issuer, X509_NAME),
	ASN1_SIMPLE(struct body, made, ASN1_TIME),
	ASN1_OPT(struct body, until, ASN1_TIME),
	ASN1_OPT(struct body, rows, ASN1_SEQUENCE),
	ASN1_EXP_SEQUENCE_OF_OPT(struct body, extensions, X509_EXTENSION, 0),
} static_ASN1_SEQUENCE_END_name(struct body, body)
/* clang-format on */

struct slot {
	uint32_t at;   /* of a serial number in the rows, 0 = free */
	uint32_t mark; /* of its hash: few that differ are looked at */
};

struct crl_list {
	unsigned refs;
	struct body *body;
	ISSUING_DIST_POINT *about; /* or NULL */
	struct slot *slots;
	size_t slot_count; /* power of two, over twice the rows */
	size_t count;
	uint64_t key[2];
};

struct serial {
	const uint8_t *p;
	size_t n;
};

/* ---- the rows ------------------------------------------------------------ */

/* The value at *p, which moves to it; its end, or NULL. */
static const uint8_t *enter(const uint8_t **p, const uint8_t *end, int want)
{
	long len = 0;
	int tag = 0, class = 0;
	int shape;

	if (*p >= end)
		return NULL;
	shape = ASN1_get_object(p, &len, &tag, &class, end - *p);
	if ((shape & 0x81) != 0 || class != V_ASN1_UNIVERSAL ||
		tag != want || len > end - *p)
		return NULL;
	return *p + len;
}

/* The one way to write a number, so that bytes can be compared. */
static bool is_shortest(const struct serial *s)
{
	if (s->n < 2)
		return s->n == 1;
	return !(s->p[0] == 0 && s->p[1] < 0x80) &&
		!(s->p[0] == 0xff && s->p[1] >= 0x80);
}

/* The serial number of the row at *p, which moves behind the row. */
static bool next_row(const uint8_t **p, const uint8_t *end, struct serial *out)
{
	const uint8_t *row_end = enter(p, end, V_ASN1_SEQUENCE);
	const uint8_t *number_end = row_end == NULL ? NULL :
		enter(p, row_end, V_ASN1_INTEGER);

	if (number_end == NULL)
		return false;
	out->p = *p;
	out->n = (size_t)(number_end - *p);
	*p = row_end;
	return is_shortest(out);
}

static const uint8_t *rows_of(const struct crl_list *list,
	const uint8_t **end)
{
	const ASN1_STRING *rows = list->body->rows;
	const uint8_t *p = rows == NULL ? NULL : ASN1_STRING_get0_data(rows);

	*end = p == NULL ? NULL : p + ASN1_STRING_length(rows);
	if (p != NULL)
		*end = enter(&p, *end, V_ASN1_SEQUENCE);
	return p;
}

/* Where this number is in the table, or the free place where it would be. */
static struct slot *slot_of(const struct crl_list *list, struct serial want,
	uint32_t *mark)
{
	uint64_t hash = siphash24(list->key, want.p, want.n);
	size_t i = hash & (list->slot_count - 1);

	*mark = (uint32_t)(hash >> 32);
	for (; list->slots[i].at != 0; i = (i + 1) & (list->slot_count - 1)) {
		const uint8_t *end, *p, *number_end;

		if (list->slots[i].mark != *mark)
			continue;
		(void)rows_of(list, &end);
		p = ASN1_STRING_get0_data(list->body->rows) +
			list->slots[i].at;
		number_end = enter(&p, end, V_ASN1_INTEGER);
		if ((size_t)(number_end - p) == want.n &&
			memcmp(p, want.p, want.n) == 0)
			break;
	}
	return &list->slots[i];
}

/* One extension of a row, at *p, which moves behind it. */
static int take_extension(const uint8_t **p, const uint8_t *end)
{
	/* 2.5.29: why and since when it is listed, what to do on hold */
	static const uint8_t known[][3] = {{0x55, 0x1d, 0x15},
		{0x55, 0x1d, 0x18}, {0x55, 0x1d, 0x17}};
	const uint8_t *one_end = enter(p, end, V_ASN1_SEQUENCE);
	const uint8_t *id_end = one_end == NULL ? NULL :
		enter(p, one_end, V_ASN1_OBJECT);
	const uint8_t *id = *p;

	if (id_end == NULL)
		return EDGE_EMALFORMED;
	*p = one_end;
	for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
		if (id_end - id == sizeof(known[i]) &&
			memcmp(id, known[i], sizeof(known[i])) == 0)
			return 0;
	}
	/* Not critical, which is the default and left out in DER? */
	return enter(&id_end, one_end, V_ASN1_BOOLEAN) == NULL ? 0 :
		EDGE_EREFUSED;
}

/* Behind its number a row has a date, and may have extensions. Who does not
 * understand a critical one must not use the list (section 5.3). */
static int judge_rest(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *list_end;
	long len = 0;
	int tag, class, err = 0;

	if (p >= end || (ASN1_get_object(&p, &len, &tag, &class, end - p) &
		0x81) != 0 || len > end - p)
		return EDGE_EMALFORMED;
	p += len;
	if (p == end)
		return 0;
	list_end = enter(&p, end, V_ASN1_SEQUENCE);
	if (list_end == NULL)
		return EDGE_EMALFORMED;
	while (p < list_end && err == 0)
		err = take_extension(&p, list_end);
	return err;
}

static int count_rows(struct crl_list *list, struct why *why)
{
	const uint8_t *end, *p = rows_of(list, &end);
	struct serial s;
	int err = 0;

	if (list->body->rows != NULL && end == NULL)
		return EDGE_EMALFORMED;
	for (; p < end && err == 0; list->count++)
		err = next_row(&p, end, &s) ? judge_rest(s.p + s.n, p) :
			EDGE_EMALFORMED;
	return err != EDGE_EREFUSED ? err : why_set(why, err,
		"a row has a critical extension that is not known");
}

static int index_rows(struct crl_list *list, struct why *why)
{
	const uint8_t *base, *end, *p;
	struct serial s;
	int err = count_rows(list, why);

	if (err != 0)
		return err;
	for (list->slot_count = 16; list->slot_count < 2 * list->count;)
		list->slot_count *= 2;
	list->slots = calloc(list->slot_count, sizeof(*list->slots));
	if (list->slots == NULL)
		return -ENOMEM;
	rand_bytes(list->key, sizeof(list->key));
	p = rows_of(list, &end);
	base = p == NULL ? NULL : ASN1_STRING_get0_data(list->body->rows);
	while (p < end) {
		const uint8_t *at = p;
		struct slot *slot;
		uint32_t mark;

		(void)enter(&at, end, V_ASN1_SEQUENCE);
		(void)next_row(&p, end, &s);
		slot = slot_of(list, s, &mark);
		*slot = (struct slot){(uint32_t)(at - base), mark};
	}
	return 0;
}

/* ---- the frame ----------------------------------------------------------- */

static struct frame *read_frame(const void *der, size_t len)
{
	const unsigned char *p = der;
	ASN1_VALUE *frame = len > INT32_MAX ? NULL : ASN1_item_d2i(NULL, &p,
		(long)len, ASN1_ITEM_rptr(frame));

	return (struct frame *)frame;
}

static void body_free(struct body *body)
{
	ASN1_item_free((ASN1_VALUE *)body, ASN1_ITEM_rptr(body));
}

static struct body *read_body(const void *der, size_t len)
{
	struct frame *frame = read_frame(der, len);
	const unsigned char *p;
	struct body *body;

	if (frame == NULL)
		return NULL;
	p = ASN1_STRING_get0_data(frame->tbs);
	body = (struct body *)ASN1_item_d2i(NULL, &p,
		ASN1_STRING_length(frame->tbs), ASN1_ITEM_rptr(body));
	/* Section 5.1.1.2: else the signature says not how it was made. */
	if (body != NULL &&
		X509_ALGOR_cmp(body->algorithm, frame->algorithm) != 0) {
		body_free(body);
		body = NULL;
	}
	ASN1_item_free((ASN1_VALUE *)frame, ASN1_ITEM_rptr(frame));
	return body;
}

/* Section 5.2: who does not understand a critical extension must not use the
 * list. */
static bool is_understood(const STACK_OF(X509_EXTENSION) *extensions)
{
	static const int known[] = {NID_issuing_distribution_point,
		NID_authority_key_identifier, NID_crl_number,
		NID_issuer_alt_name};

	for (int i = 0; i < sk_X509_EXTENSION_num(extensions); i++) {
		X509_EXTENSION *e = sk_X509_EXTENSION_value(extensions, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(e));
		bool is_known = X509_EXTENSION_get_critical(e) == 0;

		for (size_t k = 0; k < ARRAY_COUNT(known); k++)
			is_known = is_known || nid == known[k];
		if (!is_known)
			return false;
	}
	return true;
}

/* Rows of some lists mean something else than "taken back by this issuer":
 * changes, certificates of others, what nobody here understands. */
static int read_extensions(struct crl_list *list, struct why *why)
{
	const STACK_OF(X509_EXTENSION) *all = list->body->extensions;
	int critical = -1;

	list->about = X509V3_get_d2i(all, NID_issuing_distribution_point,
		&critical, NULL);
	if (X509v3_get_ext_by_NID(all, NID_delta_crl, -1) >= 0 ||
		(list->about != NULL && list->about->indirectCRL > 0))
		return why_set(why, EDGE_EREFUSED,
			"it is no complete list of one issuer");
	/* -1: there is none; else it is there and can't be read. */
	if ((list->about == NULL && critical != -1) || !is_understood(all))
		return why_set(why, EDGE_EREFUSED,
			"it has a critical extension that is not known");
	return 0;
}

int crl_list_read(struct crl_list **out, const void *der, size_t len,
	struct why *why)
{
	struct crl_list *list = calloc(1, sizeof(*list));
	int err = 0;

	if (list == NULL)
		return -ENOMEM;
	list->refs = 1;
	list->body = read_body(der, len);
	if (list->body == NULL)
		err = EDGE_EMALFORMED;
	if (err == 0)
		err = read_extensions(list, why);
	if (err == 0)
		err = index_rows(list, why);
	if (err == EDGE_EMALFORMED)
		err = why_set(why, err, "it is no revocation list");
	ERR_clear_error();
	if (err != 0) {
		crl_list_unref(list);
		return err;
	}
	*out = list;
	return 0;
}

struct crl_list *crl_list_ref(struct crl_list *list)
{
	list->refs++;
	return list;
}

void crl_list_unref(struct crl_list *list)
{
	if (list == NULL || --list->refs > 0)
		return;
	ISSUING_DIST_POINT_free(list->about);
	body_free(list->body);
	free(list->slots);
	free(list);
}

bool crl_list_is_signed(const void *der, size_t len, EVP_PKEY *key)
{
	struct frame *frame = key == NULL ? NULL : read_frame(der, len);
	bool is = frame != NULL && ASN1_item_verify(
		ASN1_ITEM_rptr(ASN1_SEQUENCE), frame->algorithm,
		frame->signature, frame->tbs, key) == 1;

	ASN1_item_free((ASN1_VALUE *)frame, ASN1_ITEM_rptr(frame));
	ERR_clear_error();
	return is;
}

/* ---- asking -------------------------------------------------------------- */

bool crl_list_has(const struct crl_list *list, const ASN1_INTEGER *serial)
{
	unsigned char *der = NULL;
	int len = i2d_ASN1_INTEGER(serial, &der);
	const uint8_t *p = der;
	struct serial want;
	uint32_t mark;
	bool has = false;

	if (len > 0 && enter(&p, der + len, V_ASN1_INTEGER) != NULL) {
		want = (struct serial){p, (size_t)(der + len - p)};
		has = slot_of(list, want, &mark)->at != 0;
	}
	OPENSSL_free(der);
	return has;
}

size_t crl_list_count(const struct crl_list *list)
{
	return list->count;
}

size_t crl_list_bytes(const struct crl_list *list)
{
	return list->slot_count * sizeof(*list->slots) +
		(list->body->rows == NULL ? 0 :
			(size_t)ASN1_STRING_length(list->body->rows));
}

const X509_NAME *crl_list_issuer(const struct crl_list *list)
{
	return list->body->issuer;
}

const ISSUING_DIST_POINT *crl_list_about(const struct crl_list *list)
{
	return list->about;
}

const ASN1_TIME *crl_list_made(const struct crl_list *list)
{
	return list->body->made;
}

const ASN1_TIME *crl_list_until(const struct crl_list *list)
{
	return list->body->until;
}
