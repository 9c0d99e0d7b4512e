/*
 * Where DNS says that a domain's edge is: SRV look-ups of
 * _sipfederationtls._tcp with a bounded memory of the answers. Judges none
 * of them. RFC 2782; RFC 3263 section 4 with rfc3263_fallback.
 */
#ifndef ACCESS_EDGE_DISCOVER_H
#define ACCESS_EDGE_DISCOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/dns_name.h"
#include "common/base/list.h"
#include "common/base/map.h"
#include "common/net/resolve.h"
#include "common/run/loop.h"

#define DISCOVER_TARGETS_MAX 16

struct discover_target {
	char host[DNS_NAME_LEN];
	uint16_t port;
};

struct discover_answer {
	char domain[DNS_NAME_LEN];
	bool is_found;
	bool is_fallback; /* by RFC 3263: the certificate must name the domain
	                   * itself */
	size_t count;     /* in the order to try them */
	struct discover_target targets[DISCOVER_TARGETS_MAX];
	char detail[160]; /* not found: what DNS said */
	int64_t ttl_s;    /* how long it is remembered */
};

struct discover;

/* Somebody who waits for an answer. Embedded by its owner. */
struct discover_wait;
typedef void(discover_cb)(struct discover_wait *w,
	const struct discover_answer *answer);
struct discover_wait {
	struct list node;
	discover_cb *cb;
};

EDGE_MUST int discover_new(struct discover **out, struct loop *loop,
	struct resolver *resolver);
/* Nobody is called back any more. Accepts NULL. */
void discover_free(struct discover *d);
/* From now on. What is remembered counts anew with another way to look. */
void discover_set(struct discover *d, size_t records_max, bool fallback);

/* What is remembered and still fresh, or NULL. Valid until the loop. */
const struct discover_answer *discover_find(struct discover *d,
	struct str domain);
/* Ask DNS; cb comes from the loop. domain is a name (partner_domain_take).
 * On failure nobody is called. */
EDGE_MUST int discover_ask(struct discover *d, struct str domain,
	struct discover_wait *w, discover_cb *cb);
void discover_cancel(struct discover_wait *w); /* fine when it waits not */
/* Forget what is known of a domain, or of all below one
 * (partner_pattern_take). */
void discover_forget(struct discover *d, struct str what);
size_t discover_count(const struct discover *d);

#endif
