/*
 * Framing of the TCP ports: which dialect a connection speaks, where its
 * next message ends, and the pseudo-TLS greeting (docs/protocol/ms-turn.md).
 * Pure: bytes in, verdict out; sockets and state are front_tcp's.
 *
 * All readers take what has come so far, from the first byte that is not
 * used up yet, and may be asked again with more: the verdict on a prefix is
 * "more" or the final one, however the bytes were split.
 */
#ifndef STUN_FRAME_TCP_H
#define STUN_FRAME_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

#define FRAME_MS_HEADER_LEN 4
#define FRAME_PACKET_HEADER_LEN 2
#define FRAME_HELLO_LEN     50
#define FRAME_ANSWER_LEN    83
/* Time and random of the answer, and its session id. */
#define FRAME_ANSWER_RANDOM_LEN 64
/* The longest frame, header and padding included. Room of this size is
 * never too small. */
#define FRAME_MAX (FRAME_MS_HEADER_LEN + UINT16_MAX + 1)

/* What a connection speaks; decided once, from its first bytes. */
enum frame_dialect {
	FRAME_UNDECIDED, /* needs more bytes: wait, but not for ever */
	FRAME_PSEUDO_TLS, /* a whole hello: answer it, then FRAME_MS */
	FRAME_MS,         /* [MS-TURN] framing without a hello */
	FRAME_TLS,        /* a real handshake */
	FRAME_RFC,        /* STUN and ChannelData */
	FRAME_CLOSE,      /* none of them */
};

enum frame_kind {
	FRAME_CONTROL, /* one message of the dialect */
	FRAME_DATA,    /* [MS-TURN]: payload; RFC: ChannelData with header */
};

struct frame {
	enum frame_kind kind;
	const uint8_t *data; /* borrowed: what the frame holds */
	size_t len;
	size_t whole_len; /* bytes it takes on the wire */
};

/* Decides within FRAME_HELLO_LEN bytes. */
enum frame_dialect frame_dialect_of(const uint8_t *bytes, size_t len);

/*
 * The next frame. EDGE_ESHORT: not whole yet, then out->whole_len is what
 * is known to be needed in all. EDGE_EMALFORMED: there is no telling where
 * the next frame begins; close.
 */
EDGE_MUST int frame_ms_next(const uint8_t *bytes, size_t len,
	struct frame *out);
/* RFC 4571: a length before each packet, as TCP candidates of ICE have it
 * (RFC 6544 section 3). */
EDGE_MUST int frame_packet_next(const uint8_t *bytes, size_t len,
	struct frame *out);
/* A STUN message whole, or ChannelData with its header and without its
 * padding. */
EDGE_MUST int frame_rfc_next(const uint8_t *bytes, size_t len,
	struct frame *out);

/* The header before len <= UINT16_MAX bytes. */
void frame_ms_header(uint8_t out[static FRAME_MS_HEADER_LEN],
	enum frame_kind kind, size_t len);
/* Zeros that follow ChannelData of that many bytes, header included. */
size_t frame_rfc_padding(size_t len);

/* A client's hello; random is its time and random bytes. */
#define FRAME_HELLO_RANDOM_LEN 32
void frame_hello(uint8_t out[static FRAME_HELLO_LEN],
	const uint8_t random[static FRAME_HELLO_RANDOM_LEN]);
/* Is this the answer to it, whatever its random bytes? */
bool frame_is_answer(const uint8_t bytes[static FRAME_ANSWER_LEN]);
/* ServerHello and ServerHelloDone in one record; to be sent in one piece,
 * with nothing before it. */
void frame_answer(uint8_t out[static FRAME_ANSWER_LEN],
	const uint8_t random[static FRAME_ANSWER_RANDOM_LEN]);

#endif
