/*
 * Two ends of a connection for tests: what each one's callbacks said, and
 * turning the loop until something holds. Needs <check.h>.
 */
#ifndef TEST_ENDS_H
#define TEST_ENDS_H

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/net/stream.h"
#include "common/run/loop.h"

struct end {
	struct stream *stream; /* NULL once it ended */
	bool is_ready;
	bool is_ended;
	int end_count;
	enum stream_end end;
	char detail[256];
	uint8_t *data; /* owned */
	size_t len;
	size_t calls;
	size_t biggest;
	int drained;
	char cipher[64];
	struct tls_peer peer;
	/* done inside on_data / on_ready when set */
	void (*react)(struct end *e);
	void (*react_ready)(struct end *e);
};

static inline void end_on_ready(struct stream *s, void *arg)
{
	struct end *e = arg;

	e->is_ready = true;
	e->peer = *stream_peer(s);
	strncpy(e->cipher, stream_cipher(s), sizeof(e->cipher) - 1);
	if (e->react_ready != NULL)
		e->react_ready(e);
}

static inline void end_on_data(struct stream *s, const uint8_t *data,
	size_t len, void *arg)
{
	struct end *e = arg;

	(void)s;
	ck_assert_uint_gt(len, 0);
	e->data = realloc(e->data, e->len + len);
	memcpy(e->data + e->len, data, len);
	e->len += len;
	e->calls++;
	if (len > e->biggest)
		e->biggest = len;
	if (e->react != NULL)
		e->react(e);
}

static inline void end_on_drained(struct stream *s, void *arg)
{
	(void)s;
	((struct end *)arg)->drained++;
}

static inline void end_on_end(struct stream *s, enum stream_end end,
	const char *detail, void *arg)
{
	struct end *e = arg;

	ck_assert_ptr_eq(s, e->stream);
	e->stream = NULL;
	e->is_ended = true;
	e->end_count++;
	e->end = end;
	strncpy(e->detail, detail, sizeof(e->detail) - 1);
}

static const struct stream_ops end_ops = {
	.on_ready = end_on_ready,
	.on_data = end_on_data,
	.on_drained = end_on_drained,
	.on_end = end_on_end,
};

static inline void end_fini(struct end *e)
{
	stream_free(e->stream);
	free(e->data);
	memset(e, 0, sizeof(*e));
}

/* A blocking listening socket on loopback; *at says where. */
static inline int test_listen(struct addr *at)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int fd;

	ck_assert_int_eq(addr_parse_z("127.0.0.1", 0, at), 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	len = addr_to_sockaddr(at, &ss);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&ss, len), 0);
	ck_assert_int_eq(listen(fd, 512), 0);
	len = sizeof(ss);
	getsockname(fd, (struct sockaddr *)&ss, &len);
	ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&ss, len, at),
		0);
	return fd;
}

/* A blocking client socket to this address. */
static inline int test_dial(const struct addr *at)
{
	struct timeval limit = { .tv_sec = 10 };
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(at, &ss);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&ss, len), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

static inline int test_accept(int fd)
{
	int got = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	ck_assert_int_ge(got, 0);
	return got;
}

/* Turn until cond holds, at most 10 s (more under valgrind's slowness is
 * not needed: nothing here waits that long). */
#define TURN_UNTIL(loop, cond)                                          \
	do {                                                            \
		struct mono until_ = mono_after_ms(mono_now(), 10000);  \
		while (!(cond)) {                                       \
			ck_assert_msg(!mono_is_past(until_, mono_now()), \
				"never: %s", #cond);                    \
			loop_turn(loop, 20);                            \
		}                                                       \
	} while (0)

static inline void turn_for_ms(struct loop *loop, int64_t ms)
{
	struct mono until = mono_after_ms(mono_now(), ms);

	while (!mono_is_past(until, mono_now()))
		loop_turn(loop, 5);
}

#endif
