/*
 * One request of evhttp that is answered once, now or later, also when its
 * connection has died in between. For the control bus and for HTTPS 4443.
 */
#ifndef BUS_HTTP_ASK_H
#define BUS_HTTP_ASK_H

#include <stdbool.h>
#include <stddef.h>

struct evhttp_request;

struct http_ask {
	struct evhttp_request *ev; /* NULL = its connection is gone */
};

/* The struct must stay where it is until it was answered. */
void http_ask_init(struct http_ask *ask, struct evhttp_request *ev);
bool http_ask_is_gone(const struct http_ask *ask);
/* A header of the answer; the values are copied. */
void http_ask_header(struct http_ask *ask, const char *name,
	const char *value);
/* Answer: evhttp has its request back then. Out of memory: 503, empty. */
void http_ask_answer(struct http_ask *ask, int status, const char *type,
	const char *text, size_t len);
/* "GET", "PUT" ...; "other". */
const char *http_method_name(struct evhttp_request *ev);
const char *http_reason(int status);

#endif
