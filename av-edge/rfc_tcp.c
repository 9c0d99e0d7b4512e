/*
 * The methods of RFC 6062. Which peers may be connected to is decided
 * before any connection is tried and answered at once, so that a refusal
 * says nothing about the peer's port (threat T6). No sockets: turn_io
 * connects.
 */
#include "av-edge/rfc_tcp.h"

#include <errno.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "av-edge/refusal.h"

/* ---- Connect (5.2) ----------------------------------------------------- */

static struct turn_receipt receipt_of(const struct rfc_ask *ask)
{
	struct turn_receipt r = {
		.key_len = (uint8_t)ask->proof.key_len,
		.has_sha256 = stun_has(&ask->m, STUN_INTEGRITY_SHA256),
		.has_fingerprint = stun_has(&ask->m, STUN_FINGERPRINT),
	};

	memcpy(r.tid, ask->m.tid, sizeof(r.tid));
	memcpy(r.key, ask->proof.key, ask->proof.key_len);
	return r;
}

static unsigned check_connect(struct rfc_ask *ask, struct addr *peer,
	struct alloc **out)
{
	if (ask->alloc == NULL)
		return 437;
	if (!alloc_relays_tcp(ask->alloc) ||
	    stun_addr(&ask->m, STUN_PEER_ADDRESS, peer) < 0 ||
	    peer->port == 0)
		return 400;
	*out = alloc_of_family(&ask->t->allocs, ask->alloc, peer->family);
	if (*out == NULL)
		return 443;
	return peer_verdict_is_yes(turn_judge_peer(ask->t, peer,
		ask->in->client)) ? 0 : 403;
}

static unsigned code_of(int err)
{
	switch (err) {
	case 0:
		return 0;
	case -EEXIST:
		return 446;
	case EDGE_EBUSY:
		return 486;
	default:
		return 447;
	}
}

/* Answered when the peer has, or time is up. */
void rfc_tcp_on_connect(struct rfc_ask *ask)
{
	struct turn_receipt receipt = receipt_of(ask);
	struct turn *t = ask->t;
	struct alloc *a;
	struct addr peer;
	unsigned code;

	code = check_connect(ask, &peer, &a);
	if (code == 0)
		code = code_of(t->io->connect(t->io_arg, a, &peer,
			&receipt));
	explicit_bzero(&receipt, sizeof(receipt));
	if (code != 0)
		rfc_ask_refuse(ask, code);
}

int rfc_tcp_write_connected(uint8_t room[static TURN_ANSWER_MAX],
	const struct turn_receipt *receipt, unsigned code,
	uint32_t connection)
{
	struct stun_writer w;

	stun_write_begin(&w, &stun_rfc, room, TURN_ANSWER_MAX,
		code != 0 ? STUN_ERROR : STUN_SUCCESS, STUN_CONNECT,
		receipt->tid);
	if (code != 0)
		stun_write_error(&w, code);
	else
		stun_write_number(&w, STUN_CONNECTION_ID, connection);
	if (receipt->has_sha256)
		stun_write_integrity_sha256(&w, receipt->key,
			receipt->key_len);
	else
		stun_write_integrity(&w, receipt->key,
			receipt->key_len);
	if (receipt->has_fingerprint)
		stun_write_fingerprint(&w);
	return stun_write_end(&w);
}

/* ---- ConnectionAttempt (5.3) ------------------------------------------- */

int rfc_tcp_write_attempt(uint8_t room[static TURN_ANSWER_MAX],
	uint32_t connection, const struct addr *peer)
{
	uint8_t tid[STUN_TID_LEN];
	struct stun_writer w;

	stun_tid_new(tid);
	stun_write_begin(&w, &stun_rfc, room, TURN_ANSWER_MAX,
		STUN_INDICATION, STUN_CONNECTION_ATTEMPT, tid);
	stun_write_number(&w, STUN_CONNECTION_ID, connection);
	stun_write_addr(&w, STUN_PEER_ADDRESS, peer);
	return stun_write_end(&w);
}

/* ---- ConnectionBind (5.4) ---------------------------------------------- */

bool rfc_tcp_is_bind(const uint8_t *data, size_t len, uint32_t *connection)
{
	struct stun_msg m;

	return len >= STUN_HEADER_LEN &&
	    buf_load_u16(data) == STUN_CONNECTION_BIND &&
	    stun_parse(&m, &stun_rfc, data, len) == 0 &&
	    stun_number(&m, STUN_CONNECTION_ID, connection) == 0;
}

struct alloc *rfc_tcp_subject(const struct rfc_ask *ask)
{
	struct turn *t = ask->t;
	struct alloc *own = alloc_find(&t->allocs, ask->in->listener,
		ask->in->client);
	uint32_t id;

	/* A connection with an allocation of its own carries no data. */
	if (ask->m.method != STUN_CONNECTION_BIND || own != NULL ||
	    stun_number(&ask->m, STUN_CONNECTION_ID, &id) < 0)
		return own;
	return t->io->owner(t->io_arg, id);
}

/* Who asks is the user of that allocation: it was checked (threat T11). */
void rfc_tcp_on_bind(struct rfc_ask *ask)
{
	const struct turn *t = ask->t;
	uint32_t id = 0;

	if (!ask->in->is_stream || ask->alloc == NULL ||
	    alloc_find(&t->allocs, ask->in->listener, ask->in->client) !=
		NULL || stun_number(&ask->m, STUN_CONNECTION_ID, &id) < 0) {
		rfc_ask_refuse(ask, 400);
		return;
	}
	rfc_ask_begin(ask, STUN_SUCCESS);
	rfc_ask_end(ask);
	ask->out->bound = id;
}
