/*
 * Names to addresses over c-ares: resolver.hosts of edge.yaml first, then
 * /etc/hosts and the inside's name servers for inside names, the outside's
 * for all others. Every answer is bounded and checked.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/conf.h"
#include "common/run/loop.h"

struct resolver;
struct resolve_query;

enum resolve_side {
	RESOLVE_INSIDE,
	RESOLVE_OUTSIDE,
};

#define RESOLVE_ADDRS_MAX 16

/* addrs is borrowed for the call; err: EDGE_EUNKNOWN no such name,
 * -ETIMEDOUT, EDGE_EPEER. On success count > 0. */
typedef void(resolve_cb)(int err, const struct addr *addrs, size_t count,
	const char *detail, void *arg);

struct resolve_srv {
	char target[256];
	uint16_t port;
	uint16_t priority;
	uint16_t weight;
	uint32_t ttl_s;
};
typedef void(resolve_srv_cb)(int err, const struct resolve_srv *rows,
	size_t count, const char *detail, void *arg);
typedef void(resolve_name_cb)(int err, const char *name, const char *detail,
	void *arg);

/* conf is borrowed and must outlive the resolver. local_outside: address
 * that queries to the outside leave from, or unset. */
EDGE_MUST int resolver_new(struct resolver **out, struct loop *loop,
	const struct conf *conf, const struct addr *local_outside,
	struct why *why);
void resolver_free(struct resolver *r); /* queries end without callback */

/* Literals and resolver.hosts are answered too, always from the loop and
 * never inside this call. A and AAAA, in the order the servers gave. */
EDGE_MUST int resolve_host(struct resolve_query **out, struct resolver *r,
	const char *name, uint16_t port, enum resolve_side side,
	resolve_cb *cb, void *arg);
/* Rows sorted by priority, weights applied at random (RFC 2782). */
EDGE_MUST int resolve_srv(struct resolve_query **out, struct resolver *r,
	const char *name, enum resolve_side side, resolve_srv_cb *cb,
	void *arg);
/* Where to look for the domain's SRV records: the NAPTR record of this
 * service, "SIPS+D2T", that counts first (RFC 3263 section 4.1). */
EDGE_MUST int resolve_naptr(struct resolve_query **out, struct resolver *r,
	const char *domain, const char *service, enum resolve_side side,
	resolve_name_cb *cb, void *arg);
/* No callback after this; not to be called once it was answered. */
void resolve_cancel(struct resolve_query *q); /* accepts NULL */

#endif
