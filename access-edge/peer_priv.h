/*
 * What peer.c, peer_name.c and peer_link.c share.
 */
#ifndef ACCESS_EDGE_PEER_PRIV_H
#define ACCESS_EDGE_PEER_PRIV_H

#include "access-edge/peer.h"
#include "common/sip/sip_build.h"

struct peer_pool {
	struct peer_pool_spec spec;
	const struct policy *policy; /* borrowed */
	struct list peers;
	struct list waiting; /* for a name, or for nothing any more */
	uint64_t hash_key[2];
	bool is_woken;
};

/* One server by name. */
struct peer {
	struct list node;
	struct peer_pool *pool;
	char name[256];
	uint16_t port;
	bool is_hop;     /* of the topology's next hops, kept up */
	unsigned order;
	struct list targets;
	struct resolve_query *query;
	struct mono resolve_at; /* next look-up */
	struct mono last_used;  /* outside: somebody asked for it */
	enum peer_fault fault;  /* of the last look-up */
	char detail[160];
};

/* One of its addresses. */
struct peer_target {
	struct list node;
	struct peer *peer;
	struct addr addr;
	bool is_gone; /* no longer in the answers */
	bool is_deaf; /* takes connections and says nothing on them */
	struct list links;
	struct list waiting;
	unsigned ready;
	unsigned connecting;
	size_t waiting_count;
	enum peer_fault fault; /* of last_error */
	struct mono down_until;
	struct mono next_dial;
	int64_t back_off_ms;
	uint64_t requests;
	uint64_t failures;
	uint64_t deaf;
	char last_error[128];
};

/* One connection to it, dialled or accepted. */
struct peer_link {
	struct list node;
	struct peer_target *target;
	struct session *session;
	bool is_ready;
	bool is_dialled;
	unsigned slot; /* outside */
	char probe[SIP_BRANCH_LEN]; /* "" = none is out */
	struct mono probe_sent;
	struct mono probe_next;
	struct mono silent_since;   /* a request went out, nothing came */
	uint32_t probe_cseq;
};

/* Outside: dialled on demand, never probed, one connection per dialog. */
static inline bool peer_is_outside(const struct peer_pool *pool)
{
	return pool->spec.door == ORIGIN_DOOR_PARTNER;
}

/* peer.c */
void peer_replace_waiting(struct peer_pool *pool, struct list *waiting,
	const char *detail);
/* slot NULL: all of them. */
void peer_serve_waiting(struct peer_target *t, struct session *s,
	const unsigned *slot);
void peer_expire(struct peer_pool *pool, struct list *waiting,
	const char *detail);

/* peer_name.c */
struct peer *peer_get(struct peer_pool *pool, const char *name,
	uint16_t port);
void peer_free(struct peer *peer);
void peer_resolve(struct peer *peer);
/* The same when the last look-up is too old. */
void peer_refresh(struct peer *peer);
/* Tick soon, not only at the next second. */
void peer_wake(struct peer_pool *pool);

/* peer_name.c: nobody has asked for it for a while. */
bool peer_is_unused(const struct peer *peer);

/* peer_link.c */
bool target_is_down(const struct peer_target *t);
struct peer_link *target_ready_link(const struct peer_target *t);
/* Begin one more connection. */
EDGE_MUST int target_dial(struct peer_target *t, unsigned slot);
/* A connection that a partner opened to us leads to this address and names
 * the server: it is used too. */
void target_adopt(struct peer_target *t);
/* Outside: the connection of this slot, made or being made; NULL = neither. */
const struct peer_link *target_slot(const struct peer_target *t,
	unsigned slot);
/* One more when those there have much to send. */
void target_maybe_grow(struct peer_target *t);
void target_tick(struct peer_target *t);
void target_free(struct peer_target *t);
struct peer_info target_info(const struct peer_target *t);

#endif
