/*
 * From the listening sockets to the handlers. A batch is read, each of its
 * datagrams classified and handled, then everything that came of it is sent
 * before the next batch is read: answers to STUN never wait for a rest.
 */
#include "av-edge/front_udp.h"

#include <string.h>

#include "common/base/buf.h"
#include "av-edge/relay_udp.h"

#define ROUNDS 4 /* batches a turn, so that peers get their share */

/* [MS-TURN] 2.2.1 and 2.2.2.8: the types, and the cookie attribute. */
static const uint16_t ms_types[] = {
	0x0002, 0x0003, 0x0004, 0x0006, 0x0102, 0x0103, 0x0106, 0x0112,
	0x0113, 0x0115, 0x0116,
};
static const uint8_t ms_cookie[] = {
	0x00, 0x0f, 0x00, 0x04, 0x72, 0xc6, 0x4b, 0xc6,
};

static bool is_ms_control(const uint8_t *data, size_t len)
{
	uint16_t type;
	size_t i;

	if (len < STUN_HEADER_LEN + sizeof(ms_cookie) ||
	    buf_load_u16(data + 2) != len - STUN_HEADER_LEN ||
	    memcmp(data + STUN_HEADER_LEN, ms_cookie, sizeof(ms_cookie)) != 0)
		return false;
	type = buf_load_u16(data);
	for (i = 0; i < ARRAY_COUNT(ms_types); i++)
		if (ms_types[i] == type)
			return true;
	return false;
}

enum front_kind front_kind_of(const uint8_t *data, size_t len)
{
	if (len < STUN_CHANNEL_HEADER_LEN)
		return FRONT_JUNK;
	if ((data[0] & 0xc0) == STUN_CHANNEL_FIRST >> 8)
		return FRONT_CHANNEL;
	if ((data[0] & 0xc0) != 0)
		return FRONT_JUNK;
	if (is_ms_control(data, len))
		return FRONT_MS_CONTROL;
	return stun_is_rfc(data, len) ? FRONT_RFC : FRONT_JUNK;
}

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

static void handle_message(struct shard *s, struct shard_listener *l,
	const struct addr *client, const uint8_t *data, size_t len)
{
	const struct turn_in in = {
		.data = data,
		.len = len,
		.client = client,
		.listener = l->number,
		.side = l->side,
		.is_closing = l->is_closing,
	};
	struct turn_out out = {.answer = shard_answer_room(s)};

	turn_rfc_handle(&s->turn, &in, &out);
	if (out.answer_len > 0)
		answer(s, l, client, &out);
	if (out.from != NULL)
		relay_from_send(s, out.from, &out.peer, out.payload);
}

static void take(struct shard *s, struct shard_listener *l,
	const struct addr *client, const uint8_t *data, size_t len)
{
	switch (front_kind_of(data, len)) {
	case FRONT_CHANNEL:
		relay_from_channel(s, l->number, client, data, len);
		break;
	case FRONT_RFC:
		handle_message(s, l, client, data, len);
		break;
	case FRONT_MS_CONTROL:
		stats_add(&s->turn.stats, AV_DROP_MS_TURN, 1);
		break;
	case FRONT_JUNK:
		stats_add(&s->turn.stats, AV_DROP_NOT_STUN, 1);
		break;
	}
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
