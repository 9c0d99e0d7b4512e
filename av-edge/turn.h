/*
 * The control state of one shard: its allocations with all they own, and
 * how they begin and end. What a message means is in turn_rfc.c, what
 * happens to data in relay_udp.c. No sockets: they are opened and closed
 * through struct turn_io, so that tests and the fuzzer need none.
 */
#ifndef AV_EDGE_TURN_H
#define AV_EDGE_TURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/store/topology.h"
#include "av-edge/alloc.h"
#include "av-edge/counters.h"
#include "av-edge/hot.h"
#include "av-edge/ms_state.h"
#include "av-edge/nonce.h"
#include "av-edge/perm.h"
#include "av-edge/port_pool.h"
#include "av-edge/quota.h"
#include "av-edge/reservation.h"
#include "av-edge/rules.h"
#include "av-edge/strangers.h"
#include "av-edge/turn_auth.h"
#include "av-edge/user_rate.h"

struct recall;

/* Of the process, used by all shards. */
struct turn_shared {
	struct port_pool *ports[RULES_FAMILY_COUNT]; /* owned */
	struct quota *quota;                         /* owned */
	struct strangers *strangers;                 /* owned */
	struct user_rate *connects;                  /* owned */
	struct user_rate *begins;                    /* owned: allocations */
	struct reservations *reservations;           /* owned */
	struct nonce_secret secret;
	struct recall *recall; /* borrowed; NULL = nothing is remembered */
};

EDGE_MUST int turn_shared_init(struct turn_shared *shared,
	uint32_t stranger_rate);
void turn_shared_fini(struct turn_shared *shared); /* accepts a zeroed one */
/* Ranges and rates as these rules have them. */
EDGE_MUST int turn_shared_apply(struct turn_shared *shared,
	const struct rules *rules);

/* What an answer that comes later has to know of its request. */
struct turn_receipt {
	uint8_t tid[STUN_TID_LEN];
	uint8_t key[ALLOC_KEY_MAX];
	uint8_t key_len;
	bool has_sha256; /* its integrity */
	bool has_fingerprint;
};

struct turn_io {
	/* Open a->relay_port on media's address, set a->relay_fd and watch
	 * it. -EADDRINUSE and -EACCES: another port may do. */
	int (*open)(void *arg, struct alloc *a,
		const struct rules_media *media);
	void (*close)(void *arg, struct alloc *a);
	/* Its TCP relay port has got a first permission. */
	void (*listen)(void *arg, struct alloc *a);
	/* New rules: connections of its TCP relay port with peers that are none
	 * any more end. */
	void (*withdraw)(void *arg, struct alloc *a);
	/* RFC 6062 5.2: connect from that port, answer by the receipt when it
	 * is known how it went. -EEXIST: there is a connection with this
	 * peer; EDGE_EBUSY: too many. */
	int (*connect)(void *arg, struct alloc *a, const struct addr *peer,
		const struct turn_receipt *receipt);
	/* Whose connection waits to be bound under this id? NULL: nobody's. */
	struct alloc *(*owner)(void *arg, uint32_t connection);
};

struct turn {
	struct alloc_table allocs;
	struct hot_table hots;
	struct perm_table perms;
	struct flat_pool ms_states;
	struct rules *rules;        /* reference */
	struct turn_shared *shared; /* borrowed */
	const struct turn_io *io;   /* borrowed */
	void *io_arg;
	struct av_stats stats;
	struct mono now; /* of this turn of the loop */
	struct wall wall;
};

EDGE_MUST int turn_init(struct turn *t, unsigned shard,
	struct turn_shared *shared, struct rules *rules, struct mono now);
void turn_end_all(struct turn *t, enum alloc_end why);
/* Ends all allocations. Accepts a zeroed one. */
void turn_fini(struct turn *t);
/* New rules: permissions they forbid are withdrawn, and connections that
 * began with one. Takes the reference. */
void turn_set_rules(struct turn *t, struct rules *rules);
/* Once a second or more often: end what is over. */
void turn_tick(struct turn *t);

enum turn_port_wish {
	TURN_PORT_ANY,
	TURN_PORT_EVEN,
	TURN_PORT_PAIR,     /* even, and the next one is put aside */
	TURN_PORT_RESERVED, /* the one that was put aside */
};

struct turn_wish {
	const struct addr *client;
	uint8_t listener;
	enum alloc_dialect dialect;
	enum topology_side side;
	enum rules_family family;
	uint32_t lifetime_s;
	bool wants_tcp; /* a TCP relay port */
	enum turn_port_wish port;
	uint16_t reserved_port;
	struct quota_place place; /* of the reservation, taken already */
	const uint8_t *token; /* RESERVATION_TOKEN_LEN, or NULL */
	struct alloc *first; /* make a twin for this one, or NULL */
	const uint8_t *tid; /* STUN_TID_LEN */
	const struct auth_proof *proof;
};

/* What is granted to who asks in m for a (NULL: for a new one): at least so
 * much, at most what the setting allows, and not past its absolute end. */
uint32_t turn_grant_lifetime(const struct turn *t, const struct alloc *a,
	const struct stun_msg *m, uint32_t least_s);
/* One unit of this user's quota, to be given back. EDGE_EBUSY, -ENOMEM. */
EDGE_MUST int turn_take_place(struct turn *t, const struct auth_proof *proof,
	struct quota_place *out);
/* An allocation with its relay socket; of [MS-TURN] its ms_state is for the
 * caller to fill in. EDGE_EBUSY: the user has too many, or begins too many
 * (threat T9); -EADDRNOTAVAIL: no port or no socket is to be had; -ENOMEM. */
EDGE_MUST int turn_begin(struct turn *t, const struct turn_wish *wish,
	struct alloc **out);
/* Give everything back, say so in one line. The record is gone after. */
void turn_end(struct turn *t, struct alloc *a, enum alloc_end why);

/* Count what is not passed on; a may be NULL. */
static inline void turn_drop(struct turn *t, struct alloc *a,
	enum alloc_drop reason)
{
	stats_add(&t->stats, AV_DROP_SEQUENCE + (size_t)reason, 1);
	if (a == NULL)
		return;
	a->drops++;
	a->dropped[reason]++;
}

/* NULL unless it is of [MS-TURN]. */
static inline struct ms_state *turn_ms_state(const struct turn *t,
	const struct alloc *a)
{
	return a->ms == FLAT_NONE ? NULL : flat_pool_at(&t->ms_states, a->ms);
}

/* May it connect to one more peer now? Counted when not (threat T6). */
bool turn_may_connect(struct turn *t, const struct alloc *a);
/* May a send to peer? Judged by rules, counted when refused. */
enum peer_verdict turn_judge_peer(struct turn *t, const struct addr *peer,
	const struct addr *client);
/* Permission for this peer's address. EDGE_EBUSY. */
EDGE_MUST int turn_permit(struct turn *t, struct alloc *a,
	const struct addr *peer);

/* "2f00001200000007": how people and logs name an allocation. */
#define ALLOC_ID_TEXT_LEN 17
const char *alloc_id_text(uint64_t id, char out[static ALLOC_ID_TEXT_LEN]);

#endif
