/*
 * From a reviewed topology.yaml to a signed publication in the record:
 * read, checked, keys of pools added, rows, manifest, signatures.
 */
#ifndef EDGECTL_PUBLISH_ISSUE_H
#define EDGECTL_PUBLISH_ISSUE_H

#include <jansson.h>
#include <sqlite3.h>

#include "common/bundle/bundle_trust.h"
#include "edgectl/publish/publish_conf.h"
#include "edgectl/publish/record.h"
#include "edgectl/publish/signing.h"

struct issue {
	struct record *r; /* in office */
	const struct publish_conf *conf;
	const struct signing *signing;
	const char *yaml;
	const char *who;
	const char *reason;
	const char *options; /* JSON, kept with it */
	bool is_rollback;
	struct bundle_version rollback_of;
	bool force;     /* also when nothing changed */
	bool new_keys;  /* of all pools */
};

/* What plan would say, and whether the publisher could come back: findings
 * as JSON rows {"level","rule","text"}, errors first. *db the rows, to
 * look at; both the caller's, also when there are errors. EDGE_ECONFIG when
 * the text can't be read at all. */
EDGE_MUST int issue_check(const char *yaml, const char *name,
	const char *publisher, struct sqlite3 **db, json_t **findings,
	bool *has_errors, struct why *why);

/* Into the record as the newest. *outcome: {"version","sha256","changed",
 * "machines","bytes","notes":[...]}; the caller decrefs it. Without a change
 * nothing is put and "changed" is false. EDGE_ECONFIG (checks, signers),
 * EDGE_EREFUSED (not in office any more), what signing said. */
EDGE_MUST int issue_publication(const struct issue *in, json_t **outcome,
	struct why *why);

#endif
