/*
 * What people are told: one line in the log for each refused or failed
 * request and each connection that ended, with the rule and the line of the
 * configuration that decided, and the same in the memory that
 * `edgectl explain` asks.
 */
#ifndef ACCESS_EDGE_REPORT_H
#define ACCESS_EDGE_REPORT_H

#include "access-edge/edge.h"
#include "access-edge/verdict.h"

/* A request that was not let in. */
void report_refused(const struct edge *edge, const struct session *s,
	const struct sip_msg *m, const struct verdict *v);
/* One that was, and met its end on the way. */
void report_failed(const struct edge *edge, const struct session *s,
	const struct txn *txn, const struct verdict *v);
/* A connection that was not even taken; setting may be NULL. */
void report_not_taken(const struct edge *edge, const struct addr *remote,
	const char *rule, const char *setting);
void report_ended(const struct edge *edge, const struct session *s,
	enum stream_end end, const char *detail);

#endif
