/*
 * What a daemon remembers of its latest decisions, so that `edgectl explain`
 * can tell why something was refused or ended (requirement R10). Bounded in
 * records and bytes. Who is unproven can push out only what other unproven
 * sources caused, no source holds more than an eighth of its share, and the
 * same thing again is counted, not kept twice.
 *
 *	recall_add(daemon_recall(d), &(struct recall_note){
 *		.share = RECALL_REFUSED,
 *		.kind = "message.refused",
 *		.id = session_id, .call_id = msg->call_id,
 *		.address = &remote, .advice = "..."},
 *		"cause=%s", cause);
 *
 * Safe from any thread.
 */
#ifndef DAEMON_RECALL_H
#define DAEMON_RECALL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/base/str.h"

enum recall_share {
	RECALL_STRANGER, /* refused: who asked had proved nothing yet */
	RECALL_REFUSED,  /* refused: who asked is known */
	RECALL_ENDED,    /* something that was there came to its end */
	RECALL_ADMITTED, /* began; only what helps to read the rest */
};
#define RECALL_SHARES (RECALL_ADMITTED + 1)

/* Whom and what it was about. All borrowed for the call, but for kind and
 * advice, which are literals. Empty and NULL: does not apply. */
struct recall_note {
	enum recall_share share;
	const char *kind;   /* the log's event: "allocation.ended" */
	const char *advice; /* what to do about it, or NULL */
	struct str id;      /* as the log joins lines: session, alloc */
	struct str call_id;
	struct str user;   /* with or without "sip:" */
	struct str domain;
	struct str credential; /* id, never the credential itself */
	const struct addr *address; /* who caused it */
	bool speaks_for_many; /* an inside server: its users are the sources */
	const struct addr *other;   /* relay address, or the far end */
};

struct recall;

/* NULL when out of memory. */
struct recall *recall_new(void);
void recall_free(struct recall *r);

/* The text is a sentence or the log's "key=value" facts; cut when it is too
 * long. Accepts NULL as r, so that tests need none. */
void recall_add(struct recall *r, const struct recall_note *note,
	const char *fmt, ...) EDGE_PRINTF(3, 4);

/* Everything about a call-id, user, address (with or without port), id,
 * domain or credential id, oldest first: {"about", "since", "left_out",
 * "records": [{"at", "kind", "id", "text", ...}]}. NULL when out of memory. */
json_t *recall_about(struct recall *r, const char *about);

#endif
