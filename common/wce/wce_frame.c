/*
 * Frames and fields of WCE/1 (docs/protocol/webconf.md 3). Lives here: the
 * shape of every frame as a table, cutting a stream into frames, writing
 * them. Does not live here: sockets, states, meaning.
 */
#include "common/wce/wce_frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

#define MAGIC      0x5745
#define VERSION    0x01
#define TAG_IGNORE 0x8000
#define ROOM_MIN   256u

/* ---- names --------------------------------------------------------------- */

const char *wce_code_name(unsigned code)
{
	switch ((enum wce_code)code) {
	case WCE_E_NONE:
		return "none";
	case WCE_E_MALFORMED:
		return "malformed";
	case WCE_E_VERSION:
		return "version";
	case WCE_E_TIMEOUT:
		return "timeout";
	case WCE_E_TICKET:
		return "ticket";
	case WCE_E_SERVER:
		return "server_unknown";
	case WCE_E_SERVER_FULL:
		return "server_full";
	case WCE_E_NOT_REGISTERED:
		return "not_registered";
	case WCE_E_DUPLICATE:
		return "duplicate";
	case WCE_E_UNTRUSTED:
		return "untrusted";
	case WCE_E_DRAINING:
		return "draining";
	case WCE_E_RATE:
		return "rate";
	case WCE_E_EDGE_FULL:
		return "edge_full";
	case WCE_E_INTERNAL:
		return "internal";
	case WCE_E_IDLE:
		return "idle";
	case WCE_E_BROKEN:
		return "broken";
	}
	return "other";
}

static const struct {
	uint8_t type;
	const char *name;
} TYPES[] = {
	{WCE_CLIENT_HELLO, "CLIENT_HELLO"},
	{WCE_CLIENT_OK, "CLIENT_OK"},
	{WCE_ERROR, "ERROR"},
	{WCE_SRV_REGISTER, "SRV_REGISTER"},
	{WCE_SRV_REGISTERED, "SRV_REGISTERED"},
	{WCE_SRV_READY, "SRV_READY"},
	{WCE_PAIR, "PAIR"},
	{WCE_PAIR_OK, "PAIR_OK"},
	{WCE_PAIR_REJECT, "PAIR_REJECT"},
	{WCE_LOAD, "LOAD"},
	{WCE_REVOKE, "REVOKE"},
	{WCE_CH_OPEN, "CH_OPEN"},
	{WCE_CH_ACCEPT, "CH_ACCEPT"},
	{WCE_CH_DATA, "CH_DATA"},
	{WCE_CH_CREDIT, "CH_CREDIT"},
	{WCE_CH_EOF, "CH_EOF"},
	{WCE_CH_RESET, "CH_RESET"},
	{WCE_PING, "PING"},
	{WCE_PONG, "PONG"},
	{WCE_DRAIN, "DRAIN"},
	{WCE_GOODBYE, "GOODBYE"},
};

const char *wce_type_name(unsigned type)
{
	for (size_t i = 0; i < ARRAY_COUNT(TYPES); i++)
		if (TYPES[i].type == type)
			return TYPES[i].name;
	return "?";
}

/* ---- frames -------------------------------------------------------------- */

int wce_head_read(const uint8_t p[static WCE_HEAD_LEN], struct wce_frame *out)
{
	if (buf_load_u16(p) != MAGIC)
		return EDGE_EMALFORMED;
	if (p[2] != VERSION)
		return EDGE_EUNKNOWN;
	out->type = p[3];
	out->channel = buf_load_u32(p + 4);
	out->payload = NULL;
	out->len = buf_load_u32(p + 8);
	return out->len > WCE_PAYLOAD_MAX ? EDGE_ETOOBIG : 0;
}

enum wce_code wce_code_of(int err)
{
	if (err == EDGE_EUNKNOWN)
		return WCE_E_VERSION;
	if (err == -ENOMEM)
		return WCE_E_INTERNAL;
	return WCE_E_MALFORMED;
}

void wce_reader_init(struct wce_reader *r, size_t payload_max)
{
	*r = (struct wce_reader){.payload_max = payload_max};
}

void wce_reader_fini(struct wce_reader *r)
{
	free(r->room);
	*r = (struct wce_reader){.payload_max = r->payload_max};
}

bool wce_reader_is_idle(const struct wce_reader *r)
{
	return r->is_used || r->len == 0;
}

/* Bytes of the frame that begins at p, of which len are there: 0 when even
 * the head is not whole. What is there is checked all the same: a stranger
 * is known by the first byte. */
static int whole_len(const struct wce_reader *r, const uint8_t *p, size_t len,
	struct wce_frame *frame, size_t *whole)
{
	static const uint8_t start[3] = {MAGIC >> 8, MAGIC & 0xff, VERSION};
	int err;

	*whole = 0;
	if (len < WCE_HEAD_LEN) {
		for (size_t i = 0; i < len && i < sizeof(start); i++)
			if (p[i] != start[i])
				return i < 2 ? EDGE_EMALFORMED
					     : EDGE_EUNKNOWN;
		return 0;
	}
	err = wce_head_read(p, frame);
	if (err < 0)
		return err;
	if (frame->len > r->payload_max)
		return EDGE_ETOOBIG;
	*whole = WCE_HEAD_LEN + frame->len;
	return 0;
}

static int reserve(struct wce_reader *r, size_t cap)
{
	uint8_t *room;

	if (cap < ROOM_MIN)
		cap = ROOM_MIN;
	if (cap <= r->cap)
		return 0;
	room = realloc(r->room, cap);
	if (room == NULL)
		return -ENOMEM;
	r->room = room;
	r->cap = cap;
	return 0;
}

/* Move up to n bytes from data behind what is kept. */
static int keep(struct wce_reader *r, struct str *data, size_t n)
{
	int err;

	if (n > data->n)
		n = data->n;
	err = reserve(r, r->len + n);
	if (err < 0)
		return err;
	memcpy(r->room + r->len, data->p, n);
	r->len += n;
	*data = str_skip(*data, n);
	return 0;
}

int wce_reader_next(struct wce_reader *r, struct str *data,
	struct wce_frame *out)
{
	struct wce_frame frame = {0};
	size_t whole = 0;
	int err;

	if (r->is_used)
		wce_reader_fini(r);
	/* The common case: a whole frame, nothing kept, nothing copied. */
	if (r->len == 0) {
		const uint8_t *p = (const uint8_t *)data->p;

		err = whole_len(r, p, data->n, &frame, &whole);
		if (err < 0)
			return err;
		if (whole > 0 && whole <= data->n) {
			frame.payload = p + WCE_HEAD_LEN;
			*data = str_skip(*data, whole);
			*out = frame;
			return 1;
		}
	} else {
		err = whole_len(r, r->room, r->len, &frame, &whole);
		if (err < 0)
			return err;
	}
	while (data->n > 0) {
		err = keep(r, data,
			(whole > 0 ? whole : WCE_HEAD_LEN) - r->len);
		if (err == 0)
			err = whole_len(r, r->room, r->len, &frame, &whole);
		if (err < 0)
			return err;
		if (whole == 0 || r->len < whole)
			continue;
		frame.payload = r->room + WCE_HEAD_LEN;
		r->is_used = true;
		*out = frame;
		return 1;
	}
	return 0;
}

/* ---- fields -------------------------------------------------------------- */

struct rule {
	uint8_t type;
	uint16_t tag;
	bool is_needed;
	uint32_t min;
	uint32_t max;
};

#define TICKET_MIN 191u /* audience of one letter */
#define TICKET_MAX 443u
#define KEY_MIN    35u /* id, algorithm, 32 bytes */
#define KEY_MAX    68u /* 65 bytes */

static const struct rule RULES[] = {
	{WCE_CLIENT_HELLO, WCE_TICKET, true, TICKET_MIN, TICKET_MAX},
	{WCE_CLIENT_HELLO, WCE_CONFERENCE, true, 1, WCE_URI_MAX},
	{WCE_CLIENT_HELLO, WCE_NONCE, true, 16, 16},
	{WCE_CLIENT_HELLO, WCE_PRODUCT, false, 0, 64},
	{WCE_CLIENT_OK, WCE_SESSION, true, 16, 16},
	{WCE_CLIENT_OK, WCE_IDLE_S, true, 4, 4},
	{WCE_ERROR, WCE_CODE, true, 2, 2},
	{WCE_ERROR, WCE_RETRY_S, false, 4, 4},
	{WCE_ERROR, WCE_ALTERNATES, false, 1, 1024},
	{WCE_SRV_REGISTER, WCE_SERVER, true, 16, 16},
	{WCE_SRV_REGISTER, WCE_POOL, true, 1, WCE_FQDN_MAX},
	{WCE_SRV_REGISTER, WCE_CAPABILITIES, true, 4, 4},
	{WCE_SRV_REGISTER, WCE_KEY, true, KEY_MIN, KEY_MAX},
	{WCE_SRV_REGISTER, WCE_KEY + 1, false, KEY_MIN, KEY_MAX},
	{WCE_SRV_REGISTER, WCE_KEY + 2, false, KEY_MIN, KEY_MAX},
	{WCE_SRV_REGISTER, WCE_KEY + 3, false, KEY_MIN, KEY_MAX},
	{WCE_SRV_REGISTER, WCE_SESSIONS_MAX, true, 4, 4},
	{WCE_SRV_REGISTER, WCE_EPOCH, true, 8, 8},
	{WCE_SRV_REGISTERED, WCE_EDGE, true, 16, 16},
	{WCE_SRV_REGISTERED, WCE_EXTERNAL_FQDN, true, 1, WCE_FQDN_MAX},
	{WCE_SRV_REGISTERED, WCE_EXTERNAL_PORT, true, 2, 2},
	{WCE_SRV_REGISTERED, WCE_EDGE_CAPABILITIES, true, 4, 4},
	{WCE_SRV_REGISTERED, WCE_WARM, true, 2, 2},
	{WCE_SRV_REGISTERED, WCE_HEARTBEAT_S, true, 2, 2},
	{WCE_SRV_READY, WCE_SERVER, true, 16, 16},
	{WCE_SRV_READY, WCE_EPOCH, true, 8, 8},
	{WCE_SRV_READY, WCE_SLOT, true, 8, 8},
	{WCE_SRV_READY, WCE_CHANNELS, false, 4, 4},
	{WCE_PAIR, WCE_SESSION, true, 16, 16},
	{WCE_PAIR, WCE_TICKET, true, TICKET_MIN, TICKET_MAX},
	{WCE_PAIR, WCE_CLIENT_ADDRESS, true, 4, 16},
	{WCE_PAIR, WCE_CLIENT_PORT, true, 2, 2},
	{WCE_PAIR, WCE_CLIENT_TLS, false, 4, 4},
	{WCE_PAIR_OK, WCE_SESSION, true, 16, 16},
	{WCE_PAIR_REJECT, WCE_SESSION, true, 16, 16},
	{WCE_PAIR_REJECT, WCE_CODE, true, 2, 2},
	{WCE_CH_OPEN, WCE_SESSION, true, 16, 16},
	{WCE_CH_OPEN, WCE_TICKET, true, TICKET_MIN, TICKET_MAX},
	{WCE_CH_OPEN, WCE_CLIENT_ADDRESS, true, 4, 16},
	{WCE_CH_OPEN, WCE_CLIENT_PORT, true, 2, 2},
	{WCE_CH_OPEN, WCE_CLIENT_TLS, false, 4, 4},
	{WCE_CH_ACCEPT, WCE_CREDIT, true, 4, 4},
	{WCE_LOAD, WCE_SESSIONS, true, 4, 4},
	{WCE_LOAD, WCE_ACCEPTS, true, 1, 1},
	{WCE_REVOKE, WCE_TICKET_IDS, true, 16, 16 * WCE_REVOKE_MAX},
	{WCE_DRAIN, WCE_GRACE_S, true, 4, 4},
	{WCE_GOODBYE, WCE_CODE, true, 2, 2},
};

static const struct rule *rule_find(uint8_t type, uint16_t tag)
{
	for (size_t i = 0; i < ARRAY_COUNT(RULES); i++)
		if (RULES[i].type == type && RULES[i].tag == tag)
			return &RULES[i];
	return NULL;
}

static bool has_all(const struct wce_fields *f, uint8_t type)
{
	bool is_known = false;

	for (size_t i = 0; i < ARRAY_COUNT(RULES); i++) {
		if (RULES[i].type != type)
			continue;
		is_known = true;
		if (RULES[i].is_needed && !wce_has(f, RULES[i].tag))
			return false;
	}
	return is_known;
}

/* Lists of ids and addresses have lengths of their own kind. */
static bool is_len_right(const struct rule *rule, size_t len)
{
	if (len < rule->min || len > rule->max)
		return false;
	if (rule->tag == WCE_TICKET_IDS)
		return len % WCE_ID_LEN == 0;
	if (rule->tag == WCE_CLIENT_ADDRESS)
		return len == 4 || len == 16;
	return true;
}

static int take_field(struct wce_fields *out, uint8_t type, struct rbuf *r)
{
	uint16_t tag = rbuf_u16(r);
	uint16_t len = rbuf_u16(r);
	const uint8_t *p = rbuf_take(r, len);
	const struct rule *rule;

	if (!rbuf_ok(r))
		return EDGE_EMALFORMED;
	if (tag >= TAG_IGNORE)
		return 0;
	rule = rule_find(type, tag);
	if (rule == NULL || !is_len_right(rule, len) || wce_has(out, tag) ||
		out->count == WCE_FIELDS_MAX)
		return EDGE_EMALFORMED;
	out->at[out->count++] = (struct wce_field){.tag = tag,
		.value = {(const char *)p, len}};
	return 0;
}

int wce_fields_read(struct wce_fields *out, const struct wce_frame *frame)
{
	struct rbuf r = rbuf_of(frame->payload, frame->len);
	int err = 0;

	out->count = 0;
	while (err == 0 && rbuf_left(&r) > 0)
		err = take_field(out, frame->type, &r);
	if (err == 0 && !has_all(out, frame->type))
		err = EDGE_EMALFORMED;
	return err;
}

struct str wce_bytes(const struct wce_fields *f, unsigned tag)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->at[i].tag == tag)
			return f->at[i].value;
	return (struct str){NULL, 0};
}

bool wce_has(const struct wce_fields *f, unsigned tag)
{
	return wce_bytes(f, tag).p != NULL;
}

uint64_t wce_number(const struct wce_fields *f, unsigned tag)
{
	struct str s = wce_bytes(f, tag);
	uint64_t v = 0;

	for (size_t i = 0; i < s.n && i < sizeof(v); i++)
		v = v << 8 | (uint8_t)s.p[i];
	return v;
}

void wce_copy(const struct wce_fields *f, unsigned tag, void *out, size_t len)
{
	struct str s = wce_bytes(f, tag);

	memset(out, 0, len);
	if (s.n > 0)
		memcpy(out, s.p, s.n < len ? s.n : len);
}

/* ---- writing ------------------------------------------------------------- */

size_t wce_begin_on(struct wbuf *w, enum wce_type type, uint32_t channel)
{
	size_t at = w->len;

	wbuf_u16(w, MAGIC);
	wbuf_u8(w, VERSION);
	wbuf_u8(w, (uint8_t)type);
	wbuf_u32(w, channel);
	wbuf_u32(w, 0);
	return at;
}

size_t wce_begin(struct wbuf *w, enum wce_type type)
{
	return wce_begin_on(w, type, 0);
}

void wce_put(struct wbuf *w, unsigned tag, const void *data, size_t len)
{
	wbuf_u16(w, (uint16_t)tag);
	wbuf_u16(w, (uint16_t)len);
	wbuf_bytes(w, data, len);
	if (len > UINT16_MAX)
		w->bad = true;
}

void wce_put_text(struct wbuf *w, unsigned tag, const char *text)
{
	wce_put(w, tag, text, strlen(text));
}

void wce_put_u8(struct wbuf *w, unsigned tag, uint8_t v)
{
	wce_put(w, tag, &v, sizeof(v));
}

void wce_put_u16(struct wbuf *w, unsigned tag, uint16_t v)
{
	uint8_t p[2];

	buf_store_u16(p, v);
	wce_put(w, tag, p, sizeof(p));
}

void wce_put_u32(struct wbuf *w, unsigned tag, uint32_t v)
{
	uint8_t p[4];

	buf_store_u32(p, v);
	wce_put(w, tag, p, sizeof(p));
}

void wce_put_u64(struct wbuf *w, unsigned tag, uint64_t v)
{
	uint8_t p[8];

	buf_store_u64(p, v);
	wce_put(w, tag, p, sizeof(p));
}

void wce_end(struct wbuf *w, size_t at)
{
	if (wbuf_ok(w))
		buf_store_u32(w->p + at + 8,
			(uint32_t)(w->len - at - WCE_HEAD_LEN));
}

size_t wce_error(uint8_t out[static WCE_SHORT_MAX], enum wce_code code,
	uint32_t retry_s)
{
	struct wbuf w = wbuf_of(out, WCE_SHORT_MAX);
	size_t at = wce_begin(&w, WCE_ERROR);

	wce_put_u16(&w, WCE_CODE, (uint16_t)code);
	if (retry_s > 0)
		wce_put_u32(&w, WCE_RETRY_S, retry_s);
	wce_end(&w, at);
	return w.len;
}

size_t wce_ping(uint8_t out[static WCE_SHORT_MAX], enum wce_type type,
	const uint8_t bytes[static WCE_PING_LEN])
{
	struct wbuf w = wbuf_of(out, WCE_SHORT_MAX);
	size_t at = wce_begin(&w, type);

	wbuf_bytes(&w, bytes, WCE_PING_LEN);
	wce_end(&w, at);
	return w.len;
}
