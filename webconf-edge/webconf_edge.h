/* All state of the daemon, and the functions of its table in main.c. */
#ifndef WEBCONF_EDGE_WEBCONF_EDGE_H
#define WEBCONF_EDGE_WEBCONF_EDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/counter.h"
#include "common/base/list.h"
#include "common/bus/bus_route.h"
#include "common/daemon/daemon.h"
#include "common/net/limit.h"
#include "common/wce/ticket_set.h"
#include "webconf-edge/limits.h"
#include "webconf-edge/penalty.h"
#include "webconf-edge/port.h"
#include "webconf-edge/server.h"

#define ALTERNATES_LEN 1024

struct webconf_edge {
	struct daemon *daemon; /* borrowed, as the next five */
	struct loop *loop;
	struct counters *counters;
	struct tls_watch *tls_outside;
	struct tls_watch *tls_server; /* inside, by role of ours */
	struct tls_watch *tls_client;
	struct topology *topology; /* a reference */
	struct limits limits;
	struct ports ports;
	struct servers servers;
	struct penalty *penalty;      /* owned */
	struct ticket_set *used;      /* owned */
	struct bucket new_connections;
	struct list fronts; /* struct front */
	struct list links;  /* struct link */
	struct list fresh;  /* those of them that were not admitted yet */
	struct list pairs;  /* struct pair */
	size_t pair_count;
	size_t relay_count;
	uint64_t descriptors_max;
	size_t relays_cap; /* what descriptors allow, 0 = max_relays */
	uint64_t last_id; /* of connections, for the log */
	uint8_t id[WCE_ID_LEN];
	char audience[256]; /* our name outside, lower case */
	uint16_t public_port;
	char alternates[ALTERNATES_LEN]; /* "a.test:443,b.test:443" */
	struct loop_timer *tick; /* owned, each second */
	uint64_t ticks;
	int statm_fd; /* owned, -1 = none */
	uint64_t used_bytes;
	uint64_t memory_bytes; /* of which 80 % may be used */
	bool is_draining;
};

int webconf_edge_start(struct daemon *d, void **state, struct why *why);
int webconf_edge_ready(void *state, struct why *why);
int webconf_edge_check(void *state, const struct topology *next,
	struct why *why);
int webconf_edge_apply(void *state, struct topology *next, struct why *why);
size_t webconf_edge_ports(void *state, struct daemon_port *out, size_t cap);
void webconf_edge_status(void *state, json_t *status);
void webconf_edge_counted(void *state);
void webconf_edge_drain(void *state, bool on);
void webconf_edge_expire(void *state);
size_t webconf_edge_busy(void *state);
void webconf_edge_stop(void *state);

/* May one more client be paired? 80 % of the memory, the count of relays. */
bool webconf_edge_has_room(const struct webconf_edge *e);

/* Own nouns on the control bus (ctl.c). */
#define WEBCONF_EDGE_ROUTE_COUNT 3
extern const struct bus_route WEBCONF_EDGE_ROUTES[WEBCONF_EDGE_ROUTE_COUNT];

#endif
