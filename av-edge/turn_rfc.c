/*
 * The methods of RFC 8656 and Binding of RFC 8489. Each handler checks in
 * the order its section gives and ends in succeed() or refuse(). Who may
 * ask at all is turn_auth's affair, which peers are allowed peer_policy's;
 * RFC 6062 (TCP peers) and reservations of the next higher port are refused
 * the way their specifications say.
 */
#include "av-edge/turn_rfc.h"

#include <errno.h>
#include <string.h>

#include "common/base/err.h"
#include "av-edge/refusal.h"

#define PROTOCOL_UDP   17
#define FAMILY_IPV4    1
#define FAMILY_IPV6    2
#define EVEN_PORT_NEXT 0x80 /* the R bit */

/* One message being handled. */
struct ask {
	struct turn *t;
	const struct turn_in *in;
	struct turn_out *out;
	struct stun_msg m;
	struct alloc *alloc; /* of this 5-tuple, or NULL */
	struct auth_proof proof;
	struct stun_writer w;
};

typedef void(handler)(struct ask *ask);

/* ---- answering --------------------------------------------------------- */

static void answer_begin(struct ask *ask, enum stun_class class)
{
	stun_write_begin(&ask->w, &stun_rfc, ask->out->answer,
		TURN_ANSWER_MAX, class, ask->m.method, ask->m.tid);
}

/* RFC 8489 9.2.4: with the kind of integrity that the request had. */
static void answer_end(struct ask *ask)
{
	const struct auth_proof *proof = &ask->proof;
	int len;

	if (proof->has_key && stun_has(&ask->m, STUN_INTEGRITY_SHA256))
		stun_write_integrity_sha256(&ask->w, proof->key,
			sizeof(proof->key));
	else if (proof->has_key)
		stun_write_integrity(&ask->w, proof->key, sizeof(proof->key));
	if (stun_has(&ask->m, STUN_FINGERPRINT))
		stun_write_fingerprint(&ask->w);
	len = stun_write_end(&ask->w);
	if (len < 0 || (!proof->has_key &&
	    !refusal_may_be_told(ask->t, ask->in, (size_t)len)))
		return;
	ask->out->answer_len = (size_t)len;
}

static void refuse(struct ask *ask, unsigned code)
{
	refusal_count(ask->t, code);
	answer_begin(ask, STUN_ERROR);
	stun_write_error(&ask->w, code);
	if (code == 420)
		stun_write_unknown(&ask->w, &ask->m);
	answer_end(ask);
}

static void refuse_sender(struct ask *ask, enum auth_cause cause)
{
	const struct turn *t = ask->t;
	char nonce[NONCE_LEN + 1];

	answer_begin(ask, STUN_ERROR);
	stun_write_error(&ask->w, auth_cause_code(cause));
	if (auth_cause_challenges(cause)) {
		nonce_make(&t->shared->secret, ask->in->client, t->now, nonce);
		stun_write_text(&ask->w, STUN_REALM, str_of(t->rules->realm));
		stun_write_text(&ask->w, STUN_NONCE, str_of(nonce));
	}
	answer_end(ask);
}

/* ---- who asks ---------------------------------------------------------- */

static bool check_sender(struct ask *ask)
{
	struct turn *t = ask->t;
	const struct auth_facts facts = {
		.rules = t->rules,
		.secret = &t->shared->secret,
		.client = ask->in->client,
		.alloc = ask->alloc,
		.now = t->now,
		.wall = t->wall,
	};
	enum auth_cause cause = auth_check(&facts, &ask->m, &ask->proof);

	if (ask->proof.has_key)
		strangers_earn(t->shared->strangers, ask->in->client, t->now);
	if (cause == AUTH_OK)
		return true;
	refusal_note_sender(t, ask->in, cause, stun_method_name(ask->m.method),
		ask->proof.expired_ago_s);
	refuse_sender(ask, cause);
	return false;
}

/* ---- Binding (RFC 8489 section 12) ------------------------------------- */

static void on_binding(struct ask *ask)
{
	answer_begin(ask, STUN_SUCCESS);
	stun_write_addr(&ask->w, STUN_XOR_MAPPED_ADDRESS, ask->in->client);
	answer_end(ask);
}

/* ---- Allocate (RFC 8656 section 7.2) ----------------------------------- */

/* RFC 8656 7.2: never less than the default, never more than the maximum,
 * and not past the allocation's absolute end. */
static uint32_t grant_lifetime(const struct ask *ask, int64_t deadline_ms)
{
	const struct rules *r = ask->t->rules;
	int64_t left_s = (deadline_ms - ask->t->now.ms) / 1000;
	uint32_t asked;

	if (stun_number(&ask->m, STUN_LIFETIME, &asked) < 0 ||
	    asked < r->default_lifetime_s)
		asked = r->default_lifetime_s;
	if (asked > r->max_lifetime_s)
		asked = r->max_lifetime_s;
	if (asked > left_s)
		asked = left_s > 0 ? (uint32_t)left_s : 1;
	return asked;
}

/* RFC 8656 18.12: the second family that was asked for is not to be had. */
static void write_address_error(struct ask *ask)
{
	static const char phrase[] = "Address Family not Supported";
	uint8_t value[4 + sizeof(phrase) - 1] = {FAMILY_IPV6, 0, 4, 40};

	memcpy(value + 4, phrase, sizeof(phrase) - 1);
	stun_write_bytes(&ask->w, STUN_ADDRESS_ERROR_CODE, value,
		sizeof(value));
}

static void answer_allocated(struct ask *ask, const struct alloc *a)
{
	answer_begin(ask, STUN_SUCCESS);
	stun_write_addr(&ask->w, STUN_RELAYED_ADDRESS, &a->relayed);
	stun_write_number(&ask->w, STUN_LIFETIME, a->lifetime_s);
	stun_write_addr(&ask->w, STUN_XOR_MAPPED_ADDRESS, &a->client);
	if (stun_has(&ask->m, STUN_ADDITIONAL_FAMILY))
		write_address_error(ask);
	answer_end(ask);
}

/* The first byte of a value of four, as families and protocols have it. */
static unsigned first_byte(const struct stun_msg *m, enum stun_attr attr)
{
	uint32_t value = 0;

	return stun_number(m, attr, &value) == 0 ? value >> 24 : 0;
}

static bool wants_next_port(const struct stun_msg *m)
{
	struct str even = stun_bytes(m, STUN_EVEN_PORT);

	return even.n == 1 && ((uint8_t)even.p[0] & EVEN_PORT_NEXT) != 0;
}

/* RFC 8656 7.2, steps 5 to 8: attributes that exclude each other. */
static bool contradicts_itself(const struct stun_msg *m)
{
	bool has_token = stun_has(m, STUN_RESERVATION_TOKEN);
	bool has_family = stun_has(m, STUN_REQUESTED_FAMILY);
	bool has_second = stun_has(m, STUN_ADDITIONAL_FAMILY);

	if (has_token && (stun_has(m, STUN_EVEN_PORT) || has_family))
		return true;
	return has_second && (has_token || has_family || wants_next_port(m) ||
	    first_byte(m, STUN_ADDITIONAL_FAMILY) != FAMILY_IPV6);
}

/* 0, or the code to refuse with. */
static unsigned check_allocate(const struct ask *ask, struct turn_wish *wish)
{
	const struct stun_msg *m = &ask->m;
	const struct rules *r = ask->t->rules;
	unsigned family = FAMILY_IPV4;

	if (!stun_has(m, STUN_REQUESTED_TRANSPORT))
		return 400;
	if (first_byte(m, STUN_REQUESTED_TRANSPORT) != PROTOCOL_UDP)
		return 442;
	if (contradicts_itself(m))
		return 400;
	if (stun_has(m, STUN_REQUESTED_FAMILY))
		family = first_byte(m, STUN_REQUESTED_FAMILY);
	if (family != FAMILY_IPV4 && family != FAMILY_IPV6)
		return 440;
	wish->family = family == FAMILY_IPV6 ? RULES_V6 : RULES_V4;
	if (!addr_is_set(&r->media[wish->family].bind))
		return 440;
	/* Nothing is ever reserved, so no token is known: 18.7, 18.10. */
	if (stun_has(m, STUN_RESERVATION_TOKEN) || wants_next_port(m))
		return 508;
	wish->even_port = stun_has(m, STUN_EVEN_PORT);
	return r->is_draining || ask->in->is_closing ? 508 : 0;
}

static void on_allocate(struct ask *ask)
{
	struct turn *t = ask->t;
	struct turn_wish wish = {
		.client = ask->in->client,
		.listener = ask->in->listener,
		.side = ask->in->side,
		.tid = ask->m.tid,
		.proof = &ask->proof,
	};
	struct alloc *a = ask->alloc;
	unsigned code;
	int err;

	if (a != NULL) {
		/* The answer was lost, or somebody is confused. */
		if (memcmp(a->tid, ask->m.tid, sizeof(a->tid)) == 0 &&
		    auth_is_user_of(a, &ask->proof))
			answer_allocated(ask, a);
		else
			refuse(ask, 437);
		return;
	}
	code = check_allocate(ask, &wish);
	if (code != 0) {
		refuse(ask, code);
		return;
	}
	wish.lifetime_s = grant_lifetime(ask, t->now.ms +
	    (int64_t)t->rules->allocation_lifetime_s * 1000);
	err = turn_begin(t, &wish, &a);
	if (err < 0) {
		refuse(ask, err == EDGE_EBUSY ? 486 : 508);
		return;
	}
	ask->alloc = a;
	answer_allocated(ask, a);
}

/* ---- Refresh (RFC 8656 section 8.2) ------------------------------------ */

static bool is_family_of(const struct alloc *a, unsigned family)
{
	return (family == FAMILY_IPV6 ? 6 : 4) == a->family;
}

static void on_refresh(struct ask *ask)
{
	struct alloc *a = ask->alloc;
	uint32_t asked, granted = 0;
	bool ends = stun_number(&ask->m, STUN_LIFETIME, &asked) == 0 &&
	    asked == 0;

	if (a == NULL) {
		refuse(ask, 437);
		return;
	}
	if (stun_has(&ask->m, STUN_REQUESTED_FAMILY) &&
	    !is_family_of(a, first_byte(&ask->m, STUN_REQUESTED_FAMILY))) {
		refuse(ask, 443);
		return;
	}
	if (!ends) {
		granted = grant_lifetime(ask, a->deadline_ms);
		a->lifetime_s = granted;
		alloc_set_expiry(&ask->t->allocs, a,
			mono_after_ms(ask->t->now, (int64_t)granted * 1000));
	}
	answer_begin(ask, STUN_SUCCESS);
	stun_write_number(&ask->w, STUN_LIFETIME, granted);
	answer_end(ask);
	if (ends)
		turn_end(ask->t, a, ALLOC_END_REFRESH);
}

/* ---- permissions and channels (RFC 8656 sections 10.2, 12.2) ----------- */

/* 0, or the code to refuse this peer with. */
static unsigned check_peer(struct ask *ask, const struct addr *peer,
	enum peer_verdict *verdict)
{
	if (peer->family != ask->alloc->family)
		return 443;
	*verdict = turn_judge_peer(ask->t, peer, ask->in->client);
	return peer_verdict_is_yes(*verdict) ? 0 : 403;
}

/* All of them or none (10.2). */
static unsigned check_peers(struct ask *ask, size_t *count)
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

static void on_create_permission(struct ask *ask)
{
	struct addr peer;
	size_t count, i;
	unsigned code;

	if (ask->alloc == NULL) {
		refuse(ask, 437);
		return;
	}
	code = check_peers(ask, &count);
	for (i = 0; i < count && code == 0; i++) {
		if (stun_addr_nth(&ask->m, STUN_PEER_ADDRESS, i, &peer) < 0 ||
		    turn_permit(ask->t, ask->alloc, &peer) < 0)
			code = 508;
	}
	if (code != 0) {
		refuse(ask, code);
		return;
	}
	answer_begin(ask, STUN_SUCCESS);
	answer_end(ask);
}

/* Of RFC 5766 clients too: nothing else on this port begins with 01. */
static bool is_channel(uint32_t value)
{
	return value >> 16 >= STUN_CHANNEL_FIRST &&
	    value >> 16 <= STUN_CHANNEL_LAST_OLD;
}

/* 0, or the code to refuse with. */
static unsigned bind_channel(struct ask *ask, uint16_t channel,
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

static void on_channel_bind(struct ask *ask)
{
	uint32_t value = 0;
	struct addr peer;
	unsigned code;

	if (ask->alloc == NULL)
		code = 437;
	else if (stun_number(&ask->m, STUN_CHANNEL_NUMBER, &value) < 0 ||
	    !is_channel(value) ||
	    stun_addr(&ask->m, STUN_PEER_ADDRESS, &peer) < 0 ||
	    peer.port == 0)
		code = 400;
	else
		code = bind_channel(ask, (uint16_t)(value >> 16), &peer);
	if (code != 0) {
		refuse(ask, code);
		return;
	}
	answer_begin(ask, STUN_SUCCESS);
	answer_end(ask);
}

/* ---- Send (RFC 8656 section 11.2): never answered ---------------------- */

static void on_send(struct ask *ask)
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
		stats_add(&t->stats, AV_DROP_MALFORMED, 1);
		return;
	}
	if (peer.family != ask->alloc->family ||
	    !perm_has(&t->perms, ask->alloc, &peer, t->now)) {
		ask->alloc->drops++;
		stats_add(&t->stats, AV_DROP_NO_PERMISSION, 1);
		return;
	}
	ask->out->from = ask->alloc;
	ask->out->peer = peer;
	ask->out->payload = stun_bytes(&ask->m, STUN_PAYLOAD);
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
	{STUN_ALLOCATE, STUN_REQUEST, false, AV_REQ_ALLOCATE, on_allocate},
	{STUN_REFRESH, STUN_REQUEST, false, AV_REQ_REFRESH, on_refresh},
	{STUN_CREATE_PERMISSION, STUN_REQUEST, false, AV_REQ_PERMISSION,
		on_create_permission},
	{STUN_CHANNEL_BIND, STUN_REQUEST, false, AV_REQ_CHANNEL,
		on_channel_bind},
	{STUN_SEND, STUN_INDICATION, true, AV_REQ_SEND, on_send},
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

static void handle_request(struct ask *ask, const struct method *method)
{
	if (!method->is_open && !check_sender(ask))
		return;
	if (ask->m.is_malformed)
		refuse(ask, 400);
	else if (ask->m.unknown_count > 0)
		refuse(ask, 420);
	else
		method->run(ask);
}

void turn_rfc_handle(struct turn *t, const struct turn_in *in,
	struct turn_out *out)
{
	struct ask ask = {.t = t, .in = in, .out = out};
	const struct method *method;

	out->answer_len = 0;
	out->from = NULL;
	if (stun_parse(&ask.m, &stun_rfc, in->data, in->len) < 0) {
		stats_add(&t->stats, AV_DROP_MALFORMED, 1);
		return;
	}
	method = find_method(&ask.m);
	stats_add(&t->stats, method != NULL ? method->counter : AV_REQ_OTHER,
		1);
	if (method == NULL)
		return; /* RFC 8489 6.3: not ours, in silence */
	ask.alloc = alloc_find(&t->allocs, in->listener, in->client);
	disown_ice(&ask.m);
	if (ask.m.class == STUN_REQUEST)
		handle_request(&ask, method);
	else
		method->run(&ask);
	explicit_bzero(&ask.proof, sizeof(ask.proof));
}
