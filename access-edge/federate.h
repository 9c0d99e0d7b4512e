/*
 * May this pass between us and another organisation, and to whom does it go?
 * The two orders of checks, as pure functions of the policy, what the
 * certificate says and what DNS said; every step with its finding
 * (docs/protocol/access-edge.md, "Federation").
 */
#ifndef ACCESS_EDGE_FEDERATE_H
#define ACCESS_EDGE_FEDERATE_H

#include <stdbool.h>
#include <stddef.h>

#include "access-edge/discover.h"
#include "access-edge/federate_report.h"
#include "access-edge/partner.h"
#include "access-edge/policy.h"
#include "access-edge/verdict.h"
#include "common/base/str.h"
#include "common/net/tls_names.h"

/* What comes in from another organisation. */
struct federate_in {
	const struct policy *policy;
	const struct tls_names *names;
	/* Host of the first P-Asserted-Identity SIP URI, else of From. */
	struct str sender;
	struct str from; /* host of From, "" = it has none */
	/* NULL = DNS was not asked. */
	const struct discover_answer *srv;
	struct str recipient; /* host of the Request-URI */
	struct str to;        /* host of To */
	bool has_maddr;       /* the Request-URI has one */
	bool is_in_dialog;    /* route_is_in_dialog() */
	struct str method;
};

/* What goes out to another organisation. */
struct federate_out {
	const struct policy *policy;
	struct str domain;
	/* The next Route's server: "" = none. In a dialog of ours the other
	 * side has put it there under a name that need not be its edge's. */
	struct str server;
	uint16_t server_port;
	bool is_in_dialog;
	const struct discover_answer *srv;
	struct str method;
};

#define FEDERATE_TARGETS_MAX 8

struct federate_plan {
	enum federate_result result; /* PASSED, REFUSED or ASK */
	enum federate_step step;     /* REFUSED: the one that did */
	struct verdict verdict;      /* REFUSED */
	struct partner partner;      /* PASSED */
	/* out, PASSED: servers in the order to try them. Their certificate
	 * must name the host, or the domain when it may or must. */
	size_t target_count;
	struct discover_target targets[FEDERATE_TARGETS_MAX];
	bool may_name_domain;
	bool must_name_domain;
	struct federate_report report;
};

void federate_inbound(const struct federate_in *in,
	struct federate_plan *out);
void federate_outbound(const struct federate_out *in,
	struct federate_plan *out);

/* Refused for who it is, not for what it asked. */
bool federate_is_stranger(const struct federate_plan *plan);

/* Does the certificate that a dialled server has shown prove it to be this
 * plan's n-th target? */
bool federate_is_server(const struct federate_plan *plan, size_t n,
	const struct policy *policy, const struct tls_names *names);

#endif
