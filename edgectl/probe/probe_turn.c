/*
 * The client's side of TURN, one request at a time: retransmission, the
 * first challenge, a stale nonce. Codec: common/stun.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/stun/stun_msg.h"
#include "edgectl/probe/probe_turn.h"

#define ROOM         1500
#define RTO_MS       300
#define STREAM_MS    5000
#define SENDS_MAX    6
#define LIFETIME_S   600
#define UDP_PROTOCOL 17u

struct probe_turn {
	struct probe *probe;
	char label[32];
	char user[128];
	char password[128];
	char realm[128];
	char nonce[STUN_TEXT_MAX + 1];
	uint8_t key[STUN_KEY_LEN];
	struct probe_wire *wire; /* owned */
	probe_turn_cb *on_data;
	void *arg;
	struct addr relay;
	struct addr reflexive;
	uint32_t lifetime_s;
	struct addr channel_peer; /* the one bound peer */
	uint16_t channel;
	/* the request under way */
	uint8_t tid[STUN_TID_LEN];
	bool is_waiting;
	uint8_t reply[ROOM];
	size_t reply_len;
};

/* What differs between requests. */
struct question {
	enum stun_method method;
	const char *name;
	const struct addr *peer; /* or NULL */
	uint16_t channel;        /* 0 = none */
	uint32_t lifetime_s;
	bool has_lifetime;
	bool has_transport;
};

static void take_indication(struct probe_turn *t, const struct stun_msg *m)
{
	struct str data = stun_bytes(m, STUN_PAYLOAD);
	struct addr peer;

	if (m->method == STUN_DATA && data.n > 0 &&
		stun_addr(m, STUN_PEER_ADDRESS, &peer) == 0)
		t->on_data((const uint8_t *)data.p, data.n, &peer, t->arg);
}

static void take_channel(struct probe_turn *t, const uint8_t *data, size_t len)
{
	const uint16_t number = buf_load_u16(data);
	const uint16_t payload_len = buf_load_u16(data + 2);

	if (number != t->channel || payload_len > len - STUN_CHANNEL_HEADER_LEN)
		return;
	t->on_data(data + STUN_CHANNEL_HEADER_LEN, payload_len,
		&t->channel_peer, t->arg);
}

static void on_message(const uint8_t *data, size_t len, void *arg)
{
	struct probe_turn *t = arg;
	struct stun_msg m;

	if (len >= STUN_CHANNEL_HEADER_LEN && (data[0] & 0xf0) == 0x40) {
		take_channel(t, data, len);
		return;
	}
	if (!stun_is_rfc(data, len) ||
		stun_parse(&m, &stun_rfc, data, len) != 0)
		return;
	if (m.class == STUN_INDICATION) {
		take_indication(t, &m);
		return;
	}
	if (!t->is_waiting || memcmp(m.tid, t->tid, STUN_TID_LEN) != 0)
		return;
	memcpy(t->reply, data, len);
	t->reply_len = len;
	t->is_waiting = false;
}

int probe_turn_new(struct probe_turn **out, struct probe *probe,
	const struct probe_turn_spec *spec, struct why *why)
{
	struct probe_wire_spec wire = {.way = spec->way,
		.local = spec->local,
		.server = spec->server,
		.name = spec->name,
		.trust = spec->trust,
		.on_message = on_message};
	struct probe_turn *t = calloc(1, sizeof(*t));
	int err;

	if (t == NULL)
		return -ENOMEM;
	t->probe = probe;
	t->on_data = spec->on_data;
	t->arg = spec->arg;
	snprintf(t->label, sizeof(t->label), "%s", spec->label);
	snprintf(t->user, sizeof(t->user), "%s", spec->user);
	snprintf(t->password, sizeof(t->password), "%s", spec->password);
	wire.arg = t;
	err = probe_wire_open(&t->wire, probe, &wire, why);
	if (err != 0) {
		probe_turn_free(t);
		return err;
	}
	*out = t;
	return 0;
}

void probe_turn_free(struct probe_turn *t)
{
	if (t == NULL)
		return;
	probe_wire_close(t->wire);
	digest_wipe(t->password, sizeof(t->password));
	digest_wipe(t->key, sizeof(t->key));
	free(t);
}

static int build(struct probe_turn *t, const struct question *q,
	uint8_t room[static ROOM])
{
	struct stun_writer w;
	const uint8_t transport[4] = {UDP_PROTOCOL};

	stun_tid_new(t->tid);
	stun_write_begin(&w, &stun_rfc, room, ROOM, STUN_REQUEST,
		(uint16_t)q->method, t->tid);
	if (q->has_transport)
		stun_write_bytes(&w, STUN_REQUESTED_TRANSPORT, transport,
			sizeof(transport));
	if (q->has_lifetime)
		stun_write_number(&w, STUN_LIFETIME, q->lifetime_s);
	if (q->channel != 0)
		stun_write_number(&w, STUN_CHANNEL_NUMBER,
			(uint32_t)q->channel << 16);
	if (q->peer != NULL)
		stun_write_addr(&w, STUN_PEER_ADDRESS, q->peer);
	if (t->nonce[0] != '\0') {
		stun_write_text(&w, STUN_USERNAME, str_of(t->user));
		stun_write_text(&w, STUN_REALM, str_of(t->realm));
		stun_write_text(&w, STUN_NONCE, str_of(t->nonce));
		stun_write_integrity(&w, t->key, sizeof(t->key));
	}
	stun_write_fingerprint(&w);
	return stun_write_end(&w);
}

static bool is_answered(void *arg)
{
	const struct probe_turn *t = arg;

	return !t->is_waiting || probe_wire_end(t->wire)[0] != '\0';
}

static int no_answer(const struct probe_turn *t, const struct question *q,
	int err, struct why *why)
{
	const char *end = probe_wire_end(t->wire);
	char server[ADDR_TEXT_LEN];

	addr_text(probe_wire_server(t->wire), server);
	if (end[0] != '\0')
		return why_set(why, EDGE_EPEER,
			"%s: the connection to %s ended: %s", q->name, server,
			end);
	return why_set(why, err,
		"%s: no answer from %s over %s; is av-edge up, does a "
		"firewall drop the port?", q->name, server,
		probe_way_name(probe_wire_way(t->wire)));
}

/* Send and wait, again with twice the patience (RFC 8489 section 6.2.1);
 * what came over a connection is not lost. */
static int exchange(struct probe_turn *t, const struct question *q,
	struct stun_msg *reply, struct why *why)
{
	const bool is_lossy = probe_wire_is_lossy(t->wire);
	uint8_t room[ROOM];
	const int len = build(t, q, room);
	int64_t rto_ms = is_lossy ? RTO_MS : STREAM_MS;
	int err = -ETIMEDOUT;

	if (len < 0)
		return why_set(why, len, "%s: can't be built", q->name);
	t->is_waiting = true;
	probe_trace(t->probe, t->label, "av-edge", "%s", q->name);
	for (unsigned i = 0; i < SENDS_MAX && err != 0; i++, rto_ms *= 2) {
		probe_wire_send(t->wire, room, (size_t)len, false);
		err = probe_wait(t->probe, rto_ms, is_answered, t);
		if (!is_lossy || mono_is_past(t->probe->deadline, mono_now()))
			break;
	}
	if (err != 0 || t->is_waiting) {
		t->is_waiting = false;
		return no_answer(t, q, err, why);
	}
	return stun_parse(reply, &stun_rfc, t->reply, t->reply_len);
}

/* Realm and nonce of a 401 or 438. */
static int take_challenge(struct probe_turn *t, const struct stun_msg *m)
{
	if (str_copy(stun_bytes(m, STUN_REALM), t->realm, sizeof(t->realm)) !=
			0 ||
		str_copy(stun_bytes(m, STUN_NONCE), t->nonce,
			sizeof(t->nonce)) != 0 ||
		t->realm[0] == '\0' || t->nonce[0] == '\0')
		return EDGE_EMALFORMED;
	stun_key(str_of(t->user), str_of(t->realm), str_of(t->password),
		t->key);
	return 0;
}

static int refused(struct probe_turn *t, const struct question *q,
	unsigned code, struct str phrase, struct why *why)
{
	char server[ADDR_TEXT_LEN];

	return why_set(why, EDGE_EREFUSED, "%s: %s answers %u %.*s", q->name,
		addr_text(probe_wire_server(t->wire), server), code,
		STR_ARG(phrase));
}

/* A request with everything that belongs to it; *m is the success. */
static int ask(struct probe_turn *t, const struct question *q,
	struct stun_msg *m, struct why *why)
{
	struct str phrase = {"", 0};
	unsigned code = 0;
	int err = 0;

	memset(m, 0, sizeof(*m));
	for (unsigned round = 0; round < 3; round++) {
		const bool had_key = t->nonce[0] != '\0';

		err = exchange(t, q, m, why);
		if (err != 0)
			return err;
		if (m->class == STUN_SUCCESS)
			break;
		if (stun_error(m, &code, &phrase) != 0)
			return why_set(why, EDGE_EMALFORMED,
				"%s: an error without a code", q->name);
		probe_trace(t->probe, "av-edge", t->label, "%u %.*s", code,
			STR_ARG(phrase));
		if (code != 438 && (code != 401 || had_key))
			return refused(t, q, code, phrase, why);
		if (take_challenge(t, m) != 0)
			return why_set(why, EDGE_EMALFORMED,
				"%s: %u without "
				"realm or nonce",
				q->name, code);
	}
	if (m->class != STUN_SUCCESS)
		return refused(t, q, code, phrase, why);
	if (t->nonce[0] != '\0' &&
		stun_check_integrity(m, t->key, sizeof(t->key)) != 0)
		return why_set(why, EDGE_EFORGED,
			"%s: the answer's integrity "
			"is wrong",
			q->name);
	probe_trace(t->probe, "av-edge", t->label, "%s success", q->name);
	return 0;
}

int probe_turn_allocate(struct probe_turn *t, struct why *why)
{
	const struct question q = {
		.method = STUN_ALLOCATE,
		.name = "Allocate",
		.lifetime_s = LIFETIME_S,
		.has_lifetime = true,
		.has_transport = true,
	};
	struct stun_msg m;
	int err = ask(t, &q, &m, why);

	if (err != 0)
		return err;
	if (stun_addr(&m, STUN_RELAYED_ADDRESS, &t->relay) != 0 ||
		stun_addr(&m, STUN_XOR_MAPPED_ADDRESS, &t->reflexive) != 0 ||
		stun_number(&m, STUN_LIFETIME, &t->lifetime_s) != 0)
		return why_set(why, EDGE_EMALFORMED,
			"Allocate: the success "
			"lacks relayed address, mapped address or lifetime");
	return 0;
}

int probe_turn_permit(struct probe_turn *t, const struct addr *peer,
	struct why *why)
{
	const struct question q = {
		.method = STUN_CREATE_PERMISSION,
		.name = "CreatePermission",
		.peer = peer,
	};
	struct stun_msg m;

	return ask(t, &q, &m, why);
}

int probe_turn_bind(struct probe_turn *t, const struct addr *peer,
	uint16_t channel, struct why *why)
{
	const struct question q = {
		.method = STUN_CHANNEL_BIND,
		.name = "ChannelBind",
		.peer = peer,
		.channel = channel,
	};
	struct stun_msg m;
	int err;

	/* Data may come on it before the answer does. */
	t->channel_peer = *peer;
	t->channel = channel;
	err = ask(t, &q, &m, why);
	if (err != 0)
		t->channel = 0;
	return err;
}

int probe_turn_refresh(struct probe_turn *t, uint32_t lifetime_s,
	struct why *why)
{
	const struct question q = {
		.method = STUN_REFRESH,
		.name = lifetime_s == 0 ? "Refresh 0" : "Refresh",
		.lifetime_s = lifetime_s,
		.has_lifetime = true,
	};
	struct stun_msg m;

	return ask(t, &q, &m, why);
}

int probe_turn_send(struct probe_turn *t, const struct addr *peer,
	const uint8_t *data, size_t len)
{
	uint8_t room[ROOM];
	uint8_t tid[STUN_TID_LEN];
	struct stun_writer w;
	int n;

	if (len + STUN_CHANNEL_HEADER_LEN > sizeof(room))
		return EDGE_ETOOBIG;
	if (t->channel != 0 && addr_eq(peer, &t->channel_peer)) {
		buf_store_u16(room, t->channel);
		buf_store_u16(room + 2, (uint16_t)len);
		memcpy(room + STUN_CHANNEL_HEADER_LEN, data, len);
		probe_wire_send(t->wire, room, len + STUN_CHANNEL_HEADER_LEN,
			false);
		return 0;
	}
	stun_tid_new(tid);
	stun_write_begin(&w, &stun_rfc, room, sizeof(room), STUN_INDICATION,
		STUN_SEND, tid);
	stun_write_addr(&w, STUN_PEER_ADDRESS, peer);
	stun_write_bytes(&w, STUN_PAYLOAD, data, len);
	n = stun_write_end(&w);
	if (n < 0)
		return n;
	probe_wire_send(t->wire, room, (size_t)n, false);
	return 0;
}

const struct addr *probe_turn_relay(const struct probe_turn *t)
{
	return &t->relay;
}

const struct addr *probe_turn_reflexive(const struct probe_turn *t)
{
	return &t->reflexive;
}

uint32_t probe_turn_lifetime_s(const struct probe_turn *t)
{
	return t->lifetime_s;
}
