/* A client of [MS-TURN] over TCP, with pseudo-TLS if it likes. */
#ifndef TESTS_AV_EDGE_MS_TCP_H
#define TESTS_AV_EDGE_MS_TCP_H

#include "tests/unit/av-edge/lab_ms.h"
#include "tests/unit/av-edge/tcp_peer.h"

struct ms_tcp {
	int fd;
	struct ms_client c;
	struct ms_ask ask;
	struct addr relayed;
	enum frame_kind kind; /* of what came */
	uint8_t in[FRAME_MAX];
	size_t in_len;
	uint8_t wait[FRAME_MAX + 4096]; /* read, and no frame of it heard */
	size_t wait_len;
};

/* The hello of the vectors. */
static const uint8_t ms_hello[FRAME_HELLO_LEN] = {
	0x16, 0x03, 0x01, 0x00, 0x2d, 0x01, 0x00, 0x00, 0x29, 0x03, 0x01,
	0xc1, 0xfc, 0xd5, 0xa3, 0x6d, 0x93, 0xdd, 0x7e, 0x0b, 0x45, 0x67,
	0x3f, 0xec, 0x79, 0x85, 0xfb, 0xbc, 0x3f, 0xd6, 0x60, 0xc2, 0xce,
	0x84, 0x85, 0x08, 0x1b, 0x81, 0x21, 0xbc, 0xaa, 0x10, 0xfb,
	0x00, 0x00, 0x02, 0x00, 0x18, 0x01, 0x00,
};

static inline void ms_says(struct ms_tcp *f, enum frame_kind kind,
	const void *data, size_t len)
{
	uint8_t head[FRAME_MS_HEADER_LEN];

	frame_ms_header(head, kind, len);
	lab_must(send(f->fd, head, sizeof(head), MSG_NOSIGNAL | MSG_MORE) ==
		sizeof(head), "send");
	stream_says(f->fd, data, len);
}

static inline bool ms_hears(struct ms_tcp *f, int wait_ms)
{
	struct pollfd p = {.fd = f->fd, .events = POLLIN};
	struct frame frame;
	ssize_t n;

	while (f->wait_len == 0 || frame_ms_next(f->wait, f->wait_len,
		&frame) != 0) {
		if (poll(&p, 1, wait_ms) <= 0)
			return false;
		n = recv(f->fd, f->wait + f->wait_len,
			sizeof(f->wait) - f->wait_len, 0);
		if (n <= 0)
			return false;
		f->wait_len += (size_t)n;
	}
	f->kind = frame.kind;
	f->in_len = frame.len;
	memcpy(f->in, frame.data, frame.len);
	f->wait_len -= frame.whole_len;
	memmove(f->wait, f->wait + frame.whole_len, f->wait_len);
	return true;
}

/* What was written as a request goes out; the code that comes back. */
static inline unsigned ms_asks(struct ms_tcp *f)
{
	struct ms_ask *ask = &f->ask;
	int len = stun_write_end(&ask->w);

	lab_must(len > 0, "request");
	ms_says(f, FRAME_CONTROL, ask->bytes, (size_t)len);
	if (!ms_hears(f, CLIENT_WAIT_MS))
		return 999;
	lab_must(f->kind == FRAME_CONTROL && stun_ms_parse(&ask->m, f->in,
		f->in_len) == 0, "answer");
	ask->code = 0;
	if (stun_has(&ask->m, STUN_ERROR_CODE))
		lab_must(stun_error(&ask->m, &ask->code, NULL) == 0, "code");
	else
		lab_must(stun_ms_check(&ask->m, &f->c.key) == 0, "signature");
	return ask->code;
}

static inline void ms_request(struct ms_tcp *f, enum stun_ms_type type)
{
	static unsigned tid;

	ms_begin(&f->ask, &f->c, type, ++tid);
}

static inline void ms_open(struct ms_tcp *f, const char *at,
	const char *server, const char *identity)
{
	struct wall end = {wall_now().s + 1000};

	memset(f, 0, sizeof(*f));
	f->fd = dial(at, server);
	lab_must(f->fd >= 0, "connect");
	f->c.realm = MS_REALM;
	f->c.counts = true;
	lab_must(av_cred_mint(&f->c.cred, &rules->keys, AV_CRED_V2,
		str_of(identity), end) == 0, "mint");
	ms_make_key(&f->c, false);
}

static inline unsigned ms_tries_allocate(struct ms_tcp *f)
{
	unsigned code;

	ms_request(f, STUN_MS_ALLOCATE);
	if (ms_asks(f) != 401)
		return f->ask.code;
	lab_must(str_copy(stun_bytes(&f->ask.m, STUN_NONCE), f->c.nonce,
		sizeof(f->c.nonce)) == 0, "nonce");
	ms_request(f, STUN_MS_ALLOCATE);
	ms_sign_fully(&f->ask);
	code = ms_asks(f);
	if (code == 0)
		lab_must(stun_addr(&f->ask.m, STUN_RELAYED_ADDRESS,
			&f->relayed) == 0 && stun_ms_number(&f->ask.m,
			&f->c.number) == 0, "allocation");
	return code;
}

static inline void ms_allocates(struct ms_tcp *f, const char *at,
	const char *server, const char *identity)
{
	ms_open(f, at, server, identity);
	lab_must(ms_tries_allocate(f) == 0, "allocate");
}

static inline void ms_sends(struct ms_tcp *f, const struct addr *peer,
	const void *data, size_t len)
{
	static uint8_t room[70000];
	int whole;

	ms_request(f, STUN_MS_SEND);
	stun_ms_write_begin(&f->ask.w, room, sizeof(room), STUN_MS_SEND,
		(const uint8_t *)"sixteen bytes ..");
	stun_write_addr(&f->ask.w, STUN_DESTINATION, peer);
	stun_write_bytes(&f->ask.w, STUN_PAYLOAD, data, len);
	ms_sign(&f->ask);
	whole = stun_write_end(&f->ask.w);
	lab_must(whole > 0, "Send");
	ms_says(f, FRAME_CONTROL, room, (size_t)whole);
}

static inline unsigned ms_aims(struct ms_tcp *f, const struct addr *peer)
{
	ms_request(f, STUN_MS_SET_DESTINATION);
	stun_write_addr(&f->ask.w, STUN_DESTINATION, peer);
	ms_sign(&f->ask);
	return ms_asks(f);
}

/* Are these, as a Data Indication, what comes next? */
static inline bool ms_gets_data(struct ms_tcp *f, const struct addr *peer,
	const void *data, size_t len)
{
	struct stun_msg m;
	struct str got;
	struct addr a;

	if (!ms_hears(f, CLIENT_WAIT_MS) || f->kind != FRAME_CONTROL ||
	    stun_ms_parse(&m, f->in, f->in_len) < 0 ||
	    stun_ms_type(&m) != STUN_MS_DATA ||
	    stun_addr(&m, STUN_PEER_ADDRESS, &a) < 0 || !addr_eq(&a, peer))
		return false;
	got = stun_bytes(&m, STUN_PAYLOAD);
	return got.n == len && memcmp(got.p, data, len) == 0;
}

/* As data of the active destination? */
static inline bool ms_gets_bare(struct ms_tcp *f, const void *data,
	size_t len)
{
	return ms_hears(f, CLIENT_WAIT_MS) && f->kind == FRAME_DATA &&
	    f->in_len == len && memcmp(f->in, data, len) == 0;
}

#endif
