/*
 * Connections on 4443: how many there may be, and how long each may take to
 * shake hands, to send its header, to send its whole request. evhttp's own
 * timeouts count silence only.
 */
#ifndef AGENT_GUEST_H
#define AGENT_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/net/tls.h"
#include "common/run/loop.h"

struct bufferevent;
struct evhttp;

#define GUESTS_MAX 16u
/* From so many on, who has not shown a certificate with the right gets
 * GUESTS_HASTE_MS and no more: silent ones keep no publisher out. */
#define GUESTS_CROWD    8u
#define GUESTS_HASTE_MS 2000

/* What became of a connection, for counters. */
enum guest_event {
	GUEST_CAME,
	GUEST_TLS_LATE,    /* no handshake in time */
	GUEST_HEADER_LATE,
	GUEST_BODY_LATE,
	GUEST_NO_RIGHT,    /* sends a body, and has no right to */
	GUEST_CROWDED,     /* a slow stranger, while there were many */
	GUEST_FLOODED,     /* messages of TLS itself, and nothing else */
};

struct guest_limits {
	int64_t handshake_ms;
	int64_t header_ms;
	int64_t request_ms;
	size_t no_right_max; /* bytes from who has no right */
};

/* May this certificate bring bundles? */
typedef bool(guest_right_cb)(SSL *ssl, void *arg);
typedef void(guest_event_cb)(enum guest_event what, void *arg);
/* Stop accepting, or go on: what is in the backlog waits. */
typedef void(guest_full_cb)(bool is_full, void *arg);

struct guest;

struct guests {
	struct loop *loop;
	struct tls_watch *tls;           /* borrowed */
	struct loop_timer *timer;        /* owned */
	struct guest_limits limits;
	guest_right_cb *has_right;
	guest_event_cb *on_event;
	guest_full_cb *on_full;
	void *arg;
	struct guest *rows[GUESTS_MAX]; /* owned */
	size_t count;
};

/* From now on http's connections are TLS, counted and timed. */
EDGE_MUST int guests_init(struct guests *g, struct evhttp *http);
/* After evhttp_free(). */
void guests_fini(struct guests *g);

/* A whole request has come on this connection, and is being answered. */
void guests_asked(struct guests *g, const struct bufferevent *bev);

#endif
