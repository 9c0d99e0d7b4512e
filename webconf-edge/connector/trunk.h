/* A connection to an edge that many clients share, one channel each. */
#ifndef WEBCONF_CONNECTOR_TRUNK_H
#define WEBCONF_CONNECTOR_TRUNK_H

#include "common/base/attr.h"
#include "common/base/list.h"
#include "webconf-edge/connector/warm.h"

struct trunk;

/* In the list of this edge's trunks, warm->trunks. */
EDGE_MUST int trunk_new(struct warm *w, uint64_t id);
/* With everyone on it. */
void trunk_free(struct trunk *t);
struct trunk *trunk_of(struct list *at);
/* Close it when it carries nobody, now or later. */
void trunk_retire(struct trunk *t);

#endif
