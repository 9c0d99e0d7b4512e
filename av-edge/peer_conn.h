/*
 * A TCP connection between a relay port and a peer, in the shard of its
 * allocation: connected, accepted, or joined to another relay port of this
 * edge within the process. Whose bytes mean what is its user's affair; its
 * relay_tcp owns it.
 */
#ifndef AV_EDGE_PEER_CONN_H
#define AV_EDGE_PEER_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/list.h"
#include "common/net/stream.h"
#include "av-edge/quota.h"

/* What may wait for a peer that does not read; above half of it its client
 * is not read. One frame of [MS-TURN] fits into the other half. */
#define PEER_CONN_QUEUE ((size_t)128 * 1024 + 2)

#define PEER_CONN_SEND_BUFFER (64 * 1024)

struct relay_tcp;
struct peer_conn;

/* What one dialect makes of such connections. */
struct peer_conn_user {
	size_t size; /* of its struct, which begins with struct peer_conn */
	/* A peer came; false: it is to be closed again. */
	bool (*on_taken)(struct peer_conn *p);
	/* Ours stands. Does not end it. */
	void (*on_open)(struct peer_conn *p);
	void (*on_data)(struct peer_conn *p, const uint8_t *data, size_t len);
	/* It takes more, after peer_conn_send() said that it is full. */
	void (*on_drained)(struct peer_conn *p);
	void (*on_eof)(struct peer_conn *p);
	/* Of all connections of a port: this way may be read, or not now. */
	void (*on_rate)(struct relay_tcp *t, enum quota_way way, bool may);
	/* It ended; its memory is freed after this. */
	void (*on_end)(struct peer_conn *p);
};

struct peer_conn {
	struct list node;        /* of its relay_tcp, in order of beginning */
	struct relay_tcp *relay; /* borrowed */
	const struct peer_conn_user *user;
	struct addr peer;
	struct stream *stream; /* owned, NULL = ended */
	bool is_open;
	bool is_inner;       /* to another relay port of this edge */
	bool awaits_verdict; /* that port's: may we? */
	uint64_t moved;      /* bytes out, at the last look */
	int64_t moved_ms;
};

/* Connect from at, its relay port, to peer; whether that port is bound to a
 * device is what bind_device says. */
EDGE_MUST int peer_conn_dial(struct peer_conn *p, const struct addr *at,
	bool bind_device);
/* A descriptor that is connected already; taken, also on failure. */
EDGE_MUST int peer_conn_adopt(struct peer_conn *p, int fd);
/* The first byte on a connection between two relay ports: come in. */
EDGE_MUST int peer_conn_welcome(int fd);

/* Queue bytes. 0, 1 = it is full now, wait for on_drained; < 0 = it is
 * ending. */
int peer_conn_send(struct peer_conn *p, const void *data, size_t len);
/* Has it moved nothing of what waits for it since `since_ms`? */
bool peer_conn_is_stuck(struct peer_conn *p, int64_t now_ms,
	int64_t since_ms);

#endif
