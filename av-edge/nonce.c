/*
 * nonce = [cookie] base64url(seconds, HMAC-SHA1(secret, seconds | client |
 * [cookie]) cut to 88 bits). Nobody without the secret can make one for an
 * address that is not theirs, so a request with a good nonce proves that its
 * source receives what is sent there. Threats T8, T17.
 */
#include "av-edge/nonce.h"

#include <string.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/rand.h"

#define TIME_LEN 4
#define MAC_LEN  11
#define RAW_LEN  (TIME_LEN + MAC_LEN)

void nonce_secret_new(struct nonce_secret *secret)
{
	rand_bytes(secret->bytes, sizeof(secret->bytes));
}

static void make_mac(const struct nonce_secret *secret,
	const struct addr *client, struct str cookie,
	const uint8_t time[static TIME_LEN],
	uint8_t out[static DIGEST_SHA1_LEN])
{
	const struct digest_part parts[] = {
		{time, TIME_LEN},
		{client, sizeof(*client)}, /* has no padding */
		{cookie.p, cookie.n},
	};

	digest_hmac_sha1(secret->bytes, sizeof(secret->bytes), parts,
		ARRAY_COUNT(parts), out);
}

static void make(const struct nonce_secret *secret,
	const struct addr *client, struct str cookie, struct mono now,
	char *out)
{
	uint8_t mac[DIGEST_SHA1_LEN], raw[RAW_LEN];

	buf_store_u32(raw, (uint32_t)(now.ms / 1000));
	make_mac(secret, client, cookie, raw, mac);
	memcpy(raw + TIME_LEN, mac, MAC_LEN);
	memcpy(out, cookie.p, cookie.n);
	digest_b64url(raw, sizeof(raw), out + cookie.n);
}

void nonce_make(const struct nonce_secret *secret, const struct addr *client,
	struct mono now, char out[static NONCE_LEN + 1])
{
	make(secret, client, STR_LIT(""), now, out);
}

void nonce_make_offer(const struct nonce_secret *secret,
	const struct addr *client, struct mono now,
	char out[static NONCE_OFFER_LEN + 1])
{
	make(secret, client, STR_LIT(NONCE_COOKIE), now, out);
}

bool nonce_is_offer(struct str text)
{
	return str_starts(text, NONCE_COOKIE);
}

enum nonce_state nonce_check(const struct nonce_secret *secret,
	const struct addr *client, struct mono now, uint32_t lifetime_s,
	struct str text)
{
	struct str cookie = STR_LIT("");
	uint8_t mac[DIGEST_SHA1_LEN], raw[RAW_LEN];
	uint32_t age_s;
	size_t len;

	if (text.n == NONCE_OFFER_LEN && nonce_is_offer(text)) {
		cookie = STR_LIT(NONCE_COOKIE);
		text = str_skip(text, NONCE_COOKIE_LEN);
	}
	if (text.n != NONCE_LEN ||
	    digest_unb64url(text, raw, sizeof(raw), &len) < 0 ||
	    len != RAW_LEN)
		return NONCE_FOREIGN;
	make_mac(secret, client, cookie, raw, mac);
	if (!digest_eq(mac, raw + TIME_LEN, MAC_LEN))
		return NONCE_FOREIGN;
	age_s = (uint32_t)(now.ms / 1000) - buf_load_u32(raw);
	return age_s <= lifetime_s ? NONCE_GOOD : NONCE_STALE;
}
