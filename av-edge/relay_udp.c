/*
 * The data path over flat records. Payload is never copied in user space:
 * it leaves from the slot it was received into, with a header in front of
 * it where the client's side wants one. Permission is checked on both sides
 * of the short cut (threats T19, T20): relayed traffic only ever goes to a
 * client or to the network, never into another relay.
 */
#include "av-edge/relay_udp.h"

#include <string.h>

#include "common/base/buf.h"
#include "av-edge/allowance.h"
#include "av-edge/indication.h"
#include "av-edge/ms_stream.h"
#include "av-edge/relay_icmp.h"
#include "av-edge/tcp_conn.h"

#define BURST_MAX   32
#define INBOX_BATCH 64

static void drop(struct shard *s, struct alloc *a, enum alloc_drop reason)
{
	turn_drop(&s->turn, a, reason);
}

static struct alloc *alloc_of(const struct shard *s, const struct hot *h)
{
	return flat_pool_at(&s->turn.allocs.pool, h->alloc);
}

/* ---- to a client ------------------------------------------------------- */

/* Into its stream, if it reads what is there already. */
static bool to_tcp_client(struct shard *s, struct alloc *a,
	const struct udp_out *out)
{
	struct tcp_conn *c = s->relays[alloc_number_of_id(a->id)]->conn;

	if (tcp_conn_relay(c, out))
		return true;
	drop(s, a, ALLOC_DROP_CLIENT);
	return false;
}

static void to_udp_client(struct shard *s, const struct alloc *a,
	const struct udp_out *out)
{
	struct shard_listener *l = &s->listeners[a->listener];
	const struct udp_to to = {
		.fd = l->fd,
		.no_segment = &l->no_segment,
		.addr = &a->client,
	};

	udp_tx_add(s->to_clients, &to, out);
}

bool relay_to_client(struct shard *s, struct alloc *a,
	const struct udp_out *out)
{
	if (alloc_is_tcp(a))
		return to_tcp_client(s, a, out);
	to_udp_client(s, a, out);
	return true;
}

static void to_client(struct shard *s, struct alloc *a,
	const struct udp_out *out)
{
	if (!relay_to_client(s, a, out))
		return;
	stats_add(&s->turn.stats, AV_DOWN_PACKETS, 1);
	stats_add(&s->turn.stats, AV_DOWN_BYTES, out->len);
}

/* RFC 8656 12.6; from the active destination of [MS-TURN] bare. */
static void deliver_media(struct shard *s, struct alloc *a, struct hot *h,
	struct udp_out *out)
{
	uint8_t head[STUN_CHANNEL_HEADER_LEN];

	if (h->channel != HOT_DESTINATION) {
		memcpy(head, h->head, 2);
		buf_store_u16(head + 2, (uint16_t)out->len);
		out->head = head;
		out->head_len = sizeof(head);
	}
	h->down_packets++;
	h->down_bytes += out->len;
	to_client(s, a, out);
}

static void deliver_indication(struct shard *s, struct alloc *a,
	const struct addr *peer, struct udp_out *out)
{
	uint8_t head[UDP_HEAD_MAX];
	int len = indication_head(s, a, peer, out->len, head, &out->pad);

	if (len < 0) {
		drop(s, a, ALLOC_DROP_MALFORMED);
		return;
	}
	out->head = head;
	out->head_len = (size_t)len;
	a->down_packets++;
	a->down_bytes += out->len;
	to_client(s, a, out);
}

/* From this peer to the client of a, if it is permitted. h: the channel or
 * active destination that the peer is, or NULL. */
static void deliver(struct shard *s, struct alloc *a, struct hot *h,
	const struct addr *peer, const void *data, size_t len)
{
	struct udp_out out = {.data = data, .len = len};
	bool is_media = h != NULL && hot_is_live(h, s->turn.now);

	if (!is_media && !perm_has(&s->turn.perms, a, peer, s->turn.now)) {
		drop(s, a, ALLOC_DROP_NO_PERMISSION);
		return;
	}
	if (!allowance_take(&s->turn, a, QUOTA_DOWN, len)) {
		drop(s, a, ALLOC_DROP_BANDWIDTH);
		return;
	}
	if (is_media)
		deliver_media(s, a, h, &out);
	else
		deliver_indication(s, a, peer, &out);
	if (a->dialect == ALLOC_MS)
		alloc_touch(a, s->turn.now);
}

/* ---- the short cut ----------------------------------------------------- */

static void deliver_handed(struct shard *s, uint64_t owner,
	const struct addr *from, const void *data, size_t len)
{
	struct alloc *a = alloc_by_id(&s->turn.allocs, owner);

	/* A datagram can't come to a TCP port. */
	if (a == NULL || alloc_relays_tcp(a)) {
		drop(s, NULL, ALLOC_DROP_NO_RELAY);
		return;
	}
	stats_add(&s->turn.stats, AV_HAIRPIN_PACKETS, 1);
	stats_add(&s->turn.stats, AV_HAIRPIN_BYTES, len);
	deliver(s, a, hot_of_peer(&s->turn.hots, a, from), from, data, len);
}

/* The peer is one of our own relay addresses: whoever owns the port gets it
 * inside the process, or nobody does. */
static void hairpin(struct shard *s, struct alloc *a, const struct addr *to,
	const void *data, size_t len)
{
	const struct port_pool *ports =
	    s->turn.shared->ports[rules_family_of(to)];
	uint64_t owner = port_pool_owner(ports, to->port);
	unsigned shard = alloc_shard_of_id(owner);

	if (owner == 0 || shard >= s->peer_count) {
		drop(s, a, ALLOC_DROP_NO_RELAY);
		return;
	}
	if (shard == s->number) {
		deliver_handed(s, owner, &a->relayed, data, len);
		return;
	}
	if (!handoff_push(s->peers[shard]->inbox[s->number], owner,
		    &a->relayed, data, len)) {
		drop(s, a, ALLOC_DROP_QUEUE);
		return;
	}
	s->wakes[shard] = true;
}

/* The shard's part of one queue: how many places of it are done with. */
static unsigned take_handed(struct shard *s, const struct handoff *inbox)
{
	struct handoff_datagram d;
	unsigned n = 0;

	while (n < INBOX_BATCH && handoff_peek(inbox, n, s->whole, &d)) {
		deliver_handed(s, d.owner, &d.from, d.data, d.len);
		n += d.places;
		/* It is sent from there, and the next may want the room. */
		if (d.data == s->whole)
			shard_flush(s);
	}
	return n;
}

bool relay_from_inbox(struct shard *s)
{
	bool has_more = false;
	unsigned i, n;

	for (i = 0; i < s->peer_count; i++) {
		if (i == s->number)
			continue;
		n = take_handed(s, s->inbox[i]);
		/* The items are sent from where they are: first send. */
		shard_flush(s);
		handoff_drop(s->inbox[i], n);
		has_more |= n >= INBOX_BATCH;
	}
	return has_more;
}

/* ---- to a peer --------------------------------------------------------- */

static void to_peer(struct shard *s, struct alloc *a,
	const struct addr *peer, const void *data, size_t len)
{
	const struct udp_to to = {
		.fd = a->relay_fd,
		.no_segment = &a->no_segment,
		.addr = peer,
	};
	const struct udp_out out = {.data = data, .len = len};

	udp_tx_add(s->to_peers, &to, &out);
}

/* A stream is held up, not cut: there it is looked at behind this. */
static bool may_carry_up(struct shard *s, struct alloc *a, size_t len)
{
	return alloc_relays_tcp(a) ||
	    allowance_take(&s->turn, a, QUOTA_UP, len);
}

/* Out by a channel, or to the active destination. */
static void send_media(struct shard *s, struct alloc *a, struct hot *h,
	const uint8_t *data, size_t len)
{
	if (!hot_is_live(h, s->turn.now)) {
		drop(s, a, h->until_ms > s->turn.now.ms ?
			ALLOC_DROP_NO_PERMISSION : ALLOC_DROP_NO_CHANNEL);
		return;
	}
	if (!may_carry_up(s, a, len)) {
		drop(s, a, ALLOC_DROP_BANDWIDTH);
		return;
	}
	h->up_packets++;
	h->up_bytes += len;
	stats_add(&s->turn.stats, AV_UP_PACKETS, 1);
	stats_add(&s->turn.stats, AV_UP_BYTES, len);
	if (alloc_relays_tcp(a))
		ms_stream_data(s, a, &h->peer, data, len);
	else if (h->is_hairpin)
		hairpin(s, a, &h->peer, data, len);
	else
		to_peer(s, a, &h->peer, data, len);
}

/* RFC 8656 12.6; over UDP what follows the stated length is padding. */
bool relay_from_channel(struct shard *s, uint8_t listener,
	const struct addr *client, const uint8_t *data, size_t len)
{
	uint16_t channel = buf_load_u16(data);
	size_t payload_len = buf_load_u16(data + 2);
	struct hot *h = hot_find(&s->turn.hots, listener, client, channel);

	if (h == NULL)
		return false;
	if (payload_len > len - STUN_CHANNEL_HEADER_LEN)
		drop(s, alloc_of(s, h), ALLOC_DROP_MALFORMED);
	else
		send_media(s, alloc_of(s, h), h,
			data + STUN_CHANNEL_HEADER_LEN, payload_len);
	return true;
}

void relay_from_bare(struct shard *s, struct alloc *a, const uint8_t *data,
	size_t len)
{
	if (a->first_hot == FLAT_NONE) {
		drop(s, a, ALLOC_DROP_NO_DESTINATION);
		return;
	}
	alloc_touch(a, s->turn.now);
	send_media(s, a, flat_pool_at(&s->turn.hots.pool, a->first_hot),
		data, len);
}

static bool is_own_relay(const struct shard *s, const struct addr *a)
{
	return peer_policy_is_own(&s->turn.rules->peers, a);
}

static void to_peer_whole(struct shard *s, struct alloc *a,
	const struct addr *peer, struct str payload)
{
	/* What came before it leaves before it. */
	udp_tx_flush(s->to_peers);
	if (relay_icmp_send_whole(a, peer, payload) < 0) {
		stats_add(&s->turn.stats, AV_DROP_SEND, 1);
		relay_icmp_read(s, a, peer);
	}
}

void relay_from_send(struct shard *s, const struct turn_out *out)
{
	const struct addr *peer = &out->peer;
	struct str payload = out->payload;
	struct alloc *a = out->from;

	if (!may_carry_up(s, a, payload.n)) {
		drop(s, a, ALLOC_DROP_BANDWIDTH);
		return;
	}
	a->up_packets++;
	a->up_bytes += payload.n;
	stats_add(&s->turn.stats, AV_UP_PACKETS, 1);
	stats_add(&s->turn.stats, AV_UP_BYTES, payload.n);
	if (alloc_relays_tcp(a))
		ms_stream_send(s, a, peer, payload);
	else if (is_own_relay(s, peer))
		hairpin(s, a, peer, payload.p, payload.n);
	else if (out->dont_fragment)
		to_peer_whole(s, a, peer, payload);
	else
		to_peer(s, a, peer, payload.p, payload.n);
}

/* ---- from a peer ------------------------------------------------------- */

/* One slot: a datagram or a run of them, all from one peer. */
static uint32_t from_peer(struct shard *s, struct alloc *a,
	const struct udp_in *in)
{
	struct hot *h = hot_of_peer(&s->turn.hots, a, &in->from);
	size_t at = 0, len;
	uint32_t count = 0;

	if (!addr_is_set(&in->from)) {
		drop(s, a, ALLOC_DROP_MALFORMED);
		return 1;
	}
	/* The short cut never uses the network: whoever sends with our
	 * relay's address from there is not us. */
	if (is_own_relay(s, &in->from)) {
		drop(s, a, ALLOC_DROP_SPOOFED);
		return 1;
	}
	do {
		len = in->len - at < in->segment ? in->len - at : in->segment;
		deliver(s, a, h, &in->from, in->data + at, len);
		at += len;
		count++;
	} while (at < in->len);
	return count;
}

/* Ask for as many as it had last time and a few more, so that a socket with
 * one packet costs one look and one with a run is emptied. */
static void adapt_burst(struct alloc *a, unsigned got)
{
	if (got == a->burst)
		a->burst = (uint8_t)(a->burst * 2 > BURST_MAX ? BURST_MAX :
								a->burst * 2);
	else
		a->burst = (uint8_t)(got > 1 ? got : 1);
}

uint32_t relay_from_peers(struct shard *s, struct alloc *a)
{
	struct udp_in *in;
	uint32_t count = 0;
	int n, i;

	if (udp_rx_room(s->from_peers) < a->burst)
		shard_flush(s);
	n = udp_rx_read(s->from_peers, a->relay_fd, a->burst, &in);
	/* An error belongs to one datagram, long gone: the next may come. */
	if (n <= 0) {
		relay_icmp_read(s, a, NULL);
		return 0;
	}
	for (i = 0; i < n; i++)
		count += from_peer(s, a, &in[i]);
	adapt_burst(a, (unsigned)n);
	return count;
}
