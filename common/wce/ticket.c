/*
 * Tickets: layout, signature, and the checks that need nothing but the
 * ticket (docs/protocol/webconf.md 4). Lives here: bytes and OpenSSL keys.
 * Does not live here: who may sign for whom (webconf-edge/admit.c), single
 * use (ticket_set.c), files.
 */
#include "common/wce/ticket.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/err.h"

#define MAGIC        "WCT1"
#define FIXED_LEN    126u
#define SIGNATURE    64u
#define HALF         32u
#define FLAG_SINGLE  0x01
#define DER_MAX      80u

/* The signature stands for this purpose alone. With its NUL. */
static const char CONTEXT[] = "edge-webconf-ticket-v1";

struct ticket_key {
	EVP_PKEY *pkey; /* owned */
	enum ticket_alg alg;
	uint16_t id;
};

/* ---- layout -------------------------------------------------------------- */

/* Lower-case host text: the audience is compared byte by byte. */
static bool is_audience(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!islower(p[i]) && !isdigit(p[i]) && p[i] != '-' &&
			p[i] != '.')
			return false;
	return len > 0 && len < TICKET_AUDIENCE_LEN;
}

static bool is_sound(const struct ticket *t)
{
	const int64_t life_s = t->not_after.s - t->not_before.s;

	return (t->alg == TICKET_ED25519 || t->alg == TICKET_P256) &&
		t->not_before.s >= 0 && t->not_after.s >= 0 && life_s > 0 &&
		life_s <= TICKET_LIFE_MAX_S;
}

int ticket_read(struct str bytes, struct ticket *out)
{
	struct rbuf r = rbuf_of(bytes.p, bytes.n);
	const uint8_t *magic = rbuf_take(&r, 4);
	struct ticket t = {.alg = (enum ticket_alg)rbuf_u8(&r)};
	uint8_t flags = rbuf_u8(&r);
	const uint8_t *fixed;
	const uint8_t *audience;
	uint16_t zero;
	size_t len;

	t.key_id = rbuf_u16(&r);
	t.not_before.s = (int64_t)rbuf_u64(&r);
	t.not_after.s = (int64_t)rbuf_u64(&r);
	fixed = rbuf_take(&r, 96);
	t.rate_kib_s = rbuf_u16(&r);
	zero = rbuf_u16(&r);
	len = rbuf_u16(&r);
	audience = rbuf_take(&r, len);
	rbuf_skip(&r, SIGNATURE);
	if (!rbuf_ok(&r) || rbuf_left(&r) > 0)
		return EDGE_EMALFORMED;
	if (memcmp(magic, MAGIC, 4) != 0 || (flags & ~FLAG_SINGLE) != 0 ||
		zero != 0 || !is_audience(audience, len))
		return EDGE_EMALFORMED;
	/* Bounds before the difference: it must not overflow. */
	if (t.not_before.s < 0 || t.not_after.s < 0 || !is_sound(&t))
		return EDGE_EMALFORMED;
	t.is_single_use = (flags & FLAG_SINGLE) != 0;
	memcpy(t.id, fixed, 16);
	memcpy(t.server, fixed + 16, 16);
	memcpy(t.conference, fixed + 32, 32);
	memcpy(t.user, fixed + 64, 32);
	memcpy(t.audience, audience, len);
	*out = t;
	return 0;
}

static void print(const struct ticket *t, const struct ticket_key *key,
	struct wbuf *w)
{
	const size_t len = strlen(t->audience);

	wbuf_bytes(w, MAGIC, 4);
	wbuf_u8(w, (uint8_t)key->alg);
	wbuf_u8(w, t->is_single_use ? FLAG_SINGLE : 0);
	wbuf_u16(w, key->id);
	wbuf_u64(w, (uint64_t)t->not_before.s);
	wbuf_u64(w, (uint64_t)t->not_after.s);
	wbuf_bytes(w, t->id, sizeof(t->id));
	wbuf_bytes(w, t->server, sizeof(t->server));
	wbuf_bytes(w, t->conference, sizeof(t->conference));
	wbuf_bytes(w, t->user, sizeof(t->user));
	wbuf_u16(w, t->rate_kib_s);
	wbuf_u16(w, 0);
	wbuf_u16(w, (uint16_t)len);
	wbuf_bytes(w, t->audience, len);
}

void ticket_hash(struct str uri, uint8_t out[static TICKET_HASH_LEN])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	char piece[256];
	size_t n;

	memset(out, 0, TICKET_HASH_LEN);
	if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		goto out;
	for (size_t at = 0; at < uri.n; at += n) {
		n = uri.n - at < sizeof(piece) ? uri.n - at : sizeof(piece);
		for (size_t i = 0; i < n; i++)
			piece[i] = (char)(uri.p[at + i] >= 'A' &&
					uri.p[at + i] <= 'Z' ?
				uri.p[at + i] + ('a' - 'A') : uri.p[at + i]);
		if (EVP_DigestUpdate(ctx, piece, n) != 1)
			goto out;
	}
	(void)EVP_DigestFinal_ex(ctx, out, NULL);
out:
	EVP_MD_CTX_free(ctx);
}

/* ---- keys ---------------------------------------------------------------- */

void ticket_key_free(struct ticket_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

/* pkey is taken, NULL = OpenSSL said no. */
static int wrap(struct ticket_key **out, EVP_PKEY *pkey, enum ticket_alg alg,
	uint16_t id)
{
	struct ticket_key *key;

	ERR_clear_error();
	if (pkey == NULL)
		return EDGE_ETLS;
	key = calloc(1, sizeof(*key));
	if (key == NULL) {
		EVP_PKEY_free(pkey);
		return -ENOMEM;
	}
	key->pkey = pkey;
	key->alg = alg;
	key->id = id;
	*out = key;
	return 0;
}

int ticket_key_make(struct ticket_key **out, enum ticket_alg alg, uint16_t id)
{
	EVP_PKEY *pkey = alg == TICKET_P256 ?
		EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256") :
		EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	return wrap(out, pkey, alg, id);
}

int ticket_key_from_pem(struct ticket_key **out, struct str pem, uint16_t id)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *pkey = bio != NULL ?
		PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	enum ticket_alg alg = TICKET_ED25519;
	char group[32] = "";

	BIO_free(bio);
	if (pkey != NULL && EVP_PKEY_is_a(pkey, "EC")) {
		alg = TICKET_P256;
		(void)EVP_PKEY_get_group_name(pkey, group, sizeof(group),
			NULL);
	}
	if (pkey != NULL && ((alg == TICKET_P256 &&
				strcmp(group, SN_X9_62_prime256v1) != 0) ||
			(alg == TICKET_ED25519 &&
				!EVP_PKEY_is_a(pkey, "ED25519")))) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	return wrap(out, pkey, alg, id);
}

int ticket_key_from_seed(struct ticket_key **out,
	const uint8_t seed[static 32], uint16_t id)
{
	return wrap(out, EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
		seed, 32), TICKET_ED25519, id);
}

static EVP_PKEY *point(struct str bytes)
{
	char group[] = SN_X9_62_prime256v1;
	uint8_t copy[TICKET_PUBLIC_MAX];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
			group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
			copy, sizeof(copy)),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *pkey = NULL;

	memcpy(copy, bytes.p, sizeof(copy));
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) !=
			1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

int ticket_key_from_public(struct ticket_key **out, enum ticket_alg alg,
	struct str bytes, uint16_t id)
{
	if (alg == TICKET_ED25519 && bytes.n == 32)
		return wrap(out, EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519,
			NULL, (const uint8_t *)bytes.p, 32), alg, id);
	if (alg == TICKET_P256 && bytes.n == TICKET_PUBLIC_MAX &&
		bytes.p[0] == POINT_CONVERSION_UNCOMPRESSED)
		return wrap(out, point(bytes), alg, id);
	return EDGE_EMALFORMED;
}

enum ticket_alg ticket_key_alg(const struct ticket_key *key)
{
	return key->alg;
}

uint16_t ticket_key_id(const struct ticket_key *key)
{
	return key->id;
}

size_t ticket_key_public(const struct ticket_key *key,
	uint8_t out[static TICKET_PUBLIC_MAX])
{
	size_t len = TICKET_PUBLIC_MAX;

	if (key->alg == TICKET_ED25519) {
		if (EVP_PKEY_get_raw_public_key(key->pkey, out, &len) != 1)
			len = 0;
	} else if (EVP_PKEY_get_octet_string_param(key->pkey,
			   OSSL_PKEY_PARAM_PUB_KEY, out, TICKET_PUBLIC_MAX,
			   &len) != 1) {
		len = 0;
	}
	ERR_clear_error();
	return len;
}

int ticket_key_pem(const struct ticket_key *key, char **pem)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len = 0;
	int err = EDGE_ETLS;

	if (bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL,
			NULL, 0, NULL, NULL) == 1)
		len = BIO_get_mem_data(bio, &text);
	if (len > 0) {
		*pem = strndup(text, (size_t)len);
		err = *pem != NULL ? 0 : -ENOMEM;
		digest_wipe(text, (size_t)len);
	}
	BIO_free(bio);
	ERR_clear_error();
	return err;
}

/* ---- proof --------------------------------------------------------------- */

/* The message is CONTEXT and the ticket: Ed25519 wants it in one piece. */
static size_t message(const uint8_t *ticket, size_t len,
	uint8_t out[static TICKET_MAX_LEN + sizeof(CONTEXT)])
{
	memcpy(out, CONTEXT, sizeof(CONTEXT));
	memcpy(out + sizeof(CONTEXT), ticket, len);
	return sizeof(CONTEXT) + len;
}

static const EVP_MD *md_of(const struct ticket_key *key)
{
	return key->alg == TICKET_P256 ? EVP_sha256() : NULL;
}

/* DER to r and s of 32 bytes each. */
static bool flatten(const uint8_t *der, size_t len, uint8_t *out)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	bool is_ok = sig != NULL &&
		BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, HALF) == HALF &&
		BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + HALF, HALF) == HALF;

	ECDSA_SIG_free(sig);
	return is_ok;
}

/* r and s to DER; its length, 0 on failure. */
static size_t unflatten(const uint8_t *flat, uint8_t out[static DER_MAX])
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(flat, HALF, NULL);
	BIGNUM *s = BN_bin2bn(flat + HALF, HALF, NULL);
	uint8_t *end = out;
	int len = 0;

	if (sig != NULL && r != NULL && s != NULL &&
		ECDSA_SIG_set0(sig, r, s) == 1) {
		r = NULL;
		s = NULL;
		len = i2d_ECDSA_SIG(sig, NULL);
		if (len > 0 && (size_t)len <= DER_MAX)
			len = i2d_ECDSA_SIG(sig, &end);
		else
			len = 0;
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return len > 0 ? (size_t)len : 0;
}

static int sign(const struct ticket_key *key, const uint8_t *p, size_t len,
	uint8_t out[static SIGNATURE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[DER_MAX];
	size_t sig_len = sizeof(sig);
	bool is_ok;

	is_ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, md_of(key), NULL,
			key->pkey) == 1 &&
		EVP_DigestSign(ctx, sig, &sig_len, p, len) == 1;
	EVP_MD_CTX_free(ctx);
	if (is_ok && key->alg == TICKET_P256)
		is_ok = flatten(sig, sig_len, out);
	else if (is_ok)
		memcpy(out, sig, SIGNATURE);
	ERR_clear_error();
	return is_ok ? 0 : EDGE_ETLS;
}

int ticket_sign(const struct ticket *t, const struct ticket_key *key,
	uint8_t out[static TICKET_MAX_LEN], size_t *len)
{
	uint8_t text[TICKET_MAX_LEN + sizeof(CONTEXT)];
	struct wbuf w = wbuf_of(out, TICKET_MAX_LEN);
	int err;

	if (!is_audience((const uint8_t *)t->audience, strlen(t->audience)))
		return EDGE_EMALFORMED;
	print(t, key, &w);
	if (!wbuf_ok(&w) || wbuf_left(&w) < SIGNATURE)
		return EDGE_ETOOBIG;
	err = sign(key, text, message(out, w.len, text), out + w.len);
	if (err < 0)
		return err;
	*len = w.len + SIGNATURE;
	return 0;
}

int ticket_verify(struct str bytes, const struct ticket_key *key)
{
	uint8_t text[TICKET_MAX_LEN + sizeof(CONTEXT)];
	const uint8_t *p = (const uint8_t *)bytes.p;
	const uint8_t *sig;
	uint8_t der[DER_MAX];
	EVP_MD_CTX *ctx;
	size_t sig_len = SIGNATURE;
	size_t len;
	bool is_ok;

	if (bytes.n < FIXED_LEN + SIGNATURE || bytes.n > TICKET_MAX_LEN)
		return EDGE_EFORGED;
	sig = p + bytes.n - SIGNATURE;
	if (key->alg == TICKET_P256) {
		sig_len = unflatten(sig, der);
		sig = der;
	}
	len = message(p, bytes.n - SIGNATURE, text);
	ctx = EVP_MD_CTX_new();
	is_ok = ctx != NULL && sig_len > 0 &&
		EVP_DigestVerifyInit(ctx, NULL, md_of(key), NULL,
			key->pkey) == 1 &&
		EVP_DigestVerify(ctx, sig, sig_len, text, len) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return is_ok ? 0 : EDGE_EFORGED;
}

int ticket_check(const struct ticket *t, const char *audience,
	struct wall now, int64_t skew_s)
{
	if (strcmp(t->audience, audience) != 0)
		return EDGE_EREFUSED;
	if (now.s < t->not_before.s - skew_s || now.s > t->not_after.s + skew_s)
		return EDGE_EEXPIRED;
	return 0;
}
