/*
 * Topology hiding towards partners (docs/protocol/access-edge.md, "Hiding"):
 * the Record-Routes of servers inside travel sealed in ours and come back as
 * Routes; their Vias stay here and are put back on the answer.
 */
#ifndef ACCESS_EDGE_HIDE_H
#define ACCESS_EDGE_HIDE_H

#include "access-edge/flow.h"
#include "access-edge/policy.h"
#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/sip/sip_msg.h"

struct hide {
	const struct policy *policy;
	const struct flow_keys *keys;
	struct wall now;
};

/* Each: 0, -ENOMEM, EDGE_EMALFORMED. */

/* A request to a partner, before our Record-Route is put on: token is what
 * goes into it, "" = nothing is hidden. */
EDGE_MUST int hide_request(struct sip_msg *m, const struct hide *h,
	char token[static FLOW_SEALED_LEN]);
/* The same request with our Via on top. */
EDGE_MUST int hide_vias(struct sip_msg *m, const struct hide *h);
/* A response to a partner: what stands above our Record-Routes. */
EDGE_MUST int hide_response(struct sip_msg *m, const struct hide *h);
/* A response of a partner: below ours stands again what was there. */
EDGE_MUST int hide_show_response(struct sip_msg *m, const struct hide *h);
/* A request of a partner in a dialog: behind our Routes come those that were
 * hidden. */
EDGE_MUST int hide_show_request(struct sip_msg *m, const struct hide *h);

#endif
