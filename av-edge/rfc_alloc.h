/* The handlers of Allocate and Refresh (RFC 8656 sections 7.2, 8.2). */
#ifndef AV_EDGE_RFC_ALLOC_H
#define AV_EDGE_RFC_ALLOC_H

#include "av-edge/rfc_ask.h"

void rfc_alloc_on_allocate(struct rfc_ask *ask);
void rfc_alloc_on_refresh(struct rfc_ask *ask);

#endif
