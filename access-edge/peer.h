/*
 * Outgoing connections to servers by name: inside, the pool of next hops,
 * kept up and probed; outside, partners' edges, dialled when there is
 * something to say. Resolves, dials, fails over, and notices a connection
 * that has gone deaf (requirements R23, R27, R28).
 */
#ifndef ACCESS_EDGE_PEER_H
#define ACCESS_EDGE_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access-edge/policy.h"
#include "access-edge/session.h"
#include "common/base/counter.h"
#include "common/base/list.h"
#include "common/net/resolve.h"
#include "common/net/tls.h"
#include "common/run/loop.h"

struct peer_pool;
struct peer_target;

struct peer_pool_spec {
	struct loop *loop;
	struct session_table *sessions;
	struct resolver *resolver;
	struct tls_watch *tls; /* client role; NULL = nobody is dialled */
	enum origin_door door; /* internal, or partner: outside */
	struct counters *counters;
	bool bind_device;
};

EDGE_MUST int peer_pool_new(struct peer_pool **out,
	const struct peer_pool_spec *spec, const struct policy *p);
void peer_pool_free(struct peer_pool *pool); /* accepts NULL */
/* The next hops of another snapshot; connections to those that stay live
 * on. p is borrowed until the next call. */
EDGE_MUST int peer_pool_apply(struct peer_pool *pool,
	const struct policy *p);
void peer_pool_set_tls(struct peer_pool *pool, struct tls_watch *tls);
/* Once a second: dial, probe, give up waiting. */
void peer_pool_tick(struct peer_pool *pool);

/* Somebody who waits for a connection. Embedded by its owner. */
struct peer_wait;
/* via NULL: no server could be reached; detail says why. */
typedef void(peer_wait_cb)(struct peer_wait *w, struct session *via,
	const char *detail);

#define PEER_TRIED_MAX 8

/* Why nobody could be reached: what happened last. */
enum peer_fault {
	PEER_FAULT_NONE,
	PEER_FAULT_BUSY,    /* too many wait for it already */
	PEER_FAULT_NAME,    /* it has no address */
	PEER_FAULT_ADDRESS, /* none that we may go to */
	PEER_FAULT_CONNECT,
	PEER_FAULT_TLS,
};

struct peer_wait {
	struct list node;
	struct peer_target *target; /* whose connection it waits for */
	struct addr tried[PEER_TRIED_MAX];
	size_t tried_count;
	/* Of the user: the same server always. Outside, of the dialog: the
	 * same connection always. */
	uint64_t hash;
	unsigned slot; /* outside: which of the connections */
	enum peer_fault fault;
	char server[256];           /* "" = any next hop */
	uint16_t port;
	struct mono deadline;
	peer_wait_cb *cb;
};

void peer_wait_init(struct peer_wait *w, peer_wait_cb *cb);
/* The connection to use, or NULL: cb comes later, from the loop. Fill in
 * hash, server and port before. */
struct session *peer_request(struct peer_pool *pool, struct peer_wait *w);
/* No callback after this; fine on one that does not wait. */
void peer_cancel(struct peer_wait *w);

/* Called by whoever gets the session's events. */
void peer_on_ready(struct peer_pool *pool, struct session *s);
void peer_on_end(struct peer_pool *pool, struct session *s,
	enum stream_end end, const char *detail);
/* A request was handed to this session: it should hear something soon. */
void peer_on_sent(struct peer_pool *pool, struct session *s);
/* True when the response answers a probe of ours. */
bool peer_on_response(struct peer_pool *pool, struct session *s,
	const struct sip_msg *m);

/* Name of the server at this address, or NULL. */
const char *peer_server_at(const struct peer_pool *pool,
	const struct addr *a);

/* Facts for GET /v1/next-hops. */
struct peer_info {
	const char *name;
	struct addr addr;
	bool is_down;
	int64_t down_ms; /* how long it still is */
	unsigned connections;
	unsigned connecting;
	uint64_t requests;
	uint64_t failures;
	uint64_t deaf;
	const char *last_error;
};
size_t peer_pool_list(const struct peer_pool *pool, struct peer_info *out,
	size_t cap);
/* At least one server can be used now. */
bool peer_pool_is_up(const struct peer_pool *pool);

#endif
