/*
 * The bytes of one connection, TLS or plain, without a loop: what OpenSSL's
 * and the kernel's many answers come down to. Private to common/net.
 */
#ifndef NET_STREAM_IO_H
#define NET_STREAM_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/net/tls.h"
#include "common/net/tls_aside.h"

#define STREAM_DETAIL_LEN 256

struct stream_io {
	int fd;        /* owned, -1 = none */
	SSL *ssl;      /* owned, NULL = plain or not begun */
	bool is_ready; /* TLS: shaken hands */
	bool is_broken; /* OpenSSL forbids further calls */
	bool is_bulk;   /* its records may be gathered in a batch */
	struct tls_aside aside; /* what the peer says of TLS itself */
	struct stream_batch *batch; /* borrowed, while one is open */
	uint8_t *held;  /* owned: of a batch, not yet taken by the kernel */
	size_t held_from;
	size_t held_len;
};

/* Records on their way, to leave with one system call. */
#define STREAM_BATCH_LEN ((size_t)4 * (16384 + 256))
struct stream_batch {
	size_t len;
	uint8_t data[STREAM_BATCH_LEN];
};

/* What a call ended with when it moved no byte. */
enum stream_io_result {
	STREAM_IO_WANT_READ = -1,
	STREAM_IO_WANT_WRITE = -2,
	STREAM_IO_EOF = -3,
	STREAM_IO_RESET = -4, /* transport error, errno's text in detail */
	STREAM_IO_TLS = -5,   /* TLS error, its text in detail */
};

/* Begin TLS on io->fd. server_name: SNI, or NULL. -ENOMEM. */
EDGE_MUST int stream_io_begin(struct stream_io *io, struct tls_ctx *ctx,
	bool is_server, const char *server_name);
/* 0 when done, else an enum stream_io_result. */
int stream_io_handshake(struct stream_io *io,
	char detail[static STREAM_DETAIL_LEN]);
/* Bytes moved (> 0), or an enum stream_io_result. */
ssize_t stream_io_read(struct stream_io *io, uint8_t *out, size_t cap,
	char detail[static STREAM_DETAIL_LEN]);
ssize_t stream_io_write(struct stream_io *io, const uint8_t *p, size_t len,
	char detail[static STREAM_DETAIL_LEN]);
/* Much is to come and to go: larger reads, batches. TLS only; -ENOMEM. */
EDGE_MUST int stream_io_expect_bulk(struct stream_io *io);
/* What is written until stream_io_send() goes into batch. */
void stream_io_gather(struct stream_io *io, struct stream_batch *batch);
/* Send the batch, then what is left of an older one. 0 when all is out, or
 * STREAM_IO_WANT_WRITE: the rest is held; or STREAM_IO_RESET. */
int stream_io_send(struct stream_io *io,
	char detail[static STREAM_DETAIL_LEN]);
/* Bytes that the kernel no longer shows as readable. */
bool stream_io_has_pending(const struct stream_io *io);
/* Our half ends (close_notify, or FIN where there is no TLS), theirs goes
 * on. 0 when it is out, or an enum stream_io_result. */
int stream_io_half_shut(struct stream_io *io,
	char detail[static STREAM_DETAIL_LEN]);
/* Say goodbye (close_notify, FIN), as far as that goes without waiting. */
void stream_io_shut(struct stream_io *io);
/* Read and forget; false when the peer is gone. For lingering. */
bool stream_io_discard(struct stream_io *io);
void stream_io_close(struct stream_io *io);

#endif
