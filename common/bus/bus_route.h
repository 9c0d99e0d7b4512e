/*
 * One table per daemon gives path, method, rights and help of what can be
 * asked over its control bus (docs/protocol/control-bus.md). The server
 * dispatches by it, `edgectl` and the completeness tests read it.
 */
#ifndef BUS_ROUTE_H
#define BUS_ROUTE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"

enum bus_right {
	BUS_READ,   /* group sallyport, reading socket */
	BUS_CHECK,  /* group sallyport-admin and the agent: check, reload */
	BUS_CHANGE, /* root and group sallyport-admin, admin socket */
};

struct bus_request; /* one request being answered */

/* state is the pointer given to bus_server_new with the table (in a daemon's
 * own table: what its start() made). The handler answers exactly
 * once, now or later from the loop, by bus_reply_* or bus_stream_*. */
typedef void(bus_handler)(struct bus_request *req, void *state);

struct bus_route {
	const char *method; /* "GET" or "POST" */
	const char *path;   /* "/v1/status" */
	enum bus_right right;
	const char *const *fields; /* JSON body fields, NULL-terminated */
	const char *help;
	bus_handler *handler;
};

/* The body of a POST as an object (never NULL, {} when empty), borrowed. */
const json_t *bus_body(const struct bus_request *req);
/* A query parameter of the path, "" when absent, borrowed. */
const char *bus_query(const struct bus_request *req, const char *name);

/* Takes body, also on failure. status: 200, 400, 403, 404, 405, 409, 503. */
void bus_reply(struct bus_request *req, int status, json_t *body);
/* {"error": code name, "text": text} */
void bus_reply_error(struct bus_request *req, int status, const char *code,
	const char *fmt, ...) EDGE_PRINTF(4, 5);
void bus_reply_text(struct bus_request *req, const char *content_type,
	const char *text);

/* A stream of newline-delimited JSON; lives until the client goes or
 * bus_stream_end. on_gone may be NULL; it is called from the loop or from
 * bus_server_free, never from bus_stream_line, and the stream is freed when
 * it returns. NULL = the client is gone already; the request is answered in
 * any case. Takes line. Slow readers are cut. */
struct bus_stream;
struct bus_stream *bus_stream_start(struct bus_request *req,
	void (*on_gone)(struct bus_stream *s, void *arg), void *arg);
void bus_stream_line(struct bus_stream *s, json_t *line);
void bus_stream_end(struct bus_stream *s);

#endif
