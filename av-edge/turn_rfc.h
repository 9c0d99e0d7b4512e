/*
 * STUN and TURN of RFC 8489 and RFC 8656, the server's side: one handler a
 * method. A message in, at most one answer and at most one datagram for a
 * peer out. No sockets.
 */
#ifndef AV_EDGE_TURN_RFC_H
#define AV_EDGE_TURN_RFC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/str.h"
#include "common/store/topology.h"
#include "av-edge/turn.h"

/* Room that any answer fits in. */
#define TURN_ANSWER_MAX 1024

struct turn_in {
	const uint8_t *data;
	size_t len;
	const struct addr *client;
	const struct addr *local; /* where it came to: a listener's address */
	uint8_t listener;
	enum topology_side side;
	bool is_closing; /* this port takes no new allocations */
	bool is_stream;  /* TCP or TLS: nobody asks in another's name */
};

struct turn_out {
	uint8_t *answer; /* the caller's, TURN_ANSWER_MAX bytes */
	size_t answer_len; /* 0 = none */
	/* Data for a peer (Send indication), permission checked. */
	struct alloc *from; /* NULL = none */
	struct addr peer;
	struct str payload; /* borrowed from the message */
	uint32_t bound; /* ConnectionBind: to this connection; 0 = none */
	bool dont_fragment; /* with the DF bit, or not at all */
};

/* Handle one datagram that stun_is_rfc() said yes to. */
void turn_rfc_handle(struct turn *t, const struct turn_in *in,
	struct turn_out *out);

#endif
