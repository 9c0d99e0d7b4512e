/*
 * TLS byte stream to whole SIP messages: Content-Length, CRLF keep-alives,
 * size limits (RFC 3261 section 18.3, docs/protocol/access-edge.md). Bytes
 * in, messages out; knows no socket and no clock.
 */
#ifndef SIP_FRAME_H
#define SIP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct sip_frame_limits {
	size_t head_max;  /* start line and headers, 64 KiB */
	size_t line_max;  /* 8 KiB */
	size_t lines_max; /* 128 */
	size_t body_max;
};

struct sip_frame {
	struct sip_frame_limits limits;
	uint8_t *tail; /* owned; NULL when nothing is unfinished */
	size_t tail_len;
	size_t tail_cap;
	size_t scanned; /* of the tail, known to hold no end of headers */
	size_t need;    /* length of the message in the tail, once known */
	unsigned crlf;  /* CRs and LFs seen in a row between messages */
	bool handed_out; /* the tail is a message the caller has now */
};

enum sip_frame_kind {
	SIP_FRAME_NONE,    /* need more bytes */
	SIP_FRAME_MESSAGE, /* one whole message */
	SIP_FRAME_PING,    /* CR LF CR LF between messages: answer CR LF */
	SIP_FRAME_BAD,     /* the stream position is lost: answer, close */
};

struct sip_frame_item {
	enum sip_frame_kind kind;
	struct str message; /* borrowed until the next call */
	int status;         /* BAD: 400 or 413, 0 = just close */
	const char *cause;  /* BAD: for the log, a literal */
	struct str head;    /* BAD: headers, when they could be told apart */
};

void sip_frame_init(struct sip_frame *f, const struct sip_frame_limits *l);
void sip_frame_fini(struct sip_frame *f);
bool sip_frame_is_idle(const struct sip_frame *f); /* nothing unfinished */

/*
 * Next item from *data, which is advanced; call again until NONE. What is
 * left at NONE has been copied into the tail. After BAD no more calls.
 */
EDGE_MUST int sip_frame_next(struct sip_frame *f, struct str *data,
	struct sip_frame_item *out);

#endif
