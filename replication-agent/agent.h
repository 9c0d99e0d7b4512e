/* The agent as a whole: everything hangs on this struct (main.c). */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/list.h"
#include "common/daemon/daemon.h"
#include "replication-agent/counters.h"
#include "replication-agent/https.h"
#include "replication-agent/keeper.h"
#include "common/run/worker.h"

struct puller;

struct agent {
	struct daemon *daemon;
	struct loop *loop;
	struct counters *counters;
	const struct conf *conf;
	struct topology *topology; /* a reference */
	bool is_bare;              /* there is no generation */
	struct tls_watch *tls;     /* borrowed */
	struct keeper keeper;      /* the worker's, but for its views */
	struct worker *worker;
	struct https *https;
	struct puller *puller;
	struct loop_timer *tick;
	struct list waiters;  /* long polls */
	bool is_uploading;    /* one at a time */
	bool is_looking;
	unsigned ticks;
	bool is_draining;
};

/* ---- life, for the table in main.c ---- */
int agent_prepare(const struct conf *conf, struct why *why);
int agent_start(struct daemon *d, void **state, struct why *why);
int agent_ready(void *state, struct why *why);
int agent_check(void *state, const struct topology *next, struct why *why);
int agent_apply(void *state, struct topology *next, struct why *why);
size_t agent_ports(void *state, struct daemon_port *out, size_t cap);
void agent_status(void *state, json_t *status);
void agent_counted(void *state);
void agent_drain(void *state, bool on);
size_t agent_busy(void *state);
void agent_stop(void *state);

#define AGENT_ROUTE_COUNT 3u
extern const struct bus_route AGENT_ROUTES[AGENT_ROUTE_COUNT];

/* ---- parts ---- */

/* api.c: requests on 4443. */
struct evhttp_request;
void api_request(struct evhttp_request *ev, SSL *ssl, void *agent);
bool api_has_right(SSL *ssl, void *agent);
/* Something may have happened: answer long polls that are due. */
void api_poke(struct agent *a);
void api_stop(struct agent *a);
/* Count what became of an order. */
void api_count(struct agent *a, const struct keeper_result *result,
	bool is_stage);

/* report.c: what status shows, on 4443 and on the bus; the caller's. */
json_t *report_json(struct agent *a);

/* pull.c */
EDGE_MUST int puller_new(struct puller **out, struct agent *a,
	struct why *why);
void puller_free(struct puller *p); /* accepts NULL */
/* The settings may have changed. */
void puller_follow(struct puller *p);

#endif
