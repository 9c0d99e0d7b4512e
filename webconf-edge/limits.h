/* The settings of webconf-edge as numbers, read once per topology. */
#ifndef WEBCONF_EDGE_LIMITS_H
#define WEBCONF_EDGE_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include "common/store/topology.h"

enum limits_role {
	LIMITS_ROLE_AUTO,
	LIMITS_ROLE_SERVER,
	LIMITS_ROLE_CLIENT,
};

struct limits {
	enum limits_role tls_role;
	int64_t role_probe_ms;
	unsigned pending_max;
	unsigned pending_per_source;
	unsigned new_per_s_per_source;
	unsigned new_per_s;
	size_t relays_max;
	size_t servers_max;
	unsigned fresh_max; /* connections to 8057 without a right yet */
	size_t waiters_max;
	size_t tickets_max;
	unsigned warm_max;
	uint32_t channels_max; /* of one connection, 0 = not offered */
	uint64_t memory_bytes; /* 0 = half of the machine's */
	unsigned failed_max;   /* tickets a minute */
	int64_t ban_ms;
	int64_t handshake_ms;
	int64_t hello_ms;
	int64_t pair_ms;
	int64_t slot_wait_ms;
	unsigned heartbeat_s;
	int64_t relay_idle_ms;
	int64_t half_close_ms;
	unsigned user_timeout_ms;
	uint32_t rate_kib_s;
	int64_t skew_s;
};

void limits_from(struct limits *out, const struct topology *t);

#endif
