/*
 * People without an account who join a conference from outside
 * ([MS-SIPAE] 4.5): which requests of theirs may go in. The server inside
 * checks the conference's key; the edge bounds what a stranger can reach.
 */
#ifndef ACCESS_EDGE_ANONYMOUS_H
#define ACCESS_EDGE_ANONYMOUS_H

#include <stdbool.h>
#include <stdint.h>

#include "access-edge/policy.h"
#include "access-edge/verdict.h"
#include "common/sip/sip_msg.h"

#define ANONYMOUS_DIALOGS 8

/* What is kept of one connection. */
struct anonymous {
	char user[128];  /* the one identity it may use, or "" */
	uint64_t dialogs[ANONYMOUS_DIALOGS]; /* begun latest, as hashes */
	unsigned next;
};

/* From is somebody@anonymous.invalid. */
bool anonymous_is_sender(const struct sip_msg *m);

struct anonymous_in {
	const struct policy *policy;
	const struct anonymous *known;
	bool in_own_dialog; /* its Route carries the token of its own flow */
};

/* A request that admit let pass, of anonymous_is_sender(). */
struct verdict anonymous_check(struct sip_msg *m,
	const struct anonymous_in *in);

/* Does it begin a dialog that the connection has not begun before (a
 * request that is repeated with credentials begins no other)? dialog: hash
 * of Call-ID and From tag. */
bool anonymous_is_new_dialog(const struct anonymous *a,
	const struct sip_msg *m, uint64_t dialog);
/* The request goes in. */
void anonymous_note(struct anonymous *a, const struct sip_msg *m,
	uint64_t dialog);

#endif
