/*
 * One TCP or TLS connection of a client, in its shard: how it begins (what
 * do its first bytes speak?), what may wait for it, and its end. Belongs to
 * the shard's thread, but for the first and the last moment.
 */
#ifndef AV_EDGE_TCP_CONN_H
#define AV_EDGE_TCP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/list.h"
#include "common/net/stream.h"
#include "common/net/udp_batch.h"
#include "av-edge/tcp_port.h"

/* What may wait for a client that does not read: of datagrams and answers,
 * and the part of it that datagrams leave to answers. */
#define TCP_CONN_QUEUE   ((size_t)128 * 1024)
#define TCP_CONN_RESERVE ((size_t)16 * 1024)

struct shard;

struct tcp_conn {
	struct list node; /* of its shard */
	struct shard *shard;   /* borrowed */
	struct tcp_port *port; /* borrowed */
	struct addr client;
	int fd;                   /* owned until there is a stream, else -1 */
	size_t seen;              /* first bytes that were looked at */
	struct loop_fd *watch;    /* owned, until there is a stream */
	struct loop_timer *timer; /* owned */
	struct stream *stream;    /* owned, NULL = none yet or no more */
	bool is_tls;
	bool is_open;             /* shaken hands, where that is done */
	bool is_paused;           /* does not read its answers */
	uint8_t *tail;            /* owned: what is no whole frame yet */
	size_t tail_len;
};

/* Takes fd when it succeeds. NULL = no memory. */
struct tcp_conn *tcp_conn_new(struct tcp_port *port, int fd,
	const struct addr *client);
/* One that never began. */
void tcp_conn_discard(struct tcp_conn *c);
/* In the shard's thread. Ends by itself. */
void tcp_conn_begin(struct shard *s, struct tcp_conn *c);
/* All of them at once, and no word to their ports: the shard goes away. */
void tcp_conn_free_all(struct shard *s);
/* Ends that could not be told for want of memory. Once in a while. */
void tcp_conn_retry(struct shard *s);

/* Send what waits, then end. */
void tcp_conn_close(struct tcp_conn *c);
/* An allocation begins or ends on it. */
void tcp_conn_allocated(struct tcp_conn *c, bool has_alloc);
/* An answer, padding included. Stops reading when the client does not. */
void tcp_conn_answer(struct tcp_conn *c, const uint8_t *data, size_t len);
/* Something for the client, padded as a stream wants it (RFC 8656 12.5).
 * False: there is no room, it is dropped. */
bool tcp_conn_relay(struct tcp_conn *c, const struct udp_out *out);

#endif
