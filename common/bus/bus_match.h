/*
 * From a request's method, path and body to a row of the tables: a pure
 * function, so that it can be fuzzed without a socket.
 */
#ifndef BUS_MATCH_H
#define BUS_MATCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"
#include "common/bus/bus_route.h"

#define BUS_BODY_MAX  (1u << 20)
#define BUS_DEPTH_MAX 32
#define BUS_QUERY_MAX 16

struct bus_tables {
	const struct bus_route *const *tables; /* borrowed */
	const size_t *counts;
	size_t count;
};

struct bus_call {
	struct str method;
	struct str uri; /* "/v1/status?side=internal" */
	struct str body;
	/* May this peer use routes with that right? */
	bool (*may)(enum bus_right right, const void *arg);
	const void *arg;
};

struct bus_match {
	const struct bus_route *route;
	size_t table; /* the one it is in */
	json_t *query; /* owned object of strings */
	json_t *body;  /* owned object */
	/* When refused: */
	int status;
	const char *code; /* "not_found" */
	struct why why;
};

/* 0, or EDGE_EREFUSED with status, code and text for the answer. */
EDGE_MUST int bus_match_init(struct bus_match *match,
	const struct bus_tables *tables, const struct bus_call *call);
void bus_match_fini(struct bus_match *match);

#endif
