/* The media relay: TURN for clients on both sides. */
#include "av-edge/av_edge.h"
#include "av-edge/counters.h"

static const struct daemon_spec av_edge_spec = {
	.id = CONF_AV_EDGE,
	.summary = "relays media between the sides (TURN)",
	.counters = av_counters,
	.counter_count = AV_COUNTER_COUNT,
	.routes = av_edge_routes,
	.route_count = AV_EDGE_ROUTE_COUNT,
	.may_bind_low = true,
	.needs = SANDBOX_RELAYS | SANDBOX_WORKS,
	.start = av_edge_start,
	.ready = av_edge_ready,
	.check = av_edge_check,
	.apply = av_edge_apply,
	.certs = av_edge_certs,
	.ports = av_edge_ports,
	.status = av_edge_status,
	.counted = av_edge_counted,
	.drain = av_edge_drain,
	.expire = av_edge_expire,
	.busy = av_edge_busy,
	.stop = av_edge_stop,
};

int main(int argc, char **argv)
{
	return daemon_run(&av_edge_spec, argc, argv);
}
