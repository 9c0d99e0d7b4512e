/* All state of the daemon, and the functions of its table in main.c. */
#ifndef AV_EDGE_AV_EDGE_H
#define AV_EDGE_AV_EDGE_H

#include <stdbool.h>

#include "common/base/list.h"
#include "common/bus/bus_route.h"
#include "common/daemon/daemon.h"
#include "av-edge/heap.h"
#include "av-edge/pool_key.h"
#include "av-edge/relay.h"
#include "av-edge/rest_secrets.h"

struct av_edge {
	struct daemon *daemon;     /* borrowed */
	struct topology *topology; /* reference: in force */
	struct relay *relay;       /* owned */
	struct tls_watch *tls;     /* borrowed; NULL: no TLS on TCP ports */
	struct pool_key key;
	struct rest_secrets secrets;
	int host_fd; /* owned: addresses and routes changed */
	struct loop_fd *host_watch;
	struct loop_timer *host_timer; /* gathers what comes in a bunch */
	struct loop_timer *key_timer;
	struct loop_timer *audit_timer; /* of the port pools, R4 */
	struct heap heap;
	struct loop_timer *heap_timer;
	struct list questions; /* of the bus, under way to the shards */
	bool is_draining;
};

int av_edge_start(struct daemon *d, void **state, struct why *why);
int av_edge_ready(void *state, struct why *why);
int av_edge_check(void *state, const struct topology *next, struct why *why);
int av_edge_apply(void *state, struct topology *next, struct why *why);
size_t av_edge_ports(void *state, struct daemon_port *out, size_t cap);
void av_edge_certs(void *state);
void av_edge_status(void *state, json_t *status);
void av_edge_counted(void *state);
void av_edge_drain(void *state, bool on);
void av_edge_expire(void *state);
size_t av_edge_busy(void *state);
void av_edge_stop(void *state);

/* Own nouns on the control bus (ctl.c). */
#define AV_EDGE_ROUTE_COUNT 3
extern const struct bus_route av_edge_routes[AV_EDGE_ROUTE_COUNT];
/* Port pools as JSON: [{address, public, first, range, free ...}]. */
json_t *av_edge_media_json(const struct av_edge *e);

#endif
