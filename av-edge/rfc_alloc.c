/*
 * Allocate and Refresh of RFC 8656: what is asked for, whether it can be
 * had, and for how long. Taking and giving back what an allocation owns is
 * turn.c's affair.
 */
#include "av-edge/rfc_alloc.h"

#include <string.h>

#include "common/base/err.h"

#define PROTOCOL_TCP   6
#define PROTOCOL_UDP   17
#define FAMILY_IPV4    1
#define FAMILY_IPV6    2
#define EVEN_PORT_NEXT 0x80 /* the R bit */

/* ---- Allocate (RFC 8656 section 7.2) ----------------------------------- */

/* RFC 8656 7.2: never less than the default, never more than the maximum,
 * and not past the allocation's absolute end. */
static uint32_t grant_lifetime(const struct rfc_ask *ask, int64_t deadline_ms)
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
static void write_address_error(struct rfc_ask *ask)
{
	static const char phrase[] = "Address Family not Supported";
	uint8_t value[4 + sizeof(phrase) - 1] = {FAMILY_IPV6, 0, 4, 40};

	memcpy(value + 4, phrase, sizeof(phrase) - 1);
	stun_write_bytes(&ask->w, STUN_ADDRESS_ERROR_CODE, value,
		sizeof(value));
}

static void answer_allocated(struct rfc_ask *ask, const struct alloc *a)
{
	rfc_ask_begin(ask, STUN_SUCCESS);
	stun_write_addr(&ask->w, STUN_RELAYED_ADDRESS, &a->relayed);
	stun_write_number(&ask->w, STUN_LIFETIME, a->lifetime_s);
	stun_write_addr(&ask->w, STUN_XOR_MAPPED_ADDRESS, &a->client);
	if (stun_has(&ask->m, STUN_ADDITIONAL_FAMILY))
		write_address_error(ask);
	rfc_ask_end(ask);
}

static bool wants_next_port(const struct stun_msg *m)
{
	struct str even = stun_bytes(m, STUN_EVEN_PORT);

	return even.n == 1 && ((uint8_t)even.p[0] & EVEN_PORT_NEXT) != 0;
}

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

/* 0, or the code to refuse with. */
static unsigned check_allocate(const struct rfc_ask *ask,
	struct turn_wish *wish)
{
	const struct stun_msg *m = &ask->m;
	const struct rules *r = ask->t->rules;
	unsigned family = FAMILY_IPV4, code;

	if (!stun_has(m, STUN_REQUESTED_TRANSPORT))
		return 400;
	code = check_transport(ask, wish);
	if (code != 0)
		return code;
	if (contradicts_itself(ask))
		return 400;
	if (stun_has(m, STUN_REQUESTED_FAMILY))
		family = rfc_ask_byte(ask, STUN_REQUESTED_FAMILY);
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

void rfc_alloc_on_allocate(struct rfc_ask *ask)
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
			rfc_ask_refuse(ask, 437);
		return;
	}
	code = check_allocate(ask, &wish);
	if (code != 0) {
		rfc_ask_refuse(ask, code);
		return;
	}
	wish.lifetime_s = grant_lifetime(ask, t->now.ms +
	    (int64_t)t->rules->allocation_lifetime_s * 1000);
	err = turn_begin(t, &wish, &a);
	if (err < 0) {
		rfc_ask_refuse(ask, err == EDGE_EBUSY ? 486 : 508);
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

void rfc_alloc_on_refresh(struct rfc_ask *ask)
{
	struct alloc *a = ask->alloc;
	uint32_t asked, granted = 0;
	bool ends = stun_number(&ask->m, STUN_LIFETIME, &asked) == 0 &&
	    asked == 0;

	if (a == NULL) {
		rfc_ask_refuse(ask, 437);
		return;
	}
	if (stun_has(&ask->m, STUN_REQUESTED_FAMILY) &&
	    !is_family_of(a, rfc_ask_byte(ask, STUN_REQUESTED_FAMILY))) {
		rfc_ask_refuse(ask, 443);
		return;
	}
	if (!ends) {
		granted = grant_lifetime(ask, a->deadline_ms);
		a->lifetime_s = granted;
		alloc_set_expiry(&ask->t->allocs, a,
			mono_after_ms(ask->t->now, (int64_t)granted * 1000));
	}
	rfc_ask_begin(ask, STUN_SUCCESS);
	stun_write_number(&ask->w, STUN_LIFETIME, granted);
	rfc_ask_end(ask);
	if (ends)
		turn_end(ask->t, a, ALLOC_END_REFRESH);
}
