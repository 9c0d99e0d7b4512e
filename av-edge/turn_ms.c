/*
 * The requests of [MS-TURN]. Each goes the same way: who sends it (ms_auth),
 * has it come before (sequence), is it well formed, what does it want; then
 * one answer, remembered in case it is lost. Send is the exception: it is
 * never answered, whatever is wrong with it.
 */
#include "av-edge/turn_ms.h"

#include <errno.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/rand.h"
#include "common/stun/stun_ms.h"
#include "av-edge/ms_auth.h"
#include "av-edge/ms_bwm.h"
#include "av-edge/refusal.h"

#define FAMILY_IPV4    1
#define LIFETIME_MIN_S 60

/* One message being handled. */
struct ask {
	struct turn *t;
	const struct turn_in *in;
	struct turn_out *out;
	const struct method *method;
	struct stun_msg m;
	struct alloc *alloc;    /* of this 5-tuple, or NULL */
	struct ms_state *state; /* of the allocation, or NULL */
	struct ms_proof proof;
	struct stun_ms_number number; /* when it has one */
	bool has_number;
	uint32_t lifetime_s; /* granted by this Allocate */
	bool ends;           /* the allocation, once it is answered */
	struct stun_writer w;
};

/* 0, or the code to refuse with. */
typedef unsigned(handler)(struct ask *ask);

static unsigned on_allocate(struct ask *ask);
static unsigned on_set_destination(struct ask *ask);

static const struct method {
	enum stun_ms_type type;
	enum stun_ms_type yes; /* 0 = never answered */
	enum stun_ms_type no;
	enum av_counter counter;
	handler *run;
} methods[] = {
	{STUN_MS_ALLOCATE, STUN_MS_ALLOCATED, STUN_MS_ALLOCATE_ERROR,
		AV_REQ_MS_ALLOCATE, on_allocate},
	{STUN_MS_SEND, 0, 0, AV_REQ_MS_SEND, NULL},
	{STUN_MS_SET_DESTINATION, STUN_MS_DESTINATION_SET,
		STUN_MS_DESTINATION_ERROR, AV_REQ_MS_DESTINATION,
		on_set_destination},
};

static bool is_allocate(const struct ask *ask)
{
	return ask->method->type == STUN_MS_ALLOCATE;
}

/* ---- answering --------------------------------------------------------- */

static void answer_begin(struct ask *ask, enum stun_ms_type type)
{
	stun_ms_write_begin(&ask->w, ask->out->answer, TURN_ANSWER_MAX, type,
		ask->m.tid);
	if (is_allocate(ask))
		stun_write_number(&ask->w, STUN_MS_VERSION,
			ask->proof.version);
}

static void answer_end(struct ask *ask, bool is_signed)
{
	int len;

	if (is_signed)
		stun_ms_write_integrity(&ask->w, &ask->proof.key);
	len = stun_write_end(&ask->w);
	if (len < 0 || (!ask->proof.is_there &&
	    !refusal_may_be_told(ask->t, ask->in, (size_t)len)))
		return;
	ask->out->answer_len = (size_t)len;
}

static void echo_number(struct ask *ask)
{
	if (ask->has_number)
		stun_ms_write_number(&ask->w, &ask->number);
}

/* The relay to try instead, on the port that this client used. */
static void write_alternate(struct ask *ask)
{
	const struct turn_in *in = ask->in;
	struct addr other;

	if (!alternates_pick(&ask->t->rules->alternates, in->side, 4, &other))
		return;
	other.port = in->local->port;
	stun_write_addr(&ask->w, STUN_ALTERNATE_SERVER, &other);
}

/* [MS-TURN] 2.2.2.7: of a pool whose balancer spreads UDP the next Allocate
 * must come here again. */
static void write_itself(struct ask *ask)
{
	const struct turn_in *in = ask->in;
	struct addr here;

	if (!ask->t->rules->names_itself || in->is_stream)
		return;
	here = rules_shown(ask->t->rules, in->side, in->local);
	stun_write_addr(&ask->w, STUN_ALTERNATE_SERVER, &here);
}

static void refuse(struct ask *ask, unsigned code)
{
	refusal_note(ask->t, ask->in, &ask->proof.who,
		stun_ms_type_name(ask->method->type), code);
	answer_begin(ask, ask->method->no);
	stun_ms_write_error(&ask->w, code);
	if (code == 420)
		stun_write_unknown(&ask->w, &ask->m);
	if (code == 300)
		write_alternate(ask);
	echo_number(ask);
	answer_end(ask, true);
}

/* As the 401, only with another code ([MS-TURN] 3.3.5.1). */
static void refuse_sender(struct ask *ask, unsigned code)
{
	struct turn *t = ask->t;
	struct str realm = str_of(t->rules->realm);
	char nonce[NONCE_LEN + 1];

	if (realm.n > STUN_MS_TEXT_MAX)
		realm.n = STUN_MS_TEXT_MAX;
	nonce_make(&t->shared->secret, ask->in->client, t->now, nonce);
	answer_begin(ask, ask->method->no);
	stun_ms_write_error(&ask->w, code);
	stun_write_text(&ask->w, STUN_REALM, realm);
	stun_write_text(&ask->w, STUN_NONCE, str_of(nonce));
	if (code == 401)
		write_itself(ask);
	answer_end(ask, ask->proof.who.has_key);
}

/* Is this the Allocate that made the allocation? */
static bool is_first(const struct ask *ask)
{
	return is_allocate(ask) && memcmp(ask->alloc->tid, ask->m.tid,
		STUN_TID_LEN) == 0;
}

/* [MS-TURN] 3.2.5.1. Number 0 is given away with the connection id, the
 * client goes on from 1. */
static void write_allocation(struct ask *ask)
{
	const struct alloc *a = ask->alloc;
	struct stun_ms_number number = {.number = 0};

	stun_write_addr(&ask->w, STUN_RELAYED_ADDRESS, &a->relayed);
	stun_write_number(&ask->w, STUN_LIFETIME, ask->lifetime_s);
	stun_write_addr(&ask->w, STUN_XOR_MAPPED_ADDRESS, &a->client);
	if (ask->t->rules->grants_bandwidth)
		ms_bwm_grant(&ask->w, &ask->m);
	if (!is_first(ask)) {
		echo_number(ask);
		return;
	}
	memcpy(number.connection, ask->state->sequence.connection,
		sizeof(number.connection));
	stun_ms_write_number(&ask->w, &number);
}

static void succeed(struct ask *ask)
{
	answer_begin(ask, ask->method->yes);
	if (is_allocate(ask))
		write_allocation(ask);
	else
		echo_number(ask);
	answer_end(ask, true);
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
	enum auth_cause cause = ms_auth_check(&facts, ask->state, &ask->m,
		&ask->proof);
	unsigned code;

	if (ask->proof.is_there)
		strangers_earn(t->shared->strangers, ask->in->client, t->now);
	if (cause == AUTH_OK)
		return true;
	refusal_note_sender(t, ask->in, cause,
		stun_ms_type_name(ask->method->type),
		ask->proof.who.expired_ago_s);
	code = ms_auth_code(cause, &ask->m);
	if (code != 0)
		refuse_sender(ask, code);
	return false;
}

/* ---- what came before -------------------------------------------------- */

static void drop_sequence(struct ask *ask)
{
	turn_drop(ask->t, ask->alloc, ALLOC_DROP_SEQUENCE);
}

static void answer_again(struct ask *ask, const struct sequence_answer *a)
{
	/* Numbers and transaction ids are one space for all requests: what
	 * was answered may be another one. A Send never was. */
	if (a == NULL ||
	    (a->type != ask->method->yes && a->type != ask->method->no)) {
		drop_sequence(ask);
		return;
	}
	ask->lifetime_s = a->lifetime_s;
	if (a->code != 0)
		refuse(ask, a->code);
	else
		succeed(ask);
}

/* Is it new? Retransmissions are answered here. */
static bool check_sequence(struct ask *ask)
{
	const struct stun_ms_number *number =
	    ask->has_number ? &ask->number : NULL;
	struct sequence *s = &ask->state->sequence;

	/* Its number, if any, is that of an older allocation. */
	if (is_first(ask)) {
		ask->lifetime_s = ask->alloc->lifetime_s;
		succeed(ask);
		return false;
	}
	switch (sequence_take(s, number, is_allocate(ask), ask->m.tid)) {
	case SEQUENCE_NEW:
		return true;
	case SEQUENCE_AGAIN:
		answer_again(ask, sequence_find(s, number, ask->m.tid));
		break;
	case SEQUENCE_REPLAY:
	case SEQUENCE_FOREIGN:
	case SEQUENCE_MISSING:
		drop_sequence(ask);
		break;
	}
	return false;
}

static void remember(struct ask *ask, unsigned code)
{
	struct sequence_answer answer = {
		.number = ask->has_number ? ask->number.number : 0,
		.lifetime_s = ask->lifetime_s,
		.type = (uint16_t)(code != 0 ? ask->method->no :
					       ask->method->yes),
		.code = (uint16_t)code,
	};

	memcpy(answer.tid, ask->m.tid, sizeof(answer.tid));
	sequence_remember(&ask->state->sequence, &answer);
}

/* ---- Allocate: make, refresh, delete ----------------------------------- */

static bool wants_end(const struct ask *ask)
{
	uint32_t asked;

	return stun_number(&ask->m, STUN_LIFETIME, &asked) == 0 && asked == 0;
}

/* IPv6 comes with version 4, which we do not announce. */
static bool wants_other_family(const struct stun_msg *m)
{
	uint32_t value;

	return stun_number(m, STUN_REQUESTED_FAMILY, &value) == 0 &&
	    value >> 24 != FAMILY_IPV4;
}

static void begin_state(struct ask *ask)
{
	struct ms_state *state = flat_pool_at(&ask->t->ms_states,
		ask->alloc->ms);
	uint8_t connection[STUN_MS_CONNECTION_LEN];

	rand_bytes(connection, sizeof(connection));
	sequence_init(&state->sequence, connection);
	memcpy(state->password, ask->proof.password, sizeof(state->password));
	state->version = ask->proof.version;
	ms_auth_adopt(state, &ask->m, &ask->proof);
	ask->state = state;
}

/* No port, or not for now. */
static unsigned full(const struct ask *ask)
{
	struct addr other;

	return alternates_pick(&ask->t->rules->alternates, ask->in->side, 4,
		&other) ? 300 : 500;
}

static unsigned make(struct ask *ask)
{
	struct turn *t = ask->t;
	struct turn_wish wish = {
		.client = ask->in->client,
		.listener = ask->in->listener,
		.dialect = ALLOC_MS,
		.side = ask->in->side,
		.family = RULES_V4,
		/* The relay port has the client's transport. */
		.wants_tcp = ask->in->is_stream,
		.tid = ask->m.tid,
		.proof = &ask->proof.who,
	};
	int err;

	if (wants_end(ask))
		return 437;
	if (wants_other_family(&ask->m) ||
	    !addr_is_set(&t->rules->media[RULES_V4].bind) ||
	    (wish.wants_tcp && !t->rules->tcp_relays))
		return 500;
	if (t->rules->is_draining || ask->in->is_closing)
		return full(ask);
	wish.lifetime_s = turn_grant_lifetime(t, NULL, &ask->m,
		LIFETIME_MIN_S);
	err = turn_begin(t, &wish, &ask->alloc);
	if (err < 0)
		return err == EDGE_EBUSY ? 486 : full(ask);
	ask->lifetime_s = wish.lifetime_s;
	begin_state(ask);
	return 0;
}

static unsigned refresh(struct ask *ask)
{
	struct alloc *a = ask->alloc;

	if (wants_other_family(&ask->m))
		return 500;
	ms_auth_adopt(ask->state, &ask->m, &ask->proof);
	ask->ends = wants_end(ask);
	if (ask->ends)
		return 0;
	ask->lifetime_s = turn_grant_lifetime(ask->t, a, &ask->m,
		LIFETIME_MIN_S);
	a->lifetime_s = ask->lifetime_s;
	alloc_set_expiry(&ask->t->allocs, a,
		mono_after_ms(ask->t->now, (int64_t)a->lifetime_s * 1000));
	return 0;
}

static unsigned on_allocate(struct ask *ask)
{
	return ask->alloc == NULL ? make(ask) : refresh(ask);
}

/* ---- Set Active Destination -------------------------------------------- */

static unsigned aim(struct ask *ask, const struct addr *peer)
{
	struct turn *t = ask->t;
	enum peer_verdict verdict;
	struct hot *h;

	if (peer->port == 0 || peer->family != ask->alloc->family)
		return 400;
	verdict = turn_judge_peer(t, peer, ask->in->client);
	if (!peer_verdict_is_yes(verdict))
		return 400; /* the dialect has no "forbidden" */
	if (turn_permit(t, ask->alloc, peer) < 0 ||
	    hot_aim(&h, &t->hots, ask->alloc, peer) < 0)
		return 500;
	h->perm_until_ms = perm_until_ms(ask->alloc, t->now);
	h->is_hairpin = verdict == PEER_HAIRPIN;
	return 0;
}

/* On error the destination stays as it was; absent, there is none. */
static unsigned on_set_destination(struct ask *ask)
{
	struct addr peer;

	if (ask->alloc == NULL)
		return 437;
	switch (stun_addr(&ask->m, STUN_DESTINATION, &peer)) {
	case 0:
		return aim(ask, &peer);
	case -ENOENT:
		hot_drop_all(&ask->t->hots, ask->alloc);
		return 0;
	default:
		return 400;
	}
}

/* ---- Send: never answered ---------------------------------------------- */

static bool may_send(struct ask *ask, const struct addr *peer)
{
	struct turn *t = ask->t;

	if (perm_has(&t->perms, ask->alloc, peer, t->now))
		return true;
	return peer_verdict_is_yes(turn_judge_peer(t, peer,
		ask->in->client)) && turn_permit(t, ask->alloc, peer) == 0;
}

static void on_send(struct ask *ask)
{
	struct addr peer;

	if (ask->m.is_malformed || ask->m.unknown_count > 0 ||
	    !stun_has(&ask->m, STUN_PAYLOAD) ||
	    stun_addr(&ask->m, STUN_DESTINATION, &peer) < 0 ||
	    peer.port == 0) {
		turn_drop(ask->t, ask->alloc, ALLOC_DROP_MALFORMED);
		return;
	}
	if (peer.family != ask->alloc->family || !may_send(ask, &peer)) {
		turn_drop(ask->t, ask->alloc, ALLOC_DROP_NO_PERMISSION);
		return;
	}
	ask->out->from = ask->alloc;
	ask->out->peer = peer;
	ask->out->payload = stun_bytes(&ask->m, STUN_PAYLOAD);
}

/* ---- dispatch ---------------------------------------------------------- */

static const struct method *find_method(const struct stun_msg *m)
{
	enum stun_ms_type type = stun_ms_type(m);
	size_t i;

	for (i = 0; i < ARRAY_COUNT(methods); i++)
		if (methods[i].type == type)
			return &methods[i];
	return NULL;
}

static void run(struct ask *ask)
{
	unsigned code;

	if (ask->m.is_malformed)
		code = 400;
	else if (ask->m.unknown_count > 0)
		code = 420;
	else
		code = ask->method->run(ask);
	if (code != 0)
		refuse(ask, code);
	else
		succeed(ask);
	if (ask->ends)
		turn_end(ask->t, ask->alloc, ALLOC_END_REFRESH);
	else if (ask->alloc != NULL)
		remember(ask, code);
}

static void handle(struct ask *ask)
{
	if (ask->method->run == NULL && ask->alloc == NULL) {
		stats_add(&ask->t->stats, AV_DROP_NO_ALLOCATION, 1);
		return;
	}
	if (!check_sender(ask))
		return;
	if (ask->alloc != NULL) {
		if (!check_sequence(ask))
			return;
		alloc_touch(ask->alloc, ask->t->now);
	}
	if (ask->method->run != NULL)
		run(ask);
	else
		on_send(ask);
}

void turn_ms_handle(struct turn *t, const struct turn_in *in,
	struct turn_out *out)
{
	struct ask ask = {.t = t, .in = in, .out = out};

	out->answer_len = 0;
	out->from = NULL;
	out->bound = 0;
	if (stun_ms_parse(&ask.m, in->data, in->len) < 0) {
		stats_add(&t->stats, AV_DROP_MALFORMED, 1);
		return;
	}
	ask.method = find_method(&ask.m);
	stats_add(&t->stats, ask.method != NULL ? ask.method->counter :
						  AV_REQ_OTHER, 1);
	if (ask.method == NULL)
		return; /* answers, indications, Shared Secret */
	ask.alloc = alloc_find(&t->allocs, in->listener, in->client);
	if (ask.alloc != NULL && ask.alloc->dialect != ALLOC_MS) {
		stats_add(&t->stats, AV_DROP_STRAY, 1);
		return;
	}
	if (ask.alloc != NULL)
		ask.state = turn_ms_state(t, ask.alloc);
	ask.has_number = stun_ms_number(&ask.m, &ask.number) == 0;
	handle(&ask);
	explicit_bzero(&ask.proof, sizeof(ask.proof));
}
