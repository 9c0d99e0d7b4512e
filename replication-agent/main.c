/* Replication agent: takes signed topologies from the publisher. */
#include "replication-agent/agent.h"

static const struct daemon_spec replication_agent_spec = {
	.id = CONF_REPLICATION_AGENT,
	.summary = "takes signed topologies and brings them into force",
	.counters = AGENT_COUNTERS,
	.counter_count = COUNT_END,
	.routes = AGENT_ROUTES,
	.route_count = AGENT_ROUTE_COUNT,
	.needs = SANDBOX_KEEPS_FILES | SANDBOX_DIALS | SANDBOX_REPLICATES |
		SANDBOX_WORKS,
	.writes_topology = true,
	.prepare = agent_prepare,
	.start = agent_start,
	.ready = agent_ready,
	.check = agent_check,
	.apply = agent_apply,
	.ports = agent_ports,
	.status = agent_status,
	.counted = agent_counted,
	.drain = agent_drain,
	.busy = agent_busy,
	.stop = agent_stop,
};

int main(int argc, char **argv)
{
	return daemon_run(&replication_agent_spec, argc, argv);
}
