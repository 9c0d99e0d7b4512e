/*
 * A request on its way to a partner: DNS asked, servers dialled one after
 * the other, what they show checked. Ends with a connection or with a
 * verdict that says why there is none; holds nobody else up.
 */
#ifndef ACCESS_EDGE_OUTBOUND_H
#define ACCESS_EDGE_OUTBOUND_H

#include "access-edge/federation.h"
#include "common/base/attr.h"

struct outbound;
/* The last call. via NULL: outbound_plan() is REFUSED and says why. */
typedef void(outbound_cb)(struct outbound *o, struct session *via,
	void *arg);

struct outbound_spec {
	struct federation *federation;
	const struct federate_plan *plan; /* PASSED or ASK */
	struct str server; /* as federate_outbound was asked */
	uint16_t server_port;
	bool is_in_dialog;
	struct str method;
	struct str call_id;
	uint64_t hash; /* of the dialog */
	outbound_cb *cb;
	void *arg;
};

EDGE_MUST int outbound_new(struct outbound **out,
	const struct outbound_spec *spec);
/* May call back at once. */
void outbound_start(struct outbound *o);
/* No call after this; may be done from within one. Accepts NULL. */
void outbound_free(struct outbound *o);
const struct federate_plan *outbound_plan(const struct outbound *o);
/* The server that was reached, or tried last. */
const char *outbound_server(const struct outbound *o);

#endif
