/*
 * A TURN client over real sockets, blocking with a deadline, for load: who it
 * is and where its relay is lies in struct account. Whatever goes wrong ends
 * the program.
 */
#ifndef TESTS_BENCH_RELAY_CLIENT_H
#define TESTS_BENCH_RELAY_CLIENT_H

#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/addr.h"
#include "common/base/buf.h"
#include "common/stun/stun_msg.h"

#define ANSWER_MS   1000
#define TRIES_MAX   10
#define CHANNEL     0x4000

struct account {
	struct addr server;
	struct addr client; /* where clients bind, port 0 */
	const char *user;
	const char *password;
};

struct flow {
	const struct account *account; /* borrowed */
	int client_fd;
	int peer_fd; /* -1 in pairs */
	struct addr peer;
	struct addr relayed;
	uint8_t key[STUN_KEY_LEN];
	char realm[256];
	char nonce[256];
};

static inline void die(const char *what)
{
	fprintf(stderr, "relay_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static inline void connect_to(int fd, const struct addr *to)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(to, &ss);

	if (connect(fd, (struct sockaddr *)&ss, len) < 0)
		die("connect");
}

static inline int open_socket(const struct addr *at)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(at, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	int on = 1, room = 1 << 20;

	if (fd < 0 || bind(fd, (struct sockaddr *)&ss, len) < 0)
		die("socket");
	setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return fd;
}

static inline struct addr name_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr a = {.family = 0};

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0 ||
	    addr_from_sockaddr((struct sockaddr *)&ss, len, &a) < 0)
		die("getsockname");
	return a;
}

static inline void learn(struct flow *f, const struct stun_msg *m)
{
	if (str_copy(stun_bytes(m, STUN_REALM), f->realm, sizeof(f->realm)) <
		    0 ||
	    str_copy(stun_bytes(m, STUN_NONCE), f->nonce, sizeof(f->nonce)) <
		    0)
		die("challenge");
	stun_key(str_of(f->account->user), str_of(f->realm),
		str_of(f->account->password), f->key);
}

/* The next STUN message; media that still comes is passed over. False when
 * nothing comes. */
static inline bool hear_answer(int fd, struct stun_msg *m)
{
	static uint8_t answer_room[4096];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n;

	do {
		if (poll(&p, 1, ANSWER_MS) <= 0)
			return false;
		n = recv(fd, answer_room, sizeof(answer_room), 0);
	} while (n < 0 || stun_parse(m, &stun_rfc, answer_room, (size_t)n) <
		0);
	return true;
}

static inline void send_request(const struct flow *f, struct stun_writer *w)
{
	int len;

	if (f->nonce[0] != '\0') {
		stun_write_text(w, STUN_USERNAME, str_of(f->account->user));
		stun_write_text(w, STUN_REALM, str_of(f->realm));
		stun_write_text(w, STUN_NONCE, str_of(f->nonce));
		stun_write_integrity(w, f->key, sizeof(f->key));
	}
	len = stun_write_end(w);
	if (len < 0 || send(f->client_fd, w->w.p, (size_t)len, 0) != len)
		die("send");
}

/* Send and hear the answer. The error code, 0 = success. */
static inline unsigned exchange(struct flow *f, struct stun_writer *w,
	struct stun_msg *m)
{
	unsigned code = 0, tries = 0;

	send_request(f, w);
	while (!hear_answer(f->client_fd, m)) {
		if (tries++ == TRIES_MAX)
			die("no answer");
		send(f->client_fd, w->w.p, w->w.len, 0);
	}
	if (m->class == STUN_ERROR && stun_error(m, &code, NULL) < 0)
		die("error code");
	if (code == 401 || code == 438)
		learn(f, m);
	return code;
}

static inline void begin(struct stun_writer *w, uint8_t *room, size_t cap,
	uint16_t method)
{
	uint8_t tid[STUN_TID_LEN];

	stun_tid_new(tid);
	stun_write_begin(w, &stun_rfc, room, cap, STUN_REQUEST, method, tid);
}

static inline unsigned ask_allocate(struct flow *f, struct stun_msg *m)
{
	uint8_t room[1024];
	struct stun_writer w;

	begin(&w, room, sizeof(room), STUN_ALLOCATE);
	stun_write_number(&w, STUN_REQUESTED_TRANSPORT, 17u << 24);
	return exchange(f, &w, m);
}

/* 437: some relays remember a client's port for a while after its end. */
static inline bool allocate(struct flow *f)
{
	struct stun_msg m;
	unsigned code, tries = 0;

	do {
		code = ask_allocate(f, &m);
	} while ((code == 401 || code == 438) && tries++ < 2);
	if (code == 437)
		return false;
	if (code != 0) {
		fprintf(stderr, "relay_load: allocate: %u\n", code);
		exit(1);
	}
	if (stun_addr(&m, STUN_RELAYED_ADDRESS, &f->relayed) < 0)
		die("relayed address");
	return true;
}

static inline void bind_channel(struct flow *f, const struct addr *peer)
{
	uint8_t room[1024];
	struct stun_writer w;
	struct stun_msg m;

	begin(&w, room, sizeof(room), STUN_CHANNEL_BIND);
	stun_write_number(&w, STUN_CHANNEL_NUMBER, CHANNEL << 16);
	stun_write_addr(&w, STUN_PEER_ADDRESS, peer);
	if (exchange(f, &w, &m) != 0)
		die("channel bind");
}

static inline void end_allocation(struct flow *f)
{
	uint8_t room[1024];
	struct stun_writer w;
	struct stun_msg m;

	unsigned code;

	begin(&w, room, sizeof(room), STUN_REFRESH);
	stun_write_number(&w, STUN_LIFETIME, 0);
	code = exchange(f, &w, &m);
	if (code == 438)
		end_allocation(f);
	else if (code != 0 && code != 437)
		die("refresh 0");
}

static inline void open_flow(struct flow *f, const struct account *account)
{
	bool is_open;

	do {
		memset(f, 0, sizeof(*f));
		f->account = account;
		f->peer_fd = -1;
		f->client_fd = open_socket(&f->account->client);
		connect_to(f->client_fd, &f->account->server);
		is_open = allocate(f);
		if (!is_open)
			close(f->client_fd);
	} while (!is_open);
}

#endif
