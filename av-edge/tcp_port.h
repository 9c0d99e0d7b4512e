/*
 * A TCP port for clients: its listener, on the loop of the first shard, and
 * how connections get from there to the shards, one after the other. One
 * listener a port, not one a shard: limits per source count once.
 */
#ifndef AV_EDGE_TCP_PORT_H
#define AV_EDGE_TCP_PORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/net/listener.h"
#include "common/store/topology.h"

#define TCP_PORT_MAX 16

struct shard;

struct tcp_port_spec {
	struct addr address;
	enum topology_side side;
	bool bind_device;
	unsigned max_open; /* connections; 0 = no limit, as all three */
	unsigned max_per_source;
	unsigned new_per_s_per_source;
};

/* A place in a table: taken by the main thread, given back by the first
 * shard when nobody uses it any more. */
struct tcp_port {
	atomic_bool is_taken;
	atomic_bool is_closing; /* takes no new allocations */
	struct listener *listener;   /* owned; of the first shard's thread */
	struct shard *const *shards; /* borrowed */
	unsigned shard_count;
	unsigned next;   /* shard that gets the next connection */
	struct addr address;
	uint8_t number;  /* as allocations name it: ALLOC_TCP or more */
	enum topology_side side;
};

struct tcp_port_table {
	struct tcp_port at[TCP_PORT_MAX];
};

/* Bind, without listening yet. Main thread. -ENOSPC, or as listener_new. */
EDGE_MUST int tcp_port_open(struct tcp_port **out, struct tcp_port_table *t,
	const struct tcp_port_spec *spec, struct shard *const *shards,
	unsigned shard_count, struct why *why);
/* Those of the first shard's thread, or before it starts: accept; accept no
 * more (connections live on); one of them is over. */
EDGE_MUST int tcp_port_start(struct tcp_port *p);
void tcp_port_close(struct tcp_port *p);
void tcp_port_gone(struct tcp_port *p, const struct addr *client);
/* No thread runs any more. */
void tcp_port_table_stop(struct tcp_port_table *t);
void tcp_port_table_fini(struct tcp_port_table *t);

#endif
