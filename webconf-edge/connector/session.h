/*
 * One client: from the edge's question whether it may come, over the target,
 * to the end of the relay. Over which kind of connection is its owner's
 * affair until it is joined.
 */
#ifndef WEBCONF_CONNECTOR_SESSION_H
#define WEBCONF_CONNECTOR_SESSION_H

#include "common/base/attr.h"
#include "common/net/leg.h"
#include "common/wce/wce_frame.h"
#include "webconf-edge/connector/upstream.h"

struct session;

struct session_ops {
	/* The target stands: say yes to the edge, then session_join(). */
	void (*on_ready)(struct session *s, void *arg);
	/* The last call: the target can't be reached, say no. */
	void (*on_refused)(enum wce_code code, void *arg);
};

/* Checks the ticket and dials the target. WCE_E_NONE, or what the edge is
 * to hear; then there is no session. */
EDGE_MUST enum wce_code session_new(struct session **out, struct upstream *u,
	const struct wce_fields *fields, const struct session_ops *ops,
	void *arg);
/* The owner is out of it from now on; the leg is taken in any case. */
void session_join(struct session *s, struct leg edge);
/* At once; the owner, if it still has one, hears nothing. */
void session_free(struct session *s);
/* Those of one edge. */
void sessions_free(struct connector *c, const struct upstream *u);

#endif
