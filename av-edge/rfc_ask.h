/*
 * One message of RFC 8489 or RFC 8656 being handled, from the parsed message
 * to the answer. Every handler ends in rfc_ask_begin() with rfc_ask_end(),
 * or in rfc_ask_refuse(), once.
 */
#ifndef AV_EDGE_RFC_ASK_H
#define AV_EDGE_RFC_ASK_H

#include <stdbool.h>

#include "common/stun/stun_msg.h"
#include "av-edge/turn.h"
#include "av-edge/turn_auth.h"
#include "av-edge/turn_rfc.h"

struct rfc_ask {
	struct turn *t;
	const struct turn_in *in;
	struct turn_out *out;
	struct stun_msg m;
	struct alloc *alloc; /* of this 5-tuple, or NULL */
	struct auth_proof proof;
	struct stun_writer w;
};

/* An answer to the request: header, then attributes into ask->w. */
void rfc_ask_begin(struct rfc_ask *ask, enum stun_class class);
/* Integrity and fingerprint as the request had them. A stranger's answer is
 * sent if the budget has room for it. */
void rfc_ask_end(struct rfc_ask *ask);
/* The whole answer: an error with this code. */
void rfc_ask_refuse(struct rfc_ask *ask, unsigned code);
/* The same with 300 and the relay to try instead. */
void rfc_ask_redirect(struct rfc_ask *ask, const struct addr *other);
/* Who sends it? False: refused and answered. */
bool rfc_ask_check_sender(struct rfc_ask *ask);
/* The first byte of a value of four, as families and protocols have it; 0
 * when absent. */
unsigned rfc_ask_byte(const struct rfc_ask *ask, enum stun_attr attr);

#endif
