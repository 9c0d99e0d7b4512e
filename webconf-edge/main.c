/* Web conferencing edge: joins clients outside to servers that dial in. */
#include "common/wce/wce_frame.h"
#include "webconf-edge/counters.h"
#include "webconf-edge/webconf_edge.h"

static const struct daemon_spec webconf_edge_spec = {
	.id = CONF_WEBCONF_EDGE,
	.summary = "relays clients with tickets to conferencing servers",
	.counters = WEBCONF_EDGE_COUNTERS,
	.counter_count = COUNT_END,
	.routes = WEBCONF_EDGE_ROUTES,
	.route_count = WEBCONF_EDGE_ROUTE_COUNT,
	.may_bind_low = true,
	.alpn = WCE_ALPN,
	.start = webconf_edge_start,
	.ready = webconf_edge_ready,
	.check = webconf_edge_check,
	.apply = webconf_edge_apply,
	.ports = webconf_edge_ports,
	.status = webconf_edge_status,
	.counted = webconf_edge_counted,
	.drain = webconf_edge_drain,
	.expire = webconf_edge_expire,
	.busy = webconf_edge_busy,
	.stop = webconf_edge_stop,
};

int main(int argc, char **argv)
{
	return daemon_run(&webconf_edge_spec, argc, argv);
}
