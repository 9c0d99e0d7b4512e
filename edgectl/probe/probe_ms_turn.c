/*
 * The client's side of MS-TURN, one request at a time: the first Allocate,
 * the challenge, the signed one ([MS-TURN] 3.1). HMAC-SHA1, as clients up to
 * Lync 2010 sign. Codec: common/stun.
 */
#include "edgectl/probe/probe_ms_turn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/stun/stun_ms.h"

#define ROOM       2048
#define SECRET_MAX 128
#define RTO_MS     300
#define STREAM_MS  5000
#define SENDS_MAX  6
#define LIFETIME_S 600

struct probe_ms_turn {
	struct probe *probe;
	const char *label;
	struct probe_wire *wire; /* owned */
	uint8_t user[SECRET_MAX];
	size_t user_len;
	uint8_t password[SECRET_MAX];
	size_t password_len;
	uint8_t realm[STUN_MS_TEXT_MAX];
	size_t realm_len;
	uint8_t nonce[STUN_MS_TEXT_MAX];
	size_t nonce_len; /* 0 = not challenged yet */
	struct stun_ms_key key;
	struct addr relay;
	probe_ms_turn_cb *on_data;
	void *arg;
	/* the request under way */
	uint8_t tid[STUN_TID_LEN];
	bool is_waiting;
	uint8_t reply[ROOM];
	size_t reply_len;
};

static struct str bytes_of(const uint8_t *bytes, size_t len)
{
	return (struct str){(const char *)bytes, len};
}

static void take_indication(const struct probe_ms_turn *t,
	const struct stun_msg *m)
{
	struct str payload = stun_bytes(m, STUN_PAYLOAD);
	struct addr peer;

	if (t->on_data != NULL && payload.n > 0 &&
		stun_addr(m, STUN_PEER_ADDRESS, &peer) == 0)
		t->on_data((const uint8_t *)payload.p, payload.n, &peer,
			t->arg);
}

static void on_message(const uint8_t *data, size_t len, void *arg)
{
	struct probe_ms_turn *t = arg;
	struct stun_msg m;

	if (!stun_ms_is_control(data, len) ||
		stun_ms_parse(&m, data, len) != 0)
		return;
	if (stun_ms_type(&m) == STUN_MS_DATA) {
		take_indication(t, &m);
		return;
	}
	if (!t->is_waiting || len > sizeof(t->reply) ||
		memcmp(m.tid, t->tid, STUN_TID_LEN) != 0)
		return;
	memcpy(t->reply, data, len);
	t->reply_len = len;
	t->is_waiting = false;
}

int probe_ms_turn_new(struct probe_ms_turn **out, struct probe *probe,
	const struct probe_ms_turn_spec *spec, struct why *why)
{
	struct probe_wire_spec wire = {.way = spec->way,
		.is_ms = true,
		.local = spec->local,
		.server = spec->server,
		.on_message = on_message};
	struct probe_ms_turn *t = calloc(1, sizeof(*t));
	int err;

	if (t == NULL)
		return -ENOMEM;
	t->probe = probe;
	t->label = spec->label;
	t->on_data = spec->on_data;
	t->arg = spec->arg;
	wire.arg = t;
	err = digest_unb64(str_of(spec->user), t->user, sizeof(t->user),
		&t->user_len);
	if (err == 0)
		err = digest_unb64(str_of(spec->password), t->password,
			sizeof(t->password), &t->password_len);
	if (err != 0)
		why_set(why, err, "the credential is not the base64 text "
			"that av-auth hands out");
	else
		err = probe_wire_open(&t->wire, probe, &wire, why);
	if (err != 0) {
		probe_ms_turn_free(t);
		return err;
	}
	*out = t;
	return 0;
}

void probe_ms_turn_free(struct probe_ms_turn *t)
{
	if (t == NULL)
		return;
	probe_wire_close(t->wire);
	digest_wipe(t->password, sizeof(t->password));
	digest_wipe(&t->key, sizeof(t->key));
	free(t);
}

/* ---- Allocate ----------------------------------------------------------- */

static int build(struct probe_ms_turn *t, uint32_t lifetime_s,
	uint8_t room[static ROOM])
{
	struct stun_writer w;

	stun_tid_new(t->tid);
	stun_ms_write_begin(&w, room, ROOM, STUN_MS_ALLOCATE, t->tid);
	stun_write_number(&w, STUN_MS_VERSION, STUN_MS_VERSION_ICE2);
	if (t->nonce_len == 0)
		return stun_write_end(&w);
	stun_write_bytes(&w, STUN_USERNAME, t->user, t->user_len);
	stun_write_bytes(&w, STUN_NONCE, t->nonce, t->nonce_len);
	stun_write_bytes(&w, STUN_REALM, t->realm, t->realm_len);
	stun_write_number(&w, STUN_LIFETIME, lifetime_s);
	stun_ms_write_integrity(&w, &t->key);
	return stun_write_end(&w);
}

static bool is_answered(void *arg)
{
	const struct probe_ms_turn *t = arg;

	return !t->is_waiting || probe_wire_end(t->wire)[0] != '\0';
}

static int no_answer(struct probe_ms_turn *t, struct why *why)
{
	const char *end = probe_wire_end(t->wire);

	t->is_waiting = false;
	if (end[0] != '\0')
		return why_set(why, EDGE_EPEER, "the connection ended: %s",
			end);
	return why_set(why, -ETIMEDOUT,
		"no answer to an Allocate of MS-TURN over %s; is av-edge up, "
		"does a firewall drop the port?",
		probe_way_name(probe_wire_way(t->wire)));
}

static int exchange(struct probe_ms_turn *t, uint32_t lifetime_s,
	struct stun_msg *reply, struct why *why)
{
	const bool is_lossy = probe_wire_is_lossy(t->wire);
	int64_t rto_ms = is_lossy ? RTO_MS : STREAM_MS;
	uint8_t room[ROOM];
	const int len = build(t, lifetime_s, room);
	int err = -ETIMEDOUT;

	if (len < 0)
		return why_set(why, len, "an Allocate can't be built");
	t->is_waiting = true;
	probe_trace(t->probe, t->label, "av-edge", "MS-TURN Allocate");
	for (unsigned i = 0; i < SENDS_MAX && err != 0; i++, rto_ms *= 2) {
		probe_wire_send(t->wire, room, (size_t)len, false);
		err = probe_wait(t->probe, rto_ms, is_answered, t);
		if (!is_lossy || mono_is_past(t->probe->deadline, mono_now()))
			break;
	}
	if (err != 0 || t->is_waiting)
		return no_answer(t, why);
	return stun_ms_parse(reply, t->reply, t->reply_len);
}

static int keep(struct str from, uint8_t out[static STUN_MS_TEXT_MAX],
	size_t *len)
{
	if (from.n == 0 || from.n > STUN_MS_TEXT_MAX)
		return EDGE_EMALFORMED;
	memcpy(out, from.p, from.n);
	*len = from.n;
	return 0;
}

static int take_challenge(struct probe_ms_turn *t, const struct stun_msg *m)
{
	if (keep(stun_bytes(m, STUN_REALM), t->realm, &t->realm_len) != 0 ||
		keep(stun_bytes(m, STUN_NONCE), t->nonce, &t->nonce_len) != 0)
		return EDGE_EMALFORMED;
	stun_ms_key_sha1(&t->key, bytes_of(t->user, t->user_len),
		bytes_of(t->realm, t->realm_len),
		bytes_of(t->password, t->password_len));
	return 0;
}

/* Challenge and all; *m is the signed success. */
static int ask(struct probe_ms_turn *t, uint32_t lifetime_s,
	struct stun_msg *m, struct why *why)
{
	struct str phrase = {"", 0};
	unsigned code = 0;
	int err;

	for (unsigned round = 0; round < 3; round++) {
		const bool was_signed = t->nonce_len > 0;

		err = exchange(t, lifetime_s, m, why);
		if (err != 0)
			return err;
		if (stun_ms_type(m) == STUN_MS_ALLOCATED)
			return stun_ms_check(m, &t->key) == 0 ? 0
				: why_set(why, EDGE_EFORGED,
					"the answer's integrity is wrong");
		if (stun_error(m, &code, &phrase) != 0)
			return why_set(why, EDGE_EMALFORMED,
				"an error without a code");
		probe_trace(t->probe, "av-edge", t->label, "%u %.*s", code,
			STR_ARG(phrase));
		if (code != 438 && (code != 401 || was_signed))
			break;
		if (take_challenge(t, m) != 0)
			return why_set(why, EDGE_EMALFORMED,
				"%u without realm or nonce", code);
	}
	return why_set(why, EDGE_EREFUSED, "MS-TURN Allocate: %u %.*s", code,
		STR_ARG(phrase));
}

int probe_ms_turn_allocate(struct probe_ms_turn *t, struct why *why)
{
	struct stun_msg m;
	int err = ask(t, LIFETIME_S, &m, why);

	if (err != 0)
		return err;
	if (stun_addr(&m, STUN_RELAYED_ADDRESS, &t->relay) != 0)
		return why_set(why, EDGE_EMALFORMED,
			"the success lacks MAPPED-ADDRESS");
	probe_trace(t->probe, "av-edge", t->label, "MS-TURN Allocate success");
	return 0;
}

int probe_ms_turn_delete(struct probe_ms_turn *t, struct why *why)
{
	struct stun_msg m;

	return ask(t, 0, &m, why);
}

int probe_ms_turn_send(struct probe_ms_turn *t, const struct addr *peer,
	const uint8_t *data, size_t len)
{
	struct stun_writer w;
	uint8_t room[ROOM];
	uint8_t tid[STUN_TID_LEN];
	int n;

	stun_tid_new(tid);
	stun_ms_write_begin(&w, room, sizeof(room), STUN_MS_SEND, tid);
	stun_write_number(&w, STUN_MS_VERSION, STUN_MS_VERSION_ICE2);
	stun_write_bytes(&w, STUN_USERNAME, t->user, t->user_len);
	stun_write_addr(&w, STUN_DESTINATION, peer);
	stun_write_bytes(&w, STUN_PAYLOAD, data, len);
	stun_ms_write_integrity(&w, &t->key);
	n = stun_write_end(&w);
	if (n < 0)
		return n;
	probe_wire_send(t->wire, room, (size_t)n, false);
	return 0;
}

const struct addr *probe_ms_turn_relay(const struct probe_ms_turn *t)
{
	return &t->relay;
}
