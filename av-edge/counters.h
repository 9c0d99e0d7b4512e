/*
 * What av-edge counts. Each shard has a block of its own that it alone
 * writes, so that counting a packet takes no lock and no locked
 * instruction; they are added up when somebody asks.
 */
#ifndef AV_EDGE_COUNTERS_H
#define AV_EDGE_COUNTERS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/counter.h"

enum av_counter {
	/* gauges of the whole daemon */
	AV_LIVE_INTERNAL,
	AV_LIVE_EXTERNAL,
	AV_USERS,
	AV_PORTS_FREE,
	AV_PORTS_USED,
	AV_KEYS,
	AV_CONN_INTERNAL,
	AV_CONN_EXTERNAL,
	/* allocations */
	AV_MADE_INTERNAL,
	AV_MADE_EXTERNAL,
	AV_ENDED_REFRESH, /* in the order of enum alloc_end */
	AV_ENDED_EXPIRED,
	AV_ENDED_TOO_OLD,
	AV_ENDED_CLOSED,
	AV_ENDED_STOPPED,
	AV_ENDED_CONNECTION,
	AV_ENDED_DRAINED,
	/* TCP connections: what they turned out to be, how they failed */
	AV_CONN_RFC,
	AV_CONN_TLS,
	AV_CONN_MS_TURN,
	AV_CONN_PSEUDO_TLS,
	AV_CONN_UNKNOWN,
	AV_CONN_NO_CERTIFICATE,
	AV_CONN_TLS_FAILED,
	AV_CONN_TOO_SLOW,
	AV_CONN_BROKEN,
	AV_CONN_MOVED, /* to the shard of the allocation it belongs to */
	/* TCP connections with peers, from and to TCP relay ports */
	AV_PEER_CONNS,
	AV_CONNECT_TRIED,
	AV_CONNECT_FAILED,
	AV_CONNECT_TOO_MANY, /* of the allocation */
	AV_CONNECT_TOO_FAST, /* of the user */
	AV_PEER_CONN_TAKEN,
	AV_PEER_CONN_REFUSED,
	AV_PEER_CONN_STALLED,
	AV_PEER_CONN_UNBOUND,
	AV_PEER_CONN_WITHDRAWN,
	/* control */
	AV_REQ_BINDING,
	AV_REQ_ALLOCATE,
	AV_REQ_REFRESH,
	AV_REQ_PERMISSION,
	AV_REQ_CHANNEL,
	AV_REQ_SEND,
	AV_REQ_CONNECT, /* RFC 6062 */
	AV_REQ_BIND,
	AV_REQ_MS_ALLOCATE, /* of the other dialect */
	AV_REQ_MS_SEND,
	AV_REQ_MS_DESTINATION,
	AV_REQ_OTHER,
	AV_AUTH_CHALLENGED, /* in the order of enum auth_cause, from 1 */
	AV_AUTH_INCOMPLETE,
	AV_AUTH_UNKNOWN_USER,
	AV_AUTH_FORGED,
	AV_AUTH_EXPIRED,
	AV_AUTH_TOO_LONG,
	AV_AUTH_REST_OFF,
	AV_AUTH_ALGORITHMS,
	AV_AUTH_WRONG_REALM,
	AV_AUTH_BAD_INTEGRITY,
	AV_AUTH_STALE_NONCE,
	AV_AUTH_FOREIGN_NONCE,
	AV_AUTH_WRONG_USER,
	AV_AUTH_NO_KEY,
	AV_BEGUN_TOO_FAST, /* allocations, by a user; they are 486, too */
	AV_REFUSED_MISMATCH, /* 437 */
	AV_REFUSED_QUOTA,    /* 486 */
	AV_REFUSED_CAPACITY, /* 508 */
	AV_REFUSED_OTHER,
	AV_PEER_SUITE, /* in the order of enum peer_verdict, from PEER_SUITE */
	AV_PEER_INSIDE,
	AV_PEER_LOCAL,
	AV_PEER_PRIVATE,
	AV_PEER_SPECIAL,
	AV_STRANGER_SILENCED,
	AV_STRANGER_TOO_LONG,
	/* data */
	AV_UP_PACKETS,
	AV_UP_BYTES,
	AV_DOWN_PACKETS,
	AV_DOWN_BYTES,
	AV_HAIRPIN_PACKETS,
	AV_HAIRPIN_BYTES,
	AV_DROP_NOT_STUN, /* front: nothing we speak */
	AV_DROP_STRAY,    /* right, but not from this client */
	AV_DROP_MULTIPLEXED, /* [MS-TURN] in a form we do not announce */
	AV_DROP_NO_ALLOCATION,
	AV_DROP_SEND,     /* the kernel did not take it */
	AV_DROP_SOCKET,   /* the listener's buffer was full */
	/* of an allocation too, in the order of enum alloc_drop */
	AV_DROP_SEQUENCE, /* [MS-TURN] number: a replay or a stranger's */
	AV_DROP_MALFORMED,
	AV_DROP_NO_CHANNEL,
	AV_DROP_NO_DESTINATION, /* bare data without an active destination */
	AV_DROP_NO_PERMISSION,
	AV_DROP_NO_RELAY, /* hairpin to a port nobody owns */
	AV_DROP_SPOOFED,  /* from the network, with our relay's address */
	AV_DROP_QUEUE,    /* between shards */
	AV_DROP_CLIENT,   /* over TCP, and it does not read */
	AV_DROP_BANDWIDTH, /* of its port or its user */
	AV_DROP_PEER,     /* over TCP: no connection with it */
	AV_ICMP_TOLD, /* errors of the network, to clients */
	AV_TURNS,
	AV_RESTS,
	AV_REST_US,
	AV_COUNTER_COUNT,
};

extern const struct counter_def av_counters[AV_COUNTER_COUNT];

struct av_stats {
	_Atomic uint64_t values[AV_COUNTER_COUNT];
};

/* The owning thread only. */
static inline void stats_add(struct av_stats *s, size_t id, uint64_t n)
{
	uint64_t v = atomic_load_explicit(&s->values[id],
		memory_order_relaxed);

	atomic_store_explicit(&s->values[id], v + n, memory_order_relaxed);
}

static inline uint64_t stats_get(struct av_stats *s, size_t id)
{
	return atomic_load_explicit(&s->values[id], memory_order_relaxed);
}

#endif
