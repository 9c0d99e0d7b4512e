/*
 * A TURN client and a peer over real sockets, as simple as can be: for
 * tests that run a whole relay in their own process. Everything waits a
 * second at most.
 */
#ifndef TESTS_AV_EDGE_CLIENT_H
#define TESTS_AV_EDGE_CLIENT_H

#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/net/udp.h"
#include "common/stun/stun_msg.h"
#include "common/stun/frame_tcp.h"
#include "tests/unit/av-edge/lab.h"

#define CLIENT_WAIT_MS 1000
#define CLIENT_QUIET_MS 60

struct client {
	int fd;
	struct addr server;
	struct lab_cred cred;
	char nonce[64];
	uint8_t in[65536];
	size_t in_len;
	struct addr from;
	struct addr relayed;
	struct addr second; /* relayed address of the other family, or unset */
	bool is_stream; /* fd is connected TCP, through ssl if there is one */
	SSL *ssl;
	uint8_t wait[FRAME_MAX + 4096]; /* read, and no frame of it heard */
	size_t wait_len;
};

static inline int plain_socket(const char *at)
{
	const struct udp_spec spec = {.address = lab_addr(at)};
	struct why why = {""};
	int fd = udp_open(&spec, &why);

	lab_must(fd >= 0, why.text);
	return fd;
}

static inline struct addr name_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr a;

	lab_must(getsockname(fd, (struct sockaddr *)&ss, &len) == 0, "name");
	lab_must(addr_from_sockaddr((struct sockaddr *)&ss, len, &a) == 0,
		"name");
	return a;
}

static inline void say(int fd, const struct addr *to, const void *data,
	size_t len)
{
	struct sockaddr_storage ss;
	socklen_t ss_len = addr_to_sockaddr(to, &ss);

	lab_must(sendto(fd, data, len, 0, (struct sockaddr *)&ss, ss_len) ==
		(ssize_t)len, "sendto");
}

/* -1 when nothing comes. */
static inline ssize_t hear(int fd, void *room, size_t cap, struct addr *from,
	int wait_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	ssize_t n;

	if (poll(&p, 1, wait_ms) <= 0)
		return -1;
	n = recvfrom(fd, room, cap, 0, (struct sockaddr *)&ss, &len);
	lab_must(n >= 0, "recvfrom");
	lab_must(addr_from_sockaddr((struct sockaddr *)&ss, len, from) == 0,
		"from");
	return n;
}

static inline bool is_quiet(int fd)
{
	uint8_t room[2048];
	struct addr from;

	return hear(fd, room, sizeof(room), &from, CLIENT_QUIET_MS) < 0;
}

static inline void client_open(struct client *c, const char *at,
	const char *server, const struct lab_cred *cred)
{
	memset(c, 0, sizeof(*c));
	c->fd = plain_socket(at);
	c->server = lab_addr(server);
	c->cred = *cred;
}

/* More bytes of the stream; false: none came, or its end. */
static inline bool client_read(struct client *c, int wait_ms)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	size_t room = sizeof(c->wait) - c->wait_len;
	ssize_t n;

	if (c->ssl != NULL && SSL_pending(c->ssl) > 0)
		wait_ms = 0;
	else if (poll(&p, 1, wait_ms) <= 0)
		return false;
	n = c->ssl != NULL ?
		SSL_read(c->ssl, c->wait + c->wait_len, (int)room) :
		recv(c->fd, c->wait + c->wait_len, room, 0);
	if (n > 0)
		c->wait_len += (size_t)n;
	return n > 0;
}

/* The next frame; RFC 8656 12.5: zeros fill ChannelData up to 4. */
static inline bool client_hear_frame(struct client *c, int wait_ms)
{
	struct frame f;
	size_t i;

	while (c->wait_len == 0 ||
	    frame_rfc_next(c->wait, c->wait_len, &f) != 0) {
		if (!client_read(c, wait_ms))
			return false;
	}
	memcpy(c->in, f.data, f.len);
	c->in_len = f.len;
	for (i = f.len; i < f.whole_len; i++)
		lab_must(c->wait[i] == 0, "padding");
	c->wait_len -= f.whole_len;
	memmove(c->wait, c->wait + f.whole_len, c->wait_len);
	return true;
}

static inline void client_say(struct client *c, const void *data, size_t len)
{
	const uint8_t zeros[3] = {0};
	size_t pad = frame_rfc_padding(len);

	if (c->ssl != NULL) {
		lab_must(SSL_write(c->ssl, data, (int)len) == (int)len &&
			(pad == 0 || SSL_write(c->ssl, zeros, (int)pad) > 0),
			"SSL_write");
	} else if (c->is_stream) {
		lab_must(send(c->fd, data, len, MSG_NOSIGNAL) ==
			(ssize_t)len && send(c->fd, zeros, pad,
			MSG_NOSIGNAL) == (ssize_t)pad, "send");
	} else {
		say(c->fd, &c->server, data, len);
	}
}

static inline bool client_hear(struct client *c, int wait_ms)
{
	ssize_t n;

	if (c->is_stream)
		return client_hear_frame(c, wait_ms);
	n = hear(c->fd, c->in, sizeof(c->in), &c->from, wait_ms);
	c->in_len = n < 0 ? 0 : (size_t)n;
	return n >= 0;
}

/* One request with one peer and one number; the error code, 0 = success,
 * 999 = no answer. */
struct request {
	uint16_t method;
	const struct addr *peer;
	uint32_t channel;
	bool has_lifetime;
	uint32_t lifetime_s;
	unsigned family;      /* of an Allocate; 0 = says nothing */
	bool both;            /* families */
	unsigned protocol; /* of Allocate; 0 = UDP */
	uint32_t connection; /* CONNECTION-ID, 0 = none */
};

static inline unsigned client_try(struct client *c, const struct request *r,
	struct stun_msg *m)
{
	uint8_t room[1024], tid[STUN_TID_LEN];
	struct stun_writer w;
	unsigned code = 0;
	int len;

	stun_tid_new(tid);
	stun_write_begin(&w, &stun_rfc, room, sizeof(room), STUN_REQUEST,
		r->method, tid);
	if (r->method == STUN_ALLOCATE)
		stun_write_number(&w, STUN_REQUESTED_TRANSPORT,
			(r->protocol != 0 ? r->protocol : 17u) << 24);
	if (r->connection != 0)
		stun_write_number(&w, STUN_CONNECTION_ID, r->connection);
	if (r->family != 0)
		stun_write_number(&w, STUN_REQUESTED_FAMILY, r->family << 24);
	if (r->both)
		stun_write_number(&w, STUN_ADDITIONAL_FAMILY, 2u << 24);
	if (r->channel != 0)
		stun_write_number(&w, STUN_CHANNEL_NUMBER, r->channel << 16);
	if (r->peer != NULL)
		stun_write_addr(&w, STUN_PEER_ADDRESS, r->peer);
	if (r->has_lifetime)
		stun_write_number(&w, STUN_LIFETIME, r->lifetime_s);
	if (c->nonce[0] != '\0') {
		stun_write_text(&w, STUN_USERNAME, str_of(c->cred.user));
		stun_write_text(&w, STUN_REALM, STR_LIT(LAB_REALM));
		stun_write_text(&w, STUN_NONCE, str_of(c->nonce));
		stun_write_integrity(&w, c->cred.key, sizeof(c->cred.key));
	}
	len = stun_write_end(&w);
	lab_must(len > 0, "request");
	client_say(c, room, (size_t)len);
	if (!client_hear(c, CLIENT_WAIT_MS))
		return 999;
	lab_must(stun_parse(m, &stun_rfc, c->in, c->in_len) == 0, "answer");
	lab_must(memcmp(m->tid, tid, sizeof(tid)) == 0, "other's answer");
	if (m->class == STUN_ERROR)
		lab_must(stun_error(m, &code, NULL) == 0, "error code");
	if (code == 401 || code == 438)
		lab_must(str_copy(stun_bytes(m, STUN_NONCE), c->nonce,
			sizeof(c->nonce)) == 0, "nonce");
	return code;
}

static inline unsigned client_ask(struct client *c, const struct request *r)
{
	struct stun_msg m;
	unsigned code = client_try(c, r, &m);

	if ((code == 401 && !stun_has(&m, STUN_INTEGRITY)) || code == 438)
		code = client_try(c, r, &m);
	if (code == 0 && r->method == STUN_ALLOCATE)
		lab_must(stun_addr(&m, STUN_RELAYED_ADDRESS, &c->relayed) ==
			0, "relayed");
	if (code == 0 && r->both && stun_addr_nth(&m, STUN_RELAYED_ADDRESS,
		1, &c->second) < 0)
		memset(&c->second, 0, sizeof(c->second));
	return code;
}

static inline unsigned client_allocate(struct client *c)
{
	return client_ask(c, &(struct request){.method = STUN_ALLOCATE});
}

static inline unsigned client_permit(struct client *c,
	const struct addr *peer)
{
	return client_ask(c, &(struct request){
		.method = STUN_CREATE_PERMISSION, .peer = peer});
}

static inline unsigned client_bind(struct client *c, uint32_t channel,
	const struct addr *peer)
{
	return client_ask(c, &(struct request){.method = STUN_CHANNEL_BIND,
		.peer = peer, .channel = channel});
}

static inline unsigned client_end(struct client *c)
{
	return client_ask(c, &(struct request){.method = STUN_REFRESH,
		.has_lifetime = true});
}

static inline void client_channel(struct client *c, uint16_t channel,
	const char *text)
{
	uint8_t room[2048];
	size_t len = strlen(text);

	buf_store_u16(room, channel);
	buf_store_u16(room + 2, (uint16_t)len);
	memcpy(room + 4, text, len);
	client_say(c, room, 4 + len);
}

static inline void client_send(struct client *c, const struct addr *peer,
	const char *text)
{
	uint8_t room[2048], tid[STUN_TID_LEN];
	struct stun_writer w;

	stun_tid_new(tid);
	stun_write_begin(&w, &stun_rfc, room, sizeof(room), STUN_INDICATION,
		STUN_SEND, tid);
	stun_write_addr(&w, STUN_PEER_ADDRESS, peer);
	stun_write_text(&w, STUN_PAYLOAD, str_of(text));
	client_say(c, room, (size_t)stun_write_end(&w));
}

/* Is this, as ChannelData, what comes next? */
static inline bool client_gets_channel(struct client *c, uint16_t channel,
	const char *text)
{
	size_t len = strlen(text);

	return client_hear(c, CLIENT_WAIT_MS) && c->in_len == 4 + len &&
	    buf_load_u16(c->in) == channel &&
	    buf_load_u16(c->in + 2) == len &&
	    memcmp(c->in + 4, text, len) == 0;
}

/* Is this, as a Data indication, what comes next? */
static inline bool client_gets_data(struct client *c,
	const struct addr *peer, const char *text)
{
	struct stun_msg m;
	struct addr a;

	return client_hear(c, CLIENT_WAIT_MS) &&
	    stun_parse(&m, &stun_rfc, c->in, c->in_len) == 0 &&
	    m.class == STUN_INDICATION && m.method == STUN_DATA &&
	    stun_addr(&m, STUN_PEER_ADDRESS, &a) == 0 && addr_eq(&a, peer) &&
	    str_eq_z(stun_bytes(&m, STUN_PAYLOAD), text);
}

static inline bool gets(int fd, const char *text, struct addr *from)
{
	char room[2048];
	ssize_t n = hear(fd, room, sizeof(room), from, CLIENT_WAIT_MS);

	return n == (ssize_t)strlen(text) && memcmp(room, text, (size_t)n) ==
	    0;
}

#endif
