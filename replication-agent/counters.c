/* The counter table of replication-agent; docs/ops/counters.md and /metrics
 * read these rows. */
#include "replication-agent/counters.h"

#define CUT(cause)                                                \
	{"connections_cut", "cause=\"" cause "\"", COUNTER_TOTAL, \
		"", "Connections that were cut"}
#define REQUEST(kind)                                             \
	{"requests", "kind=\"" kind "\"", COUNTER_TOTAL, "",      \
		"Requests on 4443"}

const struct counter_def AGENT_COUNTERS[COUNT_END] = {
	[COUNT_CONNECTIONS] = {"connections", NULL, COUNTER_TOTAL, "",
		"Connections accepted on 4443"},
	[COUNT_OPEN] = {"connections_open", NULL, COUNTER_GAUGE, "",
		"Connections on 4443 now"},
	[COUNT_CUT_HANDSHAKE] = CUT("handshake"),
	[COUNT_CUT_HEADER] = CUT("header"),
	[COUNT_CUT_BODY] = CUT("body"),
	[COUNT_CUT_NO_RIGHT] = CUT("no_right"),
	[COUNT_CUT_CROWDED] = CUT("crowded"),
	[COUNT_CUT_FLOODED] = CUT("flooded"),
	[COUNT_NO_RIGHT] = {"requests_without_right", NULL, COUNTER_TOTAL, "",
		"Requests of certificates without the right replication"},
	[COUNT_REQUEST_STATUS] = REQUEST("status"),
	[COUNT_REQUEST_BUNDLE] = REQUEST("bundle"),
	[COUNT_REQUEST_ACTIVATE] = REQUEST("activate"),
	[COUNT_REQUEST_ABORT] = REQUEST("abort"),
	[COUNT_REQUEST_HEAD] = REQUEST("head"),
	[COUNT_REQUEST_EVENTS] = REQUEST("events"),
	[COUNT_REQUEST_BAD] = REQUEST("bad"),
	[COUNT_BUSY] = {"uploads_deferred", NULL, COUNTER_TOTAL, "",
		"Uploads answered 503 because one was being worked on"},
	[COUNT_STAGED] = {"bundles_staged", NULL, COUNTER_TOTAL, "",
		"Bundles that became a staged generation"},
	[COUNT_KNOWN] = {"bundles_known", NULL, COUNTER_TOTAL, "",
		"Bundles that were here already"},
	[COUNT_REFUSED] = {"orders_refused", NULL, COUNTER_TOTAL, "",
		"Bundles, heads and orders that were refused"},
	[COUNT_ACTIVATED] = {"generations_activated", NULL, COUNTER_TOTAL, "",
		"Generations that became current by us"},
	[COUNT_REVERTED] = {"generations_reverted", NULL, COUNTER_TOTAL, "",
		"Generations that were taken back"},
	[COUNT_PULLS] = {"pulls", NULL, COUNTER_TOTAL, "",
		"Times the bases of pull_from were asked"},
	[COUNT_PULLS_FAILED] = {"pulls_failed", NULL, COUNTER_TOTAL, "",
		"Of these, times that nothing usable came"},
	[COUNT_PINNED] = {"pinned", NULL, COUNTER_GAUGE, "",
		"1 while this host is pinned"},
	[COUNT_STALE] = {"stale", NULL, COUNTER_GAUGE, "",
		"1 while the newest head is expired"},
	[COUNT_BEHIND_S] = {"behind_seconds", NULL, COUNTER_GAUGE, "s",
		"How long the publisher has had something newer"},
};
