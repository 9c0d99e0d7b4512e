/*
 * Where a request goes: a pure function of its Routes and Request-URI, the
 * side it came from, and what can be asked about connections and servers
 * (docs/protocol/access-edge.md, "Routing").
 */
#ifndef ACCESS_EDGE_ROUTE_H
#define ACCESS_EDGE_ROUTE_H

#include "access-edge/flow.h"
#include "access-edge/origin.h"
#include "access-edge/policy.h"
#include "access-edge/verdict.h"
#include "common/base/clock.h"
#include "common/sip/sip_msg.h"

/* What route must know of the world, asked through functions. */
struct route_world {
	/* The address of a client's connection that is open, or NULL. */
	const struct addr *(*client)(const void *arg, uint64_t cid);
	/* Name that the certificate of a partner's open connection has, or
	 * NULL. */
	const char *(*partner)(const void *arg, uint64_t cid);
	/* Name of the inside server at this address, or NULL. */
	const char *(*server_at)(const void *arg, const struct addr *a);
	const void *arg;
};

struct route_in {
	const struct policy *policy;
	const struct flow_keys *keys;
	const struct origin *from;
	struct wall now;
	struct route_world world;
};

enum route_to {
	ROUTE_TO_NEXT_HOP, /* any server of the pool */
	ROUTE_TO_SERVER,   /* this one, by name */
	ROUTE_TO_CLIENT,   /* this connection */
	ROUTE_TO_PARTNER,  /* this domain: federate.c says whether and how */
};

struct route {
	enum route_to to;
	/* Of the server; for a partner, of what the next Route names, "" =
	 * nothing. */
	char server[256];
	uint16_t port;
	uint64_t cid; /* of the client; of the partner, 0 = any connection */
	bool is_in_dialog; /* partner: Routes of ours say so */
	bool in_own_dialog; /* the token of the sender's own connection */
	size_t own_routes; /* values on top to take away before sending */
	bool is_strict;    /* the next Route has no lr: swap (16.6 step 6) */
};

/* PASS and *out, or what to answer. */
struct verdict route_decide(struct sip_msg *m, const struct route_in *in,
	struct route *out);

/* RFC 3261 section 16.4: a strict router upstream put our Record-Route into
 * the Request-URI. Edits m and parses the new Request-URI; 0 or
 * EDGE_EMALFORMED, -ENOMEM. */
EDGE_MUST int route_repair(struct sip_msg *m, const struct policy *policy);

/* Does this request of a partner show that it belongs to a dialog which came
 * through here: a tag in To, and in a Route of ours the token that every
 * dialog with a partner is given? */
bool route_is_in_dialog(struct sip_msg *m, const struct route_in *in);

#endif
