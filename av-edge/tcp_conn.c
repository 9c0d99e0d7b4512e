/*
 * The life of a client's connection. Its first bytes are looked at without
 * taking them, so that TLS finds all of its handshake; from then on it is a
 * stream whose bytes front_tcp reads. Memory for a client is bounded: a
 * queue that drops datagrams when it is full (threat T9), one frame of
 * input, and no connection without an allocation for long.
 */
#include "av-edge/tcp_conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"
#include "av-edge/frame_tcp.h"
#include "av-edge/front_tcp.h"
#include "av-edge/shard.h"

/* The kernel's part of what may wait; it takes twice as much. */
#define SEND_BUFFER (64 * 1024)

static void count(struct tcp_conn *c, enum av_counter id)
{
	stats_add(&c->shard->turn.stats, id, 1);
}

static enum av_counter open_of(const struct tcp_conn *c)
{
	return c->port->side == TOPOLOGY_INTERNAL ? AV_CONN_INTERNAL :
						    AV_CONN_EXTERNAL;
}

struct tcp_conn *tcp_conn_new(struct tcp_port *port, int fd,
	const struct addr *client)
{
	struct tcp_conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	list_init(&c->node);
	c->port = port;
	c->client = *client;
	c->fd = fd;
	return c;
}

/* ---- the end ----------------------------------------------------------- */

static void release(struct tcp_conn *c)
{
	loop_timer_free(c->timer);
	loop_fd_free(c->watch);
	stream_free(c->stream);
	if (c->fd >= 0)
		close(c->fd);
	free(c->tail);
	c->timer = NULL;
	c->watch = NULL;
	c->stream = NULL;
	c->fd = -1;
	c->tail = NULL;
	c->tail_len = 0;
}

void tcp_conn_discard(struct tcp_conn *c)
{
	release(c);
	list_remove(&c->node);
	free(c);
}

static void report(struct shard *first, void *arg)
{
	struct tcp_conn *c = arg;

	(void)first;
	tcp_port_gone(c->port, &c->client);
	free(c);
}

/* Its port's limits live with the first shard. */
static void tell_port(struct tcp_conn *c)
{
	struct shard *first = c->port->shards[0];

	list_remove(&c->node);
	if (first == c->shard)
		report(first, c);
	else if (shard_post(first, report, c) < 0)
		list_push_back(&c->shard->leaving, &c->node);
}

void tcp_conn_retry(struct shard *s)
{
	struct list *it, *next;

	list_for_each_safe(it, next, &s->leaving)
		tell_port(container_of(it, struct tcp_conn, node));
}

/* RFC 8656 5: the allocation goes with the connection of its 5-tuple. */
static void end_allocation(struct tcp_conn *c)
{
	struct turn *t = &c->shard->turn;
	struct alloc *a = alloc_find(&t->allocs, c->port->number, &c->client);

	if (a != NULL)
		turn_end(t, a, ALLOC_END_CONNECTION);
}

/* Nothing of it is used after this. */
static void end(struct tcp_conn *c)
{
	end_allocation(c);
	stats_add(&c->shard->turn.stats, open_of(c), (uint64_t)-1);
	release(c);
	tell_port(c);
}

void tcp_conn_free_all(struct shard *s)
{
	struct list *it, *next;

	list_for_each_safe(it, next, &s->conns)
		tcp_conn_discard(container_of(it, struct tcp_conn, node));
	list_for_each_safe(it, next, &s->leaving)
		tcp_conn_discard(container_of(it, struct tcp_conn, node));
}

void tcp_conn_close(struct tcp_conn *c)
{
	if (c->stream != NULL)
		stream_close(c->stream);
}

/* ---- the stream -------------------------------------------------------- */

static void on_ready(struct stream *stream, void *arg)
{
	struct tcp_conn *c = arg;

	(void)stream;
	c->is_open = true;
	loop_timer_start(c->timer, c->shard->turn.rules->void_ms);
}

static void on_data(struct stream *stream, const uint8_t *data, size_t len,
	void *arg)
{
	(void)stream;
	front_tcp_read(arg, data, len);
}

static void on_drained(struct stream *stream, void *arg)
{
	struct tcp_conn *c = arg;

	if (!c->is_paused)
		return;
	c->is_paused = false;
	front_tcp_read(c, NULL, 0);
	if (!c->is_paused)
		stream_resume(stream);
}

static void on_end(struct stream *stream, enum stream_end why,
	const char *detail, void *arg)
{
	struct tcp_conn *c = arg;
	char client[ADDR_TEXT_LEN];

	(void)stream;
	c->shard->turn.now = loop_now(c->shard->loop);
	c->stream = NULL;
	if (why == STREAM_END_TLS && !c->is_open)
		count(c, AV_CONN_TLS_FAILED);
	log_debug("connection.ended", "client=%s reason=%s detail=%s",
		addr_text(&c->client, client), stream_end_name(why),
		log_qz(detail));
	end(c);
}

static const struct stream_ops stream_ops = {
	.on_ready = on_ready,
	.on_data = on_data,
	.on_drained = on_drained,
	.on_end = on_end,
};

/* ---- the beginning ----------------------------------------------------- */

static void set_wake_at(int fd, size_t bytes)
{
	int n = (int)bytes;

	/* Refused, we only look more often; the deadline stays. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &n, sizeof(n));
}

static void open_stream(struct tcp_conn *c, struct tls_ctx *tls)
{
	const struct stream_limits limits = {
		.handshake_ms = c->shard->turn.rules->greet_ms,
		.queue_max = TCP_CONN_QUEUE,
	};
	int fd = c->fd, size = SEND_BUFFER;

	set_wake_at(fd, 1);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	loop_fd_free(c->watch);
	c->watch = NULL;
	c->fd = -1;
	c->is_tls = tls != NULL;
	if (stream_accept(&c->stream, c->shard->loop, fd, &c->client, tls,
		    &limits, &stream_ops, c) == 0)
		return;
	c->stream = NULL;
	end(c);
}

static void choose(struct tcp_conn *c, enum frame_dialect dialect)
{
	struct tls_ctx *tls = c->shard->turn.rules->tls;

	switch (dialect) {
	case FRAME_RFC:
		count(c, AV_CONN_RFC);
		open_stream(c, NULL);
		return;
	case FRAME_TLS:
		if (tls != NULL) {
			count(c, AV_CONN_TLS);
			open_stream(c, tls);
			return;
		}
		count(c, AV_CONN_NO_CERTIFICATE);
		break;
	case FRAME_PSEUDO_TLS:
	case FRAME_MS:
		count(c, AV_CONN_MS_TURN);
		break;
	case FRAME_UNDECIDED:
	case FRAME_CLOSE:
		count(c, AV_CONN_UNKNOWN);
		break;
	}
	end(c);
}

/* Readable: more first bytes, or the end. */
static void on_first_bytes(unsigned ready, void *arg)
{
	struct tcp_conn *c = arg;
	uint8_t bytes[FRAME_HELLO_LEN];
	enum frame_dialect dialect;
	ssize_t n;

	(void)ready;
	c->shard->turn.now = loop_now(c->shard->loop);
	n = recv(c->fd, bytes, sizeof(bytes), MSG_PEEK);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* Woken and nothing new: what comes after those bytes is its end. */
	if (n <= 0 || (size_t)n == c->seen) {
		end(c);
		return;
	}
	c->seen = (size_t)n;
	dialect = frame_dialect_of(bytes, c->seen);
	if (dialect == FRAME_UNDECIDED)
		set_wake_at(c->fd, c->seen + 1);
	else
		choose(c, dialect);
}

/* Nothing to decide by, no handshake, or no allocation in time. */
static void on_deadline(void *arg)
{
	struct tcp_conn *c = arg;

	c->shard->turn.now = loop_now(c->shard->loop);
	count(c, AV_CONN_TOO_SLOW);
	if (c->stream != NULL)
		stream_close(c->stream);
	else
		end(c);
}

void tcp_conn_begin(struct shard *s, struct tcp_conn *c)
{
	int err;

	c->shard = s;
	list_push_back(&s->conns, &c->node);
	count(c, open_of(c));
	err = loop_timer_new(&c->timer, s->loop, on_deadline, c);
	if (err == 0)
		err = loop_fd_new(&c->watch, s->loop, c->fd, LOOP_READ,
			on_first_bytes, c);
	if (err < 0) {
		end(c);
		return;
	}
	loop_timer_start(c->timer, s->turn.rules->greet_ms);
}

/* ---- to the client ----------------------------------------------------- */

void tcp_conn_allocated(struct tcp_conn *c, bool has_alloc)
{
	if (c->stream == NULL)
		return; /* it is ending */
	if (has_alloc)
		loop_timer_stop(c->timer);
	else
		loop_timer_start(c->timer, c->shard->turn.rules->void_ms);
}

static bool put(struct tcp_conn *c, const void *data, size_t len)
{
	return len == 0 || stream_send(c->stream, data, len) >= 0;
}

/* Clients are about that take a TLS record for a message (coturn's is one):
 * they get one in each, as long as they read. */
static void end_message(struct tcp_conn *c)
{
	if (c->is_tls)
		stream_push(c->stream);
}

void tcp_conn_answer(struct tcp_conn *c, const uint8_t *data, size_t len)
{
	/* Ended meanwhile: then nobody waits for it. */
	if (!put(c, data, len))
		return;
	end_message(c);
	if (stream_room(c->stream, TURN_ANSWER_MAX) >= TURN_ANSWER_MAX)
		return;
	c->is_paused = true;
	stream_pause(c->stream);
}

bool tcp_conn_relay(struct tcp_conn *c, const struct udp_out *out)
{
	static const uint8_t zeros[UDP_PAD_MAX + 3];
	size_t len = out->head_len + out->len + out->pad;
	size_t pad = out->pad + frame_rfc_padding(len);
	size_t wanted = out->head_len + out->len + pad + TCP_CONN_RESERVE;

	if (stream_room(c->stream, wanted) < wanted)
		return false;
	if (!put(c, out->head, out->head_len) ||
	    !put(c, out->data, out->len) || !put(c, zeros, pad))
		return false;
	end_message(c);
	return true;
}
