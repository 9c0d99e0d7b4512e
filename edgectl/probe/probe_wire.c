/*
 * Sockets and frames under the TURN probes. A stream's bytes are kept until
 * a frame is whole; a connection that ends is told by probe_wire_end().
 */
#include "edgectl/probe/probe_wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/rand.h"
#include "common/net/stream.h"
#include "common/net/udp.h"
#include "common/stun/frame_tcp.h"

#define DATAGRAM_MAX 2048
#define TURN_MAX     64 /* datagrams of one turn */
#define CONNECT_MS   5000

static const char *const NAMES[PROBE_WAYS] = {
	[PROBE_UDP] = "udp",
	[PROBE_TCP] = "tcp",
	[PROBE_TLS] = "tls",
	[PROBE_PSEUDO_TLS] = "pseudo-tls",
};

struct probe_wire {
	struct probe *probe;
	enum probe_way way;
	bool is_ms;
	struct addr server;
	probe_wire_cb *on_message;
	void *arg;
	int fd; /* UDP */
	struct loop_fd *watch;
	struct stream *stream; /* owned until on_end */
	struct tls_ctx *tls;
	bool is_ready;
	bool is_greeted; /* pseudo-TLS: its answer has come */
	char end[256];
	uint8_t in[FRAME_MAX];
	size_t in_len;
};

const char *probe_way_name(enum probe_way way)
{
	return NAMES[way];
}

/* ---- datagrams ---------------------------------------------------------- */

static void on_readable(unsigned ready, void *arg)
{
	struct probe_wire *w = arg;
	struct sockaddr_storage sa;
	uint8_t data[DATAGRAM_MAX];
	struct addr from;

	(void)ready;
	for (unsigned i = 0; i < TURN_MAX; i++) {
		socklen_t sa_len = sizeof(sa);
		ssize_t n = recvfrom(w->fd, data, sizeof(data), MSG_DONTWAIT,
			(struct sockaddr *)&sa, &sa_len);

		if (n < 0)
			return;
		if (addr_from_sockaddr((struct sockaddr *)&sa, sa_len, &from) ==
				0 &&
			addr_eq(&from, &w->server))
			w->on_message(data, (size_t)n, w->arg);
	}
}

static int open_udp(struct probe_wire *w, const struct probe_wire_spec *spec,
	struct why *why)
{
	struct udp_spec udp = {.address = spec->local};
	int err;

	if (!addr_is_set(&udp.address)) {
		err = addr_parse_z(spec->server.family == 6 ? "::" : "0.0.0.0",
			0, &udp.address);
		if (err != 0)
			return err;
	}
	w->fd = udp_open(&udp, why);
	if (w->fd < 0)
		return w->fd;
	w->is_ready = true;
	return loop_fd_new(&w->watch, w->probe->loop, w->fd, LOOP_READ,
		on_readable, w);
}

/* ---- streams ------------------------------------------------------------ */

/* How many of the bytes were used; 0 = more are needed, < 0 = lost. */
static ssize_t take_one(struct probe_wire *w, const uint8_t *bytes,
	size_t len)
{
	struct frame frame;
	int err;

	if (w->way == PROBE_PSEUDO_TLS && !w->is_greeted) {
		if (len < FRAME_ANSWER_LEN)
			return 0;
		if (!frame_is_answer(bytes))
			return EDGE_EMALFORMED;
		w->is_greeted = true;
		return FRAME_ANSWER_LEN;
	}
	err = w->is_ms ? frame_ms_next(bytes, len, &frame)
		       : frame_rfc_next(bytes, len, &frame);
	if (err == EDGE_ESHORT)
		return 0;
	if (err != 0)
		return err;
	w->on_message(frame.data, frame.len, w->arg);
	return (ssize_t)frame.whole_len;
}

static void on_data(struct stream *stream, const uint8_t *data, size_t len,
	void *arg)
{
	struct probe_wire *w = arg;
	ssize_t used = 0;
	size_t at = 0;

	if (len > sizeof(w->in) - w->in_len) {
		stream_close(stream);
		return;
	}
	memcpy(w->in + w->in_len, data, len);
	w->in_len += len;
	do {
		at += (size_t)used;
		used = take_one(w, w->in + at, w->in_len - at);
	} while (used > 0);
	if (used < 0) {
		snprintf(w->end, sizeof(w->end),
			"what it sends has no frames we know");
		stream_close(stream);
		return;
	}
	memmove(w->in, w->in + at, w->in_len - at);
	w->in_len -= at;
}

static void on_ready(struct stream *stream, void *arg)
{
	struct probe_wire *w = arg;
	uint8_t hello[FRAME_HELLO_LEN];
	uint8_t random[FRAME_HELLO_RANDOM_LEN];

	w->is_ready = true;
	if (w->way != PROBE_PSEUDO_TLS)
		return;
	rand_bytes(random, sizeof(random));
	frame_hello(hello, random);
	stream_send(stream, hello, sizeof(hello));
}

static void on_end(struct stream *stream, enum stream_end end,
	const char *detail, void *arg)
{
	struct probe_wire *w = arg;

	(void)stream;
	w->stream = NULL;
	if (w->end[0] == '\0')
		snprintf(w->end, sizeof(w->end), "%s",
			detail[0] != '\0' ? detail : stream_end_name(end));
}

static const struct stream_ops OPS = {
	.on_ready = on_ready,
	.on_data = on_data,
	.on_end = on_end,
};

static bool is_open(void *arg)
{
	const struct probe_wire *w = arg;

	if (w->stream == NULL)
		return true;
	return w->is_ready && (w->way != PROBE_PSEUDO_TLS || w->is_greeted);
}

static int not_open(const struct probe_wire *w, int err, struct why *why)
{
	const char *end = w->end[0] != '\0' ? w->end : "no answer";

	if (err == 0)
		err = EDGE_EPEER;
	if (!w->is_ready && w->way != PROBE_TLS)
		return why_set(why, err, "can't connect: %s; is av-edge up, "
			"does a firewall drop the port?", end);
	if (!w->is_ready)
		return why_set(why, err, "no TLS: %s; is there a certificate "
			"external-av, does a firewall drop the port?", end);
	return why_set(why, err, "connected, and no greeting came back: %s",
		end);
}

static int open_stream(struct probe_wire *w,
	const struct probe_wire_spec *spec, struct why *why)
{
	const struct stream_target target = {.local = spec->local,
		.remote = spec->server,
		.name = spec->way == PROBE_TLS ? spec->name : NULL};
	const struct stream_limits limits = {.handshake_ms = CONNECT_MS};
	const struct tls_spec tls = {.role = TLS_ROLE_CLIENT,
		.verify = TLS_VERIFY_REQUIRE,
		.trust_path = spec->trust};
	int err = 0;

	if (spec->way == PROBE_TLS)
		err = tls_ctx_new(&w->tls, &tls, why);
	if (err != 0)
		return err;
	err = stream_connect(&w->stream, w->probe->loop, &target, w->tls,
		&limits, &OPS, w);
	if (err != 0)
		return why_set(why, err, "can't connect: %s", err_text(err));
	err = probe_wait(w->probe, CONNECT_MS, is_open, w);
	if (err == 0 && w->stream != NULL)
		return 0;
	return not_open(w, err, why);
}

/* ---- both --------------------------------------------------------------- */

int probe_wire_open(struct probe_wire **out, struct probe *probe,
	const struct probe_wire_spec *spec, struct why *why)
{
	struct probe_wire *w = calloc(1, sizeof(*w));
	int err;

	if (w == NULL)
		return -ENOMEM;
	w->probe = probe;
	w->way = spec->way;
	w->is_ms = spec->is_ms;
	w->server = spec->server;
	w->on_message = spec->on_message;
	w->arg = spec->arg;
	w->fd = -1;
	err = spec->way == PROBE_UDP ? open_udp(w, spec, why)
				     : open_stream(w, spec, why);
	if (err != 0) {
		probe_wire_close(w);
		return err;
	}
	*out = w;
	return 0;
}

void probe_wire_close(struct probe_wire *w)
{
	if (w == NULL)
		return;
	loop_fd_free(w->watch);
	if (w->fd >= 0)
		close(w->fd);
	stream_free(w->stream);
	tls_ctx_unref(w->tls);
	free(w);
}

static void send_datagram(struct probe_wire *w, const uint8_t *data,
	size_t len)
{
	struct sockaddr_storage sa;
	socklen_t sa_len = addr_to_sockaddr(&w->server, &sa);

	/* UDP: what the kernel can't take is as good as lost on the way. */
	if (sendto(w->fd, data, len, MSG_DONTWAIT, (struct sockaddr *)&sa,
		    sa_len) < 0)
		return;
}

void probe_wire_send(struct probe_wire *w, const uint8_t *data, size_t len,
	bool is_data)
{
	static const uint8_t zeros[4];
	uint8_t head[FRAME_MS_HEADER_LEN];

	if (w->way == PROBE_UDP) {
		send_datagram(w, data, len);
		return;
	}
	if (w->stream == NULL)
		return;
	if (w->is_ms) {
		frame_ms_header(head, is_data ? FRAME_DATA : FRAME_CONTROL,
			len);
		stream_send(w->stream, head, sizeof(head));
	}
	stream_send(w->stream, data, len);
	if (!w->is_ms)
		stream_send(w->stream, zeros, frame_rfc_padding(len));
}

bool probe_wire_is_lossy(const struct probe_wire *w)
{
	return w->way == PROBE_UDP;
}

const char *probe_wire_end(const struct probe_wire *w)
{
	return w->end;
}

const struct addr *probe_wire_server(const struct probe_wire *w)
{
	return &w->server;
}

enum probe_way probe_wire_way(const struct probe_wire *w)
{
	return w->way;
}
