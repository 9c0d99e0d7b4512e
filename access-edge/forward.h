/*
 * Requests: from a session through admit and route to where they go
 * (RFC 3261 section 16.2 to 16.6), and what becomes of those on their way.
 */
#ifndef ACCESS_EDGE_FORWARD_H
#define ACCESS_EDGE_FORWARD_H

#include "access-edge/edge.h"
#include "access-edge/verdict.h"

/* A request that parsed. m is edited on the way. */
void forward_request(struct edge *edge, struct session *s,
	struct sip_msg *m);
/* Answer the request of a transaction that can't go on; an INVITE's waits
 * for its ACK, others are gone after this. */
void forward_fail(struct edge *edge, struct txn *txn,
	const struct verdict *v);
/* Send the CANCEL of a transaction that wants one; once. */
void forward_cancel(struct edge *edge, struct txn *txn);

/* Transactions past their moment (txn_sweep), and those of a connection
 * that ended. */
void forward_on_trying(struct txn *txn, void *edge);
void forward_on_deadline(struct txn *txn, void *edge);
void forward_connection_lost(struct edge *edge, uint64_t cid);

#endif
