/*
 * Where the edge is and who it must be, from options and from this
 * machine's own files: for `webconf join` and `test webconf`.
 */
#ifndef EDGECTL_WEBCONF_PLAN_H
#define EDGECTL_WEBCONF_PLAN_H

#include <jansson.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "edgectl/cmd.h"
#include "edgectl/webconf_client.h"

#define WEBCONF_CONNECTOR_SOCKET \
	"/run/sallyport/webconf-connector.admin.sock"

/* --ticket: its text, or @FILE; it names the edge. */
EDGE_MUST int webconf_plan_ticket(struct webconf_way *way, const char *text,
	struct why *why);
/* Options --edge, --name, --trust, --local-address, --conference; what is
 * missing comes from the topology. The ticket is filled in by the caller
 * first: its audience is the name's fallback. */
EDGE_MUST int webconf_plan_way(struct webconf_way *way,
	const struct cmd_call *call, struct why *why);
void webconf_plan_fini(struct webconf_way *way);

/* Ask a connector for a ticket. *reply is the caller's. */
EDGE_MUST int webconf_plan_mint(const struct cmd_call *call, json_t **reply,
	struct why *why);

#endif
