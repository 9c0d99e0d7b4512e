/*
 * One way to the relay, tried: an allocation is made, data goes through it,
 * and the address it advertises is compared with the one that its datagrams
 * come from (requirement R12).
 */
#ifndef EDGECTL_PROBE_AV_H
#define EDGECTL_PROBE_AV_H

#include <jansson.h>
#include <stdbool.h>

#include "common/base/addr.h"
#include "edgectl/probe/probe.h"
#include "edgectl/probe/probe_wire.h"

struct probe_av {
	const char *side; /* "external", "internal" */
	enum probe_way way;
	bool is_ms;
	struct addr server;   /* of this way */
	struct addr stun;     /* the relay's UDP port; unset = none */
	struct addr local;    /* to come from; unset = any */
	struct addr observer; /* likewise, who looks at the relay */
	const char *name;     /* TLS */
	const char *trust;
	const char *user;
	const char *password;
};

/* {"side", "way", "dialect", "server", "ok", "advertised", "observed",
 * "seen_by", "ms", "text"}, the caller's; NULL when out of memory. */
json_t *probe_av_run(struct probe *probe, const struct probe_av *spec);

#endif
