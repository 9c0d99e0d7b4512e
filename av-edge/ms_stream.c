/*
 * Byte streams behind [MS-TURN]. DATA of a Send and of a Data Indication are
 * bytes of the peer's stream. What a data frame (type 03) holds is, to the
 * only client we could look at, one packet whose RFC 4571 length is the
 * frame's own; so between the frame and the stream that length is put before
 * it and taken off again, and a peer's stream is cut there. The setting
 * turn_tcp_rfc4571 says whether; without it bytes pass as they are.
 */
#include "av-edge/ms_stream.h"

#include <errno.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/stun/frame_tcp.h"
#include "av-edge/indication.h"
#include "av-edge/relay_tcp.h"
#include "av-edge/shard.h"
#include "av-edge/tail.h"
#include "av-edge/tcp_conn.h"

/* Without framing, what one frame to the client holds at most. */
#define PIECE_MAX 16384

/* Why the peer is not read. */
enum hold {
	HOLD_CLIENT = 1, /* it takes no more */
	HOLD_RATE = 2,   /* more came than its bandwidth */
};

struct ms_stream {
	struct peer_conn conn; /* first, so that both have one address */
	struct tail wait; /* owned: what is not passed on yet */
	unsigned holds; /* of enum hold */
	bool is_full; /* and holds up the client */
};

static struct ms_stream *ms_of(struct peer_conn *p)
{
	return (struct ms_stream *)(void *)p;
}

static struct shard *shard_of(const struct peer_conn *p)
{
	return p->relay->shard;
}

/* ---- to a peer --------------------------------------------------------- */

static bool is_any_full(const struct relay_tcp *t)
{
	struct list *it;

	list_for_each(it, &t->peers)
		if (ms_of(container_of(it, struct peer_conn, node))->is_full)
			return true;
	return false;
}

static void let_client_go_on(struct relay_tcp *t)
{
	struct tcp_conn *c = relay_tcp_client(t);

	if (!is_any_full(t))
		tcp_conn_resume(c, TCP_PAUSE_PEER);
}

/* What has no connection yet begins one, and waits for it. */
static struct peer_conn *find_or_connect(struct relay_tcp *t,
	const struct addr *peer)
{
	struct peer_conn *p = relay_tcp_find(t, peer);

	if (p == NULL && relay_tcp_connect(&p, t, peer) < 0)
		return NULL;
	return p;
}

static void queue(struct shard *s, struct alloc *a, const struct addr *peer,
	struct str head, struct str data)
{
	struct relay_tcp *t = s->relays[alloc_number_of_id(a->id)]->tcp;
	struct peer_conn *p = find_or_connect(t, peer);
	int full = p == NULL ? -ENOTCONN :
			       peer_conn_send(p, head.p, head.n);

	if (full >= 0)
		full = peer_conn_send(p, data.p, data.n);
	if (full < 0) {
		turn_drop(&s->turn, a, ALLOC_DROP_PEER);
		return;
	}
	relay_tcp_owe(t, QUOTA_UP, data.n);
	if (full == 0)
		return;
	/* Nobody knows yet whether there is anybody: no reason to wait. */
	if (!p->is_open) {
		turn_drop(&s->turn, a, ALLOC_DROP_PEER);
		relay_tcp_drop(p);
		return;
	}
	ms_of(p)->is_full = true;
	tcp_conn_pause(relay_tcp_client(t), TCP_PAUSE_PEER);
}

void ms_stream_send(struct shard *s, struct alloc *a, const struct addr *peer,
	struct str payload)
{
	queue(s, a, peer, (struct str){NULL, 0}, payload);
}

void ms_stream_data(struct shard *s, struct alloc *a, const struct addr *peer,
	const uint8_t *data, size_t len)
{
	uint8_t head[FRAME_PACKET_HEADER_LEN];
	bool is_framed = s->turn.rules->turn_tcp_rfc4571;

	buf_store_u16(head, (uint16_t)len);
	queue(s, a, peer, (struct str){(const char *)head,
		is_framed ? sizeof(head) : 0},
		(struct str){(const char *)data, len});
}

static void on_drained(struct peer_conn *p)
{
	ms_of(p)->is_full = false;
	let_client_go_on(p->relay);
}

/* ---- to the client ----------------------------------------------------- */

static int next_piece(const struct rules *r, const uint8_t *bytes, size_t len,
	struct frame *out)
{
	if (r->turn_tcp_rfc4571)
		return frame_packet_next(bytes, len, out);
	*out = (struct frame){.kind = FRAME_DATA, .data = bytes,
		.len = len < PIECE_MAX ? len : PIECE_MAX};
	out->whole_len = out->len;
	return 0;
}

static void count_down(struct shard *s, struct alloc *a, struct hot *h,
	size_t len)
{
	uint64_t *packets = h != NULL ? &h->down_packets : &a->down_packets;
	uint64_t *bytes = h != NULL ? &h->down_bytes : &a->down_bytes;

	++*packets;
	*bytes += len;
	stats_add(&s->turn.stats, AV_DOWN_PACKETS, 1);
	stats_add(&s->turn.stats, AV_DOWN_BYTES, len);
	alloc_touch(a, s->turn.now);
}

/* As it was cut from the peer's stream, with its length or without one. */
static void indicate(struct peer_conn *p, const uint8_t *bytes, size_t len)
{
	struct shard *s = shard_of(p);
	struct alloc *a = relay_tcp_alloc(p->relay);
	uint8_t head[UDP_HEAD_MAX];
	size_t pad = 0;
	int head_len = indication_head(s, a, &p->peer, len, head, &pad);
	const struct udp_out out = {.head = head, .head_len = (size_t)head_len,
		.data = bytes, .len = len};

	if (head_len < 0) {
		turn_drop(&s->turn, a, ALLOC_DROP_MALFORMED);
		return;
	}
	tcp_conn_frame(relay_tcp_client(p->relay), FRAME_CONTROL, &out);
	count_down(s, a, NULL, len);
}

/* False: this peer has no permission any more. */
static bool deliver(struct peer_conn *p, const uint8_t *bytes,
	const struct frame *f)
{
	struct shard *s = shard_of(p);
	struct alloc *a = relay_tcp_alloc(p->relay);
	struct hot *h = hot_of_peer(&s->turn.hots, a, &p->peer);
	const struct udp_out out = {.data = f->data, .len = f->len};
	bool is_media = h != NULL && hot_is_live(h, s->turn.now);

	if (!is_media && !perm_has(&s->turn.perms, a, &p->peer,
		s->turn.now)) {
		turn_drop(&s->turn, a, ALLOC_DROP_NO_PERMISSION);
		return false;
	}
	relay_tcp_owe(p->relay, QUOTA_DOWN, f->len);
	if (!is_media) {
		indicate(p, bytes, f->whole_len);
		return true;
	}
	tcp_conn_frame(relay_tcp_client(p->relay), FRAME_DATA, &out);
	count_down(s, a, h, f->len);
	return true;
}

/* How many of the bytes are done with; < 0: this peer may not talk. */
static ssize_t pass_on(struct ms_stream *m, const uint8_t *bytes, size_t len)
{
	struct peer_conn *p = &m->conn;
	struct tcp_conn *client = relay_tcp_client(p->relay);
	const struct rules *r = shard_of(p)->turn.rules;
	struct frame f;
	size_t at = 0;

	while (at < len && m->holds == 0 &&
		next_piece(r, bytes + at, len - at, &f) == 0) {
		if (!tcp_conn_has_room(client, f.whole_len + UDP_HEAD_MAX)) {
			m->holds |= HOLD_CLIENT;
			break;
		}
		if (!deliver(p, bytes + at, &f))
			return -EACCES;
		at += f.whole_len;
	}
	return (ssize_t)at;
}

/* Of what waits and of these bytes, as much as the client takes. */
static void read_on(struct ms_stream *m, const uint8_t *data, size_t len)
{
	bool waits = m->wait.len > 0;
	ssize_t done;
	int err = 0;

	if (waits)
		err = tail_add(&m->wait, data, len);
	if (err == 0) {
		done = waits ? pass_on(m, m->wait.bytes, m->wait.len) :
			       pass_on(m, data, len);
		if (done < 0)
			err = (int)done;
		else if (waits)
			tail_cut(&m->wait, (size_t)done);
		else if ((size_t)done < len)
			err = tail_add(&m->wait, data + done,
				len - (size_t)done);
	}
	if (err < 0)
		relay_tcp_drop(&m->conn);
	else if (m->holds != 0)
		stream_pause(m->conn.stream);
}

static void on_data(struct peer_conn *p, const uint8_t *data, size_t len)
{
	read_on(ms_of(p), data, len);
}

static void release(struct relay_tcp *t, enum hold why)
{
	struct list *it, *next;

	list_for_each_safe(it, next, &t->peers) {
		struct peer_conn *p = container_of(it, struct peer_conn, node);
		struct ms_stream *m = ms_of(p);

		if ((m->holds & why) == 0)
			continue;
		m->holds &= ~(unsigned)why;
		if (m->holds != 0)
			continue;
		/* What is not held any more is read again, or gone. */
		stream_resume(p->stream);
		read_on(m, NULL, 0);
	}
}

void ms_stream_go_on(struct relay_tcp *t)
{
	release(t, HOLD_CLIENT);
}

/* In the middle of delivering, perhaps: who is held is paused there. */
static void hold_peers(struct relay_tcp *t)
{
	struct list *it;

	list_for_each(it, &t->peers) {
		struct peer_conn *p = container_of(it, struct peer_conn, node);

		ms_of(p)->holds |= HOLD_RATE;
		stream_pause(p->stream);
	}
}

static void on_rate(struct relay_tcp *t, enum quota_way way, bool may)
{
	struct tcp_conn *client = relay_tcp_client(t);

	if (way == QUOTA_UP && may)
		tcp_conn_resume(client, TCP_PAUSE_RATE);
	else if (way == QUOTA_UP)
		tcp_conn_pause(client, TCP_PAUSE_RATE);
	else if (may)
		release(t, HOLD_RATE);
	else
		hold_peers(t);
}

/* ---- beginning and end ------------------------------------------------- */

static bool on_taken(struct peer_conn *p)
{
	(void)p;
	return true;
}

static void on_open(struct peer_conn *p)
{
	(void)p; /* what waited for it goes out by itself */
}

/* [MS-TURN] has no word for it: the next data for this peer connects. */
static void on_eof(struct peer_conn *p)
{
	relay_tcp_drop(p);
}

static void on_end(struct peer_conn *p)
{
	struct ms_stream *m = ms_of(p);

	tail_free(&m->wait);
	if (m->is_full)
		let_client_go_on(p->relay);
}

const struct peer_conn_user ms_stream_user = {
	.size = sizeof(struct ms_stream),
	.on_taken = on_taken,
	.on_open = on_open,
	.on_data = on_data,
	.on_drained = on_drained,
	.on_eof = on_eof,
	.on_rate = on_rate,
	.on_end = on_end,
};
