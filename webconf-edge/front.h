/* A client outside, from its first byte until it is paired. */
#ifndef WEBCONF_EDGE_FRONT_H
#define WEBCONF_EDGE_FRONT_H

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/net/leg.h"
#include "common/net/stream.h"
#include "webconf-edge/webconf_edge.h"

struct front;
struct pair;

/* fd is taken, also on failure. */
EDGE_MUST int front_new(struct webconf_edge *e, const struct port *port,
	int fd, const struct addr *remote);
/* At once, without a word. */
void front_free(struct front *f);
struct front *front_of(struct list *at);      /* edge->fronts */
struct front *front_of_wait(struct list *at); /* server->waiters */

/* Say no and close; why was told already. */
void front_refuse(struct front *f, enum wce_code code);
/* A drain begins: who waits for a slot is sent elsewhere, who has one is
 * not touched. */
void front_drain(struct front *f);
/* A slot was found: PAIR is out. */
void front_pairing(struct front *f, struct pair *pair);
/* Say yes; the stream is the caller's, and with it what the client said
 * after its opening, which was sent on to `to`. The front is gone. */
struct stream *front_accept(struct front *f, const uint8_t *session,
	struct leg to);

/* There are too many that have not shown a ticket: the oldest give way, if
 * they had time enough to do so. */
void fronts_thin_out(struct webconf_edge *e);

struct server *front_server(const struct front *f);
const struct addr *front_remote(const struct front *f);
struct stream *front_stream(const struct front *f);
/* Of its ticket, borrowed. */
struct str front_ticket(const struct front *f);
uint16_t front_rate_kib_s(const struct front *f);

#endif
