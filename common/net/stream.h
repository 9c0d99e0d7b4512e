/*
 * One TCP or TLS connection: nonblocking, own handshake deadline, bounded
 * output queue, one reason when it ends. Knows no protocol. Belongs to the
 * loop it was made on.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/net/tls.h"
#include "common/net/tls_names.h"
#include "common/run/loop.h"

struct stream;

enum stream_end {
	STREAM_END_PEER,      /* the peer closed */
	STREAM_END_LOCAL,     /* we closed it, all sent */
	STREAM_END_RESET,     /* transport error */
	STREAM_END_CONNECT,   /* could not connect */
	STREAM_END_TLS,       /* handshake or record failure */
	STREAM_END_NAME,      /* certificate does not name the target */
	STREAM_END_HANDSHAKE, /* handshake deadline */
	STREAM_END_IDLE,      /* nothing received for idle_ms */
	STREAM_END_OVERFLOW,  /* peer does not read: queue over its bound */
	STREAM_END_MEMORY,
};

/* "peer", "tls" ... for logs. */
const char *stream_end_name(enum stream_end end);

struct stream_ops {
	/* Connected and, with TLS, shaken hands. May be NULL. */
	void (*on_ready)(struct stream *s, void *arg);
	/* Bytes, borrowed for the call; the consumer keeps its own tail.
	 * The stream may be closed inside. */
	void (*on_data)(struct stream *s, const uint8_t *data, size_t len,
		void *arg);
	/* The queue fell below the low mark after stream_send said it was
	 * above the high mark, or all is out after stream_shut. May be
	 * NULL. */
	void (*on_drained)(struct stream *s, void *arg);
	/* The peer said its last word and may go on listening. NULL: that is
	 * the end of the stream (STREAM_END_PEER). */
	void (*on_eof)(struct stream *s, void *arg);
	/* The last call ever; the stream is gone when it returns. detail is
	 * a sentence for people, "" when there is nothing to add. */
	void (*on_end)(struct stream *s, enum stream_end end,
		const char *detail, void *arg);
};

struct stream_limits {
	int64_t handshake_ms; /* connect + TLS; 0 = 10,000 */
	int64_t idle_ms;      /* 0 = no idle limit */
	size_t queue_max;     /* 0 = 1 MiB */
	int send_buffer;      /* the kernel's part of it; 0 = as it likes */
	bool is_tls_client;   /* accepted, and the peer waits for our
	                       * ClientHello; connected: never */
	bool is_tls_server;   /* connected, and the peer begins TLS */
};

/* An accepted descriptor; fd and nothing else is taken, also on failure.
 * ctx NULL = plain TCP; a reference is taken. */
EDGE_MUST int stream_accept(struct stream **out, struct loop *loop, int fd,
	const struct addr *remote, struct tls_ctx *ctx,
	const struct stream_limits *limits, const struct stream_ops *ops,
	void *arg);

struct stream_target {
	struct addr local;  /* unset, or the address to leave from */
	struct addr remote;
	const char *name;   /* SNI, and the name the certificate must have;
	                     * NULL = no name check. Copied. */
	bool bind_device;   /* bind to the device of `local` (threat S19) */
	bool share_port;    /* the port of `local` is a listener's of ours */
	bool checks_name;   /* the owner looks at the certificate's names
	                     * itself; name is for SNI alone */
};

/* Failures that show at once come back as the return value, later ones
 * through on_end; on_end is never called before this returns. */
EDGE_MUST int stream_connect(struct stream **out, struct loop *loop,
	const struct stream_target *target, struct tls_ctx *ctx,
	const struct stream_limits *limits, const struct stream_ops *ops,
	void *arg);

/* Queue bytes (copied); goes out in this turn. 0 = fine, 1 = above the high
 * mark (half of queue_max), -ENOBUFS = over the bound: the stream is ended
 * with STREAM_END_OVERFLOW in the loop's next turn, -ENOTCONN when ended. */
int stream_send(struct stream *s, const void *data, size_t len);
/* What waits goes out now, not at the turn's end. With TLS what is sent next
 * then begins a record of its own. */
void stream_push(struct stream *s);
/* How many bytes it would take now; sends what waits when that is less than
 * wanted. For those who rather drop than end a stream. */
size_t stream_room(struct stream *s, size_t wanted);

/* Another bound for what waits, from now on. */
void stream_set_queue_max(struct stream *s, size_t queue_max);

/* Our last word: send what is queued, then close_notify (plain: FIN), and
 * go on reading. stream_send() is -ENOTCONN from now on. */
void stream_shut(struct stream *s);
/* All is out after stream_shut(). */
bool stream_is_shut(const struct stream *s);
/* Send what is queued, then end with STREAM_END_LOCAL; waits at most 2 s.
 * on_end is called from the loop, not from inside this. */
void stream_close(struct stream *s);
/* End at once without on_end: for owners that are going away. NULL is ok. */
void stream_free(struct stream *s);
/* The same with a reset: the peer shall not take it for an orderly end. */
void stream_abort(struct stream *s);

/* Another owner from now on, in the middle of its life. */
void stream_hand_over(struct stream *s, const struct stream_ops *ops,
	void *arg);
/* Out of its loop and into another one, whose thread may be another one as
 * well. Leave from outside its callbacks; in between it may be freed and
 * nothing else. When joining fails it is as if it had left. -ENOMEM. */
void stream_leave(struct stream *s);
EDGE_MUST int stream_join(struct stream *s, struct loop *loop);
/* What is not looked at any more takes no memory: the peer's certificate. */
void stream_forget_peer(struct stream *s);
/* Much is to come: several TLS records with one read. Takes effect with the
 * next read of a connection that holds nothing. */
void stream_expect_bulk(struct stream *s);
/* Sent bytes that nobody acknowledges for so long end the connection. */
void stream_set_user_timeout_ms(struct stream *s, unsigned timeout_ms);

void stream_pause(struct stream *s);  /* stop reading: back-pressure */
void stream_resume(struct stream *s);
void stream_set_idle_ms(struct stream *s, int64_t idle_ms);

bool stream_is_ready(const struct stream *s);
const struct addr *stream_local(const struct stream *s);
const struct addr *stream_remote(const struct stream *s);
/* Valid from on_ready on; is_present false for plain TCP. */
const struct tls_peer *stream_peer(const struct stream *s);
/* All that the certificate says; the caller's. EDGE_EUNKNOWN: there is none. */
EDGE_MUST int stream_names(const struct stream *s, struct tls_names **out);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384", or "tcp". */
const char *stream_cipher(const struct stream *s);
/* IANA numbers of TLS version and cipher suite, 0 for plain TCP. */
void stream_cipher_ids(const struct stream *s, uint16_t *version,
	uint16_t *cipher);
size_t stream_queued(const struct stream *s);
uint64_t stream_bytes_in(const struct stream *s);
uint64_t stream_bytes_out(const struct stream *s);

#endif
