/*
 * Sessions. Lives here: from PAIR to the end of the relay, and the one log
 * line that tells of it. Does not live here: bytes (common/net/relay.c), who
 * may (admit.c). Until both said yes the pair borrows front and link, which
 * tell when they go; afterwards the relay owns both streams.
 */
#include "webconf-edge/pair.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/rand.h"
#include "common/daemon/recall.h"
#include "common/net/relay.h"
#include "webconf-edge/counters.h"
#include "webconf-edge/front.h"
#include "webconf-edge/link.h"
#include "webconf-edge/refusal.h"

#define PAIR_FRAME_MAX 640
#define CAUSE_LEN      32

struct pair {
	struct list node; /* edge->pairs */
	struct webconf_edge *edge; /* borrowed */
	struct server *server;     /* borrowed: counts this session */
	struct front *front;       /* borrowed, NULL once joined */
	struct link *link;         /* borrowed, NULL once joined */
	struct channel *channel;   /* owned until joined: instead of link */
	bool is_channel;
	struct relay *relay;       /* owned, NULL until joined */
	uint8_t id[WCE_ID_LEN];
	uint8_t spki_sha256[32]; /* of the server's certificate */
	struct addr client;
	uint16_t rate_kib_s;
	struct mono began;
	int64_t asked_at_us;  /* Unix time in us, as the next */
	int64_t joined_at_us; /* 0 = not yet */
	char cause[CAUSE_LEN]; /* why we cut it; "" = we did not */
};

struct pair *pair_of(struct list *at)
{
	return container_of(at, struct pair, node);
}

const uint8_t *pair_id(const struct pair *pair)
{
	return pair->id;
}

const uint8_t *pair_spki(const struct pair *pair)
{
	return pair->spki_sha256;
}

const struct server *pair_server(const struct pair *pair)
{
	return pair->server;
}

static void forget(struct pair *p)
{
	struct webconf_edge *e = p->edge;
	struct server *s = p->server;

	list_remove(&p->node);
	e->pair_count--;
	s->session_count--;
	if (p->relay != NULL) {
		e->relay_count--;
		counter_sub(e->counters, COUNT_RELAYS_OPEN, 1);
	}
	free(p);
	server_forget_if_unused(&e->servers, s);
}

/* What the other end has said to this way, or may yet say, is for nobody. */
static void drop_way(struct link *link, struct channel *channel,
	enum wce_code code)
{
	if (channel != NULL)
		channel_reset(channel, code);
	else
		link_free(link);
}

/* ---- asking -------------------------------------------------------------- */

static size_t print_pair(const struct pair *p, uint8_t *out, size_t cap)
{
	struct wbuf w = wbuf_of(out, cap);
	size_t at = wce_begin(&w, WCE_PAIR);
	struct str ticket = front_ticket(p->front);
	const bool is_v4 = p->client.family == 4;
	uint8_t ids[4];
	uint16_t version;
	uint16_t cipher;

	stream_cipher_ids(front_stream(p->front), &version, &cipher);
	buf_store_u16(ids, version);
	buf_store_u16(ids + 2, cipher);
	wce_put(&w, WCE_SESSION, p->id, sizeof(p->id));
	wce_put(&w, WCE_TICKET, ticket.p, ticket.n);
	wce_put(&w, WCE_CLIENT_ADDRESS, p->client.ip + (is_v4 ? 12 : 0),
		is_v4 ? 4 : 16);
	wce_put_u16(&w, WCE_CLIENT_PORT, p->client.port);
	wce_put(&w, WCE_CLIENT_TLS, ids, sizeof(ids));
	wce_end(&w, at);
	return wbuf_ok(&w) ? w.len : 0;
}

static void on_channel_accept(struct channel *ch, void *arg)
{
	(void)ch;
	pair_accepted(arg, (struct str){NULL, 0});
}

static void on_channel_end(struct channel *ch, enum wce_code code, void *arg)
{
	struct pair *p = arg;

	(void)ch;
	p->channel = NULL;
	if (code == WCE_E_NONE)
		pair_lost_link(p);
	else
		pair_rejected(p, code);
}

static const struct channel_ops CHANNEL_OPS = {
	.on_accept = on_channel_accept,
	.on_end = on_channel_end,
};

int pair_begin(struct webconf_edge *e, struct front *front, struct link *link)
{
	struct pair *p = calloc(1, sizeof(*p));
	uint8_t frame[PAIR_FRAME_MAX];
	int err = 0;
	size_t len;

	if (p == NULL)
		return -ENOMEM;
	p->edge = e;
	p->front = front;
	p->is_channel = link_is_muxed(link);
	p->link = p->is_channel ? NULL : link;
	p->server = front_server(front);
	memcpy(p->spki_sha256, link_spki(link), sizeof(p->spki_sha256));
	p->client = *front_remote(front);
	p->rate_kib_s = front_rate_kib_s(front);
	p->began = loop_now(e->loop);
	p->asked_at_us = wall_now_us();
	rand_bytes(p->id, sizeof(p->id));
	len = print_pair(p, frame, sizeof(frame));
	if (len == 0)
		err = EDGE_ETOOBIG;
	else if (p->is_channel)
		err = link_open_channel(&p->channel, link,
			frame + WCE_HEAD_LEN, len - WCE_HEAD_LEN,
			&CHANNEL_OPS, p);
	if (err < 0) {
		free(p);
		return err;
	}
	list_push_back(&e->pairs, &p->node);
	e->pair_count++;
	p->server->session_count++;
	p->server->joins++;
	front_pairing(front, p);
	if (!p->is_channel)
		link_pairing(link, p, frame, len);
	return 0;
}

/* ---- memory -------------------------------------------------------------- */

static struct recall_note note_of(const struct pair *p, const char *id,
	enum recall_share share, const char *kind)
{
	return (struct recall_note){
		.share = share,
		.kind = kind,
		.id = str_of(id),
		.domain = str_of(p->server->name),
		.address = &p->client,
	};
}

static void remember_begin(const struct pair *p)
{
	char id[2 * WCE_ID_LEN + 1];
	struct recall_note note;

	str_hex(p->id, sizeof(p->id), id);
	note = note_of(p, id, RECALL_ADMITTED, "relay.began");
	recall_add(daemon_recall(p->edge->daemon), &note,
		"way=%s asked_ms=%" PRId64, p->is_channel ? "channel" : "slot",
		mono_since_ms(p->began, loop_now(p->edge->loop)));
}

/* ---- answers ------------------------------------------------------------- */

/* Before there is a relay: nothing was relayed, only the client hears. */
static void fail(struct pair *p, enum wce_code code, const char *reason)
{
	char id[2 * WCE_ID_LEN + 1];
	char from[ADDR_TEXT_LEN];
	struct front *front = p->front;
	struct recall_note note;

	str_hex(p->id, sizeof(p->id), id);
	note = note_of(p, id, RECALL_REFUSED, "pair.failed");
	note.advice = refusal_advice(reason);
	recall_add(daemon_recall(p->edge->daemon), &note, "code=%s reason=%s",
		wce_code_name(code), reason);
	counter_add(p->edge->counters, COUNT_PAIRS_FAILED, 1);
	log_limited(LOG_LEVEL_WARNING, 60, "pair.failed",
		"session=%s remote=%s server=%s code=%s reason=%s", id,
		addr_text(&p->client, from), log_qz(p->server->name),
		wce_code_name(code), reason);
	forget(p);
	if (front != NULL)
		front_refuse(front, code);
}

void pair_rejected(struct pair *pair, enum wce_code code)
{
	struct link *link = pair->link;

	/* What we do not know must not reach a client as something else. */
	if (code != WCE_E_TICKET && code != WCE_E_SERVER_FULL &&
		code != WCE_E_DRAINING)
		code = WCE_E_SERVER;
	fail(pair, code, "rejected");
	if (link != NULL)
		link_ready_again(link);
}

void pair_lost_front(struct pair *pair)
{
	struct channel *channel = pair->channel;
	struct link *link = pair->link;

	pair->front = NULL;
	fail(pair, WCE_E_NONE, "client_gone");
	drop_way(link, channel, WCE_E_BROKEN);
}

void pair_lost_link(struct pair *pair)
{
	fail(pair, WCE_E_SERVER, "slot_gone");
}

static void give_up(struct pair *p, enum wce_code code, const char *reason)
{
	struct channel *channel = p->channel;
	struct link *link = p->link;

	fail(p, code, reason);
	drop_way(link, channel, code);
}

void pair_late(struct pair *pair)
{
	give_up(pair, WCE_E_TIMEOUT, "no_answer");
}

/* ---- the relay ----------------------------------------------------------- */

static void count_end(const struct pair *p, enum relay_end end)
{
	struct counters *c = p->edge->counters;

	counter_add(c, COUNT_BYTES_IN, relay_bytes(p->relay, RELAY_LEFT));
	counter_add(c, COUNT_BYTES_OUT, relay_bytes(p->relay, RELAY_RIGHT));
	switch (end) {
	case RELAY_END_BOTH:
	case RELAY_END_HALF:
		counter_add(c, COUNT_ENDED_NORMAL, 1);
		break;
	case RELAY_END_LEFT:
		counter_add(c, COUNT_ENDED_CLIENT, 1);
		break;
	case RELAY_END_RIGHT:
		counter_add(c, COUNT_ENDED_SERVER, 1);
		break;
	case RELAY_END_CUT:
		counter_add(c, COUNT_ENDED_CUT, 1);
		break;
	}
}

static const char *reason_of(const struct pair *p, enum relay_end end)
{
	if (p->cause[0] != '\0')
		return p->cause;
	switch (end) {
	case RELAY_END_LEFT:
		return "client_broke";
	case RELAY_END_RIGHT:
		return "server_broke";
	case RELAY_END_BOTH:
	case RELAY_END_HALF:
	case RELAY_END_CUT:
		break;
	}
	return relay_end_name(end);
}

static void on_relay_end(struct relay *r, enum relay_end end,
	enum stream_end stream_end, const char *detail, void *arg)
{
	struct pair *p = arg;
	char id[2 * WCE_ID_LEN + 1];
	char from[ADDR_TEXT_LEN];
	struct recall_note note;

	str_hex(p->id, sizeof(p->id), id);
	note = note_of(p, id, RECALL_ENDED, "relay.ended");
	recall_add(daemon_recall(p->edge->daemon), &note,
		"reason=%s stream=%s bytes_in=%" PRIu64 " bytes_out=%" PRIu64,
		reason_of(p, end), stream_end_name(stream_end),
		relay_bytes(r, RELAY_LEFT), relay_bytes(r, RELAY_RIGHT));
	count_end(p, end);
	log_info("relay.ended",
		"session=%s remote=%s server=%s bytes_in=%" PRIu64
		" bytes_out=%" PRIu64 " duration_s=%" PRId64
		" reason=%s stream=%s detail=%s", id,
		addr_text(&p->client, from), log_qz(p->server->name),
		relay_bytes(r, RELAY_LEFT), relay_bytes(r, RELAY_RIGHT),
		mono_since_ms(p->began, loop_now(p->edge->loop)) / 1000,
		reason_of(p, end), stream_end_name(stream_end),
		log_qz(detail));
	forget(p);
}

void pair_accepted(struct pair *pair, struct str rest)
{
	struct webconf_edge *e = pair->edge;
	struct leg right = pair->is_channel ? channel_leg(pair->channel) :
		leg_of_stream(link_take_stream(pair->link));
	struct stream *left = front_accept(pair->front, pair->id, right);
	const struct relay_spec spec = {
		.loop = e->loop,
		.left = left,
		.right_leg = right,
		.rate_kib_s = pair->rate_kib_s > 0 ? pair->rate_kib_s :
			e->limits.rate_kib_s,
		.half_close_ms = e->limits.half_close_ms,
		.on_end = on_relay_end,
		.arg = pair,
	};

	pair->front = NULL;
	pair->link = NULL;
	pair->channel = NULL;
	stream_set_user_timeout_ms(left, e->limits.user_timeout_ms);
	if (relay_new(&pair->relay, &spec) < 0) {
		stream_abort(left);
		right.ops->abort(right.self);
		fail(pair, WCE_E_INTERNAL, "memory");
		return;
	}
	e->relay_count++;
	counter_add(e->counters, COUNT_RELAYS, 1);
	counter_add(e->counters, COUNT_RELAYS_OPEN, 1);
	pair->joined_at_us = wall_now_us();
	remember_begin(pair);
	relay_inject(pair->relay, RELAY_RIGHT, rest.p, rest.n);
}

/* ---- ending them --------------------------------------------------------- */

static void cut(struct pair *p, const char *cause)
{
	if (p->relay == NULL || p->cause[0] != '\0')
		return;
	strncpy(p->cause, cause, sizeof(p->cause) - 1);
	relay_cut(p->relay);
}

void pair_cut(struct pair *pair, const char *cause)
{
	cut(pair, cause);
}

void pairs_cut(struct webconf_edge *e, const struct server *server,
	const char *cause)
{
	struct list *at;

	list_for_each(at, &e->pairs)
		if (server == NULL || pair_of(at)->server == server)
			cut(pair_of(at), cause);
}

static struct pair *not_joined(const struct webconf_edge *e)
{
	struct list *at;

	list_for_each(at, &e->pairs)
		if (pair_of(at)->relay == NULL)
			return pair_of(at);
	return NULL;
}

void pairs_expire(struct webconf_edge *e)
{
	struct pair *p;

	/* An answer on its way now would begin a relay after all. */
	while ((p = not_joined(e)) != NULL)
		give_up(p, WCE_E_DRAINING, "drained");
	pairs_cut(e, NULL, "drained");
}

void pairs_sweep(struct webconf_edge *e)
{
	const struct mono now = loop_now(e->loop);
	struct list *at;

	list_for_each(at, &e->pairs) {
		struct pair *p = pair_of(at);

		if (p->relay != NULL && mono_since_ms(relay_heard(p->relay),
				now) >= e->limits.relay_idle_ms)
			cut(p, "idle");
	}
}

void pairs_free(struct webconf_edge *e)
{
	struct list *at;

	while ((at = list_first(&e->pairs)) != NULL) {
		struct pair *p = pair_of(at);

		relay_free(p->relay);
		if (p->channel != NULL)
			channel_reset(p->channel, WCE_E_INTERNAL);
		forget(p);
	}
}

struct pair *pairs_find(const struct webconf_edge *e,
	const uint8_t id[static WCE_ID_LEN])
{
	struct list *at;

	list_for_each(at, &e->pairs)
		if (memcmp(pair_of(at)->id, id, WCE_ID_LEN) == 0)
			return pair_of(at);
	return NULL;
}

json_t *pair_json(const struct pair *p)
{
	const struct mono now = loop_now(p->edge->loop);
	const bool is_joined = p->relay != NULL;
	char id[2 * WCE_ID_LEN + 1];
	char from[ADDR_TEXT_LEN];
	char since[WALL_TEXT_LEN];

	str_hex(p->id, sizeof(p->id), id);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, "
			 "s:I, s:I, s:I}",
		"session", id, "way", p->is_channel ? "channel" : "slot",
		"state", is_joined ? "relay" : "pairing", "remote",
		addr_text(&p->client, from), "server", p->server->name,
		"since", wall_text((struct wall){p->asked_at_us / 1000000},
			since), "asked_at_us", (json_int_t)p->asked_at_us,
		"joined_at_us", (json_int_t)p->joined_at_us,
		"duration_s",
		(json_int_t)(mono_since_ms(p->began, now) / 1000), "bytes_in",
		(json_int_t)(is_joined ?
			relay_bytes(p->relay, RELAY_LEFT) : 0),
		"bytes_out",
		(json_int_t)(is_joined ?
			relay_bytes(p->relay, RELAY_RIGHT) : 0),
		"queued",
		(json_int_t)(is_joined ? relay_queued(p->relay) : 0),
		"silent_s",
		(json_int_t)(is_joined ? mono_since_ms(relay_heard(p->relay),
			now) / 1000 : 0));
}
