/*
 * A publisher at work: takes the office when it is free, answers requests,
 * brings the newest publication to all machines, and keeps the record of
 * how they are. Turned by `publish serve`, and by every other command for
 * as long as it waits.
 */
#ifndef EDGECTL_PUBLISH_PUBLISHER_H
#define EDGECTL_PUBLISH_PUBLISHER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/why.h"
#include "edgectl/publish/publish_conf.h"
#include "edgectl/publish/record.h"
#include "edgectl/publish/rollout.h"

struct publisher;

/* Opens the record and the signers. conf is borrowed. */
EDGE_MUST int publisher_new(struct publisher **out,
	const struct publish_conf *conf, struct why *why);
void publisher_free(struct publisher *p); /* accepts NULL */
/* Commands that sign are run by a child from here on: then a sandbox. */
EDGE_MUST int publisher_delegate(struct publisher *p, struct why *why);

/* One turn, at most so long. A record that can't be reached is tried again
 * and again; why tells of it, once for each time it is lost. */
void publisher_turn(struct publisher *p, int max_wait_ms);

/* What was found out so far, into the record: before others look there. */
void publisher_flush(struct publisher *p);

/* NULL while the record can't be reached. */
struct record *publisher_record(struct publisher *p);
bool publisher_is_in_office(const struct publisher *p);
/* What it is bringing about; its count is 0 when there is nothing. */
const struct rollout *publisher_rollout(const struct publisher *p);
/* Files for those who fetch are still being written. */
bool publisher_is_mirroring(const struct publisher *p);
struct bundle_version publisher_version(const struct publisher *p);
/* Body bytes to and from edges so far. */
uint64_t publisher_bytes(const struct publisher *p);

#endif
