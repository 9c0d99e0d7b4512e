/*
 * CreatePermission, ChannelBind and Send of RFC 8656: which peers a client
 * names, and whether it may. Which peers are allowed at all is peer_policy's
 * affair.
 */
#include "av-edge/rfc_peer.h"

#include <errno.h>

#include "common/base/err.h"

/* In one request: as many as an allocation and its twin may have. The nth of
 * them is looked for from the front, so thousands would take their time. */
#define PEERS_MAX (2 * (size_t)PERM_PER_ALLOC)

/* ---- permissions and channels (RFC 8656 sections 10.2, 12.2) ----------- */

/* The allocation that relays the peer's family, or NULL. */
static struct alloc *alloc_for(const struct rfc_ask *ask,
	const struct addr *peer)
{
	return alloc_of_family(&ask->t->allocs, ask->alloc, peer->family);
}

/* 0, or the code to refuse this peer with. Where refusals are feigned away
 * (setting denied_peers) the verdict still counts: nobody gets a permission
 * for such a peer, nor a channel. */
static unsigned check_peer(struct rfc_ask *ask, const struct alloc *a,
	const struct addr *peer, enum peer_verdict *verdict)
{
	if (a == NULL)
		return 443;
	*verdict = turn_judge_peer(ask->t, peer, ask->in->client);
	return peer_verdict_is_yes(*verdict) ||
	    ask->t->rules->feigns_peers ? 0 : 403;
}

/* Room for so many new permissions, of the one and of its twin? */
static bool has_room(struct rfc_ask *ask, const size_t fresh[2])
{
	struct perm_table *perms = &ask->t->perms;
	struct alloc *twin = alloc_twin(&ask->t->allocs, ask->alloc);

	return perm_has_room(perms, ask->alloc, fresh[0], ask->t->now) &&
	    (twin == NULL ||
		    perm_has_room(perms, twin, fresh[1], ask->t->now));
}

/* All of them or none (10.2). */
static unsigned check_peers(struct rfc_ask *ask, size_t *count)
{
	enum peer_verdict verdict;
	size_t fresh[2] = {0, 0};
	struct alloc *a;
	struct addr peer;
	unsigned code;
	int err;

	for (*count = 0;; (*count)++) {
		err = stun_addr_nth(&ask->m, STUN_PEER_ADDRESS, *count, &peer);
		if (err == -ENOENT)
			break;
		if (err < 0)
			return 400;
		if (*count == PEERS_MAX)
			return 508;
		a = alloc_for(ask, &peer);
		code = check_peer(ask, a, &peer, &verdict);
		if (code != 0)
			return code;
		if (peer_verdict_is_yes(verdict) &&
		    !perm_has(&ask->t->perms, a, &peer, ask->t->now))
			fresh[a->is_second]++;
	}
	if (*count == 0)
		return 400;
	return has_room(ask, fresh) ? 0 : 508;
}

static unsigned permit_nth(struct rfc_ask *ask, size_t n)
{
	struct addr peer;

	if (stun_addr_nth(&ask->m, STUN_PEER_ADDRESS, n, &peer) < 0)
		return 508;
	if (!peer_verdict_is_yes(peer_policy_judge(&ask->t->rules->peers,
		    &peer)))
		return 0; /* feigned */
	return turn_permit(ask->t, alloc_for(ask, &peer), &peer) < 0 ? 508 : 0;
}

void rfc_peer_on_permission(struct rfc_ask *ask)
{
	size_t count, i;
	unsigned code;

	if (ask->alloc == NULL) {
		rfc_ask_refuse(ask, 437);
		return;
	}
	code = check_peers(ask, &count);
	for (i = 0; i < count && code == 0; i++)
		code = permit_nth(ask, i);
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

/* 0, or the code to refuse with. Channel numbers are the 5-tuple's, so the
 * twin must not have this one. */
static unsigned bind_channel(struct rfc_ask *ask, uint16_t channel,
	const struct addr *peer)
{
	struct turn *t = ask->t;
	struct alloc *a = alloc_for(ask, peer), *twin;
	enum peer_verdict verdict;
	struct hot *h;
	unsigned code;
	int err;

	code = check_peer(ask, a, peer, &verdict);
	if (code != 0)
		return code;
	twin = alloc_twin(&t->allocs, a);
	if (twin != NULL && !hot_make_room(&t->hots, twin, channel, t->now))
		return 400;
	/* Feigned; but what carries to somebody is not promised to others. */
	if (!peer_verdict_is_yes(verdict))
		return hot_make_room(&t->hots, a, channel, t->now) ? 0 : 400;
	if (!perm_has_room(&t->perms, a, 1, t->now) &&
	    !perm_has(&t->perms, a, peer, t->now))
		return 508;
	err = hot_bind(&h, &t->hots, a, channel, peer, t->now);
	if (err < 0)
		return err == EDGE_EREFUSED ? 400 : 508;
	h->is_hairpin = verdict == PEER_HAIRPIN;
	return turn_permit(t, a, peer) < 0 ? 508 : 0;
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
	struct alloc *a;
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
	a = alloc_for(ask, &peer);
	if (a == NULL || alloc_relays_tcp(a) ||
	    !perm_has(&t->perms, a, &peer, t->now)) {
		turn_drop(t, ask->alloc, ALLOC_DROP_NO_PERMISSION);
		return;
	}
	ask->out->from = a;
	ask->out->peer = peer;
	ask->out->payload = stun_bytes(&ask->m, STUN_PAYLOAD);
	ask->out->dont_fragment = stun_has(&ask->m, STUN_DONT_FRAGMENT);
}
