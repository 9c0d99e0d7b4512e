/*
 * MS-SEQUENCE-NUMBER of one allocation ([MS-TURN] 2.2.2.19): which requests
 * are new, which were answered already, which are replays (threats T11,
 * T22). Plain data without pointers; no clock, no sockets.
 *
 * Ask only once a request has proven its integrity: asking takes the number.
 */
#ifndef AV_EDGE_SEQUENCE_H
#define AV_EDGE_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/stun/stun_ms.h"

#define SEQUENCE_WINDOW  64
#define SEQUENCE_ANSWERS 4

enum sequence_verdict {
	SEQUENCE_NEW,     /* handle it */
	SEQUENCE_AGAIN,   /* a retransmission: answer it as before (a Send is
			   * never answered, so never again) */
	SEQUENCE_REPLAY,  /* came already, or is too old to tell: drop */
	SEQUENCE_FOREIGN, /* another allocation's connection id: drop */
	SEQUENCE_MISSING, /* has no number, and should have: drop */
};

/* What was answered, enough to build the same answer again. */
struct sequence_answer {
	uint8_t tid[STUN_TID_LEN];
	uint32_t number; /* of the request; 0 = it had none */
	uint32_t lifetime_s;
	uint16_t type; /* enum stun_ms_type of the answer; 0 = free */
	uint16_t code; /* 0, or that of the error */
};

struct sequence {
	uint64_t window; /* bit n: highest - n has come */
	uint32_t highest;
	uint8_t connection[STUN_MS_CONNECTION_LEN];
	struct sequence_answer answers[SEQUENCE_ANSWERS];
	uint8_t next; /* the answer to forget next */
	bool is_numbered; /* the client has begun to count */
	uint8_t zero[6];  /* always 0, so that the struct has no padding */
};

/* A new allocation; connection is random. Number 0 is given away with it,
 * the client goes on from 1. */
void sequence_init(struct sequence *s,
	const uint8_t connection[static STUN_MS_CONNECTION_LEN]);
/* number is NULL when the request has none, which may_lack allows
 * (Allocate; Send and Set Active Destination of a client that never
 * counts may lack it anyhow). */
enum sequence_verdict sequence_take(struct sequence *s,
	const struct stun_ms_number *number, bool may_lack,
	const uint8_t tid[static STUN_TID_LEN]);
/* After answering a new request. */
void sequence_remember(struct sequence *s,
	const struct sequence_answer *answer);
/* After SEQUENCE_AGAIN: what was answered. NULL when it is forgotten.
 * Borrowed until the next sequence_remember(). */
const struct sequence_answer *sequence_find(const struct sequence *s,
	const struct stun_ms_number *number,
	const uint8_t tid[static STUN_TID_LEN]);

#endif
