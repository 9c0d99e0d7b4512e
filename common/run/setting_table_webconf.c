/*
 * The settings of webconf-edge: rows of the table in setting_table.c, which
 * tells what a row must have. Defaults: docs/protocol/webconf.md 7.
 */
#include "common/run/setting_table.h"

static const char *const WEBCONF_ROLES[] = {"auto", "server", "client", NULL};

#define HOUR 3600u
#define DAY  86400u

const struct setting_def SETTING_WEBCONF[SETTING_WEBCONF_COUNT] = {
	/* ---- webconf-edge: connections inside ---- */
	{
		.component = "webconf-edge",
		.name = "tls_role",
		.kind = SETTING_CHOICE,
		.unit = "",
		.fallback = "\"auto\"",
		.choices = WEBCONF_ROLES,
		.help = "Who begins TLS on port 8057: auto sends a "
			"ClientHello to a server that stays silent, and "
			"answers one that does not.",
	},
	{
		.component = "webconf-edge",
		.name = "role_probe_ms",
		.kind = SETTING_NUMBER,
		.unit = "ms",
		.fallback = "250",
		.max = 5000,
		.help = "How long auto waits for a server's first byte "
			"before it begins TLS itself.",
	},
	{
		.component = "webconf-edge",
		.name = "max_servers",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "256",
		.min = 1,
		.max = 10000,
		.help = "Conferencing servers registered at once; those with "
			"the same certificate name get a quarter of them, or "
			"four.",
	},
	{
		.component = "webconf-edge",
		.name = "max_pending_servers",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "1024",
		.min = 16,
		.max = 1000000,
		.restart = true,
		.help = "Connections to port 8057 that have shown no right "
			"yet; one address has a quarter of them.",
	},
	{
		.component = "webconf-edge",
		.name = "max_warm",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "256",
		.min = 4,
		.max = 4096,
		.help = "Idle connections a conferencing server may keep "
			"warm.",
	},
	{
		.component = "webconf-edge",
		.name = "max_channels",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "256",
		.max = 65536,
		.help = "Clients over one connection of a conferencing "
			"server that asks for it; 0 does not offer it.",
	},
	{
		.component = "webconf-edge",
		.name = "heartbeat",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "20",
		.min = 1,
		.max = 300,
		.help = "Interval of PING to conferencing servers; three "
			"without answer end the connection.",
	},

	/* ---- webconf-edge: clients ---- */
	{
		.component = "webconf-edge",
		.name = "max_pending",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "2048",
		.min = 1,
		.max = 1000000,
		.help = "Connections of clients that have not shown a "
			"good ticket yet.",
	},
	{
		.component = "webconf-edge",
		.name = "max_pending_per_source",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "16",
		.min = 1,
		.max = 1000000,
		.restart = true,
		.help = "The same of one address (IPv6: one /56).",
	},
	{
		.component = "webconf-edge",
		.name = "new_connections_per_source",
		.kind = SETTING_NUMBER,
		.unit = "1/s",
		.fallback = "50",
		.min = 1,
		.max = 100000,
		.restart = true,
		.help = "New connections a second of one address.",
	},
	{
		.component = "webconf-edge",
		.name = "new_connections",
		.kind = SETTING_NUMBER,
		.unit = "1/s",
		.fallback = "2000",
		.min = 1,
		.max = 1000000,
		.help = "New connections a second of all clients.",
	},
	{
		.component = "webconf-edge",
		.name = "handshake_timeout",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "10",
		.min = 1,
		.max = 120,
		.help = "Time for the TLS handshake.",
	},
	{
		.component = "webconf-edge",
		.name = "hello_timeout",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "5",
		.min = 1,
		.max = 120,
		.help = "Time from the handshake to a whole CLIENT_HELLO.",
	},
	{
		.component = "webconf-edge",
		.name = "failed_ticket_limit",
		.kind = SETTING_NUMBER,
		.unit = "1/min",
		.fallback = "20",
		.min = 1,
		.max = 100000,
		.help = "Bad tickets a minute of one address (IPv6: one "
			"/56) that are answered; one more bans it.",
	},
	{
		.component = "webconf-edge",
		.name = "failed_ticket_ban",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "300",
		.min = 1,
		.max = DAY,
		.help = "How long such an address is not talked to.",
	},
	{
		.component = "webconf-edge",
		.name = "clock_skew",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "60",
		.max = 600,
		.help = "How far the clock of a conferencing server may "
			"be off.",
	},
	{
		.component = "webconf-edge",
		.name = "max_tickets",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "1000000",
		.min = 10,
		.max = 100000000,
		.help = "Used tickets remembered until they expire; when "
			"there are more, new joins are refused.",
	},

	/* ---- webconf-edge: relays ---- */
	{
		.component = "webconf-edge",
		.name = "max_relays",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "20000",
		.min = 1,
		.max = 1000000,
		.help = "Relays at once; each takes two descriptors.",
	},
	{
		.component = "webconf-edge",
		.name = "memory_budget",
		.kind = SETTING_NUMBER,
		.unit = "MiB",
		.fallback = "0",
		.max = 1048576,
		.help = "New joins are refused when the daemon takes 80 % "
			"of this; 0 is half of the machine's memory.",
	},
	{
		.component = "webconf-edge",
		.name = "slot_wait",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "2",
		.max = 60,
		.help = "How long a client waits for a conferencing "
			"server that has no warm connection.",
	},
	{
		.component = "webconf-edge",
		.name = "max_waiters",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "256",
		.max = 100000,
		.help = "Clients that wait so for one conferencing "
			"server.",
	},
	{
		.component = "webconf-edge",
		.name = "pair_timeout",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "5",
		.min = 1,
		.max = 60,
		.help = "Time for a conferencing server to take or reject "
			"a client.",
	},
	{
		.component = "webconf-edge",
		.name = "relay_idle",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "7200",
		.min = 1,
		.max = DAY,
		.help = "Silence both ways that ends a relay.",
	},
	{
		.component = "webconf-edge",
		.name = "half_close",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "60",
		.min = 1,
		.max = HOUR,
		.help = "How long one side may go on after the other said "
			"its last word.",
	},
	{
		.component = "webconf-edge",
		.name = "user_timeout",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "120",
		.min = 1,
		.max = HOUR,
		.help = "Bytes that nobody acknowledges for so long end a "
			"relay.",
	},
	{
		.component = "webconf-edge",
		.name = "relay_rate",
		.kind = SETTING_NUMBER,
		.unit = "KiB/s",
		.fallback = "0",
		.max = 1048576,
		.help = "Most that a relay carries in one direction when "
			"its ticket says nothing; 0 is no cap.",
	},
	{
		.component = "webconf-edge",
		.name = "drain_alternates",
		.kind = SETTING_NAMES,
		.unit = "",
		.fallback = "[]",
		.max = 8,
		.help = "Edges of the same pool whose names are told to "
			"clients while this one drains.",
	},
};
