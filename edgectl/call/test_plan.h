/*
 * What a synthetic test is to do: both ends with their servers, names and
 * passwords, from options first and from edge.yaml and the topology where
 * they say nothing.
 */
#ifndef EDGECTL_TEST_PLAN_H
#define EDGECTL_TEST_PLAN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/why.h"
#include "common/run/conf.h"
#include "common/store/topology.h"
#include "edgectl/cmd.h"
#include "edgectl/secret.h"

/* One end of the call. */
struct test_end {
	char aor[320];        /* "" = not part of this test */
	char secret[SECRET_LEN];
	const char *password; /* NULL = none, or secret */
	struct addr local;    /* to send from; unset = any */
	struct addr server;
	char server_name[256];
	char route[320];      /* outbound proxy, "" = none */
	char trust[PATH_MAX]; /* "" = the system's bundle */
	const char *location; /* "internet" or "intranet" */
	struct addr relay;    /* unset: as the credentials say */
};

struct test_plan {
	struct test_end outside;
	struct test_end inside;
	char mras_uri[512];
	uint32_t seconds;
	uint32_t timeout_s;
	uint32_t max_loss_percent;
	bool is_reverse;           /* the inside calls */
	const char *inside_trace;  /* file of trace lines, or NULL */
	struct conf *conf;         /* owned; NULL = not readable here */
	struct topology *topology; /* owned; NULL = not here */
};

/* needs_inside: a whole call. Tells which option would help when something
 * is not known. */
EDGE_MUST int test_plan_make(struct test_plan *plan,
	const struct cmd_call *call, bool needs_inside, struct why *why);
void test_plan_fini(struct test_plan *plan);

/* Host and port as the credentials name a relay, to an address: topology,
 * resolver.hosts, then the system's resolver. */
EDGE_MUST int test_plan_resolve(const struct test_plan *plan, const char *host,
	uint16_t port, struct addr *out, struct why *why);

#endif
