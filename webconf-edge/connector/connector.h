/* All state of the connector. */
#ifndef WEBCONF_CONNECTOR_CONNECTOR_H
#define WEBCONF_CONNECTOR_CONNECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/counter.h"
#include "common/base/list.h"
#include "common/bus/bus_route.h"
#include "common/bus/bus_server.h"
#include "common/net/resolve.h"
#include "common/net/tls.h"
#include "common/run/loop.h"
#include "common/run/sandbox.h"
#include "webconf-edge/connector/connector_conf.h"
#include "webconf-edge/connector/mint.h"

struct upstream;

struct connector {
	struct connector_conf *conf; /* owned, as the rest */
	struct loop *loop;
	struct resolver *resolver;
	struct tls_watch *tls_edge;
	struct tls_watch *tls_target; /* NULL = plain */
	struct bus_server *bus;
	void *bus_states[1]; /* borrowed by bus */
	struct counters counters;
	struct sandbox_state sandbox;
	struct mint mint;
	struct upstream *upstreams[CONNECTOR_EDGES_MAX];
	struct addr target; /* last known; unset = not yet */
	struct resolve_query *target_query;
	struct loop_timer *tick;        /* each second */
	struct loop_timer *drain_timer;
	struct loop_timer *watchdog;
	struct loop_signal *term;
	struct loop_signal *interrupt;
	struct loop_signal *hup;
	uint64_t epoch; /* when we started, ms */
	uint64_t last_id;
	struct list sessions;
	size_t session_count;
	struct mono drain_deadline;
	struct mono started;
	bool is_draining;
	bool is_stopping;
};

/* What can be seen of a configuration before it is used: user, group and
 * folders, certificates. connector_stop() afterwards, as after a start. */
EDGE_MUST int connector_check(struct connector *c, struct why *why);
/* Everything up to the first connection. */
EDGE_MUST int connector_start(struct connector *c, struct why *why);
/* Turns the loop until a signal ends it. */
void connector_run(struct connector *c);
void connector_stop(struct connector *c);

/* No new clients; with is_stopping the end of the process when the last one
 * is gone or the time is over. */
void connector_drain(struct connector *c, uint32_t grace_s, bool is_stopping);
void connector_resume(struct connector *c);

extern const struct counter_def CONNECTOR_COUNTERS[];
enum connector_counter {
	CONNECTOR_TICKETS,
	CONNECTOR_SESSIONS,
	CONNECTOR_SESSIONS_OPEN,
	CONNECTOR_REJECTED_TICKET,
	CONNECTOR_REJECTED_TARGET,
	CONNECTOR_REJECTED_FULL,
	CONNECTOR_EDGES_CONNECTED,
	CONNECTOR_SLOTS_READY,
	CONNECTOR_BYTES_IN,
	CONNECTOR_BYTES_OUT,
	CONNECTOR_COUNT_END,
};

/* Control bus (ctl.c). */
#define CONNECTOR_ROUTE_COUNT 6
extern const struct bus_route CONNECTOR_ROUTES[CONNECTOR_ROUTE_COUNT];

#endif
