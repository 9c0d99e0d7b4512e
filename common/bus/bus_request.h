/* What bus_server.c and the answering half of the bus share; nobody else
 * includes this. */
#ifndef BUS_REQUEST_H
#define BUS_REQUEST_H

#include "common/base/list.h"
#include "common/bus/bus_match.h"
#include "common/bus/bus_route.h"
#include "common/bus/http_ask.h"
#include "common/run/loop.h"

struct evhttp_request;

/* Answered later, perhaps: so it outlives the connection and the server. */
struct bus_request {
	struct list node; /* in the server's list of unanswered ones */
	struct http_ask ask;
	struct loop *loop;
	struct bus_match match;
};

/* Watches the connection until it is answered. -ENOMEM. */
EDGE_MUST int bus_request_new(struct bus_request **out,
	struct evhttp_request *ev, struct loop *loop, struct list *requests);
/* Without an answer: it was given, or became a stream. */
void bus_request_free(struct bus_request *req);

#endif
