/*
 * A connection of a conferencing server on 8057: who begins TLS, admission,
 * then either its control connection or a warm slot.
 */
#ifndef WEBCONF_EDGE_LINK_H
#define WEBCONF_EDGE_LINK_H

#include "common/base/addr.h"
#include "common/base/attr.h"
#include "common/net/stream.h"
#include "common/wce/channel.h"
#include "webconf-edge/webconf_edge.h"

struct link;
struct pair;

/* fd is taken, also on failure. */
EDGE_MUST int link_new(struct webconf_edge *e, const struct port *port,
	int fd, const struct addr *remote);
/* At once, without a word. */
void link_free(struct link *l);
struct link *link_of(struct list *at);       /* edge->links */
/* server->ready, ->muxes, ->controls */
struct link *link_of_place(struct list *at);
/* One that takes a client of this server now, NULL = none. */
struct link *link_free_of(const struct server *s);

/* 32 bytes: the key of the certificate it came with. */
const uint8_t *link_spki(const struct link *l);
/* Carries channels: link_open_channel() then, else link_pairing(). */
bool link_is_muxed(const struct link *l);
/* fields: what is in a PAIR. */
EDGE_MUST int link_open_channel(struct channel **out, struct link *l,
	const void *fields, size_t len, const struct channel_ops *ops,
	void *arg);
/* PAIR goes out over this slot, which is ready no longer. */
void link_pairing(struct link *l, struct pair *pair, const void *frame,
	size_t len);
/* The slot is a relay now: its stream is the caller's, the link gone. */
struct stream *link_take_stream(struct link *l);
/* PAIR was rejected: ready again. */
void link_ready_again(struct link *l);

struct server *link_server(const struct link *l);

#endif
