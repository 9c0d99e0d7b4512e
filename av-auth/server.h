/*
 * The inside port of av-auth: listeners of the topology, the sessions on
 * them, who may stay when the topology changes.
 */
#ifndef AV_AUTH_SERVER_H
#define AV_AUTH_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "av-auth/service.h"
#include "common/base/attr.h"
#include "common/base/counter.h"
#include "common/base/list.h"
#include "common/base/why.h"
#include "common/net/listener.h"
#include "common/net/tls.h"
#include "common/run/loop.h"
#include "common/store/topology.h"

/* Twice what a topology can ask for: old and new ones at a change. */
#define SERVER_PORTS_MAX 8

struct server_port {
	struct server *server;     /* borrowed: for the listener's callback */
	struct listener *listener; /* owned, NULL = this row is free */
	struct addr asked;         /* as the topology says */
	uint32_t id;               /* never used twice */
	bool is_wanted;
	bool is_fresh;
};

struct server {
	struct loop *loop;           /* borrowed, as the next three */
	struct service *service;
	struct tls_watch *tls;
	struct counters *counters;
	struct topology *topology;   /* a reference */
	struct server_port ports[SERVER_PORTS_MAX];
	uint32_t last_port_id;
	struct list sessions;
	size_t session_count;
	uint64_t last_session_id;
	bool is_accepting;
	bool is_draining;
};

/* Fill in the borrowed members first. */
void server_init(struct server *s);
void server_fini(struct server *s);

/* Bind what this snapshot asks for and close what it does not; on failure
 * all is as before. New ports accept at once when others do. */
EDGE_MUST int server_listen(struct server *s, const struct topology *t,
	struct why *why);
/* Admit by this snapshot from now on; sessions of servers that lost the
 * right end. */
void server_trust(struct server *s, struct topology *t);
/* Other authorities may be trusted now: sessions whose peers lead to none of
 * them end. */
void server_review(struct server *s);
EDGE_MUST int server_start(struct server *s, struct why *why);
/* On: close the ports, and each session when nothing is unfinished. Off:
 * open the ports again; one that can't be opened is told in the log. */
void server_drain(struct server *s, bool on);
/* Is the port that the topology asks for open? */
bool server_is_open(struct server *s, const struct addr *asked);
/* A session of this port has ended: for session.c. */
void server_gone(struct server *s, uint32_t port_id,
	const struct addr *remote);
/* Who is connected; NULL when out of memory. */
json_t *server_json(const struct server *s);

#endif
