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
#include "common/base/clock.h"
#include "common/base/list.h"
#include "common/net/stream.h"
#include "common/net/udp_batch.h"
#include "common/stun/frame_tcp.h"
#include "av-edge/counters.h"
#include "av-edge/tail.h"
#include "av-edge/tcp_port.h"

/* What may wait for a client that does not read: of datagrams and answers,
 * and the part of it that datagrams leave to answers. */
#define TCP_CONN_QUEUE   ((size_t)128 * 1024)
/* [MS-TURN]: when it is not above its half there is room for any frame. */
#define TCP_CONN_QUEUE_MS ((size_t)256 * 1024)
#define TCP_CONN_RESERVE ((size_t)16 * 1024)
/* Of somebody who has no allocation: a few answers. */
#define TCP_CONN_QUEUE_STRANGER ((size_t)16 * 1024)
/* The kernel's part of what may wait; it takes twice as much. */
#define TCP_CONN_SEND_BUFFER (64 * 1024)

struct data_conn;
struct shard;

/* What its bytes are, once it has spoken. */
enum tcp_conn_mode {
	TCP_CONN_RFC,
	TCP_CONN_MS,
	TCP_CONN_DATA, /* of a peer, as they are (RFC 6062) */
};

/* Why it is not read; it is when no reason is left. */
enum tcp_conn_pause {
	TCP_PAUSE_ANSWERS = 1, /* it does not read its answers */
	TCP_PAUSE_PEER = 2,    /* its peer does not read */
	TCP_PAUSE_MOVE = 4,    /* it is on its way to another shard */
	TCP_PAUSE_RATE = 8,    /* it said more than its bandwidth */
};

struct tcp_conn {
	struct list node; /* of its shard */
	struct shard *shard;   /* borrowed */
	struct tcp_port *port; /* borrowed */
	struct addr client;
	int fd;                   /* owned until there is a stream, else -1 */
	size_t seen;              /* first bytes that were looked at */
	struct loop_fd *watch;    /* owned, until there is a stream */
	struct loop_timer *timer; /* owned */
	struct mono until;        /* without an allocation */
	struct stream *stream;    /* owned, NULL = none yet or no more */
	bool is_tls;
	bool is_open;             /* shaken hands, where that is done */
	unsigned pauses;          /* of enum tcp_conn_pause */
	bool is_resuming;         /* on_resumed is on its way */
	enum tcp_conn_mode mode;
	struct data_conn *data;   /* borrowed: whose bytes it carries */
	unsigned moves;           /* from shard to shard */
	unsigned goal;            /* the next shard, with TCP_PAUSE_MOVE */
	struct tail tail;         /* owned: what is no whole frame yet */
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

/* It is one of this shard's, with a timer that does not run yet. -ENOMEM. */
EDGE_MUST int tcp_conn_enter(struct shard *s, struct tcp_conn *c);
/* It ends at once, with all it has. Nothing of it is used after this. */
void tcp_conn_end(struct tcp_conn *c);
/* The gauge that counts it. */
enum av_counter tcp_conn_gauge(const struct tcp_conn *c);

/* Send what waits, then end. */
void tcp_conn_close(struct tcp_conn *c);
/* An allocation begins or ends on it. */
void tcp_conn_allocated(struct tcp_conn *c, bool has_alloc);
/* Do not read it, for this reason; read it again when there is no other.
 * Resuming happens soon, not at once. */
void tcp_conn_pause(struct tcp_conn *c, enum tcp_conn_pause why);
void tcp_conn_resume(struct tcp_conn *c, enum tcp_conn_pause why);
/* Its bytes are those of a peer from now on. */
void tcp_conn_carry(struct tcp_conn *c, struct data_conn *data);
/* [MS-TURN]: room for a frame of so many bytes, and the frame, which is not
 * dropped where there was room. */
bool tcp_conn_has_room(struct tcp_conn *c, size_t len);
void tcp_conn_frame(struct tcp_conn *c, enum frame_kind kind,
	const struct udp_out *out);
/* An answer, padding included. Stops reading when the client does not. */
void tcp_conn_answer(struct tcp_conn *c, const uint8_t *data, size_t len);
/* Something for the client, padded as a stream wants it (RFC 8656 12.5).
 * False: there is no room, it is dropped. */
bool tcp_conn_relay(struct tcp_conn *c, const struct udp_out *out);

#endif
