/*
 * What the agent must not forget: high-water marks, what is staged, what it
 * was about to do, its last errors, history and events. One file,
 * state.json, replaced as a whole, so that each save is a transaction.
 */
#ifndef AGENT_RECORD_H
#define AGENT_RECORD_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/why.h"
#include "common/bundle/bundle_version.h"

#define RECORD_EVENTS_MAX 256u
#define RECORD_LISTEN_MAX 4u

/* One version, known by its manifest. */
struct record_version {
	bool is_set;
	struct bundle_version version;
	char sha256[BUNDLE_SHA_LEN];
	char file_sha256[BUNDLE_SHA_LEN]; /* of the generation; "" = unknown */
	struct wall created;              /* its manifest says */
	struct wall at;                   /* when it became that here */
};

struct record_facts {
	struct bundle_mark highest; /* newest ever staged; never goes down */
	uint32_t fence;             /* highest epoch ever seen signed */
	struct record_version staged;
	bool is_staged_wanted; /* was to be activated while pinned */
	struct record_version intent; /* being switched to */
	char intent_previous[512];    /* `previous` before that, "" = none */
	bool is_reverting; /* `active` is being taken back */
	struct record_version active; /* switched to last by us */
	struct wall behind_since;     /* 0 = up to date, or no head */
	struct {
		struct wall at; /* 0 = none */
		char code[32];
		char text[WHY_LEN];
	} last_error;
	/* Where we listened, for days without a topology. */
	char listen[RECORD_LISTEN_MAX][ADDR_TEXT_LEN];
};

struct record; /* may be used from any thread */

/* dir: the agent's folder. A file that is not there is an empty record; one
 * that can't be read is put aside as state.json.bad and told in why with
 * result 1. -ENOMEM. */
int record_open(struct record **out, const char *dir, struct why *why);
void record_close(struct record *r); /* accepts NULL */

void record_get(struct record *r, struct record_facts *out);
/* Durable when it returns; after a failure the old facts hold. `listen` is
 * none of them: whoever puts may have got them long ago. */
EDGE_MUST int record_put(struct record *r, const struct record_facts *facts,
	struct why *why);
/* What has happened already: the facts hold in any case, and what the disk
 * does not take now is due until a put or record_settle() brings it. */
EDGE_MUST int record_keep(struct record *r, const struct record_facts *facts,
	struct why *why);
EDGE_MUST int record_settle(struct record *r, struct why *why);
/* Where we listen now. */
EDGE_MUST int record_set_listen(struct record *r,
	char listen[RECORD_LISTEN_MAX][ADDR_TEXT_LEN], struct why *why);
/* Something happened: kept, durable with the next put. what is an event of
 * docs/ops/events.md. */
void record_tell(struct record *r, const char *what,
	struct bundle_version version, const char *text);
/* Events after n, oldest first: {"next", "events": [...]}. The caller's. */
json_t *record_events(struct record *r, uint64_t after);
/* Number of the newest event. */
uint64_t record_last_event(struct record *r);

#endif
