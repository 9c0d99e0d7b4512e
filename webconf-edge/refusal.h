/*
 * Why a client did not get in, or a session not through: counted, logged
 * and remembered for `edgectl explain`. The client itself hears a code.
 */
#ifndef WEBCONF_EDGE_REFUSAL_H
#define WEBCONF_EDGE_REFUSAL_H

#include <stdint.h>

#include "common/base/addr.h"
#include "common/wce/wce_frame.h"

struct server;
struct webconf_edge;

struct refusal {
	enum wce_code code;
	const char *reason; /* "replayed", "no_slot" ...: a literal */
	uint64_t client;    /* number of its connection */
	const struct addr *remote;
	const struct server *server; /* NULL = it did not come so far */
};

void refusal_count(struct webconf_edge *e, enum wce_code code);
/* One line, and the memory of it. */
void refusal_tell(struct webconf_edge *e, const struct refusal *r);
/* What an administrator can do about this reason, or NULL. */
const char *refusal_advice(const char *reason);

#endif
