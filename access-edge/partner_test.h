/*
 * A test of one partner on an administrator's behalf: the whole way of a
 * request that goes out, with an OPTIONS of our own at its end, and what
 * each step found.
 */
#ifndef ACCESS_EDGE_PARTNER_TEST_H
#define ACCESS_EDGE_PARTNER_TEST_H

#include <stdint.h>

#include "access-edge/edge.h"
#include "common/base/attr.h"
#include "common/base/str.h"

struct partner_test;

/* The last call; the test is gone when it returns. */
typedef void(partner_test_cb)(const struct federate_plan *plan,
	const char *server, int64_t took_ms, void *arg);

/* domain and proxy (the partner's edge, "" = as configured) are borrowed for
 * the call. EDGE_EBUSY: too many at once. Never calls back inside. */
EDGE_MUST int partner_test_begin(struct edge *edge, struct str domain,
	struct str proxy, partner_test_cb *cb, void *arg);
/* True when the response answers a test of ours. */
bool partner_test_on_response(struct edge *edge, const struct session *s,
	const struct sip_msg *m);
/* Without calling back. */
void partner_test_end_all(struct edge *edge);

#endif
