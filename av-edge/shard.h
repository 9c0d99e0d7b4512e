/*
 * One worker thread with everything it needs to relay by itself: loop,
 * listening sockets, allocations, batches. Shards share nothing on the data
 * path but the table of port owners and the queues between them
 * (docs/decisions/0050-shards-and-flat-records.md).
 */
#ifndef AV_EDGE_SHARD_H
#define AV_EDGE_SHARD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/list.h"
#include "common/base/map.h"
#include "common/net/udp_batch.h"
#include "common/run/loop.h"
#include "common/store/topology.h"
#include "av-edge/handoff.h"
#include "av-edge/rest.h"
#include "av-edge/turn.h"
#include "av-edge/turn_rfc.h"

#define SHARD_MAX       64
#define SHARD_LISTENERS 16
#define SHARD_ANSWERS   64

struct relay_tcp;
struct shard;
struct tcp_conn;

/* One of the SO_REUSEPORT sockets of a port. Allocations name it by its
 * place in the array, so a place is free again only when nobody does. */
struct shard_listener {
	struct shard *shard;
	uint8_t number;
	int fd; /* owned, -1 = a free place */
	struct addr address;
	enum topology_side side;
	bool is_closing; /* gone from the topology: ends with its last user */
	bool no_segment;
	uint32_t users; /* allocations */
	uint64_t dropped; /* seen of what its buffer lost */
	struct loop_fd *watch; /* owned */
};

/* The relay socket of an allocation, by the allocation's number. */
struct shard_relay {
	struct shard *shard;
	uint32_t number;
	struct loop_fd *watch; /* owned */
	struct tcp_conn *conn; /* borrowed: of its client, NULL = UDP */
	struct relay_tcp *tcp; /* owned: it is a TCP port; NULL = UDP */
};

struct shard {
	struct turn turn;
	unsigned number;
	struct loop *loop; /* owned */
	pthread_t thread;
	bool is_running;
	struct shard_listener listeners[SHARD_LISTENERS];
	struct shard_relay **relays; /* owned, by number of allocation */
	uint32_t relay_cap;
	uint32_t tcp_relays; /* among them */
	struct list conns;   /* TCP connections of clients, owned */
	struct map unbound;  /* peers' connections that wait (RFC 6062) */
	struct list leaving; /* ended ones whose port is not told yet */
	struct tcp_conn *asking; /* whose message is handled, NULL = UDP */
	struct udp_rx *from_clients; /* owned, as all four */
	struct udp_rx *from_peers;
	struct udp_tx *to_clients;
	struct udp_tx *to_peers;
	uint8_t answers[SHARD_ANSWERS][TURN_ANSWER_MAX];
	unsigned answer_count;
	uint64_t indication; /* makes transaction ids of Data indications */
	uint32_t packets; /* of this turn */
	struct rest rest;
	struct loop_timer *tick; /* owned */
	/* The other shards, and the queue to this one from each of them. */
	struct shard *const *peers;
	unsigned peer_count;
	struct handoff *inbox[SHARD_MAX]; /* owned */
	uint8_t whole[UINT16_MAX]; /* a long datagram from one of them */
	atomic_bool inbox_waits;
	bool wakes[SHARD_MAX]; /* shards that got something this turn */
};

EDGE_MUST int shard_new(struct shard **out, unsigned number,
	struct turn_shared *shared, struct rules *rules);
/* Must not run. Closes its sockets. Accepts NULL. */
void shard_free(struct shard *s);
/* Tell each of the shards about all; before the first one starts. -ENOMEM */
EDGE_MUST int shard_introduce(struct shard *const *shards, unsigned count);

/* In the shard's thread, or before it starts. fd is taken. -ENOSPC. */
EDGE_MUST int shard_add_listener(struct shard *s, int fd,
	const struct addr *address, enum topology_side side);
/* It takes no new allocations, and closes at most a second after the last
 * one it has. */
void shard_close_listener(struct shard *s, const struct addr *address);

EDGE_MUST int shard_start(struct shard *s);
/* Ask it to end, and wait until it has. */
void shard_stop(struct shard *s);
/* It must not run: do the jobs that came too late for its thread. False:
 * there were none. */
bool shard_settle(struct shard *s);
/* Run this in the shard's thread, soon, in order. -ENOMEM. */
typedef void(shard_job)(struct shard *s, void *arg);
EDGE_MUST int shard_post(struct shard *s, shard_job *job, void *arg);
/* One turn of the loop, for tests that run a shard in their own thread. */
void shard_turn(struct shard *s, int max_wait_ms);

/* Send what has piled up; received slots are free after this. */
void shard_flush(struct shard *s);
/* The next place for an answer; flushes when there is none. */
uint8_t *shard_answer_room(struct shard *s);

#endif
