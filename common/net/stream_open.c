/*
 * How a connection comes to stand: descriptor, connect, TLS handshake, the
 * check of the peer's name. Does not live here: what comes after
 * (stream.c).
 */
#include "common/net/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/net/device.h"
#include "common/net/stream_priv.h"

#define HANDSHAKE_MS 10000
#define QUEUE_MAX    ((size_t)1 << 20)

/* access-edge.md 1.3: keep-alive on the socket as well. */
#define TCP_IDLE_S     60
#define TCP_PROBE_S    20
#define TCP_PROBES_MAX 3

/* ---- from connecting to ready -------------------------------------------- */

static void wrong_name(struct stream *s)
{
	char detail[STREAM_DETAIL_LEN];
	const struct tls_peer *p = stream_peer(s);
	const char *first = p->name_count > 0 ? p->names[0] : "nobody";

	snprintf(detail, sizeof(detail), "the certificate names %.100s%s, "
		"%.100s is wanted", first, p->name_count > 1 ?
		" and others" : "", s->name);
	stream_finish(s, STREAM_END_NAME, detail);
}

static void shaken(struct stream *s)
{
	SSL *ssl = s->io.ssl;

	snprintf(s->cipher, sizeof(s->cipher), "%s %s", SSL_get_version(ssl),
		SSL_get_cipher_name(ssl));
	/* 4 KiB that most connections from outside do without. */
	if (SSL_get0_peer_certificate(ssl) != NULL) {
		s->peer = malloc(sizeof(*s->peer));
		if (s->peer == NULL) {
			stream_finish(s, STREAM_END_MEMORY, "");
			return;
		}
		tls_peer_from(ssl, s->peer);
	}
	if (s->name != NULL && !s->checks_name &&
		!tls_ssl_has_name(ssl, s->name)) {
		wrong_name(s);
		return;
	}
	stream_become_open(s);
}

/* Only inside a frame. */
void stream_shake(struct stream *s)
{
	char detail[STREAM_DETAIL_LEN] = "";
	int result;

	if (s->io.ssl == NULL) {
		int err = stream_io_begin(&s->io, s->ctx, s->is_server,
			s->name);

		tls_ctx_unref(s->ctx);
		s->ctx = NULL;
		if (err < 0) {
			stream_finish(s, STREAM_END_MEMORY,
				"no memory for TLS");
			return;
		}
	}
	result = stream_io_handshake(&s->io, detail);
	if (result == 0)
		shaken(s);
	else if (result == STREAM_IO_WANT_READ)
		s->shake_want = LOOP_READ;
	else if (result == STREAM_IO_WANT_WRITE)
		s->shake_want = LOOP_WRITE;
	else if (result == STREAM_IO_EOF && s->is_server)
		stream_finish(s, STREAM_END_PEER,
			"closed before the handshake's end");
	else if (result == STREAM_IO_EOF)
		stream_finish(s, STREAM_END_TLS,
			"the peer closed during the handshake");
	else
		stream_finish(s, stream_end_of(result), detail);
}

void stream_fail_connect(struct stream *s, const char *cause)
{
	char detail[STREAM_DETAIL_LEN];
	char to[ADDR_TEXT_LEN];

	snprintf(detail, sizeof(detail), "%s: %s", addr_text(&s->remote, to),
		cause);
	stream_finish(s, STREAM_END_CONNECT, detail);
}

static void learn_local(struct stream *s)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(s->io.fd, (struct sockaddr *)&ss, &len) == 0 &&
		addr_from_sockaddr((struct sockaddr *)&ss, len,
			&s->local) < 0)
		memset(&s->local, 0, sizeof(s->local));
}

void stream_connected(struct stream *s)
{
	socklen_t len = sizeof(int);
	int code = 0;

	if (getsockopt(s->io.fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0)
		code = errno;
	if (code != 0) {
		stream_fail_connect(s, err_text(-code));
		return;
	}
	learn_local(s);
	s->phase = PHASE_SHAKE;
	s->shake_want = LOOP_READ;
	if (s->ctx != NULL)
		stream_shake(s);
	else
		stream_become_open(s);
}

/* ---- making -------------------------------------------------------------- */

static void ignore_sigpipe(void)
{
	/* OpenSSL writes with write(2), which knows no MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
}

static void set_options(int fd)
{
	static const struct {
		int level;
		int name;
		int value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, TCP_IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, TCP_PROBE_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, TCP_PROBES_MAX },
	};
	size_t i;

	/* A connection without one of these is a connection still. */
	for (i = 0; i < ARRAY_COUNT(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].name,
			&options[i].value, sizeof(options[i].value));
}

/* Takes fd, also on failure. */
static int stream_new(struct stream **out, struct loop *loop, int fd,
	const struct addr *remote, const struct stream_limits *limits,
	const struct stream_ops *ops, void *arg)
{
	static const struct stream_limits defaults;
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct stream *s = calloc(1, sizeof(*s));
	int64_t handshake_ms;

	if (s == NULL) {
		close(fd);
		return -ENOMEM;
	}
	pthread_once(&once, ignore_sigpipe);
	if (limits == NULL)
		limits = &defaults;
	handshake_ms = limits->handshake_ms > 0 ? limits->handshake_ms :
		HANDSHAKE_MS;
	s->loop = loop;
	s->io.fd = fd;
	s->ops = ops;
	s->arg = arg;
	s->remote = *remote;
	s->idle_ms = limits->idle_ms;
	s->queue_max = limits->queue_max > 0 ? limits->queue_max : QUEUE_MAX;
	s->deadline = mono_after_ms(loop_now(loop), handshake_ms);
	sendq_init(&s->out);
	snprintf(s->cipher, sizeof(s->cipher), "tcp");
	set_options(fd);
	if (limits->send_buffer > 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF,
			&limits->send_buffer, sizeof(limits->send_buffer));
	*out = s;
	return 0;
}

int stream_accept(struct stream **out, struct loop *loop, int fd,
	const struct addr *remote, struct tls_ctx *ctx,
	const struct stream_limits *limits, const struct stream_ops *ops,
	void *arg)
{
	struct stream *s = NULL;
	int err;

	err = stream_new(&s, loop, fd, remote, limits, ops, arg);
	if (err < 0)
		return err;
	s->is_server = limits == NULL || !limits->is_tls_client;
	s->phase = PHASE_SHAKE;
	/* The SSL object is made when the first byte is there: a silent
	 * connection costs next to nothing (threat S8). */
	if (ctx != NULL)
		s->ctx = tls_ctx_ref(ctx);
	s->shake_want = ctx == NULL ? 0 :
		s->is_server ? LOOP_READ : LOOP_WRITE;
	learn_local(s);
	err = stream_start(s);
	if (err < 0) {
		stream_free(s);
		return err;
	}
	if (ctx == NULL)
		stream_schedule(s, DUE_READY);
	*out = s;
	return 0;
}

static int bind_local(int fd, const struct stream_target *target)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int on = 1;
	int err;

	if (!addr_is_set(&target->local))
		return 0;
	if (target->bind_device) {
		err = net_bind_device(fd, &target->local, NULL);
		if (err < 0)
			return err;
	}
	if (target->share_port && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR,
			&on, sizeof(on)) < 0 || setsockopt(fd, SOL_SOCKET,
			SO_REUSEPORT, &on, sizeof(on)) < 0))
		return -errno;
	/* The port is chosen at connect: it may be in use towards others. But
	 * one of a socket bound to a device must be its own: Linux lets a
	 * socket that is bound to none have the same port, to the same peer,
	 * and that peer takes one connection for the other. */
	if (target->local.port == 0 && !target->bind_device)
		(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
			sizeof(on));
	len = addr_to_sockaddr(&target->local, &ss);
	return bind(fd, (struct sockaddr *)&ss, len) < 0 ? -errno : 0;
}

static int dial(int fd, const struct stream_target *target)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int err;

	err = bind_local(fd, target);
	if (err < 0)
		return err;
	len = addr_to_sockaddr(&target->remote, &ss);
	if (connect(fd, (struct sockaddr *)&ss, len) < 0 &&
		errno != EINPROGRESS)
		return -errno;
	return 0;
}

int stream_connect(struct stream **out, struct loop *loop,
	const struct stream_target *target, struct tls_ctx *ctx,
	const struct stream_limits *limits, const struct stream_ops *ops,
	void *arg)
{
	struct stream *s = NULL;
	int err;
	int fd;

	fd = socket(target->remote.family == 6 ? AF_INET6 : AF_INET,
		SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = stream_new(&s, loop, fd, &target->remote, limits, ops, arg);
	if (err < 0)
		return err;
	s->phase = PHASE_CONNECT;
	s->is_server = limits != NULL && limits->is_tls_server;
	s->checks_name = target->checks_name;
	if (ctx != NULL)
		s->ctx = tls_ctx_ref(ctx);
	err = -ENOMEM;
	if (target->name != NULL) {
		s->name = strdup(target->name);
		if (s->name == NULL)
			goto fail;
	}
	err = dial(fd, target);
	if (err < 0)
		goto fail;
	err = stream_start(s);
	if (err < 0)
		goto fail;
	*out = s;
	return 0;
fail:
	stream_free(s);
	return err;
}
