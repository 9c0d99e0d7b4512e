/*
 * Reading, writing and shaking hands on one nonblocking descriptor, TLS or
 * plain. Lives here: the etiquette of OpenSSL (empty the error queue before
 * each call, never call again after a fatal error). Does not live here:
 * queues, timers, callbacks (stream.c).
 */
#include "common/net/stream_io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "common/base/err.h"
#include "common/base/str.h"

/* What is read and thrown away in one turn while lingering. */
#define DISCARD_ROUNDS 16

static bool is_ip_literal(const char *name)
{
	uint8_t room[16];

	return inet_pton(AF_INET, name, room) == 1 ||
		inet_pton(AF_INET6, name, room) == 1;
}

/* RFC 6066 section 3: names only, no addresses. OpenSSL's macro takes no
 * const. */
static int set_sni(SSL *ssl, const char *name)
{
	char copy[TLSEXT_MAXLEN_host_name + 1];
	int err = str_copy(str_of(name), copy, sizeof(copy));

	if (err < 0)
		return err;
	return SSL_set_tlsext_host_name(ssl, copy) == 1 ? 0 : -ENOMEM;
}

static ssize_t flooded(struct stream_io *io, char *detail)
{
	io->is_broken = true;
	snprintf(detail, STREAM_DETAIL_LEN, "the peer floods with messages of "
		"TLS itself");
	return STREAM_IO_TLS;
}

int stream_io_begin(struct stream_io *io, struct tls_ctx *ctx,
	bool is_server, const char *server_name)
{
	ERR_clear_error();
	io->ssl = SSL_new(tls_ctx_ssl(ctx));
	if (io->ssl == NULL)
		return -ENOMEM;
	if (SSL_set_fd(io->ssl, io->fd) != 1)
		return -ENOMEM;
	tls_aside_watch(&io->aside, io->ssl);
	if (is_server) {
		SSL_set_accept_state(io->ssl);
		return 0;
	}
	SSL_set_connect_state(io->ssl);
	if (server_name == NULL || is_ip_literal(server_name))
		return 0;
	return set_sni(io->ssl, server_name);
}

static enum stream_io_result reset(char *detail, int code)
{
	snprintf(detail, STREAM_DETAIL_LEN, "%s", err_text(-code));
	return STREAM_IO_RESET;
}

/* The certificate check knows more than "certificate verify failed". */
static void tls_detail(const struct stream_io *io, char *detail)
{
	long verdict = SSL_get_verify_result(io->ssl);
	bool is_certificate = ERR_GET_REASON(ERR_peek_error()) ==
		SSL_R_CERTIFICATE_VERIFY_FAILED;

	tls_error_text(detail, STREAM_DETAIL_LEN);
	if (is_certificate && verdict != X509_V_OK)
		snprintf(detail, STREAM_DETAIL_LEN,
			"the peer's certificate: %s",
			X509_verify_cert_error_string(verdict));
}

static enum stream_io_result tls_result(struct stream_io *io, int ret,
	char *detail)
{
	int code = errno;

	switch (SSL_get_error(io->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		return STREAM_IO_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return STREAM_IO_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return STREAM_IO_EOF;
	case SSL_ERROR_SYSCALL:
		io->is_broken = true;
		if (ERR_peek_error() != 0)
			break;
		return code != 0 ? reset(detail, code) : STREAM_IO_EOF;
	default:
		io->is_broken = true;
		break;
	}
	tls_detail(io, detail);
	return STREAM_IO_TLS;
}

int stream_io_handshake(struct stream_io *io,
	char detail[static STREAM_DETAIL_LEN])
{
	int ret;

	if (io->ssl == NULL || io->is_ready)
		return 0;
	ERR_clear_error();
	errno = 0;
	ret = SSL_do_handshake(io->ssl);
	if (ret != 1)
		return tls_result(io, ret, detail);
	io->is_ready = true;
	return 0;
}

static ssize_t plain_result(ssize_t n, enum stream_io_result again,
	char *detail)
{
	if (n > 0)
		return n;
	if (n == 0)
		return STREAM_IO_EOF;
	if (errno == EAGAIN || errno == EINTR)
		return again;
	return reset(detail, errno);
}

ssize_t stream_io_read(struct stream_io *io, uint8_t *out, size_t cap,
	char detail[static STREAM_DETAIL_LEN])
{
	size_t n = 0;
	int ret;

	if (io->ssl == NULL)
		return plain_result(recv(io->fd, out, cap, 0),
			STREAM_IO_WANT_READ, detail);
	ERR_clear_error();
	errno = 0;
	ret = SSL_read_ex(io->ssl, out, cap, &n);
	if (ret == 1)
		return (ssize_t)n;
	if (io->aside.is_flooded)
		return flooded(io, detail);
	return tls_result(io, ret, detail);
}

ssize_t stream_io_write(struct stream_io *io, const uint8_t *p, size_t len,
	char detail[static STREAM_DETAIL_LEN])
{
	size_t n = 0;
	int ret;

	if (io->ssl == NULL)
		return plain_result(send(io->fd, p, len, MSG_NOSIGNAL),
			STREAM_IO_WANT_WRITE, detail);
	ERR_clear_error();
	errno = 0;
	ret = SSL_write_ex(io->ssl, p, len, &n);
	if (ret == 1)
		return (ssize_t)n;
	return tls_result(io, ret, detail);
}

/* ---- batches ------------------------------------------------------------- */

/* OpenSSL's own socket BIO, but that records can be gathered first. While
 * older ones are held nothing may pass them. */
static int batch_write(BIO *bio, const char *p, size_t len, size_t *written)
{
	struct stream_io *io = BIO_get_data(bio);
	struct stream_batch *batch = io->batch;
	ssize_t n;

	BIO_clear_retry_flags(bio);
	if (io->held_len == 0 && batch != NULL &&
		len <= sizeof(batch->data) - batch->len) {
		memcpy(batch->data + batch->len, p, len);
		batch->len += len;
		*written = len;
		return 1;
	}
	if (io->held_len > 0 || (batch != NULL && batch->len > 0)) {
		BIO_set_retry_write(bio);
		return 0;
	}
	n = send(io->fd, p, len, MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	if (n <= 0)
		return 0;
	*written = (size_t)n;
	return 1;
}

static long batch_ctrl(BIO *bio, int cmd, long num, void *p)
{
	(void)bio;
	(void)num;
	(void)p;
	return cmd == BIO_CTRL_FLUSH;
}

static BIO_METHOD *batch_method; /* made once, never changed */

static void make_method(void)
{
	batch_method = BIO_meth_new(BIO_get_new_index() |
		BIO_TYPE_SOURCE_SINK, "batch");
	if (batch_method == NULL)
		return;
	BIO_meth_set_write_ex(batch_method, batch_write);
	BIO_meth_set_ctrl(batch_method, batch_ctrl);
}

int stream_io_expect_bulk(struct stream_io *io)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	BIO *bio;

	if (io->ssl == NULL || io->is_bulk)
		return 0;
	pthread_once(&once, make_method);
	if (batch_method == NULL)
		return -ENOMEM;
	bio = BIO_new(batch_method);
	if (bio == NULL)
		return -ENOMEM;
	BIO_set_data(bio, io);
	BIO_set_init(bio, 1);
	SSL_set0_wbio(io->ssl, bio);
	SSL_set_default_read_buffer_len(io->ssl, STREAM_BATCH_LEN);
	io->is_bulk = true;
	return 0;
}

void stream_io_gather(struct stream_io *io, struct stream_batch *batch)
{
	batch->len = 0;
	io->batch = batch;
}

static int send_held(struct stream_io *io, char *detail)
{
	ssize_t n = send(io->fd, io->held + io->held_from, io->held_len,
		MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return (int)reset(detail, errno);
	if (n > 0) {
		io->held_from += (size_t)n;
		io->held_len -= (size_t)n;
	}
	if (io->held_len > 0)
		return STREAM_IO_WANT_WRITE;
	free(io->held);
	io->held = NULL;
	return 0;
}

int stream_io_send(struct stream_io *io,
	char detail[static STREAM_DETAIL_LEN])
{
	struct stream_batch *batch = io->batch;
	ssize_t n;

	io->batch = NULL;
	if (io->held_len > 0)
		return send_held(io, detail);
	if (batch == NULL || batch->len == 0)
		return 0;
	n = send(io->fd, batch->data, batch->len, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return (int)reset(detail, errno);
	if (n < 0)
		n = 0;
	if ((size_t)n == batch->len)
		return 0;
	io->held_len = batch->len - (size_t)n;
	io->held_from = 0;
	io->held = malloc(io->held_len);
	if (io->held == NULL) {
		io->held_len = 0;
		return (int)reset(detail, ENOMEM);
	}
	memcpy(io->held, batch->data + n, io->held_len);
	return STREAM_IO_WANT_WRITE;
}

/* ---- the end ------------------------------------------------------------- */

bool stream_io_has_pending(const struct stream_io *io)
{
	return io->ssl != NULL && SSL_has_pending(io->ssl) == 1;
}

int stream_io_half_shut(struct stream_io *io,
	char detail[static STREAM_DETAIL_LEN])
{
	int ret;

	if (io->ssl == NULL)
		return shutdown(io->fd, SHUT_WR) < 0 ? (int)reset(detail,
			errno) : 0;
	ERR_clear_error();
	errno = 0;
	ret = SSL_shutdown(io->ssl);
	return ret >= 0 ? 0 : (int)tls_result(io, ret, detail);
}

void stream_io_shut(struct stream_io *io)
{
	if (io->ssl != NULL && io->is_ready && !io->is_broken) {
		ERR_clear_error();
		/* 0 = ours is out, the peer's is not in: enough. */
		(void)SSL_shutdown(io->ssl);
		io->is_broken = true;
		ERR_clear_error();
	}
	if (io->fd >= 0)
		shutdown(io->fd, SHUT_WR);
}

bool stream_io_discard(struct stream_io *io)
{
	uint8_t room[4096];
	int i;

	for (i = 0; i < DISCARD_ROUNDS; i++) {
		ssize_t n = recv(io->fd, room, sizeof(room), 0);

		if (n > 0)
			continue;
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	}
	return true;
}

void stream_io_close(struct stream_io *io)
{
	SSL_free(io->ssl);
	io->ssl = NULL;
	free(io->held);
	io->held = NULL;
	io->held_len = 0;
	if (io->fd >= 0)
		close(io->fd);
	io->fd = -1;
}
