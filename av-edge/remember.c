/*
 * Records for `edgectl explain`, with what to do about them. Called where
 * the same is counted and logged; says nothing to peers.
 */
#include "av-edge/remember.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "common/daemon/recall.h"

#define CREDENTIAL_LEN (AV_CRED_CLIENT_ID_LEN * 2 + 1)

static const char *const AUTH_ADVICE[AUTH_CAUSE_COUNT] = {
	[AUTH_INCOMPLETE] = "the client leaves out what the protocol asks "
		"for: a fault of the client",
	[AUTH_UNKNOWN_USER] = "the user name is no credential of av-auth: "
		"does the client use what the SERVICE answer gave it?",
	[AUTH_FORGED] = "made with another pool key: do all edges of the pool "
		"have the same one, and was it rotated more than 8 h ago? "
		"see 'edgectl credentials keys'",
	[AUTH_EXPIRED] = "the client must ask for a new credential; if it "
		"did, compare the clocks ('edgectl doctor')",
	[AUTH_TOO_LONG] = "it ends later than any credential may: compare the "
		"clocks, or see the setting rest_max_lifetime",
	[AUTH_REST_OFF] = "\"expiry:user\" needs a file of shared secrets: "
		"see topology.yaml(5), rest_max_lifetime",
	[AUTH_ALGORITHMS] = "the client did not repeat the algorithms that it "
		"was offered: a fault of it, or of something on the way",
	[AUTH_WRONG_REALM] = "the client answered for another realm: compare "
		"the setting realm with what it uses",
	[AUTH_BAD_INTEGRITY] = "the password does not belong to the user "
		"name (or was made with another shared secret), or something "
		"on the way changed the message",
	[AUTH_FOREIGN_NONCE] = "the nonce was given to another address: the "
		"client's NAT changes its address, or two edges answer it",
	[AUTH_WRONG_USER] = "the allocation of this address belongs to "
		"another credential: two clients behind one address and port",
	[AUTH_NO_KEY] = "no pool key: is av-auth running? see "
		"'edgectl status'",
};

static const char *code_advice(const struct turn *t, unsigned code)
{
	switch (code) {
	case 437:
		return "the client asks for an allocation that it has, or "
		       "lacks one that it believes in: after a restart of "
		       "av-edge this is normal";
	case 486:
		return "this user holds all it may: see 'edgectl allocations "
		       "--user' and the settings allocations_per_user and "
		       "allocations_per_credential; or it begins too many "
		       "in a minute: see allocations_per_minute";
	case 508:
	case 500:
		return t->rules->is_draining ?
			"this edge is draining; 'edgectl resume' ends that" :
			"no relay port or no memory is free: see 'edgectl "
			"status' and the range of relay ports";
	default:
		return NULL;
	}
}

static struct str credential_text(const uint8_t *client_id,
	char out[static CREDENTIAL_LEN])
{
	str_hex(client_id, AV_CRED_CLIENT_ID_LEN, out);
	return (struct str){out, CREDENTIAL_LEN - 1};
}

/* The note that every record about an allocation starts from. */
static struct recall_note note_of(const struct alloc *a,
	enum recall_share share, char id[static ALLOC_ID_TEXT_LEN],
	char credential[static CREDENTIAL_LEN])
{
	return (struct recall_note){
		.share = share,
		.id = str_of(alloc_id_text(a->id, id)),
		.credential = credential_text(a->client_id, credential),
		.address = &a->client,
		.other = &a->relayed,
	};
}

void remember_begin(const struct turn *t, const struct alloc *a)
{
	char id[ALLOC_ID_TEXT_LEN], credential[CREDENTIAL_LEN];
	struct recall_note note =
	    note_of(a, RECALL_ADMITTED, id, credential);

	note.kind = "alloc.begun";
	recall_add(t->shared->recall, &note,
		"dialect=%s side=%s transport=%s lifetime_s=%" PRIu32,
		alloc_dialect_name(a->dialect), topology_side_name(a->side),
		alloc_transport_name(a), a->lifetime_s);
}

void remember_end(const struct turn *t, const struct alloc *a,
	enum alloc_end why)
{
	char id[ALLOC_ID_TEXT_LEN], credential[CREDENTIAL_LEN];
	struct recall_note note = note_of(a, RECALL_ENDED, id, credential);
	char dropped[ALLOC_DROPS_TEXT_LEN];

	note.kind = "alloc.ended";
	if (why == ALLOC_END_EXPIRED)
		note.advice = "the client did not refresh: it went away, or "
			"its refreshes did not get here";
	if (why == ALLOC_END_DRAINED)
		note.advice = "the deadline of 'edgectl drain' was over; a "
			"longer one lets calls come to their own end";
	recall_add(t->shared->recall, &note,
		"reason=%s duration_s=%" PRId64 " up_packets=%" PRIu64
		" down_packets=%" PRIu64 " dropped=%s",
		alloc_end_name(why), (t->now.ms - a->created_ms) / 1000,
		a->up_packets, a->down_packets, alloc_drops_text(a, dropped));
}

void remember_sender(const struct turn *t, const struct turn_in *in,
	enum auth_cause cause, const char *method, int64_t expired_ago_s)
{
	/* Whose allocation it is not, but whose credential is good. */
	const struct recall_note note = {
		.share = cause == AUTH_WRONG_USER ? RECALL_REFUSED :
						    RECALL_STRANGER,
		.kind = "auth.refused",
		.advice = AUTH_ADVICE[cause],
		.address = in->client,
	};

	if (cause == AUTH_EXPIRED)
		recall_add(t->shared->recall, &note,
			"cause=%s method=%s expired_ago_s=%" PRId64,
			auth_cause_name(cause), log_qz(method),
			expired_ago_s);
	else
		recall_add(t->shared->recall, &note, "cause=%s method=%s",
			auth_cause_name(cause), log_qz(method));
}

void remember_refusal(const struct turn *t, const struct turn_in *in,
	const struct auth_proof *who, const char *method, unsigned code)
{
	char credential[CREDENTIAL_LEN];
	const struct recall_note note = {
		.share = RECALL_REFUSED,
		.kind = "request.refused",
		.advice = code_advice(t, code),
		.credential = credential_text(who->client_id, credential),
		.address = in->client,
	};

	if (who->has_key)
		recall_add(t->shared->recall, &note, "code=%u method=%s",
			code, log_qz(method));
}

void remember_peer(const struct turn *t, const struct addr *peer,
	const struct addr *client, enum peer_verdict verdict)
{
	const struct recall_note note = {
		.share = RECALL_REFUSED,
		.kind = "peer.refused",
		.advice = "if this peer is to be reached, name its network in "
			"the setting allow_peers",
		.address = client,
		.other = peer,
	};

	/* Private candidates are offered in every call (R14). */
	if (verdict != PEER_PRIVATE)
		recall_add(t->shared->recall, &note, "rule=%s",
			peer_verdict_name(verdict));
}
