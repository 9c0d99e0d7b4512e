/*
 * How many connections one socket of the bus has, and the bound on them:
 * whoever may read status must not be able to use up the descriptors that
 * the daemon serves with (threat S18), nor to keep other readers out.
 */
#ifndef BUS_GUESTS_H
#define BUS_GUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/attr.h"
#include "common/run/loop.h"

#define BUS_GUESTS_MAX 64
/* From so many on each new one costs the user with the most connections its
 * oldest. */
#define BUS_GUESTS_CROWD 48

struct bufferevent;
struct evconnlistener;
struct evhttp;

struct bus_guest {
	struct bufferevent *bev; /* a reference */
	uid_t uid;               /* (uid_t)-1 = not asked yet */
	bool is_shut;            /* given notice */
};

struct bus_guests {
	struct loop *loop;               /* borrowed */
	struct evconnlistener *listener; /* borrowed from evhttp */
	struct loop_timer *timer;        /* owned; looks again when full */
	struct bus_guest at[BUS_GUESTS_MAX]; /* oldest first */
	size_t count;
};

/* From now on http's connections are counted, and the next one waits in the
 * backlog while there are too many. -ENOMEM. */
EDGE_MUST int bus_guests_init(struct bus_guests *guests, struct loop *loop,
	struct evhttp *http, struct evconnlistener *listener);
/* After evhttp_free(). Accepts what was never initialised but zero. */
void bus_guests_fini(struct bus_guests *guests);

#endif
