/*
 * What people ask of the publisher in office, through the record: whoever
 * types `edgectl publish` need not be where it runs.
 */
#ifndef EDGECTL_PUBLISH_REQUEST_H
#define EDGECTL_PUBLISH_REQUEST_H

#include <jansson.h>

#include "edgectl/publish/record.h"

struct request_row {
	int64_t id;
	char kind[16]; /* "publish", "rollback", "resume", "stop" */
	char who[256];
	json_t *body; /* owned */
};

/* Put one; *id to ask for its result with. */
EDGE_MUST int request_put(struct record *r, const char *kind,
	const char *who, const json_t *body, int64_t *id, struct why *why);
/* The oldest that nobody has answered; 0 = there is none, 1 = *out, whose
 * body the caller decrefs. */
EDGE_MUST int request_next(struct record *r, struct request_row *out,
	struct why *why);
EDGE_MUST int request_answer(struct record *r, int64_t id,
	const json_t *result, struct why *why);
/* NULL while it waits; else the caller's. */
EDGE_MUST int request_result(struct record *r, int64_t id, json_t **out,
	struct why *why);
/* Nobody waits for it any more, and nobody has begun with it. */
EDGE_MUST int request_withdraw(struct record *r, int64_t id,
	struct why *why);

#endif
