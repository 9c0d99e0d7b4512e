/*
 * May this ticket open a relay now? Pure but for the single-use set, into
 * which an admitted ticket goes. Order: docs/protocol/webconf.md 4.
 */
#ifndef WEBCONF_EDGE_ADMIT_H
#define WEBCONF_EDGE_ADMIT_H

#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/str.h"
#include "common/wce/ticket.h"
#include "common/wce/ticket_set.h"
#include "webconf-edge/server.h"

enum admit_verdict {
	ADMIT_OK,
	ADMIT_SHAPE,
	ADMIT_SERVER, /* unknown or not connected */
	ADMIT_KEY,
	ADMIT_SIGNATURE,
	ADMIT_AUDIENCE,
	ADMIT_TIME,
	ADMIT_CONFERENCE,
	ADMIT_REVOKED,
	ADMIT_FULL, /* the server, for now */
	ADMIT_REPLAYED,
	ADMIT_SET_FULL,
	ADMIT_VERDICTS,
};

struct admit_facts {
	const struct servers *servers;
	struct ticket_set *used;
	const char *audience; /* our external name, lower case */
	struct wall now;
	int64_t skew_s;
};

/* server is set for all verdicts after ADMIT_SERVER, ticket after SHAPE. */
enum admit_verdict admit_check(struct str bytes, struct str conference,
	const struct admit_facts *facts, struct ticket *ticket,
	struct server **server);
/* What the client hears of it: one code for all that is wrong with a
 * ticket. */
enum wce_code admit_code(enum admit_verdict verdict);
/* For the local log only: "signature", "replayed" ... */
const char *admit_name(enum admit_verdict verdict);

#endif
