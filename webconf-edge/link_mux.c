/*
 * Connections of servers that carry many clients (docs/protocol/webconf.md
 * 10). Lives here: how such a link begins, fills and is retired. Does not
 * live here: channels (common/wce), sessions (pair.c), whether the server
 * may have one (link_frame.c).
 */
#include "webconf-edge/link_priv.h"

#include "common/base/err.h"
#include "common/base/log.h"
#include "webconf-edge/front.h"
#include "webconf-edge/pair.h"

bool link_is_muxed(const struct link *l)
{
	return l->state == LINK_MUX;
}

static bool has_room(const struct link *l)
{
	return !l->is_retired && mux_has_room(l->mux);
}

/* A slot first: it stands ready for one client and is of no other use. Then
 * the connection with the fewest channels. */
struct link *link_free_of(const struct server *s)
{
	struct list *at = list_first(&s->ready);
	struct link *best = NULL;

	if (at != NULL)
		return link_of_place(at);
	list_for_each(at, &s->muxes) {
		struct link *l = link_of_place(at);

		if (has_room(l) && (best == NULL ||
				mux_count(l->mux) < mux_count(best->mux)))
			best = l;
	}
	return best;
}

static void serve_waiters(struct link *l)
{
	struct server *s = l->server;
	struct list *at;

	while (has_room(l) && (at = list_first(&s->waiters)) != NULL)
		if (pair_begin(l->edge, front_of_wait(at), l) < 0)
			front_refuse(front_of_wait(at), WCE_E_INTERNAL);
}

/* ---- what the channels ask of their connection --------------------------- */

static int send_frames(void *arg, const void *data, size_t len)
{
	struct link *l = arg;

	return stream_send(l->stream, data, len);
}

static void on_gone(void *arg)
{
	struct link *l = arg;

	if (l->state != LINK_MUX)
		return;
	if (l->is_retired)
		link_retire_mux(l);
	else
		serve_waiters(l);
}

static const struct mux_ops OPS = {
	.send = send_frames,
	.on_gone = on_gone,
};

/* ---- the link ------------------------------------------------------------ */

void link_become_mux(struct link *l, struct server *s, uint32_t channels)
{
	const uint32_t most = l->edge->limits.channels_max;
	const struct mux_spec spec = {
		.loop = l->edge->loop,
		.channels_max = channels < most ? channels : most,
		.is_opener = true,
		.ops = &OPS,
		.arg = l,
	};

	if (mux_new(&l->mux, &spec) < 0) {
		link_fault(l, WCE_E_INTERNAL, "memory");
		return;
	}
	list_push_back(&s->muxes, &l->place);
	s->mux_count++;
	stream_expect_bulk(l->stream);
	wce_reader_fini(&l->reader);
	wce_reader_init(&l->reader, WCE_DATA_MAX);
	link_set_state(l, LINK_MUX);
	serve_waiters(l);
}

int link_open_channel(struct channel **out, struct link *l,
	const void *fields, size_t len, const struct channel_ops *ops,
	void *arg)
{
	return channel_open(out, l->mux, fields, len, ops, arg);
}

bool link_take_channel(struct link *l, const struct wce_frame *frame)
{
	/* Only the edge opens channels: CH_OPEN is refused in there. */
	if (mux_take(l->mux, frame) < 0) {
		link_fault(l, WCE_E_MALFORMED, wce_type_name(frame->type));
		return false;
	}
	return l->state == LINK_MUX;
}

void link_mux_writable(struct link *l)
{
	mux_writable(l->mux);
	if (l->state == LINK_MUX)
		serve_waiters(l);
}

void link_retire_mux(struct link *l)
{
	l->is_retired = true;
	if (mux_count(l->mux) == 0)
		link_close(l);
}
