/*
 * Everything that one worker of the proxy owns. Made by main.c from the
 * daemon, by tests from parts.
 */
#ifndef ACCESS_EDGE_EDGE_H
#define ACCESS_EDGE_EDGE_H

#include <stdbool.h>

#include "access-edge/branch.h"
#include "access-edge/counters.h"
#include "access-edge/federation.h"
#include "access-edge/flow.h"
#include "access-edge/load.h"
#include "access-edge/logon.h"
#include "access-edge/peer.h"
#include "access-edge/policy.h"
#include "access-edge/revocation.h"
#include "access-edge/session.h"
#include "access-edge/trace.h"
#include "access-edge/txn.h"
#include "common/net/limit.h"
#include "common/net/resolve.h"
#include "common/net/tls.h"
#include "common/run/loop.h"
#include "common/store/topology.h"

struct recall;

struct edge_spec {
	struct loop *loop;
	struct topology *topology; /* a reference is taken */
	struct counters *counters;
	struct resolver *resolver;
	struct tls_watch *tls_next_hop; /* client role, internal */
	struct tls_watch *tls_partner;  /* client role, external; or NULL */
	const char *watch_path;         /* of partners; "" = not kept */
	const char *flow_key_path;
	struct recall *recall; /* borrowed; NULL in tests */
	bool bind_device;
};

struct edge {
	struct loop *loop;
	struct topology *topology; /* owned reference */
	struct policy policy;
	struct counters *counters;
	struct recall *recall; /* borrowed */
	char flow_key_path[512];
	struct flow_keys flow_keys;     /* in use */
	struct flow_keys own_flow_keys; /* of the file */
	struct branch_key branch_key;
	struct session_table sessions;
	struct txn_table txns;
	struct peer_pool *peers;
	struct federation *federation;
	struct logon *logon;
	struct revocation *revocation;
	struct limit *anonymous; /* new dialogs, by source */
	struct trace trace;
	struct list partner_tests;
	struct list strays; /* requests without a transaction that wait */
	size_t stray_count;
	struct loop_timer *tick;
	struct mono next_second;
	struct load load;
};

EDGE_MUST int edge_new(struct edge **out, const struct edge_spec *spec,
	struct why *why);
void edge_free(struct edge *edge); /* accepts NULL */

/* New decisions by another snapshot; a reference is taken on success. */
EDGE_MUST int edge_apply(struct edge *edge, struct topology *t,
	struct tls_watch *tls_partner, struct why *why);

/* Who is told of this connection's life. */
struct peer_pool *edge_peers_of(const struct edge *edge,
	const struct session *s);
/* Is there room for one more handshake from outside? Makes some when who has
 * it does not use it. */
bool edge_may_accept(struct edge *edge);
/* A connection that a listener has accepted; fd is taken. */
void edge_accept(struct edge *edge, int fd, const struct addr *remote,
	enum origin_door door, struct tls_watch *tls,
	struct listener *listener);

#endif
