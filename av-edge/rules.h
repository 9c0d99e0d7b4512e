/*
 * What is in force: settings, addresses, keys and peer policy in one
 * immutable snapshot, made anew at every change and shared by reference
 * among the shards.
 */
#ifndef AV_EDGE_RULES_H
#define AV_EDGE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"
#include "common/cred/av_key.h"
#include "common/cred/rest_cred.h"
#include "common/net/tls.h"
#include "common/store/topology.h"
#include "av-edge/alternates.h"
#include "av-edge/peer_policy.h"

/* Index of media[] by address family. */
enum rules_family {
	RULES_V4,
	RULES_V6,
	RULES_FAMILY_COUNT,
};

struct rules_media {
	struct addr bind;  /* unset: no relay addresses of this family */
	struct addr shown; /* as peers see it: the NAT's address, or bind */
	char device[16];   /* bound to it; "" = not bound */
	uint16_t port;
	uint32_t port_count;
};

struct rules {
	char realm[256];
	uint32_t default_lifetime_s;
	uint32_t max_lifetime_s;
	uint32_t allocation_lifetime_s;
	uint32_t allocations_per_user;
	uint32_t allocations_per_credential;
	uint32_t allocations_per_minute; /* begun by one user */
	uint32_t user_kbps; /* each direction */
	uint32_t port_kbps;
	uint32_t credential_skew_s;
	uint32_t rest_max_s; /* how far off a rest credential may end */
	uint32_t nonce_lifetime_s;
	uint32_t stranger_rate;
	uint32_t rest_us;
	uint32_t greet_ms; /* TCP: for first bytes and TLS handshake */
	uint32_t void_ms;  /* TCP: for a connection without allocation */
	bool tcp_relays;  /* TCP relay ports are to be had */
	bool turn_tcp_rfc4571; /* the data of [MS-TURN] over TCP is framed */
	uint32_t peer_connections;    /* TCP relays: of one allocation */
	uint32_t connects_per_minute; /* TCP relays: of one user */
	uint32_t connect_ms; /* TCP relays: to connect, and to be bound */
	bool turn_sha256; /* offered to [MS-TURN] clients of version 3 */
	struct rules_media media[RULES_FAMILY_COUNT];
	struct peer_policy peers;
	bool feigns_peers; /* who asks for a denied one is told success */
	struct alternates alternates;
	/* [MS-TURN]: the 401 names our own address, for clients that a load
	 * balancer might send to another edge next time. */
	bool names_itself;
	bool grants_bandwidth; /* [MS-TURNBWM]: whatever is asked for */
	struct av_key_ring keys; /* empty: nothing is granted */
	struct rest_ring rest;   /* empty: no credentials of that kind */
	struct tls_ctx *tls; /* reference; NULL: no TLS on the TCP ports */
	bool is_draining;
};

/* Defaults and nothing else, one reference. -ENOMEM. */
EDGE_MUST int rules_new(struct rules **out);
/* From a topology: settings, relay addresses, suite addresses, the host's
 * network. Keys, secrets, TLS and draining are the caller's to fill in before
 * sharing. */
EDGE_MUST int rules_of_topology(struct rules **out, const struct topology *t,
	struct why *why);
struct rules *rules_ref(struct rules *r);
void rules_unref(struct rules *r); /* accepts NULL; last one frees */

/* How clients of that side reach a listener of ours. */
struct addr rules_shown(const struct rules *r, enum topology_side side,
	const struct addr *listener);

static inline enum rules_family rules_family_of(const struct addr *a)
{
	return a->family == 6 ? RULES_V6 : RULES_V4;
}

#endif
