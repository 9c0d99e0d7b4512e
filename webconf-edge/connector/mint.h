/*
 * Who this server is and what it vouches for: its id and ticket key, made on
 * first start and kept; minting, and the last word on every ticket an edge
 * shows. An edge that was broken into can't get past this.
 */
#ifndef WEBCONF_CONNECTOR_MINT_H
#define WEBCONF_CONNECTOR_MINT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "common/base/why.h"
#include "common/wce/ticket.h"
#include "common/wce/ticket_set.h"
#include "common/wce/wce_frame.h"
#include "webconf-edge/connector/spent.h"

struct mint {
	uint8_t server[WCE_ID_LEN];
	struct ticket_key *key;     /* owned */
	struct ticket_set *used;    /* owned: over all edges of the pool */
	struct ticket_set *revoked; /* owned */
	struct spent spent;         /* both of them on disk */
};

/* Files <folder>/server.id and <folder>/ticket.key, and those of spent.h,
 * all 0600. */
EDGE_MUST int mint_open(struct mint *m, const char *folder,
	enum ticket_alg alg, struct wall now, struct why *why);
void mint_close(struct mint *m);

struct mint_wish {
	struct str conference;
	struct str user; /* empty = anonymous */
	const char *audience;
	uint32_t lifetime_s;
	uint16_t rate_kib_s;
	bool is_reusable;
};
EDGE_MUST int mint_ticket(const struct mint *m, const struct mint_wish *wish,
	struct wall now, struct ticket *ticket,
	char text[static TICKET_TEXT_LEN]);

/* "ok", or why not: "signature", "replayed" ... An "ok" uses it up. */
const char *mint_check(struct mint *m, struct str bytes,
	const char *audience, struct wall now, struct ticket *ticket);
/* An "ok" leads somewhere: from now on it is used for good, whoever ends and
 * starts again meanwhile. */
void mint_use_up(struct mint *m, const struct ticket *ticket,
	struct wall now);
/* It led nowhere and may be shown again. */
void mint_give_back(struct mint *m, const struct ticket *ticket);
EDGE_MUST int mint_revoke(struct mint *m,
	const uint8_t id[static TICKET_ID_LEN], struct wall now);

#endif
