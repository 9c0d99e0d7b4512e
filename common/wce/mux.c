/*
 * The connection's half of multiplexing. Lives here: the table of channels,
 * numbers, whose turn it is to send. Does not live here: credit and the life
 * of one channel (channel.c), the connection itself (its owner's), what a
 * channel is for. Nothing a channel does ends another.
 */
#include "common/wce/mux_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

#define SHORT_MAX 64u

/* ---- the table ----------------------------------------------------------- */

static bool has_id(const struct map_node *node, const void *key)
{
	return container_of(node, const struct channel, node)->id ==
		*(const uint32_t *)key;
}

static uint64_t hash_of(const struct mux *m, uint32_t id)
{
	return map_hash(&m->channels, &id, sizeof(id));
}

static struct channel *find(const struct mux *m, uint32_t id)
{
	struct map_node *node = map_find(&m->channels, hash_of(m, id), has_id,
		&id);

	return node != NULL ? container_of(node, struct channel, node) : NULL;
}

void mux_insert(struct mux *m, struct channel *ch)
{
	map_insert(&m->channels, &ch->node, hash_of(m, ch->id));
}

void mux_remove(struct mux *m, struct channel *ch)
{
	list_remove(&ch->place);
	map_remove(&m->channels, &ch->node);
}

size_t mux_count(const struct mux *m)
{
	return m->channels.count;
}

/* A number is used once in the life of a connection: what still arrives for
 * a channel that is gone can't reach another. */
bool mux_has_room(const struct mux *m)
{
	return m->channels.count < m->channels_max && !m->is_full &&
		m->last_id < UINT32_MAX - 1;
}

uint32_t mux_next_id(struct mux *m)
{
	m->last_id = m->last_id == 0 ? 1 : m->last_id + 2;
	return m->last_id;
}

void mux_tell_gone(struct mux *m)
{
	if (m->ops->on_gone != NULL && !m->is_over)
		m->ops->on_gone(m->arg);
}

/* ---- sending ------------------------------------------------------------- */

static void send_bytes(struct mux *m, const void *data, size_t len)
{
	if (!m->is_over && m->ops->send(m->arg, data, len) != 0)
		m->is_full = true;
}

void mux_send_raw(struct mux *m, enum wce_type type, uint32_t channel,
	const void *data, size_t len)
{
	uint8_t head[SHORT_MAX];
	struct wbuf w = wbuf_of(head, sizeof(head));

	(void)wce_begin_on(&w, type, channel);
	buf_store_u32(head + 8, (uint32_t)len);
	/* A short frame is one piece, a long one is not copied for it. */
	if (len <= sizeof(head) - WCE_HEAD_LEN) {
		wbuf_bytes(&w, data, len);
		send_bytes(m, head, w.len);
		return;
	}
	send_bytes(m, head, w.len);
	send_bytes(m, data, len);
}

void mux_queue(struct mux *m, struct channel *ch)
{
	if (list_is_empty(&ch->place) && channel_has_turn(ch))
		list_push_back(&m->turn, &ch->place);
}

/* One frame each, then to the end of the line. */
void mux_pump(struct mux *m)
{
	struct list *at;

	if (m->is_pumping)
		return;
	m->is_pumping = true;
	while (!m->is_full && !m->is_over &&
		(at = list_first(&m->turn)) != NULL) {
		list_remove(at);
		channel_write(container_of(at, struct channel, place));
	}
	m->is_pumping = false;
}

void mux_writable(struct mux *m)
{
	m->is_full = false;
	mux_pump(m);
}

/* ---- receiving ----------------------------------------------------------- */

static int take_open(struct mux *m, const struct wce_frame *frame)
{
	struct wce_fields fields;
	struct channel *ch;
	uint8_t code[2];

	if (m->is_opener || frame->channel % 2 == 0 ||
		frame->channel <= m->last_id ||
		wce_fields_read(&fields, frame) < 0)
		return EDGE_EMALFORMED;
	m->last_id = frame->channel;
	if (m->channels.count >= m->channels_max ||
		channel_new(&ch, m, frame->channel) < 0) {
		buf_store_u16(code, WCE_E_SERVER_FULL);
		mux_send_raw(m, WCE_CH_RESET, frame->channel, code,
			sizeof(code));
		return 0;
	}
	m->ops->on_open(ch, &fields, m->arg);
	return 0;
}

/* What no state can make right ends the connection: its other end does not
 * speak our language. */
static bool is_shape_right(const struct wce_frame *frame)
{
	struct wce_fields fields;

	switch (frame->type) {
	case WCE_CH_ACCEPT:
		return wce_fields_read(&fields, frame) == 0;
	case WCE_CH_DATA:
		return frame->len > 0 && frame->len <= WCE_DATA_MAX;
	case WCE_CH_CREDIT:
		return frame->len == 4;
	case WCE_CH_EOF:
		return frame->len == 0;
	case WCE_CH_RESET:
		return frame->len == 2;
	default:
		return false;
	}
}

int mux_take(struct mux *m, const struct wce_frame *frame)
{
	struct channel *ch;

	if (frame->type == WCE_CH_OPEN)
		return take_open(m, frame);
	if (!is_shape_right(frame) || frame->channel % 2 == 0 ||
		frame->channel > m->last_id)
		return EDGE_EMALFORMED;
	ch = find(m, frame->channel);
	/* NULL: it was on its way when the channel ended. */
	if (ch == NULL)
		return 0;
	channel_take(ch, frame);
	/* That may have been its end. */
	ch = find(m, frame->channel);
	if (ch != NULL)
		channel_give_credit(ch);
	return 0;
}

/* ---- life ---------------------------------------------------------------- */

int mux_new(struct mux **out, const struct mux_spec *spec)
{
	struct mux *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return -ENOMEM;
	m->loop = spec->loop;
	m->channels_max = spec->channels_max;
	m->is_opener = spec->is_opener;
	m->ops = spec->ops;
	m->arg = spec->arg;
	list_init(&m->turn);
	if (map_init(&m->channels) < 0) {
		free(m);
		return -ENOMEM;
	}
	*out = m;
	return 0;
}

void mux_free(struct mux *m)
{
	struct map_node *node;

	if (m == NULL)
		return;
	m->is_over = true;
	/* The end of one may be the end of others. */
	while ((node = map_next(&m->channels, NULL)) != NULL)
		channel_lost(container_of(node, struct channel, node));
	map_fini(&m->channels);
	free(m);
}
