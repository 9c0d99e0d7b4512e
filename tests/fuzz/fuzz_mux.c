/*
 * Any frames at both ends of a multiplexed connection, whoever opens: no
 * channel outlives its bound, no relay hears more than was sent, and all is
 * free at the end. The first byte chooses the end, the rest is a stream of
 * short frames (type, channel, length, payload).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/net/relay.h"
#include "common/wce/channel.h"
#include "common/wce/mux.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHANNELS 8

static struct {
	struct loop *loop;
	struct mux *mux;
	struct relay *relays[64];
	size_t relay_count;
	size_t heard;
	size_t piled;
} f;

static int send_frames(void *arg, const void *data, size_t len)
{
	(void)arg;
	(void)data;
	return len > 1000;
}

/* ---- what a relay leads to ----------------------------------------------- */

static void ear_join(void *leg, struct relay_side *side)
{
	*(struct relay_side **)leg = side;
}

static int ear_send(void *leg, const void *data, size_t len)
{
	(void)leg;
	(void)data;
	f.heard += len;
	f.piled += len;
	return f.piled % 5 == 0;
}

static void ear_nothing(void *leg)
{
	(void)leg;
}

static bool ear_is_shut(const void *leg)
{
	(void)leg;
	return false;
}

static size_t ear_queued(const void *leg)
{
	(void)leg;
	return 0;
}

static void on_relay_end(struct relay *r, enum relay_end end,
	enum stream_end stream_end, const char *detail, void *arg)
{
	(void)end;
	(void)stream_end;
	(void)detail;
	(void)arg;
	for (size_t i = 0; i < f.relay_count; i++)
		if (f.relays[i] == r)
			f.relays[i] = NULL;
}

static void join(struct channel *ch)
{
	static const struct leg_ops ear = {
		.join = ear_join,
		.send = ear_send,
		.pause = ear_nothing,
		.resume = ear_nothing,
		.shut = ear_nothing,
		.is_shut = ear_is_shut,
		.close = ear_nothing,
		.abort = ear_nothing,
		.free = ear_nothing,
		.queued = ear_queued,
	};
	static struct relay_side *sides[64];
	size_t i = f.relay_count++;
	const struct relay_spec spec = {
		.loop = f.loop,
		.left_leg = {&ear, &sides[i]},
		.right_leg = channel_leg(ch),
		.half_close_ms = 1000,
		.on_end = on_relay_end,
	};

	if (relay_new(&f.relays[i], &spec) < 0)
		abort();
	relay_side_data(sides[i], (const uint8_t *)"hello", 5);
}

static void on_accept(struct channel *ch, void *arg)
{
	(void)arg;
	join(ch);
}

static void on_end(struct channel *ch, enum wce_code code, void *arg)
{
	(void)ch;
	(void)code;
	(void)arg;
}

static const struct channel_ops CHANNEL_OPS = {
	.on_accept = on_accept,
	.on_end = on_end,
};

static void on_open(struct channel *ch, const struct wce_fields *fields,
	void *arg)
{
	const char *ticket = wce_bytes(fields, WCE_TICKET).p;

	(void)arg;
	if (f.relay_count >= 60) {
		channel_reset(ch, WCE_E_SERVER_FULL);
		return;
	}
	channel_own(ch, &CHANNEL_OPS, NULL);
	if (ticket[0] & 1)
		return; /* later, that is never */
	channel_accept(ch);
	join(ch);
}

static const struct mux_ops MUX_OPS = {
	.send = send_frames,
	.on_open = on_open,
};

/* ---- frames -------------------------------------------------------------- */

static bool next_frame(const uint8_t **p, size_t *left,
	struct wce_frame *frame)
{
	size_t len;

	if (*left < 4)
		return false;
	len = (size_t)((*p)[2] & 1 ? (*p)[3] << 6 : (*p)[3]);
	frame->type = (uint8_t)(0x20 + ((*p)[0] & 7));
	frame->channel = (*p)[1];
	*p += 4;
	*left -= 4;
	frame->len = len < *left ? len : *left;
	frame->payload = *p;
	*p += frame->len;
	*left -= frame->len;
	return true;
}

static void begin(bool is_opener)
{
	const struct mux_spec spec = {
		.loop = f.loop,
		.channels_max = CHANNELS,
		.is_opener = is_opener,
		.ops = &MUX_OPS,
	};
	struct channel *ch;

	if (mux_new(&f.mux, &spec) < 0)
		abort();
	for (int i = 0; is_opener && i < CHANNELS; i++)
		if (channel_open(&ch, f.mux, "", 0, &CHANNEL_OPS, NULL) < 0)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wce_frame frame;
	size_t offered = 0;

	if (size < 1)
		return 0;
	memset(&f, 0, sizeof(f));
	if (loop_new(&f.loop) < 0)
		abort();
	begin(data[0] & 1);
	data++;
	size--;
	while (next_frame(&data, &size, &frame)) {
		offered += frame.len;
		if (mux_take(f.mux, &frame) < 0)
			break;
		if (mux_count(f.mux) > CHANNELS || f.heard > offered)
			abort();
		if (frame.len % 7 == 0)
			mux_writable(f.mux);
	}
	loop_turn(f.loop, 0);
	mux_free(f.mux);
	for (size_t i = 0; i < f.relay_count; i++)
		if (f.relays[i] != NULL)
			abort(); /* its channel is gone */
	loop_free(f.loop);
	return 0;
}
