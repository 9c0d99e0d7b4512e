/*
 * The keys that machines of one pool share (docs/protocol/replication.md,
 * Pools): made here, kept in the record sealed to the publishers, sealed
 * once for each machine. Readable nowhere else, least of all in a bundle.
 */
#ifndef EDGECTL_PUBLISH_POOL_RING_H
#define EDGECTL_PUBLISH_POOL_RING_H

#include <sqlite3.h>

#include "edgectl/publish/publish_conf.h"
#include "edgectl/publish/record.h"

/* Put what sealed_key needs into the schema of the next topology: envelopes
 * that are there and fit are carried over as they are, the rest is made.
 * Machines whose certificate is not known yet get none; *notes says so, one
 * line each, heap, "" = all have theirs. force: a new key for each pool. */
EDGE_MUST int pool_ring_fill(struct record *r,
	const struct publish_conf *conf, struct sqlite3 *db, bool force,
	char **notes, struct why *why);

/* Is there something to publish although nobody changed the topology: a
 * machine with a new certificate, a key that all have and may be used, one
 * that is too old? *reason says what, "" = nothing. is_done: the newest
 * publication is on all machines. */
EDGE_MUST int pool_ring_due(struct record *r, const struct publish_conf *conf,
	struct sqlite3 *db, bool is_done, char *reason, size_t cap,
	struct why *why);

/* Our certificate into the record, so that the others seal to us too. */
EDGE_MUST int pool_ring_register(struct record *r,
	const struct publish_conf *conf, struct why *why);

#endif
