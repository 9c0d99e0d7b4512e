/*
 * One GET over plain HTTP, for revocation lists: name looked up outside,
 * answer bounded in size and time. The body is for whoever checks its
 * signature; nothing else may be asked this way.
 */
#ifndef NET_HTTP_GET_H
#define NET_HTTP_GET_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/net/resolve.h"
#include "common/run/loop.h"

struct http_get;

/* body is borrowed for the call, NULL on failure; detail says why. */
typedef void(http_get_cb)(const void *body, size_t len, const char *detail,
	void *arg);
/* From within it: the memory that the body lies in is the caller's now, to be
 * freed by free(). */
void *http_get_keep(struct http_get *get);

struct http_get_spec {
	struct loop *loop;
	struct resolver *resolver;
	const char *url;    /* http://host[:port]/path */
	struct addr local;  /* to leave from; unset = any */
	bool bind_device;
	size_t max;         /* bytes of the body */
	int64_t timeout_ms; /* for all of it */
	/* May this address be asked? */
	bool (*may_ask)(const struct addr *a, void *arg);
	http_get_cb *cb;
	void *arg;
};

/* cb is called once, from the loop, unless it is cancelled before. */
EDGE_MUST int http_get_new(struct http_get **out,
	const struct http_get_spec *spec);
void http_get_cancel(struct http_get *get); /* accepts NULL */

/* The url's parts; EDGE_EMALFORMED. host has no brackets. */
struct http_url {
	struct str host;
	uint16_t port;
	struct str path; /* "/" when there is none */
};
EDGE_MUST int http_url_parse(struct str text, struct http_url *out);

/* A whole answer to HTTP/1.0: 0 and its body, 1 when more is to come (at the
 * end of the stream: EDGE_EMALFORMED), EDGE_EMALFORMED, EDGE_EREFUSED (no
 * 200; *status is set), EDGE_ETOOBIG. */
EDGE_MUST int http_answer(struct str text, bool is_eof, size_t max,
	unsigned *status, struct str *body);

#endif
