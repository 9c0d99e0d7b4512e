/*
 * The HTTPS server on 4443: ports on the inside, mutual TLS, evhttp. What is
 * asked and answered is api.c's affair.
 */
#ifndef AGENT_HTTPS_H
#define AGENT_HTTPS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"
#include "replication-agent/guest.h"

struct evhttp_request;
struct https;

#define HTTPS_PORTS_MAX 4u

struct https_spec {
	struct loop *loop;
	struct tls_watch *tls;
	struct guest_limits limits;
	guest_right_cb *has_right;
	guest_event_cb *on_event;
	/* A whole request over TLS; ssl is its connection's. */
	void (*on_request)(struct evhttp_request *ev, SSL *ssl, void *arg);
	void *arg;
};

struct https_port {
	struct addr address;
	char device[16];
	bool is_open;
};

EDGE_MUST int https_new(struct https **out, const struct https_spec *spec,
	struct why *why);
void https_free(struct https *h); /* accepts NULL; answers go nowhere then */

/* These ports and no others; all or nothing. Nobody is accepted before
 * https_start(). */
EDGE_MUST int https_listen(struct https *h, const struct addr *addrs,
	size_t count, bool bind_device, struct why *why);
EDGE_MUST int https_start(struct https *h, struct why *why);
/* Drain: the ports stay bound, and nobody new is taken. */
void https_pause(struct https *h, bool is_paused);
void https_set_limits(struct https *h, const struct guest_limits *limits);
size_t https_ports(const struct https *h, struct https_port *out, size_t cap);
size_t https_connections(const struct https *h);

#endif
