/*
 * Revoked certificates of partners: lists are fetched in the background, read
 * beside the loop and kept up to date. Until one is here its certificates count
 * as good, or, with require_crls_for_peers, whoever shows them waits.
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
	void (*on_news)(void *arg); /* a list came, or could not be had: look
	                             * at peers again */
	void *arg;
};

/* policy is borrowed and may change in place. */
EDGE_MUST int revocation_new(struct revocation **out,
	const struct revocation_spec *spec, const struct policy *policy);
void revocation_free(struct revocation *r); /* accepts NULL */

enum revocation_state {
	REVOCATION_FINE,
	REVOCATION_LISTED,  /* a certificate of the chain was taken back */
	REVOCATION_WAIT,    /* its list is required, and on its way */
	REVOCATION_UNKNOWN, /* its list is required, and can't be had */
};

/* What is known of this peer's chain. Begins to fetch what is missing. */
#define REVOCATION_DETAIL_LEN 160
enum revocation_state revocation_look(struct revocation *r,
	const struct stream *s, char detail[static REVOCATION_DETAIL_LEN]);
/* Once a second: lists near their end are fetched anew. */
void revocation_tick(struct revocation *r);
size_t revocation_lists(const struct revocation *r);

#endif
