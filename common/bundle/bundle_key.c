/*
 * Ed25519 over OpenSSL's EVP: keys, one-shot signatures, PEM. Which key is
 * believed is bundle_trust.c's affair. RFC 8032; SubjectPublicKeyInfo and
 * PKCS #8 as RFC 8410 has them.
 */
#include "common/bundle/bundle_key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "common/base/digest.h"
#include "common/base/err.h"

#define PEM_MAX 16384u

struct bundle_key {
	EVP_PKEY *pkey; /* owned */
};

void bundle_key_id(const uint8_t public_key[static BUNDLE_KEY_LEN],
	uint8_t out[static BUNDLE_KEY_ID_LEN])
{
	const struct digest_part part = {public_key, BUNDLE_KEY_LEN};

	digest_sha256(&part, 1, out);
}

int bundle_key_verify(const uint8_t public_key[static BUNDLE_KEY_LEN],
	const uint8_t input[static BUNDLE_INPUT_LEN],
	const uint8_t signature[static BUNDLE_SIGNATURE_LEN])
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
		public_key, BUNDLE_KEY_LEN);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool is_good = pkey != NULL && ctx != NULL &&
		EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
		EVP_DigestVerify(ctx, signature, BUNDLE_SIGNATURE_LEN, input,
			BUNDLE_INPUT_LEN) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return is_good ? 0 : EDGE_EFORGED;
}

/* ---- keys --------------------------------------------------------------- */

void bundle_key_free(struct bundle_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

/* Takes pkey, also on failure. */
static int wrap(struct bundle_key **out, EVP_PKEY *pkey, struct why *why)
{
	struct bundle_key *key = NULL;

	ERR_clear_error();
	if (pkey == NULL || !EVP_PKEY_is_a(pkey, "ED25519")) {
		EVP_PKEY_free(pkey);
		return why_set(why, EDGE_EMALFORMED,
			"this is no Ed25519 key: make one with 'edgectl "
			"publish key' or 'openssl genpkey -algorithm ed25519'");
	}
	key = calloc(1, sizeof(*key));
	if (key == NULL) {
		EVP_PKEY_free(pkey);
		return why_set(why, -ENOMEM, "%s", err_text(-ENOMEM));
	}
	key->pkey = pkey;
	*out = key;
	return 0;
}

int bundle_key_make(struct bundle_key **out, struct why *why)
{
	return wrap(out, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), why);
}

/* Never ask a terminal for a password. */
static int no_password(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

int bundle_key_from_pem(struct bundle_key **out, struct str pem,
	struct why *why)
{
	BIO *bio = pem.n <= PEM_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) :
				      NULL;
	EVP_PKEY *pkey = bio != NULL ?
		PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) :
		NULL;

	BIO_free(bio);
	return wrap(out, pkey, why);
}

int bundle_key_from_seed(struct bundle_key **out,
	const uint8_t seed[static 32], struct why *why)
{
	return wrap(out, EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
				 seed, 32), why);
}

static int raw_public(const EVP_PKEY *pkey,
	uint8_t out[static BUNDLE_KEY_LEN], struct why *why)
{
	size_t len = BUNDLE_KEY_LEN;

	if (pkey == NULL || !EVP_PKEY_is_a(pkey, "ED25519") ||
		EVP_PKEY_get_raw_public_key(pkey, out, &len) != 1 ||
		len != BUNDLE_KEY_LEN) {
		ERR_clear_error();
		return why_set(why, EDGE_EMALFORMED,
			"this is no public Ed25519 key in PEM");
	}
	return 0;
}

int bundle_key_read_public(struct str pem, uint8_t out[static BUNDLE_KEY_LEN],
	struct why *why)
{
	BIO *bio = pem.n <= PEM_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) :
				      NULL;
	EVP_PKEY *pkey = bio != NULL ?
		PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL) : NULL;
	int err = raw_public(pkey, out, why);

	EVP_PKEY_free(pkey);
	BIO_free(bio);
	return err;
}

/* What a writer left in bio, as text of its own. */
static int take_text(BIO *bio, bool is_written, char **pem, struct why *why)
{
	char *p = NULL;
	long len = bio != NULL ? BIO_get_mem_data(bio, &p) : 0;
	char *text = NULL;

	ERR_clear_error();
	if (!is_written || len <= 0)
		return why_set(why, EDGE_ETLS, "cannot print the key");
	text = str_dup((struct str){p, (size_t)len});
	digest_wipe(p, (size_t)len);
	if (text == NULL)
		return why_set(why, -ENOMEM, "%s", err_text(-ENOMEM));
	*pem = text;
	return 0;
}

int bundle_key_pem(const struct bundle_key *key, char **pem, struct why *why)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int err = take_text(bio,
		bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key->pkey,
				       NULL, NULL, 0, NULL, NULL) == 1,
		pem, why);

	BIO_free(bio);
	return err;
}

int bundle_key_public_pem(const struct bundle_key *key, char **pem,
	struct why *why)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int err = take_text(bio,
		bio != NULL && PEM_write_bio_PUBKEY(bio, key->pkey) == 1, pem,
		why);

	BIO_free(bio);
	return err;
}

/* ---- signing ------------------------------------------------------------ */

static int sign(void *arg, const uint8_t input[static BUNDLE_INPUT_LEN],
	uint8_t out[static BUNDLE_SIGNATURE_LEN], struct why *why)
{
	const struct bundle_key *key = arg;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = BUNDLE_SIGNATURE_LEN;
	bool is_done = ctx != NULL &&
		EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
		EVP_DigestSign(ctx, out, &len, input, BUNDLE_INPUT_LEN) == 1;

	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return is_done ? 0 : why_set(why, EDGE_ETLS, "cannot sign");
}

void bundle_key_signer(struct bundle_key *key, struct bundle_signer *out)
{
	struct why why;

	memset(out, 0, sizeof(*out));
	/* Can't fail: wrap() has seen what it is. */
	if (raw_public(key->pkey, out->public_key, &why) < 0)
		memset(out->public_key, 0, sizeof(out->public_key));
	out->sign = sign;
	out->arg = key;
}
