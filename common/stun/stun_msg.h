/*
 * STUN and TURN messages (RFC 8489, RFC 8656; docs/protocol/turn.md): a
 * view over received bytes and a writer. No sockets, no clock, no state.
 *
 * Which wire number an attribute has, how values are padded and what the
 * integrity covers is a matter of the dialect, a table; attributes are
 * named by enum stun_attr everywhere else.
 */
#ifndef STUN_STUN_MSG_H
#define STUN_STUN_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/str.h"

#define STUN_HEADER_LEN 20
#define STUN_COOKIE     0x2112a442u
/* The cookie and the 96 bits after it, as one: what answers copy and what
 * XOR-ed addresses are masked with. */
#define STUN_TID_LEN 16
/* Bounds of text in bytes (RFC 8489 14.3, 14.9, 14.10, 14.14). */
#define STUN_USERNAME_MAX 508
#define STUN_TEXT_MAX     763
#define STUN_UNKNOWN_MAX  8

enum stun_class {
	STUN_REQUEST,
	STUN_INDICATION,
	STUN_SUCCESS,
	STUN_ERROR,
};

enum stun_method {
	STUN_BINDING = 0x001,
	STUN_ALLOCATE = 0x003,
	STUN_REFRESH = 0x004,
	STUN_SEND = 0x006,
	STUN_DATA = 0x007,
	STUN_CREATE_PERMISSION = 0x008,
	STUN_CHANNEL_BIND = 0x009,
	STUN_CONNECT = 0x00a,
	STUN_CONNECTION_BIND = 0x00b,
	STUN_CONNECTION_ATTEMPT = 0x00c,
};

enum stun_attr {
	STUN_MAPPED_ADDRESS,
	STUN_USERNAME,
	STUN_INTEGRITY,
	STUN_ERROR_CODE,
	STUN_UNKNOWN_ATTRIBUTES,
	STUN_CHANNEL_NUMBER,
	STUN_LIFETIME,
	STUN_PEER_ADDRESS, /* XOR-PEER-ADDRESS */
	STUN_PAYLOAD,      /* DATA */
	STUN_REALM,
	STUN_NONCE,
	STUN_RELAYED_ADDRESS, /* XOR-RELAYED-ADDRESS */
	STUN_REQUESTED_FAMILY,
	STUN_EVEN_PORT,
	STUN_REQUESTED_TRANSPORT,
	STUN_DONT_FRAGMENT,
	STUN_INTEGRITY_SHA256,
	STUN_PASSWORD_ALGORITHM,
	STUN_USERHASH,
	STUN_XOR_MAPPED_ADDRESS,
	STUN_CONNECTION_ID, /* RFC 6062 */
	STUN_RESERVATION_TOKEN,
	STUN_PRIORITY,
	STUN_USE_CANDIDATE,
	STUN_ADDITIONAL_FAMILY,
	STUN_ADDRESS_ERROR_CODE,
	STUN_PASSWORD_ALGORITHMS,
	STUN_ALTERNATE_DOMAIN,
	STUN_ICMP,
	STUN_SOFTWARE,
	STUN_ALTERNATE_SERVER,
	STUN_FINGERPRINT,
	STUN_ICE_CONTROLLED,
	STUN_ICE_CONTROLLING,
	/* [MS-TURN] and [MS-TURNBWM] alone (common/stun/stun_ms.h) */
	STUN_MS_COOKIE,
	STUN_BANDWIDTH,
	STUN_DESTINATION, /* DESTINATION-ADDRESS; the peer of a request */
	STUN_MS_VERSION,
	STUN_MS_ALTERNATE_HOST,
	STUN_MS_SEQUENCE,
	STUN_MS_QUALITY,
	STUN_MS_ALTERNATE_MAPPED,
	STUN_MS_SESSION,
	STUN_BWM_ADMISSION,
	STUN_BWM_RESERVATION,
	STUN_BWM_AMOUNT,
	STUN_BWM_REMOTE_SITE,
	STUN_BWM_REMOTE_RELAY,
	STUN_BWM_LOCAL_SITE,
	STUN_BWM_LOCAL_RELAY,
	STUN_BWM_REMOTE_SITE_ANSWER,
	STUN_BWM_REMOTE_RELAY_ANSWER,
	STUN_BWM_LOCAL_SITE_ANSWER,
	STUN_BWM_LOCAL_RELAY_ANSWER,
	STUN_ATTR_COUNT,
};

/* What the value of an attribute is. */
enum stun_kind {
	STUN_KIND_BYTES,
	STUN_KIND_NUMBER,   /* 32 bits, or 64 where the row says 8 bytes */
	STUN_KIND_ADDR,
	STUN_KIND_XOR_ADDR,
};

struct stun_row {
	uint16_t type; /* on the wire; 0 = the dialect has no such thing */
	enum stun_kind kind;
	uint16_t len_min; /* of the value */
	uint16_t len_max;
	const char *name;
};

struct stun_dialect {
	const char *name;
	const struct stun_row *rows; /* by enum stun_attr */
	unsigned value_pad;     /* values end on this boundary: 4 or 1 */
	unsigned integrity_pad; /* zeros hashed up to this multiple: 1 or 64 */
	bool is_integrity_last; /* nothing at all counts after it */
	/* An address of a family that nobody knows is as if absent, not a
	 * wrong shape. */
	bool skips_families;
};

extern const struct stun_dialect stun_rfc;

/* A parsed message: a view, valid as long as the bytes are. */
struct stun_msg {
	const struct stun_dialect *dialect;
	const uint8_t *data; /* borrowed: the whole message */
	size_t len;
	size_t end; /* where what counts ends: integrity, or len */
	enum stun_class class;
	uint16_t method; /* enum stun_method or a number we do not know */
	const uint8_t *tid; /* STUN_TID_LEN bytes inside data */
	bool is_malformed;  /* an attribute has a shape it must not have */
	uint64_t present;   /* bit n: attribute n is there */
	uint16_t at[STUN_ATTR_COUNT];  /* offset of the value in data */
	uint16_t size[STUN_ATTR_COUNT];
	uint16_t unknown[STUN_UNKNOWN_MAX]; /* comprehension required */
	size_t unknown_count;
};

/* Is this datagram a message in the RFC's form (ms-turn 14 rule 3): top bits
 * 00, cookie, length fits and is a multiple of 4? Cheap. */
bool stun_is_rfc(const void *data, size_t len);

/*
 * Take the message apart. The first attribute of a kind counts; nothing
 * after MESSAGE-INTEGRITY does, but MESSAGE-INTEGRITY-SHA256 and
 * FINGERPRINT (threat T12). EDGE_EMALFORMED: not a message, drop it; this
 * includes a wrong FINGERPRINT. An attribute whose value has an impossible
 * shape only sets is_malformed, so that a request can be answered 400.
 */
EDGE_MUST int stun_parse(struct stun_msg *m, const struct stun_dialect *d,
	const void *data, size_t len);

bool stun_has(const struct stun_msg *m, enum stun_attr attr);
/* The value's bytes; empty slice when absent. */
struct str stun_bytes(const struct stun_msg *m, enum stun_attr attr);
/* -ENOENT when absent. */
EDGE_MUST int stun_number(const struct stun_msg *m, enum stun_attr attr,
	uint32_t *out);
/* -ENOENT; EDGE_EMALFORMED when family and length do not fit. */
EDGE_MUST int stun_addr(const struct stun_msg *m, enum stun_attr attr,
	struct addr *out);
/* The n-th address of that kind (CreatePermission has several). -ENOENT
 * after the last one. */
EDGE_MUST int stun_addr_nth(const struct stun_msg *m, enum stun_attr attr,
	size_t n, struct addr *out);
/* 300..699; phrase may be NULL. -ENOENT, EDGE_EMALFORMED. */
EDGE_MUST int stun_error(const struct stun_msg *m, unsigned *code,
	struct str *phrase);

/* MD5(user ":" realm ":" password), RFC 8489 9.2.2. */
#define STUN_KEY_LEN DIGEST_MD5_LEN
void stun_key(struct str user, struct str realm, struct str password,
	uint8_t out[static STUN_KEY_LEN]);
/* The stronger of the integrity attributes that are there, in constant
 * time. -ENOENT when there is none, EDGE_EFORGED when it is wrong. Short
 * term (ICE): the key is the password itself. */
EDGE_MUST int stun_check_integrity(const struct stun_msg *m,
	const void *key, size_t key_len);

/*
 * Writing: begin, attributes in order, integrity, fingerprint, end. Errors
 * stick; stun_write_end() tells. Padding is always zero (threat T15).
 */
struct stun_writer {
	struct wbuf w;
	const struct stun_dialect *dialect;
};

void stun_write_begin(struct stun_writer *sw, const struct stun_dialect *d,
	void *room, size_t cap, enum stun_class class, uint16_t method,
	const uint8_t tid[static STUN_TID_LEN]);
void stun_write_bytes(struct stun_writer *sw, enum stun_attr attr,
	const void *value, size_t len);
void stun_write_text(struct stun_writer *sw, enum stun_attr attr,
	struct str text);
void stun_write_number(struct stun_writer *sw, enum stun_attr attr,
	uint32_t value);
void stun_write_addr(struct stun_writer *sw, enum stun_attr attr,
	const struct addr *a);
/* With the standard phrase of that code (never longer, threat T7). */
void stun_write_error(struct stun_writer *sw, unsigned code);
/* The unknown attributes of a request, for 420. */
void stun_write_unknown(struct stun_writer *sw, const struct stun_msg *m);
void stun_write_integrity(struct stun_writer *sw, const void *key,
	size_t key_len);
void stun_write_integrity_sha256(struct stun_writer *sw, const void *key,
	size_t key_len);
void stun_write_fingerprint(struct stun_writer *sw);
/* Length of the whole message, or EDGE_ETOOBIG. */
EDGE_MUST int stun_write_end(struct stun_writer *sw);
/* End with an attribute whose value is not copied: the caller sends len
 * bytes of it and *pad zeros after what was written. Length of that, or
 * EDGE_ETOOBIG. */
EDGE_MUST int stun_write_end_open(struct stun_writer *sw, enum stun_attr attr,
	size_t len, size_t *pad);

/* A fresh RFC transaction id, cookie included. */
void stun_tid_new(uint8_t out[static STUN_TID_LEN]);
/* "Unauthorized" for 401; "" when the code has none. */
const char *stun_phrase(unsigned code);
const char *stun_method_name(uint16_t method);

/* ChannelData (RFC 8656 12.4): 4 bytes of header before the payload. RFC
 * 8656 ends the range at 0x4fff, RFC 5766 at 0x7fff, and clients of the
 * latter draw from all of it. Clients of ours keep to the former. */
#define STUN_CHANNEL_HEADER_LEN 4
#define STUN_CHANNEL_FIRST      0x4000
#define STUN_CHANNEL_LAST       0x4fff
#define STUN_CHANNEL_LAST_OLD   0x7fff

#endif
