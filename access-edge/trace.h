/*
 * The live ladder: one JSON line for each message that passes, to whoever
 * reads GET /v1/trace. Bodies and credentials are never shown.
 */
#ifndef ACCESS_EDGE_TRACE_H
#define ACCESS_EDGE_TRACE_H

#include <stdbool.h>

#include "access-edge/session.h"
#include "common/base/list.h"
#include "common/bus/bus_route.h"
#include "common/sip/sip_msg.h"

struct trace {
	struct list readers;
};

enum trace_way {
	TRACE_IN,
	TRACE_OUT,
};

void trace_init(struct trace *t);
void trace_fini(struct trace *t);
/* Answers req with a stream. */
void trace_add_reader(struct trace *t, struct bus_request *req);
bool trace_is_on(const struct trace *t);
void trace_message(struct trace *t, const struct session *s,
	enum trace_way way, const struct sip_msg *m);
/* Bytes that we made ourselves. */
void trace_text(struct trace *t, const struct session *s,
	const char *text, size_t len);

#endif
