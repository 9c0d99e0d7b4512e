/* Settings to numbers. Names, bounds and defaults are rows of the table in
 * common/run/setting_table.c. */
#include "webconf-edge/limits.h"

#include <string.h>

static enum limits_role role_of(const char *text)
{
	if (strcmp(text, "server") == 0)
		return LIMITS_ROLE_SERVER;
	return strcmp(text, "client") == 0 ? LIMITS_ROLE_CLIENT :
		LIMITS_ROLE_AUTO;
}

static unsigned number(const struct setting_set *set, const char *name)
{
	return (unsigned)setting_number(set, name);
}

static int64_t span_ms(const struct setting_set *set, const char *name)
{
	return (int64_t)setting_duration_s(set, name) * 1000;
}

void limits_from(struct limits *out, const struct topology *t)
{
	const struct setting_set *set = topology_settings(t, "webconf-edge");

	*out = (struct limits){
		.tls_role = role_of(setting_text(set, "tls_role")),
		.role_probe_ms = number(set, "role_probe_ms"),
		.pending_max = number(set, "max_pending"),
		.pending_per_source = number(set, "max_pending_per_source"),
		.new_per_s_per_source =
			number(set, "new_connections_per_source"),
		.new_per_s = number(set, "new_connections"),
		.relays_max = number(set, "max_relays"),
		.servers_max = number(set, "max_servers"),
		.fresh_max = number(set, "max_pending_servers"),
		.waiters_max = number(set, "max_waiters"),
		.tickets_max = number(set, "max_tickets"),
		.warm_max = number(set, "max_warm"),
		.channels_max = number(set, "max_channels"),
		.memory_bytes = setting_number(set, "memory_budget") << 20,
		.failed_max = number(set, "failed_ticket_limit"),
		.ban_ms = span_ms(set, "failed_ticket_ban"),
		.handshake_ms = span_ms(set, "handshake_timeout"),
		.hello_ms = span_ms(set, "hello_timeout"),
		.pair_ms = span_ms(set, "pair_timeout"),
		.slot_wait_ms = span_ms(set, "slot_wait"),
		.heartbeat_s = (unsigned)setting_duration_s(set, "heartbeat"),
		.relay_idle_ms = span_ms(set, "relay_idle"),
		.half_close_ms = span_ms(set, "half_close"),
		.user_timeout_ms = (unsigned)span_ms(set, "user_timeout"),
		.rate_kib_s = number(set, "relay_rate"),
		.skew_s = (int64_t)setting_duration_s(set, "clock_skew"),
	};
}
