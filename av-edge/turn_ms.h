/*
 * The [MS-TURN] dialect, the server's side: Allocate, Send, Set Active
 * Destination (docs/protocol/ms-turn.md). A message in, at most one answer
 * and at most one datagram for a peer out. No sockets.
 */
#ifndef AV_EDGE_TURN_MS_H
#define AV_EDGE_TURN_MS_H

#include "av-edge/turn.h"
#include "av-edge/turn_rfc.h"

/* Handle one message that stun_ms_is_control() said yes to. */
void turn_ms_handle(struct turn *t, const struct turn_in *in,
	struct turn_out *out);

#endif
