/*
 * A TURN client (RFC 8656) for one allocation: Allocate with the
 * issued credential, CreatePermission, ChannelBind, Refresh, data both
 * ways. Requests block, that is, they turn the probe's loop.
 */
#ifndef EDGECTL_PROBE_TURN_H
#define EDGECTL_PROBE_TURN_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"
#include "edgectl/probe/probe.h"
#include "edgectl/probe/probe_wire.h"

struct probe_turn;

/* Data of a peer that came through the relay. */
typedef void(probe_turn_cb)(const uint8_t *data, size_t len,
	const struct addr *peer, void *arg);

struct probe_turn_spec {
	const char *label; /* in the trace: "outside" */
	enum probe_way way; /* not PROBE_PSEUDO_TLS */
	struct addr local;  /* to send from; unset = any */
	struct addr server;
	const char *name;   /* TLS, as in probe_wire.h */
	const char *trust;
	const char *user;
	const char *password;
	probe_turn_cb *on_data;
	void *arg;
};

/* Strings are copied. */
EDGE_MUST int probe_turn_new(struct probe_turn **out, struct probe *probe,
	const struct probe_turn_spec *spec, struct why *why);
/* Forgets the allocation; probe_turn_refresh(t, 0) gives it back. */
void probe_turn_free(struct probe_turn *t); /* accepts NULL */

EDGE_MUST int probe_turn_allocate(struct probe_turn *t, struct why *why);
EDGE_MUST int probe_turn_permit(struct probe_turn *t, const struct addr *peer,
	struct why *why);
EDGE_MUST int probe_turn_bind(struct probe_turn *t, const struct addr *peer,
	uint16_t channel, struct why *why);
EDGE_MUST int probe_turn_refresh(struct probe_turn *t, uint32_t lifetime_s,
	struct why *why);
/* To the peer: over its channel when bound, else a Send indication. */
int probe_turn_send(struct probe_turn *t, const struct addr *peer,
	const uint8_t *data, size_t len);

const struct addr *probe_turn_relay(const struct probe_turn *t);
const struct addr *probe_turn_reflexive(const struct probe_turn *t);
uint32_t probe_turn_lifetime_s(const struct probe_turn *t);

#endif
