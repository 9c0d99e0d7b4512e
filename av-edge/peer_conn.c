/*
 * From a connection's beginning to its end, for all dialects alike. Between
 * two relay ports of this edge it is a pair of Unix sockets: the kernel
 * bounds what waits, holds up who writes too much, and carries it from one
 * shard's thread to the other's; nothing of it touches the network. The far
 * end says yes to it with one byte, or closes.
 */
#include "av-edge/peer_conn.h"

#include <errno.h>
#include <sys/socket.h>

#include "av-edge/relay_tcp.h"
#include "av-edge/shard.h"

#define WELCOME 0x06
/* Unacknowledged bytes end a connection after this. */
#define USER_TIMEOUT_MS 30000

static struct shard *shard_of(const struct peer_conn *p)
{
	return p->relay->shard;
}

static void look_at_clock(const struct peer_conn *p)
{
	struct shard *s = shard_of(p);

	s->turn.now = loop_now(s->loop);
}

static void open_now(struct peer_conn *p)
{
	if (p->is_open)
		return;
	p->is_open = true;
	p->user->on_open(p);
}

/* ---- the stream -------------------------------------------------------- */

static void on_ready(struct stream *stream, void *arg)
{
	struct peer_conn *p = arg;

	look_at_clock(p);
	stream_set_user_timeout_ms(stream, USER_TIMEOUT_MS);
	if (!p->awaits_verdict)
		open_now(p);
}

static void on_data(struct stream *stream, const uint8_t *data, size_t len,
	void *arg)
{
	struct peer_conn *p = arg;

	(void)stream;
	look_at_clock(p);
	if (p->awaits_verdict) {
		p->awaits_verdict = false;
		data++;
		len--;
		open_now(p);
	}
	if (len > 0)
		p->user->on_data(p, data, len);
}

static void on_drained(struct stream *stream, void *arg)
{
	struct peer_conn *p = arg;

	(void)stream;
	look_at_clock(p);
	p->user->on_drained(p);
}

static void on_eof(struct stream *stream, void *arg)
{
	struct peer_conn *p = arg;

	(void)stream;
	look_at_clock(p);
	p->user->on_eof(p);
}

static void on_end(struct stream *stream, enum stream_end why,
	const char *detail, void *arg)
{
	struct peer_conn *p = arg;

	(void)stream;
	(void)why;
	(void)detail;
	look_at_clock(p);
	p->stream = NULL;
	relay_tcp_ended(p);
}

static const struct stream_ops ops = {
	.on_ready = on_ready,
	.on_data = on_data,
	.on_drained = on_drained,
	.on_eof = on_eof,
	.on_end = on_end,
};

/* ---- beginning --------------------------------------------------------- */

static struct stream_limits limits_of(const struct peer_conn *p)
{
	return (struct stream_limits){
		.handshake_ms = shard_of(p)->turn.rules->connect_ms,
		.queue_max = PEER_CONN_QUEUE,
		.send_buffer = PEER_CONN_SEND_BUFFER,
	};
}

int peer_conn_dial(struct peer_conn *p, const struct addr *at,
	bool bind_device)
{
	const struct stream_limits limits = limits_of(p);
	const struct stream_target target = {
		.local = *at,
		.remote = p->peer,
		.bind_device = bind_device,
		.share_port = true,
	};

	return stream_connect(&p->stream, shard_of(p)->loop, &target, NULL,
		&limits, &ops, p);
}

int peer_conn_adopt(struct peer_conn *p, int fd)
{
	const struct stream_limits limits = limits_of(p);

	return stream_accept(&p->stream, shard_of(p)->loop, fd, &p->peer,
		NULL, &limits, &ops, p);
}

int peer_conn_welcome(int fd)
{
	static const uint8_t welcome = WELCOME;

	return send(fd, &welcome, 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

/* ---- in mid-life ------------------------------------------------------- */

int peer_conn_send(struct peer_conn *p, const void *data, size_t len)
{
	return len == 0 ? 0 : stream_send(p->stream, data, len);
}

bool peer_conn_is_stuck(struct peer_conn *p, int64_t now_ms, int64_t since_ms)
{
	uint64_t out = stream_bytes_out(p->stream);

	if (!p->is_open || stream_queued(p->stream) == 0 || out != p->moved) {
		p->moved = out;
		p->moved_ms = now_ms;
	}
	return p->moved_ms <= since_ms;
}
