/*
 * What the control bus can ask of replication-agent: how replication stands,
 * what happened, and to let go of the pin.
 */
#include <stdlib.h>

#include "common/base/err.h"
#include "replication-agent/agent.h"

static void get_replication(struct bus_request *req, void *state)
{
	bus_reply(req, 200, report_json(state));
}

static void get_events(struct bus_request *req, void *state)
{
	const struct agent *a = state;

	bus_reply(req, 200, record_events(a->keeper.record, 0));
}

struct unpin {
	struct job job;
	struct agent *agent;
	struct bus_request *req;
	struct keeper_result result;
};

static void run_unpin(struct job *job)
{
	struct unpin *u = container_of(job, struct unpin, job);

	keeper_unpin(&u->agent->keeper, &u->result);
}

static void done_unpin(struct job *job)
{
	struct unpin *u = container_of(job, struct unpin, job);

	api_count(u->agent, &u->result, false);
	if (u->result.status >= 200 && u->result.status < 300)
		bus_reply(u->req, 200,
			json_pack("{s:b, s:s}", "pinned", 0, "activated",
				u->result.sha256));
	else
		bus_reply_error(u->req, 409, "EDGE_EREFUSED", "%s",
			u->result.status != 0 ? u->result.why.text :
						"going down");
	keeper_result_fini(&u->result);
	api_poke(u->agent);
	free(u);
}

static void post_unpin(struct bus_request *req, void *state)
{
	struct agent *a = state;
	struct unpin *u = calloc(1, sizeof(*u));

	if (u == NULL) {
		bus_reply_error(req, 503, "ENOMEM", "out of memory");
		return;
	}
	u->job.run = run_unpin;
	u->job.done = done_unpin;
	u->agent = a;
	u->req = req;
	worker_add(a->worker, &u->job);
}

const struct bus_route AGENT_ROUTES[AGENT_ROUTE_COUNT] = {
	{.method = "GET",
		.path = "/v1/replication",
		.right = BUS_READ,
		.help = "how replication stands, as on 4443",
		.handler = get_replication},
	{.method = "GET",
		.path = "/v1/history",
		.right = BUS_READ,
		.help = "what happened to bundles and generations here",
		.handler = get_events},
	{.method = "POST",
		.path = "/v1/unpin",
		.right = BUS_CHANGE,
		.help = "let go of the pin; what waited for it is activated",
		.handler = post_unpin},
};
