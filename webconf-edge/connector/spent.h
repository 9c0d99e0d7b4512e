/*
 * Tickets that are good no more, over a restart of the connector: an edge
 * that kept one would else have an open door until the ticket is over. Two
 * files of records with a fixed length, appended to and never rewritten: when
 * all in the old one is over, the new one takes its place.
 */
#ifndef WEBCONF_CONNECTOR_SPENT_H
#define WEBCONF_CONNECTOR_SPENT_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "common/base/why.h"
#include "common/wce/ticket_set.h"

#define SPENT_FILE     "tickets.spent"
#define SPENT_OLD_FILE "tickets.spent.old"
#define SPENT_LEN      32 /* bytes a record */
#define SPENT_SEGMENT  65536u /* records, before a file is an old one */

enum spent_kind {
	SPENT_USED = 1,
	SPENT_REVOKED,
};

struct spent {
	char path[PATH_MAX];
	char old_path[PATH_MAX];
	int fd;           /* owned, -1 = closed */
	size_t count;     /* records in the file */
	int64_t until_s;  /* the last of them to be over */
	int64_t old_until_s;
};

/* Read what is there into the sets, but for what is over. What is damaged is
 * passed over: it must not keep the connector from its work. */
EDGE_MUST int spent_open(struct spent *s, const char *folder,
	struct ticket_set *used, struct ticket_set *revoked, struct wall now,
	struct why *why);
void spent_close(struct spent *s);
/* One more. Written before this returns, so that the end of the process
 * does not lose it; when the disk gets it is the system's affair. A negated
 * errno: it is known until then only. */
EDGE_MUST int spent_note(struct spent *s, enum spent_kind kind,
	const uint8_t id[static TICKET_ID_LEN], struct wall until,
	struct wall now);

#endif
