/*
 * Responses: back along the transaction they belong to (RFC 3261 section
 * 16.7). One without a transaction goes nowhere (RFC 6026).
 */
#ifndef ACCESS_EDGE_RESPONSE_H
#define ACCESS_EDGE_RESPONSE_H

#include "access-edge/edge.h"

/* A response that parsed. m is edited on the way. */
void response_forward(struct edge *edge, struct session *s,
	struct sip_msg *m);

#endif
