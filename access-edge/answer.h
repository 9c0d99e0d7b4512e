/*
 * Answers that the edge makes itself, with the headers that belong on them
 * by side (docs/protocol/access-edge.md, "Diagnostics").
 */
#ifndef ACCESS_EDGE_ANSWER_H
#define ACCESS_EDGE_ANSWER_H

#include "access-edge/edge.h"
#include "access-edge/verdict.h"

/* Carry out ANSWER or DROP for a request that came over s. ACK and
 * BENOTIFY are never answered. */
void answer_verdict(struct edge *edge, struct session *s,
	const struct sip_msg *m, const struct verdict *v);
/* Answer the transaction's request. The transaction stays. */
void answer_txn(struct edge *edge, struct txn *txn,
	const struct verdict *v);

#endif
