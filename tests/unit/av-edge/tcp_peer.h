/* Peers over TCP: for tests of TCP relay ports. */
#ifndef TESTS_AV_EDGE_TCP_PEER_H
#define TESTS_AV_EDGE_TCP_PEER_H

#include "tests/unit/av-edge/tcp_bench.h"

/* A listening socket. */
static inline int peer_listens(const char *at)
{
	struct addr a = lab_addr(at);
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&a, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM, 0), on = 1;

	lab_must(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
		sizeof(on)) == 0 && bind(fd, (struct sockaddr *)&ss, len) ==
		0 && listen(fd, 8) == 0, "peer");
	return fd;
}

/* Who connected to it; -1 when nobody does in time. */
static inline int peer_accepts(int fd, struct addr *from, int wait_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int got;

	if (poll(&p, 1, wait_ms) <= 0)
		return -1;
	got = accept(fd, (struct sockaddr *)&ss, &len);
	lab_must(got >= 0 && addr_from_sockaddr((struct sockaddr *)&ss, len,
		from) == 0, "accept");
	return got;
}

/* A connection to this address, or -1: refused. */
static inline int peer_dials(const char *at, const struct addr *to)
{
	char text[ADDR_TEXT_LEN];

	return dial(at, addr_text(to, text));
}

static inline void stream_says(int fd, const void *data, size_t len)
{
	lab_must(send(fd, data, len, MSG_NOSIGNAL) == (ssize_t)len, "send");
}

/* Exactly these bytes come next. */
static inline bool stream_hears(int fd, const void *want, size_t len)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint8_t got[65536];
	size_t at = 0;
	ssize_t n;

	while (at < len) {
		if (poll(&p, 1, CLIENT_WAIT_MS) <= 0)
			return false;
		n = recv(fd, got, sizeof(got) < len - at ? sizeof(got) :
			len - at, 0);
		if (n <= 0 || memcmp(got, (const uint8_t *)want + at,
			(size_t)n) != 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

/* Did the far end reset it? */
static inline bool is_reset(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint8_t byte;

	return poll(&p, 1, CLIENT_WAIT_MS) > 0 && recv(fd, &byte, 1, 0) < 0 &&
	    errno == ECONNRESET;
}

static inline void await_counter(enum av_counter id, uint64_t value)
{
	unsigned i;

	for (i = 0; i < 100 && relay_counter(relay, id) != value; i++)
		nap(20);
	ck_assert_uint_eq(relay_counter(relay, id), value);
}

#endif
