/*
 * The A/V credential: layout, HMACs and expiry. Pure functions of the key
 * ring, the bytes and the clock that is handed in; no file, no socket.
 *
 *	0      version major, minor (1.0 or 2.0)
 *	2      size of the blob, 0x20 or 0x24
 *	4      expiry, FILETIME: low word, then high word, each big-endian
 *	12     client id = HMAC-SHA1(SK0, identity)
 *	32     flags (2.0 only), 0
 *	tail   HMAC-SHA1(SK1, all before)
 */
#include "common/cred/av_cred.h"

#include <errno.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/err.h"

#define BLOB_V1_LEN 32
#define BLOB_V2_LEN 36
#define TAIL_LEN    DIGEST_SHA1_LEN

/* FILETIME counts 100 ns from 1601-01-01. */
#define FILETIME_PER_S    10000000ULL
#define FILETIME_UNIX_S   11644473600LL
#define WALL_S_MAX        (UINT32_MAX * 16LL)

/* About one credential in fifty has to be built again. */
#define ROLLS_MAX 1000

static size_t blob_len(enum av_cred_version version)
{
	return version == AV_CRED_V1 ? BLOB_V1_LEN : BLOB_V2_LEN;
}

static void hmac(const uint8_t key[static AV_KEY_LEN], const void *data,
	size_t len, uint8_t out[static DIGEST_SHA1_LEN])
{
	const struct digest_part part = {data, len};

	digest_hmac_sha1(key, AV_KEY_LEN, &part, 1, out);
}

static void build(struct av_cred *c, const struct av_key *key,
	enum av_cred_version version, uint64_t filetime)
{
	size_t len = blob_len(version);
	struct wbuf w = wbuf_of(c->user, sizeof(c->user));

	wbuf_u8(&w, (uint8_t)version);
	wbuf_u8(&w, 0);
	wbuf_u16(&w, (uint16_t)len);
	wbuf_u32(&w, (uint32_t)filetime);
	wbuf_u32(&w, (uint32_t)(filetime >> 32));
	wbuf_bytes(&w, c->client_id, sizeof(c->client_id));
	wbuf_zero(&w, len - BLOB_V1_LEN);
	hmac(key->sk1, c->user, len, c->user + len);
	c->user_len = len + TAIL_LEN;
	hmac(key->sk2, c->user, c->user_len, c->password);
}

bool av_cred_survives_trimming(const struct av_cred *c)
{
	uint8_t user_last = c->user[c->user_len - 1];
	uint8_t password_last = c->password[AV_CRED_PASSWORD_LEN - 1];

	return user_last != '"' && user_last != 0 && c->password[0] != '"' &&
		password_last != '"' && password_last != 0;
}

void av_cred_client_id(const struct av_key *key, struct str identity,
	uint8_t out[static AV_CRED_CLIENT_ID_LEN])
{
	hmac(key->sk0, identity.p, identity.n, out);
}

int av_cred_mint(struct av_cred *out, const struct av_key_ring *ring,
	enum av_cred_version version, struct str identity, struct wall expires)
{
	struct av_cred c = {.expires = expires};
	const struct av_key *key = &ring->keys[0];
	uint64_t filetime;

	if (ring->count == 0)
		return -ENOKEY;
	if (str_is_empty(identity) || expires.s < 0 || expires.s > WALL_S_MAX)
		return -EINVAL;
	filetime = (uint64_t)(expires.s + FILETIME_UNIX_S) * FILETIME_PER_S;
	av_cred_client_id(key, identity, c.client_id);
	c.key_id = key->id;
	for (unsigned roll = 0; roll < ROLLS_MAX; roll++) {
		build(&c, key, version, filetime + roll);
		if (!av_cred_survives_trimming(&c))
			continue;
		*out = c;
		return 0;
	}
	return EDGE_EBUSY;
}

static bool has_shape(struct rbuf r)
{
	uint8_t major = rbuf_u8(&r);
	uint8_t minor = rbuf_u8(&r);
	uint16_t len = rbuf_u16(&r);

	if (!rbuf_ok(&r) || minor != 0)
		return false;
	if (major != AV_CRED_V1 && major != AV_CRED_V2)
		return false;
	return len == blob_len((enum av_cred_version)major) &&
		r.len == (size_t)len + TAIL_LEN;
}

static const struct av_key *find_key(const struct av_key_ring *ring,
	const uint8_t *user, size_t blob)
{
	uint8_t tail[TAIL_LEN];

	for (size_t i = 0; i < ring->count; i++) {
		hmac(ring->keys[i].sk1, user, blob, tail);
		if (digest_eq(tail, user + blob, sizeof(tail)))
			return &ring->keys[i];
	}
	return NULL;
}

static struct wall expiry_of(const uint8_t *user)
{
	uint64_t low = buf_load_u32(user + 4);
	uint64_t high = buf_load_u32(user + 8);

	return (struct wall){
		(int64_t)((high << 32 | low) / FILETIME_PER_S) - FILETIME_UNIX_S
	};
}

int av_cred_check(struct av_cred *out, const struct av_key_ring *ring,
	const void *user, size_t user_len, struct wall now, unsigned skew_s)
{
	const struct av_key *key;
	const uint8_t *p = user;

	if (!has_shape(rbuf_of(user, user_len)))
		return EDGE_EMALFORMED;
	key = find_key(ring, p, user_len - TAIL_LEN);
	if (key == NULL)
		return EDGE_EFORGED;
	*out = (struct av_cred){.user_len = user_len};
	memcpy(out->user, p, user_len);
	memcpy(out->client_id, p + 12, sizeof(out->client_id));
	out->expires = expiry_of(p);
	out->key_id = key->id;
	hmac(key->sk2, p, user_len, out->password);
	return now.s >= out->expires.s + (int64_t)skew_s ? EDGE_EEXPIRED : 0;
}

void av_cred_user_text(const struct av_cred *c,
	char out[static AV_CRED_USER_TEXT])
{
	digest_b64(c->user, c->user_len, out);
}

void av_cred_password_text(const struct av_cred *c,
	char out[static AV_CRED_PASSWORD_TEXT])
{
	digest_b64(c->password, sizeof(c->password), out);
}

int av_cred_user_from_text(struct str text,
	uint8_t out[static AV_CRED_USER_MAX], size_t *len)
{
	if (text.n != 72 && text.n != 76)
		return EDGE_EMALFORMED;
	return digest_unb64(text, out, AV_CRED_USER_MAX, len);
}
