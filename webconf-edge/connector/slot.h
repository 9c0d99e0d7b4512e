/* A warm connection to an edge: waits, is paired, becomes a relay. */
#ifndef WEBCONF_CONNECTOR_SLOT_H
#define WEBCONF_CONNECTOR_SLOT_H

#include "common/base/attr.h"
#include "common/base/list.h"
#include "webconf-edge/connector/upstream.h"

struct slot;

EDGE_MUST int slot_new(struct upstream *u, uint64_t id);
void slot_free(struct slot *s);
struct slot *slot_of(struct list *at); /* upstream_slots() */
/* Carries a client now. */
bool slot_is_session(const struct slot *s);
/* Close it unless it carries a client. */
void slot_retire(struct slot *s);

#endif
