/*
 * Data connections of RFC 6062. Lives here: waiting to be bound, joining,
 * passing bytes on, ending both. Does not live here: who may bind (rfc_tcp.c
 * asks), listening and connecting (relay_tcp.c).
 */
#include "av-edge/data_conn.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/base/map.h"
#include "common/base/rand.h"
#include "av-edge/relay_tcp.h"
#include "av-edge/rfc_tcp.h"
#include "av-edge/shard.h"
#include "av-edge/tail.h"
#include "av-edge/tcp_conn.h"

/* An id names its shard in the upper bits; the others are drawn. */
#define ID_BITS 26
#define ID_TRIES 8

/* Why the peer is not read. */
enum hold {
	HOLD_UNBOUND = 1,
	HOLD_CLIENT = 2, /* its queue is full */
	HOLD_RATE = 4,
};

struct data_conn {
	struct peer_conn conn; /* first, so that both have one address */
	struct map_node node;  /* of those that wait */
	uint32_t id;           /* 0 = not yet, or no more */
	struct loop_timer *timer; /* owned: waits, or is half closed */
	unsigned holds; /* of enum hold */
	struct tail early; /* owned: came before it was bound */
	struct turn_receipt receipt;
	bool is_asked; /* the receipt is to be answered */
	struct tcp_conn *client; /* borrowed, NULL = not bound */
	bool client_said_all;
	bool peer_said_all;
};

static_assert(SHARD_MAX <= 1u << (32 - ID_BITS), "an id names its shard");

static struct data_conn *data_of(struct peer_conn *p)
{
	return (struct data_conn *)(void *)p;
}

static struct shard *shard_of(const struct data_conn *d)
{
	return d->conn.relay->shard;
}

static void set_hold(struct data_conn *d, enum hold why, bool on)
{
	d->holds = on ? d->holds | why : d->holds & ~(unsigned)why;
	if (d->holds != 0)
		stream_pause(d->conn.stream);
	else
		stream_resume(d->conn.stream);
}

/* ---- bandwidth ---------------------------------------------------------- */

static void on_rate(struct relay_tcp *t, enum quota_way way, bool may)
{
	struct list *it;

	list_for_each(it, &t->peers) {
		struct data_conn *d = data_of(container_of(it,
			struct peer_conn, node));

		if (d->client == NULL)
			continue;
		if (way == QUOTA_DOWN)
			set_hold(d, HOLD_RATE, !may);
		else if (may)
			tcp_conn_resume(d->client, TCP_PAUSE_RATE);
		else
			tcp_conn_pause(d->client, TCP_PAUSE_RATE);
	}
}

/* ---- waiting to be bound ----------------------------------------------- */

static bool has_id(const struct map_node *node, const void *key)
{
	const struct data_conn *d = container_of(node, struct data_conn,
		node);

	return d->id == *(const uint32_t *)key;
}

static struct data_conn *find(const struct shard *s, uint32_t id)
{
	struct map_node *node = map_find(&s->unbound,
		map_hash(&s->unbound, &id, sizeof(id)), has_id, &id);

	return node != NULL ? container_of(node, struct data_conn, node) :
			      NULL;
}

unsigned data_conn_shard_of(uint32_t id)
{
	return id >> ID_BITS;
}

struct alloc *data_conn_owner(const struct shard *s, uint32_t id)
{
	const struct data_conn *d = find(s, id);

	return d != NULL ? relay_tcp_alloc(d->conn.relay) : NULL;
}

static void stop_waiting(struct data_conn *d)
{
	if (d->id == 0)
		return;
	map_remove(&shard_of(d)->unbound, &d->node);
	d->id = 0;
	loop_timer_stop(d->timer);
}

static void on_timer(void *arg)
{
	struct data_conn *d = arg;
	struct shard *s = shard_of(d);

	s->turn.now = loop_now(s->loop);
	if (d->id != 0)
		stats_add(&s->turn.stats, AV_PEER_CONN_UNBOUND, 1);
	relay_tcp_drop(&d->conn);
}

/* -EBUSY: no id is to be had, which does not happen twice. */
static int draw_id(const struct shard *s, uint32_t *out)
{
	unsigned i;

	for (i = 0; i < ID_TRIES; i++) {
		*out = (uint32_t)s->number << ID_BITS |
		    (rand_below(1u << ID_BITS) | 1u);
		if (find(s, *out) == NULL)
			return 0;
	}
	return -EBUSY;
}

/* The peer is there; its client is to be told, and then to bind. */
static int begin_waiting(struct data_conn *d)
{
	struct shard *s = shard_of(d);
	uint32_t id;
	int err;

	err = draw_id(s, &id);
	if (err == 0)
		err = loop_timer_new(&d->timer, s->loop, on_timer, d);
	if (err < 0)
		return err;
	set_hold(d, HOLD_UNBOUND, true);
	d->id = id;
	map_insert(&s->unbound, &d->node,
		map_hash(&s->unbound, &id, sizeof(id)));
	loop_timer_start(d->timer, s->turn.rules->connect_ms);
	return 0;
}

/* ---- telling the client ------------------------------------------------ */

static void answer(struct data_conn *d, unsigned code)
{
	uint8_t room[TURN_ANSWER_MAX];
	int len = rfc_tcp_write_connected(room, &d->receipt, code, d->id);

	d->is_asked = false;
	explicit_bzero(&d->receipt, sizeof(d->receipt));
	if (len > 0)
		tcp_conn_answer(relay_tcp_client(d->conn.relay), room,
			(size_t)len);
}

static bool on_taken(struct peer_conn *p)
{
	struct data_conn *d = data_of(p);
	uint8_t room[TURN_ANSWER_MAX];
	int len;

	if (begin_waiting(d) < 0)
		return false;
	len = rfc_tcp_write_attempt(room, d->id, &p->peer);
	if (len > 0)
		tcp_conn_answer(relay_tcp_client(p->relay), room,
			(size_t)len);
	return len > 0;
}

static void on_open(struct peer_conn *p)
{
	struct data_conn *d = data_of(p);

	/* Out of memory: it ends by its client's closing, or unheard. */
	answer(d, begin_waiting(d) < 0 ? 447 : 0);
	if (d->id == 0)
		stream_close(p->stream);
}

int data_conn_connect(struct relay_tcp *t, const struct addr *peer,
	const struct turn_receipt *receipt)
{
	struct peer_conn *p;
	struct data_conn *d;
	int err;

	if (relay_tcp_find(t, peer) != NULL)
		return -EEXIST;
	err = relay_tcp_connect(&p, t, peer);
	if (err < 0)
		return err;
	d = data_of(p);
	d->receipt = *receipt;
	d->is_asked = true;
	return 0;
}

/* ---- bytes ------------------------------------------------------------- */

static void count(const struct data_conn *d, size_t len, bool is_up)
{
	struct alloc *a = relay_tcp_alloc(d->conn.relay);
	struct av_stats *stats = &shard_of(d)->turn.stats;

	if (is_up)
		a->up_bytes += len;
	else
		a->down_bytes += len;
	stats_add(stats, is_up ? AV_UP_BYTES : AV_DOWN_BYTES, len);
	relay_tcp_owe(d->conn.relay, is_up ? QUOTA_UP : QUOTA_DOWN, len);
}

static void to_client(struct data_conn *d, const uint8_t *data, size_t len)
{
	count(d, len, false);
	if (stream_send(d->client->stream, data, len) > 0)
		set_hold(d, HOLD_CLIENT, true);
}

void data_conn_bind(struct shard *s, uint32_t id, struct tcp_conn *c)
{
	struct data_conn *d = find(s, id);

	if (d == NULL) { /* ended since it was asked for */
		tcp_conn_close(c);
		return;
	}
	stop_waiting(d);
	d->client = c;
	tcp_conn_carry(c, d);
	set_hold(d, HOLD_UNBOUND, false);
	if (d->early.len > 0)
		to_client(d, d->early.bytes, d->early.len);
	tail_free(&d->early);
}

/* With the welcome of another relay port its data may have come; nothing is
 * read after that until it is bound. */
static void keep(struct data_conn *d, const uint8_t *data, size_t len)
{
	if (d->early.len > 0 || tail_add(&d->early, data, len) < 0)
		relay_tcp_drop(&d->conn);
}

static void on_data(struct peer_conn *p, const uint8_t *data, size_t len)
{
	struct data_conn *d = data_of(p);

	if (d->client != NULL)
		to_client(d, data, len);
	else
		keep(d, data, len);
}

void data_conn_from_client(struct data_conn *d, const uint8_t *data,
	size_t len)
{
	count(d, len, true);
	if (peer_conn_send(&d->conn, data, len) > 0)
		tcp_conn_pause(d->client, TCP_PAUSE_PEER);
}

/* ---- last words, and the end ------------------------------------------- */

/* Each heard the other's last word: that is the end, once it is out. */
static bool is_done(const struct data_conn *d)
{
	return d->client_said_all && d->peer_said_all &&
	    stream_is_shut(d->conn.stream) &&
	    stream_is_shut(d->client->stream);
}

static void half_closed(struct data_conn *d)
{
	if (is_done(d)) {
		relay_tcp_drop(&d->conn);
		return;
	}
	if (!loop_timer_is_running(d->timer))
		loop_timer_start(d->timer,
			shard_of(d)->turn.rules->connect_ms);
}

static void on_drained(struct peer_conn *p)
{
	struct data_conn *d = data_of(p);

	if (d->client == NULL)
		return;
	tcp_conn_resume(d->client, TCP_PAUSE_PEER);
	if (is_done(d))
		relay_tcp_drop(p);
}

void data_conn_go_on(struct data_conn *d)
{
	set_hold(d, HOLD_CLIENT, false);
	if (is_done(d))
		relay_tcp_drop(&d->conn);
}

static void on_eof(struct peer_conn *p)
{
	struct data_conn *d = data_of(p);

	d->peer_said_all = true;
	if (d->client == NULL) {
		relay_tcp_drop(p);
		return;
	}
	stream_shut(d->client->stream);
	half_closed(d);
}

void data_conn_client_eof(struct data_conn *d)
{
	d->client_said_all = true;
	stream_shut(d->conn.stream);
	half_closed(d);
}

void data_conn_client_gone(struct data_conn *d)
{
	d->client = NULL;
	stream_close(d->conn.stream); /* what it said still goes out */
}

static void on_end(struct peer_conn *p)
{
	struct data_conn *d = data_of(p);

	stop_waiting(d);
	loop_timer_free(d->timer);
	tail_free(&d->early);
	if (d->is_asked)
		answer(d, 447);
	if (d->client == NULL)
		return;
	d->client->data = NULL;
	tcp_conn_close(d->client);
}

const struct peer_conn_user data_conn_user = {
	.size = sizeof(struct data_conn),
	.on_taken = on_taken,
	.on_open = on_open,
	.on_data = on_data,
	.on_drained = on_drained,
	.on_eof = on_eof,
	.on_rate = on_rate,
	.on_end = on_end,
};
