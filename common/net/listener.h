/*
 * A listening TCP socket, bound to the device that carries its address
 * (threat S19), with limits: in all, per source prefix, new ones a second.
 * Pauses when descriptors run out and says so once.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/net/device.h"
#include "common/run/loop.h"

struct listener;

struct listener_spec {
	struct addr address;
	bool bind_device;      /* false only with lab: both sides on one */
	unsigned max_open;     /* 0 = no limit */
	unsigned max_per_source;
	unsigned new_per_s_per_source;
	bool reuse_port;
};

/* fd is the callback's from now on (nonblocking, close-on-exec). The
 * callback's user reports the end of a connection by listener_gone(). */
typedef void(listener_cb)(int fd, const struct addr *remote, void *arg);

/* Bind without listening yet: works with rights, before the sandbox. why
 * names address, port and cause ("in use by pid 812 (nginx)" when that can
 * be seen). */
EDGE_MUST int listener_new(struct listener **out,
	const struct listener_spec *spec, struct why *why);
/* Begin to accept on this loop. */
EDGE_MUST int listener_start(struct listener *l, struct loop *loop,
	listener_cb *cb, void *arg);
/* Instead: let somebody else accept (evhttp, which takes no connection that
 * was accepted for it). The socket, listening, is the caller's; no limit of
 * the spec holds then. A negated errno. */
EDGE_MUST int listener_release(struct listener *l);
/* Asked before each one is accepted: while it says no, those who come wait
 * in the kernel. arg is that of listener_start(). */
typedef bool(listener_gate_cb)(void *arg);
void listener_set_gate(struct listener *l, listener_gate_cb *gate);
void listener_gone(struct listener *l, const struct addr *remote);
/* Close the port; connections live on. */
void listener_stop(struct listener *l);
void listener_free(struct listener *l); /* accepts NULL */

const struct addr *listener_address(const struct listener *l);
const char *listener_device(const struct listener *l); /* "" = not bound */
unsigned listener_open_count(const struct listener *l);
uint64_t listener_refused_count(const struct listener *l);

#endif
