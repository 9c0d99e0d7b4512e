/* One connection of an inside server: admission, framing, keep-alive. */
#ifndef AV_AUTH_SESSION_H
#define AV_AUTH_SESSION_H

#include <jansson.h>

#include "av-auth/server.h"
#include "common/base/addr.h"
#include "common/base/attr.h"

struct session;

/* fd is taken, also on failure. */
EDGE_MUST int session_new(struct server *server,
	const struct server_port *port, int fd, const struct addr *remote);
/* At once, without a word. */
void session_free(struct session *s);

struct session *session_of(struct list *at);
/* Does its certificate still have the right? Else it ends. */
void session_review(struct session *s, const struct topology *t);
/* Ends when none of the authorities trusted now stands behind its peer. */
void session_review_chain(struct session *s, struct tls_ctx *ctx);
/* End it once nothing is unfinished. */
void session_retire(struct session *s);
json_t *session_json(const struct session *s);

#endif
