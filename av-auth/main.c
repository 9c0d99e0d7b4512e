/* A/V authentication: relay credentials for inside servers. */
#include "av-auth/av_auth.h"
#include "av-auth/counters.h"

static const struct daemon_spec av_auth_spec = {
	.id = CONF_AV_AUTH,
	.summary = "hands relay credentials to inside servers",
	.counters = AV_AUTH_COUNTERS,
	.counter_count = COUNT_END,
	.routes = AV_AUTH_ROUTES,
	.route_count = AV_AUTH_ROUTE_COUNT,
	.needs = SANDBOX_KEEPS_FILES,
	.start = av_auth_start,
	.ready = av_auth_ready,
	.check = av_auth_check,
	.apply = av_auth_apply,
	.certs = av_auth_certs,
	.ports = av_auth_ports,
	.status = av_auth_status,
	.counted = av_auth_counted,
	.drain = av_auth_drain,
	.busy = av_auth_busy,
	.stop = av_auth_stop,
};

int main(int argc, char **argv)
{
	return daemon_run(&av_auth_spec, argc, argv);
}
