/*
 * A client of MS-TURN (docs/protocol/ms-turn.md) for one allocation: an
 * Allocate with the issued credential, data to a peer, giving it back.
 * Requests block, that is, they turn the probe's loop.
 */
#ifndef EDGECTL_PROBE_MS_TURN_H
#define EDGECTL_PROBE_MS_TURN_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"
#include "edgectl/probe/probe.h"
#include "edgectl/probe/probe_wire.h"

struct probe_ms_turn;

/* Data of a peer, as a Data Indication brings it. */
typedef void(probe_ms_turn_cb)(const uint8_t *data, size_t len,
	const struct addr *peer, void *arg);

struct probe_ms_turn_spec {
	const char *label; /* in the trace */
	enum probe_way way; /* not PROBE_TLS */
	struct addr local;
	struct addr server;
	const char *user; /* base64, as issued */
	const char *password;
	probe_ms_turn_cb *on_data; /* NULL = nobody cares */
	void *arg;
};

EDGE_MUST int probe_ms_turn_new(struct probe_ms_turn **out,
	struct probe *probe, const struct probe_ms_turn_spec *spec,
	struct why *why);
void probe_ms_turn_free(struct probe_ms_turn *t); /* accepts NULL */

EDGE_MUST int probe_ms_turn_allocate(struct probe_ms_turn *t,
	struct why *why);
/* Gives the allocation back. */
EDGE_MUST int probe_ms_turn_delete(struct probe_ms_turn *t, struct why *why);
/* A Send request; never answered. Lets the peer in, too. */
int probe_ms_turn_send(struct probe_ms_turn *t, const struct addr *peer,
	const uint8_t *data, size_t len);
const struct addr *probe_ms_turn_relay(const struct probe_ms_turn *t);

#endif
