/*
 * The rows of the settings table that belong to federation. Names and
 * defaults follow the original's parameters where there is one.
 */
#include "common/run/setting_table.h"

static const char *const LEVELS[] = {"always", "source", "never", NULL};

const struct setting_def SETTING_FEDERATION[SETTING_FEDERATION_COUNT] = {
	{
		.component = "access-edge",
		.name = "allow_federated_users",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "false",
		.original = "AllowFederatedUsers",
		.help = "Federation with other organisations; true opens the "
			"external port for partners.",
	},
	{
		.component = "access-edge",
		.name = "enable_partner_discovery",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "false",
		.original = "EnablePartnerDiscovery",
		.help = "Domains that are neither allowed nor blocked may "
			"federate when DNS and their certificate agree; they "
			"are watched and limited.",
	},
	{
		.component = "access-edge",
		.name = "discovered_partner_verification_level",
		.kind = SETTING_CHOICE,
		.unit = "",
		.fallback = "\"source\"",
		.choices = LEVELS,
		.original = "DiscoveredPartnerVerificationLevel",
		.help = "Whether senders of discovered partners count as "
			"verified.",
	},
	{
		.component = "access-edge",
		.name = "use_default_routing",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "false",
		.original = "UseDefaultRouting",
		.help = "Everything for and from other organisations goes "
			"through default_route_fqdn; no DNS SRV, no "
			"providers.",
	},
	{
		.component = "access-edge",
		.name = "default_route_fqdn",
		.kind = SETTING_NAME,
		.unit = "",
		.fallback = "\"\"",
		.original = "DefaultRouteFqdn",
		.help = "The server of use_default_routing.",
	},
	{
		.component = "access-edge",
		.name = "is_public_provider",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "false",
		.original = "IsPublicProvider",
		.help = "The default route leads to a public provider.",
	},
	{
		.component = "access-edge",
		.name = "verification_level",
		.kind = SETTING_CHOICE,
		.unit = "",
		.fallback = "\"source\"",
		.choices = LEVELS,
		.original = "VerificationLevel",
		.help = "Whether senders behind the default route count as "
			"verified.",
	},
	{
		.component = "access-edge",
		.name = "mark_source_verifiable_on_outgoing_messages",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "true",
		.original = "MarkSourceVerifiableOnOutgoingMessages",
		.help = "Partners are told that our senders are verified; "
			"false marks all unverified.",
	},
	{
		.component = "access-edge",
		.name = "outgoing_tls_count_for_federated_partners",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "4",
		.min = 1,
		.max = 4,
		.original = "OutgoingTlsCountForFederatedPartners",
		.help = "Connections to one partner; a dialog stays on one.",
	},
	{
		.component = "access-edge",
		.name = "discovered_partner_standard_rate",
		.kind = SETTING_NUMBER,
		.unit = "1/s",
		.fallback = "20",
		.min = 1,
		.max = 100000,
		.original = "DiscoveredPartnerStandardRate",
		.help = "Messages a second taken from one discovered partner.",
	},
	{
		.component = "access-edge",
		.name = "discovered_partner_report_period_minutes",
		.kind = SETTING_NUMBER,
		.unit = "min",
		.fallback = "60",
		.min = 1,
		.max = 10080,
		.original = "DiscoveredPartnerReportPeriodMinutes",
		.help = "How often the log reports discovered partners.",
	},
	{
		.component = "access-edge",
		.name = "enable_discovered_partner_contacts_limit",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "true",
		.original = "EnableDiscoveredPartnerContactsLimit",
		.help = "max_contacts_per_discovered_partner counts.",
	},
	{
		.component = "access-edge",
		.name = "max_contacts_per_discovered_partner",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "1000",
		.min = 1,
		.max = 10000,
		.original = "MaxContactsPerDiscoveredPartner",
		.help = "Local addresses that one discovered partner may "
			"write to in a day, whether they exist or not.",
	},
	{
		.component = "access-edge",
		.name = "max_accepted_certificates_stored",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "1000",
		.min = 1,
		.max = 100000,
		.original = "MaxAcceptedCertificatesStored",
		.help = "Partners' certificates on the watch list.",
	},
	{
		.component = "access-edge",
		.name = "max_rejected_certificates_stored",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "500",
		.min = 1,
		.max = 100000,
		.original = "MaxRejectedCertificatesStored",
		.help = "Refused certificates on the watch list.",
	},
	{
		.component = "access-edge",
		.name = "certificates_deleted_percentage",
		.kind = SETTING_NUMBER,
		.unit = "%",
		.fallback = "20",
		.min = 1,
		.max = 100,
		.original = "CertificatesDeletedPercentage",
		.help = "Share of a full watch list that goes, those heard "
			"of least lately first.",
	},
	{
		.component = "access-edge",
		.name = "dns_srv_cache_record_count",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "1000",
		.min = 1,
		.max = 100000,
		.original = "DnsSrvCacheRecordCount",
		.help = "Domains whose SRV answer is remembered.",
	},
	{
		.component = "access-edge",
		.name = "federation_methods",
		.kind = SETTING_TOKENS,
		.unit = "",
		.fallback = "[\"INVITE\",\"ACK\",\"CANCEL\",\"BYE\",\"PRACK\","
			    "\"UPDATE\",\"INFO\",\"REFER\",\"NOTIFY\","
			    "\"BENOTIFY\",\"SUBSCRIBE\",\"MESSAGE\","
			    "\"OPTIONS\",\"SERVICE\"]",
		.max = 32,
		.help = "Methods let through between us and partners.",
	},
	{
		.component = "access-edge",
		.name = "max_connections_per_partner",
		.kind = SETTING_NUMBER,
		.unit = "",
		.fallback = "8",
		.min = 1,
		.max = 1000000,
		.restart = true,
		.help = "Open connections of one address to a port for "
			"partners only.",
	},
	{
		.component = "access-edge",
		.name = "allow_targets",
		.kind = SETTING_PREFIXES,
		.unit = "",
		.fallback = "[]",
		.max = 256,
		.help = "Addresses that names of partners may lead to although "
			"they are special, inside or our own; empty in "
			"production.",
	},
	{
		.component = "access-edge",
		.name = "allow_wildcard_federation",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "false",
		.help = "A partner's certificate may name *.example.org "
			"instead of its edge.",
	},
	{
		.component = "access-edge",
		.name = "rfc3263_fallback",
		.kind = SETTING_BOOL,
		.unit = "",
		.fallback = "false",
		.help = "A domain without _sipfederationtls is looked up by "
			"_sips._tcp and its own address; its certificate "
			"must name the domain.",
	},
};
