/*
 * Pool keys to bytes and back: "SPK1", purpose, 3 zero octets, number (32
 * bits), moment of making (64 bits, Unix seconds), secret. Sealing is
 * seal.c's.
 */
#include "common/seal/pool_key.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/rand.h"

static const char MAGIC[4] = {'S', 'P', 'K', '1'};

static const struct {
	const char *name;
	size_t len;
} PURPOSES[POOL_KEY_PURPOSES] = {
	[POOL_KEY_AV] = {"av", 96},
	[POOL_KEY_FLOW] = {"flow", 32},
};

const char *pool_key_purpose_name(enum pool_key_purpose purpose)
{
	return PURPOSES[purpose].name;
}

int pool_key_purpose_parse(const char *name, enum pool_key_purpose *out)
{
	for (unsigned i = 0; i < POOL_KEY_PURPOSES; i++) {
		if (strcmp(PURPOSES[i].name, name) != 0)
			continue;
		*out = (enum pool_key_purpose)i;
		return 0;
	}
	return EDGE_EUNKNOWN;
}

size_t pool_key_secret_len(enum pool_key_purpose purpose)
{
	return PURPOSES[purpose].len;
}

void pool_key_make(struct pool_key *out, enum pool_key_purpose purpose,
	uint32_t id, struct wall now)
{
	memset(out, 0, sizeof(*out));
	out->purpose = purpose;
	out->id = id;
	out->created = now;
	rand_bytes(out->secret, PURPOSES[purpose].len);
}

void pool_key_wipe(struct pool_key *key)
{
	digest_wipe(key, sizeof(*key));
}

size_t pool_key_print(const struct pool_key *key,
	uint8_t out[static POOL_KEY_TEXT_MAX])
{
	struct wbuf w = wbuf_of(out, POOL_KEY_TEXT_MAX);

	wbuf_bytes(&w, MAGIC, sizeof(MAGIC));
	wbuf_u8(&w, (uint8_t)key->purpose);
	wbuf_zero(&w, 3);
	wbuf_u32(&w, key->id);
	wbuf_u64(&w, (uint64_t)key->created.s);
	wbuf_bytes(&w, key->secret, PURPOSES[key->purpose].len);
	return w.len;
}

int pool_key_read(struct pool_key *out, enum pool_key_purpose purpose,
	uint32_t id, const void *bytes, size_t len, struct why *why)
{
	struct rbuf r = rbuf_of(bytes, len);
	size_t want = PURPOSES[purpose].len;
	const uint8_t *magic = rbuf_take(&r, sizeof(MAGIC));
	uint8_t kind = rbuf_u8(&r);
	uint32_t number;
	uint64_t created;

	rbuf_skip(&r, 3);
	number = rbuf_u32(&r);
	created = rbuf_u64(&r);
	if (!rbuf_ok(&r) || !digest_eq(magic, MAGIC, sizeof(MAGIC)) ||
		rbuf_left(&r) != want || created > INT64_MAX)
		return why_set(why, EDGE_EMALFORMED,
			"the envelope does not hold a pool key");
	if (kind != (uint8_t)purpose || number != id)
		return why_set(why, EDGE_EFORGED,
			"the envelope holds another key than its row says");
	memset(out, 0, sizeof(*out));
	out->purpose = purpose;
	out->id = id;
	out->created.s = (int64_t)created;
	memcpy(out->secret, rbuf_take(&r, want), want);
	return 0;
}
