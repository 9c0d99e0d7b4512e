/*
 * The client's side before anything is relayed: TLS, opening, ticket, a
 * place in the queue of its server. Lives here: deadlines and what is kept
 * of the client's bytes meanwhile. Does not live here: whether a ticket is
 * good (admit.c), what openings look like (opener.c), relaying (pair.c).
 * Threats S8 (all deadlines are absolute: a byte now and then buys no time).
 */
#include "webconf-edge/front.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/net/relay.h"
#include "webconf-edge/admit.h"
#include "webconf-edge/counters.h"
#include "webconf-edge/crowd.h"
#include "webconf-edge/link.h"
#include "webconf-edge/opener.h"
#include "webconf-edge/pair.h"
#include "webconf-edge/refusal.h"

/* Every refused ticket waits so long for its answer, whatever was wrong. */
#define REFUSE_MS   100
#define BYTES_MIN   1024u
#define RETRY_S     5
#define BAN_LOG_MAX 6

enum front_state {
	FRONT_TLS,
	FRONT_HELLO,
	FRONT_WAIT,    /* ticket is good, no slot yet */
	FRONT_PAIRING, /* PAIR is out */
	FRONT_REFUSED, /* the answer waits */
	FRONT_OVER,    /* closing; what still comes in is not read */
};

struct front {
	struct list node; /* edge->fronts */
	struct list wait; /* server->waiters */
	struct webconf_edge *edge; /* borrowed */
	struct stream *stream;     /* owned */
	struct loop_timer *timer;  /* owned: deadline of the state */
	struct addr remote;
	uint32_t port_id;
	uint64_t number;
	struct mono began;
	enum front_state state;
	const struct opener *opener; /* NULL while unknown */
	uint8_t *bytes; /* owned: said so far */
	size_t len;
	size_t cap;
	size_t consumed;  /* by the opening */
	size_t ticket_at; /* inside bytes */
	size_t ticket_len;
	struct ticket ticket;
	struct server *server; /* borrowed; FRONT_WAIT and FRONT_PAIRING */
	struct pair *pair;     /* borrowed, FRONT_PAIRING */
	enum wce_code code;    /* FRONT_REFUSED */
};

struct front *front_of(struct list *at)
{
	return container_of(at, struct front, node);
}

struct front *front_of_wait(struct list *at)
{
	return container_of(at, struct front, wait);
}

struct server *front_server(const struct front *f)
{
	return f->server;
}

const struct addr *front_remote(const struct front *f)
{
	return &f->remote;
}

struct stream *front_stream(const struct front *f)
{
	return f->stream;
}

struct str front_ticket(const struct front *f)
{
	return (struct str){(const char *)f->bytes + f->ticket_at,
		f->ticket_len};
}

uint16_t front_rate_kib_s(const struct front *f)
{
	return f->ticket.rate_kib_s;
}

/* ---- states -------------------------------------------------------------- */

static const char *state_name(enum front_state state)
{
	static const char *const names[] = {
		[FRONT_TLS] = "tls",
		[FRONT_HELLO] = "hello",
		[FRONT_WAIT] = "wait",
		[FRONT_PAIRING] = "pairing",
		[FRONT_REFUSED] = "refused",
		[FRONT_OVER] = "over",
	};

	return names[state];
}

static int64_t state_ms(const struct front *f)
{
	const struct limits *limits = &f->edge->limits;

	switch (f->state) {
	case FRONT_HELLO:
		return limits->hello_ms;
	case FRONT_WAIT:
		return limits->slot_wait_ms;
	case FRONT_PAIRING:
		return limits->pair_ms;
	case FRONT_REFUSED:
		return REFUSE_MS;
	case FRONT_TLS:
	case FRONT_OVER:
		break;
	}
	return -1; /* the stream has its own */
}

static void set_state(struct front *f, enum front_state state)
{
	int64_t delay_ms;

	log_debug("client.changed", "client=%" PRIu64 " from=%s to=%s",
		f->number, state_name(f->state), state_name(state));
	f->state = state;
	delay_ms = state_ms(f);
	if (delay_ms >= 0)
		loop_timer_start(f->timer, delay_ms);
	else
		loop_timer_stop(f->timer);
}

static void leave_queue(struct front *f)
{
	if (f->state == FRONT_WAIT) {
		list_remove(&f->wait);
		f->server->waiter_count--;
	}
}

/* Nobody inside has seen it: it may be shown again. */
static void give_ticket_back(struct front *f)
{
	if (f->state == FRONT_WAIT && f->ticket.is_single_use)
		ticket_set_remove(f->edge->used, f->ticket.id);
}

/* Who is refused has said all that matters. */
static void drop_bytes(struct front *f)
{
	free(f->bytes);
	f->bytes = NULL;
	f->len = 0;
	f->cap = 0;
	f->consumed = 0;
}

/* Out of all lists; the stream is somebody else's affair. */
static void release(struct front *f)
{
	leave_queue(f);
	list_remove(&f->node);
	ports_gone(&f->edge->ports, f->port_id, &f->remote);
	counter_sub(f->edge->counters, COUNT_PENDING, 1);
	loop_timer_free(f->timer);
	drop_bytes(f);
	free(f);
}

void front_free(struct front *f)
{
	stream_free(f->stream);
	release(f);
}

/* ---- refusing ------------------------------------------------------------ */

static uint32_t retry_s(enum wce_code code)
{
	return code == WCE_E_SERVER_FULL || code == WCE_E_EDGE_FULL ||
		code == WCE_E_SERVER ? RETRY_S : 0;
}

static void say_no(struct front *f, enum wce_code code)
{
	const struct opener *opener = f->opener != NULL ? f->opener :
		&OPENER_WCE;
	const struct opening_no no = {.code = code,
		.retry_s = retry_s(code),
		.alternates = code == WCE_E_DRAINING ?
			f->edge->alternates : ""};
	uint8_t reply[OPENER_REPLY_MAX];
	size_t len = opener->reject(&no, reply);

	set_state(f, FRONT_OVER);
	(void)stream_send(f->stream, reply, len);
	stream_resume(f->stream);
	stream_close(f->stream);
}

void front_refuse(struct front *f, enum wce_code code)
{
	if (f->state == FRONT_OVER || f->state == FRONT_REFUSED)
		return;
	give_ticket_back(f);
	leave_queue(f);
	drop_bytes(f);
	f->pair = NULL;
	f->server = NULL;
	refusal_count(f->edge, code);
	if (code != WCE_E_TICKET) {
		say_no(f, code);
		return;
	}
	if (penalty_add(f->edge->penalty, &f->remote,
			f->edge->limits.failed_max, f->edge->limits.ban_ms,
			loop_now(f->edge->loop))) {
		char from[ADDR_TEXT_LEN];

		counter_add(f->edge->counters, COUNT_BANS, 1);
		log_limited(LOG_LEVEL_WARNING, BAN_LOG_MAX, "client.banned",
			"remote=%s ban_s=%" PRId64,
			addr_ip_text(&f->remote, from),
			f->edge->limits.ban_ms / 1000);
	}
	f->code = code;
	set_state(f, FRONT_REFUSED);
}

static void refuse(struct front *f, enum wce_code code, const char *reason)
{
	const struct refusal refusal = {.code = code,
		.reason = reason,
		.client = f->number,
		.remote = &f->remote,
		.server = f->server};

	refusal_tell(f->edge, &refusal);
	front_refuse(f, code);
}

void front_drain(struct front *f)
{
	if (f->state == FRONT_HELLO || f->state == FRONT_WAIT)
		refuse(f, WCE_E_DRAINING, "draining");
}

static void on_timer(void *arg)
{
	struct front *f = arg;

	switch (f->state) {
	case FRONT_HELLO:
		refuse(f, WCE_E_TIMEOUT, "hello_timeout");
		break;
	case FRONT_WAIT:
		refuse(f, WCE_E_SERVER_FULL, "no_slot");
		break;
	case FRONT_PAIRING:
		pair_late(f->pair);
		break;
	case FRONT_REFUSED:
		say_no(f, f->code);
		break;
	case FRONT_TLS:
	case FRONT_OVER:
		break;
	}
}

/* ---- too many ------------------------------------------------------------ */

static bool has_had_its_time(const struct front *f, int64_t time_ms)
{
	return (f->state == FRONT_TLS || f->state == FRONT_HELLO) &&
		mono_since_ms(f->began, loop_now(f->edge->loop)) >= time_ms;
}

/* Threat S8: from many sources together a flood could hold every place until
 * its deadlines. They go without a word. */
void fronts_thin_out(struct webconf_edge *e)
{
	const int64_t time_ms = crowd_time_ms(counter_get(e->counters,
		COUNT_PENDING), e->limits.pending_max);
	unsigned looked = 0;
	unsigned gone = 0;
	struct list *at, *next;

	if (time_ms < 0)
		return;
	list_for_each_safe(at, next, &e->fronts) {
		if (gone == CROWD_THIN_OUT || ++looked > CROWD_LOOK)
			return;
		if (!has_had_its_time(front_of(at), time_ms))
			continue;
		counter_add(e->counters, COUNT_REFUSED_CROWDED, 1);
		front_free(front_of(at));
		gone++;
	}
}

/* ---- the opening --------------------------------------------------------- */

void front_pairing(struct front *f, struct pair *pair)
{
	leave_queue(f);
	f->pair = pair;
	set_state(f, FRONT_PAIRING);
}

/* A slot at once, or a place in the queue. */
static void ask_slot(struct front *f)
{
	struct server *s = f->server;
	struct link *link = link_free_of(s);
	int err;

	if (link != NULL) {
		err = pair_begin(f->edge, f, link);
		if (err < 0)
			refuse(f, WCE_E_INTERNAL, err_name(err));
		return;
	}
	list_push_back(&s->waiters, &f->wait);
	s->waiter_count++;
	set_state(f, FRONT_WAIT);
	if (s->waiter_count > f->edge->limits.waiters_max)
		refuse(f, WCE_E_SERVER_FULL, "queue_full");
}

static void admit(struct front *f, const struct opening *opening)
{
	struct webconf_edge *e = f->edge;
	const struct admit_facts facts = {
		.servers = &e->servers,
		.used = e->used,
		.audience = e->audience,
		.now = wall_now(),
		.skew_s = e->limits.skew_s,
	};
	enum admit_verdict verdict;

	if (e->is_draining) {
		refuse(f, WCE_E_DRAINING, "draining");
		return;
	}
	if (!webconf_edge_has_room(e)) {
		refuse(f, WCE_E_EDGE_FULL, "edge_full");
		return;
	}
	verdict = admit_check(opening->ticket, opening->conference, &facts,
		&f->ticket, &f->server);
	if (verdict != ADMIT_OK) {
		refuse(f, admit_code(verdict), admit_name(verdict));
		return;
	}
	counter_add(e->counters, COUNT_ADMITTED, 1);
	ask_slot(f);
}

static void read_opening(struct front *f)
{
	struct str bytes = {(const char *)f->bytes, f->len};
	struct opening opening = {.consumed = 0};
	enum opener_verdict verdict;
	int err;

	if (f->opener == NULL)
		f->opener = opener_find(bytes, &verdict);
	if (f->opener == NULL) {
		if (verdict == OPENER_NO)
			refuse(f, WCE_E_MALFORMED, "opening_unknown");
		return;
	}
	err = f->opener->parse(bytes, &opening);
	if (err == 0)
		return;
	if (err < 0) {
		refuse(f, wce_code_of(err), err_name(err));
		return;
	}
	f->consumed = opening.consumed;
	f->ticket_at = (size_t)((const uint8_t *)opening.ticket.p - f->bytes);
	f->ticket_len = opening.ticket.n;
	admit(f, &opening);
}

static int keep(struct front *f, const uint8_t *data, size_t len)
{
	size_t cap = f->cap > 0 ? f->cap : BYTES_MIN;
	uint8_t *bytes;

	while (cap < f->len + len)
		cap *= 2;
	if (cap != f->cap) {
		bytes = realloc(f->bytes, cap);
		if (bytes == NULL)
			return -ENOMEM;
		f->bytes = bytes;
		f->cap = cap;
	}
	memcpy(f->bytes + f->len, data, len);
	f->len += len;
	return 0;
}

/* ---- the stream ---------------------------------------------------------- */

static void on_ready(struct stream *stream, void *arg)
{
	struct front *f = arg;

	(void)stream;
	set_state(f, FRONT_HELLO);
	if (f->edge->is_draining)
		refuse(f, WCE_E_DRAINING, "draining");
}

/* What comes before the relay stands is kept up to a bound, then not read:
 * at most one read of the stream beyond it. */
static void on_data(struct stream *stream, const uint8_t *data, size_t len,
	void *arg)
{
	struct front *f = arg;

	if (f->state == FRONT_OVER || f->state == FRONT_REFUSED)
		return;
	if (keep(f, data, len) < 0) {
		refuse(f, WCE_E_INTERNAL, "memory");
		return;
	}
	if (f->state == FRONT_HELLO)
		read_opening(f);
	if ((f->state == FRONT_WAIT || f->state == FRONT_PAIRING) &&
		f->len - f->consumed >= WCE_EARLY_MAX)
		stream_pause(stream);
}

static void on_end(struct stream *stream, enum stream_end end,
	const char *detail, void *arg)
{
	struct front *f = arg;
	char from[ADDR_TEXT_LEN];

	(void)stream;
	f->stream = NULL;
	if (f->state == FRONT_TLS) {
		counter_add(f->edge->counters, COUNT_REFUSED_TLS, 1);
		log_limited(LOG_LEVEL_INFO, 60, "client.refused",
			"client=%" PRIu64 " remote=%s server=\"\" reason=%s "
			"detail=%s", f->number, addr_text(&f->remote, from),
			stream_end_name(end), log_qz(detail));
	} else if (f->state != FRONT_OVER) {
		counter_add(f->edge->counters, COUNT_CLIENT_GONE, 1);
		log_debug("client.gone", "client=%" PRIu64 " state=%s",
			f->number, state_name(f->state));
	}
	give_ticket_back(f);
	if (f->state == FRONT_PAIRING)
		pair_lost_front(f->pair);
	release(f);
}

static const struct stream_ops OPS = {
	.on_ready = on_ready,
	.on_data = on_data,
	.on_end = on_end,
};

struct stream *front_accept(struct front *f, const uint8_t *session,
	struct leg to)
{
	const struct opening_ok ok = {.session = session,
		.idle_s = (uint32_t)(f->edge->limits.relay_idle_ms / 1000)};
	struct stream *stream = f->stream;
	uint8_t reply[OPENER_REPLY_MAX];
	size_t len = f->opener->accept(&ok, reply);

	(void)stream_send(stream, reply, len);
	if (f->len > f->consumed)
		(void)to.ops->send(to.self, f->bytes + f->consumed,
			f->len - f->consumed);
	f->stream = NULL;
	release(f);
	return stream;
}

int front_new(struct webconf_edge *e, const struct port *port, int fd,
	const struct addr *remote)
{
	const struct stream_limits limits = {
		.handshake_ms = e->limits.handshake_ms,
		.queue_max = RELAY_QUEUE_MAX,
	};
	struct front *f = calloc(1, sizeof(*f));
	struct tls_ctx *tls;
	int err;

	if (f == NULL) {
		close(fd);
		return -ENOMEM;
	}
	f->edge = e;
	f->remote = *remote;
	f->port_id = port->id;
	f->number = ++e->last_id;
	f->began = loop_now(e->loop);
	list_init(&f->node);
	list_init(&f->wait);
	err = loop_timer_new(&f->timer, e->loop, on_timer, f);
	if (err < 0) {
		close(fd);
		free(f);
		return err;
	}
	tls = tls_watch_get(e->tls_outside);
	err = stream_accept(&f->stream, e->loop, fd, remote, tls, &limits,
		&OPS, f);
	tls_ctx_unref(tls);
	if (err < 0) {
		loop_timer_free(f->timer);
		free(f);
		return err;
	}
	list_push_back(&e->fronts, &f->node);
	counter_add(e->counters, COUNT_CLIENTS, 1);
	counter_add(e->counters, COUNT_PENDING, 1);
	return 0;
}
