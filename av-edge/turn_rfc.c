/*
 * RFC 8489 and RFC 8656 from the message to its handler: the table of
 * methods, what is checked for all of them, and Binding. The handlers are in
 * rfc_alloc.c, rfc_peer.c and rfc_tcp.c; each checks in the order its
 * section gives.
 */
#include "av-edge/turn_rfc.h"

#include <string.h>

#include "av-edge/rfc_alloc.h"
#include "av-edge/rfc_ask.h"
#include "av-edge/rfc_peer.h"
#include "av-edge/rfc_tcp.h"

typedef void(handler)(struct rfc_ask *ask);

/* ---- Binding (RFC 8489 section 12) ------------------------------------- */

static void on_binding(struct rfc_ask *ask)
{
	rfc_ask_begin(ask, STUN_SUCCESS);
	stun_write_addr(&ask->w, STUN_XOR_MAPPED_ADDRESS, ask->in->client);
	rfc_ask_end(ask);
}

/* ---- dispatch ---------------------------------------------------------- */

static const struct method {
	enum stun_method method;
	enum stun_class class;
	bool is_open; /* to everybody */
	enum av_counter counter;
	handler *run;
} methods[] = {
	{STUN_BINDING, STUN_REQUEST, true, AV_REQ_BINDING, on_binding},
	{STUN_ALLOCATE, STUN_REQUEST, false, AV_REQ_ALLOCATE,
		rfc_alloc_on_allocate},
	{STUN_REFRESH, STUN_REQUEST, false, AV_REQ_REFRESH,
		rfc_alloc_on_refresh},
	{STUN_CREATE_PERMISSION, STUN_REQUEST, false, AV_REQ_PERMISSION,
		rfc_peer_on_permission},
	{STUN_CHANNEL_BIND, STUN_REQUEST, false, AV_REQ_CHANNEL,
		rfc_peer_on_channel},
	{STUN_CONNECT, STUN_REQUEST, false, AV_REQ_CONNECT,
		rfc_tcp_on_connect},
	{STUN_CONNECTION_BIND, STUN_REQUEST, false, AV_REQ_BIND,
		rfc_tcp_on_bind},
	{STUN_SEND, STUN_INDICATION, true, AV_REQ_SEND, rfc_peer_on_send},
};

static const struct method *find_method(const struct stun_msg *m)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(methods); i++)
		if (methods[i].method == m->method &&
		    methods[i].class == m->class)
			return &methods[i];
	return NULL;
}

/* Attributes of connectivity checks: known to the codec, not to a relay. */
static void disown_ice(struct stun_msg *m)
{
	static const enum stun_attr attrs[] = {
		STUN_PRIORITY, STUN_USE_CANDIDATE,
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(attrs); i++)
		if (stun_has(m, attrs[i]) &&
		    m->unknown_count < STUN_UNKNOWN_MAX)
			m->unknown[m->unknown_count++] =
			    m->dialect->rows[attrs[i]].type;
}

static void handle_request(struct rfc_ask *ask, const struct method *method)
{
	if (!method->is_open && !rfc_ask_check_sender(ask))
		return;
	if (ask->m.is_malformed)
		rfc_ask_refuse(ask, 400);
	else if (ask->m.unknown_count > 0)
		rfc_ask_refuse(ask, 420);
	else
		method->run(ask);
}

void turn_rfc_handle(struct turn *t, const struct turn_in *in,
	struct turn_out *out)
{
	struct rfc_ask ask = {.t = t, .in = in, .out = out};
	const struct method *method;

	out->answer_len = 0;
	out->from = NULL;
	out->bound = 0;
	if (stun_parse(&ask.m, &stun_rfc, in->data, in->len) < 0) {
		stats_add(&t->stats, AV_DROP_MALFORMED, 1);
		return;
	}
	method = find_method(&ask.m);
	stats_add(&t->stats, method != NULL ? method->counter : AV_REQ_OTHER,
		1);
	if (method == NULL)
		return; /* RFC 8489 6.3: not ours, in silence */
	ask.alloc = rfc_tcp_subject(&ask);
	if (ask.alloc != NULL && ask.alloc->dialect != ALLOC_RFC) {
		stats_add(&t->stats, AV_DROP_STRAY, 1);
		return;
	}
	disown_ice(&ask.m);
	if (ask.m.class == STUN_REQUEST)
		handle_request(&ask, method);
	else
		method->run(&ask);
	explicit_bzero(&ask.proof, sizeof(ask.proof));
}
