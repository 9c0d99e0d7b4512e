/*
 * STUN and TURN messages: taking apart, integrity, writing.
 * Specification: RFC 8489 (format 5, attributes 14), RFC 8656 (18), RFC
 * 8445 (attributes of connectivity checks). A dialect is a table of rows;
 * this file knows no other difference between dialects. Sockets, nonces and
 * what a message means are not in here.
 */
#include "common/stun/stun_msg.h"

#include <errno.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/rand.h"

#define ATTR_HEADER_LEN  4
#define FINGERPRINT_MASK 0x5354554eu /* RFC 8489 14.7 */
#define FAMILY_IPV4      1
#define FAMILY_IPV6      2
#define VALUE_V4_LEN     8
#define VALUE_V6_LEN     20
#define INTEGRITY_PAD_MAX 64

static const struct stun_row rfc_rows[STUN_ATTR_COUNT] = {
	[STUN_MAPPED_ADDRESS] = {0x0001, STUN_KIND_ADDR, 8, 20,
		"MAPPED-ADDRESS"},
	[STUN_USERNAME] = {0x0006, STUN_KIND_BYTES, 0, STUN_USERNAME_MAX,
		"USERNAME"},
	[STUN_INTEGRITY] = {0x0008, STUN_KIND_BYTES, 20, 20,
		"MESSAGE-INTEGRITY"},
	[STUN_ERROR_CODE] = {0x0009, STUN_KIND_BYTES, 4, 4 + STUN_TEXT_MAX,
		"ERROR-CODE"},
	[STUN_UNKNOWN_ATTRIBUTES] = {0x000a, STUN_KIND_BYTES, 0, UINT16_MAX,
		"UNKNOWN-ATTRIBUTES"},
	[STUN_CHANNEL_NUMBER] = {0x000c, STUN_KIND_NUMBER, 4, 4,
		"CHANNEL-NUMBER"},
	[STUN_LIFETIME] = {0x000d, STUN_KIND_NUMBER, 4, 4, "LIFETIME"},
	[STUN_PEER_ADDRESS] = {0x0012, STUN_KIND_XOR_ADDR, 8, 20,
		"XOR-PEER-ADDRESS"},
	[STUN_PAYLOAD] = {0x0013, STUN_KIND_BYTES, 0, UINT16_MAX, "DATA"},
	[STUN_REALM] = {0x0014, STUN_KIND_BYTES, 0, STUN_TEXT_MAX, "REALM"},
	[STUN_NONCE] = {0x0015, STUN_KIND_BYTES, 0, STUN_TEXT_MAX, "NONCE"},
	[STUN_RELAYED_ADDRESS] = {0x0016, STUN_KIND_XOR_ADDR, 8, 20,
		"XOR-RELAYED-ADDRESS"},
	[STUN_REQUESTED_FAMILY] = {0x0017, STUN_KIND_NUMBER, 4, 4,
		"REQUESTED-ADDRESS-FAMILY"},
	[STUN_EVEN_PORT] = {0x0018, STUN_KIND_BYTES, 1, 1, "EVEN-PORT"},
	[STUN_REQUESTED_TRANSPORT] = {0x0019, STUN_KIND_NUMBER, 4, 4,
		"REQUESTED-TRANSPORT"},
	[STUN_DONT_FRAGMENT] = {0x001a, STUN_KIND_BYTES, 0, 0,
		"DONT-FRAGMENT"},
	[STUN_INTEGRITY_SHA256] = {0x001c, STUN_KIND_BYTES, 16, 32,
		"MESSAGE-INTEGRITY-SHA256"},
	[STUN_PASSWORD_ALGORITHM] = {0x001d, STUN_KIND_BYTES, 4, UINT16_MAX,
		"PASSWORD-ALGORITHM"},
	[STUN_USERHASH] = {0x001e, STUN_KIND_BYTES, 32, 32, "USERHASH"},
	[STUN_XOR_MAPPED_ADDRESS] = {0x0020, STUN_KIND_XOR_ADDR, 8, 20,
		"XOR-MAPPED-ADDRESS"},
	[STUN_RESERVATION_TOKEN] = {0x0022, STUN_KIND_BYTES, 8, 8,
		"RESERVATION-TOKEN"},
	[STUN_CONNECTION_ID] = {0x002a, STUN_KIND_NUMBER, 4, 4,
		"CONNECTION-ID"},
	[STUN_PRIORITY] = {0x0024, STUN_KIND_NUMBER, 4, 4, "PRIORITY"},
	[STUN_USE_CANDIDATE] = {0x0025, STUN_KIND_BYTES, 0, 0,
		"USE-CANDIDATE"},
	[STUN_ADDITIONAL_FAMILY] = {0x8000, STUN_KIND_NUMBER, 4, 4,
		"ADDITIONAL-ADDRESS-FAMILY"},
	[STUN_ADDRESS_ERROR_CODE] = {0x8001, STUN_KIND_BYTES, 4,
		4 + STUN_TEXT_MAX, "ADDRESS-ERROR-CODE"},
	[STUN_PASSWORD_ALGORITHMS] = {0x8002, STUN_KIND_BYTES, 4, UINT16_MAX,
		"PASSWORD-ALGORITHMS"},
	[STUN_ALTERNATE_DOMAIN] = {0x8003, STUN_KIND_BYTES, 0, 255,
		"ALTERNATE-DOMAIN"},
	[STUN_ICMP] = {0x8004, STUN_KIND_BYTES, 8, 8, "ICMP"},
	[STUN_SOFTWARE] = {0x8022, STUN_KIND_BYTES, 0, STUN_TEXT_MAX,
		"SOFTWARE"},
	[STUN_ALTERNATE_SERVER] = {0x8023, STUN_KIND_ADDR, 8, 20,
		"ALTERNATE-SERVER"},
	[STUN_FINGERPRINT] = {0x8028, STUN_KIND_NUMBER, 4, 4, "FINGERPRINT"},
	[STUN_ICE_CONTROLLED] = {0x8029, STUN_KIND_BYTES, 8, 8,
		"ICE-CONTROLLED"},
	[STUN_ICE_CONTROLLING] = {0x802a, STUN_KIND_BYTES, 8, 8,
		"ICE-CONTROLLING"},
};

const struct stun_dialect stun_rfc = {
	.name = "rfc",
	.rows = rfc_rows,
	.value_pad = 4,
	.integrity_pad = 1,
};

static const struct {
	unsigned code;
	const char *phrase;
} phrases[] = {
	{300, "Try Alternate"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{420, "Unknown Attribute"},
	{437, "Allocation Mismatch"},
	{438, "Stale Nonce"},
	{440, "Address Family not Supported"},
	{441, "Wrong Credentials"},
	{442, "Unsupported Transport Protocol"},
	{443, "Peer Address Family Mismatch"},
	{446, "Connection Already Exists"},
	{447, "Connection Timeout or Failure"},
	{486, "Allocation Quota Reached"},
	{487, "Role Conflict"},
	{500, "Server Error"},
	{508, "Insufficient Capacity"},
};

static const struct {
	enum stun_method method;
	const char *name;
} methods[] = {
	{STUN_BINDING, "Binding"},
	{STUN_ALLOCATE, "Allocate"},
	{STUN_REFRESH, "Refresh"},
	{STUN_SEND, "Send"},
	{STUN_DATA, "Data"},
	{STUN_CREATE_PERMISSION, "CreatePermission"},
	{STUN_CHANNEL_BIND, "ChannelBind"},
	{STUN_CONNECT, "Connect"},
	{STUN_CONNECTION_BIND, "ConnectionBind"},
	{STUN_CONNECTION_ATTEMPT, "ConnectionAttempt"},
};

const char *stun_phrase(unsigned code)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(phrases); i++)
		if (phrases[i].code == code)
			return phrases[i].phrase;
	return "";
}

const char *stun_method_name(uint16_t method)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(methods); i++)
		if (methods[i].method == method)
			return methods[i].name;
	return "unknown";
}

void stun_tid_new(uint8_t out[static STUN_TID_LEN])
{
	buf_store_u32(out, STUN_COOKIE);
	rand_bytes(out + 4, STUN_TID_LEN - 4);
}

/* ---- parsing ----------------------------------------------------------- */

bool stun_is_rfc(const void *data, size_t len)
{
	const uint8_t *p = data;

	if (len < STUN_HEADER_LEN || (p[0] & 0xc0) != 0 || len % 4 != 0)
		return false;
	return buf_load_u32(p + 4) == STUN_COOKIE &&
	    buf_load_u16(p + 2) == len - STUN_HEADER_LEN;
}

_Static_assert(STUN_ATTR_COUNT <= 64, "stun_msg.present has a bit for each");

/* Two rows may have one type, as both integrities of [MS-TURN]; then the
 * length tells which it is. */
static bool row_of_type(const struct stun_dialect *d, uint16_t type,
	size_t len, enum stun_attr *attr)
{
	size_t i;

	*attr = STUN_ATTR_COUNT;
	for (i = 0; i < STUN_ATTR_COUNT; i++) {
		if (d->rows[i].type != type || type == 0)
			continue;
		if (*attr == STUN_ATTR_COUNT)
			*attr = (enum stun_attr)i;
		if (len < d->rows[i].len_min || len > d->rows[i].len_max)
			continue;
		*attr = (enum stun_attr)i;
		break;
	}
	return *attr != STUN_ATTR_COUNT;
}

/* RFC 8489 14.1: the family decides the length. */
static bool is_addr_value(const uint8_t *value, size_t len)
{
	return (len == VALUE_V4_LEN && value[1] == FAMILY_IPV4) ||
	    (len == VALUE_V6_LEN && value[1] == FAMILY_IPV6);
}

static bool is_value_right(const struct stun_dialect *d, enum stun_attr attr,
	const uint8_t *value, size_t len)
{
	const struct stun_row *row = &d->rows[attr];

	if (len < row->len_min || len > row->len_max)
		return false;
	if (row->kind == STUN_KIND_ADDR || row->kind == STUN_KIND_XOR_ADDR)
		return is_addr_value(value, len);
	/* RFC 8489 14.6: may be cut, to a multiple of 4 */
	return attr != STUN_INTEGRITY_SHA256 || len % 4 == 0;
}

/* [MS-TURN] 2.2.2.10: an address of a family that is not defined. */
static bool is_passed_over(const struct stun_dialect *d, enum stun_attr attr,
	const uint8_t *value, size_t len)
{
	const struct stun_row *row = &d->rows[attr];

	return d->skips_families && len >= row->len_min &&
	    (row->kind == STUN_KIND_ADDR || row->kind == STUN_KIND_XOR_ADDR) &&
	    value[1] != FAMILY_IPV4 && value[1] != FAMILY_IPV6;
}

static void note_unknown(struct stun_msg *m, uint16_t type)
{
	/* RFC 8489 14: 0x8000 and above are optional to understand. */
	if (type >= 0x8000)
		return;
	if (m->unknown_count < STUN_UNKNOWN_MAX)
		m->unknown[m->unknown_count++] = type;
}

/* Once the integrity came, only these still count (RFC 8489 14.5, 14.6). */
static bool counts_after_integrity(const struct stun_msg *m,
	enum stun_attr attr)
{
	if (m->dialect->is_integrity_last)
		return false;
	if (attr == STUN_FINGERPRINT)
		return true;
	return attr == STUN_INTEGRITY_SHA256 &&
	    !stun_has(m, STUN_INTEGRITY_SHA256);
}

static void note_attr(struct stun_msg *m, uint16_t type, size_t at,
	size_t len)
{
	bool is_sealed = m->end != m->len;
	enum stun_attr attr;

	if (!row_of_type(m->dialect, type, len, &attr)) {
		if (!is_sealed)
			note_unknown(m, type);
		return;
	}
	if (is_sealed && !counts_after_integrity(m, attr))
		return;
	if (stun_has(m, attr))
		return; /* the first one counts */
	if (!is_value_right(m->dialect, attr, m->data + at, len)) {
		if (!is_passed_over(m->dialect, attr, m->data + at, len))
			m->is_malformed = true;
		return;
	}
	m->present |= UINT64_C(1) << attr;
	m->at[attr] = (uint16_t)at;
	m->size[attr] = (uint16_t)len;
	if (!is_sealed &&
	    (attr == STUN_INTEGRITY || attr == STUN_INTEGRITY_SHA256))
		m->end = at - ATTR_HEADER_LEN;
}

static size_t padded(size_t len, unsigned pad)
{
	return (len + pad - 1) / pad * pad;
}

static int walk_attrs(struct stun_msg *m)
{
	struct rbuf r = rbuf_of(m->data, m->len);
	size_t at, len;
	uint16_t type;

	rbuf_skip(&r, STUN_HEADER_LEN);
	while (rbuf_left(&r) >= ATTR_HEADER_LEN) {
		if (stun_has(m, STUN_FINGERPRINT))
			return EDGE_EMALFORMED; /* RFC 8489 14.7: last */
		type = rbuf_u16(&r);
		len = rbuf_u16(&r);
		at = r.pos;
		rbuf_skip(&r, padded(len, m->dialect->value_pad));
		if (!rbuf_ok(&r))
			return EDGE_EMALFORMED;
		note_attr(m, type, at, len);
	}
	return rbuf_left(&r) == 0 ? 0 : EDGE_EMALFORMED;
}

static bool is_fingerprint_right(const struct stun_msg *m)
{
	size_t at = m->at[STUN_FINGERPRINT];

	return buf_load_u32(m->data + at) ==
	    (digest_crc32(m->data, at - ATTR_HEADER_LEN) ^ FINGERPRINT_MASK);
}

int stun_parse(struct stun_msg *m, const struct stun_dialect *d,
	const void *data, size_t len)
{
	const uint8_t *p = data;
	uint16_t type;
	int err;

	if (len < STUN_HEADER_LEN || len > UINT16_MAX || (p[0] & 0xc0) != 0)
		return EDGE_EMALFORMED;
	if (buf_load_u16(p + 2) != len - STUN_HEADER_LEN)
		return EDGE_EMALFORMED;
	if (d == &stun_rfc && !stun_is_rfc(data, len))
		return EDGE_EMALFORMED;

	memset(m, 0, sizeof(*m));
	type = buf_load_u16(p);
	m->dialect = d;
	m->data = p;
	m->len = len;
	m->end = len;
	m->tid = p + 4;
	/* RFC 8489 5: M11..M7 C1 M6..M4 C0 M3..M0 */
	m->class = (enum stun_class)((type >> 4 & 1) | (type >> 7 & 2));
	m->method = (uint16_t)((type & 0xf) | (type >> 1 & 0x70) |
	    (type >> 2 & 0xf80));
	err = walk_attrs(m);
	if (err == 0 && stun_has(m, STUN_FINGERPRINT) &&
	    !is_fingerprint_right(m))
		err = EDGE_EMALFORMED;
	return err;
}

/* ---- looking at a message ---------------------------------------------- */

bool stun_has(const struct stun_msg *m, enum stun_attr attr)
{
	return (m->present >> attr & 1) != 0;
}

struct str stun_bytes(const struct stun_msg *m, enum stun_attr attr)
{
	if (!stun_has(m, attr))
		return (struct str){NULL, 0};
	return (struct str){(const char *)m->data + m->at[attr],
		m->size[attr]};
}

int stun_number(const struct stun_msg *m, enum stun_attr attr, uint32_t *out)
{
	if (!stun_has(m, attr) || m->size[attr] != 4)
		return -ENOENT;
	*out = buf_load_u32(m->data + m->at[attr]);
	return 0;
}

static struct addr addr_of_value(const uint8_t *value, const uint8_t *mask)
{
	static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};
	struct addr a = {.family = 6};
	size_t i, at = 0;

	a.port = (uint16_t)(buf_load_u16(value + 2) ^ buf_load_u16(mask));
	if (value[1] == FAMILY_IPV4) {
		a.family = 4;
		memcpy(a.ip, v4_prefix, sizeof(v4_prefix));
		at = sizeof(v4_prefix);
	}
	for (i = 0; at + i < sizeof(a.ip); i++)
		a.ip[at + i] = value[4 + i] ^ mask[i];
	return a;
}

static const uint8_t *mask_of(const struct stun_row *row, const uint8_t *tid)
{
	static const uint8_t none[STUN_TID_LEN];

	return row->kind == STUN_KIND_XOR_ADDR ? tid : none;
}

int stun_addr(const struct stun_msg *m, enum stun_attr attr, struct addr *out)
{
	const struct stun_row *row = &m->dialect->rows[attr];
	const uint8_t *value = m->data + m->at[attr];

	if (!stun_has(m, attr))
		return -ENOENT;
	*out = addr_of_value(value, mask_of(row, m->tid));
	return 0;
}

int stun_addr_nth(const struct stun_msg *m, enum stun_attr attr, size_t n,
	struct addr *out)
{
	const struct stun_row *row = &m->dialect->rows[attr];
	struct rbuf r = rbuf_of(m->data, m->end);
	const uint8_t *value;
	uint16_t type;
	size_t len;

	if (!stun_has(m, attr))
		return -ENOENT;
	rbuf_skip(&r, m->at[attr] - ATTR_HEADER_LEN);
	while (rbuf_left(&r) >= ATTR_HEADER_LEN) {
		type = rbuf_u16(&r);
		len = rbuf_u16(&r);
		value = rbuf_take(&r, padded(len, m->dialect->value_pad));
		if (value == NULL)
			break;
		if (type != row->type || n-- > 0)
			continue;
		if (!is_addr_value(value, len))
			return EDGE_EMALFORMED;
		*out = addr_of_value(value, mask_of(row, m->tid));
		return 0;
	}
	return -ENOENT;
}

int stun_error(const struct stun_msg *m, unsigned *code, struct str *phrase)
{
	struct str value = stun_bytes(m, STUN_ERROR_CODE);
	unsigned hundreds, rest;

	if (value.n < 4)
		return -ENOENT;
	hundreds = (uint8_t)value.p[2] & 7;
	rest = (uint8_t)value.p[3];
	if (hundreds < 3 || hundreds > 6 || rest > 99)
		return EDGE_EMALFORMED;
	*code = hundreds * 100 + rest;
	if (phrase != NULL)
		*phrase = str_skip(value, 4);
	return 0;
}

/* ---- integrity --------------------------------------------------------- */

void stun_key(struct str user, struct str realm, struct str password,
	uint8_t out[static STUN_KEY_LEN])
{
	const struct digest_part parts[] = {
		{user.p, user.n}, {":", 1}, {realm.p, realm.n}, {":", 1},
		{password.p, password.n},
	};

	digest_md5(parts, ARRAY_COUNT(parts), out);
}

/* The text that integrity covers, in pieces: the message up to `upto`, with
 * the header's length counting an integrity value of value_len bytes. */
struct covered {
	uint8_t head[4];
	struct digest_part parts[3];
};

static void covered_init(struct covered *c, const struct stun_dialect *d,
	const uint8_t *data, size_t upto, size_t value_len)
{
	static const uint8_t zeros[INTEGRITY_PAD_MAX];

	memcpy(c->head, data, 2);
	buf_store_u16(c->head + 2, (uint16_t)(upto - STUN_HEADER_LEN +
	    ATTR_HEADER_LEN + value_len));
	c->parts[0] = (struct digest_part){c->head, sizeof(c->head)};
	c->parts[1] = (struct digest_part){data + 4, upto - 4};
	c->parts[2] = (struct digest_part){zeros,
		padded(upto, d->integrity_pad) - upto};
}

int stun_check_integrity(const struct stun_msg *m, const void *key,
	size_t key_len)
{
	enum stun_attr attr = stun_has(m, STUN_INTEGRITY_SHA256) ?
	    STUN_INTEGRITY_SHA256 : STUN_INTEGRITY;
	uint8_t want[DIGEST_SHA256_LEN];
	struct covered c;
	size_t at = m->at[attr];
	bool is_right;

	if (!stun_has(m, attr))
		return -ENOENT;
	covered_init(&c, m->dialect, m->data, at - ATTR_HEADER_LEN,
		m->size[attr]);
	if (attr == STUN_INTEGRITY)
		digest_hmac_sha1(key, key_len, c.parts, ARRAY_COUNT(c.parts),
			want);
	else
		digest_hmac_sha256(key, key_len, c.parts,
			ARRAY_COUNT(c.parts), want);
	is_right = digest_eq(want, m->data + at, m->size[attr]);
	digest_wipe(want, sizeof(want));
	return is_right ? 0 : EDGE_EFORGED;
}

/* ---- writing ----------------------------------------------------------- */

void stun_write_begin(struct stun_writer *sw, const struct stun_dialect *d,
	void *room, size_t cap, enum stun_class class, uint16_t method,
	const uint8_t tid[static STUN_TID_LEN])
{
	unsigned c = (unsigned)class;
	unsigned type = (method & 0xfu) | (method & 0x70u) << 1 |
	    (method & 0xf80u) << 2 | (c & 1) << 4 | (c & 2) << 7;

	sw->dialect = d;
	sw->w = wbuf_of(room, cap);
	wbuf_u16(&sw->w, (uint16_t)type);
	wbuf_u16(&sw->w, 0);
	wbuf_bytes(&sw->w, tid, STUN_TID_LEN);
}

/* Header of an attribute; false when this dialect has no such thing. */
static bool write_header(struct stun_writer *sw, enum stun_attr attr,
	size_t len)
{
	const struct stun_row *row = &sw->dialect->rows[attr];

	if (row->type == 0 || len > row->len_max) {
		sw->w.bad = true;
		return false;
	}
	wbuf_u16(&sw->w, row->type);
	wbuf_u16(&sw->w, (uint16_t)len);
	return true;
}

void stun_write_bytes(struct stun_writer *sw, enum stun_attr attr,
	const void *value, size_t len)
{
	if (!write_header(sw, attr, len))
		return;
	wbuf_bytes(&sw->w, value, len);
	wbuf_zero(&sw->w, padded(len, sw->dialect->value_pad) - len);
}

void stun_write_text(struct stun_writer *sw, enum stun_attr attr,
	struct str text)
{
	stun_write_bytes(sw, attr, text.p, text.n);
}

void stun_write_number(struct stun_writer *sw, enum stun_attr attr,
	uint32_t value)
{
	if (write_header(sw, attr, 4))
		wbuf_u32(&sw->w, value);
}

void stun_write_addr(struct stun_writer *sw, enum stun_attr attr,
	const struct addr *a)
{
	const struct stun_row *row = &sw->dialect->rows[attr];
	size_t from = a->family == 4 ? 12 : 0;
	uint8_t value[VALUE_V6_LEN] = {0};
	const uint8_t *mask;
	size_t i;

	if (sw->w.bad)
		return;
	mask = mask_of(row, sw->w.p + 4);
	value[1] = a->family == 4 ? FAMILY_IPV4 : FAMILY_IPV6;
	buf_store_u16(value + 2, (uint16_t)(a->port ^ buf_load_u16(mask)));
	for (i = 0; from + i < sizeof(a->ip); i++)
		value[4 + i] = a->ip[from + i] ^ mask[i];
	stun_write_bytes(sw, attr, value, 4 + i);
}

void stun_write_error(struct stun_writer *sw, unsigned code)
{
	struct str phrase = str_of(stun_phrase(code));

	if (!write_header(sw, STUN_ERROR_CODE, 4 + phrase.n))
		return;
	wbuf_u16(&sw->w, 0);
	wbuf_u8(&sw->w, (uint8_t)(code / 100));
	wbuf_u8(&sw->w, (uint8_t)(code % 100));
	wbuf_bytes(&sw->w, phrase.p, phrase.n);
	wbuf_zero(&sw->w,
		padded(phrase.n, sw->dialect->value_pad) - phrase.n);
}

void stun_write_unknown(struct stun_writer *sw, const struct stun_msg *m)
{
	uint8_t value[2 * STUN_UNKNOWN_MAX];
	size_t i;

	for (i = 0; i < m->unknown_count; i++)
		buf_store_u16(value + 2 * i, m->unknown[i]);
	stun_write_bytes(sw, STUN_UNKNOWN_ATTRIBUTES, value, 2 * i);
}

void stun_write_integrity(struct stun_writer *sw, const void *key,
	size_t key_len)
{
	uint8_t value[DIGEST_SHA1_LEN];
	struct covered c;

	if (sw->w.bad)
		return;
	covered_init(&c, sw->dialect, sw->w.p, sw->w.len, sizeof(value));
	digest_hmac_sha1(key, key_len, c.parts, ARRAY_COUNT(c.parts), value);
	stun_write_bytes(sw, STUN_INTEGRITY, value, sizeof(value));
}

void stun_write_integrity_sha256(struct stun_writer *sw, const void *key,
	size_t key_len)
{
	uint8_t value[DIGEST_SHA256_LEN];
	struct covered c;

	if (sw->w.bad)
		return;
	covered_init(&c, sw->dialect, sw->w.p, sw->w.len, sizeof(value));
	digest_hmac_sha256(key, key_len, c.parts, ARRAY_COUNT(c.parts),
		value);
	stun_write_bytes(sw, STUN_INTEGRITY_SHA256, value, sizeof(value));
}

void stun_write_fingerprint(struct stun_writer *sw)
{
	size_t covered_len = sw->w.len;

	if (sw->w.bad)
		return;
	wbuf_patch_u16(&sw->w, 2, (uint16_t)(covered_len - STUN_HEADER_LEN +
	    ATTR_HEADER_LEN + 4));
	stun_write_number(sw, STUN_FINGERPRINT,
		digest_crc32(sw->w.p, covered_len) ^ FINGERPRINT_MASK);
}

int stun_write_end(struct stun_writer *sw)
{
	if (!wbuf_ok(&sw->w) || sw->w.len > UINT16_MAX)
		return EDGE_ETOOBIG;
	wbuf_patch_u16(&sw->w, 2, (uint16_t)(sw->w.len - STUN_HEADER_LEN));
	return (int)sw->w.len;
}

int stun_write_end_open(struct stun_writer *sw, enum stun_attr attr,
	size_t len, size_t *pad)
{
	size_t whole;

	if (!write_header(sw, attr, len) || !wbuf_ok(&sw->w))
		return EDGE_ETOOBIG;
	*pad = padded(len, sw->dialect->value_pad) - len;
	whole = sw->w.len + len + *pad;
	if (whole > UINT16_MAX)
		return EDGE_ETOOBIG;
	wbuf_patch_u16(&sw->w, 2, (uint16_t)(whole - STUN_HEADER_LEN));
	return (int)sw->w.len;
}
