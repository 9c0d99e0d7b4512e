/*
 * A request on 4443 taken apart (docs/protocol/replication.md 6): shape and
 * meaning, no rights and no deed. Bytes in, struct or HTTP status out.
 */
#ifndef AGENT_REQUEST_H
#define AGENT_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"
#include "common/bundle/bundle_version.h"

enum request_kind {
	REQUEST_STATUS,
	REQUEST_BUNDLE,
	REQUEST_ACTIVATE,
	REQUEST_ABORT,
	REQUEST_HEAD,
	REQUEST_EVENTS,
};

/* As it came; all borrowed. */
struct request_raw {
	struct str method;
	struct str uri;     /* path and query */
	const char *version; /* header Edge-Version, or NULL */
	struct str body;
};

struct request {
	enum request_kind kind;
	char sha256[BUNDLE_SHA_LEN];   /* bundle, activate, abort */
	struct bundle_version version; /* bundle, activate, abort */
	bool is_activating;            /* ?activate=1 */
	uint64_t after;                /* events */
	unsigned wait_s;
	struct str body; /* borrowed: bundle, head */
};

/* 0, or the HTTP status of the refusal: 400, 404, 405. 404 says nothing in
 * why: paths that are none have one constant answer. */
EDGE_MUST int request_read(struct request *out, const struct request_raw *raw,
	struct why *why);
const char *request_name(enum request_kind kind);

#endif
