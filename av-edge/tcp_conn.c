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
#include "common/base/rand.h"
#include "common/stun/frame_tcp.h"
#include "av-edge/data_conn.h"
#include "av-edge/front_tcp.h"
#include "av-edge/ms_stream.h"
#include "av-edge/shard.h"
#include "av-edge/tcp_move.h"

static void count(struct tcp_conn *c, enum av_counter id)
{
	stats_add(&c->shard->turn.stats, id, 1);
}

enum av_counter tcp_conn_gauge(const struct tcp_conn *c)
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

/* ---- not reading for a while ------------------------------------------- */

static void on_resumed(void *arg)
{
	struct tcp_conn *c = arg;

	c->is_resuming = false;
	if (c->pauses != 0 || c->stream == NULL)
		return;
	front_tcp_read(c, NULL, 0);
	if (c->pauses == 0 && c->stream != NULL)
		stream_resume(c->stream);
}

void tcp_conn_pause(struct tcp_conn *c, enum tcp_conn_pause why)
{
	c->pauses |= why;
	if (c->stream != NULL)
		stream_pause(c->stream);
}

/* Not at once: who calls is in the middle of something, and what is read
 * may end it. */
void tcp_conn_resume(struct tcp_conn *c, enum tcp_conn_pause why)
{
	bool was_paused = (c->pauses & why) != 0;

	c->pauses &= ~(unsigned)why;
	if (!was_paused || c->pauses != 0 || c->stream == NULL ||
	    c->is_resuming)
		return;
	c->is_resuming = loop_defer(c->shard->loop, on_resumed, c) == 0;
	if (!c->is_resuming)
		tcp_conn_close(c); /* no memory to go on */
}

/* ---- the end ----------------------------------------------------------- */

static void release(struct tcp_conn *c)
{
	loop_timer_free(c->timer);
	loop_fd_free(c->watch);
	stream_free(c->stream);
	if (c->is_resuming)
		loop_undefer(c->shard->loop, on_resumed, c);
	c->is_resuming = false;
	tcp_move_forget(c);
	if (c->fd >= 0)
		close(c->fd);
	tail_free(&c->tail);
	c->timer = NULL;
	c->watch = NULL;
	c->stream = NULL;
	c->fd = -1;
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
	struct alloc *a;

	/* Of two families there may be two. */
	while ((a = alloc_find(&t->allocs, c->port->number, &c->client)) !=
	    NULL)
		turn_end(t, a, ALLOC_END_CONNECTION);
}

/* Nothing of it is used after this. */
void tcp_conn_end(struct tcp_conn *c)
{
	end_allocation(c);
	if (c->data != NULL)
		data_conn_client_gone(c->data);
	c->data = NULL;
	stats_add(&c->shard->turn.stats, tcp_conn_gauge(c), (uint64_t)-1);
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

/* It may have as much waiting as a user does. */
static void trust(struct tcp_conn *c)
{
	stream_set_queue_max(c->stream, c->mode == TCP_CONN_MS ?
		TCP_CONN_QUEUE_MS : TCP_CONN_QUEUE);
}

static void wait_for_allocation(struct tcp_conn *c)
{
	int64_t wait_ms = c->shard->turn.rules->void_ms;

	c->until = mono_after_ms(loop_now(c->shard->loop), wait_ms);
	loop_timer_start(c->timer, wait_ms);
}

/* ---- the stream -------------------------------------------------------- */

static void on_ready(struct stream *stream, void *arg)
{
	struct tcp_conn *c = arg;

	(void)stream;
	c->is_open = true;
	wait_for_allocation(c);
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
	struct shard *s = c->shard;
	struct alloc *a;

	(void)stream;
	s->turn.now = loop_now(s->loop);
	tcp_conn_resume(c, TCP_PAUSE_ANSWERS);
	if (c->mode == TCP_CONN_RFC)
		return;
	if (c->data != NULL) {
		data_conn_go_on(c->data);
		return;
	}
	a = alloc_find(&s->turn.allocs, c->port->number, &c->client);
	if (a != NULL && alloc_relays_tcp(a))
		ms_stream_go_on(s->relays[alloc_number_of_id(a->id)]->tcp);
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
	tcp_conn_end(c);
}

static void on_eof(struct stream *stream, void *arg)
{
	struct tcp_conn *c = arg;

	c->shard->turn.now = loop_now(c->shard->loop);
	if (c->data != NULL)
		data_conn_client_eof(c->data);
	else
		stream_close(stream);
}

static const struct stream_ops stream_ops = {
	.on_ready = on_ready,
	.on_data = on_data,
	.on_drained = on_drained,
	.on_end = on_end,
};

/* Of one that carries data: the last word of its client is not its end. */
static const struct stream_ops data_ops = {
	.on_data = on_data,
	.on_drained = on_drained,
	.on_eof = on_eof,
	.on_end = on_end,
};

void tcp_conn_carry(struct tcp_conn *c, struct data_conn *data)
{
	c->mode = TCP_CONN_DATA;
	c->data = data;
	loop_timer_stop(c->timer);
	if (c->stream == NULL)
		return;
	trust(c);
	stream_hand_over(c->stream, &data_ops, c);
}

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
		.queue_max = TCP_CONN_QUEUE_STRANGER,
		.send_buffer = TCP_CONN_SEND_BUFFER,
	};
	int fd = c->fd;

	set_wake_at(fd, 1);
	loop_fd_free(c->watch);
	c->watch = NULL;
	c->fd = -1;
	c->is_tls = tls != NULL;
	if (stream_accept(&c->stream, c->shard->loop, fd, &c->client, tls,
		    &limits, &stream_ops, c) == 0)
		return;
	c->stream = NULL;
	tcp_conn_end(c);
}

/* Take the hello, and nothing behind it; the answer is the first that the
 * client gets, in one piece (docs/protocol/ms-turn.md). */
static bool greet(struct tcp_conn *c)
{
	uint8_t hello[FRAME_HELLO_LEN], answer[FRAME_ANSWER_LEN];
	uint8_t random[FRAME_ANSWER_RANDOM_LEN];

	if (recv(c->fd, hello, sizeof(hello), 0) != sizeof(hello))
		return false;
	rand_bytes(random, sizeof(random));
	frame_answer(answer, random);
	return send(c->fd, answer, sizeof(answer), MSG_NOSIGNAL) ==
	    sizeof(answer);
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
		count(c, AV_CONN_PSEUDO_TLS);
		if (!greet(c))
			break;
		c->mode = TCP_CONN_MS;
		open_stream(c, NULL);
		return;
	case FRAME_MS:
		count(c, AV_CONN_MS_TURN);
		c->mode = TCP_CONN_MS;
		open_stream(c, NULL);
		return;
	case FRAME_UNDECIDED:
	case FRAME_CLOSE:
		count(c, AV_CONN_UNKNOWN);
		break;
	}
	tcp_conn_end(c);
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
		tcp_conn_end(c);
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
		tcp_conn_end(c);
}

int tcp_conn_enter(struct shard *s, struct tcp_conn *c)
{
	c->shard = s;
	list_push_back(&s->conns, &c->node);
	count(c, tcp_conn_gauge(c));
	return loop_timer_new(&c->timer, s->loop, on_deadline, c);
}

void tcp_conn_begin(struct shard *s, struct tcp_conn *c)
{
	int err = tcp_conn_enter(s, c);

	if (err == 0)
		err = loop_fd_new(&c->watch, s->loop, c->fd, LOOP_READ,
			on_first_bytes, c);
	if (err < 0) {
		tcp_conn_end(c);
		return;
	}
	loop_timer_start(c->timer, s->turn.rules->greet_ms);
}

/* ---- to the client ----------------------------------------------------- */

void tcp_conn_allocated(struct tcp_conn *c, bool has_alloc)
{
	if (c->stream == NULL)
		return; /* it is ending */
	if (!has_alloc) {
		wait_for_allocation(c);
		return;
	}
	loop_timer_stop(c->timer);
	trust(c);
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
	uint8_t head[FRAME_MS_HEADER_LEN];

	if (c->stream == NULL)
		return; /* it is ending */
	frame_ms_header(head, FRAME_CONTROL, len);
	/* Ended meanwhile: then nobody waits for it. */
	if (!put(c, head, c->mode == TCP_CONN_MS ? sizeof(head) : 0) ||
	    !put(c, data, len))
		return;
	end_message(c);
	if (stream_room(c->stream, TURN_ANSWER_MAX) < TURN_ANSWER_MAX)
		tcp_conn_pause(c, TCP_PAUSE_ANSWERS);
}

bool tcp_conn_has_room(struct tcp_conn *c, size_t len)
{
	size_t wanted = FRAME_MS_HEADER_LEN + len + TCP_CONN_RESERVE;

	return c->stream != NULL && stream_room(c->stream, wanted) >= wanted;
}

void tcp_conn_frame(struct tcp_conn *c, enum frame_kind kind,
	const struct udp_out *out)
{
	uint8_t head[FRAME_MS_HEADER_LEN];

	frame_ms_header(head, kind, out->head_len + out->len);
	(void)(put(c, head, sizeof(head)) && put(c, out->head,
		out->head_len) && put(c, out->data, out->len));
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
