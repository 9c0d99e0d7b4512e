/*
 * How many connections wait. Lives here: the rate of joins, what is wanted,
 * when not to dial. Does not live here: what one of them says (slot.c,
 * trunk.c), the registration they belong to (upstream.c).
 */
#include "webconf-edge/connector/warm.h"

#include "common/net/relay.h"
#include "common/wce/wce_frame.h"
#include "webconf-edge/connector/slot.h"
#include "webconf-edge/connector/trunk.h"
#include "webconf-edge/connector/upstream.h"

#define OPENING_MAX 32u /* slots dialled at once */
#define HOLD_S      2   /* none after one failed */

void warm_init(struct warm *w, struct upstream *u)
{
	*w = (struct warm){.upstream = u};
	list_init(&w->slots);
	list_init(&w->trunks);
}

void warm_fini(struct warm *w)
{
	struct list *at;

	while ((at = list_first(&w->slots)) != NULL)
		slot_free(slot_of(at));
	while ((at = list_first(&w->trunks)) != NULL)
		trunk_free(trunk_of(at));
}

struct upstream *warm_upstream(const struct warm *w)
{
	return w->upstream;
}

void warm_retire(struct warm *w, bool is_all)
{
	struct list *at, *next;

	list_for_each_safe(at, next, &w->slots)
		slot_retire(slot_of(at));
	if (!is_all)
		return;
	list_for_each_safe(at, next, &w->trunks)
		trunk_retire(trunk_of(at));
}

/* ---- how many ------------------------------------------------------------ */

/* Twice the joins a second of the last ten seconds. */
size_t warm_wanted(const struct warm *w)
{
	const struct upstream *u = w->upstream;
	const size_t most = upstream_connector(u)->conf->warm_max;
	size_t joins = 0;
	size_t want;

	if (!upstream_is_serving(u) || upstream_trunks_wanted(u) > 0)
		return 0;
	for (size_t i = 0; i < WARM_WINDOW_S; i++)
		joins += w->joins[i];
	want = (2 * joins + WARM_WINDOW_S - 1) / WARM_WINDOW_S;
	if (want < upstream_warm_min(u))
		want = upstream_warm_min(u);
	return want > most ? most : want;
}

static void hold(struct warm *w)
{
	w->hold_until = w->seconds + HOLD_S;
}

static void fill(struct warm *w)
{
	struct connector *c = upstream_connector(w->upstream);
	const size_t want = warm_wanted(w);

	if (w->seconds < w->hold_until || !upstream_is_serving(w->upstream))
		return;
	while (w->trunk_count < upstream_trunks_wanted(w->upstream)) {
		if (trunk_new(w, ++c->last_id) < 0) {
			hold(w);
			return;
		}
		w->trunk_count++;
	}
	while (w->ready_count + w->opening_count < want &&
		w->opening_count < OPENING_MAX) {
		if (slot_new(w, ++c->last_id) < 0) {
			hold(w);
			return;
		}
		w->opening_count++;
	}
}

void warm_tell(struct warm *w, enum warm_event event)
{
	switch (event) {
	case WARM_READY:
		w->opening_count--;
		w->ready_count++;
		break;
	case WARM_TAKEN:
		w->ready_count--;
		w->joins[w->seconds % WARM_WINDOW_S]++;
		break;
	case WARM_RETURNED:
		w->ready_count++;
		break;
	case WARM_FAILED:
		w->opening_count--;
		hold(w);
		break;
	case WARM_LOST:
		/* The edge does not want it, or went: no hurry. */
		w->ready_count--;
		hold(w);
		break;
	case WARM_TRUNK_LOST:
		w->trunk_count--;
		hold(w);
		break;
	case WARM_TRUNK_JOINED:
		w->joins[w->seconds % WARM_WINDOW_S]++;
		return;
	}
	fill(w);
}

void warm_tick(struct warm *w)
{
	w->seconds++;
	w->joins[w->seconds % WARM_WINDOW_S] = 0;
	fill(w);
}

void warm_begin(struct warm *w)
{
	w->hold_until = 0;
	fill(w);
}

/* ---- opening them -------------------------------------------------------- */

int warm_dial(struct warm *w, struct stream **out,
	const struct stream_ops *ops, void *arg)
{
	const struct upstream *u = w->upstream;
	struct connector *c = upstream_connector(u);
	const struct stream_limits limits = {
		.idle_ms = upstream_silence_ms(u),
		.queue_max = RELAY_QUEUE_MAX,
		.is_tls_server = c->conf->is_tls_server,
	};
	const struct stream_target target = {
		.remote = *upstream_address(u),
		.name = upstream_name(u),
	};
	struct tls_ctx *tls = tls_watch_get(c->tls_edge);
	int err = stream_connect(out, c->loop, &target, tls, &limits, ops,
		arg);

	tls_ctx_unref(tls);
	return err;
}

void warm_send_ready(struct warm *w, struct stream *stream, uint64_t id,
	uint32_t channels)
{
	const struct connector *c = upstream_connector(w->upstream);
	uint8_t frame[128];
	struct wbuf b = wbuf_of(frame, sizeof(frame));
	size_t at = wce_begin(&b, WCE_SRV_READY);

	wce_put(&b, WCE_SERVER, c->mint.server, sizeof(c->mint.server));
	wce_put_u64(&b, WCE_EPOCH, c->epoch);
	wce_put_u64(&b, WCE_SLOT, id);
	if (channels > 0)
		wce_put_u32(&b, WCE_CHANNELS, channels);
	wce_end(&b, at);
	(void)stream_send(stream, frame, b.len);
	stream_forget_peer(stream);
}
