/*
 * Settings of access-edge that guard the border: who comes in without an
 * account, what is hidden, what is bounded. Rows of the table in
 * setting_table.c, which tells what a row must have.
 */
#include "common/run/setting_table.h"

#define HOUR 3600u

const struct setting_def SETTING_SIP_GUARD[SETTING_SIP_GUARD_COUNT] = {
	/* ---- people without an account ---- */
	{
		.component = "access-edge",
		.name = "allow_anonymous_users",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "false",
		.original = "AllowAnonymousUsers",
		.help = "People without an account may join conferences "
			"through the edge, when allow_outside_users is true "
			"as well.",
	},
	{
		.component = "access-edge",
		.name = "anonymous_methods",
		.kind = SETTING_TOKENS,
		.unit = "",
		.fallback = "[\"INVITE\",\"ACK\",\"CANCEL\",\"BYE\","
			    "\"SUBSCRIBE\",\"INFO\",\"UPDATE\",\"PRACK\","
			    "\"REFER\",\"NOTIFY\",\"OPTIONS\",\"SERVICE\"]",
		.max = 32,
		.help = "Methods let through from people without an account.",
	},
	{
		.component = "access-edge",
		.name = "anonymous_dialogs_per_minute",
		.kind = SETTING_NUMBER,
		.unit = "1/min",
		.fallback = "5",
		.min = 1,
		.max = 10000,
		.help = "Dialogs a minute that people without an account may "
			"begin from one address outside (IPv6: one /56).",
	},

	/* ---- partners' certificates ---- */
	{
		.component = "access-edge",
		.name = "keep_crls_up_to_date_for_peers",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "true",
		.original = "KeepCrlsUpToDateForPeers",
		.help = "Revocation lists of partners' certificates are "
			"fetched over HTTP in the background; a certificate "
			"on one is refused, also when the list is out of "
			"date.",
	},
	{
		.component = "access-edge",
		.name = "require_crls_for_peers",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "false",
		.help = "A partner whose certificate names a revocation list "
			"waits until it is here, and is refused when it "
			"can't be had or is out of date. False: such a list "
			"is not held against anyone. What names no list over "
			"HTTP is not asked for one.",
	},

	/* ---- what others need not know ---- */
	{
		.component = "access-edge",
		.name = "verified_before_sign_in",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "false",
		.help = "Remote users count as verified in the trust header "
			"before they have signed in.",
	},
	{
		.component = "access-edge",
		.name = "hide_software",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "true",
		.help = "Comments in Server and User-Agent are taken out of "
			"what goes to partners.",
	},
	{
		.component = "access-edge",
		.name = "hide_vias",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "false",
		.help = "Vias of servers inside are taken out of requests to "
			"partners and put back on the answers.",
	},
	{
		.component = "access-edge",
		.name = "hide_record_routes",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "false",
		.help = "Record-Routes of servers inside go to partners "
			"sealed in the edge's own, and come back as Routes.",
	},
	{
		.component = "access-edge",
		.name = "hide_history",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "false",
		.help = "History-Info, Diversion, P-Charging-* and "
			"P-Access-Network-Info are taken out of what goes to "
			"partners.",
	},

	/* ---- bounds ---- */
	{
		.component = "access-edge",
		.name = "max_handshakes",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "256",
		.min = 8,
		.max = 65536,
		.help = "TLS handshakes from outside in progress; with more, "
			"the one that takes longest gives way, or new ones "
			"wait.",
	},
	{
		.component = "access-edge",
		.name = "memory_mark_mb",
		.kind = SETTING_NUMBER,
		.unit = "MiB",
		.fallback = "2048",
		.min = 64,
		.max = 1048576,
		.help = "Memory in use from which new work from outside is "
			"turned away.",
	},
	{
		.component = "access-edge",
		.name = "max_transactions",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "65536",
		.min = 1024,
		.max = 4194304,
		.help = "Requests open at the same time; outside may use "
			"three quarters of them.",
	},
	{
		.component = "access-edge",
		.name = "max_transactions_per_client",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "256",
		.min = 8,
		.max = 65536,
		.help = "Requests that one connection of a client may have "
			"open.",
	},
	{
		.component = "access-edge",
		.name = "max_transaction_memory_mb",
		.kind = SETTING_NUMBER,
		.unit = "MiB",
		.fallback = "256",
		.min = 16,
		.max = 65536,
		.help = "Memory for the messages that open requests keep; "
			"outside may use three quarters of it.",
	},
};
