/*
 * The relay as a whole: its shards, what they share, and the ports it
 * listens on. Knows rules but no topology, so that tests can run one in
 * their own process.
 */
#ifndef AV_EDGE_RELAY_H
#define AV_EDGE_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/store/topology.h"
#include "av-edge/rules.h"
#include "av-edge/shard.h"
#include "av-edge/tcp_port.h"

#define RELAY_PORT_MAX SHARD_LISTENERS

struct relay_port {
	struct tcp_port *tcp; /* NULL = UDP */
	struct addr address;
	enum topology_side side;
	char device[16]; /* "" = not bound to one */
};

struct relay {
	struct turn_shared shared;
	struct rules *rules; /* reference: in force */
	struct shard *shards[SHARD_MAX]; /* owned */
	unsigned shard_count;
	struct relay_port ports[RELAY_PORT_MAX];
	size_t port_count;
	struct tcp_port_table tcp_ports;
	bool is_running;
};

/* workers 0 = one for each CPU this process may use. */
EDGE_MUST int relay_new(struct relay **out, struct rules *rules,
	unsigned workers);
/* Stops, ends all allocations. Accepts NULL. */
void relay_free(struct relay *r);
EDGE_MUST int relay_start(struct relay *r);
void relay_stop(struct relay *r);

/* Listen on this address, one socket a shard, bound to its device or not.
 * Nothing is open when it fails. Works before and after the start. */
EDGE_MUST int relay_open_port(struct relay *r, const struct addr *address,
	enum topology_side side, bool bind_device, struct why *why);
/* New allocations end at once, the port with its last allocation. */
void relay_close_port(struct relay *r, const struct addr *address);
const struct relay_port *relay_find_port(const struct relay *r,
	const struct addr *address);
/* The same three for TCP. Connections outlive their port. */
EDGE_MUST int relay_open_tcp(struct relay *r,
	const struct tcp_port_spec *spec, struct why *why);
void relay_close_tcp(struct relay *r, const struct addr *address);
const struct relay_port *relay_find_tcp(const struct relay *r,
	const struct addr *address);

/* From now on, in all shards, as soon as each gets to it. Takes the
 * reference; on failure the old ones stay. */
EDGE_MUST int relay_set_rules(struct relay *r, struct rules *rules);

/* End all allocations; each shard as soon as it gets to it. */
void relay_expire(struct relay *r);

/* Sum of one counter over the shards. */
uint64_t relay_counter(const struct relay *r, enum av_counter id);
/* Alive now, both sides. */
uint64_t relay_allocations(const struct relay *r);

#endif
