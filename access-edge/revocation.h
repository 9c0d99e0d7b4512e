/*
 * Revoked certificates of partners: lists are fetched in the background and
 * kept up to date; until one is here its certificates count as good, and
 * the connections of one that turns out to be listed are ended.
 */
#ifndef ACCESS_EDGE_REVOCATION_H
#define ACCESS_EDGE_REVOCATION_H

#include <stdbool.h>
#include <stddef.h>

#include "access-edge/policy.h"
#include "common/base/attr.h"
#include "common/base/counter.h"
#include "common/net/resolve.h"
#include "common/net/stream.h"
#include "common/run/loop.h"

struct revocation;

struct revocation_spec {
	struct loop *loop;
	struct resolver *resolver;
	struct counters *counters;
	bool bind_device;
	void (*on_news)(void *arg); /* a list came: look at peers again */
	void *arg;
};

/* policy is borrowed and may change in place. */
EDGE_MUST int revocation_new(struct revocation **out,
	const struct revocation_spec *spec, const struct policy *policy);
void revocation_free(struct revocation *r); /* accepts NULL */

/* Is a certificate of this peer's chain on its issuer's list? Begins to
 * fetch what is missing. */
#define REVOCATION_DETAIL_LEN 160
bool revocation_is_listed(struct revocation *r, const struct stream *s,
	char detail[static REVOCATION_DETAIL_LEN]);
/* Once a second: lists near their end are fetched anew. */
void revocation_tick(struct revocation *r);
size_t revocation_lists(const struct revocation *r);

#endif
