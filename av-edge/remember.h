/*
 * What av-edge remembers for `edgectl explain`: who was refused and why,
 * which allocations began and how they ended. The records' bounds are those
 * of common/daemon/recall.h; nothing here is told to peers.
 */
#ifndef AV_EDGE_REMEMBER_H
#define AV_EDGE_REMEMBER_H

#include <stdint.h>

#include "av-edge/turn.h"
#include "av-edge/turn_rfc.h"

void remember_begin(const struct turn *t, const struct alloc *a);
void remember_end(const struct turn *t, const struct alloc *a,
	enum alloc_end why);
/* A sender who did not convince. */
void remember_sender(const struct turn *t, const struct turn_in *in,
	enum auth_cause cause, const char *method, int64_t expired_ago_s);
/* A known sender whose request was refused with this code. */
void remember_refusal(const struct turn *t, const struct turn_in *in,
	const struct auth_proof *who, const char *method, unsigned code);
void remember_peer(const struct turn *t, const struct addr *peer,
	const struct addr *client, enum peer_verdict verdict);

#endif
