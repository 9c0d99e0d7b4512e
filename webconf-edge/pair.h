/*
 * One session: a client joined to a warm slot of its conferencing server.
 * Begins when PAIR goes out, ends with the relay.
 */
#ifndef WEBCONF_EDGE_PAIR_H
#define WEBCONF_EDGE_PAIR_H

#include <jansson.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "webconf-edge/webconf_edge.h"

struct front;
struct link;
struct pair;

/* Send PAIR over this slot. Both know the pair from now on; on failure
 * neither does. */
EDGE_MUST int pair_begin(struct webconf_edge *e, struct front *front,
	struct link *link);

/* What the slot answered; the pair, front and link are gone or elsewhere
 * when these return. rest: bytes behind PAIR_OK. */
void pair_accepted(struct pair *pair, struct str rest);
void pair_rejected(struct pair *pair, enum wce_code code);
/* One of the two is gone before they were joined. */
void pair_lost_front(struct pair *pair);
void pair_lost_link(struct pair *pair);
/* The slot did not answer in time. */
void pair_late(struct pair *pair);

const uint8_t *pair_id(const struct pair *pair);
/* 32 bytes: the key of the connection it came over. */
const uint8_t *pair_spki(const struct pair *pair);
const struct server *pair_server(const struct pair *pair);
struct pair *pair_of(struct list *at);
/* Relays of this server end now: it restarted, or lost its right; NULL =
 * of all. */
void pairs_cut(struct webconf_edge *e, const struct server *server,
	const char *cause);
/* The deadline of a drain is over: relays end, and nobody waits for the
 * answer that would begin another one. */
void pairs_expire(struct webconf_edge *e);
/* End relays that were silent for too long. */
void pairs_sweep(struct webconf_edge *e);
/* At once, without a word: for the end of the daemon. */
void pairs_free(struct webconf_edge *e);
struct pair *pairs_find(const struct webconf_edge *e,
	const uint8_t id[static WCE_ID_LEN]);
/* One relay ends now. */
void pair_cut(struct pair *pair, const char *cause);
json_t *pair_json(const struct pair *pair);

#endif
