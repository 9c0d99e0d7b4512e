/*
 * Framing of the TCP ports as pure functions. Lengths are size_t from the
 * moment they are loaded, so that none of them wraps (threat T13).
 * Specification: [MS-TURN] 2.1 for the framing and pseudo-TLS, RFC 8489
 * 6.2.2 and RFC 8656 12.5 for STUN and ChannelData on a stream.
 */
#include "common/stun/frame_tcp.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/stun/stun_msg.h"

#define MS_TYPE_CONTROL 2
#define MS_TYPE_DATA    3
#define TLS_HANDSHAKE   0x16
#define TLS_MAJOR       0x03
#define RANDOM_AT       11
#define RANDOM_LEN      32
#define SESSION_AT      44

/* 32 bytes of time and random follow the first part. A record of 0x2d and a
 * hello of 0x29 bytes: a hello of any living TLS stack is longer. */
static const uint8_t hello_head[RANDOM_AT] = {
	0x16, 0x03, 0x01, 0x00, 0x2d, 0x01, 0x00, 0x00, 0x29, 0x03, 0x01,
};
static const uint8_t hello_tail[] = {
	0x00, 0x00, 0x02, 0x00, 0x18, 0x01, 0x00,
};
_Static_assert(sizeof(hello_head) + RANDOM_LEN + sizeof(hello_tail) ==
	FRAME_HELLO_LEN, "the pseudo-TLS hello has 50 bytes");

/* The 32 bytes at 11 and at 44 are filled in. */
static const uint8_t answer_form[FRAME_ANSWER_LEN] = {
	0x16, 0x03, 0x01, 0x00, 0x4e, 0x02, 0x00, 0x00, 0x46, 0x03, 0x01,
	[43] = 0x20,
	[76] = 0x00, 0x18, 0x00, 0x0e, 0x00, 0x00, 0x00,
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Do the bytes agree with want as far as they go? */
static bool is_prefix(const uint8_t *bytes, size_t len, const uint8_t *want,
	size_t want_len)
{
	return digest_eq(bytes, want, smaller(len, want_len));
}

static enum frame_dialect tls_or_pseudo(const uint8_t *bytes, size_t len)
{
	const size_t tail_at = RANDOM_AT + RANDOM_LEN;

	if (len > 1 && bytes[1] != TLS_MAJOR)
		return FRAME_CLOSE;
	if (!is_prefix(bytes, len, hello_head, sizeof(hello_head)))
		return FRAME_TLS;
	if (len > tail_at && !is_prefix(bytes + tail_at, len - tail_at,
		hello_tail, sizeof(hello_tail)))
		return FRAME_TLS;
	return len < FRAME_HELLO_LEN ? FRAME_UNDECIDED : FRAME_PSEUDO_TLS;
}

static enum frame_dialect rfc_or_nothing(const uint8_t *bytes, size_t len)
{
	uint8_t cookie[4];

	buf_store_u32(cookie, STUN_COOKIE);
	if (len > 4 && !is_prefix(bytes + 4, len - 4, cookie, 4))
		return FRAME_CLOSE;
	return len < 8 ? FRAME_UNDECIDED : FRAME_RFC;
}

enum frame_dialect frame_dialect_of(const uint8_t *bytes, size_t len)
{
	if (len == 0)
		return FRAME_UNDECIDED;
	switch (bytes[0]) {
	case 0x00:
	case 0x01:
		return rfc_or_nothing(bytes, len);
	case MS_TYPE_CONTROL:
		if (len < 2)
			return FRAME_UNDECIDED;
		return bytes[1] == 0 ? FRAME_MS : FRAME_CLOSE;
	case TLS_HANDSHAKE:
		return tls_or_pseudo(bytes, len);
	default:
		/* MS_TYPE_DATA too: nobody has a destination yet */
		return FRAME_CLOSE;
	}
}

static int take(const uint8_t *bytes, size_t len, size_t header_len,
	struct frame *out)
{
	if (len < out->whole_len)
		return EDGE_ESHORT;
	out->data = bytes + header_len;
	return 0;
}

int frame_ms_next(const uint8_t *bytes, size_t len, struct frame *out)
{
	*out = (struct frame){.whole_len = FRAME_MS_HEADER_LEN};
	if ((len > 0 && bytes[0] != MS_TYPE_CONTROL &&
		    bytes[0] != MS_TYPE_DATA) || (len > 1 && bytes[1] != 0))
		return EDGE_EMALFORMED;
	if (len < FRAME_MS_HEADER_LEN)
		return EDGE_ESHORT;
	out->kind = bytes[0] == MS_TYPE_DATA ? FRAME_DATA : FRAME_CONTROL;
	out->len = buf_load_u16(bytes + 2);
	out->whole_len = FRAME_MS_HEADER_LEN + out->len;
	return take(bytes, len, FRAME_MS_HEADER_LEN, out);
}

int frame_packet_next(const uint8_t *bytes, size_t len, struct frame *out)
{
	*out = (struct frame){.kind = FRAME_DATA,
		.whole_len = FRAME_PACKET_HEADER_LEN};
	if (len < FRAME_PACKET_HEADER_LEN)
		return EDGE_ESHORT;
	out->len = buf_load_u16(bytes);
	out->whole_len = FRAME_PACKET_HEADER_LEN + out->len;
	return take(bytes, len, FRAME_PACKET_HEADER_LEN, out);
}

/* RFC 8656 12.5: padded to 4, which its length field does not count. */
static int channel_next(const uint8_t *bytes, size_t len, struct frame *out)
{
	out->kind = FRAME_DATA;
	out->whole_len = STUN_CHANNEL_HEADER_LEN;
	if (len < STUN_CHANNEL_HEADER_LEN)
		return EDGE_ESHORT;
	out->len = STUN_CHANNEL_HEADER_LEN + (size_t)buf_load_u16(bytes + 2);
	out->whole_len = out->len + frame_rfc_padding(out->len);
	return take(bytes, len, 0, out);
}

static int message_next(const uint8_t *bytes, size_t len, struct frame *out)
{
	out->kind = FRAME_CONTROL;
	out->whole_len = STUN_HEADER_LEN;
	if (len >= 4) {
		out->len = STUN_HEADER_LEN + (size_t)buf_load_u16(bytes + 2);
		out->whole_len = out->len;
		/* stun_parse() takes no longer ones, and no odd ones */
		if (out->len > UINT16_MAX || out->len % 4 != 0)
			return EDGE_EMALFORMED;
	}
	if (len >= 8 && buf_load_u32(bytes + 4) != STUN_COOKIE)
		return EDGE_EMALFORMED;
	return take(bytes, len, 0, out);
}

int frame_rfc_next(const uint8_t *bytes, size_t len, struct frame *out)
{
	*out = (struct frame){.whole_len = STUN_CHANNEL_HEADER_LEN};
	if (len == 0)
		return EDGE_ESHORT;
	switch (bytes[0] & 0xc0) {
	case 0x00:
		return message_next(bytes, len, out);
	case STUN_CHANNEL_FIRST >> 8:
		return channel_next(bytes, len, out);
	default:
		return EDGE_EMALFORMED;
	}
}

void frame_ms_header(uint8_t out[static FRAME_MS_HEADER_LEN],
	enum frame_kind kind, size_t len)
{
	out[0] = kind == FRAME_DATA ? MS_TYPE_DATA : MS_TYPE_CONTROL;
	out[1] = 0;
	buf_store_u16(out + 2, (uint16_t)len);
}

size_t frame_rfc_padding(size_t len)
{
	return (4 - len % 4) % 4;
}

void frame_hello(uint8_t out[static FRAME_HELLO_LEN],
	const uint8_t random[static FRAME_HELLO_RANDOM_LEN])
{
	memcpy(out, hello_head, sizeof(hello_head));
	memcpy(out + RANDOM_AT, random, RANDOM_LEN);
	memcpy(out + RANDOM_AT + RANDOM_LEN, hello_tail, sizeof(hello_tail));
}

bool frame_is_answer(const uint8_t bytes[static FRAME_ANSWER_LEN])
{
	uint8_t fixed[FRAME_ANSWER_LEN];

	memcpy(fixed, bytes, sizeof(fixed));
	memset(fixed + RANDOM_AT, 0, RANDOM_LEN);
	memset(fixed + SESSION_AT, 0, RANDOM_LEN);
	return digest_eq(fixed, answer_form, sizeof(fixed));
}

void frame_answer(uint8_t out[static FRAME_ANSWER_LEN],
	const uint8_t random[static FRAME_ANSWER_RANDOM_LEN])
{
	memcpy(out, answer_form, FRAME_ANSWER_LEN);
	memcpy(out + RANDOM_AT, random, RANDOM_LEN);
	memcpy(out + SESSION_AT, random + RANDOM_LEN,
		FRAME_ANSWER_RANDOM_LEN - RANDOM_LEN);
}
