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
	char probe[SIP_BRANCH_LEN]; /* "" = none is out */
	struct mono probe_sent;
	struct mono probe_next;
	struct mono silent_since;   /* a request went out, nothing came */
	uint32_t probe_cseq;
};

/* peer.c */
void peer_replace_waiting(struct peer_pool *pool, struct list *waiting,
	const char *detail);
void peer_serve_waiting(struct peer_target *t, struct session *s);
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

/* peer_link.c */
bool target_is_down(const struct peer_target *t);
struct peer_link *target_ready_link(const struct peer_target *t);
/* Begin one more connection. */
EDGE_MUST int target_dial(struct peer_target *t);
/* One more when those there have much to send. */
void target_maybe_grow(struct peer_target *t);
void target_tick(struct peer_target *t);
void target_free(struct peer_target *t);
struct peer_info target_info(const struct peer_target *t);

#endif
