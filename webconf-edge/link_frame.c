/*
 * What conferencing servers say. Lives here: registration, slots that become
 * ready, the table of frames by state. Does not live here: what a
 * registration means (server.c), sessions (pair.c), the connection (link.c).
 */
#include "webconf-edge/link_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "webconf-edge/counters.h"
#include "webconf-edge/front.h"
#include "webconf-edge/id_right.h"
#include "webconf-edge/links.h"
#include "webconf-edge/pair.h"

#define WARM_WANTED 4
#define REPLY_MAX   512

/* ---- registration -------------------------------------------------------- */

void link_send_registered(struct link *l)
{
	const struct webconf_edge *e = l->edge;
	uint8_t reply[REPLY_MAX];
	struct wbuf w = wbuf_of(reply, sizeof(reply));
	size_t at = wce_begin(&w, WCE_SRV_REGISTERED);

	wce_put(&w, WCE_EDGE, e->id, sizeof(e->id));
	wce_put_text(&w, WCE_EXTERNAL_FQDN, e->audience);
	wce_put_u16(&w, WCE_EXTERNAL_PORT, e->public_port);
	wce_put_u32(&w, WCE_EDGE_CAPABILITIES,
		e->limits.channels_max > 0 ? WCE_CAN_MULTIPLEX : 0);
	wce_put_u16(&w, WCE_WARM, WARM_WANTED);
	wce_put_u16(&w, WCE_HEARTBEAT_S, (uint16_t)e->limits.heartbeat_s);
	wce_end(&w, at);
	(void)stream_send(l->stream, reply, w.len);
}

void link_send_drain(struct link *l, uint32_t grace_s)
{
	uint8_t frame[WCE_SHORT_MAX];
	struct wbuf w = wbuf_of(frame, sizeof(frame));
	size_t at = wce_begin(&w, WCE_DRAIN);

	wce_put_u32(&w, WCE_GRACE_S, grace_s);
	wce_end(&w, at);
	(void)stream_send(l->stream, frame, w.len);
}

static void become_control(struct link *l, struct server *s)
{
	link_join_server(l, s);
	list_push_back(&s->controls, &l->place);
	s->control_count++;
	wce_reader_fini(&l->reader);
	wce_reader_init(&l->reader, WCE_PAYLOAD_MAX);
	link_set_state(l, LINK_CONTROL);
	link_send_registered(l);
	if (l->edge->is_draining)
		link_send_drain(l, (uint32_t)(daemon_drain_left_ms(
			l->edge->daemon) / 1000));
}

static void register_server(struct link *l, const struct wce_fields *fields)
{
	struct webconf_edge *e = l->edge;
	const struct server_peer peer = {l->name, l->spki_sha256};
	struct server_claim claim;
	enum server_verdict verdict;
	struct server *s = NULL;
	const char *refusal;
	enum wce_code code;
	int err;

	err = server_claim_read(&claim, fields);
	if (err < 0) {
		link_fault(l, wce_code_of(err), "registration");
		return;
	}
	refusal = id_right_refusal(e->topology, l->name, claim.id);
	if (refusal != NULL) {
		server_claim_fini(&claim);
		link_fault(l, WCE_E_UNTRUSTED, refusal);
		return;
	}
	verdict = server_judge(&e->servers, &claim, &peer, &code);
	if (verdict == SERVER_REFUSED) {
		server_claim_fini(&claim);
		link_fault(l, code, "registration");
		return;
	}
	if (verdict == SERVER_RESTARTED) {
		s = servers_find(&e->servers, claim.id);
		pairs_cut(e, s, "server_restarted");
		links_drop(e, s);
	}
	err = server_register(&s, &e->servers, &claim, &peer);
	server_claim_fini(&claim);
	if (err < 0) {
		link_fault(l, WCE_E_INTERNAL, err_name(err));
		return;
	}
	counter_add(e->counters, COUNT_REGISTRATIONS, 1);
	become_control(l, s);
	log_notice("server.registered",
		"connection=%" PRIu64 " server=%s pool=%s keys=%zu "
		"sessions_max=%" PRIu32 " cipher=%s", l->number,
		log_qz(s->name), log_qz(s->pool), s->key_count,
		s->sessions_max, log_qz(stream_cipher(l->stream)));
}

/* ---- slots --------------------------------------------------------------- */

static void become_ready(struct link *l)
{
	struct server *s = l->server;
	struct list *at = list_first(&s->waiters);

	list_push_back(&s->ready, &l->place);
	s->ready_count++;
	link_set_state(l, LINK_READY);
	if (at != NULL && pair_begin(l->edge, front_of_wait(at), l) < 0)
		front_refuse(front_of_wait(at), WCE_E_INTERNAL);
}

void link_ready_again(struct link *l)
{
	l->pair = NULL;
	/* The server went meanwhile: as its other slots did. */
	if (l->server->control_count == 0)
		link_close(l);
	else
		become_ready(l);
}

static bool may_multiplex(const struct webconf_edge *e,
	const struct server *s)
{
	return e->limits.channels_max > 0 &&
		(s->capabilities & WCE_CAN_MULTIPLEX) != 0;
}

static void admit_slot(struct link *l, const struct wce_fields *fields)
{
	uint8_t id[WCE_ID_LEN];
	struct server *s;

	wce_copy(fields, WCE_SERVER, id, sizeof(id));
	s = servers_find(&l->edge->servers, id);
	if (s == NULL || s->control_count == 0 ||
		s->epoch != wce_number(fields, WCE_EPOCH) ||
		strcmp(s->name, l->name) != 0) {
		link_fault(l, WCE_E_NOT_REGISTERED,
			"slot without registration");
		return;
	}
	if (s->ready_count + s->mux_count >= l->edge->limits.warm_max) {
		link_fault(l, WCE_E_SERVER_FULL,
			"more warm slots than max_warm");
		return;
	}
	if (wce_has(fields, WCE_CHANNELS) && !may_multiplex(l->edge, s)) {
		link_fault(l, WCE_E_MALFORMED, "channels are not agreed on");
		return;
	}
	link_join_server(l, s);
	/* Thousands may be idle: what the server has is not kept twice. */
	free(l->name);
	l->name = NULL;
	stream_forget_peer(l->stream);
	stream_set_user_timeout_ms(l->stream,
		l->edge->limits.user_timeout_ms);
	if (wce_has(fields, WCE_CHANNELS))
		link_become_mux(l, s,
			(uint32_t)wce_number(fields, WCE_CHANNELS));
	else
		become_ready(l);
}

void link_pairing(struct link *l, struct pair *pair, const void *frame,
	size_t len)
{
	list_remove(&l->place);
	l->server->ready_count--;
	l->pair = pair;
	link_set_state(l, LINK_PAIRING);
	(void)stream_send(l->stream, frame, len);
}

struct stream *link_take_stream(struct link *l)
{
	struct stream *stream = l->stream;

	l->stream = NULL;
	link_release(l);
	return stream;
}

/* ---- frames -------------------------------------------------------------- */

/* false: the link is over, its owner moved on. */
typedef bool(frame_fn)(struct link *l, const struct wce_frame *frame,
	const struct wce_fields *fields);

static bool take_register(struct link *l, const struct wce_frame *frame,
	const struct wce_fields *fields)
{
	(void)frame;
	register_server(l, fields);
	return l->state == LINK_CONTROL;
}

static bool take_ready(struct link *l, const struct wce_frame *frame,
	const struct wce_fields *fields)
{
	(void)frame;
	admit_slot(l, fields);
	return l->state != LINK_OVER;
}

static bool take_load(struct link *l, const struct wce_frame *frame,
	const struct wce_fields *fields)
{
	(void)frame;
	l->server->load = (uint32_t)wce_number(fields, WCE_SESSIONS);
	l->server->is_accepting = wce_number(fields, WCE_ACCEPTS) != 0;
	return true;
}

static bool take_revoke(struct link *l, const struct wce_frame *frame,
	const struct wce_fields *fields)
{
	struct str ids = wce_bytes(fields, WCE_TICKET_IDS);
	size_t lost = server_revoke(l->server, ids, wall_now());

	(void)frame;
	log_info("tickets.revoked", "server=%s tickets=%zu lost=%zu",
		log_qz(l->server->name), ids.n / WCE_ID_LEN, lost);
	return true;
}

static bool take_drain(struct link *l, const struct wce_frame *frame,
	const struct wce_fields *fields)
{
	struct list *at, *next;

	(void)frame;
	l->server->is_draining = true;
	log_notice("server.drained", "server=%s grace_s=%" PRIu64,
		log_qz(l->server->name), wce_number(fields, WCE_GRACE_S));
	list_for_each_safe(at, next, &l->server->waiters)
		front_refuse(front_of_wait(at), WCE_E_SERVER_FULL);
	return true;
}

static bool take_reject(struct link *l, const struct wce_frame *frame,
	const struct wce_fields *fields)
{
	struct pair *pair = l->pair;

	(void)frame;
	if (!str_eq(wce_bytes(fields, WCE_SESSION),
		    (struct str){(const char *)pair_id(pair), WCE_ID_LEN})) {
		link_fault(l, WCE_E_MALFORMED, "another session");
		return false;
	}
	pair_rejected(pair, (enum wce_code)wce_number(fields, WCE_CODE));
	return l->state != LINK_OVER;
}

static bool take_ping(struct link *l, const struct wce_frame *frame,
	const struct wce_fields *fields)
{
	uint8_t reply[WCE_SHORT_MAX];

	(void)fields;
	if (frame->len != WCE_PING_LEN) {
		link_fault(l, WCE_E_MALFORMED, "ping");
		return false;
	}
	/* Who asks and does not read is not read from either; with channels
	 * that could stop both ends for ever, so there the bound of the
	 * queue ends it. */
	if (stream_send(l->stream, reply, wce_ping(reply, WCE_PONG,
			frame->payload)) > 0 && l->state != LINK_MUX)
		stream_pause(l->stream);
	return true;
}

static bool take_pong(struct link *l, const struct wce_frame *frame,
	const struct wce_fields *fields)
{
	(void)frame;
	(void)fields;
	l->missed = 0;
	return true;
}

static bool take_goodbye(struct link *l, const struct wce_frame *frame,
	const struct wce_fields *fields)
{
	(void)frame;
	(void)fields;
	link_close(l);
	return false;
}

#define STANDING (1u << LINK_CONTROL | 1u << LINK_READY | 1u << LINK_MUX)

static const struct {
	uint8_t type;
	unsigned states; /* in which it may come */
	bool is_raw;     /* has no fields */
	frame_fn *take;
} FRAMES[] = {
	{WCE_SRV_REGISTER, 1u << LINK_FIRST, false, take_register},
	{WCE_SRV_READY, 1u << LINK_FIRST, false, take_ready},
	{WCE_LOAD, 1u << LINK_CONTROL, false, take_load},
	{WCE_REVOKE, 1u << LINK_CONTROL, false, take_revoke},
	{WCE_DRAIN, 1u << LINK_CONTROL, false, take_drain},
	{WCE_PAIR_REJECT, 1u << LINK_PAIRING, false, take_reject},
	{WCE_PING, STANDING | 1u << LINK_PAIRING, true, take_ping},
	{WCE_PONG, STANDING | 1u << LINK_PAIRING, true, take_pong},
	{WCE_GOODBYE, STANDING, false, take_goodbye},
	{WCE_ERROR, STANDING | 1u << LINK_FIRST | 1u << LINK_PAIRING, false,
		take_goodbye},
};

bool link_take_frame(struct link *l, const struct wce_frame *frame)
{
	struct wce_fields fields;

	if (frame->type >= 0x80)
		return true;
	if (l->state == LINK_MUX && frame->channel != 0)
		return link_take_channel(l, frame);
	for (size_t i = 0; i < ARRAY_COUNT(FRAMES); i++) {
		if (FRAMES[i].type != frame->type ||
			(FRAMES[i].states & 1u << l->state) == 0 ||
			frame->channel != 0)
			continue;
		if (!FRAMES[i].is_raw && wce_fields_read(&fields, frame) < 0)
			break;
		return FRAMES[i].take(l, frame, &fields);
	}
	link_fault(l, WCE_E_MALFORMED, wce_type_name(frame->type));
	return false;
}

/* PAIR_OK is the last frame of a slot: what follows is the inside's. */
void link_take_pair_ok(struct link *l, const struct wce_frame *frame,
	struct str rest)
{
	struct pair *pair = l->pair;
	struct wce_fields fields;

	if (wce_fields_read(&fields, frame) < 0 || frame->channel != 0 ||
		!str_eq(wce_bytes(&fields, WCE_SESSION), (struct str){
			(const char *)pair_id(pair), WCE_ID_LEN})) {
		link_fault(l, WCE_E_MALFORMED, "PAIR_OK");
		return;
	}
	pair_accepted(pair, rest);
}
