/*
 * One trunk. Lives here: READY towards the edge, channels that come with a
 * client, the answer. Does not live here: frames of channels (common/wce),
 * whether the client may come and where it is led (session.c), how many
 * trunks there are (warm.c).
 */
#include "webconf-edge/connector/trunk.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/wce/channel.h"
#include "common/wce/mux.h"
#include "webconf-edge/connector/session.h"
#include "webconf-edge/connector/upstream.h"

struct trunk {
	struct list node;      /* warm->trunks */
	struct warm *warm;     /* borrowed */
	uint64_t id;
	struct stream *stream; /* owned */
	struct mux *mux;       /* owned */
	struct wce_reader reader;
	bool is_retired; /* not counted any more */
	bool is_over;    /* closing: nothing is read */
};

/* A client between CH_OPEN and our answer. */
struct guest {
	struct channel *channel; /* owned */
	struct session *session; /* owned */
};

struct trunk *trunk_of(struct list *at)
{
	return container_of(at, struct trunk, node);
}

/* ---- leaving ------------------------------------------------------------- */

static void discount(struct trunk *t)
{
	if (t->is_retired)
		return;
	t->is_retired = true;
	warm_tell(t->warm, WARM_TRUNK_LOST);
}

void trunk_free(struct trunk *t)
{
	list_remove(&t->node);
	mux_free(t->mux);
	stream_free(t->stream);
	wce_reader_fini(&t->reader);
	discount(t);
	free(t);
}

static void close_if_empty(struct trunk *t)
{
	if (!t->is_retired || t->is_over || mux_count(t->mux) > 0)
		return;
	t->is_over = true;
	stream_close(t->stream);
}

void trunk_retire(struct trunk *t)
{
	discount(t);
	close_if_empty(t);
}

/* ---- a client ------------------------------------------------------------ */

static void on_session_ready(struct session *session, void *arg)
{
	struct guest *g = arg;
	struct channel *channel = g->channel;

	free(g);
	channel_accept(channel);
	session_join(session, channel_leg(channel));
}

static void on_session_refused(enum wce_code code, void *arg)
{
	struct guest *g = arg;

	channel_reset(g->channel, code);
	free(g);
}

static const struct session_ops SESSION_OPS = {
	.on_ready = on_session_ready,
	.on_refused = on_session_refused,
};

/* The client went, or the trunk, before the target answered. */
static void on_channel_end(struct channel *ch, enum wce_code code, void *arg)
{
	struct guest *g = arg;

	(void)ch;
	(void)code;
	session_free(g->session);
	free(g);
}

static const struct channel_ops CHANNEL_OPS = {
	.on_end = on_channel_end,
};

static void on_open(struct channel *ch, const struct wce_fields *fields,
	void *arg)
{
	struct trunk *t = arg;
	struct guest *g = calloc(1, sizeof(*g));
	enum wce_code code = WCE_E_INTERNAL;

	if (g != NULL)
		code = session_new(&g->session, warm_upstream(t->warm),
			fields, &SESSION_OPS, g);
	if (code != WCE_E_NONE) {
		free(g);
		channel_reset(ch, code);
		return;
	}
	g->channel = ch;
	channel_own(ch, &CHANNEL_OPS, g);
	warm_tell(t->warm, WARM_TRUNK_JOINED);
}

/* ---- what the channels ask of their connection --------------------------- */

static int send_frames(void *arg, const void *data, size_t len)
{
	struct trunk *t = arg;

	return stream_send(t->stream, data, len);
}

static void on_gone(void *arg)
{
	close_if_empty(arg);
}

static const struct mux_ops MUX_OPS = {
	.send = send_frames,
	.on_open = on_open,
	.on_gone = on_gone,
};

/* ---- towards the edge ---------------------------------------------------- */

static void end(struct trunk *t, const char *reason)
{
	log_limited(LOG_LEVEL_WARNING, 6, "trunk.ended", "edge=%s sessions=%zu "
		"reason=%s", log_qz(upstream_name(warm_upstream(t->warm))),
		mux_count(t->mux), log_qz(reason));
	t->is_over = true;
	stream_close(t->stream);
}

static void take_frame(struct trunk *t, const struct wce_frame *frame)
{
	uint8_t reply[WCE_SHORT_MAX];

	if (frame->type >= 0x80 || frame->type == WCE_PONG)
		return;
	if (frame->type == WCE_PING && frame->len == WCE_PING_LEN)
		(void)stream_send(t->stream, reply, wce_ping(reply, WCE_PONG,
			frame->payload));
	else if (frame->channel == 0)
		end(t, wce_type_name(frame->type));
	else if (mux_take(t->mux, frame) < 0)
		end(t, "the edge sent what WCE/1 does not know");
}

static void on_ready(struct stream *stream, void *arg)
{
	struct trunk *t = arg;
	const uint32_t most = upstream_connector(
		warm_upstream(t->warm))->conf->sessions_max;

	warm_send_ready(t->warm, stream, t->id, most);
	stream_expect_bulk(stream);
}

static void on_data(struct stream *stream, const uint8_t *data, size_t len,
	void *arg)
{
	struct str rest = {(const char *)data, len};
	struct trunk *t = arg;
	struct wce_frame frame;
	int rc = 0;

	(void)stream;
	while (!t->is_over &&
		(rc = wce_reader_next(&t->reader, &rest, &frame)) == 1)
		take_frame(t, &frame);
	if (rc < 0 && !t->is_over)
		end(t, "the edge does not speak WCE/1");
}

static void on_drained(struct stream *stream, void *arg)
{
	(void)stream;
	mux_writable(((struct trunk *)arg)->mux);
}

static void on_end(struct stream *stream, enum stream_end how,
	const char *detail, void *arg)
{
	struct trunk *t = arg;

	(void)stream;
	log_debug("trunk.closed", "edge=%s reason=%s detail=%s",
		log_qz(upstream_name(warm_upstream(t->warm))),
		stream_end_name(how), log_qz(detail));
	t->stream = NULL;
	trunk_free(t);
}

static const struct stream_ops OPS = {
	.on_ready = on_ready,
	.on_data = on_data,
	.on_drained = on_drained,
	.on_end = on_end,
};

int trunk_new(struct warm *w, uint64_t id)
{
	struct connector *c = upstream_connector(w->upstream);
	struct trunk *t = calloc(1, sizeof(*t));
	const struct mux_spec spec = {
		.loop = c->loop,
		.channels_max = c->conf->sessions_max,
		.ops = &MUX_OPS,
		.arg = t,
	};
	int err;

	if (t == NULL)
		return -ENOMEM;
	t->warm = w;
	t->id = id;
	list_init(&t->node);
	wce_reader_init(&t->reader, WCE_DATA_MAX);
	err = mux_new(&t->mux, &spec);
	if (err == 0)
		err = warm_dial(w, &t->stream, &OPS, t);
	if (err < 0) {
		mux_free(t->mux);
		free(t);
		return err;
	}
	list_push_back(&w->trunks, &t->node);
	return 0;
}
