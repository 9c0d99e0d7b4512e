/*
 * The life of one connection: read, queue, drain, end. Lives here: phases,
 * deadlines, callbacks, bounds. Does not live here: connecting and shaking
 * hands (stream_open.c), what OpenSSL answers (stream_io.c), the bytes that
 * wait (sendq.c), any protocol.
 *
 * A stream is freed only when none of its own callbacks is on the stack;
 * everything that must not happen inside a caller's frame goes through
 * stream_schedule().
 */
#include "common/net/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/net/stream_priv.h"

#define CLOSE_MS 2000

/* What one stream may do in one turn before the others have theirs. The
 * second bound is for peers that send records of one byte. */
#define READ_ROUNDS   1
#define READ_LEN      65536
#define READ_RECORDS  256
#define WRITE_RECORDS 64

/* Small messages of one turn share a record; from here on a message is
 * large enough for its own, and for going without a copy. */
#define WRITE_THROUGH 4096
#define RECORD_LEN    16384
#define RECORD_MORE   256 /* head, padding, proof */

const char *stream_end_name(enum stream_end end)
{
	static const char *const names[] = {
		[STREAM_END_PEER] = "peer",
		[STREAM_END_LOCAL] = "local",
		[STREAM_END_RESET] = "reset",
		[STREAM_END_CONNECT] = "connect",
		[STREAM_END_TLS] = "tls",
		[STREAM_END_NAME] = "name",
		[STREAM_END_HANDSHAKE] = "handshake",
		[STREAM_END_IDLE] = "idle",
		[STREAM_END_OVERFLOW] = "overflow",
		[STREAM_END_MEMORY] = "memory",
	};

	return names[end];
}

/* ---- frames, and work for later ------------------------------------------ */

static void on_deferred(void *arg);

static void destroy(struct stream *s)
{
	tls_ctx_unref(s->ctx);
	sendq_fini(&s->out);
	free(s->detail);
	free(s->name);
	free(s->peer);
	free(s);
}

/* Nothing of the loop is left. */
static void unhook(struct stream *s)
{
	if (s->is_deferred)
		loop_undefer(s->loop, on_deferred, s);
	s->is_deferred = false;
	loop_timer_free(s->timer);
	s->timer = NULL;
	loop_fd_free(s->watch);
	s->watch = NULL;
}

/* Nor of the kernel; the memory is. */
static void detach(struct stream *s)
{
	s->phase = PHASE_OVER;
	s->due = 0;
	unhook(s);
	if (!s->is_aborted)
		stream_io_shut(&s->io);
	stream_io_close(&s->io);
}

static void enter(struct stream *s)
{
	s->frames++;
}

static void leave(struct stream *s)
{
	s->frames--;
	if (s->frames == 0 && s->phase == PHASE_OVER)
		destroy(s);
}

/* Only inside a frame. */
void stream_finish(struct stream *s, enum stream_end end, const char *detail)
{
	if (s->phase == PHASE_OVER)
		return;
	detach(s);
	s->ops->on_end(s, end, detail, s->arg);
}

void stream_schedule(struct stream *s, unsigned due)
{
	s->due |= due;
	if (s->is_deferred)
		return;
	if (loop_defer(s->loop, on_deferred, s) == 0)
		s->is_deferred = true;
	else
		loop_timer_start(s->timer, 0); /* looks at due first */
}

/* The first reason stands. */
static void schedule_end(struct stream *s, enum stream_end end,
	const char *detail)
{
	if (s->due & DUE_END)
		return;
	s->end = end;
	s->detail = strdup(detail);
	sendq_fini(&s->out);
	stream_schedule(s, DUE_END);
}

static unsigned want_of(const struct stream *s)
{
	unsigned want = 0;

	switch (s->phase) {
	case PHASE_CONNECT:
		return LOOP_WRITE;
	case PHASE_SHAKE:
		return s->shake_want;
	case PHASE_OPEN:
		if (!s->is_paused && !s->is_closing && !s->is_eof)
			want |= s->read_wants_write ? LOOP_WRITE : LOOP_READ;
		if (s->is_blocked)
			want |= s->write_wants_read ? LOOP_READ : LOOP_WRITE;
		return want;
	case PHASE_LINGER:
		return LOOP_READ;
	case PHASE_OVER:
		break;
	}
	return 0;
}

static void update_want(struct stream *s)
{
	if (s->phase == PHASE_OVER)
		return;
	if (loop_fd_want(s->watch, want_of(s)) < 0)
		schedule_end(s, STREAM_END_MEMORY, "no memory to watch it");
}

/* The one timer serves the deadline of the phase. */
static void arm(struct stream *s)
{
	struct mono now = loop_now(s->loop);

	if (s->phase != PHASE_OPEN || s->is_closing)
		loop_timer_start(s->timer, mono_since_ms(now, s->deadline));
	else if (s->idle_ms > 0)
		loop_timer_start(s->timer,
			s->idle_ms - mono_since_ms(s->heard, now));
	else
		loop_timer_stop(s->timer);
}

/* ---- writing ------------------------------------------------------------- */

/* Send what the kernel takes; calls nobody. 0, STREAM_IO_RESET or _TLS. */
static int pump(struct stream *s, char *detail)
{
	unsigned i;

	s->is_blocked = false;
	if (s->io.held_len > 0) {
		int result = stream_io_send(&s->io, detail);

		s->is_blocked = result == STREAM_IO_WANT_WRITE;
		s->write_wants_read = false;
		if (result != 0)
			return s->is_blocked ? 0 : result;
	}
	for (i = 0; i < WRITE_RECORDS && s->out.len > 0; i++) {
		size_t len;
		const uint8_t *p = sendq_peek(&s->out, &len);
		ssize_t n = stream_io_write(&s->io, p, len, detail);

		if (n == STREAM_IO_RESET || n == STREAM_IO_TLS)
			return (int)n;
		if (n == STREAM_IO_EOF) {
			snprintf(detail, STREAM_DETAIL_LEN,
				"the peer takes no more");
			return STREAM_IO_RESET;
		}
		if (n <= 0) {
			s->write_wants_read = n == STREAM_IO_WANT_READ;
			break;
		}
		sendq_drop(&s->out, (size_t)n);
		s->bytes_out += (uint64_t)n;
	}
	s->is_blocked = s->out.len > 0;
	if (i == WRITE_RECORDS)
		s->write_wants_read = false;
	return 0;
}

enum stream_end stream_end_of(int result)
{
	return result == STREAM_IO_TLS ? STREAM_END_TLS : STREAM_END_RESET;
}

/* The last word behind the queue. Only inside a frame. */
static void say_last_word(struct stream *s)
{
	char detail[STREAM_DETAIL_LEN] = "";
	int result = stream_io_half_shut(&s->io, detail);

	if (result == STREAM_IO_WANT_READ || result == STREAM_IO_WANT_WRITE) {
		s->is_blocked = true;
		s->write_wants_read = result == STREAM_IO_WANT_READ;
		return;
	}
	if (result < 0) {
		stream_finish(s, stream_end_of(result), detail);
		return;
	}
	s->is_shut = true;
	s->is_above = false;
	if (s->ops->on_drained != NULL)
		s->ops->on_drained(s, s->arg);
}

/* Only inside a frame. */
static void flush(struct stream *s)
{
	char detail[STREAM_DETAIL_LEN] = "";
	int result = pump(s, detail);

	if (result < 0) {
		stream_finish(s, stream_end_of(result), detail);
		return;
	}
	if (s->is_closing) {
		if (stream_queued(s) > 0)
			return;
		stream_io_shut(&s->io);
		s->phase = PHASE_LINGER;
		return;
	}
	if (s->is_above && s->out.len <= s->queue_max / 4) {
		s->is_above = false;
		if (s->ops->on_drained != NULL)
			s->ops->on_drained(s, s->arg);
	}
	if (s->phase == PHASE_OPEN && s->is_shutting && !s->is_shut &&
		!s->is_closing && stream_queued(s) == 0)
		say_last_word(s);
}

/* ---- reading ------------------------------------------------------------- */

/* What the peer has said so far, in as few pieces as possible. Bytes go to
 * *len; returns 1 = perhaps more, or what the last read ended with. */
static ssize_t gather(struct stream *s, uint8_t *room, size_t *len,
	unsigned *records, char *detail)
{
	ssize_t n;

	*len = 0;
	do {
		n = stream_io_read(&s->io, room + *len, READ_LEN - *len,
			detail);
		if (n <= 0)
			return n;
		*len += (size_t)n;
		++*records;
	} while (*len < READ_LEN && *records < READ_RECORDS &&
		stream_io_has_pending(&s->io));
	return 1;
}

static void deliver(struct stream *s, const uint8_t *data, size_t len)
{
	if (len == 0)
		return;
	s->bytes_in += len;
	s->heard = loop_now(s->loop);
	s->ops->on_data(s, data, len, s->arg);
}

static bool may_read(const struct stream *s)
{
	return s->phase == PHASE_OPEN && !s->is_paused && !s->is_closing &&
		!s->is_eof;
}

/* The peer said its last word; what we answered to it still goes out. */
static void end_of_input(struct stream *s)
{
	char detail[STREAM_DETAIL_LEN] = "";

	if (s->ops->on_eof != NULL) {
		s->is_eof = true;
		s->ops->on_eof(s, s->arg);
		return;
	}
	(void)pump(s, detail);
	stream_finish(s, STREAM_END_PEER, "");
}

/* Only inside a frame. */
static void read_some(struct stream *s)
{
	char detail[STREAM_DETAIL_LEN] = "";
	uint8_t room[READ_LEN];
	unsigned records = 0;
	unsigned i;

	for (i = 0; i < READ_ROUNDS; i++) {
		size_t len;
		ssize_t n = gather(s, room, &len, &records, detail);

		s->read_wants_write = n == STREAM_IO_WANT_WRITE;
		deliver(s, room, len);
		if (s->phase != PHASE_OPEN)
			return;
		if (n == STREAM_IO_RESET || n == STREAM_IO_TLS) {
			stream_finish(s, stream_end_of((int)n), detail);
			return;
		}
		/* A paused reader meets the end again when it resumes. */
		if (!may_read(s))
			return;
		if (n == STREAM_IO_EOF) {
			end_of_input(s);
			return;
		}
		/* The descriptor tells of all but what OpenSSL holds. */
		if (n <= 0 || !stream_io_has_pending(&s->io))
			return;
		if (records >= READ_RECORDS)
			break;
	}
	stream_schedule(s, DUE_READ);
}

void stream_become_open(struct stream *s)
{
	s->phase = PHASE_OPEN;
	s->heard = loop_now(s->loop);
	arm(s);
	if (s->ops->on_ready != NULL && !s->is_closing)
		s->ops->on_ready(s, s->arg);
	if (s->phase == PHASE_OPEN && (s->out.len > 0 || s->is_closing))
		flush(s);
	/* The first request may have come with the end of the handshake. */
	if (may_read(s) && stream_io_has_pending(&s->io))
		read_some(s);
}

/* ---- callbacks of the loop ----------------------------------------------- */

static void on_fd(unsigned ready, void *arg)
{
	struct stream *s = arg;
	unsigned can_write = s->write_wants_read ? LOOP_READ : LOOP_WRITE;
	unsigned can_read = s->read_wants_write ? LOOP_WRITE : LOOP_READ;

	enter(s);
	switch (s->phase) {
	case PHASE_CONNECT:
		stream_connected(s);
		break;
	case PHASE_SHAKE:
		stream_shake(s);
		break;
	case PHASE_OPEN:
		if (s->is_blocked && (ready & can_write) != 0)
			flush(s);
		if (may_read(s) && (ready & can_read) != 0)
			read_some(s);
		break;
	case PHASE_LINGER:
		if (!stream_io_discard(&s->io))
			stream_finish(s, STREAM_END_LOCAL, "");
		break;
	case PHASE_OVER:
		break;
	}
	update_want(s);
	leave(s);
}

/* Only inside a frame. */
static void catch_up(struct stream *s)
{
	unsigned due = s->due;

	s->due = 0;
	if (due & DUE_END) {
		stream_finish(s, s->end, s->detail != NULL ? s->detail : "");
		return;
	}
	if ((due & DUE_READY) && s->phase == PHASE_SHAKE)
		stream_become_open(s);
	if ((due & DUE_FLUSH) && s->phase == PHASE_OPEN && !s->is_blocked)
		flush(s);
	if ((due & DUE_READ) && may_read(s))
		read_some(s);
	update_want(s);
}

static void on_deferred(void *arg)
{
	struct stream *s = arg;

	s->is_deferred = false;
	enter(s);
	catch_up(s);
	leave(s);
}

static void on_deadline(struct stream *s)
{
	struct mono now = loop_now(s->loop);
	bool is_heard = mono_since_ms(s->heard, now) < s->idle_ms;

	if (s->is_closing)
		stream_finish(s, STREAM_END_LOCAL,
			stream_queued(s) > 0 ? "not all could be sent" : "");
	else if (s->phase == PHASE_CONNECT)
		stream_fail_connect(s, "no answer");
	else if (s->phase == PHASE_SHAKE)
		stream_finish(s, STREAM_END_HANDSHAKE,
			"the handshake took too long");
	else if (s->idle_ms > 0 && !is_heard && !s->is_paused)
		stream_finish(s, STREAM_END_IDLE, "");
}

static void on_timer(void *arg)
{
	struct stream *s = arg;

	enter(s);
	if (s->due != 0 && !s->is_deferred)
		catch_up(s);
	else
		on_deadline(s);
	if (s->phase != PHASE_OVER) {
		/* Who does not listen can't say that nothing was said. */
		if (s->is_paused)
			s->heard = loop_now(s->loop);
		arm(s);
	}
	leave(s);
}

/* Watch descriptor and deadline, the phase being set. */
int stream_start(struct stream *s)
{
	int err;

	err = loop_timer_new(&s->timer, s->loop, on_timer, s);
	if (err == 0)
		err = loop_fd_new(&s->watch, s->loop, s->io.fd, want_of(s),
			on_fd, s);
	if (err == 0)
		arm(s);
	return err;
}

/* ---- what owners do ------------------------------------------------------ */

static bool is_ending(const struct stream *s)
{
	return s->phase == PHASE_OVER || s->is_closing ||
		(s->due & DUE_END) != 0;
}

/* Nothing waits before these bytes: give them to the kernel as they are.
 * OpenSSL has begun a record with what it could not send; the queue then
 * begins with the same bytes. 0, STREAM_IO_RESET or _TLS. */
static int write_records(struct stream *s, const uint8_t **p, size_t *len,
	char *detail)
{
	while (*len > 0) {
		size_t piece = *len < RECORD_LEN ? *len : RECORD_LEN;
		ssize_t n = stream_io_write(&s->io, *p, piece, detail);

		if (n == STREAM_IO_EOF || n == STREAM_IO_RESET)
			return STREAM_IO_RESET;
		if (n == STREAM_IO_TLS)
			return STREAM_IO_TLS;
		if (n <= 0) {
			s->is_blocked = true;
			s->write_wants_read = n == STREAM_IO_WANT_READ;
			update_want(s);
			return 0;
		}
		*p += n;
		*len -= (size_t)n;
		s->bytes_out += (uint64_t)n;
	}
	return 0;
}

/* As many records as fit a batch with one system call. */
static int write_through(struct stream *s, const uint8_t **p, size_t *len,
	char *detail)
{
	struct stream_batch batch;
	int result;

	if (!s->io.is_bulk || *len <= RECORD_LEN ||
		*len > sizeof(batch.data) - 4 * RECORD_MORE)
		return write_records(s, p, len, detail);
	stream_io_gather(&s->io, &batch);
	result = write_records(s, p, len, detail);
	if (result == 0)
		result = stream_io_send(&s->io, detail);
	s->io.batch = NULL;
	if (result == STREAM_IO_WANT_WRITE) {
		s->is_blocked = true;
		s->write_wants_read = false;
		update_want(s);
		return 0;
	}
	return result;
}

void stream_push(struct stream *s)
{
	char detail[STREAM_DETAIL_LEN] = "";
	int result;

	if (is_ending(s) || s->phase != PHASE_OPEN)
		return;
	result = pump(s, detail);
	if (result < 0)
		schedule_end(s, stream_end_of(result), detail);
	else if (s->is_blocked)
		update_want(s);
}

/* The bound may have been lowered below what is queued. */
static size_t room_of(const struct stream *s)
{
	return s->out.len < s->queue_max ? s->queue_max - s->out.len : 0;
}

size_t stream_room(struct stream *s, size_t wanted)
{
	/* Much in one turn does not mean that the peer is slow. */
	if (wanted > room_of(s))
		stream_push(s);
	return is_ending(s) ? 0 : room_of(s);
}

int stream_send(struct stream *s, const void *data, size_t len)
{
	char detail[STREAM_DETAIL_LEN] = "";
	const uint8_t *p = data;
	size_t room;
	int result;

	if (is_ending(s) || s->is_shutting)
		return -ENOTCONN;
	if (len >= WRITE_THROUGH && s->phase == PHASE_OPEN &&
		s->out.len == 0 && !s->is_blocked) {
		result = write_through(s, &p, &len, detail);
		if (result < 0) {
			schedule_end(s, stream_end_of(result), detail);
			return -ENOTCONN;
		}
	}
	room = stream_room(s, len);
	if (is_ending(s))
		return -ENOTCONN;
	if (len > room) {
		schedule_end(s, STREAM_END_OVERFLOW,
			"the peer does not read what it is sent");
		return -ENOBUFS;
	}
	if (sendq_push(&s->out, p, len) < 0) {
		schedule_end(s, STREAM_END_MEMORY, "no memory to send");
		return -ENOBUFS;
	}
	if (s->phase == PHASE_OPEN && !s->is_blocked && s->out.len > 0)
		stream_schedule(s, DUE_FLUSH);
	if (s->out.len <= s->queue_max / 2)
		return 0;
	s->is_above = true;
	return 1;
}

void stream_set_queue_max(struct stream *s, size_t queue_max)
{
	s->queue_max = queue_max;
}

void stream_shut(struct stream *s)
{
	if (is_ending(s) || s->is_shutting)
		return;
	s->is_shutting = true;
	if (s->phase == PHASE_OPEN && !s->is_blocked)
		stream_schedule(s, DUE_FLUSH);
}

bool stream_is_shut(const struct stream *s)
{
	return s->is_shut;
}

void stream_close(struct stream *s)
{
	if (is_ending(s))
		return;
	s->is_closing = true;
	s->deadline = mono_after_ms(loop_now(s->loop), CLOSE_MS);
	arm(s);
	if (s->phase == PHASE_OPEN)
		stream_schedule(s, DUE_FLUSH);
	else if (s->out.len == 0)
		schedule_end(s, STREAM_END_LOCAL, "");
}

void stream_free(struct stream *s)
{
	if (s == NULL)
		return;
	if (s->phase != PHASE_OVER)
		detach(s);
	if (s->frames == 0)
		destroy(s);
}

void stream_abort(struct stream *s)
{
	static const struct linger now = {.l_onoff = 1, .l_linger = 0};

	s->is_aborted = true;
	if (s->phase != PHASE_OVER)
		(void)setsockopt(s->io.fd, SOL_SOCKET, SO_LINGER, &now,
			sizeof(now));
	stream_free(s);
}

void stream_leave(struct stream *s)
{
	unhook(s);
}

int stream_join(struct stream *s, struct loop *loop)
{
	int err;

	s->loop = loop;
	err = stream_start(s);
	if (err == 0 && s->due != 0)
		stream_schedule(s, 0);
	return err;
}

void stream_hand_over(struct stream *s, const struct stream_ops *ops,
	void *arg)
{
	s->ops = ops;
	s->arg = arg;
}

void stream_forget_peer(struct stream *s)
{
	free(s->peer);
	s->peer = NULL;
}

void stream_expect_bulk(struct stream *s)
{
	/* Without it all works, only slower. */
	if (stream_io_expect_bulk(&s->io) < 0)
		log_debug("stream.slow", "reason=memory");
}

void stream_set_user_timeout_ms(struct stream *s, unsigned timeout_ms)
{
	(void)setsockopt(s->io.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms,
		sizeof(timeout_ms));
}

void stream_pause(struct stream *s)
{
	s->is_paused = true;
	update_want(s);
}

void stream_resume(struct stream *s)
{
	if (!s->is_paused)
		return;
	s->is_paused = false;
	s->heard = loop_now(s->loop);
	update_want(s);
	if (s->phase == PHASE_OPEN && stream_io_has_pending(&s->io))
		stream_schedule(s, DUE_READ);
}

void stream_set_idle_ms(struct stream *s, int64_t idle_ms)
{
	s->idle_ms = idle_ms;
	if (s->phase == PHASE_OPEN && !s->is_closing)
		arm(s);
}

bool stream_is_ready(const struct stream *s)
{
	return s->phase == PHASE_OPEN && !is_ending(s);
}

const struct addr *stream_local(const struct stream *s)
{
	return &s->local;
}

const struct addr *stream_remote(const struct stream *s)
{
	return &s->remote;
}

const struct tls_peer *stream_peer(const struct stream *s)
{
	static const struct tls_peer nobody;

	return s->peer != NULL ? s->peer : &nobody;
}

int stream_names(const struct stream *s, struct tls_names **out)
{
	return s->io.ssl != NULL ? tls_names_from(s->io.ssl, out) :
		EDGE_EUNKNOWN;
}

const char *stream_cipher(const struct stream *s)
{
	return s->cipher;
}

void stream_cipher_ids(const struct stream *s, uint16_t *version,
	uint16_t *cipher)
{
	const SSL_CIPHER *suite = s->io.ssl != NULL ?
		SSL_get_current_cipher(s->io.ssl) : NULL;

	*version = s->io.ssl != NULL ? (uint16_t)SSL_version(s->io.ssl) : 0;
	*cipher = suite != NULL ? SSL_CIPHER_get_protocol_id(suite) : 0;
}

size_t stream_queued(const struct stream *s)
{
	return s->out.len + s->io.held_len;
}

uint64_t stream_bytes_in(const struct stream *s)
{
	return s->bytes_in;
}

uint64_t stream_bytes_out(const struct stream *s)
{
	return s->bytes_out;
}
