/*
 * The rows of the settings table (setting.h). A row is here because code
 * reads it; adding one is: the row, the use, the line in topology.yaml(5).
 * Defaults and bounds follow the original's parameter where there is one.
 */
#include "common/run/setting.h"

#include "common/run/setting_table.h"

static const char *const TLS_VERSIONS[] = {"1.0", "1.2", "1.3", NULL};
static const char *const REGISTER_PATHS[] = {
	"record-route", "path", "both", NULL};
static const char *const DENIED_PEERS[] = {"refuse", "drop", NULL};
static const char *const FLOW_CODES[] = {"430", "480", NULL};

#define MINUTE 60u
#define HOUR   3600u
#define DAY    86400u

static const struct setting_def SETTINGS[] = {
	/* ---- topology ---- */
	{
		.component = "topology",
		.name = "lab",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "false",
		.help = "Loopback addresses and both sides on one device are "
			"accepted; shown in every status.",
	},

	/* ---- access-edge: who may come in ---- */
	{
		.component = "access-edge",
		.name = "allow_outside_users",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "true",
		.original = "AllowOutsideUsers",
		.help = "Users outside may sign in through the edge; false "
			"closes every connection to the client port.",
	},
	{
		.component = "access-edge",
		.name = "pre_auth_methods",
		.kind = SETTING_TOKENS,
		.unit = "",
		.fallback = "[\"REGISTER\",\"INVITE\",\"ACK\",\"CANCEL\","
			    "\"BYE\",\"PRACK\",\"UPDATE\",\"INFO\","
			    "\"SUBSCRIBE\",\"SERVICE\",\"OPTIONS\"]",
		.max = 32,
		.help = "Methods let through before a connection from outside "
			"has signed in.",
	},
	{
		.component = "access-edge",
		.name = "pre_auth_requests",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "30",
		.min = 1,
		.max = 10000,
		.help = "Requests let through before a connection from outside "
			"has signed in.",
	},
	{
		.component = "access-edge",
		.name = "pre_auth_time",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "120",
		.min = 5,
		.max = HOUR,
		.help = "Time in which a connection from outside must sign in.",
	},
	{
		.component = "access-edge",
		.name = "failed_logon_limit",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "10",
		.min = 1,
		.max = 1000,
		.help = "Failed sign-ins of one source or user within "
			"failed_logon_window after which the edge itself "
			"answers 403.",
	},
	{
		.component = "access-edge",
		.name = "failed_logon_window",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "600",
		.min = 10,
		.max = DAY,
		.help = "Window for failed_logon_limit, and how long the 403 "
			"lasts.",
	},

	/* ---- access-edge: connections ---- */
	{
		.component = "access-edge",
		.name = "tls_min",
		.kind = SETTING_CHOICE,
		.unit = "",
		.fallback = "\"1.2\"",
		.choices = TLS_VERSIONS,
		.restart = true,
		.help = "Oldest TLS version spoken; 1.0 is for peers of 2010 "
			"and lowers the security level of all connections.",
	},
	{
		.component = "access-edge",
		.name = "max_connections",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "20000",
		.min = 1,
		.max = 1000000,
		.restart = true,
		.help = "Open connections on one listener; more are refused.",
	},
	{
		.component = "access-edge",
		.name = "max_connections_per_source",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "50",
		.min = 1,
		.max = 1000000,
		.restart = true,
		.help = "Open connections of one address outside (IPv6: one "
			"/56).",
	},
	{
		.component = "access-edge",
		.name = "new_connections_per_source",
		.kind = SETTING_NUMBER,
		.unit = "1/s",
		.fallback = "10",
		.min = 1,
		.max = 100000,
		.restart = true,
		.help = "New connections a second of one address outside.",
	},
	{
		.component = "access-edge",
		.name = "handshake_timeout",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "10",
		.min = 1,
		.max = 120,
		.help = "Time for connecting and the TLS handshake.",
	},
	{
		.component = "access-edge",
		.name = "first_message_timeout",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "30",
		.min = 1,
		.max = 600,
		.help = "Time from the handshake to the first byte of SIP.",
	},
	{
		.component = "access-edge",
		.name = "message_timeout",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "30",
		.min = 1,
		.max = 600,
		.help = "Time for a message that has begun to arrive whole.",
	},
	{
		.component = "access-edge",
		.name = "enable_white_space_keep_alive",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "true",
		.original = "EnableWhiteSpaceKeepAlive",
		.help = "Agree on CRLF keep-alives with clients that propose "
			"them.",
	},
	{
		.component = "access-edge",
		.name = "keep_alive_timeout",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "300",
		.min = 30,
		.max = HOUR,
		.help = "Keep-alive interval told to clients of the original; "
			"silence of this and 32 s more ends the connection.",
	},
	{
		.component = "access-edge",
		.name = "flow_timer",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "120",
		.min = 10,
		.max = HOUR,
		.help = "Flow-Timer told to clients with RFC 5626; silence of "
			"this and 30 s more ends the connection.",
	},
	{
		.component = "access-edge",
		.name = "max_keep_alive_interval",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "1200",
		.min = MINUTE,
		.max = DAY,
		.original = "MaxKeepAliveInterval",
		.help = "Silence that ends a connection without an agreed "
			"keep-alive.",
	},
	{
		.component = "access-edge",
		.name = "max_client_message_body_size_kb",
		.kind = SETTING_NUMBER,
		.unit = "KiB",
		.fallback = "128",
		.min = 64,
		.max = 256,
		.original = "MaxClientMessageBodySizeKb",
		.help = "Largest body taken from a client.",
	},
	{
		.component = "access-edge",
		.name = "max_server_message_body_size_kb",
		.kind = SETTING_NUMBER,
		.unit = "KiB",
		.fallback = "5000",
		.min = 1000,
		.max = 20000,
		.original = "MaxServerMessageBodySizeKb",
		.help = "Largest body taken from an inside server.",
	},
	{
		.component = "access-edge",
		.name = "client_rate",
		.kind = SETTING_NUMBER,
		.unit = "1/s",
		.fallback = "20",
		.min = 1,
		.max = 100000,
		.help = "Requests a second that a connection from outside may "
			"send in the long run.",
	},
	{
		.component = "access-edge",
		.name = "client_burst",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "100",
		.min = 1,
		.max = 100000,
		.help = "Requests that a connection from outside may send at "
			"once.",
	},

	/* ---- access-edge: forwarding ---- */
	{
		.component = "access-edge",
		.name = "outgoing_tls_count",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "4",
		.min = 1,
		.max = 4,
		.original = "OutgoingTlsCount",
		.help = "Connections kept to each next hop.",
	},
	{
		.component = "access-edge",
		.name = "connect_timeout",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "5",
		.min = 1,
		.max = 20,
		.help = "Time for one attempt to reach a next hop.",
	},
	{
		.component = "access-edge",
		.name = "next_hop_probe",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "60",
		.min = 1,
		.max = HOUR,
		.help = "Interval of OPTIONS probes to each next hop.",
	},
	{
		.component = "access-edge",
		.name = "next_hop_down",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "30",
		.min = 1,
		.max = HOUR,
		.help = "How long a next hop that failed is left out.",
	},
	{
		.component = "access-edge",
		.name = "transaction_timeout",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "32",
		.min = 1,
		.max = 300,
		.help = "Timers B, F and H of RFC 3261.",
	},
	{
		.component = "access-edge",
		.name = "invite_timeout",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "200",
		.min = 1,
		.max = HOUR,
		.help = "Timer C of RFC 3261: an INVITE without a final "
			"answer ends after this; the standard wants more "
			"than 3 minutes.",
	},
	{
		.component = "access-edge",
		.name = "register_path",
		.kind = SETTING_CHOICE,
		.unit = "",
		.fallback = "\"both\"",
		.choices = REGISTER_PATHS,
		.help = "How the way back to a client is written into its "
			"REGISTER.",
	},
	{
		.component = "access-edge",
		.name = "add_supported_path",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "true",
		.help = "Add 'Supported: path' to a REGISTER that lacks it, "
			"for registrars that insist.",
	},
	{
		.component = "access-edge",
		.name = "fix_nated_contact",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "false",
		.help = "Write the seen address into the Contact of clients "
			"without outbound, for registrars that ignore Path.",
	},
	{
		.component = "access-edge",
		.name = "ms_headers",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "true",
		.help = "Mark requests inwards with the original's ms-* "
			"headers; false for a plain SIP server inside.",
	},
	{
		.component = "access-edge",
		.name = "flow_failed_code",
		.kind = SETTING_CHOICE,
		.unit = "",
		.fallback = "\"430\"",
		.choices = FLOW_CODES,
		.help = "Answer to a request for a client whose connection is "
			"gone; 480 for servers that do not know 430.",
	},

	/* ---- av-auth ---- */
	{
		.component = "av-auth",
		.name = "max_token_lifetime",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "28800",
		.min = MINUTE,
		.max = 8 * HOUR,
		.original = "MaxTokenLifetime",
		.help = "Longest life of a relay credential.",
	},
	{
		.component = "av-auth",
		.name = "credential_rate",
		.kind = SETTING_NUMBER,
		.unit = "1/s",
		.fallback = "100",
		.min = 1,
		.max = 100000,
		.help = "Credentials a second that one inside server may ask "
			"for.",
	},
	{
		.component = "av-auth",
		.name = "own_domains_only",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "false",
		.help = "Credentials are made for users of our domains alone; "
			"others are answered Forbidden.",
	},
	{
		.component = "av-auth",
		.name = "tls_min",
		.kind = SETTING_CHOICE,
		.unit = "",
		.fallback = "\"1.2\"",
		.choices = TLS_VERSIONS,
		.restart = true,
		.help = "Oldest TLS version spoken with inside servers.",
	},

	/* ---- av-edge ---- */
	{
		.component = "av-edge",
		.name = "realm",
		.kind = SETTING_NAME,
		.unit = "",
		.fallback = "\"\"",
		.help = "Realm of the relay; empty: the default SIP domain.",
	},
	{
		.component = "av-edge",
		.name = "default_lifetime",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "600",
		.min = MINUTE,
		.max = HOUR,
		.help = "Life of an allocation whose client asks for none.",
	},
	{
		.component = "av-edge",
		.name = "max_lifetime",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "3600",
		.min = MINUTE,
		.max = DAY,
		.help = "Longest life granted at once; it can be refreshed.",
	},
	{
		.component = "av-edge",
		.name = "allocation_lifetime",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "43200",
		.min = MINUTE,
		.max = 7 * DAY,
		.help = "An allocation ends after this, refreshed or not.",
	},
	{
		.component = "av-edge",
		.name = "allocations_per_user",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "48",
		.min = 1,
		.max = 10000,
		.help = "Allocations that one user may hold.",
	},
	{
		.component = "av-edge",
		.name = "allocations_per_credential",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "48",
		.min = 1,
		.max = 10000,
		.help = "Allocations made with one credential at a time.",
	},
	{
		.component = "av-edge",
		.name = "allocations_per_minute",
		.kind = SETTING_NUMBER,
		.unit = "1/min",
		.fallback = "600",
		.min = 1,
		.max = 10000000,
		.help = "Allocations that one user may begin in a minute; a "
			"call takes up to four.",
	},
	{
		.component = "av-edge",
		.name = "max_bandwidth_per_user_kb",
		.kind = SETTING_NUMBER,
		.unit = "kbit/s",
		.fallback = "10000",
		.min = 1,
		.max = UINT32_MAX,
		.original = "MaxBandwidthPerUserKb",
		.help = "Kilobit a second that one user's allocations may "
			"carry together, each direction by itself.",
	},
	{
		.component = "av-edge",
		.name = "max_bandwidth_per_port_kb",
		.kind = SETTING_NUMBER,
		.unit = "kbit/s",
		.fallback = "3000",
		.min = 1,
		.max = UINT32_MAX,
		.original = "MaxBandwidthPerPortKb",
		.help = "Kilobit a second that one relay port may carry, each "
			"direction by itself.",
	},
	{
		.component = "av-edge",
		.name = "allow_peers",
		.kind = SETTING_PREFIXES,
		.unit = "",
		.fallback = "[]",
		.max = 256,
		.help = "Peers the relay may send to although they are special "
			"or inside; empty in production.",
	},
	{
		.component = "av-edge",
		.name = "nat64_prefixes",
		.kind = SETTING_PREFIXES,
		.unit = "",
		.fallback = "[]",
		.max = 16,
		.help = "Prefixes of NAT64 translators other than "
			"64:ff9b::/96: what they lead to is judged as the "
			"IPv4 peer that it is.",
	},
	{
		.component = "av-edge",
		.name = "denied_peers",
		.kind = SETTING_CHOICE,
		.unit = "",
		.fallback = "\"refuse\"",
		.choices = DENIED_PEERS,
		.help = "What a TURN client is told that asks for a peer it "
			"may not have: refuse = 403; drop = success, and "
			"nothing is relayed, for clients that give up all "
			"for one refusal (libre).",
	},
	{
		.component = "av-edge",
		.name = "alternate_servers",
		.kind = SETTING_PREFIXES,
		.unit = "",
		.fallback = "[]",
		.max = 16,
		.original = "AlternateTURNServers",
		.help = "Other relays that clients outside are sent to when "
			"this one is full or drains: addresses.",
	},
	{
		.component = "av-edge",
		.name = "alternate_servers_internal",
		.kind = SETTING_PREFIXES,
		.unit = "",
		.fallback = "[]",
		.max = 16,
		.help = "The same for clients inside.",
	},
	{
		.component = "av-edge",
		.name = "behind_load_balancer",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "false",
		.help = "MS-TURN clients on UDP are told which edge of a pool "
			"they met, and come back to it.",
	},
	{
		.component = "av-edge",
		.name = "grant_bandwidth",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "false",
		.help = "MS-TURN clients that ask whether they may use "
			"bandwidth are told yes; unproven with any product.",
	},
	{
		.component = "av-edge",
		.name = "credential_skew",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "0",
		.min = 0,
		.max = 600,
		.help = "How long after its end a credential is still taken; "
			"60s when a pool shares its key.",
	},
	{
		.component = "av-edge",
		.name = "rest_max_lifetime",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "86400",
		.min = MINUTE,
		.max = 30 * DAY,
		.help = "How far off the end of a credential may be that an "
			"application made from a shared secret.",
	},
	{
		.component = "av-edge",
		.name = "nonce_lifetime",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "900",
		.min = 10,
		.max = DAY,
		.help = "Life of a nonce; then the client is told it is stale.",
	},
	{
		.component = "av-edge",
		.name = "stranger_rate",
		.kind = SETTING_NUMBER,
		.unit = "1/s",
		.fallback = "10",
		.min = 1,
		.max = 1000000,
		.help = "Replies a second to one source that has proved "
			"nothing yet.",
	},
	{
		.component = "av-edge",
		.name = "max_connections",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "20000",
		.min = 1,
		.max = 1000000,
		.restart = true,
		.help = "Open connections on one TCP port; more are refused.",
	},
	{
		.component = "av-edge",
		.name = "max_connections_per_source",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "500",
		.min = 1,
		.max = 1000000,
		.restart = true,
		.help = "Open TCP connections of one address outside (IPv6: "
			"one /56); a call takes up to four.",
	},
	{
		.component = "av-edge",
		.name = "new_connections_per_source",
		.kind = SETTING_NUMBER,
		.unit = "1/s",
		.fallback = "50",
		.min = 1,
		.max = 100000,
		.restart = true,
		.help = "New TCP connections a second of one address outside.",
	},
	{
		.component = "av-edge",
		.name = "rest_us",
		.kind = SETTING_NUMBER,
		.unit = "us",
		.fallback = "500",
		.min = 0,
		.max = 2000,
		.help = "Rest between turns under load, which saves CPU and "
			"adds this much delay; 0 = none.",
	},
	{
		.component = "av-edge",
		.name = "turn_sha256",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "false",
		.help = "MS-TURN clients that have it are offered HMAC-SHA256; "
			"unproven with any product.",
	},
	{
		.component = "av-edge",
		.name = "tcp_relays",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "true",
		.help = "TCP relay ports: for MS-TURN clients over TCP, and "
			"for RFC 6062; false: av-auth does not name the TCP "
			"port either.",
	},
	{
		.component = "av-edge",
		.name = "connections_per_allocation",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "8",
		.min = 1,
		.max = 64,
		.help = "TCP connections with peers that one allocation may "
			"have.",
	},
	{
		.component = "av-edge",
		.name = "connects_per_minute",
		.kind = SETTING_NUMBER,
		.unit = "1/min",
		.fallback = "120",
		.min = 1,
		.max = 100000,
		.help = "TCP connections to peers that one user may begin in a "
			"minute.",
	},
	{
		.component = "av-edge",
		.name = "connect_timeout",
		.kind = SETTING_DURATION,
		.unit = "s",
		.fallback = "30",
		.min = 1,
		.max = 300,
		.help = "How long a TCP connection to a peer may take, and "
			"then wait for its ConnectionBind; RFC 6062 wants "
			"30s.",
	},
	{
		.component = "av-edge",
		.name = "turn_tcp_rfc4571",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "true",
		.help = "The length of MS-TURN data frames over TCP is that of "
			"RFC 4571 towards the peer; false: bytes pass as "
			"they are.",
	},
};

/* Parts that are files of their own; more are added below. */
struct part {
	const struct setting_def *rows;
	size_t count;
};

static const struct part parts[] = {
	{SETTINGS, ARRAY_COUNT(SETTINGS)},
	{SETTING_WEBCONF, SETTING_WEBCONF_COUNT},
	{SETTING_FEDERATION, SETTING_FEDERATION_COUNT},
	{SETTING_SIP_GUARD, SETTING_SIP_GUARD_COUNT},
	{SETTING_REPLICATION, SETTING_REPLICATION_COUNT},
};

size_t setting_count(void)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
		n += parts[i].count;
	return n;
}

const struct setting_def *setting_at(size_t i)
{
	size_t k = 0;

	while (i >= parts[k].count)
		i -= parts[k++].count;
	return &parts[k].rows[i];
}
