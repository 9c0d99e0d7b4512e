/*
 * The counter table of webconf-edge. Refusals are told apart by cause;
 * docs/ops/counters.md and /metrics read these rows.
 */
#include "webconf-edge/counters.h"

#define REFUSED(cause)                                      \
	{"clients_refused", "cause=\"" cause "\"",          \
		COUNTER_TOTAL, "",                          \
		"Connections of clients that were refused"}
#define ENDED(reason)                                       \
	{"relays_ended", "reason=\"" reason "\"",           \
		COUNTER_TOTAL, "", "Relays that ended"}

const struct counter_def WEBCONF_EDGE_COUNTERS[COUNT_END] = {
	[COUNT_CLIENTS] = {"clients", NULL, COUNTER_TOTAL, "",
		"Connections of clients accepted outside"},
	[COUNT_PENDING] = {"clients_pending", NULL, COUNTER_GAUGE, "",
		"Connections of clients that are not paired yet"},
	[COUNT_ADMITTED] = {"tickets_admitted", NULL, COUNTER_TOTAL, "",
		"Tickets that were good"},
	[COUNT_CLIENT_GONE] = {"clients_gone", NULL, COUNTER_TOTAL, "",
		"Clients that left before they were paired"},
	[COUNT_REFUSED_BANNED] = REFUSED("banned"),
	[COUNT_REFUSED_RATE] = REFUSED("rate"),
	[COUNT_REFUSED_TLS] = REFUSED("tls"),
	[COUNT_REFUSED_MALFORMED] = REFUSED("malformed"),
	[COUNT_REFUSED_TIMEOUT] = REFUSED("timeout"),
	[COUNT_REFUSED_TICKET] = REFUSED("ticket"),
	[COUNT_REFUSED_SERVER] = REFUSED("server"),
	[COUNT_REFUSED_SERVER_FULL] = REFUSED("server_full"),
	[COUNT_REFUSED_EDGE_FULL] = REFUSED("edge_full"),
	[COUNT_REFUSED_DRAINING] = REFUSED("draining"),
	[COUNT_REFUSED_CROWDED] = REFUSED("crowded"),
	[COUNT_REFUSED_OTHER] = REFUSED("other"),
	[COUNT_BANS] = {"bans", NULL, COUNTER_TOTAL, "",
		"Sources banned for bad tickets"},
	[COUNT_BANNED] = {"sources_banned", NULL, COUNTER_GAUGE, "",
		"Sources banned now"},
	[COUNT_TICKETS_USED] = {"tickets_remembered", NULL, COUNTER_GAUGE,
		"", "Used tickets remembered until they expire"},
	[COUNT_SERVER_CONNECTIONS] = {"server_connections", NULL,
		COUNTER_TOTAL, "",
		"Connections of conferencing servers accepted"},
	[COUNT_SERVER_CONNECTIONS_OPEN] = {"server_connections_open", NULL,
		COUNTER_GAUGE, "",
		"Connections of conferencing servers not in a relay"},
	[COUNT_SERVERS_PENDING] = {"server_connections_pending", NULL,
		COUNTER_GAUGE, "",
		"Connections to the inside port that have shown no right yet"},
	[COUNT_SERVER_REFUSED] = {"server_connections_refused", NULL,
		COUNTER_TOTAL, "",
		"Connections of conferencing servers that were refused"},
	[COUNT_REGISTRATIONS] = {"registrations", NULL, COUNTER_TOTAL, "",
		"Registrations of conferencing servers"},
	[COUNT_SERVERS] = {"servers", NULL, COUNTER_GAUGE, "",
		"Conferencing servers known now"},
	[COUNT_SLOTS_READY] = {"slots_ready", NULL, COUNTER_GAUGE, "",
		"Warm connections that wait for a client"},
	[COUNT_CHANNELS_OPEN] = {"channels_open", NULL, COUNTER_GAUGE, "",
		"Sessions that share a connection of their server"},
	[COUNT_PAIRS_FAILED] = {"pairs_failed", NULL, COUNTER_TOTAL, "",
		"Sessions that ended before anything was relayed"},
	[COUNT_RELAYS] = {"relays", NULL, COUNTER_TOTAL, "",
		"Relays that were opened"},
	[COUNT_RELAYS_OPEN] = {"relays_open", NULL, COUNTER_GAUGE, "",
		"Relays open now"},
	[COUNT_ENDED_NORMAL] = ENDED("normal"),
	[COUNT_ENDED_CLIENT] = ENDED("client_broke"),
	[COUNT_ENDED_SERVER] = ENDED("server_broke"),
	[COUNT_ENDED_CUT] = ENDED("cut"),
	[COUNT_BYTES_IN] = {"bytes_relayed", "direction=\"in\"",
		COUNTER_TOTAL, "bytes",
		"Bytes of relays that have ended"},
	[COUNT_BYTES_OUT] = {"bytes_relayed", "direction=\"out\"",
		COUNTER_TOTAL, "bytes",
		"Bytes of relays that have ended"},
	[COUNT_MEMORY] = {"memory_used", NULL, COUNTER_GAUGE, "bytes",
		"Resident memory of the daemon"},
};
