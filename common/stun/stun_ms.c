/*
 * The [MS-TURN] dialect: table of attributes, cookie, versions, keys, and
 * the phrases of its errors. How attributes are walked, checked and written
 * is in stun_msg.c; what a message means to the relay is in neither.
 * Specification: [MS-TURN] 2.2, [MS-TURNBWM] 2.2, on top of
 * draft-rosenberg-midcom-turn-08; docs/protocol/ms-turn.md says which parts
 * are proven.
 */
#include "common/stun/stun_ms.h"

#include <errno.h>
#include <string.h>

#include "common/base/err.h"

/* MAGIC COOKIE as an attribute, [MS-TURN] 2.2.2.8. */
#define COOKIE_HEADER 0x000f0004u
#define COOKIE_VALUE  0x72c64bc6u
#define PHRASE_MAX    32 /* with the blanks that fill it up */

static const struct stun_row ms_rows[STUN_ATTR_COUNT] = {
	[STUN_RELAYED_ADDRESS] = {0x0001, STUN_KIND_ADDR, 8, 20,
		"MAPPED-ADDRESS"},
	[STUN_USERNAME] = {0x0006, STUN_KIND_BYTES, 0, STUN_USERNAME_MAX,
		"USERNAME"},
	/* one number for both: the length tells */
	[STUN_INTEGRITY] = {0x0008, STUN_KIND_BYTES, DIGEST_SHA1_LEN,
		DIGEST_SHA1_LEN, "MESSAGE-INTEGRITY"},
	[STUN_INTEGRITY_SHA256] = {0x0008, STUN_KIND_BYTES,
		DIGEST_SHA256_LEN, DIGEST_SHA256_LEN, "MESSAGE-INTEGRITY"},
	[STUN_ERROR_CODE] = {0x0009, STUN_KIND_BYTES, 4, 4 + STUN_TEXT_MAX,
		"ERROR-CODE"},
	[STUN_UNKNOWN_ATTRIBUTES] = {0x000a, STUN_KIND_BYTES, 0, UINT16_MAX,
		"UNKNOWN-ATTRIBUTES"},
	[STUN_LIFETIME] = {0x000d, STUN_KIND_NUMBER, 4, 4, "LIFETIME"},
	[STUN_ALTERNATE_SERVER] = {0x000e, STUN_KIND_ADDR, 8, 20,
		"ALTERNATE-SERVER"},
	[STUN_MS_COOKIE] = {0x000f, STUN_KIND_NUMBER, 4, 4, "MAGIC-COOKIE"},
	[STUN_BANDWIDTH] = {0x0010, STUN_KIND_NUMBER, 4, 4, "BANDWIDTH"},
	[STUN_DESTINATION] = {0x0011, STUN_KIND_ADDR, 8, 20,
		"DESTINATION-ADDRESS"},
	[STUN_PEER_ADDRESS] = {0x0012, STUN_KIND_ADDR, 8, 20,
		"REMOTE-ADDRESS"},
	[STUN_PAYLOAD] = {0x0013, STUN_KIND_BYTES, 0, UINT16_MAX, "DATA"},
	/* the other way round than in RFC 8489 */
	[STUN_NONCE] = {0x0014, STUN_KIND_BYTES, 0, STUN_MS_TEXT_MAX,
		"NONCE"},
	[STUN_REALM] = {0x0015, STUN_KIND_BYTES, 0, STUN_MS_TEXT_MAX,
		"REALM"},
	[STUN_REQUESTED_FAMILY] = {0x0017, STUN_KIND_NUMBER, 4, 4,
		"REQUESTED-ADDRESS-FAMILY"},
	[STUN_MS_VERSION] = {0x8008, STUN_KIND_NUMBER, 4, 4, "MS-VERSION"},
	/* masked with the transaction id, which in an RFC message begins
	 * with the RFC's cookie: one rule for both */
	[STUN_XOR_MAPPED_ADDRESS] = {0x8020, STUN_KIND_XOR_ADDR, 8, 20,
		"XOR-MAPPED-ADDRESS"},
	[STUN_MS_ALTERNATE_HOST] = {0x8032, STUN_KIND_BYTES, 0,
		STUN_MS_TEXT_MAX, "MS-ALTERNATE-HOST-NAME"},
	[STUN_MS_SEQUENCE] = {0x8050, STUN_KIND_BYTES,
		STUN_MS_CONNECTION_LEN + 4, STUN_MS_CONNECTION_LEN + 4,
		"MS-SEQUENCE-NUMBER"},
	[STUN_MS_QUALITY] = {0x8055, STUN_KIND_NUMBER, 4, 4,
		"MS-SERVICE-QUALITY"},
	[STUN_MS_ALTERNATE_MAPPED] = {0x8090, STUN_KIND_ADDR, 20, 20,
		"MS-ALTERNATE-MAPPED-ADDRESS"},
	[STUN_MS_SESSION] = {0x8095, STUN_KIND_BYTES, 8, 8,
		"MULTIPLEXED-TURN-SESSION-ID"},
	/* [MS-TURNBWM] 2.2: of any length here, because a relay that takes
	 * no part in it must not refuse a request for its sake */
	[STUN_BWM_ADMISSION] = {0x8056, STUN_KIND_BYTES, 0, UINT16_MAX,
		"BWM-ADMISSION-CONTROL"},
	[STUN_BWM_RESERVATION] = {0x8057, STUN_KIND_BYTES, 0, UINT16_MAX,
		"BWM-RESERVATION-ID"},
	[STUN_BWM_AMOUNT] = {0x8058, STUN_KIND_BYTES, 0, UINT16_MAX,
		"BWM-RESERVATION-AMOUNT"},
	[STUN_BWM_REMOTE_SITE] = {0x8059, STUN_KIND_BYTES, 0, UINT16_MAX,
		"BWM-REMOTE-SITE"},
	[STUN_BWM_REMOTE_RELAY] = {0x805a, STUN_KIND_BYTES, 0, UINT16_MAX,
		"BWM-REMOTE-RELAY-SITE"},
	[STUN_BWM_LOCAL_SITE] = {0x805b, STUN_KIND_BYTES, 0, UINT16_MAX,
		"BWM-LOCAL-SITE"},
	[STUN_BWM_LOCAL_RELAY] = {0x805c, STUN_KIND_BYTES, 0, UINT16_MAX,
		"BWM-LOCAL-RELAY-SITE"},
	[STUN_BWM_REMOTE_SITE_ANSWER] = {0x805d, STUN_KIND_BYTES, 0,
		UINT16_MAX, "BWM-REMOTE-SITE-RESPONSE"},
	[STUN_BWM_REMOTE_RELAY_ANSWER] = {0x805e, STUN_KIND_BYTES, 0,
		UINT16_MAX, "BWM-REMOTE-RELAY-SITE-RESPONSE"},
	[STUN_BWM_LOCAL_SITE_ANSWER] = {0x805f, STUN_KIND_BYTES, 0,
		UINT16_MAX, "BWM-LOCAL-SITE-RESPONSE"},
	[STUN_BWM_LOCAL_RELAY_ANSWER] = {0x8060, STUN_KIND_BYTES, 0,
		UINT16_MAX, "BWM-LOCAL-RELAY-SITE-RESPONSE"},
};

const struct stun_dialect stun_ms = {
	.name = "ms-turn",
	.rows = ms_rows,
	.value_pad = 1,
	.integrity_pad = 64,
	.is_integrity_last = true,
	.skips_families = true,
};

/* Nobody was seen to send it; whether clients of version 3 and above do is
 * not known. */
static const struct stun_dialect ms_padded = {
	.name = "ms-turn",
	.rows = ms_rows,
	.value_pad = 4,
	.integrity_pad = 64,
	.is_integrity_last = true,
	.skips_families = true,
};

static const struct {
	enum stun_ms_type type;
	const char *name;
} types[] = {
	{STUN_MS_ALLOCATE, "Allocate"},
	{STUN_MS_ALLOCATED, "Allocate response"},
	{STUN_MS_ALLOCATE_ERROR, "Allocate error"},
	{STUN_MS_SEND, "Send"},
	{STUN_MS_DATA, "Data Indication"},
	{STUN_MS_SET_DESTINATION, "Set Active Destination"},
	{STUN_MS_DESTINATION_SET, "Set Active Destination response"},
	{STUN_MS_DESTINATION_ERROR, "Set Active Destination error"},
	{STUN_MS_SECRET, "Shared Secret"},
	{STUN_MS_SECRET_GIVEN, "Shared Secret response"},
	{STUN_MS_SECRET_ERROR, "Shared Secret error"},
};

static const struct {
	unsigned code;
	const char *phrase;
} phrases[] = {
	{300, "Try Alternate"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{420, "Unknown Attribute"},
	{430, "Stale Credentials"},
	{431, "Integrity Check Failure"},
	{432, "Missing Username"},
	{434, "Missing Realm"},
	{435, "Missing Nonce"},
	{436, "Unknown Username"},
	{437, "No Binding"},
	{438, "Stale Nonce"},
	{441, "Wrong Username"},
	{486, "Allocation Quota Reached"},
	{500, "Server Error"},
	{600, "Global Failure"},
};

const char *stun_ms_phrase(unsigned code)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(phrases); i++)
		if (phrases[i].code == code)
			return phrases[i].phrase;
	return "";
}

const char *stun_ms_type_name(enum stun_ms_type type)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(types); i++)
		if (types[i].type == type)
			return types[i].name;
	return "unknown";
}

/* ---- reading ----------------------------------------------------------- */

bool stun_ms_is_control(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint16_t type;
	size_t i;

	if (len < STUN_HEADER_LEN + STUN_MS_COOKIE_LEN ||
	    buf_load_u16(p + 2) != len - STUN_HEADER_LEN ||
	    buf_load_u32(p + STUN_HEADER_LEN) != COOKIE_HEADER ||
	    buf_load_u32(p + STUN_HEADER_LEN + 4) != COOKIE_VALUE)
		return false;
	type = buf_load_u16(p);
	for (i = 0; i < ARRAY_COUNT(types); i++)
		if (types[i].type == type)
			return true;
	return false;
}

int stun_ms_parse(struct stun_msg *m, const void *data, size_t len)
{
	int err;

	if (!stun_ms_is_control(data, len))
		return EDGE_EMALFORMED;
	err = stun_parse(m, &stun_ms, data, len);
	if (err != 0)
		err = stun_parse(m, &ms_padded, data, len);
	return err;
}

enum stun_ms_type stun_ms_type(const struct stun_msg *m)
{
	return (enum stun_ms_type)buf_load_u16(m->data);
}

uint32_t stun_ms_version(const struct stun_msg *m)
{
	uint32_t version = 0;

	if (stun_number(m, STUN_MS_VERSION, &version) != 0)
		return 0;
	return version;
}

uint32_t stun_ms_announced(uint32_t client_version, bool may_sha256)
{
	if (may_sha256 && client_version >= STUN_MS_VERSION_SHA256)
		return STUN_MS_VERSION_SHA256;
	return STUN_MS_VERSION_ICE2;
}

int stun_ms_number(const struct stun_msg *m, struct stun_ms_number *out)
{
	struct str value = stun_bytes(m, STUN_MS_SEQUENCE);

	if (value.n != STUN_MS_CONNECTION_LEN + 4)
		return -ENOENT;
	memcpy(out->connection, value.p, sizeof(out->connection));
	out->number = buf_load_u32((const uint8_t *)value.p +
		STUN_MS_CONNECTION_LEN);
	return 0;
}

struct str stun_ms_bare_realm(struct str realm)
{
	if (realm.n >= 2 && realm.p[0] == '"' && realm.p[realm.n - 1] == '"')
		return (struct str){realm.p + 1, realm.n - 2};
	return realm;
}

/* ---- keys and integrity ------------------------------------------------ */

void stun_ms_key_sha1(struct stun_ms_key *key, struct str user,
	struct str realm, struct str password)
{
	memset(key, 0, sizeof(*key));
	stun_key(user, stun_ms_bare_realm(realm), password, key->bytes);
	key->len = STUN_KEY_LEN;
}

/* As NIST SP 800-108 in counter mode, one block, with the label "TURN" and
 * 256 bits as the length; its key is HMAC-SHA256(nonce, password). */
void stun_ms_key_sha256(struct stun_ms_key *key, struct str user,
	struct str realm, struct str nonce, struct str password)
{
	static const uint8_t label[] = {1, 'T', 'U', 'R', 'N', 0};
	static const uint8_t length[] = {0, 0, 1, 0};
	const struct str bare = stun_ms_bare_realm(realm);
	const struct digest_part secret = {password.p, password.n};
	const struct digest_part parts[] = {
		{label, sizeof(label)}, {user.p, user.n}, {bare.p, bare.n},
		{length, sizeof(length)},
	};
	uint8_t k[DIGEST_SHA256_LEN];

	digest_hmac_sha256(nonce.p, nonce.n, &secret, 1, k);
	digest_hmac_sha256(k, sizeof(k), parts, ARRAY_COUNT(parts),
		key->bytes);
	key->len = sizeof(key->bytes);
	digest_wipe(k, sizeof(k));
}

static bool is_sha256(const struct stun_ms_key *key)
{
	return key->len == DIGEST_SHA256_LEN;
}

int stun_ms_check(const struct stun_msg *m, const struct stun_ms_key *key)
{
	bool has_sha256 = stun_has(m, STUN_INTEGRITY_SHA256);

	if (!has_sha256 && !stun_has(m, STUN_INTEGRITY))
		return -ENOENT;
	if (has_sha256 != is_sha256(key))
		return EDGE_EFORGED;
	return stun_check_integrity(m, key->bytes, key->len);
}

/* ---- writing ----------------------------------------------------------- */

void stun_ms_write_begin(struct stun_writer *sw, void *room, size_t cap,
	enum stun_ms_type type, const uint8_t tid[static STUN_TID_LEN])
{
	sw->dialect = &stun_ms;
	sw->w = wbuf_of(room, cap);
	wbuf_u16(&sw->w, (uint16_t)type);
	wbuf_u16(&sw->w, 0);
	wbuf_bytes(&sw->w, tid, STUN_TID_LEN);
	stun_write_number(sw, STUN_MS_COOKIE, COOKIE_VALUE);
}

void stun_ms_write_number(struct stun_writer *sw,
	const struct stun_ms_number *number)
{
	uint8_t value[STUN_MS_CONNECTION_LEN + 4];

	memcpy(value, number->connection, STUN_MS_CONNECTION_LEN);
	buf_store_u32(value + STUN_MS_CONNECTION_LEN, number->number);
	stun_write_bytes(sw, STUN_MS_SEQUENCE, value, sizeof(value));
}

void stun_ms_write_error(struct stun_writer *sw, unsigned code)
{
	struct str phrase = str_of(stun_ms_phrase(code));
	uint8_t value[4 + PHRASE_MAX] = {0};

	value[2] = (uint8_t)(code / 100);
	value[3] = (uint8_t)(code % 100);
	memset(value + 4, ' ', PHRASE_MAX);
	memcpy(value + 4, phrase.p, phrase.n);
	stun_write_bytes(sw, STUN_ERROR_CODE, value,
		4 + (phrase.n + 3) / 4 * 4);
}

void stun_ms_write_integrity(struct stun_writer *sw,
	const struct stun_ms_key *key)
{
	if (is_sha256(key))
		stun_write_integrity_sha256(sw, key->bytes, key->len);
	else
		stun_write_integrity(sw, key->bytes, key->len);
}
