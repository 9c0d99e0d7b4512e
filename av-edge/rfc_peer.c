/*
 * CreatePermission, ChannelBind and Send of RFC 8656: which peers a client
 * names, and whether it may. Which peers are allowed at all is peer_policy's
 * affair.
 */
#include "av-edge/rfc_peer.h"

#include <errno.h>

#include "common/base/err.h"

/* ---- permissions and channels (RFC 8656 sections 10.2, 12.2) ----------- */

/* 0, or the code to refuse this peer with. */
static unsigned check_peer(struct rfc_ask *ask, const struct addr *peer,
	enum peer_verdict *verdict)
{
	if (peer->family != ask->alloc->family)
		return 443;
	*verdict = turn_judge_peer(ask->t, peer, ask->in->client);
	return peer_verdict_is_yes(*verdict) ? 0 : 403;
}

/* All of them or none (10.2). */
static unsigned check_peers(struct rfc_ask *ask, size_t *count)
{
	enum peer_verdict verdict;
	struct addr peer;
	unsigned code;
	int err;

	for (*count = 0;; (*count)++) {
		err = stun_addr_nth(&ask->m, STUN_PEER_ADDRESS, *count, &peer);
		if (err == -ENOENT)
			break;
		if (err < 0)
			return 400;
		code = check_peer(ask, &peer, &verdict);
		if (code != 0)
			return code;
	}
	if (*count == 0)
		return 400;
	return perm_has_room(&ask->t->perms, ask->alloc, *count,
		ask->t->now) ? 0 : 508;
}

void rfc_peer_on_permission(struct rfc_ask *ask)
{
	struct addr peer;
	size_t count, i;
	unsigned code;

	if (ask->alloc == NULL) {
		rfc_ask_refuse(ask, 437);
		return;
	}
	code = check_peers(ask, &count);
	for (i = 0; i < count && code == 0; i++) {
		if (stun_addr_nth(&ask->m, STUN_PEER_ADDRESS, i, &peer) < 0 ||
		    turn_permit(ask->t, ask->alloc, &peer) < 0)
			code = 508;
	}
	if (code != 0) {
		rfc_ask_refuse(ask, code);
		return;
	}
	rfc_ask_begin(ask, STUN_SUCCESS);
	rfc_ask_end(ask);
}

/* Of RFC 5766 clients too: nothing else on this port begins with 01. */
static bool is_channel(uint32_t value)
{
	return value >> 16 >= STUN_CHANNEL_FIRST &&
	    value >> 16 <= STUN_CHANNEL_LAST_OLD;
}

/* 0, or the code to refuse with. */
static unsigned bind_channel(struct rfc_ask *ask, uint16_t channel,
	const struct addr *peer)
{
	struct turn *t = ask->t;
	enum peer_verdict verdict;
	struct hot *h;
	unsigned code;
	int err;

	code = check_peer(ask, peer, &verdict);
	if (code != 0)
		return code;
	if (!perm_has_room(&t->perms, ask->alloc, 1, t->now) &&
	    !perm_has(&t->perms, ask->alloc, peer, t->now))
		return 508;
	err = hot_bind(&h, &t->hots, ask->alloc, channel, peer, t->now);
	if (err < 0)
		return err == EDGE_EREFUSED ? 400 : 508;
	h->is_hairpin = verdict == PEER_HAIRPIN;
	return turn_permit(t, ask->alloc, peer) < 0 ? 508 : 0;
}

void rfc_peer_on_channel(struct rfc_ask *ask)
{
	uint32_t value = 0;
	struct addr peer;
	unsigned code;

	if (ask->alloc == NULL)
		code = 437;
	else if (alloc_relays_tcp(ask->alloc) ||
	    stun_number(&ask->m, STUN_CHANNEL_NUMBER, &value) < 0 ||
	    !is_channel(value) ||
	    stun_addr(&ask->m, STUN_PEER_ADDRESS, &peer) < 0 ||
	    peer.port == 0)
		code = 400;
	else
		code = bind_channel(ask, (uint16_t)(value >> 16), &peer);
	if (code != 0) {
		rfc_ask_refuse(ask, code);
		return;
	}
	rfc_ask_begin(ask, STUN_SUCCESS);
	rfc_ask_end(ask);
}

/* ---- Send (RFC 8656 section 11.2): never answered ---------------------- */

void rfc_peer_on_send(struct rfc_ask *ask)
{
	struct turn *t = ask->t;
	struct addr peer;

	if (ask->alloc == NULL) {
		stats_add(&t->stats, AV_DROP_NO_ALLOCATION, 1);
		return;
	}
	if (ask->m.is_malformed || ask->m.unknown_count > 0 ||
	    !stun_has(&ask->m, STUN_PAYLOAD) ||
	    stun_addr(&ask->m, STUN_PEER_ADDRESS, &peer) < 0 ||
	    peer.port == 0) {
		turn_drop(t, ask->alloc, ALLOC_DROP_MALFORMED);
		return;
	}
	if (alloc_relays_tcp(ask->alloc) ||
	    peer.family != ask->alloc->family ||
	    !perm_has(&t->perms, ask->alloc, &peer, t->now)) {
		turn_drop(t, ask->alloc, ALLOC_DROP_NO_PERMISSION);
		return;
	}
	ask->out->from = ask->alloc;
	ask->out->peer = peer;
	ask->out->payload = stun_bytes(&ask->m, STUN_PAYLOAD);
}
