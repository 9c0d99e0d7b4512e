/*
 * A TCP relay port: who may connect to it, and connections from it. It
 * listens from its allocation's first permission on, and who has none is
 * reset (docs/decisions/0055-tcp-relays.md). Belongs to its shard's thread.
 */
#ifndef AV_EDGE_RELAY_TCP_H
#define AV_EDGE_RELAY_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/list.h"
#include "av-edge/alloc.h"
#include "av-edge/peer_conn.h"
#include "av-edge/quota.h"

struct shard;
struct tcp_conn;

struct relay_tcp {
	struct shard *shard; /* borrowed */
	uint32_t number;     /* of the allocation */
	const struct peer_conn_user *user;
	struct list peers; /* struct peer_conn, owned */
	bool is_listening;
	bool is_starved;   /* no descriptors: not watched for a while */
	size_t owed[QUOTA_WAY_COUNT]; /* bytes over the bandwidth */
	struct loop_timer *pace;      /* owned: until they are paid for */
};

/* For an allocation whose port is open and bound. -ENOMEM. */
EDGE_MUST int relay_tcp_new(struct relay_tcp **out, struct shard *s,
	const struct alloc *a, const struct peer_conn_user *user);
/* Closes all connections. Accepts NULL. */
void relay_tcp_free(struct relay_tcp *t);

/* From now on, if not already. */
void relay_tcp_listen(struct relay_tcp *t);
/* Its port is readable: somebody came. */
void relay_tcp_accept(struct relay_tcp *t);
/* New rules: peers that they forbid lose their connections, also those that
 * need no permission any more (RFC 6062). */
void relay_tcp_withdraw(struct relay_tcp *t);
/* Once a second: who was starved looks again, who is stuck ends. */
void relay_tcp_tick(struct relay_tcp *t);

/* A frame, or a piece, of so many bytes has passed. A stream can't lose
 * bytes: when it is more than its bandwidth allows, that way is not read until
 * it is paid for (the user's on_rate). */
void relay_tcp_owe(struct relay_tcp *t, enum quota_way way, size_t len);

/* A connection to this peer, whose right to be one was checked. The user's
 * on_open follows, or on_end, never before this returns. EDGE_EBUSY: too
 * many; others: it failed at once. */
EDGE_MUST int relay_tcp_connect(struct peer_conn **out, struct relay_tcp *t,
	const struct addr *peer);
/* The one that began first, NULL when there is none. */
struct peer_conn *relay_tcp_find(const struct relay_tcp *t,
	const struct addr *peer);
/* End it now: on_end is called from inside this. */
void relay_tcp_drop(struct peer_conn *p);
/* Its stream is gone: the rest of it goes as well. */
void relay_tcp_ended(struct peer_conn *p);

struct alloc *relay_tcp_alloc(const struct relay_tcp *t);
/* Of the allocation's client. */
struct tcp_conn *relay_tcp_client(const struct relay_tcp *t);

#endif
