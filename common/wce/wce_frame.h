/*
 * WCE/1, the protocol of the web conferencing edge: frames and their fields
 * (docs/protocol/webconf.md 3). Bytes in, frames out; who may send what when
 * is the affair of whoever holds the connection.
 */
#ifndef WCE_WCE_FRAME_H
#define WCE_WCE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/str.h"

#define WCE_ALPN        "wce/1"
#define WCE_HEAD_LEN    12u
#define WCE_PAYLOAD_MAX 65536u
#define WCE_HELLO_MAX   4096u  /* payload of a CLIENT_HELLO */
#define WCE_EARLY_MAX   16384u /* what a client may say before it is paired */

#define WCE_ID_LEN      16u /* of servers, sessions, edges, tickets */
#define WCE_FQDN_MAX    253u
#define WCE_URI_MAX     2048u
#define WCE_KEYS_MAX    4u  /* ticket keys of one server */
#define WCE_PING_LEN    8u
#define WCE_REVOKE_MAX  4000u
#define WCE_DATA_MAX    16384u /* payload of one CH_DATA */

/* What both ends must announce before it is used. */
#define WCE_CAN_MULTIPLEX 0x00000001u

enum wce_type {
	WCE_CLIENT_HELLO = 0x01,
	WCE_CLIENT_OK = 0x02,
	WCE_ERROR = 0x03,
	WCE_SRV_REGISTER = 0x10,
	WCE_SRV_REGISTERED = 0x11,
	WCE_SRV_READY = 0x12,
	WCE_PAIR = 0x13,
	WCE_PAIR_OK = 0x14,
	WCE_PAIR_REJECT = 0x15,
	WCE_LOAD = 0x16,
	WCE_REVOKE = 0x17,
	WCE_CH_OPEN = 0x20,
	WCE_CH_ACCEPT = 0x21,
	WCE_CH_DATA = 0x22,
	WCE_CH_CREDIT = 0x23,
	WCE_CH_EOF = 0x24,
	WCE_CH_RESET = 0x25,
	WCE_PING = 0x30,
	WCE_PONG = 0x31,
	WCE_DRAIN = 0x32,
	WCE_GOODBYE = 0x33,
};

enum wce_tag {
	WCE_TICKET = 0x0001,
	WCE_CONFERENCE = 0x0002,
	WCE_NONCE = 0x0003,
	WCE_PRODUCT = 0x0004,
	WCE_SESSION = 0x0010,
	WCE_IDLE_S = 0x0011,
	WCE_CODE = 0x0020,
	WCE_RETRY_S = 0x0021,
	WCE_ALTERNATES = 0x0022,
	WCE_SERVER = 0x0030,
	WCE_POOL = 0x0031,
	WCE_CAPABILITIES = 0x0032,
	WCE_KEY = 0x0033, /* .. 0x0036 */
	WCE_SESSIONS_MAX = 0x0037,
	WCE_EPOCH = 0x0038,
	WCE_EDGE = 0x0040,
	WCE_EXTERNAL_FQDN = 0x0041,
	WCE_EXTERNAL_PORT = 0x0042,
	WCE_EDGE_CAPABILITIES = 0x0043,
	WCE_WARM = 0x0044,
	WCE_HEARTBEAT_S = 0x0045,
	WCE_SLOT = 0x0046,
	WCE_CHANNELS = 0x0047,
	WCE_CLIENT_ADDRESS = 0x0050,
	WCE_CLIENT_PORT = 0x0051,
	WCE_CLIENT_TLS = 0x0052,
	WCE_SESSIONS = 0x0060,
	WCE_ACCEPTS = 0x0061,
	WCE_TICKET_IDS = 0x0062,
	WCE_CREDIT = 0x0070,
	WCE_GRACE_S = 0x0080,
};

enum wce_code {
	WCE_E_NONE = 0,
	WCE_E_MALFORMED = 0x0001,
	WCE_E_VERSION = 0x0002,
	WCE_E_TIMEOUT = 0x0003,
	WCE_E_TICKET = 0x0101, /* whatever is wrong with it */
	WCE_E_SERVER = 0x0102, /* unknown or not connected */
	WCE_E_SERVER_FULL = 0x0103,
	WCE_E_NOT_REGISTERED = 0x0104,
	WCE_E_DUPLICATE = 0x0105,
	WCE_E_UNTRUSTED = 0x0106,
	WCE_E_DRAINING = 0x0201,
	WCE_E_RATE = 0x0202,
	WCE_E_EDGE_FULL = 0x0203,
	WCE_E_INTERNAL = 0x0204,
	WCE_E_IDLE = 0x0205,
	WCE_E_BROKEN = 0x0206, /* the other side of a session */
};

/* "ticket", "draining" ... for logs and people; "other" when unknown. */
const char *wce_code_name(unsigned code);
/* "CLIENT_HELLO"; "?" when unknown. */
const char *wce_type_name(unsigned type);

/* ---- frames -------------------------------------------------------------- */

struct wce_frame {
	uint8_t type;
	uint32_t channel;
	const uint8_t *payload; /* borrowed */
	size_t len;
};

/* Head alone; payload is left NULL. EDGE_EMALFORMED: not WCE at all,
 * EDGE_EUNKNOWN: another version, EDGE_ETOOBIG: longer than ever allowed. */
EDGE_MUST int wce_head_read(const uint8_t p[static WCE_HEAD_LEN],
	struct wce_frame *out);

/* Cuts frames out of a stream; keeps memory only while one is unfinished. */
struct wce_reader {
	uint8_t *room; /* owned */
	size_t len;
	size_t cap;
	size_t payload_max;
	bool is_used; /* the frame in room was handed out */
};

void wce_reader_init(struct wce_reader *r, size_t payload_max);
void wce_reader_fini(struct wce_reader *r);
/* Take bytes off data. 1 = out is a frame, valid until the next call and as
 * long as data; 0 = all is taken, more is needed; < 0 as wce_head_read() or
 * -ENOMEM: the position is lost. */
EDGE_MUST int wce_reader_next(struct wce_reader *r, struct str *data,
	struct wce_frame *out);
/* Nothing of a frame is there. */
bool wce_reader_is_idle(const struct wce_reader *r);
/* What a refusal of wce_reader_next() is called on the wire. */
enum wce_code wce_code_of(int err);

/* ---- fields -------------------------------------------------------------- */

#define WCE_FIELDS_MAX 16

struct wce_field {
	uint16_t tag;
	struct str value; /* borrowed from the payload */
};

struct wce_fields {
	struct wce_field at[WCE_FIELDS_MAX];
	size_t count;
};

/* Fields of a frame of this type, checked by the table: known tags of this
 * type once each, lengths, none that must be there missing. Tags from 0x8000
 * on are left out. EDGE_EMALFORMED. */
EDGE_MUST int wce_fields_read(struct wce_fields *out,
	const struct wce_frame *frame);
bool wce_has(const struct wce_fields *f, unsigned tag);
/* Empty when absent. */
struct str wce_bytes(const struct wce_fields *f, unsigned tag);
/* 0 when absent; fields of 1, 2, 4 and 8 bytes. */
uint64_t wce_number(const struct wce_fields *f, unsigned tag);
/* Lengths are the table's affair: out has as many bytes as the field. */
void wce_copy(const struct wce_fields *f, unsigned tag, void *out,
	size_t len);

/* ---- writing ------------------------------------------------------------- */

/* wce_begin(), wce_put_*() ..., wce_end(): one frame behind what w holds;
 * wbuf_ok() tells whether all fitted. Returns the frame's place for
 * wce_end(). */
size_t wce_begin(struct wbuf *w, enum wce_type type);
/* The same on a channel; its payload may be raw. */
size_t wce_begin_on(struct wbuf *w, enum wce_type type, uint32_t channel);
void wce_put(struct wbuf *w, unsigned tag, const void *data, size_t len);
void wce_put_text(struct wbuf *w, unsigned tag, const char *text);
void wce_put_u8(struct wbuf *w, unsigned tag, uint8_t v);
void wce_put_u16(struct wbuf *w, unsigned tag, uint16_t v);
void wce_put_u32(struct wbuf *w, unsigned tag, uint32_t v);
void wce_put_u64(struct wbuf *w, unsigned tag, uint64_t v);
void wce_end(struct wbuf *w, size_t at);

/* ERROR, PAIR_REJECT and GOODBYE are short: room enough for each. */
#define WCE_SHORT_MAX 64u
/* ERROR with a code and, unless 0, a wait. Returns its length. */
size_t wce_error(uint8_t out[static WCE_SHORT_MAX], enum wce_code code,
	uint32_t retry_s);
/* PING or PONG. Returns its length. */
size_t wce_ping(uint8_t out[static WCE_SHORT_MAX], enum wce_type type,
	const uint8_t bytes[static WCE_PING_LEN]);

#endif
