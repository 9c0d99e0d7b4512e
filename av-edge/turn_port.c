/*
 * Relay ports of allocations: taken from the pool, tried, put aside, given
 * back. Everything that a reservation holds passes through here (threats
 * T9, T10; requirement R4).
 */
#include "av-edge/turn_port.h"

#include <errno.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"

/* Ports that are somebody else's on this host before we give up. */
#define BIND_TRIES 64

static struct port_pool *pool_of(const struct turn *t, uint8_t family)
{
	return t->shared->ports[family];
}

static uint16_t take(struct port_pool *pool, const struct alloc *a,
	enum turn_port_wish wish)
{
	return wish == TURN_PORT_PAIR ? port_pool_take_pair(pool, a->id) :
	    port_pool_take(pool, a->id, wish == TURN_PORT_EVEN);
}

static void give(struct port_pool *pool, const struct alloc *a,
	enum turn_port_wish wish)
{
	port_pool_give(pool, a->relay_port);
	if (wish == TURN_PORT_PAIR)
		port_pool_give(pool, (uint16_t)(a->relay_port + 1));
}

static bool may_other_port_do(int err)
{
	return err == -EADDRINUSE || err == -EACCES;
}

/* A port that binds. Those that do not go to the end of the list. */
static int open_one(struct turn *t, struct alloc *a,
	const struct turn_wish *wish)
{
	struct port_pool *pool = pool_of(t, (uint8_t)wish->family);
	unsigned tries = 0;
	int err;

	do {
		tries++;
		a->relay_port = take(pool, a, wish->port);
		if (a->relay_port == 0)
			return -EADDRNOTAVAIL;
		err = t->io->open(t->io_arg, a,
			&t->rules->media[wish->family]);
		if (err == 0)
			return 0;
		give(pool, a, wish->port);
	} while (tries < BIND_TRIES && may_other_port_do(err));
	log_limited(LOG_LEVEL_ERROR, 6, "relay.unbound",
		"port=%u error=%s tries=%u", a->relay_port, err_name(err),
		tries);
	return -EADDRNOTAVAIL;
}

/* The one that was put aside, or none. */
static int open_reserved(struct turn *t, struct alloc *a,
	const struct turn_wish *wish)
{
	struct port_pool *pool = pool_of(t, (uint8_t)wish->family);

	a->relay_port = wish->reserved_port;
	port_pool_pass(pool, a->relay_port, a->id);
	if (t->io->open(t->io_arg, a, &t->rules->media[wish->family]) == 0)
		return 0;
	port_pool_give(pool, a->relay_port);
	return -EADDRNOTAVAIL;
}

/* ---- reservations ------------------------------------------------------ */

void turn_port_release(struct turn *t, const struct reservation *r)
{
	port_pool_give(pool_of(t, r->family), r->port);
	quota_give(t->shared->quota, r->place);
}

bool turn_port_claim(struct turn *t, const struct turn_wish *wish,
	struct reservation *out)
{
	return reservation_claim(t->shared->reservations, wish->token,
		wish->proof->client_id, t->now, out);
}

void turn_port_tick(struct turn *t)
{
	struct reservation r;

	while (reservation_next_over(t->shared->reservations, t->now, &r))
		turn_port_release(t, &r);
}

/* The port after a's for half a minute. */
static int put_aside(struct turn *t, const struct alloc *a,
	const struct turn_wish *wish, struct quota_place place)
{
	struct reservation r = {
		.place = place,
		.port = (uint16_t)(a->relay_port + 1),
		.family = (uint8_t)wish->family,
	};

	memcpy(r.client_id, wish->proof->client_id, sizeof(r.client_id));
	return reservation_add(t->shared->reservations, &r, t->now);
}

static int open_pair(struct turn *t, struct alloc *a,
	const struct turn_wish *wish)
{
	struct quota_place place;
	int err;

	err = turn_take_place(t, wish->proof, &place);
	if (err < 0)
		return err;
	err = open_one(t, a, wish);
	if (err == 0) {
		err = put_aside(t, a, wish, place);
		if (err == 0)
			return 0;
		t->io->close(t->io_arg, a);
		give(pool_of(t, (uint8_t)wish->family), a, wish->port);
		err = -EADDRNOTAVAIL;
	}
	quota_give(t->shared->quota, place);
	return err;
}

int turn_port_open(struct turn *t, struct alloc *a,
	const struct turn_wish *wish)
{
	switch (wish->port) {
	case TURN_PORT_ANY:
	case TURN_PORT_EVEN:
		break;
	case TURN_PORT_PAIR:
		return open_pair(t, a, wish);
	case TURN_PORT_RESERVED:
		return open_reserved(t, a, wish);
	}
	return open_one(t, a, wish);
}

void turn_port_give(struct turn *t, const struct alloc *a)
{
	port_pool_give(pool_of(t, a->family == 6 ? RULES_V6 : RULES_V4),
		a->relay_port);
}
