/*
 * From the listening sockets to the handlers. A batch is read, each of its
 * datagrams classified and handled, then everything that came of it is sent
 * before the next batch is read: answers to STUN never wait for a rest.
 */
#include "av-edge/front_udp.h"

#include "av-edge/demux_udp.h"
#include "av-edge/relay_udp.h"
#include "av-edge/turn_ms.h"

#define ROUNDS 4 /* batches a turn, so that peers get their share */

static void answer(struct shard *s, struct shard_listener *l,
	const struct addr *client, const struct turn_out *out)
{
	const struct udp_to to = {
		.fd = l->fd,
		.no_segment = &l->no_segment,
		.addr = client,
	};
	const struct udp_out datagram = {
		.data = out->answer,
		.len = out->answer_len,
	};

	udp_tx_add(s->to_clients, &to, &datagram);
	s->answer_count++;
}

typedef void(handler)(struct turn *t, const struct turn_in *in,
	struct turn_out *out);

static void handle_message(struct shard *s, struct shard_listener *l,
	const struct addr *client, handler *handle, const uint8_t *data,
	size_t len)
{
	const struct turn_in in = {
		.data = data,
		.len = len,
		.client = client,
		.local = &l->address,
		.listener = l->number,
		.side = l->side,
		.is_closing = l->is_closing,
	};
	struct turn_out out = {.answer = shard_answer_room(s)};

	handle(&s->turn, &in, &out);
	if (out.answer_len > 0)
		answer(s, l, client, &out);
	if (out.from != NULL)
		relay_from_send(s, &out);
}

static enum demux_owner owner_of(const struct alloc *a)
{
	if (a == NULL)
		return DEMUX_NOBODY;
	return a->dialect == ALLOC_MS ? DEMUX_OF_MS : DEMUX_OF_RFC;
}

static void take_slowly(struct shard *s, struct shard_listener *l,
	const struct addr *client, const uint8_t *data, size_t len)
{
	struct alloc *a = alloc_find(&s->turn.allocs, l->number, client);
	struct av_stats *stats = &s->turn.stats;

	switch (demux_udp(data, len, owner_of(a))) {
	case DEMUX_MS_CONTROL:
		handle_message(s, l, client, turn_ms_handle, data, len);
		break;
	case DEMUX_MS_DATA:
		relay_from_bare(s, a, data, len);
		break;
	case DEMUX_RFC_MESSAGE:
		handle_message(s, l, client, turn_rfc_handle, data, len);
		break;
	case DEMUX_CHANNEL:
		stats_add(stats, AV_DROP_NO_CHANNEL, 1);
		break;
	case DEMUX_MULTIPLEXED:
		stats_add(stats, AV_DROP_MULTIPLEXED, 1);
		break;
	case DEMUX_STRAY:
		stats_add(stats, AV_DROP_STRAY, 1);
		break;
	case DEMUX_JUNK:
		stats_add(stats, AV_DROP_NOT_STUN, 1);
		break;
	}
}

/* Who has such a channel is a client of the RFC: one look-up for media. */
static void take(struct shard *s, struct shard_listener *l,
	const struct addr *client, const uint8_t *data, size_t len)
{
	if (!demux_is_channel(data, len) ||
	    !relay_from_channel(s, l->number, client, data, len))
		take_slowly(s, l, client, data, len);
}

/* A slot may hold a run that the kernel glued: segments of one size. */
static uint32_t take_slot(struct shard *s, struct shard_listener *l,
	const struct udp_in *in)
{
	size_t at = 0, len;
	uint32_t count = 0;

	if (!addr_is_set(&in->from))
		return 0;
	do {
		len = in->len - at < in->segment ? in->len - at : in->segment;
		take(s, l, &in->from, in->data + at, len);
		at += len;
		count++;
	} while (at < in->len);
	return count;
}

uint32_t front_udp_read(struct shard *s, struct shard_listener *l)
{
	struct udp_in *in;
	unsigned round;
	uint32_t count = 0;
	int n, i;

	for (round = 0; round < ROUNDS; round++) {
		n = udp_rx_read(s->from_clients, l->fd, UDP_BATCH, &in);
		for (i = 0; i < n; i++)
			count += take_slot(s, l, &in[i]);
		shard_flush(s);
		if (n < UDP_BATCH)
			break; /* a short batch means empty */
	}
	return count;
}
