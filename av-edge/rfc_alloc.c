/*
 * Allocate and Refresh of RFC 8656: what is asked for, whether it can be
 * had, and for how long. Taking and giving back what an allocation owns is
 * turn.c's affair.
 */
#include "av-edge/rfc_alloc.h"

#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "av-edge/turn_port.h"

#define PROTOCOL_TCP   6
#define PROTOCOL_UDP   17
#define FAMILY_IPV4    1
#define FAMILY_IPV6    2
#define EVEN_PORT_NEXT 0x80 /* the R bit */
#define PHRASE_MAX     32

/* ---- Allocate (RFC 8656 section 7.2) ----------------------------------- */

/* RFC 8656 7.2: never less than the default. */
static uint32_t grant_lifetime(const struct rfc_ask *ask,
	const struct alloc *a)
{
	const struct turn *t = ask->t;

	return turn_grant_lifetime(t, a, &ask->m,
		t->rules->default_lifetime_s);
}

static bool wants_next_port(const struct stun_msg *m)
{
	struct str even = stun_bytes(m, STUN_EVEN_PORT);

	return even.n == 1 && ((uint8_t)even.p[0] & EVEN_PORT_NEXT) != 0;
}

/* ---- the answer -------------------------------------------------------- */

/* RFC 8656 18.12: one of two families that were asked for is not to be had;
 * which, and with what code. */
static void write_address_error(struct rfc_ask *ask, enum rules_family family)
{
	bool is_there = addr_is_set(&ask->t->rules->media[family].bind);
	struct str phrase = str_of(stun_phrase(is_there ? 508 : 440));
	uint8_t value[4 + PHRASE_MAX] = {
		family == RULES_V6 ? FAMILY_IPV6 : FAMILY_IPV4, 0,
		is_there ? 5 : 4, is_there ? 8 : 40,
	};

	memcpy(value + 4, phrase.p, phrase.n);
	stun_write_bytes(&ask->w, STUN_ADDRESS_ERROR_CODE, value,
		4 + phrase.n);
}

static void write_family(struct rfc_ask *ask, struct alloc *a,
	enum rules_family family)
{
	bool wants_both = stun_has(&ask->m, STUN_ADDITIONAL_FAMILY);

	a = alloc_of_family(&ask->t->allocs, a, family == RULES_V6 ? 6 : 4);
	if (a != NULL)
		stun_write_addr(&ask->w, STUN_RELAYED_ADDRESS, &a->relayed);
	else if (wants_both)
		write_address_error(ask, family);
}

/* The port after its own, if that is put aside. */
static void write_token(struct rfc_ask *ask, const struct alloc *a)
{
	struct reservation r;

	if (reservation_of_port(ask->t->shared->reservations,
		    a->family == 6 ? RULES_V6 : RULES_V4,
		    (uint16_t)(a->relay_port + 1), &r) &&
	    digest_eq(r.client_id, a->client_id, sizeof(r.client_id)))
		stun_write_bytes(&ask->w, STUN_RESERVATION_TOKEN, r.token,
			sizeof(r.token));
}

static void answer_allocated(struct rfc_ask *ask, struct alloc *a)
{
	rfc_ask_begin(ask, STUN_SUCCESS);
	write_family(ask, a, RULES_V4);
	write_family(ask, a, RULES_V6);
	stun_write_number(&ask->w, STUN_LIFETIME, a->lifetime_s);
	if (wants_next_port(&ask->m))
		write_token(ask, a);
	stun_write_addr(&ask->w, STUN_XOR_MAPPED_ADDRESS, &a->client);
	rfc_ask_end(ask);
}

/* Who can't be served here is told where else, if there is such a place
 * (RFC 8489 section 10). */
static void refuse(struct rfc_ask *ask, unsigned code)
{
	const struct turn_in *in = ask->in;
	struct addr other;

	if (code != 508 || !alternates_pick(&ask->t->rules->alternates,
		in->side, in->client->family, &other)) {
		rfc_ask_refuse(ask, code);
		return;
	}
	other.port = in->local->port;
	rfc_ask_redirect(ask, &other);
}

/* ---- the request ------------------------------------------------------- */

/* RFC 8656 7.2, steps 5 to 8: attributes that exclude each other. */
static bool contradicts_itself(const struct rfc_ask *ask)
{
	const struct stun_msg *m = &ask->m;
	bool has_token = stun_has(m, STUN_RESERVATION_TOKEN);
	bool has_family = stun_has(m, STUN_REQUESTED_FAMILY);
	bool has_second = stun_has(m, STUN_ADDITIONAL_FAMILY);

	if (has_token && (stun_has(m, STUN_EVEN_PORT) || has_family))
		return true;
	return has_second && (has_token || has_family || wants_next_port(m) ||
	    rfc_ask_byte(ask, STUN_ADDITIONAL_FAMILY) != FAMILY_IPV6);
}

/* RFC 6062 5.1: TCP relay ports are for clients over TCP, and what is said
 * about datagrams and their ports is not for them. */
static unsigned check_transport(const struct rfc_ask *ask,
	struct turn_wish *wish)
{
	const struct stun_msg *m = &ask->m;

	switch (rfc_ask_byte(ask, STUN_REQUESTED_TRANSPORT)) {
	case PROTOCOL_UDP:
		return 0;
	case PROTOCOL_TCP:
		break;
	default:
		return 442;
	}
	if (!ask->t->rules->tcp_relays)
		return 442;
	if (!ask->in->is_stream || stun_has(m, STUN_EVEN_PORT) ||
	    stun_has(m, STUN_DONT_FRAGMENT) ||
	    stun_has(m, STUN_RESERVATION_TOKEN))
		return 400;
	wish->wants_tcp = true;
	return 0;
}

static unsigned check_family(const struct rfc_ask *ask,
	struct turn_wish *wish)
{
	const struct rules_media *media = ask->t->rules->media;
	unsigned family = FAMILY_IPV4;

	if (stun_has(&ask->m, STUN_REQUESTED_FAMILY))
		family = rfc_ask_byte(ask, STUN_REQUESTED_FAMILY);
	if (family != FAMILY_IPV4 && family != FAMILY_IPV6)
		return 440;
	wish->family = family == FAMILY_IPV6 ? RULES_V6 : RULES_V4;
	if (addr_is_set(&media[wish->family].bind))
		return 0;
	/* Of two families one is enough. */
	return stun_has(&ask->m, STUN_ADDITIONAL_FAMILY) &&
	    addr_is_set(&media[RULES_V6].bind) ? 0 : 440;
}

/* 0, or the code to refuse with. */
static unsigned check_allocate(const struct rfc_ask *ask,
	struct turn_wish *wish)
{
	const struct stun_msg *m = &ask->m;
	unsigned code;

	if (!stun_has(m, STUN_REQUESTED_TRANSPORT))
		return 400;
	code = check_transport(ask, wish);
	if (code != 0)
		return code;
	if (contradicts_itself(ask))
		return 400;
	code = check_family(ask, wish);
	if (code != 0)
		return code;
	if (wants_next_port(m))
		wish->port = TURN_PORT_PAIR;
	else if (stun_has(m, STUN_EVEN_PORT))
		wish->port = TURN_PORT_EVEN;
	return ask->t->rules->is_draining || ask->in->is_closing ? 508 : 0;
}

/* RFC 8656 7.2: what the token stands for, and nothing in its place. */
static unsigned claim(struct rfc_ask *ask, struct turn_wish *wish)
{
	struct reservation r;

	wish->token = (const uint8_t *)stun_bytes(&ask->m,
		STUN_RESERVATION_TOKEN).p;
	if (wish->token == NULL)
		return 0;
	if (!turn_port_claim(ask->t, wish, &r))
		return 508;
	wish->family = (enum rules_family)r.family;
	if (!addr_is_set(&ask->t->rules->media[wish->family].bind)) {
		turn_port_release(ask->t, &r);
		return 508;
	}
	wish->port = TURN_PORT_RESERVED;
	wish->reserved_port = r.port;
	wish->place = r.place;
	return 0;
}

static unsigned begin(struct rfc_ask *ask, const struct turn_wish *wish,
	struct alloc **out)
{
	int err;

	if (!addr_is_set(&ask->t->rules->media[wish->family].bind))
		return 440;
	err = turn_begin(ask->t, wish, out);
	if (err < 0)
		return err == EDGE_EBUSY ? 486 : 508;
	return 0;
}

/* One of each family, or what can be had of it. */
static unsigned begin_both(struct rfc_ask *ask, struct turn_wish *wish,
	struct alloc **out)
{
	struct alloc *second;
	unsigned code, second_code;

	*out = NULL;
	code = begin(ask, wish, out);
	wish->family = RULES_V6;
	wish->first = *out;
	second_code = begin(ask, wish, &second);
	if (second_code == 0 && *out == NULL)
		*out = second;
	return *out != NULL ? 0 : code == 440 ? second_code : code;
}

static unsigned make(struct rfc_ask *ask, struct turn_wish *wish,
	struct alloc **out)
{
	unsigned code = check_allocate(ask, wish);

	if (code == 0)
		code = claim(ask, wish);
	if (code != 0)
		return code;
	wish->lifetime_s = grant_lifetime(ask, NULL);
	return stun_has(&ask->m, STUN_ADDITIONAL_FAMILY) ?
	    begin_both(ask, wish, out) : begin(ask, wish, out);
}

void rfc_alloc_on_allocate(struct rfc_ask *ask)
{
	struct turn_wish wish = {
		.client = ask->in->client,
		.listener = ask->in->listener,
		.side = ask->in->side,
		.tid = ask->m.tid,
		.proof = &ask->proof,
	};
	struct alloc *a = ask->alloc;
	unsigned code;

	if (a != NULL) {
		/* The answer was lost, or somebody is confused. */
		if (memcmp(a->tid, ask->m.tid, sizeof(a->tid)) == 0 &&
		    auth_is_user_of(a, &ask->proof))
			answer_allocated(ask, a);
		else
			rfc_ask_refuse(ask, 437);
		return;
	}
	code = make(ask, &wish, &a);
	if (code != 0) {
		refuse(ask, code);
		return;
	}
	ask->alloc = a;
	answer_allocated(ask, a);
}

/* ---- Refresh (RFC 8656 section 8.2) ------------------------------------ */

static uint32_t prolong(struct rfc_ask *ask, struct alloc *a)
{
	a->lifetime_s = grant_lifetime(ask, a);
	alloc_set_expiry(&ask->t->allocs, a,
		mono_after_ms(ask->t->now, (int64_t)a->lifetime_s * 1000));
	return a->lifetime_s;
}

/* One of the two, when the request names its family; else all there is. */
static void refresh(struct rfc_ask *ask, struct alloc *a, struct alloc *twin)
{
	uint32_t asked, granted = 0;
	bool ends = stun_number(&ask->m, STUN_LIFETIME, &asked) == 0 &&
	    asked == 0;

	if (!ends) {
		granted = prolong(ask, a);
		if (twin != NULL)
			(void)prolong(ask, twin);
	}
	rfc_ask_begin(ask, STUN_SUCCESS);
	stun_write_number(&ask->w, STUN_LIFETIME, granted);
	rfc_ask_end(ask);
	if (ends && twin != NULL)
		turn_end(ask->t, twin, ALLOC_END_REFRESH);
	if (ends)
		turn_end(ask->t, a, ALLOC_END_REFRESH);
}

void rfc_alloc_on_refresh(struct rfc_ask *ask)
{
	const struct alloc_table *table = &ask->t->allocs;
	struct alloc *a = ask->alloc;
	unsigned family;

	if (a == NULL) {
		rfc_ask_refuse(ask, 437);
		return;
	}
	if (!stun_has(&ask->m, STUN_REQUESTED_FAMILY)) {
		refresh(ask, a, alloc_twin(table, a));
		return;
	}
	family = rfc_ask_byte(ask, STUN_REQUESTED_FAMILY);
	a = alloc_of_family(table, a, family == FAMILY_IPV6 ? 6 :
		family == FAMILY_IPV4 ? 4 : 0);
	if (a == NULL)
		rfc_ask_refuse(ask, 443);
	else
		refresh(ask, a, NULL);
}
