/*
 * Requests to the agents of edges, many at once, over HTTPS with both ends'
 * certificates: libcurl's multi interface, turned by whoever waits for the
 * answers.
 */
#ifndef EDGECTL_PUBLISH_EDGE_CALL_H
#define EDGECTL_PUBLISH_EDGE_CALL_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "edgectl/publish/publish_conf.h"

struct edge_calls;

struct edge_target {
	char fqdn[256]; /* its certificate has this name or the pool's */
	char pool[256];
	char address[64]; /* numeric, on the inside */
	uint16_t port;
};

struct edge_reply {
	int err;     /* 0 = there is a status; else EDGE_EPEER with why */
	struct why why;
	long status; /* of HTTP */
	json_t *body;            /* borrowed; NULL = none */
	const char *certificate; /* borrowed PEM of the edge's; or NULL */
};

typedef void(edge_call_cb)(void *arg, size_t tag,
	const struct edge_reply *reply);

struct edge_call {
	const char *method; /* GET, PUT, POST */
	const char *path;
	const void *body; /* borrowed until the answer; NULL = none */
	size_t len;
	const char *type;    /* Content-Type */
	const char *version; /* Edge-Version, or NULL */
	edge_call_cb *done;
	void *arg;
	size_t tag;
};

EDGE_MUST int edge_calls_new(struct edge_calls **out,
	const struct publish_conf *conf, struct why *why);
/* What is under way ends without an answer. */
void edge_calls_free(struct edge_calls *calls); /* accepts NULL */
/* Copies what it needs but the body. */
EDGE_MUST int edge_calls_start(struct edge_calls *calls,
	const struct edge_target *target, const struct edge_call *call);
size_t edge_calls_count(const struct edge_calls *calls);
/* Wait at most so long for the network or fd (-1 = none); answers are told
 * from here. */
void edge_calls_turn(struct edge_calls *calls, int fd, int max_wait_ms);
/* Bytes sent and received so far, for figures. */
uint64_t edge_calls_bytes(const struct edge_calls *calls);

#endif
