/*
 * Allocations of one shard (RFC 8656 section 3.2): the record, the table by
 * 5-tuple, the wheel of expiries. What an allocation owns elsewhere (relay
 * port, permissions, channels, quota) is given back by turn_end(), not here.
 */
#ifndef AV_EDGE_ALLOC_H
#define AV_EDGE_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/cred/av_cred.h"
#include "common/stun/stun_msg.h"
#include "av-edge/flat_index.h"
#include "av-edge/flat_pool.h"
#include "av-edge/quota.h"

#define ALLOC_MAX (1u << 24) /* per shard: numbers have 24 bits in an id */
#define ALLOC_RECORD_VERSION 2
#define ALLOC_KEY_MAX DIGEST_SHA256_LEN
/* Listeners from this number on are TCP ports: with it the transport is part
 * of the 5-tuple. */
#define ALLOC_TCP 0x80

enum alloc_end {
	ALLOC_END_REFRESH, /* the client asked for lifetime 0 */
	ALLOC_END_EXPIRED,
	ALLOC_END_TOO_OLD, /* absolute life reached */
	ALLOC_END_CLOSED,  /* by a person, over the bus */
	ALLOC_END_STOPPED, /* the daemon ends */
	ALLOC_END_CONNECTION, /* it was over TCP, which ended */
	ALLOC_END_DRAINED, /* the deadline of a drain was over */
	ALLOC_END_COUNT,
};

/* Whose client made it, and so how its data travels. */
enum alloc_dialect {
	ALLOC_RFC, /* RFC 8656 */
	ALLOC_MS,  /* [MS-TURN] */
	ALLOC_DIALECT_COUNT,
};

/* Why something of it was dropped. */
enum alloc_drop {
	ALLOC_DROP_SEQUENCE, /* a replayed or foreign number of [MS-TURN] */
	ALLOC_DROP_MALFORMED,
	ALLOC_DROP_NO_CHANNEL, /* none, or it is over */
	ALLOC_DROP_NO_DESTINATION,
	ALLOC_DROP_NO_PERMISSION,
	ALLOC_DROP_NO_RELAY, /* to a relay port of ours that nobody has */
	ALLOC_DROP_SPOOFED,
	ALLOC_DROP_QUEUE,    /* between shards */
	ALLOC_DROP_CLIENT,   /* a client over TCP that does not read */
	ALLOC_DROP_BANDWIDTH,
	ALLOC_DROP_PEER, /* over TCP: no connection with it */
	ALLOC_DROP_COUNT,
};

/* A plain record without pointers. The first 64 bytes are what the data
 * path reads; counters of traffic without a channel follow. */
struct alloc {
	_Alignas(64) uint64_t id; /* shard, number, serial */
	struct addr client;
	int32_t relay_fd;
	uint32_t first_hot; /* its channels, FLAT_NONE = none */
	uint16_t relay_port;
	uint8_t listener; /* of its shard */
	uint8_t family;   /* of the relayed address: 4 or 6 */
	bool no_segment;  /* its relay socket refused UDP_SEGMENT */
	uint8_t burst;    /* datagrams to ask the relay socket for next */
	uint8_t side;     /* enum topology_side of the listener */
	uint8_t dialect;  /* enum alloc_dialect */
	uint32_t lifetime_s; /* granted last */
	int64_t expires_ms;  /* mono */
	uint32_t credit[QUOTA_WAY_COUNT]; /* bytes drawn and not spent yet */

	uint64_t up_packets; /* client to peer */
	uint64_t up_bytes;
	uint64_t down_packets;
	uint64_t down_bytes;
	uint64_t drops;
	uint32_t dropped[ALLOC_DROP_COUNT]; /* the same by reason */
	int64_t spent_us[QUOTA_WAY_COUNT];  /* of its port's bandwidth */

	int64_t created_ms;
	int64_t deadline_ms; /* absolute: no refresh goes past it */
	uint32_t first_perm; /* its permissions, FLAT_NONE = none */
	uint32_t ms; /* its struct ms_state, FLAT_NONE = of the RFC */
	uint32_t twin; /* of the other family on this 5-tuple, FLAT_NONE */
	bool is_second; /* of such two; alloc_find() finds the other one */
	uint16_t perm_count;
	uint16_t hot_count;
	uint32_t wheel_next;
	uint32_t wheel_prev;
	uint32_t wheel_slot;
	struct addr relayed; /* as peers see it */
	uint8_t tid[STUN_TID_LEN]; /* of the Allocate that made it */
	uint8_t key[ALLOC_KEY_MAX];
	uint8_t key_len;
	uint8_t client_id[AV_CRED_CLIENT_ID_LEN];
	/* SHA-256 of the user name that made it. */
	uint8_t credential[QUOTA_CREDENTIAL_LEN];
	struct quota_place place;
	uint32_t icmp_second; /* ICMP errors of this second */
	uint16_t icmp_seen;
	uint16_t icmp_told;
	bool has_tcp_relay;    /* its relay port is a TCP port */
	uint8_t peer_conns;    /* connections of that port, at present */
};

#define ALLOC_WHEEL 4096

struct alloc_table {
	struct flat_pool pool;
	struct flat_index by_client;
	uint64_t seed; /* of the hash */
	uint32_t serial;
	unsigned shard;
	int64_t wheel_s; /* the second whose slot comes next */
	uint32_t wheel[ALLOC_WHEEL];
};

EDGE_MUST int alloc_table_init(struct alloc_table *t, unsigned shard,
	struct mono now);
void alloc_table_fini(struct alloc_table *t); /* accepts a zeroed one */
uint32_t alloc_table_count(const struct alloc_table *t);

/* A fresh record for this 5-tuple, which must have none. -ENOMEM. */
EDGE_MUST int alloc_new(struct alloc **out, struct alloc_table *t,
	uint8_t listener, const struct addr *client);
/* A second one for the 5-tuple of first, which has no twin (RFC 8656
 * section 7.2, ADDITIONAL-ADDRESS-FAMILY). -ENOMEM. */
EDGE_MUST int alloc_new_twin(struct alloc **out, struct alloc_table *t,
	struct alloc *first);
/* A twin that stays is found by its 5-tuple from now on. */
void alloc_free(struct alloc_table *t, struct alloc *a);
/* NULL when it has none. */
struct alloc *alloc_twin(const struct alloc_table *t, const struct alloc *a);
/* a or its twin, whichever relays this family (4, 6); NULL: neither does. */
struct alloc *alloc_of_family(const struct alloc_table *t, struct alloc *a,
	uint8_t family);
/* Borrowed until it is freed; NULL when there is none. */
struct alloc *alloc_find(const struct alloc_table *t, uint8_t listener,
	const struct addr *client);
struct alloc *alloc_by_id(const struct alloc_table *t, uint64_t id);
/* Walk: numbers from 0 below alloc_table_end(); NULL = a free record. */
uint32_t alloc_table_end(const struct alloc_table *t);
struct alloc *alloc_at(const struct alloc_table *t, uint32_t number);

static inline uint32_t alloc_number_of_id(uint64_t id)
{
	return (uint32_t)(id >> 32) & (ALLOC_MAX - 1);
}

static inline unsigned alloc_shard_of_id(uint64_t id)
{
	return (unsigned)(id >> 56);
}

/* Does its client come over TCP? */
static inline bool alloc_is_tcp(const struct alloc *a)
{
	return a->listener >= ALLOC_TCP;
}

/* Is its relay port a TCP port? Only clients over TCP can have one. The
 * second look costs a cache line, but none of theirs. */
static inline bool alloc_relays_tcp(const struct alloc *a)
{
	return alloc_is_tcp(a) && a->has_tcp_relay;
}

static inline const char *alloc_transport_name(const struct alloc *a)
{
	return alloc_is_tcp(a) ? "tcp" : "udp";
}

/* Of its relay port. */
static inline const char *alloc_relay_protocol_name(const struct alloc *a)
{
	return alloc_relays_tcp(a) ? "tcp" : "udp";
}

/* Both of expires_ms and deadline_ms bound its life. */
void alloc_set_expiry(struct alloc_table *t, struct alloc *a, struct mono at);
/* The next allocation that is over at `now`, or NULL; the caller ends it
 * before it asks again. */
struct alloc *alloc_next_due(struct alloc_table *t, struct mono now);

/* [MS-TURN]: whatever passes restarts the timer. Never earlier than it was,
 * so the wheel need not know. */
static inline void alloc_touch(struct alloc *a, struct mono now)
{
	int64_t end_ms = now.ms + (int64_t)a->lifetime_s * 1000;

	if (a->expires_ms < end_ms)
		a->expires_ms = end_ms;
}

/* "refresh", "expired" ... for logs and counters. */
const char *alloc_end_name(enum alloc_end why);
/* "bandwidth", "no-permission" ... */
const char *alloc_drop_name(enum alloc_drop reason);
/* "bandwidth:12,no-permission:3", or "none". Returns out. */
#define ALLOC_DROPS_TEXT_LEN 320 /* all reasons with ten digits each */
const char *alloc_drops_text(const struct alloc *a,
	char out[static ALLOC_DROPS_TEXT_LEN]);
/* "rfc", "ms-turn". */
const char *alloc_dialect_name(enum alloc_dialect dialect);

#endif
