/* The table of ports, and the names of its closed sets. No database. */
#include "common/store/topology_port.h"

#include <string.h>

static const char EDGE_ROLE[] = "EdgeServer";

static const struct topology_port PORTS[] = {
	{
		.usage = TOPOLOGY_SIP_CLIENT,
		.side = TOPOLOGY_EXTERNAL,
		.part = TOPOLOGY_PART_ACCESS,
		.key = "port",
		.port = 443,
		.role = EDGE_ROLE,
		.component = "AccessEdge",
		.usage_name = "SipClient",
		.transport = "tls",
		.admin_name = "AccessEdgeClientSipPort",
	},
	{
		.usage = TOPOLOGY_SIP_FEDERATION,
		.side = TOPOLOGY_EXTERNAL,
		.part = TOPOLOGY_PART_ACCESS,
		.key = "federation_port",
		.port = 5061,
		.role = EDGE_ROLE,
		.component = "AccessEdge",
		.usage_name = "SipServer",
		.transport = "mtls",
		.admin_name = "AccessEdgeExternalSipPort",
	},
	{
		.usage = TOPOLOGY_SIP_INTERNAL,
		.side = TOPOLOGY_INTERNAL,
		.part = TOPOLOGY_PART_ACCESS,
		.key = "sip",
		.port = 5061,
		.role = EDGE_ROLE,
		.component = "AccessEdge",
		.usage_name = "SipServer",
		.transport = "mtls",
		.needs_grant = true,
		.grant = TOPOLOGY_GRANT_SIP,
		.admin_name = "AccessEdgeInternalSipPort",
	},
	{
		.usage = TOPOLOGY_WEBCONF_CLIENT,
		.side = TOPOLOGY_EXTERNAL,
		.part = TOPOLOGY_PART_WEBCONF,
		.key = "port",
		.port = 443,
		.role = EDGE_ROLE,
		.component = "DataEdge",
		.usage_name = "PsomClient",
		.transport = "tls",
		.admin_name = "DataPsomClientPort",
	},
	{
		.usage = TOPOLOGY_WEBCONF_SERVER,
		.side = TOPOLOGY_INTERNAL,
		.part = TOPOLOGY_PART_WEBCONF,
		.key = "webconf",
		.port = 8057,
		.role = EDGE_ROLE,
		.component = "DataEdge",
		.usage_name = "PsomServer",
		.transport = "mtls",
		.needs_grant = true,
		.grant = TOPOLOGY_GRANT_WEBCONF,
		.admin_name = "DataPsomServerPort",
	},
	{
		.usage = TOPOLOGY_AUTH,
		.side = TOPOLOGY_INTERNAL,
		.part = TOPOLOGY_PART_AV,
		.key = "av_auth",
		.port = 5062,
		.role = EDGE_ROLE,
		.component = "MediaRelayAuthenticationEdge",
		.usage_name = "SipServer",
		.transport = "mtls",
		.authorizes = true,
		.gruu_type = "MRAS",
		.needs_grant = true,
		.grant = TOPOLOGY_GRANT_AV_AUTH,
		.admin_name = "MediaRelayAuthEdgePort",
	},
	{
		.usage = TOPOLOGY_TURN_TCP,
		.side = TOPOLOGY_EXTERNAL,
		.part = TOPOLOGY_PART_AV,
		.key = "tcp_port",
		.port = 443,
		.role = EDGE_ROLE,
		.component = "MediaRelayEdge",
		.usage_name = "TURNServer",
		.transport = "tcp",
		.admin_name = "MediaRelayExternalTurnTcpPort",
	},
	{
		.usage = TOPOLOGY_TURN_UDP,
		.side = TOPOLOGY_EXTERNAL,
		.part = TOPOLOGY_PART_AV,
		.key = "udp_port",
		.port = 3478,
		.role = EDGE_ROLE,
		.component = "MediaRelayEdge",
		.usage_name = "TURNServer",
		.transport = "udp",
		.admin_name = "MediaRelayExternalTurnUdpPort",
	},
	{
		.usage = TOPOLOGY_TURN_TCP,
		.side = TOPOLOGY_INTERNAL,
		.part = TOPOLOGY_PART_AV,
		.key = "turn_tcp",
		.port = 443,
		.role = EDGE_ROLE,
		.component = "MediaRelayEdge",
		.usage_name = "TURNServer",
		.transport = "tcp",
		.admin_name = "MediaRelayInternalTurnTcpPort",
	},
	{
		.usage = TOPOLOGY_TURN_UDP,
		.side = TOPOLOGY_INTERNAL,
		.part = TOPOLOGY_PART_AV,
		.key = "turn_udp",
		.port = 3478,
		.role = EDGE_ROLE,
		.component = "MediaRelayEdge",
		.usage_name = "TURNServer",
		.transport = "udp",
		.admin_name = "MediaRelayInternalTurnUdpPort",
	},
	{
		.usage = TOPOLOGY_REPLICATION,
		.side = TOPOLOGY_INTERNAL,
		.part = TOPOLOGY_PART_ALWAYS,
		.key = "replication",
		.port = 4443,
		.role = "ManagementServices",
		.component = "ReplicationService",
		.usage_name = "Replication",
		.transport = "https",
		/* Nobody may be normal: a host without a publisher is its
		 * own. */
		.grant = TOPOLOGY_GRANT_REPLICATION,
		.admin_name = "ReplicationPort",
	},
};

static const char *const PART_NAMES[TOPOLOGY_PART_COUNT] = {
	[TOPOLOGY_PART_ACCESS] = "access",
	[TOPOLOGY_PART_WEBCONF] = "webconf",
	[TOPOLOGY_PART_AV] = "av",
};

static const char *const GRANT_NAMES[] = {
	[TOPOLOGY_GRANT_SIP] = "sip",
	[TOPOLOGY_GRANT_AV_AUTH] = "av-auth",
	[TOPOLOGY_GRANT_WEBCONF] = "webconf",
	[TOPOLOGY_GRANT_REPLICATION] = "replication",
};

size_t topology_port_count(void)
{
	return ARRAY_COUNT(PORTS);
}

const struct topology_port *topology_port_at(size_t i)
{
	return &PORTS[i];
}

const struct topology_port *topology_port_find(const char *component,
	const char *usage, const char *side, const char *transport)
{
	for (size_t i = 0; i < ARRAY_COUNT(PORTS); i++) {
		const struct topology_port *p = &PORTS[i];

		if (strcmp(p->component, component) == 0 &&
			strcmp(p->usage_name, usage) == 0 &&
			strcmp(p->transport, transport) == 0 &&
			strcmp(topology_side_name(p->side), side) == 0)
			return p;
	}
	return NULL;
}

const char *topology_part_name(enum topology_part part)
{
	return PART_NAMES[part];
}

const char *topology_grant_name(enum topology_grant grant)
{
	return GRANT_NAMES[grant];
}

bool topology_grant_parse(const char *name, enum topology_grant *out)
{
	for (size_t i = 0; i < ARRAY_COUNT(GRANT_NAMES); i++) {
		if (strcmp(GRANT_NAMES[i], name) != 0)
			continue;
		*out = (enum topology_grant)i;
		return true;
	}
	return false;
}
