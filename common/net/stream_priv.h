/*
 * What the two halves of a stream share: stream.c (its life once it stands)
 * and stream_open.c (how it comes to stand). Private to common/net.
 */
#ifndef NET_STREAM_PRIV_H
#define NET_STREAM_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/net/sendq.h"
#include "common/net/stream.h"
#include "common/net/stream_io.h"

enum stream_phase {
	PHASE_CONNECT,
	PHASE_SHAKE, /* for plain TCP: waits for the loop to say ready */
	PHASE_OPEN,
	PHASE_LINGER, /* FIN is out: read until the peer's */
	PHASE_OVER,
};

/* Work that waits for a frame of the loop. */
enum stream_todo {
	DUE_READY = 1,
	DUE_FLUSH = 2,
	DUE_READ = 4,
	DUE_END = 8, /* with s->end and s->detail */
};

struct stream {
	struct loop *loop;
	struct loop_fd *watch;    /* owned */
	struct loop_timer *timer; /* owned */
	struct stream_io io;
	struct tls_ctx *ctx; /* owned reference until TLS begins */
	const struct stream_ops *ops;
	void *arg;
	struct sendq out;
	enum stream_phase phase;
	unsigned due;
	unsigned frames;    /* callbacks of ours on the stack */
	unsigned shake_want; /* enum loop_want */
	bool is_server;
	bool checks_name;   /* not us, the owner */
	bool is_deferred;   /* on_deferred is on its way */
	bool is_paused;
	bool is_closing;
	bool is_eof;        /* the peer's last word was delivered */
	bool is_shutting;   /* ours is to go out behind the queue */
	bool is_shut;       /* it is out */
	bool is_aborted;    /* ends without goodbye */
	bool is_above;      /* stream_send returned 1 */
	bool is_blocked;    /* a write waits for the descriptor */
	bool read_wants_write;
	bool write_wants_read;
	enum stream_end end; /* of DUE_END */
	char *detail;        /* owned, of DUE_END, or NULL */
	struct addr local;
	struct addr remote;
	char *name;            /* owned, or NULL */
	struct tls_peer *peer; /* owned, NULL without a certificate */
	int64_t idle_ms;
	size_t queue_max;
	struct mono deadline; /* of connect, handshake or close */
	struct mono heard;
	uint64_t bytes_in;
	uint64_t bytes_out;
	char cipher[64];
};

/* stream.c. Those marked (frame) may call the owner: only for callbacks
 * of the loop, whose frames keep the stream's memory. */
EDGE_MUST int stream_start(struct stream *s);
void stream_schedule(struct stream *s, unsigned due);
void stream_finish(struct stream *s, enum stream_end end,
	const char *detail); /* (frame) */
void stream_become_open(struct stream *s); /* (frame) */
enum stream_end stream_end_of(int result);

/* stream_open.c */
void stream_connected(struct stream *s); /* (frame) */
void stream_shake(struct stream *s);     /* (frame) */
void stream_fail_connect(struct stream *s, const char *cause); /* (frame) */

#endif
