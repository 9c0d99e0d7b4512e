/* A warm connection to an edge: waits for one client, and is its own. */
#ifndef WEBCONF_CONNECTOR_SLOT_H
#define WEBCONF_CONNECTOR_SLOT_H

#include "common/base/attr.h"
#include "common/base/list.h"
#include "webconf-edge/connector/warm.h"

struct slot;

/* In the list of this edge's slots, warm->slots. */
EDGE_MUST int slot_new(struct warm *w, uint64_t id);
void slot_free(struct slot *s);
struct slot *slot_of(struct list *at);
/* Close it unless a client is on its way. */
void slot_retire(struct slot *s);

#endif
