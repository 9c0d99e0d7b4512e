/*
 * How many connections one socket of the bus has, and the bound on them:
 * whoever may read status must not be able to use up the descriptors that
 * the daemon serves with (threat S18).
 */
#ifndef BUS_GUESTS_H
#define BUS_GUESTS_H

#include <stddef.h>

#include "common/base/attr.h"
#include "common/run/loop.h"

#define BUS_GUESTS_MAX 64

struct bufferevent;
struct evconnlistener;
struct evhttp;

struct bus_guests {
	struct loop *loop;               /* borrowed */
	struct evconnlistener *listener; /* borrowed from evhttp */
	struct loop_timer *timer;        /* owned; looks again when full */
	struct bufferevent *at[BUS_GUESTS_MAX]; /* a reference to each */
	size_t count;
};

/* From now on http's connections are counted, and the next one waits in the
 * backlog while there are too many. -ENOMEM. */
EDGE_MUST int bus_guests_init(struct bus_guests *guests, struct loop *loop,
	struct evhttp *http, struct evconnlistener *listener);
/* After evhttp_free(). Accepts what was never initialised but zero. */
void bus_guests_fini(struct bus_guests *guests);

#endif
